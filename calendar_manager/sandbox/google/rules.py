"""One RRULE or EXRULE line as a bounded run of local wall-clock times.

dateutil steps through a rule without end when its filters never match, so rules that could do so
are refused, and every rule is cut off at the window's end and after ``MAX_STEPS`` periods.
"""

import calendar
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from dateutil.rrule import rrulestr

MAX_STEPS = 50_000
"""No rule is followed for more periods than this."""

EARLIEST_YEAR = 1600
"""No series may begin before this year."""

_LATEST = datetime(9000, 1, 1)  # noqa: DTZ001 - Wall-clock time; the caller knows the zone.
_SUB_DAILY = {"HOURLY": 3_600, "MINUTELY": 60, "SECONDLY": 1}
_DAY_FILTERS = ("BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYDAY", "BYWEEKNO", "BYSETPOS")
_LEAP_CYCLE_DAYS = 1461


class RuleError(ValueError):
    """A recurrence line that cannot be read, or not be followed in bounded time."""


@dataclass(frozen=True)
class Rule:
    """A checked rule: its parts without COUNT and UNTIL, and these two apart."""

    text: str
    step: timedelta
    count: int | None
    until: datetime | None

    def starts(self, first: datetime, before: datetime) -> Iterator[datetime]:
        """Yield wall-clock starts from ``first`` (wall clock) on, earlier than ``before``."""
        end = min(before, self.until + timedelta(seconds=1)) if self.until else before
        try:
            end = min(end, first + self.step * MAX_STEPS)
        except OverflowError:
            end = min(end, _LATEST)
        if end <= first:
            return
        last = end - timedelta(seconds=1)
        rule = rrulestr(f"{self.text};UNTIL={last:%Y%m%dT%H%M%S}", dtstart=first)
        yield from itertools.islice(iter(rule), self.count)


def read_rule(value: str, first: datetime, zone: tzinfo | None) -> Rule:
    """Return the rule of a line's value.

    Args:
        value: What follows ``RRULE:``.
        first: Wall-clock start of the series.
        zone: The series' zone; None for all-day series.

    Raises:
        RuleError: It is not a rule, or could run without end.
    """
    if first.year < EARLIEST_YEAR:
        raise RuleError(f"The series begins in the year {first.year}.")
    parts = dict(_split_parts(value))
    count_text, until_text = parts.pop("COUNT", None), parts.pop("UNTIL", None)
    try:
        step = _measure_step(parts)
        _refuse_endless(parts)
        count = _read_count(count_text) if count_text is not None else None
        until = read_until(until_text, zone) if until_text else None
        text = ";".join(f"{name}={part}" for name, part in parts.items())
        rrulestr(text, dtstart=first)
    except RuleError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise RuleError(f"Invalid recurrence rule {value!r}: {error}") from error
    return Rule(text, step, count, until)


def _read_count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise RuleError(f"COUNT={text} leaves nothing.")
    return count


def read_until(text: str, zone: tzinfo | None) -> datetime:
    """Return UNTIL as wall-clock time; a bare date means the end of that day.

    RFC 5545 wants UTC for zoned series, yet local times and dates are common and are meant well.
    """
    if "T" not in text:
        day = datetime.strptime(text[:8], "%Y%m%d").date()  # noqa: DTZ007 - A date has no zone.
        return datetime.combine(day, time(23, 59, 59))
    at = datetime.strptime(text[:15], "%Y%m%dT%H%M%S")  # noqa: DTZ007 - Decided below.
    if text.endswith("Z") and zone is not None:
        return at.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    if text.endswith("Z") or zone is not None:
        return at
    return datetime.combine(at.date(), time(23, 59, 59))


def _split_parts(value: str) -> Iterator[tuple[str, str]]:
    for part in value.replace(" ", "").rstrip(";").upper().split(";"):
        name, separator, text = part.partition("=")
        if not separator or not text:
            raise RuleError(f"Invalid recurrence rule {value!r}.")
        yield name.strip(), text.strip()


def _measure_step(parts: dict[str, str]) -> timedelta:
    interval = int(parts.get("INTERVAL", "1"))
    if interval < 1:
        raise RuleError(f"INTERVAL={interval} never moves on.")
    frequency = parts["FREQ"]
    if frequency in _SUB_DAILY:
        return timedelta(seconds=_SUB_DAILY[frequency] * interval)
    days = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 31, "YEARLY": 366}[frequency]
    return timedelta(days=days * interval)


def _refuse_endless(parts: dict[str, str]) -> None:
    """Refuse rules on which dateutil could search without finding anything."""
    if parts["FREQ"] in _SUB_DAILY and any(name in parts for name in _DAY_FILTERS):
        raise RuleError("Rules below a day cannot be limited to days.")
    if parts["FREQ"] == "DAILY":
        sizes = [len(parts.get(name, "1").split(",")) for name in ("BYHOUR", "BYMINUTE")]
        positions = [abs(int(text)) for text in parts.get("BYSETPOS", "1").split(",")]
        if min(positions) > sizes[0] * sizes[1]:
            raise RuleError("BYSETPOS is never reached.")
        if not any(_matches(parts, day) for day in _leap_cycle()):
            raise RuleError("No day matches the rule.")


def _leap_cycle() -> Iterator[date]:
    return (date(2024, 1, 1) + timedelta(days=n) for n in range(_LEAP_CYCLE_DAYS))


def _matches(parts: dict[str, str], day: date) -> bool:
    """Tell whether the day passes BYMONTH, BYMONTHDAY and BYYEARDAY."""
    month_length = calendar.monthrange(day.year, day.month)[1]
    year_day = day.timetuple().tm_yday
    year_length = 366 if calendar.isleap(day.year) else 365
    positions = {
        "BYMONTH": {day.month},
        "BYMONTHDAY": {day.day, day.day - month_length - 1},
        "BYYEARDAY": {year_day, year_day - year_length - 1},
    }
    return all(
        not wanted.isdisjoint(int(text) for text in parts[name].split(","))
        for name, wanted in positions.items()
        if name in parts
    )
