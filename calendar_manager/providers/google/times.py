"""Read Google's dates, date-times and zones.

https://developers.google.com/workspace/calendar/api/v3/reference/events#start
"""

import logging
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from calendar_manager.domain.times import find_zone, is_zone, resolve_wall
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.providers.google.fields import read_mapping, read_text

_logger = logging.getLogger(__name__)

# Outside these years arithmetic with days and zones leaves the range of Python's dates.
_FIRST_YEAR = 2
_LAST_YEAR = 9998
_TIME_LIMIT = 64
_ID_LIMIT = 1024
# Exceptions are named after their master and their original start in UTC.
_INSTANCE_ID = re.compile(r"_(\d{8}(?:T\d{6}Z)?)\Z", re.ASCII)
_ETC_HOURS = range(-12, 15)


class UnreadableTimeError(ValueError):
    """A time is missing, malformed or out of range; the message is for a person."""


def read_when(item: Mapping[str, object], *, calendar_time_zone: str | None) -> Span | DateSpan:
    """Return the instants, or the dates, of an event.

    A missing end follows RFC 5545, section 3.6.1: one day for a date, no length for an instant.

    Raises:
        UnreadableTimeError: The times cannot be read.
        InvalidSpanError: The end comes before the start.
    """
    start = _read_moment(item.get("start"), "start", calendar_time_zone)
    if start is None:
        raise UnreadableTimeError("it has no start")
    end = _read_moment(item.get("end"), "end", calendar_time_zone)
    if isinstance(start, datetime):
        if end is None:
            return Span(start, start)
        if isinstance(end, datetime):
            return Span(start, end)
    elif not isinstance(end, datetime):
        # Imported all-day events may end on the date on which they start; a day is meant.
        next_day = start + timedelta(days=1)
        return DateSpan(start, next_day if end is None or end == start else end)
    raise UnreadableTimeError("one of its start and end is a date, the other a time")


def names_original_start(item: Mapping[str, object]) -> bool:
    """Tell whether an exception says which occurrence it replaces."""
    time = read_mapping(item.get("originalStartTime"))
    return bool(time.get("date") or time.get("dateTime") or _find_instance_name(item))


def read_original_start(
    item: Mapping[str, object], *, calendar_time_zone: str | None
) -> datetime | date:
    """Return the start that the rule gave to an exception, which names it for ever.

    Raises:
        UnreadableTimeError: Neither ``originalStartTime`` nor the id tells it.
    """
    moment = _read_moment(item.get("originalStartTime"), "original start", calendar_time_zone)
    if moment is not None:
        return moment
    name = _find_instance_name(item)
    if name is None:
        raise UnreadableTimeError("it does not say which occurrence it replaces")
    try:
        return datetime.fromisoformat(name) if name.endswith("Z") else date.fromisoformat(name)
    except ValueError as error:
        raise UnreadableTimeError("it does not say which occurrence it replaces") from error


def read_time_zone(item: Mapping[str, object], *, calendar_time_zone: str | None) -> str | None:
    """Return the zone in which a timed event was made and recurs.

    A zone that the tz database does not know gives way to the calendar's, and then to the fixed
    offset of the start.
    """
    start = read_mapping(item.get("start"))
    name = read_text(start.get("timeZone"), limit=_TIME_LIMIT)
    if name is not None and is_zone(name):
        return name
    zone = calendar_time_zone or _offset_zone(read_instant(start.get("dateTime")))
    if name is not None:
        _logger.warning(
            "event %.100s is in the unknown zone %r; read in %s", item.get("id"), name, zone
        )
    return zone


def read_instant(value: object) -> datetime | None:
    """Return an RFC 3339 instant, or None when there is none that can be read."""
    text = read_text(value, limit=_TIME_LIMIT)
    try:
        instant = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return instant if instant is not None and instant.tzinfo is not None else None


def _find_instance_name(item: Mapping[str, object]) -> str | None:
    match = _INSTANCE_ID.search(read_text(item.get("id"), limit=_ID_LIMIT) or "")
    return match[1] if match else None


def _read_moment(
    value: object, what: str, calendar_time_zone: str | None
) -> datetime | date | None:
    time = read_mapping(value)
    day_text = read_text(time.get("date"), limit=_TIME_LIMIT)
    clock_text = read_text(time.get("dateTime"), limit=_TIME_LIMIT)
    if day_text is None and clock_text is None:
        return None
    try:
        if clock_text is None:
            moment: datetime | date = date.fromisoformat(day_text or "")
        else:
            moment = _to_instant(datetime.fromisoformat(clock_text), time, calendar_time_zone)
    except (ValueError, OverflowError) as error:
        raise UnreadableTimeError(
            f"its {what} {clock_text or day_text!r} cannot be read: {error}"
        ) from error
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise UnreadableTimeError(f"its {what} is in the year {moment.year}")
    return moment


def _to_instant(
    wall: datetime, time: Mapping[str, object], calendar_time_zone: str | None
) -> datetime:
    """Apply the offset, or else the time's own zone, or else the calendar's."""
    if wall.tzinfo is not None:
        return wall
    own = read_text(time.get("timeZone"), limit=_TIME_LIMIT)
    for name in (own, calendar_time_zone):
        if name is not None and is_zone(name):
            return resolve_wall(wall, find_zone(name))
    raise UnreadableTimeError("it has neither an offset nor a known zone")


def _offset_zone(instant: datetime | None) -> str | None:
    """Name the zone of an instant's offset in whole hours; its sign is that of POSIX, reversed."""
    offset = None if instant is None else instant.utcoffset()
    if offset is None or offset % timedelta(hours=1):
        return None
    hours = offset // timedelta(hours=1)
    if hours == 0:
        return "Etc/UTC"
    return f"Etc/GMT{-hours:+d}" if hours in _ETC_HOURS else None
