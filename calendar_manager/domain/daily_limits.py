"""How much of each local day is booked already, against the limits of the rules."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from calendar_manager.domain.rules import AvailabilityRules
from calendar_manager.domain.times import dates_within, day_span, find_zone, start_of_day
from calendar_manager.domain.timespan import DateSpan, Span, merge_spans

_ONE_DAY = timedelta(days=1)


@dataclass(slots=True)
class BookedDay:
    """What is booked on one local day.

    Attributes:
        meetings: How many meetings touch the day.
        time: How much of the day they take; time that two of them share counts once.
    """

    meetings: int = 0
    time: timedelta = timedelta()


def book_days(meetings: Sequence[Span], within: Span, zone: ZoneInfo) -> Mapping[date, BookedDay]:
    """Add up the meetings of each local day.

    A meeting over midnight counts on both days, with the minutes that it takes of each. One of
    zero length counts nowhere.

    Args:
        meetings: The spans of the meetings themselves, without buffers, each meeting once.
        within: Days that do not touch this span are left out.
        zone: Whose midnight divides the days.

    Returns:
        The days on which something is booked.
    """
    days = dates_within(within, zone)
    whole_days = day_span(DateSpan(days[0], days[-1] + _ONE_DAY), zone)
    cut = [part for span in meetings if (part := span.intersection(whole_days)) is not None]
    booked: dict[date, BookedDay] = defaultdict(BookedDay)
    for span in cut:
        for day in dates_within(span, zone):
            booked[day].meetings += 1
    for span in merge_spans(cut):
        for day, time in split_by_day(span, zone):
            booked[day].time += time
    return booked


def find_full_days(rules: AvailabilityRules, meetings: Sequence[Span], within: Span) -> list[Span]:
    """Return the whole local days on which a limit of the rules is reached, in order.

    Args:
        rules: Their limits count, and their zone divides the days.
        meetings: As for :func:`book_days`.
        within: As for :func:`book_days`.
    """
    if rules.max_meetings_per_day is None and rules.max_minutes_per_day is None:
        return []
    zone = find_zone(rules.time_zone)
    return [
        day_span(DateSpan(day, day + _ONE_DAY), zone)
        for day, booked in sorted(book_days(meetings, within, zone).items())
        if _is_full(rules, booked)
    ]


def keep_within_minutes(
    rules: AvailabilityRules, slots: Iterable[Span], meetings: Sequence[Span], within: Span
) -> list[Span]:
    """Return the slots that book no day beyond its minutes.

    Args:
        rules: Their ``max_minutes_per_day`` counts; None keeps every slot.
        slots: Each is judged as if it alone were booked.
        meetings: As for :func:`book_days`.
        within: The span that contains all slots.
    """
    if rules.max_minutes_per_day is None:
        return list(slots)
    most = timedelta(minutes=rules.max_minutes_per_day)
    zone = find_zone(rules.time_zone)
    booked = book_days(meetings, within, zone)
    nothing = BookedDay()
    return [
        slot
        for slot in slots
        if all(
            booked.get(day, nothing).time + time <= most for day, time in split_by_day(slot, zone)
        )
    ]


def split_by_day(span: Span, zone: ZoneInfo) -> Iterator[tuple[date, timedelta]]:
    """Yield each local day that a span touches, with the real time that it takes of it."""
    for day in dates_within(span, zone):
        start = max(span.start, start_of_day(day, zone))
        end = min(span.end, start_of_day(day + _ONE_DAY, zone))
        # A clock change at midnight can leave a stretch that belongs to no day.
        if start < end:
            yield day, end - start


def _is_full(rules: AvailabilityRules, booked: BookedDay) -> bool:
    most_meetings, most_minutes = rules.max_meetings_per_day, rules.max_minutes_per_day
    return (most_meetings is not None and booked.meetings >= most_meetings) or (
        most_minutes is not None and booked.time >= timedelta(minutes=most_minutes)
    )
