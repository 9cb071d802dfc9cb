"""Free times as text for an e-mail, by the clock of whoever reads it."""

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from zoneinfo import ZoneInfo

from calendar_manager.domain.times import dates_within, day_span, local_date, wall_clock
from calendar_manager.domain.timespan import DateSpan, Span, merge_spans


def write_free_times(slots: Iterable[Span], zone: ZoneInfo) -> str:
    """Return bookable times as lines of text, a line for each day.

    Only times that can be booked are named: free time that is too short for a booking, or that
    lies between the last one's end and the end of the hours, is left out.

    Args:
        slots: Bookable starts with their ends, in any order.
        zone: The zone of the reader, by whose clock days begin and times are told.

    Returns:
        Lines such as ``Tuesday 24 November: 09:00-11:30, 14:00-16:00 (Europe/London)``, with en
        dashes; nothing when there are no slots. An end at midnight is ``24:00``.
    """
    parts = (
        (day, part)
        for span in merge_spans(slots)
        for day in dates_within(span, zone)
        if (part := span.intersection(day_span(DateSpan(day, _next(day)), zone))) is not None
    )
    return "\n".join(
        f"{day:%A} {day.day} {day:%B}: "
        f"{', '.join(_write(part, day, zone) for _, part in parts_of_day)} ({zone.key})"
        for day, parts_of_day in groupby(parts, key=lambda entry: entry[0])
    )


def _next(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)


def _write(span: Span, day: date, zone: ZoneInfo) -> str:
    end = "24:00" if local_date(span.end, zone) != day else f"{wall_clock(span.end, zone):%H:%M}"
    return f"{wall_clock(span.start, zone):%H:%M}\N{EN DASH}{end}"
