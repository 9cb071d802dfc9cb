"""Free time from rules and busy time that are loaded already."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from calendar_manager.domain.availability import bookable_span, free_windows
from calendar_manager.domain.rules import AvailabilityRules
from calendar_manager.domain.slots import find_slots
from calendar_manager.domain.times import find_zone, local_date, start_of_day
from calendar_manager.domain.timespan import Span
from calendar_manager.scheduling.busy_time import list_meetings
from calendar_manager.scheduling.public_holidays import find_holidays
from calendar_manager.store.agenda_entries import BlockingSpan

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class FreeTime:
    """When a person is free.

    Attributes:
        windows: Sorted and apart.
        slots: Bookable starts with their ends, in order.
    """

    windows: Sequence[Span] = ()
    slots: Sequence[Span] = ()


def span_to_load(rules: AvailabilityRules, asked: Span, now: datetime) -> Span | None:
    """Return in which span busy time decides about an answer.

    It reaches over the question by the buffers, and to whole local days for the daily limits.

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
    days = Span(
        start_of_day(local_date(wanted.start, zone), zone),
        start_of_day(local_date(wanted.end, zone) + _ONE_DAY, zone),
    )
    before = timedelta(minutes=rules.buffer_before_minutes)
    after = timedelta(minutes=rules.buffer_after_minutes)
    return wanted.widened(before, after).hull(days)


def find_free_time(
    rules: AvailabilityRules,
    busy: Sequence[BlockingSpan],
    asked: Span,
    *,
    now: datetime,
    duration: timedelta,
    step: timedelta,
) -> FreeTime:
    """Return the free windows and slots of a stretch of time.

    Args:
        rules: The person's rules.
        busy: What makes the person busy, at least in :func:`span_to_load`.
        asked: The span of the question.
        now: The moment of the question.
        duration: How long a slot is.
        step: The grid of the slots.

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
    meetings = list_meetings(busy)
    windows = free_windows(
        rules, [blocking.span for blocking in busy], asked, now, holidays, meetings
    )
    return FreeTime(windows, find_slots(windows, rules, duration, step, meetings))
