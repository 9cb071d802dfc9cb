"""Times as people read them: wall clocks of a zone, in English, 24 hours a day."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from calendar_manager.domain.times import day_span, wall_clock
from calendar_manager.domain.timespan import DateSpan, Span

_DASH = "\N{EN DASH}"
_ONE_DAY = timedelta(days=1)
_SHORTEST_SHOWN = timedelta(minutes=15)


def show_day(day: date, *, year: bool = True) -> str:
    """Return a date such as ``Monday 23 November 2026``."""
    return f"{day:%A} {day.day} {day:%B %Y}" if year else f"{day:%A} {day.day} {day:%B}"


def show_clocks(span: Span, zone: ZoneInfo) -> str:
    """Return the clock times of a span in a zone, with days where it ends on another one."""
    start, end = wall_clock(span.start, zone), wall_clock(span.end, zone)
    if span.is_empty:
        return f"{start:%H:%M}"
    if start.date() == (end - timedelta.resolution).date():
        return f"{start:%H:%M}{_DASH}{end:%H:%M}"
    return f"{start:%a %H:%M} {_DASH} {end:%a %H:%M}"


def show_span(span: Span, dates: DateSpan | None, zone: ZoneInfo) -> str:
    """Return when something is, as a sentence without a verb.

    Args:
        span: Its instants.
        dates: Its days, when it is all-day; they are the same in every zone.
        zone: Whose clock is shown.
    """
    if dates is not None:
        last = dates.end - _ONE_DAY
        if last <= dates.first:
            return f"{show_day(dates.first)}, all day"
        return f"{show_day(dates.first)} to {show_day(last)}"
    start, end = wall_clock(span.start, zone), wall_clock(span.end, zone)
    if span.is_empty or start.date() == (end - timedelta.resolution).date():
        return f"{show_day(start.date())}, {show_clocks(span, zone)}"
    return f"{show_day(start.date())}, {start:%H:%M} to {show_day(end.date())}, {end:%H:%M}"


def place_on_grid(span: Span, zone: ZoneInfo) -> tuple[str, str]:
    """Return where a calendar grid draws a span: two wall clocks without an offset.

    A grid has 24 hours on every day. A span whose end would stand at or above its start, because
    clocks went back inside it, is drawn with its real length, and one of no length so that it can
    be seen.
    """
    start, end = wall_clock(span.start, zone), wall_clock(span.end, zone)
    if end <= start:
        end = start + max(span.duration, _SHORTEST_SHOWN)
    return start.isoformat(timespec="seconds"), end.isoformat(timespec="seconds")


def describe_clock_changes(days: DateSpan, zone: ZoneInfo) -> list[str]:
    """Return a sentence for each day on which the zone's clocks are changed."""
    told: list[str] = []
    day = days.first
    while day < days.end:
        length = day_span(DateSpan(day, day + _ONE_DAY), zone).duration
        if length != _ONE_DAY:
            way = "forward" if length < _ONE_DAY else "back"
            hours = f"{length / timedelta(hours=1):g}"
            told.append(
                f"Clocks go {way} on {show_day(day, year=False)}: that day has {hours} hours."
            )
        day += _ONE_DAY
    return told
