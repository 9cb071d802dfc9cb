"""Series as a whole: zones, UNTIL, added and excluded starts, limits."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from calendar_manager.domain.errors import InvalidRecurrenceError, UnknownTimeZoneError
from calendar_manager.domain.recurrence import Expansion, Recurrence, expand
from calendar_manager.domain.recurrence_rule import Budget, read_rule
from calendar_manager.domain.recurrence_walk import walk
from calendar_manager.domain.times import find_zone, resolve_wall, wall_clock
from tests.domain.recurrence_strategies import ALL_FREQUENCIES, CHANGES, STARTS, ZONES, rules

pytestmark = pytest.mark.unit

YEAR_2026 = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
DAYS_2026 = (date(2026, 1, 1), date(2027, 1, 1))
NINE = datetime(2026, 3, 27, 9)  # noqa: DTZ001 - A wall clock, two days before Berlin's gap.


def timed(*lines: str, start: datetime = NINE, zone: str | None = "Europe/Berlin") -> list[str]:
    """The starts in 2026 as a person reads them in UTC."""
    found = expand(Recurrence(start, zone, lines), *YEAR_2026, limit=20)
    assert not found.truncated
    return [f"{moment:%m-%d %H:%M}" for moment in found.starts]


def all_day(*lines: str, zone: str | None = None) -> list[str]:
    """The days in 2026."""
    found = expand(Recurrence(NINE.date(), zone, lines), *DAYS_2026, limit=20)
    assert not found.truncated
    return [f"{day:%m-%d}" for day in found.starts]


def test_a_series_keeps_its_wall_clock_when_the_clocks_change() -> None:
    assert timed("RRULE:FREQ=DAILY;COUNT=3") == ["03-27 08:00", "03-28 08:00", "03-29 07:00"]


def test_a_series_without_a_zone_recurs_in_utc() -> None:
    assert timed("RRULE:FREQ=DAILY;COUNT=1", zone=None) == ["03-27 09:00"]


def test_a_start_inside_a_gap_moves_forward_and_counts() -> None:
    half_past_two = NINE.replace(hour=2, minute=30)
    assert timed("RRULE:FREQ=DAILY;COUNT=4", start=half_past_two) == [
        "03-27 01:30",
        "03-28 01:30",
        "03-29 01:30",
        "03-30 00:30",
    ]


def test_starts_that_a_gap_moves_onto_others_are_one() -> None:
    midnight = NINE.replace(day=29, hour=0)
    assert timed("RRULE:FREQ=MINUTELY;INTERVAL=30;COUNT=9", start=midnight) == [
        "03-28 23:00",
        "03-28 23:30",
        "03-29 00:00",
        "03-29 00:30",
        "03-29 01:00",
        "03-29 01:30",
        "03-29 02:00",
    ]


def test_a_start_inside_a_fold_is_its_first_reading() -> None:
    half_past_two = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001 - A wall clock.
    assert timed("RRULE:FREQ=DAILY;COUNT=2", start=half_past_two) == ["10-25 00:30", "10-26 01:30"]


def test_the_day_that_apia_skipped_falls_onto_the_next_one() -> None:
    start = datetime(2011, 12, 29, 9)  # noqa: DTZ001 - A wall clock.
    series = Recurrence(start, "Pacific/Apia", ("RRULE:FREQ=DAILY;COUNT=4",))
    found = expand(series, start.replace(tzinfo=UTC), datetime(2012, 2, 1, tzinfo=UTC), limit=9)
    assert [f"{moment:%m-%d %H}" for moment in found.starts] == ["12-29 19", "12-30 19", "12-31 19"]


@pytest.mark.parametrize(
    ("until", "count"),
    [
        ("20260330T070000Z", 4),
        ("20260330T065959Z", 3),
        ("20260330T090000", 4),
        ("20260330T085959", 3),
        ("20260330", 4),
        ("20260329", 3),
        ("20260101T000000Z", 0),
    ],
)
def test_until_includes_what_it_names(until: str, count: int) -> None:
    assert len(timed(f"RRULE:FREQ=DAILY;UNTIL={until}")) == count


@pytest.mark.parametrize(
    ("until", "count"),
    [
        ("20260330", 4),
        ("20260330T000000Z", 4),
        ("20260330T235959", 4),
        # How a provider in Chicago writes the end of 30 March.
        ("20260331T045959Z", 4),
    ],
)
def test_until_of_an_all_day_series_means_its_day(until: str, count: int) -> None:
    assert len(all_day(f"RRULE:FREQ=DAILY;UNTIL={until}", zone="America/Chicago")) == count


def test_until_inside_a_gap_is_moved_like_a_start() -> None:
    half_past_two = NINE.replace(hour=2, minute=30)
    assert len(timed("RRULE:FREQ=DAILY;UNTIL=20260329T013000Z", start=half_past_two)) == 3
    assert len(timed("RRULE:FREQ=DAILY;UNTIL=20260329T012959Z", start=half_past_two)) == 2


def test_the_sooner_of_count_and_until_ends_a_rule() -> None:
    assert len(timed("RRULE:FREQ=DAILY;COUNT=2;UNTIL=20260330")) == 2
    assert len(timed("RRULE:FREQ=DAILY;COUNT=9;UNTIL=20260330")) == 4


@pytest.mark.parametrize(
    "line",
    [
        "EXDATE:20260328T080000Z",
        "EXDATE:20260328T090000",
        "EXDATE;TZID=Europe/Berlin:20260328T090000",
        "EXDATE;TZID=America/New_York:20260328T040000",
        "EXDATE;VALUE=DATE:20260328",
        "EXDATE:20260301T090000,20260328T080000Z",
        "EXRULE:FREQ=WEEKLY;BYDAY=SA",
    ],
)
def test_a_start_is_excluded_in_every_form(line: str) -> None:
    assert timed("RRULE:FREQ=DAILY;COUNT=3", line) == ["03-27 08:00", "03-29 07:00"]


@pytest.mark.parametrize(
    "line",
    [
        "EXDATE:20260328T070000Z",
        "EXDATE:20260328T080000",
        "EXDATE;TZID=America/New_York:20260328T090000",
        "EXDATE;VALUE=DATE:20260326",
        "EXRULE:FREQ=WEEKLY",
    ],
)
def test_other_starts_are_not_excluded(line: str) -> None:
    excluded = timed("RRULE:FREQ=DAILY;COUNT=2;INTERVAL=1", line)
    assert "03-28 08:00" in excluded


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("RDATE:20260701T100000Z", "07-01 10:00"),
        ("RDATE:20260701T100000", "07-01 08:00"),
        ("RDATE;TZID=America/New_York:20260701T100000", "07-01 14:00"),
        ("RDATE;VALUE=DATE:20260701", "07-01 07:00"),
        ("RDATE;VALUE=PERIOD:20260701T100000Z/PT2H", "07-01 10:00"),
    ],
)
def test_a_start_is_added_in_every_form(line: str, start: str) -> None:
    assert timed("RRULE:FREQ=DAILY;COUNT=1", line) == ["03-27 08:00", start]


def test_an_added_start_can_be_excluded_and_counts_once() -> None:
    lines = ("RRULE:FREQ=DAILY;COUNT=2", "RDATE:20260328T080000Z,20260701", "EXDATE:20260701")
    assert timed(*lines) == ["03-27 08:00", "03-28 08:00"]


def test_without_a_rule_the_first_start_counts() -> None:
    assert timed("RDATE:20260701T100000Z") == ["03-27 08:00", "07-01 10:00"]
    assert timed("EXDATE:20260327T080000Z") == []


def test_rules_join_and_each_counts_for_itself() -> None:
    lines = ("RRULE:FREQ=DAILY;COUNT=2", "RRULE:FREQ=WEEKLY;COUNT=2")
    assert timed(*lines) == ["03-27 08:00", "03-28 08:00", "04-03 07:00"]


@pytest.mark.parametrize(
    "line",
    ["EXDATE:20260328", "EXDATE:20260328T000000Z", "EXDATE;TZID=Asia/Tokyo:20260328T000000"],
)
def test_a_day_is_excluded_in_every_form(line: str) -> None:
    assert all_day("RRULE:FREQ=DAILY;COUNT=3", line) == ["03-27", "03-29"]


def test_an_all_day_series_ignores_times() -> None:
    lines = ("RRULE:FREQ=DAILY;COUNT=2;BYHOUR=9,10;BYMINUTE=1;BYSECOND=5", "RDATE:20260401T090000")
    assert all_day(*lines) == ["03-27", "03-28", "04-01"]


def test_days_do_not_recur_by_the_hour() -> None:
    with pytest.raises(InvalidRecurrenceError, match="HOURLY"):
        all_day("RRULE:FREQ=HOURLY")


def test_the_limit_keeps_the_earliest_starts() -> None:
    series = Recurrence(NINE, None, ("RRULE:FREQ=SECONDLY",))
    first = datetime(2026, 5, 1, tzinfo=UTC)
    found = expand(series, first, YEAR_2026[1], limit=3)
    expected = tuple(first + timedelta(seconds=second) for second in range(3))
    assert found == Expansion(expected, truncated=True)


def test_a_series_that_just_fits_is_not_truncated() -> None:
    series = Recurrence(NINE, None, ("RRULE:FREQ=DAILY;COUNT=3",))
    assert not expand(series, *YEAR_2026, limit=3).truncated
    assert expand(series, *YEAR_2026, limit=2).truncated


def test_a_rule_and_an_exclusion_that_never_meet_the_limit_end_with_an_error() -> None:
    lines = ("RRULE:FREQ=SECONDLY", "EXRULE:FREQ=SECONDLY")
    with pytest.raises(InvalidRecurrenceError, match="too much work"):
        expand(Recurrence(NINE, None, lines), *YEAR_2026, limit=10, work=20_000)


def test_an_unknown_zone_of_the_series_is_named() -> None:
    with pytest.raises(UnknownTimeZoneError, match="Mars"):
        timed("RRULE:FREQ=DAILY", zone="Mars/Olympus")


def test_instants_and_dates_are_not_mixed() -> None:
    series = Recurrence(NINE, None, ("RRULE:FREQ=DAILY",))
    with pytest.raises(TypeError, match="instants"):
        expand(series, *DAYS_2026, limit=1)
    days = Recurrence(NINE.date(), None, ("RRULE:FREQ=DAILY",))
    with pytest.raises(TypeError, match="dates"):
        expand(days, *YEAR_2026, limit=1)


@pytest.mark.parametrize("zone", ["Pacific/Apia", "America/New_York", "UTC"])
def test_the_whole_calendar_can_be_asked_for(zone: str) -> None:
    ever = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    start = datetime(1, 1, 1)  # noqa: DTZ001 - A wall clock.
    for line in ("RRULE:FREQ=YEARLY", "RRULE:FREQ=YEARLY;UNTIL=99991231T235959Z"):
        found = expand(Recurrence(start, zone, (line,)), *ever, limit=10_000)
        assert len(found.starts) >= 9_998


@settings(max_examples=200)
@given(
    rules(frequencies=ALL_FREQUENCIES),
    STARTS,
    st.sampled_from(ZONES),
    st.integers(-90_000, 90_000),
    st.integers(0, 60),
)
def test_any_stretch_holds_the_starts_that_lie_in_it(
    text: str, start: datetime, name: str, shift: int, position: int
) -> None:
    """Whatever the clocks do at the ends of the stretch."""
    zone = find_zone(name)
    rule = read_rule(text, text)
    far = start + timedelta(days=900)
    walls = list(islice(walk(rule, start, start, far, Budget(2_000_000)), 60))
    assume(walls)
    every = sorted({resolve_wall(wall, zone) for wall in walls})
    first = every[position % len(every)] + timedelta(seconds=shift)
    # The last wall clock that was looked at may be followed by one that lands before it.
    last = every[-1] - timedelta(days=2)
    assume(first < last)
    found = expand(Recurrence(start, name, (f"RRULE:{text}",)), first, last, limit=100)
    assert list(found.starts) == [moment for moment in every if first <= moment < last]


@settings(max_examples=150)
@given(
    st.sampled_from(CHANGES),
    st.sampled_from((7, 13, 30, 45, 60, 95)),
    st.integers(-1600, 1600),
    st.integers(-1600, 1600),
)
def test_stretches_that_end_beside_a_change_of_the_clocks(
    change: tuple[str, datetime], interval: int, one: int, other: int
) -> None:
    name, at = change
    zone = find_zone(name)
    start = wall_clock(at, zone) - timedelta(days=3)
    walls = (start + timedelta(minutes=interval * step) for step in range(9 * 1440 // interval))
    every = sorted({resolve_wall(wall, zone) for wall in walls})
    first, last = sorted(at + timedelta(minutes=minutes) for minutes in (one, other))
    lines = (f"RRULE:FREQ=MINUTELY;INTERVAL={interval}",)
    found = expand(Recurrence(start, name, lines), first, last, limit=1_000)
    assert list(found.starts) == [moment for moment in every if first <= moment < last]


def test_the_changes_above_are_changes() -> None:
    second = timedelta(seconds=1)
    for name, at in CHANGES:
        zone = find_zone(name)
        assert wall_clock(at, zone) - wall_clock(at - second, zone) != second
