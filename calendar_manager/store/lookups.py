"""What nearly every request reads, at the least cost.

The statements are built once, of plain columns. Building one anew, and making objects of the
mapper's from its rows, takes longer than PostgreSQL needs to answer it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Uuid, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import Session

from calendar_manager.domain.accounts import ConnectionStatus
from calendar_manager.domain.rules import AvailabilityRules, default_rules
from calendar_manager.domain.rules_document import rules_from_document
from calendar_manager.domain.users import User
from calendar_manager.store.agenda_conditions import IS_READ
from calendar_manager.store.agenda_entries import AgendaCalendar
from calendar_manager.store.agenda_rows import materialized_span
from calendar_manager.store.repositories.calendars import CALENDAR_COLUMNS, calendar_from_row
from calendar_manager.store.repositories.users import USER_COLUMNS, user_from_row
from calendar_manager.store.tables import (
    AvailabilityRulesRow,
    CalendarChangeRow,
    CalendarRow,
    ConnectionRow,
    LoginSessionRow,
    UserRow,
)

_USER_OF_SESSION: Final = (
    select(*USER_COLUMNS)
    .join(LoginSessionRow, LoginSessionRow.user_id == UserRow.id)
    .where(
        UserRow.id == bindparam("user_id"),
        LoginSessionRow.id == bindparam("session_id"),
        LoginSessionRow.revoked_at.is_(None),
        LoginSessionRow.expires_at > bindparam("now"),
    )
)
_RULES: Final = select(AvailabilityRulesRow.document).where(
    AvailabilityRulesRow.user_id == bindparam("user_id")
)
_CALENDARS: Final = (
    select(
        *CALENDAR_COLUMNS,
        CalendarRow.materialized_from,
        CalendarRow.materialized_until,
        ConnectionRow.status.label("connection_status"),
        select(func.array_agg(aggregate_order_by(CalendarChangeRow.id, CalendarChangeRow.id)))
        .where(CalendarChangeRow.calendar_id == CalendarRow.id)
        .scalar_subquery()
        .label("changes"),
    )
    .join(ConnectionRow, ConnectionRow.id == CalendarRow.connection_id)
    .where(CalendarRow.user_id == any_(bindparam("user_ids", type_=ARRAY(Uuid))), *IS_READ)
    .order_by(CalendarRow.created_at, CalendarRow.id)
)
_CALENDAR: Final = select(CalendarRow.id).where(
    CalendarRow.id == bindparam("calendar_id"),
    CalendarRow.user_id == bindparam("user_id"),
    CalendarRow.deleted_at.is_(None),
)


class Lookups:
    """Reads of one statement each.

    Args:
        executor: Runs the statements, in a transaction or without one.
    """

    def __init__(self, executor: Connection | Session) -> None:
        self._executor = executor

    def find_user(self, user_id: UUID, session_id: UUID, *, now: datetime) -> User | None:
        """Return whom a session belongs to; None when it is unknown, revoked or over."""
        row = self._executor.execute(
            _USER_OF_SESSION, {"user_id": user_id, "session_id": session_id, "now": now}
        ).one_or_none()
        return None if row is None else user_from_row(row)

    def load_rules(self, user_id: UUID, *, time_zone: str) -> AvailabilityRules:
        """Return a user's rules.

        Args:
            user_id: Whose.
            time_zone: The user's IANA zone, in which the default rules hold while the user has
                not said any.
        """
        document = self._executor.execute(_RULES, {"user_id": user_id}).scalar_one_or_none()
        return default_rules(time_zone) if document is None else rules_from_document(document)

    def load_calendars(self, user_id: UUID) -> Sequence[AgendaCalendar]:
        """Return the calendars of a user that are read, the first found first.

        Deleted calendars, those that the provider no longer lists, and those whose sync is
        switched off are not among them.
        """
        return self.load_calendars_of([user_id])[user_id]

    def load_calendars_of(
        self, user_ids: Collection[UUID]
    ) -> Mapping[UUID, Sequence[AgendaCalendar]]:
        """As :meth:`load_calendars`, for each of several users, in one statement."""
        rows = self._executor.execute(_CALENDARS, {"user_ids": list(user_ids)})
        calendars: dict[UUID, list[AgendaCalendar]] = {user_id: [] for user_id in user_ids}
        for row in rows:
            calendars[row.user_id].append(
                AgendaCalendar(
                    calendar=calendar_from_row(row),
                    connection_status=ConnectionStatus(row.connection_status),
                    materialized=materialized_span(row),
                    changes=tuple(row.changes or ()),
                )
            )
        return calendars

    def has_calendar(self, user_id: UUID, calendar_id: UUID) -> bool:
        """Tell whether a user has such a calendar, read or not."""
        found = self._executor.execute(_CALENDAR, {"user_id": user_id, "calendar_id": calendar_id})
        return found.one_or_none() is not None
