"""Recurrence lines that give exactly the instances that Graph lists.

Graph knows no EXDATE: what a person deleted from a series is simply not among its instances. And
a rule may say a little more or less than Exchange makes of it. So the rule is expanded inside the
window of the instances, and what it gives too much becomes EXDATE, what it lacks RDATE.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from calendar_manager.domain.errors import InvalidRecurrenceError
from calendar_manager.domain.recurrence import Recurrence, expand
from calendar_manager.domain.times import find_zone, wall_clock
from calendar_manager.domain.timespan import DateSpan, Span

_LIMIT = 10_000
"""Graph's series recur daily at most, so this is more than twenty-five years of one."""

_ONE_DAY = timedelta(days=1)
_ONE_SECOND = timedelta(seconds=1)

Start = datetime | date


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The instances of one series that share time with a window.

    Attributes:
        when: The times of the master, its first occurrence.
        window: The window that was asked for.
        starts: The starts of the occurrences that are as the rule made them: instants, or dates
            of an all-day series.
        named: The starts that the rule gave to occurrences that were changed since.
    """

    when: Span | DateSpan
    window: Span
    starts: frozenset[Start]
    named: frozenset[Start]


@dataclass(frozen=True, slots=True)
class ExactLines:
    """Recurrence lines.

    Attributes:
        lines: Never empty when there is any instance.
        corrections: How many starts had to be added or taken away.
    """

    lines: tuple[str, ...]
    corrections: int


def find_exact_lines(rule: str | None, listed: Listed, *, time_zone: str) -> ExactLines:
    """Return lines that give exactly the listed instances inside the window.

    A rule that has to be given more starts than it got right is no rule for this series, as one
    in an unknown zone may be; then the instances stand alone, and nothing is known beyond them.

    Args:
        rule: The RRULE line, or None when there is none.
        listed: The instances.
        time_zone: The IANA zone in which the series recurs.
    """
    given = None if rule is None else _expand(rule, listed, time_zone)
    if rule is None or given is None:
        return _list_alone(listed)
    missing = listed.starts - given
    surplus = _due(given, listed) - listed.starts - listed.named
    if len(missing) > len(given & (listed.starts | listed.named)):
        return _list_alone(listed)
    lines = (rule, *_write("EXDATE", surplus), *_write("RDATE", missing))
    return ExactLines(lines, len(missing) + len(surplus))


def _list_alone(listed: Listed) -> ExactLines:
    """Return the instances as RDATE; without an RRULE, DTSTART itself would be one of them."""
    starts = listed.starts | listed.named
    first = listed.when.start if isinstance(listed.when, Span) else listed.when.first
    lines = (*_write("RDATE", starts), *_write("EXDATE", {first} - starts))
    return ExactLines(lines, len(starts))


def _expand(rule: str, listed: Listed, time_zone: str) -> frozenset[Start] | None:
    """Return the starts that a rule gives in and around the window; None if it cannot say."""
    when, window = listed.when, listed.window
    start: Start
    first: Start
    last: Start
    if isinstance(when, Span):
        start = wall_clock(when.start, find_zone(time_zone))
        instants = [one for one in listed.starts if isinstance(one, datetime)]
        first = min([window.start - when.duration, *instants])
        last = max([window.end, *instants]) + _ONE_SECOND
    else:
        start = when.first
        days = [one for one in listed.starts if not isinstance(one, datetime)]
        first = min([window.start.date() - timedelta(days=when.days), *days])
        last = max([window.end.date(), *days]) + _ONE_DAY
    try:
        expansion = expand(Recurrence(start, time_zone, (rule,)), first, last, limit=_LIMIT)
    except (InvalidRecurrenceError, OverflowError):
        return None
    return None if expansion.truncated else frozenset(expansion.starts)


def _due(given: Collection[Start], listed: Listed) -> frozenset[Start]:
    """Return which starts of a rule have to be among the instances, if nobody deleted them.

    An all-day event has no instants of its own, so that of the days at the edges of the window
    nobody can tell on which side of it Graph saw them.
    """
    when, window = listed.when, listed.window
    if isinstance(when, DateSpan):
        first, last = window.start.date() + _ONE_DAY, window.end.date() - _ONE_DAY
        return frozenset(
            one for one in given if not isinstance(one, datetime) and first <= one < last
        )
    return frozenset(
        one
        for one in given
        if isinstance(one, datetime)
        and one < window.end
        and (one >= window.start or one + when.duration > window.start)
    )


def _write(name: str, starts: Collection[Start]) -> Sequence[str]:
    """Return one line of instants or dates, or none when there are none."""
    instants = sorted(one for one in starts if isinstance(one, datetime))
    days = sorted(one for one in starts if not isinstance(one, datetime))
    lines = []
    if instants:
        lines.append(f"{name}:{','.join(map(_write_instant, instants))}")
    if days:
        lines.append(f"{name};VALUE=DATE:{','.join(map(_write_day, days))}")
    return lines


def _write_instant(instant: datetime) -> str:
    in_utc = instant.astimezone(UTC)
    return f"{_write_day(in_utc)}T{in_utc:%H%M%S}Z"


def _write_day(day: date) -> str:
    # %Y would not fill the years before 1000 up to four digits.
    return f"{day.year:04}{day:%m%d}"
