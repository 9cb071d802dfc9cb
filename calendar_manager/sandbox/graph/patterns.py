"""From an iCalendar RRULE to Graph's pattern and range, as far as Outlook can say it.

Source: RFC 5545, section 3.3.10, and
https://learn.microsoft.com/en-us/graph/api/resources/patternedrecurrence
"""

import re
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from calendar_manager.sandbox.graph.times import Moment
from calendar_manager.sandbox.graph.zones import name_zone

Json = dict[str, Any]

_DAYS = {
    "SU": "sunday",
    "MO": "monday",
    "TU": "tuesday",
    "WE": "wednesday",
    "TH": "thursday",
    "FR": "friday",
    "SA": "saturday",
}
_NAMES = tuple(_DAYS.values())
_POSITIONS = {"1": "first", "2": "second", "3": "third", "4": "fourth", "-1": "last"}
_KNOWN = frozenset(
    {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"}
)
_BY_DAY = re.compile(r"(-?\d+)?(SU|MO|TU|WE|TH|FR|SA)")


class PatternError(ValueError):
    """A rule or override that Outlook has no way to store; the message says why."""


def read_pattern(rule: str, start: Moment, zone: tzinfo | None) -> Json:
    """Return the ``patternedRecurrence`` of a rule.

    Args:
        rule: What follows ``RRULE:``.
        start: Start of the series.
        zone: The series' zone; None for all-day series.

    Raises:
        PatternError: Graph has no such pattern.
    """
    parts = dict(_split(rule))
    surplus = parts.keys() - _KNOWN
    if surplus:
        raise PatternError(f"Outlook has no {', '.join(sorted(surplus))}")
    interval = int(parts.get("INTERVAL", "1"))
    week_start = _DAYS.get(parts.get("WKST", "MO"), "monday")
    pattern = {"interval": interval, "firstDayOfWeek": week_start, **_read_kind(parts, start)}
    return {"pattern": pattern, "range": _read_range(parts, start, zone)}


def _split(rule: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in rule.strip().rstrip(";").upper().split(";"))
    return [(name, value) for name, _, value in pairs]


def _read_kind(parts: dict[str, str], start: Moment) -> Json:
    """Return the pattern's type with the properties that it needs."""
    days = [_read_day(text) for text in parts["BYDAY"].split(",")] if parts.get("BYDAY") else []
    names = [name for _, name in days]
    frequency = parts.get("FREQ")
    unused = {"BYMONTHDAY", "BYMONTH", "BYSETPOS"} & parts.keys()
    if frequency == "DAILY" and not unused and not days:
        return {"type": "daily"}
    # A daily rule on some weekdays is Outlook's "every weekday", a weekly pattern.
    weekly = frequency == "WEEKLY" or (frequency == "DAILY" and parts.get("INTERVAL", "1") == "1")
    if weekly and not unused and not any(position for position, _ in days):
        return {"type": "weekly", "daysOfWeek": names or [_NAMES[(start.weekday() + 1) % 7]]}
    if frequency in {"MONTHLY", "YEARLY"}:
        return _read_dated(parts, start, days, yearly=frequency == "YEARLY")
    raise PatternError("Outlook has no such pattern")


def _read_dated(
    parts: dict[str, str], start: Moment, days: list[tuple[str, str]], *, yearly: bool
) -> Json:
    month = {"month": int(parts.get("BYMONTH") or start.month)} if yearly else {}
    kind = "Yearly" if yearly else "Monthly"
    if not yearly and "BYMONTH" in parts:
        raise PatternError("Outlook has no monthly pattern limited to months")
    if not days:
        if "BYSETPOS" in parts:
            raise PatternError("Outlook knows positions of weekdays only")
        day = int(parts.get("BYMONTHDAY") or start.day)
        if day < 1:
            raise PatternError("Outlook counts days of the month from the first")
        return {"type": f"absolute{kind}", "dayOfMonth": day, **month}
    positions = {position for position, _ in days if position} or {parts.get("BYSETPOS", "")}
    if "BYMONTHDAY" in parts or len(positions) != 1 or (len(days) > 1 and days[0][0]):
        raise PatternError("Outlook has no such pattern of weekdays")
    (position,) = positions
    if position not in _POSITIONS:
        raise PatternError(f"Outlook has no position {position or 'every'}")
    index = _POSITIONS[position]
    names = [name for _, name in days]
    return {"type": f"relative{kind}", "daysOfWeek": names, "index": index, **month}


def _read_day(text: str) -> tuple[str, str]:
    match = _BY_DAY.fullmatch(text.strip())
    if match is None:
        raise PatternError(f"{text!r} is no weekday")
    return (match.group(1) or "").removeprefix("+"), _DAYS[match.group(2)]


def _read_range(parts: dict[str, str], start: Moment, zone: tzinfo | None) -> Json:
    bounds: Json = {"type": "noEnd", "startDate": f"{start:%Y-%m-%d}"}
    if zone is not None:
        bounds["recurrenceTimeZone"] = name_zone(zone)
    if "COUNT" in parts:
        bounds |= {"type": "numbered", "numberOfOccurrences": int(parts["COUNT"])}
    elif "UNTIL" in parts:
        bounds |= {"type": "endDate", "endDate": _read_until(parts["UNTIL"], start, zone)}
    return bounds


def _read_until(text: str, start: Moment, zone: tzinfo | None) -> str:
    """Return the last date on which an occurrence may begin, for Outlook ends series by dates."""
    if "T" not in text or not isinstance(start, datetime):
        return date.fromisoformat(text[:8]).isoformat()
    at = datetime.fromisoformat(text[:15])
    if text.endswith("Z"):
        at = at.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    earlier = at.time() < start.time()
    return date.fromordinal(at.toordinal() - (1 if earlier else 0)).isoformat()
