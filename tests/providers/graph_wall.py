"""Graph's recurrence patterns, and what a calendar on the wall makes of them, day by day."""

import calendar
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
INDEXES = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1}

intervals = st.integers(1, 4)
weekdays = st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True)
patterns = st.one_of(
    st.fixed_dictionaries({"type": st.just("daily"), "interval": intervals}),
    st.fixed_dictionaries(
        {
            "type": st.just("weekly"),
            "interval": intervals,
            "daysOfWeek": weekdays,
            "firstDayOfWeek": st.sampled_from(DAYS),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["absoluteMonthly", "absoluteYearly"]),
            "interval": intervals,
            "month": st.integers(1, 12),
            "dayOfMonth": st.integers(1, 31),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["relativeMonthly", "relativeYearly"]),
            "interval": intervals,
            "month": st.integers(1, 12),
            "daysOfWeek": weekdays,
            "index": st.sampled_from(sorted(INDEXES)),
        }
    ),
)


def days_on_the_wall(pattern: dict[str, Any], start: date, end: date) -> Iterator[date]:
    """Go through the days one by one and ask of each whether the pattern means it."""
    day = start
    while day < end:
        if is_meant(pattern, start, day):
            yield day
        day += timedelta(days=1)


def is_meant(pattern: dict[str, Any], start: date, day: date) -> bool:
    interval = pattern["interval"]
    match pattern["type"]:
        case "daily":
            return bool((day - start).days % interval == 0)
        case "weekly":
            first = DAYS.index(pattern["firstDayOfWeek"])
            weeks = (week_of(day, first) - week_of(start, first)).days // 7
            return DAYS[day.weekday()] in pattern["daysOfWeek"] and weeks % interval == 0
        case "absoluteMonthly" | "absoluteYearly":
            length = calendar.monthrange(day.year, day.month)[1]
            return is_turn(pattern, start, day) and day.day == min(pattern["dayOfMonth"], length)
        case _:
            length = calendar.monthrange(day.year, day.month)[1]
            month = [day.replace(day=number) for number in range(1, length + 1)]
            fitting = [one for one in month if DAYS[one.weekday()] in pattern["daysOfWeek"]]
            return is_turn(pattern, start, day) and day == fitting[INDEXES[pattern["index"]]]


def is_turn(pattern: dict[str, Any], start: date, day: date) -> bool:
    if pattern["type"].endswith("Yearly"):
        years = day.year - start.year
        return bool(day.month == pattern["month"] and years % pattern["interval"] == 0)
    months = (day.year - start.year) * 12 + day.month - start.month
    return bool(months % pattern["interval"] == 0)


def week_of(day: date, first: int) -> date:
    return day - timedelta(days=(day.weekday() - first) % 7)
