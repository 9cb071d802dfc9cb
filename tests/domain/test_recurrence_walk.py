"""One rule on the wall calendar: against dateutil, and never without an end."""

from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import islice, takewhile

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from calendar_manager.domain.errors import InvalidRecurrenceError
from calendar_manager.domain.recurrence_rule import Budget, read_rule
from calendar_manager.domain.recurrence_walk import walk
from tests.domain.recurrence_strategies import ALL_FREQUENCIES, STARTS, rules

pytestmark = pytest.mark.unit

ENOUGH = 150


def find(text: str, start: datetime, first: datetime, last: datetime) -> list[datetime]:
    """The first instances of a rule in a stretch."""
    found = walk(read_rule(text, text), start, first, last, Budget(2_000_000))
    return list(islice(found, ENOUGH))


def ask_dateutil(text: str, start: datetime, last: datetime) -> list[datetime]:
    """The first instances by dateutil, which must have one in ``last`` or later to end."""
    return list(islice(takewhile(lambda wall: wall <= last, rrulestr(text, dtstart=start)), ENOUGH))


@settings(max_examples=200)
@given(rules(frequencies=ALL_FREQUENCIES), STARTS, st.sampled_from((1, 40, 800, 5000)))
def test_a_rule_gives_what_dateutil_gives(text: str, start: datetime, days: int) -> None:
    found = find(text, start, start, start + timedelta(days=days))
    # Without an instance, dateutil would look for one up to the year 9999.
    assume(found)
    # dateutil stumbles over a fifth weekday that would lie beyond its year.
    with suppress(IndexError):
        assert found == ask_dateutil(text, start, found[-1])


@settings(max_examples=200)
@given(
    rules(frequencies=ALL_FREQUENCIES),
    STARTS,
    st.sampled_from((1, 40, 800, 5000)),
    st.integers(0, ENOUGH),
    st.integers(0, ENOUGH),
)
def test_a_stretch_has_what_the_whole_has_there(
    text: str, start: datetime, days: int, one: int, other: int
) -> None:
    whole = find(text, start, start, start + timedelta(days=days))
    assume(whole)
    first, last = sorted((one % len(whole), other % len(whole)))
    second = timedelta(seconds=1)
    assert find(text, start, whole[first], whole[last]) == whole[first:last]
    assert find(text, start, whole[first], whole[last] + second) == whole[first : last + 1]
    late = find(text, start, whole[first] + second, whole[last] + second)
    assert late == whole[first + 1 : last + 1]


@given(st.dates(date(1, 1, 10), date(9999, 12, 1)), st.integers(-53, 53).filter(bool))
def test_weeks_are_numbered_as_in_iso_8601(day: date, number: int) -> None:
    start = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - A wall clock.
    text = f"FREQ=DAILY;BYWEEKNO={number}"
    found = find(text, start, start, start + timedelta(days=1))
    year, week, _ = day.isocalendar()
    last = date(year, 12, 28).isocalendar().week
    assert bool(found) is (number in (week, week - last - 1))


MONDAY = datetime(2026, 3, 2, 9)  # noqa: DTZ001 - A wall clock.


@pytest.mark.parametrize(
    ("text", "days"),
    [
        # A plain weekday beside one with an ordinal: either is wanted.
        ("FREQ=MONTHLY;BYDAY=MO,1TU;COUNT=4", ["03-02", "03-03", "03-09", "03-16"]),
        # The first working day of each week, also of the week that began before DTSTART.
        ("FREQ=WEEKLY;WKST=SU;BYDAY=SU,WE;BYSETPOS=1;COUNT=2", ["03-08", "03-15"]),
        # Week 52 and 53 of the year before, in the first days of a year.
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=SU;COUNT=1", ["01-03"]),
        ("FREQ=YEARLY;BYDAY=-1MO;COUNT=1", ["12-28"]),
        ("FREQ=MONTHLY;BYDAY=5MO;COUNT=2", ["03-30", "06-29"]),
        # The leap second never comes.
        ("FREQ=DAILY;BYSECOND=0,60;COUNT=2", ["03-02", "03-03"]),
        ("FREQ=MINUTELY;INTERVAL=1440;BYSECOND=60", []),
        ("FREQ=SECONDLY;INTERVAL=3600;BYSECOND=60", []),
    ],
)
def test_rules_that_dateutil_gets_wrong(text: str, days: list[str]) -> None:
    found = find(text, MONDAY, MONDAY, MONDAY + timedelta(days=366))
    assert [f"{wall:%m-%d}" for wall in found] == days


HORIZON = (datetime(2026, 1, 1), datetime(2027, 5, 6))  # noqa: DTZ001 - Wall clocks.
LONG_AGO = datetime(1, 1, 1)  # noqa: DTZ001 - A wall clock.


@pytest.mark.parametrize(
    ("start", "text", "instances", "most_steps"),
    [
        (MONDAY, "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", 0, 1_000),
        (LONG_AGO, "FREQ=DAILY", 490, 2_000),
        (LONG_AGO, "FREQ=DAILY;COUNT=999999999", 490, 2_000),
        (LONG_AGO, "FREQ=DAILY;COUNT=1000", 0, 0),
        (LONG_AGO, "FREQ=WEEKLY;INTERVAL=3", 24, 300),
        (LONG_AGO, "FREQ=MONTHLY;BYDAY=-1FR", 16, 600),
        (LONG_AGO, "FREQ=YEARLY", 2, 10),
        (LONG_AGO, "FREQ=HOURLY;INTERVAL=999999999", 0, 1_000),
        (LONG_AGO, "FREQ=YEARLY;INTERVAL=999999999", 0, 10),
        (LONG_AGO, "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=5", 0, 3_000),
        (LONG_AGO, "FREQ=MINUTELY;BYHOUR=9;BYMINUTE=30;BYDAY=MO", 70, 1_000),
        (MONDAY, "FREQ=SECONDLY;BYSETPOS=2", 0, 0),
        (MONDAY, "FREQ=MINUTELY;BYSETPOS=-2", 0, 0),
        (MONDAY, "FREQ=SECONDLY;INTERVAL=2;BYSECOND=1,3,5", 0, 0),
        (MONDAY, "FREQ=SECONDLY;INTERVAL=86399;BYSECOND=1;BYMINUTE=1;BYHOUR=1", 0, 1_000),
        (datetime(9999, 12, 1), "FREQ=YEARLY", 0, 0),  # noqa: DTZ001 - A wall clock.
    ],
)
def test_a_walk_costs_what_its_stretch_holds(
    start: datetime, text: str, instances: int, most_steps: int
) -> None:
    budget = Budget(most_steps)
    found = list(walk(read_rule(text, text), start, *HORIZON, budget))
    assert len(found) == instances


def test_a_walk_reaches_the_ends_of_the_calendar() -> None:
    for text in ("YEARLY", "MONTHLY", "WEEKLY;WKST=SU", "DAILY", "DAILY;BYWEEKNO=1,52,53"):
        rule = read_rule(text, f"FREQ={text}")
        early = walk(rule, LONG_AGO, LONG_AGO, datetime.max, Budget(100))  # noqa: DTZ901
        assert next(early, LONG_AGO) == LONG_AGO
        late = datetime(9999, 12, 20)  # noqa: DTZ001 - A wall clock.
        assert max(walk(rule, late, late, datetime.max, Budget(1_000))) >= late  # noqa: DTZ901


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;COUNT=999999999;BYHOUR=3",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=1",
    ],
)
def test_too_much_work_is_refused_and_the_rule_named(text: str) -> None:
    with pytest.raises(InvalidRecurrenceError, match=f"{text}.*too much work"):
        list(walk(read_rule(text, text), LONG_AGO, *HORIZON, Budget(10_000)))
