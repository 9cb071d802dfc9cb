"""Calendars: the user's settings and what discovery finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from calendar_manager.domain.accounts import (
    AccessRole,
    Calendar,
    CalendarStatus,
    Connection,
    ProviderKind,
    ReadVia,
    RemoteCalendar,
    UnreadablePolicy,
)
from calendar_manager.domain.timespan import Span
from calendar_manager.store.execution import execute_count
from calendar_manager.store.tables import CalendarRow, EventRow


@dataclass(frozen=True, slots=True)
class Discovered:
    """What a look at the provider's list of calendars brought.

    Attributes:
        wanted: Calendars that are to be read now: new ones, and ones that had been gone.
        gone: Calendars that the provider no longer lists.
    """

    wanted: tuple[Calendar, ...]
    gone: tuple[Calendar, ...]


class CalendarRepository:
    """Queries over calendars.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, user_id: UUID, calendar_id: UUID, *, deleted: bool = False) -> Calendar | None:
        """Return a user's calendar, or None.

        Args:
            user_id: Whose.
            calendar_id: Which.
            deleted: Whether to look among the ones that the user deleted instead.
        """
        row = self._session.scalars(
            _of_user(user_id, deleted=deleted).where(CalendarRow.id == calendar_id)
        ).one_or_none()
        return None if row is None else calendar_from_row(row)

    def list(
        self,
        user_id: UUID,
        *,
        deleted: bool = False,
        after: tuple[datetime, UUID] | None = None,
        limit: int | None = None,
    ) -> Sequence[tuple[Calendar, datetime]]:
        """List a user's calendars, the first found first, each with the instant it was found.

        Args:
            user_id: Whose.
            deleted: Whether to list the ones that the user deleted instead.
            after: The instant and id of the last one already seen.
            limit: How many at most; None for all.
        """
        query = _of_user(user_id, deleted=deleted)
        if after is not None:
            query = query.where(tuple_(CalendarRow.created_at, CalendarRow.id) > after)
        query = query.order_by(CalendarRow.created_at, CalendarRow.id).limit(limit)
        return [(calendar_from_row(row), row.created_at) for row in self._session.scalars(query)]

    def list_of_connection(self, connection_id: UUID) -> Sequence[Calendar]:
        """List what is read of one connection, for the work done in its name."""
        rows = self._session.scalars(
            select(CalendarRow)
            .where(CalendarRow.connection_id == connection_id, *_PRESENT)
            .order_by(CalendarRow.created_at, CalendarRow.id)
        )
        return [calendar_from_row(row) for row in rows]

    def list_ids(self, connection_id: UUID) -> Sequence[UUID]:
        """List the ids of all calendars of a connection, deleted and gone ones included."""
        return self._session.scalars(
            select(CalendarRow.id).where(CalendarRow.connection_id == connection_id)
        ).all()

    def change(self, user_id: UUID, calendar_id: UUID, **settings: Any) -> Calendar | None:  # noqa: ANN401 - the columns have types of their own.
        """Change settings of a user's calendar; return it, or None when there is none.

        Args:
            user_id: Whose.
            calendar_id: Which.
            settings: ``sync_enabled``, ``blocks_availability``, ``all_day_blocks``,
                ``unreadable_policy``, ``color``, ``name``, ``client_id``, ``deleted_at`` or
                ``next_sync_at``, each with its new value.
        """
        row = self._session.scalars(
            update(CalendarRow)
            .where(CalendarRow.id == calendar_id, CalendarRow.user_id == user_id)
            .values(**settings)
            .returning(CalendarRow),
            execution_options={"populate_existing": True},
        ).one_or_none()
        return None if row is None else calendar_from_row(row)

    def accept_deletions(self, user_id: UUID, calendar_id: UUID) -> bool:
        """Note that a user agrees to what the circuit breaker stopped; False if it did not."""
        statement = (
            update(CalendarRow)
            .where(
                CalendarRow.id == calendar_id,
                CalendarRow.user_id == user_id,
                CalendarRow.held_at.is_not(None),
            )
            .values(accepted_deletions=CalendarRow.held_deletions)
        )
        return execute_count(self._session, statement) > 0

    def merge_discovered(
        self, connection: Connection, remote: Sequence[RemoteCalendar], *, now: datetime
    ) -> Discovered:
        """Bring the calendars of a connection in line with a complete list of the provider's.

        New ones start with the defaults: those that the person hides in the provider's own
        application are not synced until asked for. Known ones keep the user's settings. Those
        that the provider no longer lists are marked gone, and their copies are kept until the
        cleanup.
        """
        known = {
            row.provider_calendar_id: row
            for row in self._session.scalars(
                select(CalendarRow)
                .where(CalendarRow.connection_id == connection.id)
                .with_for_update()
            )
        }
        listed = {calendar.provider_calendar_id for calendar in remote}
        gone = [row for key, row in known.items() if key not in listed and row.gone_at is None]
        for row in gone:
            row.gone_at = now
        wanted: list[CalendarRow] = []
        for calendar in sorted(remote, key=lambda one: (not one.primary, one.name)):
            if calendar.provider_calendar_id not in known:
                wanted.append(self._insert(connection, calendar, now))
                continue
            row = known[calendar.provider_calendar_id]
            row.name = calendar.name
            row.time_zone = calendar.time_zone
            row.primary = calendar.primary
            row.access_role = calendar.access_role
            if row.gone_at is not None:
                # What changed while it was away is unknown, so it is read anew.
                row.gone_at, row.cursor, row.next_sync_at = None, None, now
                wanted.append(row)
        self._session.flush()
        present = [row for row in wanted if row.sync_enabled and row.deleted_at is None]
        return Discovered(
            wanted=tuple(map(calendar_from_row, present)),
            gone=tuple(map(calendar_from_row, gone)),
        )

    def lock(self, calendar_id: UUID) -> UUID | None:
        """Lock a calendar against other writers for this transaction; return whose it is."""
        return self._session.scalars(
            select(CalendarRow.user_id).where(CalendarRow.id == calendar_id).with_for_update()
        ).one_or_none()

    def list_laid_out_until(self, instant: datetime) -> Sequence[UUID]:
        """List the installation's calendars whose series are laid out less far than that."""
        return self._session.scalars(
            select(CalendarRow.id).where(CalendarRow.materialized_until < instant, *_PRESENT)
        ).all()

    def note_laid_out(self, calendar_id: UUID, window: Span) -> None:
        """Write down in which span a calendar's series are laid out."""
        self._session.execute(
            update(CalendarRow)
            .where(CalendarRow.id == calendar_id)
            .values(materialized_from=window.start, materialized_until=window.end)
        )

    def purge_deleted(self, *, before: datetime) -> int:
        """Empty the installation's calendars that were deleted or gone before an instant.

        The row of a deleted calendar stays, so that discovery does not bring it back.
        """
        old = or_(CalendarRow.deleted_at < before, CalendarRow.gone_at < before)
        calendars = select(CalendarRow.id).where(old, CalendarRow.last_synced_at.is_not(None))
        emptied = self._session.scalars(calendars).all()
        if emptied:
            self._session.execute(delete(EventRow).where(EventRow.calendar_id.in_(emptied)))
            self._session.execute(
                update(CalendarRow)
                .where(CalendarRow.id.in_(emptied))
                .values(cursor=None, last_synced_at=None, last_synced_via=None)
            )
        return len(emptied)

    def _insert(
        self, connection: Connection, calendar: RemoteCalendar, now: datetime
    ) -> CalendarRow:
        return self._session.scalars(
            insert(CalendarRow)
            .values(
                user_id=connection.user_id,
                connection_id=connection.id,
                provider=connection.provider,
                provider_calendar_id=calendar.provider_calendar_id,
                name=calendar.name,
                time_zone=calendar.time_zone,
                color=calendar.color,
                primary=calendar.primary,
                access_role=calendar.access_role,
                sync_enabled=calendar.selected,
                next_sync_at=now,
                # Calendars found together are listed in the order of their making.
                created_at=func.clock_timestamp(),
            )
            .returning(CalendarRow)
        ).one()


_PRESENT = (CalendarRow.deleted_at.is_(None), CalendarRow.gone_at.is_(None))


def _of_user(user_id: UUID, *, deleted: bool) -> Select[tuple[CalendarRow]]:
    present = CalendarRow.deleted_at.is_not(None) if deleted else and_(*_PRESENT)
    return select(CalendarRow).where(CalendarRow.user_id == user_id, present)


CALENDAR_COLUMNS: Final = (
    CalendarRow.id,
    CalendarRow.user_id,
    CalendarRow.connection_id,
    CalendarRow.provider,
    CalendarRow.provider_calendar_id,
    CalendarRow.name,
    CalendarRow.time_zone,
    CalendarRow.color,
    CalendarRow.primary,
    CalendarRow.access_role,
    CalendarRow.sync_enabled,
    CalendarRow.blocks_availability,
    CalendarRow.all_day_blocks,
    CalendarRow.unreadable_policy,
    CalendarRow.client_id,
    CalendarRow.last_synced_at,
    CalendarRow.last_synced_via,
    CalendarRow.error,
    CalendarRow.held_at,
    CalendarRow.held_deletions,
    CalendarRow.failures,
    CalendarRow.lease_token,
)
"""What :func:`calendar_from_row` needs."""


def calendar_from_row(row: CalendarRow | Row[Any]) -> Calendar:
    """Return the domain's view of a row, or of at least :data:`CALENDAR_COLUMNS`."""
    return Calendar(
        id=row.id,
        user_id=row.user_id,
        connection_id=row.connection_id,
        provider=ProviderKind(row.provider),
        provider_calendar_id=row.provider_calendar_id,
        name=row.name,
        time_zone=row.time_zone,
        color=row.color,
        primary=row.primary,
        access_role=AccessRole(row.access_role),
        sync_enabled=row.sync_enabled,
        blocks_availability=row.blocks_availability,
        all_day_blocks=row.all_day_blocks,
        unreadable_policy=UnreadablePolicy(row.unreadable_policy),
        client_id=row.client_id,
        last_synced_at=row.last_synced_at,
        last_synced_via=None if row.last_synced_via is None else ReadVia(row.last_synced_via),
        status=_stored_status(row),
        error=row.error,
        held_at=row.held_at,
        held_deletions=row.held_deletions,
    )


def _stored_status(row: CalendarRow | Row[Any]) -> CalendarStatus:
    """Return the status as far as it is known without a clock."""
    if row.held_at is not None:
        return CalendarStatus.HELD
    if row.failures:
        return CalendarStatus.FAILING
    if row.lease_token is not None:
        return CalendarStatus.SYNCING
    return CalendarStatus.OK
