"""From events to the concrete times that they take: what fills the table of occurrences."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import assert_never
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from calendar_manager.domain.errors import InvalidRecurrenceError
from calendar_manager.domain.events import (
    Event,
    EventKind,
    EventStatus,
    Occurrence,
    original_start_key,
)
from calendar_manager.domain.recurrence import Recurrence, expand
from calendar_manager.domain.times import (
    MIDNIGHT,
    day_span,
    find_zone,
    is_zone,
    local_date,
    resolve_wall,
    wall_clock,
)
from calendar_manager.domain.timespan import DateSpan, Span

DEFAULT_LIMIT = 10_000
"""How many occurrences a series may have in one window; an hourly one fills a year with fewer."""

MOST_AT_ONCE = 24
"""How many occurrences of one series may run at the same time. An event of an hour that recurs
every second would otherwise overlap itself millions of times; what is left out begins in time
that the others take already."""

_TOO_DENSE = f"more than {MOST_AT_ONCE} of its occurrences run at once; the rest is left out"

_FIRST_INSTANT = datetime.min.replace(tzinfo=UTC)
_LAST_INSTANT = datetime.max.replace(tzinfo=UTC)

_Start = datetime | date
_Named = Callable[[_Start], bool]


@dataclass(frozen=True, slots=True)
class Materialized:
    """The occurrences of one event.

    Attributes:
        occurrences: By ascending name; no two have the same.
        truncated: Whether the limit cut the series off; the earliest occurrences are there.
        problem: Why the recurrence could not be laid out as it is, in words for a person, or None.
    """

    occurrences: tuple[Occurrence, ...]
    truncated: bool = False
    problem: str | None = None


def materialize(
    event: Event,
    overrides: Sequence[Event],
    window: Span,
    zone: ZoneInfo,
    *,
    limit: int = DEFAULT_LIMIT,
) -> Materialized:
    """Return the occurrences of one event.

    A single event and an override have exactly one, wherever the window lies; what is cancelled
    has none. A master has the occurrences that share time with the window, and those of zero
    length inside it, without the ones that an override names: these are the override's.

    Timed occurrences last as long in real time as the master does, all-day ones as many days
    (RFC 5545, section 3.8.5.3). A series without a known time zone recurs in UTC. A master whose
    recurrence cannot be read has its own first occurrence alone, wherever the window lies. An
    occurrence that begins while :data:`MOST_AT_ONCE` others of the series run is left out.

    Args:
        event: A single event, a master or an override.
        overrides: All overrides of the master, the cancelled ones included.
        window: Which part of a series is asked for.
        zone: The viewer's zone, in which the dates of all-day events become instants.
        limit: How many occurrences a series may have; positive.
    """
    if event.status is EventStatus.CANCELLED or event.when is None:
        return Materialized(())
    match event.kind:
        case EventKind.SINGLE | EventKind.OVERRIDE:
            start = event.original_start or _start_of(event.when)
            return Materialized((_occurrence(event, start, event.when, zone),))
        case EventKind.MASTER:
            return _materialize_series(event, event.when, overrides, window, zone, limit)
        case _:
            assert_never(event.kind)


def _materialize_series(
    event: Event,
    when: Span | DateSpan,
    overrides: Sequence[Event],
    window: Span,
    zone: ZoneInfo,
    limit: int,
) -> Materialized:
    """Return the occurrences that are the master's own."""
    truncated, problem = False, None
    try:
        if isinstance(when, Span):
            starts, truncated = _expand_timed(event, when, window, limit)
        else:
            starts, truncated = _expand_all_day(event, when, window, zone, limit)
    except InvalidRecurrenceError as error:
        starts, problem = (_start_of(when),), str(error)
    is_named = _find_named(event, overrides, zone)
    own = (
        _occurrence(event, start, _moved(when, start), zone)
        for start in starts
        if not is_named(start)
    )
    near = [one for one in own if problem is not None or _is_within(one.span, window)]
    occurrences = tuple(_thin_out(near))
    if len(occurrences) < len(near):
        problem = _TOO_DENSE
    return Materialized(occurrences, truncated, problem)


def _thin_out(occurrences: Iterable[Occurrence]) -> Iterator[Occurrence]:
    """Leave out what begins while too many others run; in and out by ascending start."""
    ends: deque[datetime] = deque()
    for occurrence in occurrences:
        while ends and ends[0] <= occurrence.span.start:
            ends.popleft()
        if len(ends) < MOST_AT_ONCE:
            ends.append(occurrence.span.end)
            yield occurrence


def _expand_timed(
    event: Event, when: Span, window: Span, limit: int
) -> tuple[tuple[_Start, ...], bool]:
    """Return the starts of timed occurrences that can reach into the window."""
    zone = _series_zone(event)
    wall = wall_clock(when.start, zone)
    recurrence = Recurrence(wall, zone.key, event.recurrence)
    first = max(window.start, _FIRST_INSTANT + when.duration) - when.duration
    expansion = expand(recurrence, first, window.end, limit=limit)
    # A wall clock inside a fold stands for its first reading; the master may be the second.
    read_as = resolve_wall(wall, zone)
    starts = tuple(when.start if start == read_as else start for start in expansion.starts)
    return starts, expansion.truncated


def _expand_all_day(
    event: Event, when: DateSpan, window: Span, zone: ZoneInfo, limit: int
) -> tuple[tuple[_Start, ...], bool]:
    """Return the first days of all-day occurrences that can reach into the window."""
    recurrence = Recurrence(when.first, _series_zone(event).key, event.recurrence)
    first = max(1, local_date(window.start, zone).toordinal() - when.days)
    last = min(date.max.toordinal(), local_date(window.end, zone).toordinal() + 1)
    expansion = expand(recurrence, date.fromordinal(first), date.fromordinal(last), limit=limit)
    return expansion.starts, expansion.truncated


def _find_named(master: Event, overrides: Sequence[Event], viewer_zone: ZoneInfo) -> _Named:
    """Return a test of whether an override names a start of the series.

    Overrides outlive a change of their series between timed and all-day. In a timed series a
    date then names what starts on that local day; in an all-day series an instant names its
    local date, and midnight UTC the date that it stands for.
    """
    starts = [event.original_start for event in overrides if event.original_start is not None]
    if master.all_day:
        zone = _series_zone(master) if _has_zone(master) else viewer_zone
        days = {_day_of(start, zone) for start in starts}
        return lambda start: start in days
    series_zone = _series_zone(master)
    instants = {start for start in starts if isinstance(start, datetime)}
    local_days = {start for start in starts if not isinstance(start, datetime)}
    if not local_days:
        return lambda start: start in instants
    return lambda start: (
        start in instants
        or (isinstance(start, datetime) and local_date(start, series_zone) in local_days)
    )


def _day_of(start: _Start, zone: ZoneInfo) -> date:
    """Return the date that a start names in an all-day series."""
    if not isinstance(start, datetime):
        return start
    if start.astimezone(UTC).time() == MIDNIGHT:
        return start.astimezone(UTC).date()
    return local_date(start, zone)


def _start_of(when: Span | DateSpan) -> _Start:
    return when.start if isinstance(when, Span) else when.first


def _moved(when: Span | DateSpan, start: _Start) -> Span | DateSpan:
    """Return the master's times moved to another start, cut where the calendar ends."""
    if isinstance(when, DateSpan):
        end = min(start.toordinal() + when.days, date.max.toordinal())
        return DateSpan(start, date.fromordinal(end))
    if not isinstance(start, datetime):
        raise TypeError("a timed series has instants as starts")
    return Span(start, start + min(when.duration, _LAST_INSTANT - start))


def _occurrence(event: Event, start: _Start, when: Span | DateSpan, zone: ZoneInfo) -> Occurrence:
    """Build the occurrence that ``start`` names."""
    if isinstance(when, DateSpan):
        span, dates = day_span(when, zone), when
    else:
        span, dates = when, None
    return Occurrence(
        provider_event_id=event.provider_event_id,
        original_start=original_start_key(start),
        span=span,
        dates=dates,
    )


def _is_within(span: Span, window: Span) -> bool:
    """Tell whether a span shares time with the window, or is empty and starts inside it."""
    if span.is_empty:
        return window.start <= span.start < window.end
    return span.overlaps(window)


def _has_zone(event: Event) -> bool:
    return event.time_zone is not None and is_zone(event.time_zone)


def _series_zone(event: Event) -> ZoneInfo:
    """Return the zone in which a series recurs."""
    if event.time_zone is None or not is_zone(event.time_zone):
        return find_zone("UTC")
    return find_zone(event.time_zone)


def name_occurrence(event_id: UUID, original_start: datetime) -> UUID:
    """Return the id of an occurrence: the same before it is stored and after.

    Args:
        event_id: Our id of the event.
        original_start: Its name inside the event, see ``original_start_key``.
    """
    return uuid5(event_id, original_start.isoformat())
