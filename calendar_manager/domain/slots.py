"""Slots: the bookable starts inside free windows, on the grid of the wall clock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from calendar_manager.domain.daily_limits import keep_within_minutes
from calendar_manager.domain.errors import InvalidRulesError
from calendar_manager.domain.rules import AvailabilityRules
from calendar_manager.domain.times import MIDNIGHT, find_zone
from calendar_manager.domain.timespan import Span, merge_spans

_ONE_DAY = timedelta(days=1)
_ONE_MINUTE = timedelta(minutes=1)


def find_slots(
    windows: Sequence[Span],
    rules: AvailabilityRules,
    duration: timedelta,
    step: timedelta,
    meetings: Sequence[Span] = (),
) -> list[Span]:
    """Return the slots that fit into free windows.

    A slot starts where the wall clock in the rules' zone, in minutes since local midnight, is a
    multiple of the step, and lasts ``duration`` of real time. Neither buffers nor meetings shift
    that grid. In the hour that a DST fold repeats, both readings are starts; in the hour that a
    gap skips, there are none.

    Args:
        windows: Free time, as :func:`calendar_manager.domain.availability.free_windows` returns
            it.
        rules: Their zone and ``max_minutes_per_day`` count.
        duration: How long a slot is; positive.
        step: The grid in whole minutes, up to a day.
        meetings: What counts against ``max_minutes_per_day``, each meeting once.

    Returns:
        Slots in order, no two with the same start; they overlap when the step is shorter than
        the duration.

    Raises:
        InvalidRulesError: When the duration or the step is out of bounds.
    """
    if duration <= timedelta():
        raise InvalidRulesError("a slot lasts longer than nothing", ("duration",))
    if not _ONE_MINUTE <= step <= _ONE_DAY or step % _ONE_MINUTE:
        raise InvalidRulesError("the step is whole minutes, up to a day", ("step",))
    zone = find_zone(rules.time_zone)
    slots = list(_slots(merge_spans(windows), zone, duration, step))
    if not slots:
        return []
    return keep_within_minutes(rules, slots, meetings, Span(slots[0].start, slots[-1].end))


def _slots(
    windows: Sequence[Span], zone: ZoneInfo, duration: timedelta, step: timedelta
) -> Iterator[Span]:
    stretch = None
    for window in windows:
        first, last = window.start, window.end - duration
        while first <= last:
            if stretch is None or stretch.end <= first:
                stretch = _stretch(first, zone)
            start = first + (stretch.midnight - first) % step
            while start <= last and start < stretch.end:
                yield Span(start, start + duration)
                start += step
            first = stretch.end


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A stretch of one local day in which the clock runs like real time.

    Attributes:
        midnight: The instant at which the clock would have shown midnight had it always run so.
        end: The first instant at which the local day is over or the clock is changed.
    """

    midnight: datetime
    end: datetime


def _stretch(instant: datetime, zone: ZoneInfo) -> _Stretch:
    """Return the stretch from an instant on."""
    local = instant.astimezone(zone)
    offset = local.utcoffset()
    # Between two clocks of one zone, a difference is that of what they show.
    midnight = instant - (local - datetime.combine(local, MIDNIGHT, zone))
    end = midnight + _ONE_DAY
    last = end - timedelta.resolution
    if _offset(last, zone) != offset:
        end = _find_clock_change(instant, last, zone)
    return _Stretch(midnight, end)


def _find_clock_change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant between two at which the clock is changed, by halving the stretch.

    The tz database changes clocks at whole seconds, and never twice on one day.
    """
    offset = _offset(before, zone)
    low, high = int(before.timestamp()), int(after.timestamp()) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(datetime.fromtimestamp(middle, UTC), zone) == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()
