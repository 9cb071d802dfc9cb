"""Walking a recurrence rule through a stretch of the wall calendar, with bounded work.

``dateutil.rrule`` walks from DTSTART on and looks at its UNTIL only when it finds something, so
that a rule without any instance runs on to the year 9999, second by second in the worst case.
This walk knows both its ends: it jumps to the first period that matters, stops with the stretch,
and counts its steps on the way. The property tests hold it against dateutil.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from calendar_manager.domain.recurrence_clock import walk_clock
from calendar_manager.domain.recurrence_periods import walk_periods
from calendar_manager.domain.recurrence_rule import Budget, Frequency, Rule
from calendar_manager.domain.times import LAST_WALL

_PERIOD_SECONDS = {
    Frequency.WEEKLY: 604_800,
    Frequency.DAILY: 86_400,
    Frequency.HOURLY: 3_600,
    Frequency.MINUTELY: 60,
    Frequency.SECONDLY: 1,
}


def walk(
    rule: Rule, start: datetime, first: datetime, last: datetime, budget: Budget
) -> Iterator[datetime]:
    """Yield the instances of a rule in a stretch of wall-clock time.

    DTSTART is an instance only when the rule matches it. UNTIL is left to the caller, because it
    may be an instant.

    Args:
        rule: The rule.
        start: DTSTART as a naive wall clock in whole seconds.
        first: The first wall clock of the stretch.
        last: The first wall clock after the stretch.
        budget: What the walk may cost.

    Yields:
        Naive wall clocks in ``[first, last)``, ascending, each once.

    Raises:
        InvalidRecurrenceError: When the budget is used up.
    """
    last = min(last, LAST_WALL)
    count = rule.count
    if count is not None and not rule.has_parts and rule.frequency in _PERIOD_SECONDS:
        # Evenly spaced instances need no counting, so that the walk may jump ahead.
        seconds = (count - 1) * rule.interval * _PERIOD_SECONDS[rule.frequency]
        if seconds < (last - start).total_seconds():
            last = min(last, start + timedelta(seconds=seconds + 1))
        count = None
    begin = start if count is not None else max(start, first)
    if begin >= last:
        return
    rule = _with_defaults(rule, start)
    steps = walk_clock if rule.frequency >= Frequency.HOURLY else walk_periods
    for wall in steps(rule, start, begin, last, budget):
        budget.spend(1, rule)
        # The first period may begin before, and the last one end after what is asked for.
        if wall < start:
            continue
        if wall >= last or count == 0:
            return
        if count is not None:
            count -= 1
        if wall >= first:
            yield wall


def _with_defaults(rule: Rule, start: datetime) -> Rule:
    """Fill in what a rule takes from DTSTART, and drop what its FREQ gives no meaning."""
    if rule.frequency > Frequency.MONTHLY:
        rule = replace(rule, by_day=frozenset((0, weekday) for _, weekday in rule.by_day))
    if not (rule.by_week_number or rule.by_year_day or rule.by_month_day or rule.by_day):
        if rule.frequency is Frequency.YEARLY and not rule.by_month:
            rule = replace(rule, by_month=frozenset({start.month}))
        if rule.frequency <= Frequency.MONTHLY:
            rule = replace(rule, by_month_day=frozenset({start.day}))
        elif rule.frequency is Frequency.WEEKLY:
            rule = replace(rule, by_day=frozenset({(0, start.weekday())}))
    if not rule.by_hour and rule.frequency < Frequency.HOURLY:
        rule = replace(rule, by_hour=frozenset({start.hour}))
    if not rule.by_minute and rule.frequency < Frequency.MINUTELY:
        rule = replace(rule, by_minute=frozenset({start.minute}))
    if not rule.by_second and rule.frequency < Frequency.SECONDLY:
        rule = replace(rule, by_second=frozenset({start.second}))
    return rule
