"""Keeping a schedule at Cal.com that says when a user is free.

Whoever pushes takes the export for a while, so that an older schedule never comes after a newer
one; what it is to say is found in PostgreSQL, Cal.com is asked outside of any transaction and only
when that differs from what it said last, and the outcome is noted.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import structlog

from calendar_manager.accounts.errors import (
    CaldotcomNotConnectedError,
    CalendarNotFoundError,
    ConnectionAmbiguousError,
    ConnectionNotFoundError,
    ExportError,
    ExportNeedsConsentError,
    ExportScopeMissingError,
    ExportUnavailableError,
    UserGoneError,
)
from calendar_manager.domain.accounts import Connection, ProviderKind
from calendar_manager.domain.errors import InvalidRulesError
from calendar_manager.domain.users import User
from calendar_manager.providers.base import CalendarProvider, ScheduleProvider
from calendar_manager.providers.errors import (
    ConsentLostError,
    ProviderError,
    RetryLaterError,
    SchedulesUnavailableError,
)
from calendar_manager.scheduling.caldotcom_export import Export, find_export
from calendar_manager.store.repositories.exports import ExportState, StoredExport
from calendar_manager.store.unit_of_work import UnitOfWork
from calendar_manager.sync.backoff import backoff
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.pull import with_account

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(minutes=15)
"""How often an export is looked at when no event and no rule changes: settings of calendars,
their freshness and the date count too."""

LEASE: Final = timedelta(minutes=5)
"""How long the one who pushes keeps others away; longer than a task may take."""

UNAVAILABLE_PAUSE: Final = timedelta(days=1)
"""When Cal.com is asked again that does not let us write schedules."""

BATCH: Final = 1000


class ExportReason(StrEnum):
    """Why something was pushed or not."""

    MADE = "made"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    UNDER_WAY = "under_way"


@dataclass(frozen=True, slots=True)
class ExportOutcome:
    """What became of an export.

    Attributes:
        reason: Why it was pushed or not.
        schedule_id: Cal.com's id of our schedule; None while another one makes it.
        content_hash: Of what it says; None likewise.
    """

    reason: ExportReason
    schedule_id: str | None = None
    content_hash: str | None = None

    @property
    def pushed(self) -> bool:
        """Whether Cal.com was told anything."""
        return self.reason in {ExportReason.MADE, ExportReason.CHANGED}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportStatus:
    """How the export to one Cal.com account is doing.

    Attributes:
        connection: The account.
        enabled: Whether it is exported to.
        left_out: The calendars that the account reads itself.
        known_at: When Cal.com last had all that it is to say; None when it never had, or when
            pushing has failed since.
        error: Why pushing failed last; None when it did not.
    """

    connection: Connection
    enabled: bool = False
    left_out: frozenset[UUID] = frozenset()
    known_at: datetime | None = None
    error: str | None = None


class Exporting:
    """The use cases of exporting free time to Cal.com.

    Args:
        context: The parts of the write path.
        maximum_age: Copies of calendars older than this are stale.
    """

    def __init__(self, context: SyncContext, *, maximum_age: timedelta) -> None:
        self._context = context
        self._store = context.store
        self._maximum_age = maximum_age

    def show(self, user: User, connection_id: UUID | None = None) -> Export:
        """Return what Cal.com is to say; no network.

        Args:
            user: Whose free time.
            connection_id: For which Cal.com account; may be left out when there is one at most.

        Raises:
            ConnectionNotFoundError: The user has no such Cal.com account.
            ConnectionAmbiguousError: There are several, and none was named.
            InvalidRulesError: The holidays that the rules name are not known.
        """
        with self._store.begin() as uow:
            try:
                connection = _choose(uow, user.id, connection_id)
            except CaldotcomNotConnectedError:
                chosen, left_out = None, frozenset[UUID]()
            else:
                chosen, left_out = connection.id, uow.exports.find_left_out(connection.id)
        return self._find(user, chosen, left_out)

    def list_statuses(self, user_id: UUID) -> list[ExportStatus]:
        """Return how the export to each of a user's Cal.com accounts is doing; no network."""
        with self._store.begin() as uow:
            return [
                _read_status(connection, uow.exports.find_state(user_id, connection.id))
                for connection in uow.connections.list(user_id, ProviderKind.CALDOTCOM)
            ]

    def enable(
        self,
        user: User,
        connection_id: UUID | None = None,
        left_out: Collection[UUID] | None = None,
    ) -> ExportOutcome:
        """Export from now on, and push at once.

        When pushing fails, the export stays switched on and is tried again by itself.

        Args:
            user: Whose free time.
            connection_id: To which Cal.com account; may be left out when there is only one.
            left_out: The calendars that this account reads itself; None leaves them as they are.

        Raises:
            CaldotcomNotConnectedError: The user has no Cal.com account.
            ConnectionNotFoundError: The user has no such Cal.com account.
            ConnectionAmbiguousError: There are several, and none was named.
            CalendarNotFoundError: The user has no calendar that is to be left out.
            ExportError: Cal.com did not take it.
            InvalidRulesError: The holidays that the rules name are not known.
        """
        with self._store.begin() as uow:
            connection = _choose(uow, user.id, connection_id)
            for calendar_id in left_out or ():
                if uow.calendars.find(user.id, calendar_id) is None:
                    raise CalendarNotFoundError
            uow.exports.enable(connection, left_out)
        try:
            return self._push(connection.id, urgent=True)
        except ProviderError as error:
            raise _read_refusal(error) from error

    def disable(self, user_id: UUID, connection_id: UUID | None = None) -> None:
        """Export no more. The schedule stays at Cal.com as it is, for event types may need it.

        Raises:
            CaldotcomNotConnectedError: The user has no Cal.com account.
            ConnectionNotFoundError: The user has no such Cal.com account.
            ConnectionAmbiguousError: There are several, and none was named.
        """
        with self._store.begin() as uow:
            uow.exports.disable(_choose(uow, user_id, connection_id).id)

    def claim_due(self) -> Sequence[UUID]:
        """Take the connections of the installation that are to be exported now."""
        with self._store.begin() as uow:
            return uow.exports.claim_due(now=self._context.clock(), retry_after=EVERY, limit=BATCH)

    def catch_up(self, connection_id: UUID) -> None:
        """Push what changed, for nobody who waits; trouble is noted and never raises."""
        try:
            self._push(connection_id, urgent=False)
        except (ProviderError, InvalidRulesError) as error:
            log.warning("export_failed", connection_id=str(connection_id), error=str(error))

    def _push(self, connection_id: UUID, *, urgent: bool) -> ExportOutcome:
        now = self._context.clock()
        with self._store.begin() as uow:
            export = uow.exports.lease(connection_id, now=now, until=now + LEASE)
            user = None if export is None else uow.users.find(export.connection.user_id)
        if export is None:
            return ExportOutcome(ExportReason.UNDER_WAY)
        if user is None:
            raise UserGoneError
        try:
            wanted = self._find(user, connection_id, export.left_out)
            outcome = self._bring(export, wanted, urgent=urgent)
        except (ProviderError, InvalidRulesError) as error:
            self._note_trouble(export, error)
            raise
        with self._store.begin() as uow:
            uow.exports.note_exported(
                export,
                schedule_id=outcome.schedule_id,
                content_hash=outcome.content_hash,
                next_at=self._context.clock() + EVERY,
            )
        log.info("exported", connection_id=str(connection_id), reason=outcome.reason.value)
        return outcome

    def _find(self, user: User, connection_id: UUID | None, left_out: Collection[UUID]) -> Export:
        return find_export(
            self._store,
            user,
            connection_id,
            left_out=left_out,
            now=self._context.clock(),
            maximum_age=self._maximum_age,
        )

    def _bring(self, export: StoredExport, wanted: Export, *, urgent: bool) -> ExportOutcome:
        """Tell Cal.com what it does not know yet; nothing is sent when it knows all."""
        content_hash = wanted.content_hash
        if export.schedule_id is not None and content_hash == export.content_hash:
            return ExportOutcome(ExportReason.UNCHANGED, export.schedule_id, content_hash)

        def act(account: CalendarProvider) -> str:
            if not isinstance(account, ScheduleProvider):
                raise SchedulesUnavailableError(
                    "The provider keeps no schedules.", reason="noSchedules"
                )
            account.push_absences(wanted.absences, today=wanted.today)
            return account.push_schedule(wanted.schedule, schedule_id=export.schedule_id)

        schedule_id = with_account(self._context, export.connection, act, urgent=urgent)
        known = schedule_id == export.schedule_id
        reason = ExportReason.CHANGED if known else ExportReason.MADE
        return ExportOutcome(reason, schedule_id, content_hash)

    def _note_trouble(self, export: StoredExport, error: Exception) -> None:
        asked = error.retry_after if isinstance(error, RetryLaterError) else None
        wait = backoff(export.failures + 1, self._context.jitter(), asked)
        if not isinstance(error, RetryLaterError):
            wait = max(wait, EVERY)
        if isinstance(error, SchedulesUnavailableError):
            wait = UNAVAILABLE_PAUSE
        with self._store.begin() as uow:
            uow.exports.note_failed(export, error=str(error), next_at=self._context.clock() + wait)


def _read_status(connection: Connection, state: ExportState | None) -> ExportStatus:
    if state is None:
        return ExportStatus(connection=connection)
    # What went well is looked at again after EVERY, so that this tells when it was.
    known = state.schedule_id is not None and not state.failures
    return ExportStatus(
        connection=connection,
        enabled=state.enabled,
        left_out=state.left_out,
        known_at=state.next_export_at - EVERY if known else None,
        error=state.error,
    )


def _choose(uow: UnitOfWork, user_id: UUID, connection_id: UUID | None) -> Connection:
    """Return the Cal.com account that is meant."""
    connections = uow.connections.list(user_id, ProviderKind.CALDOTCOM)
    if not connections and connection_id is None:
        raise CaldotcomNotConnectedError
    found = [one for one in connections if connection_id in {None, one.id}]
    if not found:
        raise ConnectionNotFoundError
    if len(found) > 1:
        raise ConnectionAmbiguousError
    return found[0]


def _read_refusal(error: ProviderError) -> ExportError:
    """Return the error to show for one of Cal.com's."""
    if isinstance(error, RetryLaterError):
        return ExportUnavailableError("Cal.com cannot answer now. It is tried again by itself.")
    if isinstance(error, SchedulesUnavailableError):
        return ExportScopeMissingError(str(error))
    if isinstance(error, ConsentLostError):
        return ExportNeedsConsentError("Connect the Cal.com account again first.")
    return ExportError(str(error))
