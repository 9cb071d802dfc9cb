"""Which occurrences an event has: singles, overrides and masters."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_manager.domain.events import Event, EventKind, EventStatus, original_start_key
from calendar_manager.domain.occurrences import Materialized, materialize
from calendar_manager.domain.times import day_span, find_zone
from calendar_manager.domain.timespan import DateSpan, Span

pytestmark = pytest.mark.unit

BERLIN, UTC_ZONE, HONOLULU = (
    find_zone(name) for name in ("Europe/Berlin", "UTC", "Pacific/Honolulu")
)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MARCH = Span(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
LONG_AGO = Span(datetime(1990, 1, 1, tzinfo=UTC), datetime(1990, 2, 1, tzinfo=UTC))
NINE = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""A Monday, nine o'clock in Berlin."""

SINGLE = Event(
    provider_event_id="single",
    kind=EventKind.SINGLE,
    when=Span(NINE, NINE + HOUR),
    time_zone="Europe/Berlin",
)
DAILY = replace(
    SINGLE, provider_event_id="daily", kind=EventKind.MASTER, recurrence=("RRULE:FREQ=DAILY",)
)
ALL_DAY = replace(
    SINGLE,
    provider_event_id="days",
    when=DateSpan(date(2026, 3, 2), date(2026, 3, 3)),
    time_zone=None,
)
WEEKS = replace(ALL_DAY, kind=EventKind.MASTER, recurrence=("RRULE:FREQ=WEEKLY",))
OVERRIDE = replace(
    SINGLE,
    provider_event_id="moved",
    kind=EventKind.OVERRIDE,
    series_id="daily",
    original_start=NINE + DAY,
    when=Span(NINE + 30 * HOUR, NINE + 31 * HOUR),
)


def override(original_start: datetime | date, **changes: object) -> Event:
    return replace(OVERRIDE, original_start=original_start, **changes)  # type: ignore[arg-type]  # Free changes.


def starts(found: Materialized) -> list[str]:
    """When the occurrences start in UTC, as a person reads it."""
    assert found.problem is None
    assert not found.truncated
    return [f"{occurrence.span.start:%m-%d %H}" for occurrence in found.occurrences]


@pytest.mark.parametrize("window", [MARCH, LONG_AGO])
def test_a_single_event_has_one_occurrence_wherever_the_window_lies(window: Span) -> None:
    (occurrence,) = materialize(SINGLE, (), window, BERLIN).occurrences
    assert occurrence.provider_event_id == "single"
    assert occurrence.original_start == NINE
    assert occurrence.span == SINGLE.when
    assert occurrence.dates is None


@pytest.mark.parametrize("window", [MARCH, LONG_AGO])
def test_an_override_has_one_occurrence_named_after_its_original_start(window: Span) -> None:
    (occurrence,) = materialize(OVERRIDE, (), window, BERLIN).occurrences
    assert occurrence.provider_event_id == "moved"
    assert occurrence.original_start == NINE + DAY
    assert occurrence.span == OVERRIDE.when


def test_an_override_of_an_all_day_series_is_named_by_its_date() -> None:
    moved = replace(override(date(2026, 3, 9)), when=ALL_DAY.when)
    (occurrence,) = materialize(moved, (), MARCH, HONOLULU).occurrences
    assert occurrence.original_start == datetime(2026, 3, 9, tzinfo=UTC)
    assert occurrence.dates == ALL_DAY.when


@pytest.mark.parametrize("event", [SINGLE, DAILY, OVERRIDE, replace(OVERRIDE, when=OVERRIDE.when)])
def test_a_cancelled_event_has_none(event: Event) -> None:
    cancelled = replace(event, status=EventStatus.CANCELLED)
    assert materialize(cancelled, (), MARCH, BERLIN) == Materialized(())


def test_a_cancelled_override_without_times_has_none() -> None:
    cancelled = replace(OVERRIDE, status=EventStatus.CANCELLED, when=None)
    assert materialize(cancelled, (), MARCH, BERLIN) == Materialized(())


@pytest.mark.parametrize(
    ("zone", "first_hour", "length"),
    [("Europe/Berlin", 23, 47), ("Pacific/Honolulu", 10, 48), ("UTC", 0, 48)],
)
def test_dates_become_the_days_of_the_viewer(zone: str, first_hour: int, length: int) -> None:
    dates = DateSpan(date(2026, 3, 28), date(2026, 3, 30))
    (occurrence,) = materialize(
        replace(ALL_DAY, when=dates), (), MARCH, find_zone(zone)
    ).occurrences
    assert occurrence.span.start.hour == first_hour
    assert occurrence.span.duration == length * HOUR
    assert occurrence.dates == dates
    assert occurrence.original_start == datetime(2026, 3, 28, tzinfo=UTC)


def test_a_series_has_its_occurrences_in_the_window() -> None:
    window = Span(datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))
    found = materialize(DAILY, (), window, HONOLULU)
    assert starts(found) == ["03-27 08", "03-28 08", "03-29 07", "03-30 07"]
    for occurrence in found.occurrences:
        assert occurrence.provider_event_id == "daily"
        assert occurrence.original_start == occurrence.span.start
        assert occurrence.span.duration == HOUR


def test_an_occurrence_lasts_as_long_in_real_time_on_a_day_with_a_gap() -> None:
    night = Span(datetime(2026, 3, 27, 22, tzinfo=UTC), datetime(2026, 3, 28, 6, tzinfo=UTC))
    found = materialize(replace(DAILY, when=night), (), MARCH, BERLIN)
    assert {occurrence.span.duration for occurrence in found.occurrences} == {8 * HOUR}


def test_an_occurrence_that_began_before_the_window_counts_while_it_lasts() -> None:
    long = replace(
        DAILY, when=Span(NINE, NINE + 10 * DAY), recurrence=("RRULE:FREQ=DAILY;INTERVAL=20",)
    )
    began = Span(NINE + 9 * DAY, NINE + 10 * DAY)
    assert starts(materialize(long, (), began, BERLIN)) == ["03-02 08"]
    ended = Span(NINE + 10 * DAY, NINE + 11 * DAY)
    assert starts(materialize(long, (), ended, BERLIN)) == []


def test_an_occurrence_without_length_counts_when_it_starts_inside_the_window() -> None:
    moment = replace(DAILY, when=Span(NINE, NINE))
    assert starts(materialize(moment, (), Span(NINE, NINE + DAY), BERLIN)) == ["03-02 08"]


def test_an_all_day_series_reaches_as_far_as_the_viewers_days_do() -> None:
    monday_morning = datetime(2026, 3, 9, 5, tzinfo=UTC)
    window = Span(monday_morning, monday_morning + HOUR)
    assert starts(materialize(WEEKS, (), window, BERLIN)) == ["03-08 23"]
    # In Honolulu it is still Sunday.
    assert starts(materialize(WEEKS, (), window, HONOLULU)) == []
    long = replace(WEEKS, when=DateSpan(date(2026, 3, 2), date(2026, 3, 9)))
    assert starts(materialize(long, (), window, HONOLULU)) == ["03-02 10"]


def test_moved_and_cancelled_starts_are_not_the_masters() -> None:
    window = Span(NINE, NINE + 5 * DAY)
    overrides = [
        override(NINE + DAY),
        override(NINE + 3 * DAY, status=EventStatus.CANCELLED, when=None),
        # It names no start of the series.
        override(NINE + 2 * DAY + HOUR),
    ]
    found = materialize(DAILY, overrides, window, BERLIN)
    assert starts(found) == ["03-02 08", "03-04 08", "03-06 08"]


def test_an_override_of_an_all_day_series_takes_its_date() -> None:
    overrides = [override(date(2026, 3, 9), when=ALL_DAY.when)]
    for zone in (BERLIN, HONOLULU):
        found = materialize(WEEKS, overrides, MARCH, zone)
        days = [occurrence.original_start.day for occurrence in found.occurrences]
        assert days == [2, 16, 23, 30]


def test_a_date_names_what_starts_on_that_local_day_of_a_timed_series() -> None:
    # Nine in Tokyo on 3 March is midnight in UTC, and eleven at night on 2 March is 14:00.
    late = replace(DAILY, when=Span(NINE + 6 * HOUR, NINE + 7 * HOUR), time_zone="Asia/Tokyo")
    found = materialize(late, [override(date(2026, 3, 3))], Span(NINE, NINE + 3 * DAY), BERLIN)
    assert starts(found) == ["03-02 14", "03-04 14"]
    early = replace(DAILY, when=Span(NINE - 9 * HOUR, NINE - 8 * HOUR), time_zone="Asia/Tokyo")
    window = Span(NINE - DAY, NINE + 2 * DAY)
    found = materialize(early, [override(date(2026, 3, 3))], window, BERLIN)
    assert starts(found) == ["03-01 23", "03-03 23"]


@pytest.mark.parametrize(
    ("zone", "named"),
    [
        ("Europe/Berlin", datetime(2026, 3, 8, 23, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 9, 8, tzinfo=UTC)),
        ("Pacific/Honolulu", datetime(2026, 3, 9, 0, tzinfo=UTC)),
        (None, datetime(2026, 3, 9, 9, 30, tzinfo=UTC)),
        ("Mars/Olympus", datetime(2026, 3, 9, 11, tzinfo=UTC)),
    ],
)
def test_an_instant_names_its_local_date_in_an_all_day_series(
    zone: str | None, named: datetime
) -> None:
    found = materialize(replace(WEEKS, time_zone=zone), [override(named)], MARCH, BERLIN)
    assert [occurrence.original_start.day for occurrence in found.occurrences] == [2, 16, 23, 30]


@pytest.mark.parametrize("zone", [None, "Mars/Olympus", "UTC"])
def test_a_series_without_a_known_zone_recurs_in_utc(zone: str | None) -> None:
    window = Span(datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC))
    found = materialize(replace(DAILY, time_zone=zone), (), window, BERLIN)
    assert starts(found) == ["03-28 08", "03-29 08"]


@pytest.mark.parametrize("window", [MARCH, LONG_AGO])
@pytest.mark.parametrize("master", [DAILY, WEEKS])
def test_a_master_that_cannot_be_read_has_its_first_occurrence_alone(
    master: Event, window: Span
) -> None:
    broken = replace(master, recurrence=("RRULE:FREQ=SOMETIMES",))
    found = materialize(broken, (), window, BERLIN)
    assert found.problem is not None
    assert "SOMETIMES" in found.problem
    (occurrence,) = found.occurrences
    assert master.when is not None
    first = master.when.start if isinstance(master.when, Span) else master.when.first
    assert occurrence.original_start == original_start_key(first)


def test_the_first_occurrence_of_a_broken_master_can_be_cancelled_too() -> None:
    broken = replace(DAILY, recurrence=("RRULE:FREQ=SOMETIMES",))
    found = materialize(broken, [override(NINE)], MARCH, BERLIN)
    assert found.occurrences == ()
    assert found.problem is not None


def test_the_limit_keeps_the_earliest_occurrences() -> None:
    endless = replace(DAILY, recurrence=("RRULE:FREQ=SECONDLY",))
    found = materialize(endless, (), MARCH, BERLIN, limit=5)
    assert found.truncated
    assert [occurrence.span.start for occurrence in found.occurrences] == [
        NINE + timedelta(seconds=second) for second in range(5)
    ]


def test_a_master_in_the_second_reading_of_a_fold_keeps_its_start() -> None:
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    master = replace(DAILY, when=Span(second, second + HOUR))
    window = Span(second - DAY, second + 2 * DAY)
    assert starts(materialize(master, (), window, BERLIN)) == ["10-25 01", "10-26 01"]
    found = materialize(master, (), window, BERLIN)
    assert found.occurrences[0].span == master.when


def test_the_ends_of_the_calendar_are_materialized_without_an_error() -> None:
    ever = Span(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    for zone in (BERLIN, HONOLULU):
        first = replace(ALL_DAY, when=DateSpan(date(1, 1, 1), date(1, 1, 2)))
        assert len(materialize(first, (), MARCH, zone).occurrences) == 1
        yearly = replace(
            WEEKS,
            when=DateSpan(date(1, 1, 1), date(2, 1, 1)),
            recurrence=("RRULE:FREQ=YEARLY",),
        )
        assert len(materialize(yearly, (), ever, zone).occurrences) >= 9_998
    start = datetime(2, 1, 1, tzinfo=UTC)
    master = replace(DAILY, when=Span(start, start + 5000 * DAY), recurrence=("RRULE:FREQ=YEARLY",))
    found = materialize(master, (), ever, BERLIN)
    assert found.occurrences[-1].span.end == datetime.max.replace(tzinfo=UTC)


@settings(max_examples=150)
@given(
    begin=st.integers(0, 200),
    length=st.integers(0, 60),
    interval=st.integers(1, 9),
    first=st.integers(-400, 4000),
    size=st.integers(0, 1000),
    days=st.booleans(),
)
def test_a_window_holds_the_occurrences_that_share_time_with_it(
    *, begin: int, length: int, interval: int, first: int, size: int, days: bool
) -> None:
    """Against all occurrences of a long time, looked through one by one."""
    start = NINE + begin * HOUR
    window = Span(NINE + first * HOUR, NINE + (first + size) * HOUR)
    when: Span | DateSpan = Span(start, start + length * HOUR)
    if days:
        when = DateSpan(start.date(), start.date() + (1 + length // 10) * DAY)
    event = replace(DAILY, when=when, recurrence=(f"RRULE:FREQ=DAILY;INTERVAL={interval}",))
    expected = []
    for step in range(6000 // 24 // interval + 1):
        shift = step * interval * DAY
        if isinstance(when, DateSpan):
            span = day_span(DateSpan(when.first + shift, when.end + shift), HONOLULU)
        else:
            span = Span(when.start + shift, when.end + shift)
        inside = span.is_empty and window.start <= span.start < window.end
        if inside or span.overlaps(window):
            expected.append(span)
    event = replace(event, time_zone="UTC")
    found = materialize(event, (), window, HONOLULU)
    assert [occurrence.span for occurrence in found.occurrences] == expected
