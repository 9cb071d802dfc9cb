"""Graph's patterns become rules that give the days that Outlook shows."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.domain.recurrence import Recurrence, expand
from calendar_manager.providers.microsoft.rules import write_rule
from tests.providers.graph_wall import DAYS, days_on_the_wall, patterns

pytestmark = pytest.mark.unit

BERLIN = "Europe/Berlin"
END = date(2030, 1, 1)


def rule_of(pattern: dict[str, Any], *, all_day: bool = False, **limits: Any) -> str | None:
    recurrence = {"pattern": pattern, "range": {"type": "noEnd", **limits}}
    return write_rule(recurrence, time_zone=BERLIN, all_day=all_day)


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ({"type": "daily", "interval": 3}, "FREQ=DAILY;INTERVAL=3"),
        (
            {"type": "weekly", "interval": 2, "daysOfWeek": ["sunday", "monday"]},
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU",
        ),
        (
            {
                "type": "weekly",
                "interval": 1,
                "daysOfWeek": ["friday"],
                "firstDayOfWeek": "monday",
            },
            "FREQ=WEEKLY;INTERVAL=1;BYDAY=FR;WKST=MO",
        ),
        (
            {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 15},
            "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=15",
        ),
        (
            {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31},
            "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=28,29,30,31;BYSETPOS=-1",
        ),
        (
            {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["tuesday"], "index": "last"},
            "FREQ=MONTHLY;INTERVAL=1;BYDAY=TU;BYSETPOS=-1",
        ),
        (
            {"type": "relativeMonthly", "interval": 1, "daysOfWeek": DAYS[:5]},
            "FREQ=MONTHLY;INTERVAL=1;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1",
        ),
        (
            {"type": "absoluteYearly", "interval": 1, "month": 2, "dayOfMonth": 29},
            "FREQ=YEARLY;INTERVAL=1;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1",
        ),
        (
            {
                "type": "relativeYearly",
                "interval": 1,
                "month": 11,
                "daysOfWeek": ["thursday"],
                "index": "fourth",
            },
            "FREQ=YEARLY;INTERVAL=1;BYMONTH=11;BYDAY=TH;BYSETPOS=4",
        ),
    ],
)
def test_pattern_is_written_as_a_rule(pattern: dict[str, Any], parts: str) -> None:
    assert rule_of(pattern) == f"RRULE:{parts}"


DAILY = {"type": "daily", "interval": 1}


def test_last_day_counts_to_its_end_in_the_zone_of_the_range() -> None:
    end: dict[str, Any] = {"type": "endDate", "endDate": "2026-10-25"}
    # That night the clocks go back, so the day is over an hour later than it seems.
    assert rule_of(DAILY, **end) == "RRULE:FREQ=DAILY;INTERVAL=1;UNTIL=20261025T225959Z"
    tokyo = rule_of(DAILY, **end, recurrenceTimeZone="Tokyo Standard Time")
    assert tokyo == "RRULE:FREQ=DAILY;INTERVAL=1;UNTIL=20261025T145959Z"
    # In Beirut the last hour of that day comes twice, and both count.
    beirut = {"endDate": "2026-10-24", "recurrenceTimeZone": "Middle East Standard Time"}
    twice = rule_of(DAILY, **{**end, **beirut})
    assert twice == "RRULE:FREQ=DAILY;INTERVAL=1;UNTIL=20261024T215959Z"
    custom = rule_of(DAILY, **end, recurrenceTimeZone="tzone://Microsoft/Custom")
    assert custom == rule_of(DAILY, **end)
    assert rule_of(DAILY, **end, all_day=True) == "RRULE:FREQ=DAILY;INTERVAL=1;UNTIL=20261025"


def test_number_of_occurrences_is_a_count() -> None:
    counted = rule_of(DAILY, type="numbered", numberOfOccurrences=7, endDate="0001-01-01")
    assert counted == "RRULE:FREQ=DAILY;INTERVAL=1;COUNT=7"


@pytest.mark.parametrize(
    ("pattern", "limits"),
    [
        ({}, {}),
        ({"type": "hourly", "interval": 1}, {}),
        ({"type": "daily"}, {}),
        ({"type": "daily", "interval": 0}, {}),
        ({"type": "daily", "interval": True}, {}),
        ({"type": "weekly", "interval": 1, "daysOfWeek": []}, {}),
        ({"type": "weekly", "interval": 1, "daysOfWeek": ["noday"]}, {}),
        ({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 0}, {}),
        ({"type": "absoluteYearly", "interval": 1, "month": 13, "dayOfMonth": 1}, {}),
        ({"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["monday"], "index": "no"}, {}),
        (DAILY, {"type": "never"}),
        (DAILY, {"type": "numbered", "numberOfOccurrences": 0}),
        (DAILY, {"type": "endDate"}),
        (DAILY, {"type": "endDate", "endDate": "0001-01-01"}),
        (DAILY, {"type": "endDate", "endDate": "soon"}),
    ],
)
def test_what_the_documentation_does_not_have_has_no_rule(
    pattern: dict[str, Any], limits: dict[str, Any]
) -> None:
    assert rule_of(pattern, **limits) is None


@given(pattern=patterns, start=st.dates(date(2024, 1, 1), date(2027, 12, 31)))
def test_rule_gives_the_days_that_a_calendar_on_the_wall_gives(
    pattern: dict[str, Any], start: date
) -> None:
    rule = rule_of(pattern, all_day=True)
    assert rule is not None
    given = expand(Recurrence(start, None, (rule,)), start, END, limit=5000)
    assert list(given.starts) == list(days_on_the_wall(pattern, start, END))


@given(
    pattern=patterns,
    start=st.dates(date(2024, 1, 1), date(2025, 12, 31)),
    length=st.integers(0, 500),
)
def test_rule_ends_with_its_last_day(pattern: dict[str, Any], start: date, length: int) -> None:
    last = start + timedelta(days=length)
    rule = rule_of(pattern, type="endDate", endDate=last.isoformat())
    assert rule is not None
    wall = datetime.combine(start, datetime.min.time().replace(hour=23, minute=30))
    zoned = Recurrence(wall, BERLIN, (rule,))
    given = expand(
        zoned, datetime(2023, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC), limit=5000
    )
    expected = [day for day in days_on_the_wall(pattern, start, END) if day <= last]
    # Half past eleven at night in Berlin is the same day in UTC.
    assert [one.date() for one in given.starts if isinstance(one, datetime)] == expected
