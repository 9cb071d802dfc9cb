"""Hours of clients, against minute-by-minute counting."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.domain.client_hours import (
    ClientMeeting,
    Hours,
    Period,
    add_up,
    budget_use,
    divide_hours,
    total_hours,
    week_around,
    whole_minutes,
)
from calendar_manager.domain.times import local_date, start_of_day
from calendar_manager.domain.timespan import Span

pytestmark = pytest.mark.unit

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def meeting(start: str, end: str, project: str | None = None) -> ClientMeeting:
    return ClientMeeting(Span(at(start), at(end)), project)


MARCH = Span(at("2026-02-28T23:00"), at("2026-03-31T22:00"))


def test_a_week_with_a_change_of_the_clock_is_measured_in_real_time() -> None:
    whole = Span(at("2026-03-22T23:00"), at("2026-03-29T22:00"))
    rows = divide_hours([ClientMeeting(whole)], MARCH, Period.DAY, BERLIN)
    assert [row.hours.minutes for row in rows] == [1440] * 6 + [1380]
    (week,) = divide_hours([ClientMeeting(whole)], MARCH, Period.WEEK, BERLIN)
    assert (week.first_on, week.end_on) == (date(2026, 3, 23), date(2026, 3, 30))
    assert week.hours.minutes == 167 * 60


def test_a_meeting_over_midnight_is_cut_and_counts_on_both_days_but_once_in_all() -> None:
    late = meeting("2026-03-03T22:00", "2026-03-04T00:30")
    rows = divide_hours([late], MARCH, Period.DAY, BERLIN)
    assert [(row.first_on.day, row.hours.meetings, row.hours.minutes) for row in rows] == [
        (3, 1, 60),
        (4, 1, 90),
    ]
    assert total_hours([late], MARCH) == Hours(1, timedelta(minutes=150), timedelta(minutes=150))


def test_projects_stand_apart_what_is_of_none_first() -> None:
    rows = divide_hours(
        [
            meeting("2026-03-03T10:00", "2026-03-03T11:00", "Site"),
            meeting("2026-03-03T10:30", "2026-03-03T11:30", "App"),
            meeting("2026-03-03T10:00", "2026-03-03T10:15"),
        ],
        MARCH,
        Period.MONTH,
        BERLIN,
    )
    assert [(row.project, row.hours.minutes) for row in rows] == [
        (None, 15),
        ("App", 60),
        ("Site", 60),
    ]
    assert {(row.first_on, row.end_on) for row in rows} == {(date(2026, 3, 1), date(2026, 4, 1))}


def test_where_meetings_overlap_their_time_is_told_both_ways() -> None:
    hours = total_hours(
        [
            meeting("2026-03-03T10:00", "2026-03-03T11:00"),
            meeting("2026-03-03T10:30", "2026-03-03T11:30"),
        ],
        MARCH,
    )
    assert (hours.meetings, hours.minutes, hours.distinct_minutes) == (2, 120, 90)


def test_what_lies_outside_or_has_no_length_is_left_out() -> None:
    rows = divide_hours(
        [
            meeting("2026-04-03T10:00", "2026-04-03T11:00"),
            meeting("2026-03-03T10:00", "2026-03-03T10:00"),
        ],
        MARCH,
        Period.TOTAL,
        BERLIN,
    )
    assert rows == []


def test_the_amount_is_exact_to_the_hundredth() -> None:
    hours = add_up([Span(at("2026-03-03T10:00"), at("2026-03-03T10:10"))] * 3)
    assert hours.amount(Decimal("100.01")) == Decimal("50.01")
    assert add_up([Span(at("2026-03-03T10:00"), at("2026-03-03T10:20"))]).amount(
        Decimal(100)
    ) == Decimal("33.33")
    assert whole_minutes(timedelta(seconds=30)) == 1
    assert whole_minutes(timedelta(seconds=29)) == 0


def test_a_budget_counts_shared_time_once_and_only_in_its_week() -> None:
    spans = [
        Span(at("2026-03-03T10:00"), at("2026-03-03T14:00")),
        Span(at("2026-03-03T12:00"), at("2026-03-03T16:00")),
        # Over the end of the week: one hour lies on Sunday.
        Span(at("2026-03-08T22:00"), at("2026-03-09T02:00")),
        Span(at("2026-03-10T10:00"), at("2026-03-10T14:00")),
    ]
    use = budget_use(spans, at("2026-03-05T10:00"), 8 * 60, BERLIN)
    assert use.first_on == date(2026, 3, 2)
    assert use.booked == timedelta(hours=7)
    assert use.left == timedelta(hours=1)
    assert use.allows(timedelta(hours=1))
    assert not use.allows(timedelta(hours=1, minutes=1))


@pytest.mark.parametrize(
    ("zone", "instant", "hours"),
    [
        ("Europe/Berlin", "2026-03-25T12:00", 167),
        ("Europe/Berlin", "2026-10-22T12:00", 169),
        ("Australia/Lord_Howe", "2026-04-01T12:00", 168.5),
        # Apia went over the date line and had no 30 December 2011.
        ("Pacific/Apia", "2011-12-28T12:00", 144),
        ("UTC", "2026-03-25T12:00", 168),
    ],
)
def test_a_week_has_the_hours_that_its_zone_gives_it(zone: str, instant: str, hours: float) -> None:
    assert week_around(at(instant), ZoneInfo(zone))[1].duration == timedelta(hours=hours)


# Weeks in which these zones change their clocks; Havana and the Azores do so around midnight.
PLACES = st.sampled_from(
    [
        ("Europe/Berlin", "2026-03-27T00:00"),
        ("Europe/Berlin", "2026-10-23T00:00"),
        ("America/Havana", "2026-03-06T00:00"),
        ("America/Havana", "2026-10-30T00:00"),
        ("Atlantic/Azores", "2026-10-23T00:00"),
        ("Australia/Lord_Howe", "2026-04-03T00:00"),
        ("Pacific/Apia", "2011-12-28T00:00"),
        ("America/St_Johns", "2006-10-27T00:00"),
        ("Asia/Kathmandu", "2026-01-30T00:00"),
    ]
)
STEPS = st.integers(0, 6 * 24 * 4)


@given(
    PLACES,
    st.lists(st.tuples(STEPS, st.integers(0, 200), st.sampled_from([None, "a", "b"])), max_size=5),
    st.tuples(STEPS, STEPS),
    st.sampled_from(Period),
)
def test_hours_are_what_counting_quarters_of_an_hour_gives(
    place: tuple[str, str],
    drawn: list[tuple[int, int, str | None]],
    asked: tuple[int, int],
    period: Period,
) -> None:
    zone, base, quarter = ZoneInfo(place[0]), at(place[1]), timedelta(minutes=15)
    first, last = min(asked), max(asked) + 1
    within = Span(base + first * quarter, base + last * quarter)
    meetings = [
        ClientMeeting(Span(base + start * quarter, base + (start + length) * quarter), project)
        for start, length, project in drawn
    ]
    booked: Counter[tuple[date, str | None]] = Counter()
    distinct: Counter[tuple[date, str | None]] = Counter()
    for step in range(first, last):
        moment = base + step * quarter
        taken = [one.project for one in meetings if one.span.start <= moment < one.span.end]
        for project in taken:
            booked[_period_of(moment, within, period, zone), project] += 15
        for project in set(taken):
            distinct[_period_of(moment, within, period, zone), project] += 15
    rows = divide_hours(meetings, within, period, zone)
    found = {(row.first_on, row.project): row.hours for row in rows}
    assert {key: hours.minutes for key, hours in found.items()} == booked
    assert {key: hours.distinct_minutes for key, hours in found.items()} == distinct
    assert total_hours(meetings, within).minutes == sum(booked.values())


def _period_of(moment: datetime, within: Span, period: Period, zone: ZoneInfo) -> date:
    """Return the last beginning of a period that is not after a moment."""
    if period is Period.TOTAL:
        return local_date(within.start, zone)
    days = [local_date(moment, zone) + timedelta(days=shift) for shift in range(-40, 3)]
    begins = [
        day
        for day in days
        if period is Period.DAY
        or (period is Period.WEEK and day.weekday() == 0)
        or (period is Period.MONTH and day.day == 1)
    ]
    return max(day for day in begins if start_of_day(day, zone) <= moment)
