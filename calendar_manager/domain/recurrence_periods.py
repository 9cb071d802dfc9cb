"""The years, months, weeks and days of a recurrence rule, one period after the other."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import product

from calendar_manager.domain.recurrence_days import find_day_test, list_month_days
from calendar_manager.domain.recurrence_rule import LEAP_SECOND, Budget, Frequency, Rule
from calendar_manager.domain.times import MIDNIGHT

_MONTHS = range(1, 13)
_WEEK = 7


def walk_periods(
    rule: Rule, start: datetime, begin: datetime, last: datetime, budget: Budget
) -> Iterator[datetime]:
    """Yield the instances of a rule whose periods are days or longer, period by period.

    Args:
        rule: With a FREQ from YEARLY to DAILY, and the defaults that it takes from DTSTART.
        start: DTSTART, from which the periods are counted.
        begin: Where to begin: with the period around it, or the next one that counts.
        last: Where to stop: after the period around it at the latest.
        budget: What the walk may cost.

    Yields:
        Naive wall clocks, ascending; also some before ``begin`` and after ``last``.
    """
    times = _list_times(rule)
    for days in _list_days(rule, start, begin, last, budget):
        if rule.by_set_position:
            for index in pick_positions(len(days) * len(times), rule.by_set_position):
                day, position = divmod(index, len(times))
                yield datetime.combine(days[day], MIDNIGHT) + times[position]
        else:
            for single_day in days:
                if single_day < begin.date():
                    continue
                midnight = datetime.combine(single_day, MIDNIGHT)
                for time_of_day in times:
                    yield midnight + time_of_day


def pick_positions(length: int, positions: frozenset[int]) -> list[int]:
    """Return the indices that BYSETPOS picks from a set of some length, in order."""
    indices = {position - 1 if position > 0 else length + position for position in positions}
    return sorted(index for index in indices if 0 <= index < length)


def _list_times(rule: Rule) -> list[timedelta]:
    """List the times of day that BYHOUR, BYMINUTE and BYSECOND make together, in order."""
    return [
        timedelta(hours=hour, minutes=minute, seconds=second)
        for hour, minute, second in product(
            sorted(rule.by_hour), sorted(rule.by_minute), sorted(rule.by_second - {LEAP_SECOND})
        )
    ]


def _list_days(
    rule: Rule, start: datetime, begin: datetime, last: datetime, budget: Budget
) -> Iterator[list[date]]:
    """Yield the days of each period that pass the rule's BY parts."""
    passes = find_day_test(rule)
    for days in _list_candidates(rule, start, begin, last):
        budget.spend(1 + len(days), rule)
        yield days if passes is None else [day for day in days if passes(day)]


def _list_candidates(
    rule: Rule, start: datetime, begin: datetime, last: datetime
) -> Iterator[list[date]]:
    """Yield the days of each period, already narrowed by the parts that name dates."""
    match rule.frequency:
        case Frequency.YEARLY:
            for year in _steps(start.year, begin.year, last.year, rule.interval):
                months = sorted(rule.by_month) or _MONTHS
                yield [
                    day
                    for month in months
                    for day in list_month_days(year, month, rule.by_month_day)
                ]
        case Frequency.MONTHLY:
            origin, first, final = (_month_index(moment) for moment in (start, begin, last))
            for index in _steps(origin, first, final, rule.interval):
                year, month = divmod(index, 12)
                wanted = not rule.by_month or month + 1 in rule.by_month
                yield list_month_days(year, month + 1, rule.by_month_day) if wanted else []
        case Frequency.WEEKLY:
            week = start.toordinal() - (start.weekday() - rule.week_start) % _WEEK
            for first in _steps(week, begin.toordinal(), last.toordinal(), rule.interval * _WEEK):
                # The calendar begins and ends in the middle of a week.
                week_days = range(max(first, 1), min(first + _WEEK, date.max.toordinal() + 1))
                yield [date.fromordinal(ordinal) for ordinal in week_days]
        case _:
            for ordinal in _steps(
                start.toordinal(), begin.toordinal(), last.toordinal(), rule.interval
            ):
                yield [date.fromordinal(ordinal)]


def _month_index(moment: datetime) -> int:
    return moment.year * 12 + moment.month - 1


def _steps(origin: int, begin: int, last: int, interval: int) -> range:
    """Return the steps from an origin that are around or after ``begin``, up to ``last``."""
    return range(origin + (begin - origin) // interval * interval, last + 1, interval)
