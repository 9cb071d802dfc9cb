"""Graph's patterns, expanded: against a day-by-day reading of the documentation."""

import calendar
import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_manager.sandbox.graph.patterns import PatternError, read_pattern
from calendar_manager.sandbox.graph.recurrence import Series
from calendar_manager.sandbox.graph.zones import find_zone, name_zone
from tests.sandbox.graph_api import Json

pytestmark = pytest.mark.unit

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
INDEXES = ("first", "second", "third", "fourth", "last")
BERLIN = ZoneInfo("Europe/Berlin")


def falls(pattern: Json, first: date, day: date) -> bool:
    """Whether the pattern, begun on its first day, has an occurrence on a day."""
    kind, interval = pattern["type"], pattern["interval"]
    if kind == "daily":
        return bool((day - first).days % interval == 0)
    if kind == "weekly":
        week_start = DAYS.index(pattern["firstDayOfWeek"])
        begun = first - timedelta(days=(first.weekday() - week_start) % 7)
        in_turn = (day - begun).days // 7 % interval == 0
        return in_turn and DAYS[day.weekday()] in pattern["daysOfWeek"]
    months = (day.year - first.year) * 12 + day.month - first.month
    if kind.endswith("Yearly"):
        if day.month != pattern["month"] or (day.year - first.year) % interval:
            return False
    elif months % interval:
        return False
    length = calendar.monthrange(day.year, day.month)[1]
    if kind.startswith("absolute"):
        return bool(day.day == min(pattern["dayOfMonth"], length))
    matching = [
        number
        for number in range(1, length + 1)
        if DAYS[date(day.year, day.month, number).weekday()] in pattern["daysOfWeek"]
    ]
    place = INDEXES.index(pattern["index"])
    return day.day == (matching[-1] if pattern["index"] == "last" else matching[place])


def reading(recurrence: Json, first: date, until: date) -> Iterator[date]:
    """The days of a recurrence, found by looking at each day."""
    days: Iterator[date] = (
        first + timedelta(days=number)
        for number in range((until - first).days)
        if falls(recurrence["pattern"], first, first + timedelta(days=number))
    )
    bounds = recurrence["range"]
    if bounds["type"] == "numbered":
        return itertools.islice(days, bounds["numberOfOccurrences"])
    if bounds["type"] == "endDate":
        return itertools.takewhile(lambda day: day.isoformat() <= bounds["endDate"], days)
    return days


@st.composite
def recurrences(draw: st.DrawFn) -> tuple[date, Json]:
    first = draw(st.dates(date(2019, 1, 1), date(2027, 12, 31)))
    kind = draw(
        st.sampled_from(
            [
                "daily",
                "weekly",
                "absoluteMonthly",
                "relativeMonthly",
                "absoluteYearly",
                "relativeYearly",
            ]
        )
    )
    pattern: Json = {"type": kind, "interval": draw(st.integers(1, 5))}
    if kind == "weekly" or kind.startswith("relative"):
        pattern["daysOfWeek"] = draw(st.lists(st.sampled_from(DAYS), min_size=1, unique=True))
        pattern["index"] = draw(st.sampled_from(INDEXES))
        pattern["firstDayOfWeek"] = draw(st.sampled_from(DAYS))
    if kind.startswith("absolute"):
        pattern["dayOfMonth"] = draw(st.sampled_from([1, 15, 28, 29, 30, 31]))
    if kind.endswith("Yearly"):
        pattern["month"] = draw(st.integers(1, 12))
    bounds: Json = {"type": "noEnd", "startDate": first.isoformat()}
    end = draw(st.sampled_from(["noEnd", "endDate", "numbered"]))
    if end == "endDate":
        last = first + timedelta(days=draw(st.integers(0, 900)))
        bounds |= {"type": "endDate", "endDate": last.isoformat()}
    elif end == "numbered":
        bounds |= {"type": "numbered", "numberOfOccurrences": draw(st.integers(1, 30))}
    return first, {"pattern": pattern, "range": bounds}


@settings(max_examples=150)
@given(recurrences())
def test_patterns_fall_where_the_documentation_says(drawn: tuple[date, Json]) -> None:
    first, recurrence = drawn
    until = first + timedelta(days=1_500)
    expected = list(reading(recurrence, first, until))
    assert list(Series(first, recurrence).starts(until)) == expected
    start = datetime.combine(first, time(2, 30), BERLIN)
    start = start.astimezone(UTC).astimezone(BERLIN)
    wall = start.time()
    expected_at = [
        datetime.combine(day, wall, BERLIN).astimezone(UTC).astimezone(BERLIN) for day in expected
    ]
    before = datetime.combine(until, time(), BERLIN)
    series = Series(start, recurrence)
    assert list(series.starts(before)) == expected_at
    for at in expected_at[:5]:
        assert series.contains(at)
        assert not series.contains(at + timedelta(minutes=1))


def test_patterns_run_in_the_recurrences_own_zone() -> None:
    start = datetime(2026, 3, 2, 23, tzinfo=ZoneInfo("America/New_York"))
    recurrence = {
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"]},
        "range": {
            "type": "noEnd",
            "startDate": "2026-03-03",
            "recurrenceTimeZone": "W. Europe Standard Time",
        },
    }
    found = list(itertools.islice(Series(start, recurrence).starts(), 5))
    # It stands at five in the morning in Berlin, whatever New York's clocks do.
    assert [at.astimezone(BERLIN).hour for at in found if isinstance(at, datetime)] == [5] * 5
    assert [at.hour for at in found if isinstance(at, datetime)] == [23, 0, 0, 0, 23]


@pytest.mark.parametrize(
    ("pattern", "days"),
    [
        (
            {"type": "absoluteMonthly", "dayOfMonth": 31},
            ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31"],
        ),
        (
            {"type": "absoluteYearly", "dayOfMonth": 29, "month": 2},
            ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28"],
        ),
    ],
)
def test_short_months_take_their_last_day(pattern: Json, days: list[str]) -> None:
    first = date.fromisoformat(days[0])
    recurrence = {
        "pattern": {**pattern, "interval": 1},
        "range": {"type": "noEnd", "startDate": days[0]},
    }
    found = itertools.islice(Series(first, recurrence).starts(), 4)
    assert [day.isoformat() for day in found] == days


def test_an_endless_series_is_bounded() -> None:
    recurrence = {
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "noEnd", "startDate": "2026-03-02"},
    }
    assert sum(1 for _ in Series(date(2026, 3, 2), recurrence).starts()) == 20_000


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=3;COUNT=7",
        "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
        "FREQ=WEEKLY",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;WKST=SU",
        "FREQ=WEEKLY;BYDAY=TU;UNTIL=20260501T070000Z",
        "FREQ=WEEKLY;BYDAY=TU;UNTIL=20260505T065959Z",
        "FREQ=MONTHLY",
        "FREQ=MONTHLY;BYMONTHDAY=3;COUNT=5",
        "FREQ=MONTHLY;BYDAY=1MO",
        "FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=2",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=YEARLY",
        "FREQ=YEARLY;BYMONTH=4;BYDAY=2SU",
    ],
)
def test_rules_of_feeds_become_the_same_occurrences(rule: str) -> None:
    start = datetime(2026, 3, 3, 9, tzinfo=BERLIN)
    recurrence = read_pattern(rule, start, BERLIN)
    before = datetime(2029, 1, 1, tzinfo=BERLIN)
    expected = rrulestr(rule, dtstart=start).between(start, before, inc=True)
    assert list(Series(start, recurrence).starts(before)) == expected


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=HOURLY",
        "FREQ=DAILY;BYHOUR=9,15",
        "FREQ=MONTHLY;BYMONTHDAY=-1",
        "FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR",
        "FREQ=MONTHLY;BYDAY=1MO,3MO",
        "FREQ=MONTHLY;BYDAY=5MO",
        "FREQ=MONTHLY;BYDAY=MO",
        "FREQ=MONTHLY;BYMONTH=3",
        "FREQ=MONTHLY;BYSETPOS=1",
        "FREQ=YEARLY;BYWEEKNO=20",
        "FREQ=YEARLY;BYYEARDAY=100",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=DAILY;INTERVAL=2;BYDAY=MO",
    ],
)
def test_rules_that_outlook_cannot_say_are_refused(rule: str) -> None:
    with pytest.raises(PatternError):
        read_pattern(rule, datetime(2026, 3, 3, 9, tzinfo=BERLIN), BERLIN)


@pytest.mark.parametrize(
    ("name", "iana"),
    [
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Eastern Standard Time", "America/New_York"),
        ("UTC", "Etc/UTC"),
    ],
)
def test_windows_names_stand_for_zones_and_zones_for_them(name: str, iana: str) -> None:
    zone: Any = find_zone(name)
    assert str(zone) == iana
    assert name_zone(zone) == name
    assert find_zone("tzone://Microsoft/Custom") is None
    assert name_zone(ZoneInfo("Europe/Vienna")) == "Europe/Vienna"
