"""Which conflicts there are, told from the sources themselves by comparing all pairs.

It shares nothing with the product's search but the words: series are expanded by dateutil, copies
are put together by UID and time, and every pair is judged by itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from calendar_manager.domain.events import Event, EventKind, EventStatus, Response
from calendar_manager.domain.timespan import DateSpan, Span
from tests.sync.scripted_provider import ScriptedSource
from tests.sync.test_state_machine import instants, moved, starts_of

Side = tuple[str, datetime, datetime]
"""A meeting by its UID, its start and its end."""

Told = tuple[str, str, datetime, datetime, frozenset[Side]]
"""Type, severity, start, end and the two meetings of a conflict."""


@dataclass(frozen=True)
class Copy:
    """An occurrence on one calendar that may take time."""

    owner: tuple[str, str]
    uid: str
    start: datetime
    end: datetime
    firm: bool
    all_day: bool
    location: str | None


def expected_conflicts(
    sources: Mapping[str, ScriptedSource], settings: Mapping[str, Any]
) -> list[Told]:
    """Return every conflict that a user with some settings has, in order."""
    meetings: dict[Side, list[Copy]] = defaultdict(list)
    for name, source in sources.items():
        for copy in _copies(name, source):
            meetings[copy.uid, copy.start, copy.end].append(copy)
    taking_part = {
        side: copies
        for side, copies in meetings.items()
        if settings["all_day_conflicts"] or not all(copy.all_day for copy in copies)
    }
    found = (
        _judge(first, second, taking_part, settings)
        for first, second in combinations(taking_part, 2)
    )
    return sorted((one for one in found if one is not None), key=order_of)


def order_of(told: Told) -> tuple[Any, ...]:
    """Return what conflicts are sorted by; a set by itself has no order that equal ones share."""
    return (*told[:-1], sorted(told[-1]))


def _copies(calendar: str, source: ScriptedSource) -> Iterator[Copy]:
    for event in source.events.values():
        if event.status is EventStatus.CANCELLED or event.my_response is Response.DECLINED:
            continue
        for place in _places(event, source.events.values()):
            start, end = instants(place)
            if start < end:
                yield Copy(
                    (calendar, event.provider_event_id),
                    event.ical_uid or "",
                    start,
                    end,
                    event.status is not EventStatus.TENTATIVE,
                    event.all_day,
                    event.location,
                )


def _places(event: Event, others: Iterable[Event]) -> list[Span | DateSpan]:
    assert event.when is not None
    if event.kind is not EventKind.MASTER:
        return [event.when]
    named = {one.original_start for one in others if one.series_id == event.provider_event_id}
    return [moved(event.when, start) for start in starts_of(event) if start not in named]


def _judge(
    one: Side, other: Side, meetings: Mapping[Side, list[Copy]], settings: Mapping[str, Any]
) -> Told | None:
    if {copy.owner for copy in meetings[one]} & {copy.owner for copy in meetings[other]}:
        return None
    first, second = sorted((one, other), key=lambda side: (side[1], side[2]))
    start, end = second[1], min(first[2], second[2])
    shared = (end - start) / timedelta(minutes=1)
    sides = frozenset({one, other})
    if shared > 0 and shared >= settings["minimum_overlap_minutes"]:
        firm = all(any(copy.firm for copy in meetings[side]) for side in sides)
        return "overlap", "high" if firm else "medium", start, end, sides
    travel, buffer = settings["travel_minutes"], settings["conflict_buffer_minutes"]
    places = {meetings[side][0].location for side in sides}
    if -shared < travel and travel and None not in places and len(places) == 2:
        kind, needed = "travel", travel
    elif shared <= 0 and -shared < buffer:
        kind, needed = "back_to_back", buffer
    else:
        return None
    if shared <= 0:
        start, end = first[2], first[2] + timedelta(minutes=needed)
    return kind, "low", start, end, sides
