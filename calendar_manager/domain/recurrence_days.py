"""Which days a recurrence rule allows: its BY parts that look at dates (RFC 5545, 3.3.10)."""

import calendar
from collections.abc import Callable, Iterable
from datetime import date

from calendar_manager.domain.recurrence_rule import Frequency, Rule

DayTest = Callable[[date], bool]

_WEEK = 7
_FEBRUARY = 2
_MONTH_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LAST_WEEK_DAY = 28
_LAST_ORDINAL = date.max.toordinal()


def find_day_test(rule: Rule) -> DayTest | None:
    """Return a test that a day passes when every BY part of the rule allows it.

    Every part limits, also where the RFC's table says that it expands: the days of a period that
    pass all parts are the same either way. None stands for no such part.

    Args:
        rule: With the defaults that it takes from DTSTART.
    """
    tests: list[DayTest] = []
    if rule.by_month:
        tests.append(lambda day: day.month in rule.by_month)
    if rule.by_month_day:
        tests.append(lambda day: _is_month_day(day, rule.by_month_day))
    if rule.by_day:
        tests.append(_find_weekday_test(rule))
    if rule.by_year_day:
        tests.append(lambda day: _is_year_day(day, rule.by_year_day))
    if rule.by_week_number:
        tests.append(lambda day: _is_in_week(day, rule.by_week_number, rule.week_start))
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    return lambda day: all(test(day) for test in tests)


def list_month_days(year: int, month: int, wanted: Iterable[int]) -> list[date]:
    """List the days of a month in order.

    Args:
        year: Its year.
        month: 1 to 12.
        wanted: Days of the month, negative ones counted from its end; none for all.
    """
    length = _month_length(year, month)
    days = {day if day > 0 else length + 1 + day for day in wanted} or range(1, length + 1)
    return [date(year, month, day) for day in sorted(days) if 1 <= day <= length]


def _is_month_day(day: date, wanted: frozenset[int]) -> bool:
    length = _month_length(day.year, day.month)
    return day.day in wanted or day.day - length - 1 in wanted


def _is_year_day(day: date, wanted: frozenset[int]) -> bool:
    number, length = _year_position(day)
    return number in wanted or number - length - 1 in wanted


def _find_weekday_test(rule: Rule) -> DayTest:
    """Return the test of BYDAY, whose ordinals count within the month or the year."""
    wanted = rule.by_day
    named = frozenset(weekday for _, weekday in wanted)
    plain = frozenset(weekday for ordinal, weekday in wanted if ordinal == 0)
    if plain == named:
        return lambda day: day.weekday() in plain
    in_month = rule.frequency is Frequency.MONTHLY or bool(rule.by_month)

    def is_wanted(day: date) -> bool:
        weekday = day.weekday()
        if weekday not in named or weekday in plain:
            return weekday in plain
        number, length = _month_position(day) if in_month else _year_position(day)
        return ((number - 1) // _WEEK + 1, weekday) in wanted or (
            (number - 1 - length) // _WEEK,
            weekday,
        ) in wanted

    return is_wanted


def _month_length(year: int, month: int) -> int:
    return 29 if month == _FEBRUARY and calendar.isleap(year) else _MONTH_LENGTHS[month]


def _month_position(day: date) -> tuple[int, int]:
    return day.day, _month_length(day.year, day.month)


def _year_position(day: date) -> tuple[int, int]:
    number = day.toordinal() - date(day.year, 1, 1).toordinal() + 1
    return number, 365 + calendar.isleap(day.year)


def _is_in_week(day: date, wanted: frozenset[int], week_start: int) -> bool:
    """Tell whether a day lies in a week of the given numbers.

    As in ISO 8601, a week belongs to the year that has at least four of its days.
    """
    fourth = _fourth_day(day, week_start)
    number = _week_number(fourth)
    # 28 December always lies in the last week of its year.
    last = _week_number(_fourth_day(date(fourth.year, 12, _LAST_WEEK_DAY), week_start))
    return number in wanted or number - last - 1 in wanted


def _fourth_day(day: date, week_start: int) -> date:
    """Return the fourth day of a day's week, which decides about the week's year."""
    ordinal = day.toordinal() - (day.weekday() - week_start) % _WEEK + 3
    return date.fromordinal(min(max(ordinal, 1), _LAST_ORDINAL))


def _week_number(fourth_day: date) -> int:
    return (_year_position(fourth_day)[0] - 1) // _WEEK + 1
