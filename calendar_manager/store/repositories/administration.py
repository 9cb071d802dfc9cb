"""What those who run an installation see of it.

Everywhere else each query belongs to one user. These are the exception, so they tell only how
things are doing: no title, no attendee, no name of a calendar, no address at a provider, no token
ever leaves this module, and sentences that a provider wrote stay behind as well.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from calendar_manager.domain.accounts import Calendar, ConnectionStatus, ProviderKind
from calendar_manager.domain.sync_jobs import SyncJob, SyncKind, SyncStatus, SyncTrigger
from calendar_manager.domain.users import Role
from calendar_manager.store.repositories.audit import AuditLine, line_from_row
from calendar_manager.store.repositories.calendars import calendar_from_row
from calendar_manager.store.repositories.sync_jobs import job_from_row
from calendar_manager.store.tables import (
    AuditRow,
    CalendarRow,
    ConnectionRow,
    SyncJobRow,
    UserRow,
)

Key = tuple[datetime, UUID]
"""By what the lists are ordered: an instant and an id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEntry:
    """A person with a login, as those who run the installation see them.

    Attributes:
        id: Ours.
        email: What they sign in with.
        name: What to call them.
        role: Whether they run the installation.
        created_at: When they registered.
        connections: How many accounts they have connected.
        signed_in_at: When they last signed in; None when they never did.
    """

    id: UUID
    email: str
    name: str
    role: Role
    created_at: datetime
    connections: int
    signed_in_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionEntry:
    """An account at a provider, without its address.

    Attributes:
        id: Ours.
        user_id: Whose it is.
        provider: Where.
        status: Whether we may read it.
        reason_code: Why not; None when we may.
        created_at: When it was connected.
        last_synced_at: When the last of its calendars was read completely; None before.
        token_expires_at: When the access token ends; None when it does not.
    """

    id: UUID
    user_id: UUID
    provider: ProviderKind
    status: ConnectionStatus
    reason_code: str | None
    created_at: datetime
    last_synced_at: datetime | None
    token_expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureEntry:
    """A sync that failed.

    Attributes:
        id: The job's.
        user_id: Whose calendar.
        calendar_id: Which calendar.
        connection_id: The account that the calendar belongs to.
        provider: Where.
        kind: What it was to read.
        trigger: Why it was asked for.
        reason: Why it failed, for programs.
        queued_at: When it was asked for.
        failed_at: When it ended.
    """

    id: UUID
    user_id: UUID
    calendar_id: UUID
    connection_id: UUID
    provider: ProviderKind
    kind: SyncKind
    trigger: SyncTrigger
    reason: str
    queued_at: datetime
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A line of the audit log, and whom it is about.

    Attributes:
        user_id: Who did it, or whom it was done for; None for nobody.
        line: What was done.
    """

    user_id: UUID | None
    line: AuditLine


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How often syncs failed for one reason.

    Attributes:
        provider: Where.
        reason: Why, for programs.
        count: How often.
    """

    provider: ProviderKind
    reason: str
    count: int


class AdministrationRepository:
    """Queries over the whole installation; nothing in them is limited to one user.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def list_users(self, *, after: Key | None, limit: int) -> Sequence[UserEntry]:
        """List everybody, the one who came last first."""
        connections = (
            select(func.count())
            .where(ConnectionRow.user_id == UserRow.id)
            .correlate(UserRow)
            .scalar_subquery()
        )
        # Sessions are removed some time after their end; the log keeps what they began with.
        signed_in_at = (
            select(func.max(AuditRow.created_at))
            .where(AuditRow.user_id == UserRow.id, AuditRow.action == "session.signed_in")
            .correlate(UserRow)
            .scalar_subquery()
        )
        query = select(UserRow, connections, signed_in_at)
        if after is not None:
            query = query.where(tuple_(UserRow.created_at, UserRow.id) < after)
        query = query.order_by(UserRow.created_at.desc(), UserRow.id.desc()).limit(limit)
        return [
            UserEntry(
                id=row.id,
                email=row.email,
                name=row.name,
                role=Role(row.role),
                created_at=row.created_at,
                connections=count,
                signed_in_at=last,
            )
            for row, count, last in self._session.execute(query)
        ]

    def find_emails(self, user_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return what people sign in with, for those of these ids that are still there."""
        rows = self._session.execute(
            select(UserRow.id, UserRow.email).where(UserRow.id.in_(user_ids))
        )
        return {user_id: email for user_id, email in rows}  # noqa: C416 - rows are no pairs to mypy.

    def count_users(self) -> int:
        """Return how many people have a login."""
        return self._session.scalars(select(func.count()).select_from(UserRow)).one()

    def find_connection(self, connection_id: UUID) -> ConnectionEntry | None:
        """Return anybody's connection, or None."""
        found = self._session.execute(
            _connections().where(ConnectionRow.id == connection_id)
        ).one_or_none()
        return None if found is None else _connection_entry(*found)

    def list_connections(
        self, *, status: ConnectionStatus | None = None, after: Key | None, limit: int
    ) -> Sequence[ConnectionEntry]:
        """List everybody's connections, the latest first."""
        query = _connections()
        if status is not None:
            query = query.where(ConnectionRow.status == status)
        if after is not None:
            query = query.where(tuple_(ConnectionRow.created_at, ConnectionRow.id) < after)
        query = query.order_by(ConnectionRow.created_at.desc(), ConnectionRow.id.desc())
        return [_connection_entry(*row) for row in self._session.execute(query.limit(limit))]

    def list_failures(self, *, after: Key | None, limit: int) -> Sequence[FailureEntry]:
        """List everybody's failed syncs, the latest first."""
        query = (
            select(SyncJobRow, CalendarRow.provider, CalendarRow.connection_id)
            .join(CalendarRow, CalendarRow.id == SyncJobRow.calendar_id)
            .where(SyncJobRow.status == SyncStatus.FAILED, SyncJobRow.finished_at.is_not(None))
        )
        if after is not None:
            query = query.where(tuple_(SyncJobRow.finished_at, SyncJobRow.id) < after)
        query = query.order_by(SyncJobRow.finished_at.desc(), SyncJobRow.id.desc()).limit(limit)
        return [
            FailureEntry(
                id=row.id,
                user_id=row.user_id,
                calendar_id=row.calendar_id,
                connection_id=connection_id,
                provider=ProviderKind(provider),
                kind=SyncKind(row.kind),
                trigger=SyncTrigger(row.trigger),
                reason=row.error_reason or "unknown",
                queued_at=row.queued_at,
                failed_at=row.finished_at or row.queued_at,
            )
            for row, provider, connection_id in self._session.execute(query)
        ]

    def count_failures(self, *, since: datetime) -> Sequence[ReasonCount]:
        """Count the syncs that failed since an instant, the most frequent reason first."""
        kind = (CalendarRow.provider, func.coalesce(SyncJobRow.error_reason, "unknown"))
        query = (
            select(*kind, func.count())
            .join(CalendarRow, CalendarRow.id == SyncJobRow.calendar_id)
            .where(SyncJobRow.status == SyncStatus.FAILED, SyncJobRow.finished_at >= since)
            .group_by(*kind)
            .order_by(func.count().desc(), *kind)
        )
        return [
            ReasonCount(ProviderKind(provider), reason, count)
            for provider, reason, count in self._session.execute(query)
        ]

    def list_audit(
        self,
        *,
        action: str | None = None,
        user_id: UUID | None = None,
        after: Key | None,
        limit: int,
    ) -> Sequence[AuditEntry]:
        """List what was done, by whomever, the latest first.

        Args:
            action: Only lines with this dotted name.
            user_id: Only what was done by one user or for them.
            after: The instant and the id of the last one already seen.
            limit: How many at most.
        """
        query = select(AuditRow)
        if action is not None:
            query = query.where(AuditRow.action == action)
        if user_id is not None:
            query = query.where(AuditRow.user_id == user_id)
        if after is not None:
            query = query.where(tuple_(AuditRow.created_at, AuditRow.id) < after)
        query = query.order_by(AuditRow.created_at.desc(), AuditRow.id.desc()).limit(limit)
        return [
            AuditEntry(user_id=row.user_id, line=line_from_row(row))
            for row in self._session.scalars(query)
        ]

    def list_readable_calendars(
        self,
        *,
        user_id: UUID | None = None,
        connection_id: UUID | None = None,
        calendar_ids: Collection[UUID] | None = None,
    ) -> Sequence[Calendar]:
        """List the calendars that can be read now, of everybody or of one person or account.

        Args:
            user_id: Only this person's.
            connection_id: Only those of this account.
            calendar_ids: Only those among these.
        """
        query = (
            select(CalendarRow)
            .join(ConnectionRow, ConnectionRow.id == CalendarRow.connection_id)
            .where(
                ConnectionRow.status == ConnectionStatus.ACTIVE,
                CalendarRow.sync_enabled,
                CalendarRow.deleted_at.is_(None),
                CalendarRow.gone_at.is_(None),
            )
            .order_by(CalendarRow.created_at, CalendarRow.id)
        )
        if user_id is not None:
            query = query.where(CalendarRow.user_id == user_id)
        if connection_id is not None:
            query = query.where(CalendarRow.connection_id == connection_id)
        if calendar_ids is not None:
            query = query.where(CalendarRow.id.in_(calendar_ids))
        return [calendar_from_row(row) for row in self._session.scalars(query)]

    def find_jobs(self, job_ids: Collection[UUID]) -> Sequence[SyncJob]:
        """Return the jobs with these ids that are there."""
        rows = self._session.scalars(select(SyncJobRow).where(SyncJobRow.id.in_(job_ids)))
        return [job_from_row(row) for row in rows]


def _connections() -> Select[tuple[ConnectionRow, datetime | None]]:
    last_synced_at = (
        select(func.max(CalendarRow.last_synced_at))
        .where(CalendarRow.connection_id == ConnectionRow.id)
        .correlate(ConnectionRow)
        .scalar_subquery()
    )
    return select(ConnectionRow, last_synced_at)


def _connection_entry(row: ConnectionRow, last_synced_at: datetime | None) -> ConnectionEntry:
    return ConnectionEntry(
        id=row.id,
        user_id=row.user_id,
        provider=ProviderKind(row.provider),
        status=ConnectionStatus(row.status),
        reason_code=row.reason_code,
        created_at=row.created_at,
        last_synced_at=last_synced_at,
        token_expires_at=row.token_expires_at,
    )
