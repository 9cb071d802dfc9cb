"""Series: from the lines that describe them to their starts (RFC 5545, section 3.8.5).

``recurrence_lines`` and ``recurrence_rule`` read, ``recurrence_walk`` finds the wall clocks that
one rule gives, and this module joins the rules and dates of a series.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from calendar_manager.domain.recurrence_lines import RecurrenceLines, read_lines
from calendar_manager.domain.recurrence_rule import (
    Budget,
    Frequency,
    Moment,
    Rule,
    invalid_line,
)
from calendar_manager.domain.recurrence_walk import walk
from calendar_manager.domain.times import (
    FIRST_WALL,
    LAST_WALL,
    MIDNIGHT,
    find_zone,
    local_date,
    resolve_wall,
    wall_clock,
)

DEFAULT_WORK = 300_000
"""How many days and candidates one expansion may look at: a second's work at most."""

_ONE_DAY = timedelta(days=1)
_ONE_SECOND = timedelta(seconds=1)
_LONGEST_CHANGE = timedelta(hours=25)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A series of starts.

    Attributes:
        start: DTSTART: a naive wall clock in the series' zone, or a date when it is all-day.
        time_zone: The IANA zone in which the series recurs; None for UTC.
        lines: RRULE, EXRULE, RDATE and EXDATE content lines, never DTSTART.
    """

    start: datetime | date
    time_zone: str | None
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expansion:
    """The starts of a series in a stretch of time.

    Attributes:
        starts: Ascending, each once: instants in UTC, or dates of an all-day series.
        truncated: Whether the limit left later ones out.
    """

    starts: tuple[datetime | date, ...]
    truncated: bool


def expand(
    recurrence: Recurrence,
    first: datetime | date,
    last: datetime | date,
    *,
    limit: int,
    work: int = DEFAULT_WORK,
) -> Expansion:
    """Return the starts of a series in ``[first, last)``.

    Rules run on the wall clock of the series' zone. A wall clock inside a DST gap moves forward
    by the gap; inside a fold it is the first reading. DTSTART is a start when a rule gives it,
    or when there is no RRULE. COUNT counts what its rule gives, before anything is excluded.
    UNTIL is inclusive, and a date there means that whole day. A date in EXDATE takes every start
    of that local day, and one in RDATE gets DTSTART's time of day.

    Args:
        recurrence: The series.
        first: The first instant of the stretch, aware; the first day for an all-day series.
        last: The first instant after the stretch; the first day after it.
        limit: How many starts to return at most.
        work: How many days and candidates to look at, at most.

    Raises:
        InvalidRecurrenceError: When a line cannot be read, or not be expanded within ``work``.
        UnknownTimeZoneError: When the series' own zone is none.
    """
    zone = find_zone(recurrence.time_zone or "UTC")
    lines = read_lines(recurrence.lines)
    start = recurrence.start
    if isinstance(start, datetime):
        if not isinstance(first, datetime) or not isinstance(last, datetime):
            raise TypeError("a timed series is expanded between instants")
        series = _Series(lines, start.replace(microsecond=0), zone, Budget(work))
        return _cut(series.find_starts(first.astimezone(UTC), last.astimezone(UTC)), limit)
    if isinstance(first, datetime) or isinstance(last, datetime):
        raise TypeError("an all-day series is expanded between dates")
    # Days are handled as the midnights of a zone in which every day has one.
    midnight = datetime.combine(start, MIDNIGHT)
    series = _Series(_as_days(lines, zone), midnight, find_zone("UTC"), Budget(work))
    midnights = series.find_starts(_midnight_utc(first), _midnight_utc(last))
    return _cut((midnight.date() for midnight in midnights), limit)


def _cut(starts: Iterator[datetime] | Iterator[date], limit: int) -> Expansion:
    """Take as many starts as the limit allows."""
    found = tuple(islice(starts, limit))
    return Expansion(found, truncated=next(starts, None) is not None)


@dataclass(frozen=True, slots=True)
class _Series:
    """A series of instants, its lines read.

    Attributes:
        lines: What they say.
        start: DTSTART as a naive wall clock in whole seconds.
        zone: Where it recurs.
        budget: What the expansion may cost.
    """

    lines: RecurrenceLines
    start: datetime
    zone: ZoneInfo
    budget: Budget

    def find_starts(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """Yield the starts in ``[first, last)``, ascending, each once."""
        walls = (min(_readings(first, self.zone)), max(_readings(last, self.zone)))
        included = [self._walk(rule, *walls) for rule in self.lines.rules]
        included.append(iter(self._list_dates()))
        excluded = [self._walk(rule, *walls) for rule in self.lines.excluded_rules]
        is_excluded = self._find_exclusion(heapq.merge(*excluded))
        previous: datetime | None = None
        for start in heapq.merge(*included):
            if start >= last:
                return
            if start != previous and start >= first and not is_excluded(start):
                yield start
            previous = start

    def _walk(self, rule: Rule, first: datetime, last: datetime) -> Iterator[datetime]:
        """Yield the instants that one rule gives, ascending, up to its UNTIL."""
        until, until_at = rule.until, None
        if until is not None and until.is_date:
            last = min(last, _shift(until.wall, _ONE_DAY))
        elif until is not None and until.zone is None:
            last = min(last, _shift(until.wall, _ONE_SECOND))
        elif until is not None:
            until_at = until.instant(self.zone)
            last = min(last, _shift(max(_readings(until_at, self.zone)), _ONE_SECOND))
        for start in _resolve(walk(rule, self.start, first, last, self.budget), self.zone):
            if until_at is not None and start > until_at:
                return
            yield start

    def _list_dates(self) -> list[datetime]:
        """List the instants that RDATE adds, and DTSTART where no rule speaks about it."""
        starts = {
            resolve_wall(datetime.combine(moment.wall, self.start.time()), self.zone)
            if moment.is_date
            else moment.instant(self.zone)
            for moment in self.lines.dates
        }
        if not self.lines.rules:
            starts.add(resolve_wall(self.start, self.zone))
        return sorted(starts)

    def _find_exclusion(self, excluded: Iterator[datetime]) -> Callable[[datetime], bool]:
        """Return a test that takes ascending starts and tells which are excluded.

        Args:
            excluded: What EXRULE takes away, ascending; read only as far as it is needed.
        """
        moments = self.lines.excluded_dates
        instants = {moment.instant(self.zone) for moment in moments if not moment.is_date}
        days = {moment.wall.date() for moment in moments if moment.is_date}
        head = next(excluded, None)

        def is_excluded(start: datetime) -> bool:
            nonlocal head
            while head is not None and head < start:
                head = next(excluded, None)
            return (
                start == head
                or start in instants
                or (bool(days) and local_date(start, self.zone) in days)
            )

        return is_excluded


def _as_days(lines: RecurrenceLines, zone: ZoneInfo) -> RecurrenceLines:
    """Return the lines of an all-day series with days in the place of times."""
    return RecurrenceLines(
        rules=tuple(_as_day_rule(rule, zone) for rule in lines.rules),
        excluded_rules=tuple(_as_day_rule(rule, zone) for rule in lines.excluded_rules),
        dates=tuple(_as_day(moment, zone) for moment in lines.dates),
        excluded_dates=tuple(_as_day(moment, zone) for moment in lines.excluded_dates),
    )


def _as_day_rule(rule: Rule, zone: ZoneInfo) -> Rule:
    """Return a rule without the parts that RFC 5545 has ignored when DTSTART is a date."""
    if rule.frequency > Frequency.DAILY:
        raise invalid_line(rule.line, f"days do not recur {rule.frequency.name}")
    return replace(
        rule,
        until=None if rule.until is None else _as_day(rule.until, zone),
        by_hour=frozenset(),
        by_minute=frozenset(),
        by_second=frozenset(),
    )


def _as_day(moment: Moment, zone: ZoneInfo) -> Moment:
    return Moment(datetime.combine(moment.day(zone), MIDNIGHT), is_date=True)


def _resolve(walls: Iterator[datetime], zone: ZoneInfo) -> Iterator[datetime]:
    """Turn ascending wall clocks into ascending instants.

    Wall clocks inside a gap land among those behind it, where they wait for their turn.
    """
    moved: list[datetime] = []
    for wall in walls:
        instant = resolve_wall(wall, zone)
        if wall_clock(instant, zone) != wall:
            heapq.heappush(moved, instant)
            continue
        while moved and moved[0] <= instant:
            yield heapq.heappop(moved)
        yield instant
    yield from sorted(moved)


def _readings(instant: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return what the clock shows, and what it would show without its changes of the last day.

    Wall clocks from the lesser one on are all that can stand for later instants, and those
    before the greater one all that can stand for earlier ones: a gap moves wall clocks forward,
    and a fold lets the clock fall behind what it has shown. No change was ever longer than a day.
    """
    before = _shift(instant, -_LONGEST_CHANGE)
    return wall_clock(instant, zone), _shift(wall_clock(before, zone), instant - before)


def _shift(moment: datetime, by: timedelta) -> datetime:
    """Return a time moved, at most to the ends of the calendar."""
    first, last = FIRST_WALL.replace(tzinfo=moment.tzinfo), LAST_WALL.replace(tzinfo=moment.tzinfo)
    return moment + min(max(by, first - moment), last - moment)


def _midnight_utc(day: date) -> datetime:
    return datetime.combine(day, MIDNIGHT, UTC)
