"""Free time: working hours without what is busy, between notice and horizon.

The answer depends on its arguments alone, in whatever zone the server runs.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from operator import itemgetter
from zoneinfo import ZoneInfo

from calendar_manager.domain.daily_limits import find_full_days
from calendar_manager.domain.rules import (
    MINUTES_PER_DAY,
    WEEKDAYS,
    AvailabilityRules,
    WallWindow,
)
from calendar_manager.domain.times import (
    MIDNIGHT,
    find_zone,
    local_date,
    resolve_wall,
    start_of_day,
)
from calendar_manager.domain.timespan import Span, merge_spans, subtract_spans

_ONE_DAY = timedelta(days=1)
_ONE_MINUTE = timedelta(minutes=1)


def working_windows(
    rules: AvailabilityRules, first_day: date, last_day: date, holidays: AbstractSet[date]
) -> list[Span]:
    """Return the working hours of some local days as instants.

    An override replaces its whole day; days off and holidays then remove days. A wall clock in a
    DST gap moves forward by the gap. In a fold the first reading starts a window and the second
    ends it; ``24:00`` is the next day's midnight. A day that the zone skipped, such as
    2011-12-30 in Apia, has no hours.

    Args:
        rules: Whose hours, in the rules' zone.
        first_day: The first local day.
        last_day: The last local day, included.
        holidays: The dates of the public holidays that the rules name.

    Returns:
        Sorted, disjoint, non-empty spans; hours that meet at midnight are one span.
    """
    zone = find_zone(rules.time_zone)
    return merge_spans(
        window
        for day, hours in _hours_by_day(rules, first_day, last_day, holidays)
        for window in _windows_of_day(day, hours, zone)
    )


def bookable_span(rules: AvailabilityRules, now: datetime) -> Span:
    """Return the span between the minimum notice and the horizon.

    Args:
        rules: Their notice, horizon and zone count.
        now: The moment of the question.

    Returns:
        ``[now + notice, end of the local day today + horizon_days)``, empty when the notice is
        longer than the horizon.
    """
    zone = find_zone(rules.time_zone)
    start = now + timedelta(minutes=rules.minimum_notice_minutes)
    last_day = local_date(now, zone) + timedelta(days=rules.horizon_days)
    return Span(start, max(start, start_of_day(last_day + _ONE_DAY, zone)))


def free_windows(
    rules: AvailabilityRules,
    busy: Sequence[Span],
    asked: Span,
    now: datetime,
    holidays: AbstractSet[date],
    meetings: Sequence[Span] | None = None,
) -> list[Span]:
    """Return when the person is free to be booked.

    Args:
        rules: The person's rules.
        busy: What blocks, in any order and as it is: this function adds the buffers, so that
            each takes ``[start - buffer_after, end + buffer_before)``. Spans of zero length
            block nothing.
        asked: The span of the question.
        now: The moment of the question.
        holidays: The dates of the public holidays that the rules name.
        meetings: What counts against the daily limits, each meeting once; None for all of
            ``busy``.

    Returns:
        Sorted, disjoint, non-empty spans.
    """
    wanted = asked.intersection(bookable_span(rules, now))
    if wanted is None:
        return []
    zone = find_zone(rules.time_zone)
    # A window of the day before can reach over midnight, by 24:00 in a fold or a gap.
    first_day = local_date(wanted.start, zone) - _ONE_DAY
    working = working_windows(rules, first_day, local_date(wanted.end, zone), holidays)
    full_days = find_full_days(rules, busy if meetings is None else meetings, wanted)
    if full_days:
        working = subtract_spans(working, full_days)
    return list(_subtract(working, _widen(rules, busy, wanted), wanted))


def _hours_by_day(
    rules: AvailabilityRules, first_day: date, last_day: date, holidays: AbstractSet[date]
) -> Iterator[tuple[date, Sequence[WallWindow]]]:
    """Yield the days that have hours, with their wall clocks."""
    weekly = [
        [entry.window for entry in rules.weekly if weekday in entry.days] for weekday in WEEKDAYS
    ]
    overrides = {override.day: override.windows for override in rules.overrides}
    for offset in range((last_day - first_day).days + 1):
        day = first_day + offset * _ONE_DAY
        hours = overrides.get(day, weekly[day.weekday()])
        if not hours or day in holidays:
            continue
        if any(off.first <= day <= off.last for off in rules.days_off):
            continue
        yield day, hours


def _windows_of_day(day: date, hours: Sequence[WallWindow], zone: ZoneInfo) -> Iterator[Span]:
    """Yield the instants of the hours of one day."""
    midnight, next_midnight = start_of_day(day, zone), start_of_day(day + _ONE_DAY, zone)
    if midnight == next_midnight:
        return
    # On a day of 24 hours the clock runs like real time and need not be asked.
    plain = next_midnight - midnight == _ONE_DAY
    wall_midnight = datetime.combine(day, MIDNIGHT)
    for window in hours:
        since, until = window.start * _ONE_MINUTE, window.end * _ONE_MINUTE
        start = midnight + since if plain else resolve_wall(wall_midnight + since, zone)
        if plain and window.end < MINUTES_PER_DAY:
            end = midnight + until
        else:
            end = resolve_wall(wall_midnight + until, zone, late=True)
        # A gap can push the start of a short window past its end.
        if start < end:
            yield Span(start, end)


def _widen(
    rules: AvailabilityRules, busy: Iterable[Span], wanted: Span
) -> list[tuple[datetime, datetime]]:
    """Return what is busy with the buffers of a new booking, where it reaches into ``wanted``.

    There are thousands of them for one answer, so they are bare starts and ends.

    Returns:
        Sorted by start; they may overlap.
    """
    before = timedelta(minutes=rules.buffer_after_minutes)
    after = timedelta(minutes=rules.buffer_before_minutes)
    earliest, latest = wanted.start - after, wanted.end + before
    taken = [
        (span.start - before, span.end + after)
        for span in busy
        if earliest < span.end and span.start < latest and span.start < span.end
    ]
    taken.sort(key=itemgetter(0))
    return taken


def _subtract(
    working: Iterable[Span], taken: Iterable[tuple[datetime, datetime]], wanted: Span
) -> Iterator[Span]:
    """Yield what is left of the working hours inside ``wanted``.

    Args:
        working: Sorted and disjoint.
        taken: Sorted by start; they may overlap.
        wanted: Everything outside is left out.
    """
    blocks = iter(taken)
    # Nothing is asked about what begins where the question ends.
    nothing_more = (wanted.end, wanted.end)
    taken_from, taken_until = next(blocks, nothing_more)
    for window in working:
        start, end = max(window.start, wanted.start), min(window.end, wanted.end)
        while taken_from < end:
            if start < taken_from:
                yield Span(start, taken_from)
            start = max(start, taken_until)
            if taken_until >= end:
                # The next window may lie under this block as well.
                break
            taken_from, taken_until = next(blocks, nothing_more)
        if start < end:
            yield Span(start, end)
