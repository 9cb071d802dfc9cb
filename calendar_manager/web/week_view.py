"""The week page around the grid: what can be shown, filtered and chosen."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from calendar_manager.domain.accounts import Connection, ConnectionStatus
from calendar_manager.domain.times import find_zone, is_zone, local_date
from calendar_manager.domain.users import User
from calendar_manager.store.unit_of_work import Store
from calendar_manager.web.week_events import (
    NO_CLIENT,
    Named,
    name_calendars,
    name_clients,
    name_first_reads,
)


class GridView(StrEnum):
    """How much the grid shows at once."""

    WEEK = "week"
    DAY = "day"
    MONTH = "month"
    AGENDA = "agenda"


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that can be shown or hidden.

    Attributes:
        key: What stands in the address for it.
        name: What the person calls it.
        note: What tells it from others of the same name; may be empty.
        color: ``#rrggbb``.
        shown: Whether it is shown.
    """

    key: str
    name: str
    note: str
    color: str
    shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPage:
    """What the address of the page says, unchecked.

    Attributes:
        day: A day of what is shown, or None.
        view: How much is shown, or None for what fits the screen.
        zone: An IANA zone, or None for the person's own.
        calendars: Which calendars are shown; None for all.
        clients: Which clients are; None for all.
        by_client: Whether colours are those of clients.
        declined: Whether declined meetings are shown.
    """

    day: str | None
    view: str | None
    zone: str | None
    calendars: frozenset[str] | None
    clients: frozenset[str] | None
    by_client: bool
    declined: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekPage:
    """The page around the grid.

    Attributes:
        day: A day of what is shown.
        view: How much is shown; None leaves it to the screen.
        zone: Whose clock is shown.
        own_zone: The person's own.
        rules_zone: That of their rules.
        unknown_zone: What was asked for and is no zone, or None.
        calendars: Their calendars.
        clients: Their clients, and nobody.
        by_client: Whether colours are those of clients.
        declined: Whether declined meetings are shown.
        connected: Whether any account is connected.
        broken: The accounts that have to be connected again.
        reading: The calendars that are being read for the first time.
    """

    day: date
    view: GridView | None
    zone: ZoneInfo
    own_zone: str
    rules_zone: str
    unknown_zone: str | None
    calendars: list[Choice]
    clients: list[Choice]
    by_client: bool
    declined: bool
    connected: bool
    broken: list[str]
    reading: list[str]


def load_page(store: Store, user: User, asked: AskedPage, *, now: datetime) -> WeekPage:
    """Return the page around the grid; what the address says wrongly counts as not said.

    Args:
        store: PostgreSQL.
        user: Whose calendars.
        asked: What the address says.
        now: The present.
    """
    known = asked.zone is not None and is_zone(asked.zone)
    zone = find_zone(asked.zone if asked.zone is not None and known else user.time_zone)
    with store.begin() as uow:
        connections = uow.connections.list(user.id)
        calendars = uow.lookups.load_calendars(user.id)
        clients = name_clients(uow.clients.list(user.id))
        rules = uow.lookups.load_rules(user.id, time_zone=user.time_zone)
    accounts = {connection.id: connection for connection in connections}
    notes = {
        entry.calendar.id: _account_of(accounts.get(entry.calendar.connection_id))
        for entry in calendars
    }
    nobody = Choice(
        NO_CLIENT, "No client", "", "", asked.clients is None or NO_CLIENT in asked.clients
    )
    return WeekPage(
        day=_read_day(asked.day) or local_date(now, zone),
        view=_read_view(asked.view),
        zone=zone,
        own_zone=user.time_zone,
        rules_zone=rules.time_zone,
        unknown_zone=None if known else asked.zone,
        calendars=_choices(name_calendars(calendars), notes, asked.calendars),
        clients=[*_choices(clients, {}, asked.clients), nobody] if clients else [],
        by_client=asked.by_client,
        declined=asked.declined,
        connected=any(one.status is not ConnectionStatus.DISCONNECTED for one in connections),
        broken=[one.account for one in connections if one.status is ConnectionStatus.NEEDS_REAUTH],
        reading=name_first_reads(calendars),
    )


def _choices(
    named: dict[UUID, Named], notes: dict[UUID, str], shown: frozenset[str] | None
) -> list[Choice]:
    names = [one.name for one in named.values()]
    return [
        Choice(
            key=str(key),
            name=one.name,
            note=notes.get(key, "") if names.count(one.name) > 1 else "",
            color=one.color,
            shown=shown is None or str(key) in shown,
        )
        for key, one in named.items()
    ]


def _account_of(connection: Connection | None) -> str:
    return "" if connection is None else connection.account


def _read_day(value: str | None) -> date | None:
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError:
        return None


def _read_view(value: str | None) -> GridView | None:
    return next((view for view in GridView if view.value == value), None)


def read_keys(values: Iterable[str] | None) -> frozenset[str] | None:
    """Return what a filter names; None when it is not there, and nothing when it is empty."""
    return None if values is None else frozenset(value for value in values if value)
