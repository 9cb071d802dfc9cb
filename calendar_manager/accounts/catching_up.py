"""Having calendars read before a question is answered, when their copies are too old for it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from calendar_manager.accounts.jobs import Jobs
from calendar_manager.domain.accounts import Calendar, ConnectionStatus
from calendar_manager.domain.sync_jobs import SyncStatus, SyncTrigger
from calendar_manager.scheduling.calendars import load_calendars
from calendar_manager.store.unit_of_work import Store, UnitOfWork
from calendar_manager.sync.requests import request_sync_once

_MANY: Final = 1000
"""More jobs than a user can have open: one waits and one runs for each calendar."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Calendars that are being read for somebody who waits for them.

    Attributes:
        user_id: Whose calendars.
        complete_as_of: As of when, or later, their copies have to be complete.
        calendar_ids: Which have been asked for.
    """

    user_id: UUID
    complete_as_of: datetime
    calendar_ids: frozenset[UUID]


class CatchingUp:
    """Asks for syncs ahead of a question, and tells when they are done.

    Nothing here waits, so that nobody who waits holds a transaction or a thread.

    Args:
        store: The database.
        jobs: Where syncs are asked for.
        clock: Tells the time.
    """

    def __init__(self, *, store: Store, jobs: Jobs, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._jobs = jobs
        self._clock = clock

    def begin(
        self, user_id: UUID, calendar_ids: Collection[UUID], maximum_age: timedelta
    ) -> Errand:
        """Ask for a sync of each calendar whose copy is older than the question allows.

        However often somebody asks, a calendar has at most one run waiting and one at work, and a
        waiting run is sent to the workers once. A calendar that never blocks, or whose account
        has to be connected again, is not asked for.

        Args:
            user_id: Whose.
            calendar_ids: Which calendars; empty for all that are read.
            maximum_age: How old a copy may be.

        Raises:
            UnknownSubjectError: The user has no such calendar.
        """
        now = self._clock()
        with self._store.begin() as uow:
            late = _find_late(uow, user_id, calendar_ids, now - maximum_age)
            for calendar in late:
                self._request(uow, calendar, now)
        return Errand(user_id, now - maximum_age, frozenset(one.id for one in late))

    def is_done(self, errand: Errand) -> bool:
        """Tell whether waiting any longer would bring nothing.

        So it is when every copy is young enough or has no run ahead of it any more, because that
        failed or was held.
        """
        if not errand.calendar_ids:
            return True
        with self._store.begin() as uow:
            late = _find_late(uow, errand.user_id, errand.calendar_ids, errand.complete_as_of)
            ahead = {
                job.calendar_id
                for status in (SyncStatus.QUEUED, SyncStatus.RUNNING)
                for job in uow.sync_jobs.list(errand.user_id, status=status, limit=_MANY)
            }
        return not any(calendar.id in ahead for calendar in late)

    def _request(self, uow: UnitOfWork, calendar: Calendar, now: datetime) -> None:
        job_id = request_sync_once(uow, calendar, trigger=SyncTrigger.MANUAL, now=now)
        if job_id is not None:
            uow.after_commit(lambda: self._jobs.sync_calendar(job_id, urgent=True))


def _find_late(
    uow: UnitOfWork, user_id: UUID, calendar_ids: Collection[UUID], complete_as_of: datetime
) -> list[Calendar]:
    """Return the calendars that could be read and have no copy as of a moment."""
    return [
        entry.calendar
        for entry in load_calendars(uow.lookups, user_id, calendar_ids)
        if entry.calendar.blocks_availability
        and entry.connection_status is ConnectionStatus.ACTIVE
        and (
            entry.calendar.last_synced_at is None or entry.calendar.last_synced_at < complete_as_of
        )
    ]
