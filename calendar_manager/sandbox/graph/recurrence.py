"""The occurrences of Graph's recurrence patterns, bounded.

Patterns run in wall-clock time of ``recurrenceTimeZone``; each result is then placed in the zone,
times inside a DST gap moving forward.

Source: https://learn.microsoft.com/en-us/graph/api/resources/recurrencepattern
"""

import itertools
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from dateutil.rrule import DAILY, FR, MO, MONTHLY, SA, SU, TH, TU, WE, WEEKLY, YEARLY, rrule

from calendar_manager.sandbox.graph.errors import invalid_property
from calendar_manager.sandbox.graph.times import Moment, place, to_wall
from calendar_manager.sandbox.graph.wire import PatternedRecurrence, RecurrencePattern
from calendar_manager.sandbox.graph.zones import find_zone, read_zone

MAX_OCCURRENCES = 20_000
"""No series is followed for more occurrences than this."""

_EARLIEST_YEAR = 1900
_LATEST = datetime(4500, 1, 1)  # noqa: DTZ001 - Wall-clock time; the caller knows the zone.
_DAYS = {
    "sunday": SU,
    "monday": MO,
    "tuesday": TU,
    "wednesday": WE,
    "thursday": TH,
    "friday": FR,
    "saturday": SA,
}
_POSITIONS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_SHORTEST_MONTH = 28
_ONE_DAY = timedelta(days=1)


class Series:
    """The set of original starts of one series.

    Args:
        start: Start of the master.
        recurrence: The checked ``patternedRecurrence`` as JSON.
    """

    def __init__(self, start: Moment, recurrence: dict[str, Any]) -> None:
        checked = PatternedRecurrence.model_validate(recurrence)
        self._range = checked.range
        self._all_day = not isinstance(start, datetime)
        own_zone = start.tzinfo if isinstance(start, datetime) else None
        named = find_zone(checked.range.recurrence_time_zone or "")
        self.zone: tzinfo | None = (named or own_zone) if own_zone is not None else None
        self._own_zone = own_zone
        self.first = to_wall(start, self.zone)
        self._rule = _make_rule(checked.pattern, self.first)

    def starts(self, before: Moment | None = None, after: Moment | None = None) -> Iterator[Moment]:
        """Yield the original starts in order, from ``after`` on and earlier than ``before``."""
        end = to_wall(before, self.zone) if before is not None else _LATEST
        begin = to_wall(after, self.zone) if after is not None else self.first
        limit = MAX_OCCURRENCES
        if self._range.type == "endDate":
            last_on = date.fromisoformat(str(self._range.end_date))
            end = min(end, datetime.combine(last_on, time()) + _ONE_DAY)
        elif self._range.type == "numbered":
            limit = min(limit, self._range.number_of_occurrences)
        bounded = itertools.islice(iter(self._rule), limit)
        for wall in itertools.takewhile(lambda at: at < end, bounded):
            if wall >= begin:
                yield self._place(wall)

    def first_start(self) -> Moment | None:
        """Return the first original start; None when the range ends before it."""
        return next(self.starts(), None)

    def contains(self, original: Moment) -> bool:
        """Tell whether an occurrence first stood, or would have stood, at this moment."""
        if isinstance(original, datetime) == self._all_day:
            return False
        wall = to_wall(original, self.zone)
        # Placed times differ from the pattern's own inside a DST gap, so placed ones are compared.
        limit = wall + _ONE_DAY
        before = place(limit, self.zone) if self.zone else limit.date()
        return any(start == original for start in self.starts(before))

    def _place(self, wall: datetime) -> Moment:
        if self._all_day or self.zone is None:
            return wall.date()
        return place(wall, self.zone).astimezone(self._own_zone)


def _make_rule(pattern: RecurrencePattern, first: datetime) -> rrule:
    days = [_DAYS[name] for name in pattern.days_of_week]
    options: dict[str, Any] = {"dtstart": first, "interval": pattern.interval}
    if pattern.type == "daily":
        return rrule(DAILY, **options)
    if pattern.type == "weekly":
        week_start = _DAYS[pattern.first_day_of_week]
        return rrule(WEEKLY, byweekday=days, wkst=week_start, **options)
    yearly = pattern.type.endswith("Yearly")
    if yearly:
        options["bymonth"] = pattern.month
    if pattern.type.startswith("absolute"):
        options |= _clamp_day(pattern.day_of_month)
    else:
        options |= {"byweekday": days, "bysetpos": _POSITIONS[pattern.index]}
    return rrule(YEARLY, **options) if yearly else rrule(MONTHLY, **options)


def _clamp_day(day: int) -> dict[str, Any]:
    """Return the filter of a day of the month; Outlook takes the last day of shorter months."""
    if day <= _SHORTEST_MONTH:
        return {"bymonthday": day}
    return {"bymonthday": tuple(range(_SHORTEST_MONTH, day + 1)), "bysetpos": -1}


def check_recurrence(recurrence: PatternedRecurrence, start: Moment) -> None:
    """Refuse a recurrence that lacks what its type needs.

    Raises:
        GraphApiError: 400, with the property that is missing or wrong.
    """
    pattern, bounds = recurrence.pattern, recurrence.range
    if pattern.type in {"weekly", "relativeMonthly", "relativeYearly"} and not pattern.days_of_week:
        raise invalid_property("The Recurrence.Pattern.DaysOfWeek property is required.")
    if pattern.type.startswith("absolute") and not pattern.day_of_month:
        raise invalid_property("The Recurrence.Pattern.DayOfMonth property is required.")
    if pattern.type.endswith("Yearly") and not pattern.month:
        raise invalid_property("The Recurrence.Pattern.Month property is required.")
    if bounds.type == "numbered" and not bounds.number_of_occurrences:
        raise invalid_property("The Recurrence.Range.NumberOfOccurrences property is required.")
    zone = read_zone(bounds.recurrence_time_zone) if bounds.recurrence_time_zone else None
    if start.year < _EARLIEST_YEAR:
        raise invalid_property("The Recurrence.Range.StartDate property is out of range.")
    try:
        first_on = date.fromisoformat(bounds.start_date)
        if bounds.type == "endDate":
            date.fromisoformat(str(bounds.end_date))
    except ValueError as error:
        raise invalid_property(f"The Recurrence.Range is invalid: {error}") from error
    if first_on != to_wall(start, zone if isinstance(start, datetime) else None).date():
        raise invalid_property(
            "The Recurrence.Range.StartDate must be the same date as the start of the event."
        )


def end_before(recurrence: dict[str, Any], original: Moment) -> dict[str, Any]:
    """Return the recurrence ended on the day before an occurrence, as Outlook splits a series."""
    zone = find_zone(recurrence["range"].get("recurrenceTimeZone") or "")
    day = to_wall(original, zone if isinstance(original, datetime) else None).date()
    ended = {
        **recurrence["range"],
        "type": "endDate",
        "endDate": (day - _ONE_DAY).isoformat(),
        "numberOfOccurrences": 0,
    }
    return {**recurrence, "range": ended}
