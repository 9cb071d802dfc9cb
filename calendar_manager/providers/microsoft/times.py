"""Read Graph's dates and times.

Graph sends a wall clock with seven digits of fractions and, apart from it, the zone, which is UTC
because every request asks for that (``Prefer: outlook.timezone``). All-day events run from
midnight to midnight whatever zone is asked for, so that of them only the dates count.

https://learn.microsoft.com/graph/api/resources/datetimetimezone
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from calendar_manager.domain.times import MIDNIGHT, find_zone, resolve_wall, wall_clock
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.providers.microsoft.fields import read_mapping, read_text
from calendar_manager.providers.microsoft.zones import find_iana_zone

# Outside these years arithmetic with days and zones leaves the range of Python's dates.
_FIRST_YEAR = 2
_LAST_YEAR = 9998
_TIME_LIMIT = 64
_HALF_A_DAY = timedelta(hours=12)


class UnreadableTimeError(ValueError):
    """A time is missing, malformed or out of range; the message is for a person."""


def read_when(item: Mapping[str, object]) -> Span | DateSpan:
    """Return the instants, or the dates, of an event.

    Raises:
        UnreadableTimeError: The times cannot be read.
        InvalidSpanError: The end comes before the start.
    """
    start = _read_wall(item.get("start"), "start")
    if start is None:
        raise UnreadableTimeError("it has no start")
    end = _read_wall(item.get("end"), "end")
    if item.get("isAllDay") is True:
        first = start.date()
        last = first if end is None else end.date()
        # An all-day event that ends on the date on which it starts can only mean that day.
        return DateSpan(first, first + timedelta(days=1) if last == first else last)
    start_at = _to_instant(start, item.get("start"), "start")
    return Span(start_at, start_at if end is None else _to_instant(end, item.get("end"), "end"))


def read_original_start(
    item: Mapping[str, object], *, all_day: bool, time_zone: str | None
) -> datetime | date | None:
    """Return the start that the rule gave to a member of a series, or None when it is not told.

    Args:
        item: The member.
        all_day: Whether the series is all-day, so that a date is wanted.
        time_zone: The IANA zone of the series.
    """
    instant = read_instant(item.get("originalStart"))
    if instant is None or not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        return None
    if not all_day:
        return instant
    # Graph writes the day as midnight of the zone in which the series was made, or as midnight
    # UTC; where it is neither, the nearest midnight is meant.
    if time_zone is not None:
        wall = wall_clock(instant, find_zone(time_zone))
        if wall.time() == MIDNIGHT:
            return wall.date()
    return (instant + _HALF_A_DAY).date()


def read_instant(value: object) -> datetime | None:
    """Return an instant with an offset in UTC, or None when there is none that can be read."""
    text = read_text(value, limit=_TIME_LIMIT)
    try:
        instant = datetime.fromisoformat(text) if text else None
        return None if instant is None or instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _read_wall(value: object, what: str) -> datetime | None:
    text = read_text(read_mapping(value).get("dateTime"), limit=_TIME_LIMIT)
    if text is None:
        return None
    try:
        wall = datetime.fromisoformat(text)
    except ValueError as error:
        raise UnreadableTimeError(f"its {what} {text!r} cannot be read: {error}") from error
    if not _FIRST_YEAR <= wall.year <= _LAST_YEAR:
        raise UnreadableTimeError(f"its {what} is in the year {wall.year}")
    return wall


def _to_instant(wall: datetime, value: object, what: str) -> datetime:
    """Apply the offset, which Graph never sends, or the zone."""
    if wall.tzinfo is not None:
        return wall.astimezone(UTC)
    name = read_text(read_mapping(value).get("timeZone"), limit=_TIME_LIMIT) or "UTC"
    zone = find_iana_zone(name)
    if zone is None:
        raise UnreadableTimeError(f"its {what} is in the unknown time zone {name!r}")
    return resolve_wall(wall, find_zone(zone))
