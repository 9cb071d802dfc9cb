"""A user's settings of their calendars, and asking for a sync."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from calendar_manager.accounts.errors import (
    CalendarNeedsConsentError,
    CalendarNotFoundError,
    CalendarNotHeldError,
    InvalidFieldsError,
    SyncDisabledError,
)
from calendar_manager.accounts.jobs import Jobs
from calendar_manager.domain.accounts import Calendar, ConnectionStatus, UnreadablePolicy
from calendar_manager.domain.sync_jobs import SyncJob, SyncTrigger
from calendar_manager.store.unit_of_work import Store, UnitOfWork
from calendar_manager.sync.requests import request_sync


@dataclass(frozen=True, slots=True)
class ClientChoice:
    """Whom what is on a calendar belongs to.

    Attributes:
        client_id: The client; None for nobody.
    """

    client_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarChanges:
    """What is to change; None leaves things as they are.

    Attributes:
        sync_enabled: Whether the calendar is read.
        blocks_availability: Whether its events ever make the user busy.
        all_day_blocks: Whether its busy all-day events make the user busy.
        unreadable_policy: What availability does when it cannot be read.
        color: ``#rrggbb``.
        client: Whom its events belong to where neither a rule nor a person says otherwise.
    """

    sync_enabled: bool | None = None
    blocks_availability: bool | None = None
    all_day_blocks: bool | None = None
    unreadable_policy: UnreadablePolicy | None = None
    color: str | None = None
    client: ClientChoice | None = None

    def columns(self) -> dict[str, Any]:
        """Return what changes, by the names of the calendar's columns."""
        plain = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "client"}
        settings = {name: value for name, value in plain.items() if value is not None}
        return settings if self.client is None else settings | asdict(self.client)


class Calendars:
    """The use cases of calendars.

    Args:
        store: The database.
        jobs: Where syncs and the search for conflicts are asked for.
        clock: Tells the time.
    """

    def __init__(self, *, store: Store, jobs: Jobs, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._jobs = jobs
        self._clock = clock

    def change(self, user_id: UUID, calendar_id: UUID, changes: CalendarChanges) -> Calendar:
        """Change settings and return the calendar as it is then.

        Switching sync on asks for a run at once. What makes the user busy decides about
        conflicts, so a change of it lets them be looked for again. Whose the events are is told
        with each answer, so a change of the client is seen at once.

        Raises:
            CalendarNotFoundError: The user has no such calendar.
            InvalidFieldsError: The user has no such client.
        """
        settings = changes.columns()
        if changes.sync_enabled is not None:
            # Its channel is opened or closed with the next turn of beat.
            settings["next_channel_at"] = self._clock()
        with self._store.begin() as uow:
            before = uow.calendars.find(user_id, calendar_id)
            if before is None:
                raise CalendarNotFoundError
            if changes.client is not None:
                _check_client(uow, user_id, changes.client)
            after = uow.calendars.change(user_id, calendar_id, **settings) if settings else before
            if after is None:
                raise CalendarNotFoundError
            if after.sync_enabled and not before.sync_enabled:
                self._request_sync(uow, after)
            if _weight(after) != _weight(before):
                self._request_check(uow, user_id)
        return after

    def delete(self, user_id: UUID, calendar_id: UUID) -> None:
        """Put a calendar aside: it is no longer read and counts for nothing, until restored.

        Raises:
            CalendarNotFoundError: The user has no such calendar.
        """
        with self._store.begin() as uow:
            if uow.calendars.find(user_id, calendar_id) is None:
                raise CalendarNotFoundError
            now = self._clock()
            uow.calendars.change(user_id, calendar_id, deleted_at=now, next_channel_at=now)
            uow.audit.record("calendar.deleted", user_id=user_id, subject=calendar_id)
            self._request_check(uow, user_id)

    def restore(self, user_id: UUID, calendar_id: UUID) -> Calendar:
        """Take a calendar back that was put aside, and read what it missed.

        Raises:
            CalendarNotFoundError: The user has put no such calendar aside.
        """
        with self._store.begin() as uow:
            if uow.calendars.find(user_id, calendar_id, deleted=True) is None:
                raise CalendarNotFoundError
            calendar = uow.calendars.change(
                user_id, calendar_id, deleted_at=None, next_channel_at=self._clock()
            )
            if calendar is None:
                raise CalendarNotFoundError
            if calendar.sync_enabled:
                self._request_sync(uow, calendar)
            uow.audit.record("calendar.restored", user_id=user_id, subject=calendar_id)
            self._request_check(uow, user_id)
        return calendar

    def sync(self, user_id: UUID, calendar_id: UUID, *, full: bool) -> SyncJob:
        """Ask for a run over a calendar, or return the one that already waits.

        Args:
            user_id: Whose.
            calendar_id: Which.
            full: Whether to read everything anew instead of the news.

        Raises:
            CalendarNotFoundError: The user has no such calendar.
            SyncDisabledError: It is not read.
            CalendarNeedsConsentError: Its account has to be connected again first.
        """
        with self._store.begin() as uow:
            calendar = _find_readable(uow, user_id, calendar_id)
            return self._request_sync(uow, calendar, full=full)

    def confirm_deletions(self, user_id: UUID, calendar_id: UUID) -> SyncJob:
        """Agree to the deletions that the circuit breaker stopped, and ask for the run anew.

        Raises:
            CalendarNotFoundError: The user has no such calendar.
            SyncDisabledError: It is not read.
            CalendarNeedsConsentError: Its account has to be connected again first.
            CalendarNotHeldError: Nothing waits for an answer.
        """
        with self._store.begin() as uow:
            calendar = _find_readable(uow, user_id, calendar_id)
            if not uow.calendars.accept_deletions(user_id, calendar_id):
                raise CalendarNotHeldError
            uow.audit.record("calendar.deletions_confirmed", user_id=user_id, subject=calendar_id)
            return self._request_sync(uow, calendar, full=True)

    def _request_sync(self, uow: UnitOfWork, calendar: Calendar, *, full: bool = False) -> SyncJob:
        job = request_sync(uow, calendar, trigger=SyncTrigger.MANUAL, now=self._clock(), full=full)
        uow.after_commit(lambda: self._jobs.sync_calendar(job.id, urgent=True))
        return job

    def _request_check(self, uow: UnitOfWork, user_id: UUID) -> None:
        uow.conflicts.request_check_all(user_id)
        uow.after_commit(lambda: self._jobs.examine_conflicts(user_id))


def _find_readable(uow: UnitOfWork, user_id: UUID, calendar_id: UUID) -> Calendar:
    calendar = uow.calendars.find(user_id, calendar_id)
    if calendar is None:
        raise CalendarNotFoundError
    if not calendar.sync_enabled:
        raise SyncDisabledError
    connection = uow.connections.find(user_id, calendar.connection_id)
    if connection is None or connection.status is not ConnectionStatus.ACTIVE:
        raise CalendarNeedsConsentError
    return calendar


def _check_client(uow: UnitOfWork, user_id: UUID, choice: ClientChoice) -> None:
    client_id = choice.client_id
    if client_id is not None and uow.clients.find(user_id, client_id) is None:
        raise InvalidFieldsError({"client_id": "There is no such client."})


def _weight(calendar: Calendar) -> tuple[bool, ...]:
    """Return what decides about which of a calendar's events make the user busy."""
    return calendar.sync_enabled, calendar.blocks_availability, calendar.all_day_blocks
