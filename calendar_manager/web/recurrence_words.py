"""Recurrence rules in plain words, as far as plain words are short."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from calendar_manager.domain.errors import InvalidRecurrenceError
from calendar_manager.domain.recurrence_lines import read_lines
from calendar_manager.domain.recurrence_rule import Frequency, Moment, Rule
from calendar_manager.domain.times import local_date

REPEATS: Final = "Repeats"
"""What is said of a rule that no short sentence tells rightly."""

_DAYS: Final = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)
_PERIODS: Final = {
    Frequency.DAILY: "day",
    Frequency.WEEKLY: "week",
    Frequency.MONTHLY: "month",
    Frequency.YEARLY: "year",
}
_ORDINALS: Final = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}
_WORKING_DAYS: Final = frozenset((0, day) for day in range(5))


def describe_recurrence(lines: Sequence[str], zone: ZoneInfo, *, all_day: bool) -> str:
    """Return how an event repeats, such as ``Every week on Monday, until 18 December 2026``.

    Excluded and added dates are left out, because the calendar shows them. A rule that would need
    more words than a person reads is only said to repeat.

    Args:
        lines: The recurrence lines of a series.
        zone: In which it recurs.
        all_day: Whether it has dates instead of instants.
    """
    try:
        read = read_lines(lines)
    except InvalidRecurrenceError:
        return REPEATS
    if len(read.rules) != 1 or read.excluded_rules:
        return REPEATS
    rule = read.rules[0]
    days = _describe_days(rule)
    if days is None or rule.frequency not in _PERIODS:
        return REPEATS
    return f"{_describe_period(rule)}{days}{_describe_end(rule, zone, all_day=all_day)}"


def _describe_period(rule: Rule) -> str:
    period = _PERIODS[rule.frequency]
    if rule.frequency is Frequency.WEEKLY and rule.by_day == _WORKING_DAYS and rule.interval == 1:
        return "Every working day"
    if rule.interval == 1:
        return f"Every {period}"
    return f"Every {rule.interval} {period}s"


def _describe_days(rule: Rule) -> str | None:
    """Return on which days a rule falls, or None when that takes too many words."""
    if _has_rare_parts(rule) or (rule.by_month_day and rule.by_day):
        return None
    if rule.by_month_day:
        plain = rule.frequency is Frequency.MONTHLY and min(rule.by_month_day) > 0
        days = [str(day) for day in sorted(rule.by_month_day)]
        return f" on day {_join(days)}" if plain else None
    return _describe_weekdays(rule) if rule.by_day else ""


def _describe_weekdays(rule: Rule) -> str | None:
    if rule.frequency is Frequency.WEEKLY:
        if rule.by_day == _WORKING_DAYS and rule.interval == 1:
            return ""
        return f" on {_join([_DAYS[day] for _, day in sorted(rule.by_day, key=_by_weekday)])}"
    if rule.frequency is Frequency.MONTHLY and all(which in _ORDINALS for which, _ in rule.by_day):
        named = [f"the {_ORDINALS[which]} {_DAYS[day]}" for which, day in sorted(rule.by_day)]
        return f" on {_join(named)}"
    return None


def _has_rare_parts(rule: Rule) -> bool:
    return any(
        (
            rule.by_month,
            rule.by_year_day,
            rule.by_week_number,
            rule.by_hour,
            rule.by_minute,
            rule.by_second,
            rule.by_set_position,
        )
    )


def _describe_end(rule: Rule, zone: ZoneInfo, *, all_day: bool) -> str:
    if rule.count is not None:
        return ", once" if rule.count == 1 else f", {rule.count} times"
    if rule.until is not None:
        last = _last_day(rule.until, zone, all_day=all_day)
        return f", until {last.day} {last:%B %Y}"
    return ""


def _last_day(until: Moment, zone: ZoneInfo, *, all_day: bool) -> date:
    """Return the local day of the last moment that counts; most providers write it in UTC."""
    if all_day or until.is_date:
        return until.day(zone)
    return local_date(until.instant(zone), zone)


def _by_weekday(pair: tuple[int, int]) -> int:
    return pair[1]


def _join(words: Sequence[str]) -> str:
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} and {words[-1]}"
