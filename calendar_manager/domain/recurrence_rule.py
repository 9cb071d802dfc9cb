"""One recurrence rule: its parts, and how they are read (RFC 5545, section 3.3.10)."""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from enum import IntEnum
from typing import Final
from zoneinfo import ZoneInfo

from calendar_manager.domain.errors import InvalidRecurrenceError
from calendar_manager.domain.times import MIDNIGHT, find_zone, resolve_wall, wall_clock

WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LEAP_SECOND: Final = 60
"""BYSECOND may name it, and no wall clock of ours ever shows it."""


class Frequency(IntEnum):
    """How long a period of a rule is, from the longest to the shortest."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4
    MINUTELY = 5
    SECONDLY = 6


@dataclass(frozen=True, slots=True)
class Moment:
    """A date or a time of day on a date, as a recurrence line writes it.

    Attributes:
        wall: What is written, naive; midnight for a date.
        zone: Whose clock it is; None for a floating time, which follows its series.
        is_date: Whether it is a date without a time.
    """

    wall: datetime
    zone: tzinfo | None = None
    is_date: bool = False

    def instant(self, series_zone: ZoneInfo) -> datetime:
        """Return the instant in UTC, a floating time read in the series' zone."""
        if self.zone is UTC:
            return self.wall.replace(tzinfo=UTC)
        return resolve_wall(
            self.wall, self.zone if isinstance(self.zone, ZoneInfo) else series_zone
        )

    def day(self, series_zone: ZoneInfo) -> date:
        """Return the day that is meant in an all-day series.

        Providers write a day of such a series as midnight UTC, or as an instant of the local
        day: ``20250326T045959Z`` is how 25 March ends in Chicago.
        """
        if self.zone is UTC and self.wall.time() != MIDNIGHT:
            return wall_clock(self.wall.replace(tzinfo=UTC), series_zone).date()
        return self.wall.date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The parts of an RRULE or EXRULE; an empty set stands for a part that is not there.

    Attributes:
        line: The content line that it was read from, to name it in errors.
        frequency: FREQ.
        interval: INTERVAL, at least 1.
        count: COUNT, at least 1, or None.
        until: UNTIL, the last moment that counts, or None.
        week_start: WKST as a weekday, 0 for Monday.
        by_month: BYMONTH, 1 to 12.
        by_month_day: BYMONTHDAY, 1 to 31, from the end -31 to -1.
        by_year_day: BYYEARDAY, 1 to 366, from the end -366 to -1.
        by_week_number: BYWEEKNO, 1 to 53, from the end -53 to -1.
        by_day: BYDAY as pairs of ordinal and weekday; ordinal 0 for every such weekday.
        by_hour: BYHOUR, 0 to 23.
        by_minute: BYMINUTE, 0 to 59.
        by_second: BYSECOND, 0 to 60.
        by_set_position: BYSETPOS, 1 to 366, from the end -366 to -1.
    """

    line: str
    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: Moment | None = None
    week_start: int = 0
    by_month: frozenset[int] = frozenset()
    by_month_day: frozenset[int] = frozenset()
    by_year_day: frozenset[int] = frozenset()
    by_week_number: frozenset[int] = frozenset()
    by_day: frozenset[tuple[int, int]] = field(default=frozenset())
    by_hour: frozenset[int] = frozenset()
    by_minute: frozenset[int] = frozenset()
    by_second: frozenset[int] = frozenset()
    by_set_position: frozenset[int] = frozenset()

    @property
    def has_parts(self) -> bool:
        """Whether any BY part is there."""
        return any(
            (
                self.by_month,
                self.by_month_day,
                self.by_year_day,
                self.by_week_number,
                self.by_day,
                self.by_hour,
                self.by_minute,
                self.by_second,
                self.by_set_position,
            )
        )


@dataclass(slots=True)
class Budget:
    """How much work an expansion may still cost.

    Attributes:
        steps: How many days and candidates may still be looked at.
    """

    steps: int

    def spend(self, steps: int, rule: Rule) -> None:
        """Take steps off.

        Raises:
            InvalidRecurrenceError: When none are left; the message names the rule.
        """
        self.steps -= steps
        if self.steps < 0:
            raise invalid_line(rule.line, "it takes too much work to expand")


def invalid_line(line: str, reason: str) -> InvalidRecurrenceError:
    """Return the error that names a line and says what is wrong with it."""
    shown = line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}…"
    return InvalidRecurrenceError(f"cannot read the recurrence {shown!r}: {reason}")


_SHOWN_CHARACTERS = 120
_MOMENT = re.compile(r"([0-9]{8})(?:T([0-9]{6})(Z?))?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_BY_DAY = re.compile(rf"([+-]?[0-9]{{1,2}})?({'|'.join(WEEKDAYS)})")

_WEEKS: Final = 53
_NUMBER_PARTS: Final = {
    "BYMONTH": ("by_month", 1, 12, False),
    "BYMONTHDAY": ("by_month_day", 1, 31, True),
    "BYYEARDAY": ("by_year_day", 1, 366, True),
    "BYWEEKNO": ("by_week_number", 1, _WEEKS, True),
    "BYHOUR": ("by_hour", 0, 23, False),
    "BYMINUTE": ("by_minute", 0, 59, False),
    "BYSECOND": ("by_second", 0, 60, False),
    "BYSETPOS": ("by_set_position", 1, 366, True),
}
"""Part → attribute, least and greatest number, and whether it also counts from the end."""


def read_moment(text: str, time_zone: str | None = None) -> Moment:
    """Read a DATE or a DATE-TIME (RFC 5545, sections 3.3.4 and 3.3.5).

    Args:
        text: Such as ``20250326``, ``20250326T090000`` or ``20250326T080000Z``.
        time_zone: The value of TZID, if there was one.

    Raises:
        ValueError: When it is neither.
        UnknownTimeZoneError: When there is no such zone.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is neither a date nor a time")
    digits, clock, utc = match.groups()
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
        if clock is None:
            return Moment(datetime.combine(day, MIDNIGHT), is_date=True)
        moment = time(int(clock[:2]), int(clock[2:4]), int(clock[4:]))
    except ValueError as error:
        raise ValueError(f"{text!r} is not on the calendar: {error}") from error
    wall = datetime.combine(day, moment)
    if utc:
        return Moment(wall, UTC)
    return Moment(wall, find_zone(time_zone) if time_zone else None)


def read_rule(line: str, value: str) -> Rule:
    """Read the value of an RRULE or EXRULE.

    COUNT beside UNTIL and BY parts beside an unusual FREQ are against the letter of the RFC but
    have one meaning only, so they are read.

    Args:
        line: The whole line, for errors that come later.
        value: What stands behind its colon.

    Raises:
        ValueError: When the value is no rule, saying what is wrong.
    """
    parts: dict[str, str] = {}
    for part in value.upper().rstrip(";").split(";"):
        name, equals, content = part.partition("=")
        if not equals or not content:
            raise ValueError(f"{part[:40]!r} is not NAME=VALUE")
        if name in parts:
            raise ValueError(f"{name} stands there twice")
        parts[name] = content
    frequency = parts.pop("FREQ", "")
    if frequency not in Frequency.__members__:
        raise ValueError(f"FREQ is {frequency[:20]!r}" if frequency else "FREQ is missing")
    until = parts.pop("UNTIL", None)
    rule = Rule(
        line=line,
        frequency=Frequency[frequency],
        interval=_read_number("INTERVAL", parts.pop("INTERVAL", "1"), 1, 10**9 - 1),
        count=_read_number("COUNT", parts.pop("COUNT"), 1, 10**9 - 1) if "COUNT" in parts else None,
        until=None if until is None else read_moment(until),
        week_start=_read_week_start(parts.pop("WKST", "MO")),
        by_day=_read_by_day(parts.pop("BYDAY")) if "BYDAY" in parts else frozenset(),
        **{
            attribute: frozenset(
                _read_number(name, number, least, greatest, from_end=from_end)
                for number in parts.pop(name).split(",")
            )
            for name, (attribute, least, greatest, from_end) in _NUMBER_PARTS.items()
            if name in parts
        },
    )
    if parts:
        raise ValueError(f"{min(parts)[:40]!r} is no part of a rule")
    return rule


def _read_number(name: str, text: str, least: int, greatest: int, *, from_end: bool = False) -> int:
    number = int(text) if _NUMBER.fullmatch(text) else None
    size = abs(number) if number is not None and from_end else number
    if number is None or size is None or not least <= size <= greatest:
        raise ValueError(f"{name} has {text[:20]!r}")
    return number


def _read_week_start(text: str) -> int:
    if text not in WEEKDAYS:
        raise ValueError(f"WKST is {text[:20]!r}")
    return WEEKDAYS.index(text)


def _read_by_day(text: str) -> frozenset[tuple[int, int]]:
    days: set[tuple[int, int]] = set()
    for item in text.split(","):
        match = _BY_DAY.fullmatch(item)
        if match is None:
            raise ValueError(f"BYDAY has {item[:20]!r}")
        ordinal, weekday = match.groups()
        if ordinal is not None and not 1 <= abs(int(ordinal)) <= _WEEKS:
            raise ValueError(f"BYDAY has {item!r}")
        days.add((int(ordinal or 0), WEEKDAYS.index(weekday)))
    return frozenset(days)
