"""Everything that is stored of one person, row by row, for them to take away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from calendar_manager.domain.events import Event
from calendar_manager.store.event_rows import event_from_row
from calendar_manager.store.tables import Base, CalendarRow, EventRow

SECTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "profile": "users",
        "rules": "availability_rules",
        "connections": "connections",
        "calendars": "calendars",
        "events": "events",
        "clients": "clients",
        "client_rules": "client_rules",
        "assignments": "event_assignments",
        "conflicts": "conflicts",
        "conflict_history": "conflict_history",
        "availability_grants": "availability_grants",
        "feeds": "feeds",
        "caldotcom_exports": "caldotcom_exports",
        "channels": "channels",
        "sync_jobs": "sync_jobs",
        "sessions": "login_sessions",
        "audit": "audit_log",
    }
)
"""What a section is called, and the table whose rows it holds."""

LEFT_OUT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "oauth_states": "A consent being given right now: secrets, for ten minutes.",
        "occurrences": "Worked out from the events.",
        "series_instances": "Ids by which providers name instances of the events.",
        "conflict_checks": "Spans still to be looked at.",
        "calendar_changes": "Marks by which cached answers are told apart.",
        "full_reads": "How far a read has come.",
        "read_marks": "The ids that a read has seen.",
    }
)
"""Tables that are about nobody, or only repeat what the sections hold, and why."""

SECRETS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "users": frozenset({"password_hash"}),
        "connections": frozenset({"access_token", "refresh_token"}),
        "calendars": frozenset({"cursor", "lease_token"}),
        "channels": frozenset({"token"}),
        "feeds": frozenset({"token_hash"}),
        "login_sessions": frozenset({"refresh_token_hash"}),
    }
)
"""Columns that let somebody in somewhere; whoever finds the file later must not."""


@dataclass(frozen=True, slots=True)
class DatedEvent:
    """An event and where it stands.

    Attributes:
        id: Ours.
        calendar_id: Its calendar.
        calendar_name: What the person calls that.
        event: The event.
    """

    id: UUID
    calendar_id: UUID
    calendar_name: str
    event: Event


class PersonalDataRepository:
    """Reads what is stored of one user.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def load(
        self, user_id: UUID, section: str, *, after: UUID | None, limit: int
    ) -> Sequence[dict[str, Any]]:
        """Return rows of a section as plain values by the names of their columns.

        Args:
            user_id: Whose.
            section: One of :data:`SECTIONS`.
            after: The ``id`` of the last row already seen.
            limit: How many at most, in the order of their ids.
        """
        table = Base.metadata.tables[SECTIONS[section]]
        hidden = SECRETS.get(table.name, frozenset())
        query = select(*(column for column in table.columns if column.name not in hidden))
        query = query.where(or_(*(column == user_id for column in _owners(table))))
        if after is not None:
            query = query.where(table.c.id > after)
        rows = self._session.execute(query.order_by(table.c.id).limit(limit)).mappings()
        return [{name: _plain(value) for name, value in row.items()} for row in rows]

    def load_events(self, user_id: UUID, *, after: UUID | None, limit: int) -> Sequence[DatedEvent]:
        """Return a user's events, without deleted ones, in the order of their ids.

        Args:
            user_id: Whose.
            after: The id of the last one already seen.
            limit: How many at most.
        """
        query = (
            select(EventRow, CalendarRow.name)
            .join(CalendarRow, CalendarRow.id == EventRow.calendar_id)
            .where(
                EventRow.user_id == user_id,
                EventRow.deleted_at.is_(None),
                # It is the event's own; said here so that not all calendars are read.
                CalendarRow.user_id == user_id,
                CalendarRow.deleted_at.is_(None),
            )
            .order_by(EventRow.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(EventRow.id > after)
        return [
            DatedEvent(row.id, row.calendar_id, name, event_from_row(row))
            for row, name in self._session.execute(query)
        ]

    def list_zones(self, user_id: UUID) -> Sequence[str]:
        """Return the time zones that a user's events name, in the order of their names."""
        query = select(EventRow.time_zone).where(
            EventRow.user_id == user_id, EventRow.deleted_at.is_(None)
        )
        return sorted(zone for zone in self._session.scalars(query.distinct()) if zone)


def _owners(table: Table) -> list[Any]:
    """Return the columns that name the person whom a row is about."""
    if table.name == "users":
        return [table.c.id]
    named = [
        column
        for column in table.columns
        if any(key.column.table.name == "users" for key in column.foreign_keys)
    ]
    # The audit log outlives its users, so it refers to them by no foreign key.
    return named or [table.c.user_id]


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a column holds.
    """Return a value that JSON has, or that its writer knows."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Range):
        return {"start": value.lower, "end": value.upper}
    return value
