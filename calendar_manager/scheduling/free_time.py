"""Free time from rules and busy time that are loaded already."""

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter

from calendar_manager.domain.availability import bookable_span, free_windows
from calendar_manager.domain.daily_limits import keep_within_minutes
from calendar_manager.domain.rules import AvailabilityRules
from calendar_manager.domain.slots import find_slots
from calendar_manager.domain.times import find_zone, local_date, start_of_day
from calendar_manager.domain.timespan import Span
from calendar_manager.scheduling.busy_time import BusyTime
from calendar_manager.scheduling.public_holidays import find_holidays

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class FreeTime:
    """When a person is free.

    Attributes:
        windows: Sorted and apart.
        slots: Bookable starts with their ends, in order.
        whole: What this is the end of: all windows and slots here are its last ones, and only the
            first window may begin later. None when it was not cut.
        derived: A place for what somebody makes of this and wants to find again as long as it is
            remembered.
    """

    windows: Sequence[Span] = ()
    slots: Sequence[Span] = ()
    whole: "FreeTime | None" = field(default=None, compare=False, repr=False)
    derived: dict[Hashable, object] = field(default_factory=dict, compare=False, repr=False)


def span_to_load(rules: AvailabilityRules, asked: Span, now: datetime) -> Span | None:
    """Return in which span busy time decides about an answer.

    It reaches over the question by the buffers, and to whole local days: for the daily limits,
    and so that the same question has the same span all day long.

    Args:
        rules: The person's rules.
        asked: The span of the question.
        now: The moment of the question.

    Returns:
        None when nothing of the question can be booked at all.
    """
    wanted = asked.intersection(bookable_span(rules, now))
    if wanted is None:
        return None
    zone = find_zone(rules.time_zone)
    before = timedelta(minutes=rules.buffer_before_minutes)
    after = timedelta(minutes=rules.buffer_after_minutes)
    reached = wanted.widened(before, after)
    days = Span(
        start_of_day(local_date(reached.start, zone), zone),
        start_of_day(local_date(reached.end, zone) + _ONE_DAY, zone),
    )
    # A clock change at midnight can leave a stretch that belongs to no day.
    return reached.hull(days)


def find_free_time(
    rules: AvailabilityRules,
    busy: BusyTime,
    asked: Span,
    *,
    now: datetime,
    duration: timedelta,
    step: timedelta,
    grid_zone: str | None = None,
) -> FreeTime:
    """Return the free windows and slots of a stretch of time.

    Args:
        rules: The person's rules.
        busy: What makes the person busy, at least in :func:`span_to_load`.
        asked: The span of the question.
        now: The moment of the question.
        duration: How long a slot is.
        step: The grid of the slots.
        grid_zone: The IANA zone whose clock they stand on; None for that of the rules.

    Raises:
        InvalidRulesError: The holidays that the rules name are not known.
    """
    wanted = asked.intersection(bookable_span(rules, now))
    if wanted is None:
        return FreeTime()
    zone = find_zone(rules.time_zone)
    holidays = find_holidays(
        rules.holidays,
        local_date(wanted.start, zone) - _ONE_DAY,
        local_date(wanted.end, zone),
    )
    windows = free_windows(rules, busy.spans, asked, now, holidays, busy.meetings)
    if grid_zone is None or grid_zone == rules.time_zone:
        return FreeTime(windows, find_slots(windows, rules, duration, step, busy.meetings))
    # The days of the limits stay those of the rules.
    slots = find_slots(windows, AvailabilityRules(time_zone=grid_zone), duration, step)
    return FreeTime(windows, keep_within_minutes(rules, slots, busy.meetings, asked))


def cut_free_time(free: FreeTime, start: datetime) -> FreeTime:
    """Return what of some free time can be booked from an instant on.

    Neither the grid of the slots nor the limits of a day depend on the moment of the question,
    so what was found for the whole day only has to lose what lies before.
    """
    first = bisect_right(free.windows, start, key=attrgetter("end"))
    windows = list(free.windows[first:])
    if windows and windows[0].start < start:
        windows[0] = Span(start, windows[0].end)
    slots = free.slots[bisect_left(free.slots, start, key=attrgetter("start")) :]
    return FreeTime(windows, slots, whole=free)
