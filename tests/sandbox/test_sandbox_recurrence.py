"""Expansion against recorded rules, and its bounds."""

import itertools
import time
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.sandbox.google.recurrence import (
    Recurrence,
    continue_lines,
    end_of_day_before,
    truncate_lines,
)
from calendar_manager.sandbox.google.rules import RuleError

pytestmark = pytest.mark.unit

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 3, 27, 2, 30, tzinfo=BERLIN)


def first(recurrence: Recurrence, count: int) -> list[date]:
    return list(itertools.islice(recurrence.starts(), count))


def test_a_time_inside_the_gap_moves_forward_and_comes_back() -> None:
    starts = first(Recurrence(START, ["RRULE:FREQ=DAILY;COUNT=4"]), 9)
    assert [start.isoformat() for start in starts] == [
        "2026-03-27T02:30:00+01:00",
        "2026-03-28T02:30:00+01:00",
        "2026-03-29T03:30:00+02:00",
        "2026-03-30T02:30:00+02:00",
    ]


@pytest.mark.parametrize(
    ("until", "count"),
    [
        ("20260329T013000Z", 3),
        ("20260329T012959Z", 2),
        ("20260329", 3),
        ("20260328T235959", 2),
    ],
)
def test_until_is_read_in_utc_as_a_date_and_as_local_time(until: str, count: int) -> None:
    recurrence = Recurrence(
        datetime(2026, 3, 27, 3, 30, tzinfo=BERLIN), [f"RRULE:FREQ=DAILY;UNTIL={until}"]
    )
    assert len(first(recurrence, 99)) == count


def test_dates_are_added_and_left_out_whatever_their_form() -> None:
    recurrence = Recurrence(
        datetime(2026, 6, 1, 9, tzinfo=BERLIN),
        [
            "RRULE:FREQ=DAILY;COUNT=4",
            "RDATE;TZID=America/New_York:20260610T090000",
            "RDATE;VALUE=PERIOD:20260611T070000Z/PT1H",
            "EXDATE:20260602T070000Z",
            "EXDATE;VALUE=DATE:20260603",
            "EXRULE:FREQ=DAILY;INTERVAL=3;COUNT=2",
        ],
    )
    assert [start.isoformat()[:16] for start in first(recurrence, 99)] == [
        "2026-06-10T15:00",
        "2026-06-11T09:00",
    ]


def test_without_a_rule_the_start_itself_counts() -> None:
    recurrence = Recurrence(date(2026, 6, 1), ["RDATE;VALUE=DATE:20260605,20260603"])
    assert first(recurrence, 9) == [date(2026, 6, 1), date(2026, 6, 3), date(2026, 6, 5)]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYSETPOS=5",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;BYDAY=XX",
        "FREQ=DAILY;UNTIL=yesterday",
        "INTERVAL=2",
        "FREQ=DAILY;COUNT",
    ],
)
def test_rules_that_are_wrong_or_endless_are_refused(rule: str) -> None:
    with pytest.raises(RuleError):
        Recurrence(START, [f"RRULE:{rule}"])


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;BYSETPOS=9",
        "FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1",
        "FREQ=SECONDLY",
        "FREQ=HOURLY;BYHOUR=3",
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=999999",
        "FREQ=DAILY;COUNT=999999999",
    ],
)
def test_every_accepted_rule_ends_in_time(rule: str) -> None:
    began = time.monotonic()
    count = sum(
        1 for _ in Recurrence(datetime(1990, 1, 1, 3, tzinfo=UTC), [f"RRULE:{rule}"]).starts()
    )
    assert count <= 50_000
    assert time.monotonic() - began < 10


@given(
    frequency=st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]),
    interval=st.integers(1, 4),
    count=st.integers(1, 30),
    cut=st.integers(0, 29),
    day=st.integers(1, 28),
    month=st.integers(1, 12),
)
def test_a_split_series_has_the_instances_of_the_whole(
    frequency: str, interval: int, count: int, cut: int, day: int, month: int
) -> None:
    start = datetime(2026, month, day, 9, tzinfo=BERLIN)
    lines = [f"RRULE:FREQ={frequency};INTERVAL={interval};COUNT={count}"]
    whole = first(Recurrence(start, lines), 99)
    cut %= len(whole)
    if cut == 0:
        return
    head = Recurrence(start, truncate_lines(lines, end_of_day_before(whole[cut], BERLIN)))
    tail = Recurrence(whole[cut], continue_lines(lines, cut))
    assert first(head, 99) + first(tail, 99) == whole


def test_membership_is_by_instant_and_kind() -> None:
    recurrence = Recurrence(START, ["RRULE:FREQ=DAILY"])
    assert recurrence.contains(datetime(2026, 3, 28, 1, 30, tzinfo=UTC))
    assert not recurrence.contains(datetime(2026, 3, 28, 2, 30, tzinfo=UTC))
    assert not recurrence.contains(date(2026, 3, 28))
