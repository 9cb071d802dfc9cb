"""Graph's recurrence patterns as RRULE lines (RFC 5545, section 3.3.10).

https://learn.microsoft.com/graph/api/resources/recurrencepattern
https://learn.microsoft.com/graph/api/resources/recurrencerange
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from calendar_manager.domain.times import find_zone, resolve_wall
from calendar_manager.providers.microsoft.fields import read_list, read_mapping, read_text
from calendar_manager.providers.microsoft.zones import find_iana_zone

_DAYS = {
    "monday": "MO",
    "tuesday": "TU",
    "wednesday": "WE",
    "thursday": "TH",
    "friday": "FR",
    "saturday": "SA",
    "sunday": "SU",
}
_POSITIONS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_EVERY_MONTH_HAS = 28
_LONGEST_MONTH = 31
_MONTHS = 12
_LAST_SECOND = time(23, 59, 59)
_TEXT_LIMIT = 64


class _UnknownPatternError(ValueError):
    """The pattern or range is none that the documentation has."""


def write_rule(recurrence: Mapping[str, object], *, time_zone: str, all_day: bool) -> str | None:
    """Return the RRULE line of a recurrence, or None when it has no such form.

    Args:
        recurrence: A :class:`~calendar_manager.providers.microsoft.wire.GraphRecurrence`.
        time_zone: The IANA zone of the series, in which the last day ends when the range names
            no zone of its own.
        all_day: Whether the series has dates instead of instants.
    """
    try:
        parts = _write_pattern(read_mapping(recurrence.get("pattern")))
        parts |= _write_range(read_mapping(recurrence.get("range")), time_zone, all_day=all_day)
    except _UnknownPatternError:
        return None
    return "RRULE:" + ";".join(f"{name}={value}" for name, value in parts.items())


def _write_pattern(pattern: Mapping[str, object]) -> dict[str, str]:
    interval = str(_read_count(pattern.get("interval")))
    match pattern.get("type"):
        case "daily":
            return {"FREQ": "DAILY", "INTERVAL": interval}
        case "weekly":
            # Graph's weeks begin on Sunday where it does not say otherwise.
            first = _DAYS.get(str(pattern.get("firstDayOfWeek")), "SU")
            days = ",".join(_read_days(pattern))
            return {"FREQ": "WEEKLY", "INTERVAL": interval, "BYDAY": days, "WKST": first}
        case "absoluteMonthly":
            return {"FREQ": "MONTHLY", "INTERVAL": interval, **_write_day_of_month(pattern)}
        case "relativeMonthly":
            return {"FREQ": "MONTHLY", "INTERVAL": interval, **_write_position(pattern)}
        case "absoluteYearly":
            yearly = {"FREQ": "YEARLY", "INTERVAL": interval, "BYMONTH": _read_month(pattern)}
            return yearly | _write_day_of_month(pattern)
        case "relativeYearly":
            yearly = {"FREQ": "YEARLY", "INTERVAL": interval, "BYMONTH": _read_month(pattern)}
            return yearly | _write_position(pattern)
        case _:
            raise _UnknownPatternError


def _write_day_of_month(pattern: Mapping[str, object]) -> dict[str, str]:
    """Return a day of the month; where a month is too short, Exchange takes its last day.

    RFC 5545 would skip such a month, so the day is written as the last of all days that it can
    become. (Microsoft's [MS-OXOCAL], section 2.2.1.44.1.3.)
    """
    day = pattern.get("dayOfMonth")
    if not isinstance(day, int) or isinstance(day, bool) or not 1 <= day <= _LONGEST_MONTH:
        raise _UnknownPatternError
    if day <= _EVERY_MONTH_HAS:
        return {"BYMONTHDAY": str(day)}
    days = ",".join(map(str, range(_EVERY_MONTH_HAS, day + 1)))
    return {"BYMONTHDAY": days, "BYSETPOS": "-1"}


def _write_position(pattern: Mapping[str, object]) -> dict[str, str]:
    """Return the first, second, …, last of some days of the week; first when it is not said."""
    position = _POSITIONS.get(str(pattern.get("index") or "first"))
    if position is None:
        raise _UnknownPatternError
    return {"BYDAY": ",".join(_read_days(pattern)), "BYSETPOS": str(position)}


def _write_range(limits: Mapping[str, object], time_zone: str, *, all_day: bool) -> dict[str, str]:
    match limits.get("type"):
        case "noEnd":
            return {}
        case "numbered":
            return {"COUNT": str(_read_count(limits.get("numberOfOccurrences")))}
        case "endDate":
            last = _read_date(limits.get("endDate"))
            if all_day:
                return {"UNTIL": f"{last:%Y%m%d}"}
            named = read_text(limits.get("recurrenceTimeZone"), limit=_TEXT_LIMIT)
            zone = find_zone(find_iana_zone(named) or time_zone)
            end = resolve_wall(datetime.combine(last, _LAST_SECOND), zone, late=True)
            return {"UNTIL": f"{end.astimezone(UTC):%Y%m%dT%H%M%SZ}"}
        case _:
            raise _UnknownPatternError


def _read_days(pattern: Mapping[str, object]) -> list[str]:
    names = {str(day) for day in read_list(pattern.get("daysOfWeek"))}
    if not names or names - _DAYS.keys():
        raise _UnknownPatternError
    return [short for name, short in _DAYS.items() if name in names]


def _read_month(pattern: Mapping[str, object]) -> str:
    month = _read_count(pattern.get("month"))
    if month > _MONTHS:
        raise _UnknownPatternError
    return str(month)


def _read_count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _UnknownPatternError
    return value


def _read_date(value: object) -> date:
    try:
        day = date.fromisoformat(read_text(value, limit=_TEXT_LIMIT) or "")
    except ValueError as error:
        raise _UnknownPatternError from error
    if day in (date.min, date.max):
        # Zones lead out of the calendar there.
        raise _UnknownPatternError
    return day
