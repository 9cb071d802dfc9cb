"""Which conflicts the page lists, and what it says around them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from calendar_manager.bootstrap import Services
from calendar_manager.domain.conflict_reconciliation import ConflictStatus
from calendar_manager.domain.conflicts import ConflictSeverity, ConflictType
from calendar_manager.domain.freshness import find_blocking
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.asked_time import LATEST
from calendar_manager.scheduling.calendars import find_freshness
from calendar_manager.scheduling.conflicts import Conflicts, ConflictView
from calendar_manager.store.conflict_rows import ConflictFilter
from calendar_manager.store.unit_of_work import UnitOfWork
from calendar_manager.web.conflict_view import Card, show_conflict
from calendar_manager.web.viewer import Viewer
from calendar_manager.web.week_events import Named, name_calendars

PAGE_SIZE: Final = 10


class ListState(StrEnum):
    """What the list shows."""

    OPEN = "open"
    RESOLVED = "resolved"
    IGNORED = "ignored"
    PAST = "past"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which conflicts are wanted.

    Attributes:
        state: In which state; the past ones were never ended by anybody.
        severity: How much they hurt; None for all.
        type: Of which type; None for all.
        after: Start and id of the last one already seen.
        day: The day of that one, whose heading stands already.
    """

    state: ListState = ListState.OPEN
    severity: ConflictSeverity | None = None
    type: ConflictType | None = None
    after: tuple[datetime, UUID] | None = None
    day: str = ""

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter hides some."""
        return self.severity is not None or self.type is not None

    def address(self, **changes: str) -> str:
        """Return the address of the list, with some parts in place of the present ones."""
        parts = {
            "status": self.state.value,
            "severity": self.severity.value if self.severity else "",
            "type": self.type.value if self.type else "",
        } | changes
        return f"/conflicts?{urlencode({name: value for name, value in parts.items() if value})}"


@dataclass(frozen=True, slots=True)
class Segment:
    """A state to choose, with how many conflicts are in it."""

    state: ListState
    label: str
    count: int
    address: str


@dataclass(frozen=True, slots=True)
class Day:
    """The conflicts that begin on one day; the heading is empty when it stands already."""

    heading: str
    cards: Sequence[Card]


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What is known beside the conflicts.

    Attributes:
        calendars: The user's calendars by their ids.
        read_at: When the calendar that was read longest ago was read completely; None when one
            of them never was, or there are none.
        unreadable: The calendars because of which no free times are proposed.
    """

    calendars: Mapping[UUID, Named]
    read_at: datetime | None
    unreadable: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictList:
    """A page of the list.

    Attributes:
        asked: What was wanted.
        segments: The states to choose from.
        days: The conflicts.
        more: Where the next ones are, or None.
        around: What is known beside them.
    """

    asked: Asked
    segments: Sequence[Segment]
    days: Sequence[Day]
    more: str | None
    around: Around


def read_asked(status: str, severity: str, kind: str, after: str, day: str) -> Asked:
    """Return what an address asks for; what it says wrongly counts as not said."""
    asked = Asked(day=day)
    with suppress(ValueError):
        asked = replace(asked, state=ListState(status))
    with suppress(ValueError):
        asked = replace(asked, severity=ConflictSeverity(severity))
    with suppress(ValueError):
        asked = replace(asked, type=ConflictType(kind))
    with suppress(ValueError):
        start, _, conflict_id = after.partition("_")
        instant = datetime.fromisoformat(start)
        if instant.tzinfo is not None:
            asked = replace(asked, after=(instant, UUID(conflict_id)))
    return asked


def open_conflicts(services: Services) -> Conflicts:
    """Return the use cases of conflicts as they are now."""
    return Conflicts(
        services.store, now=services.clock(), maximum_age=services.settings.stale_after
    )


def load_list(services: Services, viewer: Viewer, asked: Asked) -> ConflictList:
    """Return a page of the list.

    Args:
        services: The joined parts.
        viewer: Whose conflicts.
        asked: Which.
    """
    wanted = _filter(asked, services.clock())
    found = open_conflicts(services).list(
        viewer.user, wanted, after=asked.after, limit=PAGE_SIZE + 1
    )
    around = load_around(services, viewer.user)
    cards = [show_card(services, viewer, around, view) for view in found[:PAGE_SIZE]]
    more = None
    if len(found) > PAGE_SIZE:
        last = found[PAGE_SIZE - 1].record
        cursor = f"{last.span.start:%Y-%m-%dT%H:%M:%S.%f+00:00}_{last.id}"
        more = asked.address(after=cursor, day=cards[-1].day.isoformat())
    return ConflictList(
        asked=asked,
        segments=load_segments(services, viewer.user, asked),
        days=[
            Day("" if day.isoformat() == asked.day else label, list(group))
            for (day, label), group in groupby(cards, lambda card: (card.day, card.day_label))
        ],
        more=more,
        around=around,
    )


def load_segments(services: Services, user: User, asked: Asked) -> list[Segment]:
    """Return the states to choose from; the past appears only when there is something in it."""
    now = services.clock()
    with services.store.begin() as uow:
        counts = {
            state: uow.conflicts.count(user.id, _filter(replace(asked, state=state), now))
            for state in ListState
        }
    return [
        Segment(state, state.value.capitalize(), counts[state], asked.address(status=state.value))
        for state in ListState
        if state is not ListState.PAST or counts[state] or asked.state is state
    ]


def load_around(services: Services, user: User) -> Around:
    """Return what is known beside a user's conflicts."""
    with services.store.begin() as uow:
        return _look_around(uow, services, user)


def show_card(services: Services, viewer: Viewer, around: Around, view: ConflictView) -> Card:
    """Return a conflict as the page shows it to somebody."""
    return show_conflict(view, around.calendars, viewer.zone, services.clock())


def _look_around(uow: UnitOfWork, services: Services, user: User) -> Around:
    calendars = uow.lookups.load_calendars(user.id)
    now, maximum_age = services.clock(), services.settings.stale_after
    freshness = find_freshness(calendars, now, maximum_age)
    blocking = {entry.calendar.id for entry in calendars if entry.calendar.blocks_availability}
    read = [one.complete_as_of for one in freshness if one.complete_as_of is not None]
    return Around(
        calendars=name_calendars(calendars),
        read_at=min(read) if read and len(read) == len(freshness) else None,
        unreadable=[one.name for one in find_blocking(freshness) if one.calendar_id in blocking],
    )


def _filter(asked: Asked, now: datetime) -> ConflictFilter:
    """Return which conflicts are in a state; what is open and over is past."""
    wanted = ConflictFilter(
        severities=() if asked.severity is None else (asked.severity,),
        types=() if asked.type is None else (asked.type,),
    )
    match asked.state:
        case ListState.OPEN:
            return replace(wanted, statuses=(ConflictStatus.OPEN,), span=Span(now, LATEST))
        case ListState.PAST:
            return replace(wanted, statuses=(ConflictStatus.OPEN,), ended_by=now, latest_first=True)
        case ListState.RESOLVED:
            return replace(wanted, statuses=(ConflictStatus.RESOLVED,), latest_first=True)
        case ListState.IGNORED:
            return replace(wanted, statuses=(ConflictStatus.IGNORED,), latest_first=True)
