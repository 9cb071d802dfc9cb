"""Exports: which schedule we keep at which Cal.com account, and what it said last."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from calendar_manager.domain.accounts import Connection
from calendar_manager.store.execution import execute_count
from calendar_manager.store.repositories.connections import connection_from_row
from calendar_manager.store.tables import (
    AvailabilityRulesRow,
    CaldotcomExportRow,
    CalendarChangeRow,
    CalendarRow,
    ConnectionRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredExport:
    """An export as the one who pushes it needs it.

    Attributes:
        connection: The Cal.com account.
        left_out: The calendars that Cal.com reads itself.
        schedule_id: Cal.com's id of our schedule; None before it is made.
        content_hash: Of what it said last.
        leased_until: Until when it was taken.
        failures: How often in a row pushing has failed.
        seen: Stands for the events and rules as they are now, to be read before them.
    """

    connection: Connection
    left_out: frozenset[UUID]
    schedule_id: str | None
    content_hash: str | None
    leased_until: datetime
    failures: int
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportState:
    """How an export is doing, for its owner to see.

    Attributes:
        enabled: Whether it is switched on.
        left_out: The calendars that Cal.com reads itself.
        schedule_id: Cal.com's id of our schedule; None before it is made.
        next_export_at: When it is looked at again.
        failures: How often in a row pushing has failed.
        error: Why it failed last; None when it did not.
    """

    enabled: bool
    left_out: frozenset[UUID]
    schedule_id: str | None
    next_export_at: datetime
    failures: int
    error: str | None


class ExportRepository:
    """Queries over exports.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_left_out(self, connection_id: UUID) -> frozenset[UUID]:
        """Return the calendars that a Cal.com account reads itself, as far as we were told."""
        left_out = self._session.scalar(
            select(CaldotcomExportRow.left_out).where(
                CaldotcomExportRow.connection_id == connection_id
            )
        )
        return frozenset(left_out or ())

    def find_state(self, user_id: UUID, connection_id: UUID) -> ExportState | None:
        """Return how a user's export is doing; None when it was never switched on."""
        row = self._session.scalar(
            select(CaldotcomExportRow).where(
                CaldotcomExportRow.user_id == user_id,
                CaldotcomExportRow.connection_id == connection_id,
            )
        )
        if row is None:
            return None
        return ExportState(
            enabled=row.enabled,
            left_out=frozenset(row.left_out),
            schedule_id=row.schedule_id,
            next_export_at=row.next_export_at,
            failures=row.failures,
            error=row.error,
        )

    def enable(self, connection: Connection, left_out: Collection[UUID] | None) -> None:
        """Have a connection exported from now on.

        Args:
            connection: The Cal.com account.
            left_out: The calendars that it reads itself; None leaves them as they are.
        """
        statement = insert(CaldotcomExportRow).values(
            user_id=connection.user_id,
            connection_id=connection.id,
            left_out=sorted(left_out or ()),
        )
        changes = {"enabled": True, "updated_at": func.now()}
        if left_out is not None:
            changes["left_out"] = statement.excluded.left_out
        self._session.execute(
            statement.on_conflict_do_update(
                index_elements=[CaldotcomExportRow.connection_id], set_=changes
            )
        )

    def disable(self, connection_id: UUID) -> bool:
        """Have a connection exported no more; tell whether it was."""
        statement = update(CaldotcomExportRow).where(
            CaldotcomExportRow.connection_id == connection_id, CaldotcomExportRow.enabled
        )
        return execute_count(self._session, statement.values(enabled=False)) > 0

    def claim_due(self, *, now: datetime, retry_after: timedelta, limit: int) -> Sequence[UUID]:
        """Take the connections of the installation that are to be exported.

        Those are whose turn has come, and those whose events or rules have changed since they were
        last looked at; after a failure only the former. None that is being exported is taken.

        Args:
            now: The present.
            retry_after: How long the one who takes it has before another one does.
            limit: How many at most, the longest overdue first.
        """
        changed = (CaldotcomExportRow.failures == 0) & CaldotcomExportRow.seen.is_distinct_from(
            _mark(CaldotcomExportRow.user_id)
        )
        due = (
            select(CaldotcomExportRow.id)
            .join(ConnectionRow, ConnectionRow.id == CaldotcomExportRow.connection_id)
            .where(
                CaldotcomExportRow.enabled,
                ConnectionRow.status == "active",
                or_(CaldotcomExportRow.next_export_at <= now, changed),
                _is_free(now),
            )
            .order_by(CaldotcomExportRow.next_export_at)
            .limit(limit)
            .with_for_update(of=CaldotcomExportRow, skip_locked=True)
            .scalar_subquery()
        )
        return self._session.scalars(
            update(CaldotcomExportRow)
            .where(CaldotcomExportRow.id.in_(due))
            .values(next_export_at=now + retry_after)
            .returning(CaldotcomExportRow.connection_id)
        ).all()

    def lease(self, connection_id: UUID, *, now: datetime, until: datetime) -> StoredExport | None:
        """Take an export for oneself; None when another one has it or it is switched off."""
        taken = self._session.scalar(
            update(CaldotcomExportRow)
            .where(
                CaldotcomExportRow.connection_id == connection_id,
                CaldotcomExportRow.enabled,
                _is_free(now),
            )
            .values(leased_until=until)
            .returning(CaldotcomExportRow.id)
        )
        if taken is None:
            return None
        row, connection, seen = self._session.execute(
            select(CaldotcomExportRow, ConnectionRow, _mark(CaldotcomExportRow.user_id))
            .join(ConnectionRow, ConnectionRow.id == CaldotcomExportRow.connection_id)
            .where(CaldotcomExportRow.id == taken)
        ).one()
        return StoredExport(
            connection=connection_from_row(connection),
            left_out=frozenset(row.left_out),
            schedule_id=row.schedule_id,
            content_hash=row.content_hash,
            leased_until=until,
            failures=row.failures,
            seen=seen,
        )

    def note_exported(
        self,
        export: StoredExport,
        *,
        schedule_id: str | None,
        content_hash: str | None,
        next_at: datetime,
    ) -> None:
        """Give an export back after Cal.com has, or had already, what it is to say.

        Args:
            export: As it was taken.
            schedule_id: Cal.com's id of our schedule.
            content_hash: Of what it says now.
            next_at: When it is looked at again, if nothing changes before.
        """
        self._session.execute(
            update(CaldotcomExportRow)
            .where(_is_held(export))
            .values(
                schedule_id=schedule_id,
                content_hash=content_hash,
                seen=export.seen,
                next_export_at=next_at,
                leased_until=None,
                failures=0,
                error=None,
            )
        )

    def note_failed(self, export: StoredExport, *, error: str, next_at: datetime) -> None:
        """Give an export back after it could not be pushed, to be tried again later."""
        self._session.execute(
            update(CaldotcomExportRow)
            .where(_is_held(export))
            .values(
                next_export_at=next_at,
                leased_until=None,
                failures=CaldotcomExportRow.failures + 1,
                error=error,
            )
        )


def _is_held(export: StoredExport) -> ColumnElement[bool]:
    """Return the condition of an export that nobody else has taken meanwhile."""
    return (CaldotcomExportRow.connection_id == export.connection.id) & (
        CaldotcomExportRow.leased_until == export.leased_until
    )


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(CaldotcomExportRow.leased_until.is_(None), CaldotcomExportRow.leased_until <= now)


def _mark(user_id: InstrumentedAttribute[UUID]) -> ColumnElement[str]:
    """Return what changes with each change of a user's events or rules."""
    changes = (
        select(
            func.string_agg(
                cast(CalendarChangeRow.id, Text),
                aggregate_order_by(literal(","), CalendarChangeRow.id),
            )
        )
        .join(CalendarRow, CalendarRow.id == CalendarChangeRow.calendar_id)
        .where(CalendarRow.user_id == user_id)
        .scalar_subquery()
    )
    rules = (
        select(cast(AvailabilityRulesRow.updated_at, Text))
        .where(AvailabilityRulesRow.user_id == user_id)
        .scalar_subquery()
    )
    return func.md5(func.concat_ws("|", changes, rules))
