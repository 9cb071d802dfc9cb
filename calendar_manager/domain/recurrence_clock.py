"""The hours, minutes and seconds of a recurrence rule, day by day."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import product
from math import gcd

from calendar_manager.domain.recurrence_days import find_day_test
from calendar_manager.domain.recurrence_periods import pick_positions
from calendar_manager.domain.recurrence_rule import LEAP_SECOND, Budget, Frequency, Rule
from calendar_manager.domain.times import MIDNIGHT

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_UNITS = {Frequency.HOURLY: _HOUR, Frequency.MINUTELY: _MINUTE, Frequency.SECONDLY: 1}
_SLOTS_PER_STEP = 16
"""Passing over a time that the interval does not hit costs far less than a step."""


def walk_clock(
    rule: Rule, start: datetime, begin: datetime, last: datetime, budget: Budget
) -> Iterator[datetime]:
    """Yield the instances of a rule whose periods are hours or shorter.

    The walk goes over days, because the BY parts that look at dates allow whole days.

    Args:
        rule: With a FREQ from HOURLY to SECONDLY, and the defaults that it takes from DTSTART.
        start: DTSTART, from which the periods are counted.
        begin: Where to begin: with its day.
        last: Where to stop: after its day at the latest.
        budget: What the walk may cost.

    Yields:
        Naive wall clocks, ascending; also some before ``begin`` and after ``last``.
    """
    grid = _Grid(rule, start)
    offsets = _list_offsets(rule)
    if not offsets or grid.is_empty:
        return
    passes = find_day_test(rule)
    for ordinal in range(begin.toordinal(), last.toordinal() + 1):
        budget.spend(1, rule)
        day = date.fromordinal(ordinal)
        if passes is not None and not passes(day):
            continue
        midnight = datetime.combine(day, MIDNIGHT)
        budget.spend(grid.slots_per_day // _SLOTS_PER_STEP, rule)
        for second in grid.find_periods(ordinal):
            for offset in offsets:
                yield midnight + timedelta(seconds=second + offset)


class _Grid:
    """The starts of a rule's periods, as seconds of a day.

    Attributes:
        slots_per_day: How many seconds of a day are looked at to find the periods, beside those
            that are found.
    """

    def __init__(self, rule: Rule, start: datetime) -> None:
        unit = _UNITS[rule.frequency]
        second = start.hour * _HOUR + start.minute * _MINUTE + start.second
        self._origin = start.toordinal() * _DAY + second - second % unit
        self._step = rule.interval * unit
        self._slots = _list_slots(rule, self._origin, self._step)
        self._allowed = frozenset(self._slots or ())
        self.slots_per_day = min(len(self._allowed), _DAY // self._step)

    @property
    def is_empty(self) -> bool:
        """Whether no period can ever start at a time that the BY parts allow."""
        return self._slots is not None and not self._slots

    def find_periods(self, ordinal: int) -> Iterable[int]:
        """Return at which seconds of a day periods start that the BY parts allow, in order."""
        midnight = ordinal * _DAY
        hits = range((self._origin - midnight) % self._step, _DAY, self._step)
        if self._slots is None:
            return hits
        if len(hits) < len(self._slots):
            return (second for second in hits if second in self._allowed)
        return (second for second in self._slots if second in hits)


def _list_slots(rule: Rule, origin: int, step: int) -> list[int] | None:
    """List the seconds of a day at which the BY parts let a period start; None for all.

    Times that no multiple of the step can ever reach are left out.
    """
    if not (
        rule.by_hour
        or (rule.by_minute and rule.frequency >= Frequency.MINUTELY)
        or (rule.by_second and rule.frequency is Frequency.SECONDLY)
    ):
        return None
    common = gcd(step, _DAY)
    hours: Sequence[int] = sorted(rule.by_hour) or range(24)
    minutes: Sequence[int] = (0,)
    seconds: Sequence[int] = (0,)
    if rule.frequency >= Frequency.MINUTELY:
        minutes = sorted(rule.by_minute) or range(60)
    if rule.frequency is Frequency.SECONDLY:
        seconds = _real_seconds(rule) if rule.by_second else range(60)
    slots = (
        hour * _HOUR + minute * _MINUTE + second
        for hour, minute, second in product(hours, minutes, seconds)
    )
    return [slot for slot in slots if (slot - origin) % common == 0]


def _list_offsets(rule: Rule) -> list[int]:
    """List the seconds inside a period at which the rule has instances, in order."""
    if rule.frequency is Frequency.SECONDLY:
        offsets = [0]
    elif rule.frequency is Frequency.MINUTELY:
        offsets = _real_seconds(rule)
    else:
        offsets = [
            minute * _MINUTE + second
            for minute, second in product(sorted(rule.by_minute), _real_seconds(rule))
        ]
    if not rule.by_set_position:
        return offsets
    return [offsets[index] for index in pick_positions(len(offsets), rule.by_set_position)]


def _real_seconds(rule: Rule) -> list[int]:
    return sorted(rule.by_second - {LEAP_SECOND})
