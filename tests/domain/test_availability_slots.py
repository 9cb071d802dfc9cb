from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from calendar_manager.domain.errors import InvalidRulesError
from calendar_manager.domain.rules import AvailabilityRules
from calendar_manager.domain.slots import find_slots
from calendar_manager.domain.times import find_zone, wall_clock
from calendar_manager.domain.timespan import Span

pytestmark = pytest.mark.unit

HALF_HOUR = timedelta(minutes=30)
HOUR = timedelta(hours=1)


def span(start: str, end: str) -> Span:
    return Span(
        datetime.fromisoformat(start).replace(tzinfo=UTC),
        datetime.fromisoformat(end).replace(tzinfo=UTC),
    )


def rules(time_zone: str) -> AvailabilityRules:
    return AvailabilityRules(time_zone=time_zone)


def clocks(
    windows: list[Span], time_zone: str, duration: timedelta = HOUR, step: timedelta = HOUR
) -> list[str]:
    """Return what the wall clock shows at the start of each slot."""
    slots = find_slots(windows, rules(time_zone), duration, step)
    assert all(slot.duration == duration for slot in slots)
    starts = [slot.start for slot in slots]
    assert starts == sorted(set(starts))
    zone = find_zone(time_zone)
    return [f"{wall_clock(start, zone):%d %H:%M}" for start in starts]


def test_slots_start_on_the_grid_and_end_inside_the_window() -> None:
    windows = [span("2026-11-23 08:10", "2026-11-23 11:00")]
    assert clocks(windows, "UTC", HOUR, HALF_HOUR) == [
        "23 08:30",
        "23 09:00",
        "23 09:30",
        "23 10:00",
    ]


def test_a_slot_may_fill_its_window() -> None:
    assert clocks([span("2026-11-23 08:00", "2026-11-23 09:00")], "UTC") == ["23 08:00"]


def test_a_window_with_seconds_starts_at_the_next_point_of_the_grid() -> None:
    windows = [span("2026-11-23 08:00:00.000001", "2026-11-23 10:30")]
    assert clocks(windows, "UTC") == ["23 09:00"]


def test_the_grid_is_that_of_the_local_clock() -> None:
    windows = [span("2026-11-23 04:00", "2026-11-23 06:15")]
    assert clocks(windows, "Asia/Kathmandu") == ["23 10:00", "23 11:00"]


def test_a_step_that_does_not_divide_the_day_begins_anew_at_midnight() -> None:
    windows = [span("2026-11-23 21:00", "2026-11-24 01:00")]
    step = timedelta(minutes=100)
    assert clocks(windows, "UTC", HALF_HOUR, step) == ["23 21:40", "23 23:20", "24 00:00"]


def test_a_slot_may_cross_midnight() -> None:
    assert clocks([span("2026-11-23 23:30", "2026-11-24 00:30")], "UTC", HOUR, HALF_HOUR) == [
        "23 23:30"
    ]


@pytest.mark.parametrize(
    ("time_zone", "window", "expected"),
    [
        pytest.param(
            "Europe/Berlin",
            span("2026-03-29 00:00", "2026-03-29 03:00"),
            ["29 01:00", "29 01:30", "29 03:00", "29 03:30", "29 04:00", "29 04:30"],
            id="no start in a gap",
        ),
        pytest.param(
            "Europe/Berlin",
            span("2026-10-24 23:30", "2026-10-25 02:30"),
            ["25 01:30", "25 02:00", "25 02:30", "25 02:00", "25 02:30", "25 03:00"],
            id="both readings in a fold",
        ),
        pytest.param(
            "Australia/Lord_Howe",
            span("2026-10-03 14:30", "2026-10-03 16:30"),
            ["04 01:00", "04 01:30", "04 02:30", "04 03:00"],
            id="a gap of half an hour",
        ),
        pytest.param(
            "Australia/Lord_Howe",
            span("2026-04-04 14:00", "2026-04-04 16:00"),
            ["05 01:00", "05 01:30", "05 01:30", "05 02:00"],
            id="a fold of half an hour",
        ),
        pytest.param(
            "America/Sao_Paulo",
            span("2018-11-04 02:30", "2018-11-04 04:00"),
            ["03 23:30", "04 01:00", "04 01:30"],
            id="a gap at midnight",
        ),
        pytest.param(
            "America/Sao_Paulo",
            span("2018-02-18 01:00", "2018-02-18 03:30"),
            ["17 23:00", "17 23:30", "17 23:00", "17 23:30", "18 00:00"],
            id="a fold before midnight",
        ),
        pytest.param(
            "America/Havana",
            span("2026-11-01 03:30", "2026-11-01 06:30"),
            ["31 23:30", "01 00:00", "01 00:30", "01 00:00", "01 00:30", "01 01:00"],
            id="a fold after midnight",
        ),
        pytest.param(
            "America/St_Johns",
            span("2010-11-07 02:00", "2010-11-07 04:00"),
            ["06 23:30", "07 00:00", "06 23:30", "07 00:00"],
            id="a fold over midnight",
        ),
        pytest.param(
            "Pacific/Apia",
            span("2011-12-30 09:00", "2011-12-30 11:00"),
            ["29 23:00", "29 23:30", "31 00:00", "31 00:30"],
            id="a day left out",
        ),
    ],
)
def test_the_grid_follows_changed_clocks(time_zone: str, window: Span, expected: list[str]) -> None:
    assert clocks([window], time_zone, HALF_HOUR, HALF_HOUR) == expected


def test_a_coarse_grid_meets_again_after_half_an_hour_is_left_out() -> None:
    windows = [span("2026-10-03 14:30", "2026-10-03 18:00")]
    assert clocks(windows, "Australia/Lord_Howe") == ["04 01:00", "04 03:00", "04 04:00"]


def test_a_slot_over_a_gap_lasts_real_time() -> None:
    slots = find_slots(
        [span("2026-03-29 00:30", "2026-03-29 02:30")], rules("Europe/Berlin"), 2 * HOUR, HALF_HOUR
    )
    assert slots == [span("2026-03-29 00:30", "2026-03-29 02:30")]


def test_windows_in_any_order_give_each_slot_once() -> None:
    windows = [
        span("2026-11-24 08:00", "2026-11-24 10:00"),
        span("2026-11-23 08:00", "2026-11-23 10:00"),
        span("2026-11-23 09:00", "2026-11-23 11:00"),
    ]
    step = timedelta(minutes=70)
    assert clocks(windows, "UTC", HALF_HOUR, step) == [
        "23 08:10",
        "23 09:20",
        "23 10:30",
        "24 08:10",
        "24 09:20",
    ]


class TestMinutesPerDay:
    RULES = replace(rules("UTC"), max_minutes_per_day=120)
    WINDOW = span("2026-11-23 08:00", "2026-11-23 12:00")

    def test_a_slot_that_would_book_too_much_of_a_day_is_left_out(self) -> None:
        meetings = [span("2026-11-23 06:00", "2026-11-23 07:15")]
        assert find_slots([self.WINDOW], self.RULES, HOUR, HOUR, meetings) == []
        assert len(find_slots([self.WINDOW], self.RULES, HALF_HOUR, HOUR, meetings)) == 4

    def test_a_slot_may_reach_the_most_minutes(self) -> None:
        meetings = [span("2026-11-23 06:00", "2026-11-23 07:00")]
        assert len(find_slots([self.WINDOW], self.RULES, HOUR, HOUR, meetings)) == 4

    def test_each_day_is_asked_for_its_own_part_of_a_slot(self) -> None:
        window = span("2026-11-23 22:00", "2026-11-24 02:00")
        meetings = [
            span("2026-11-23 06:00", "2026-11-23 07:30"),
            span("2026-11-24 06:00", "2026-11-24 07:30"),
        ]
        assert find_slots([window], self.RULES, HOUR, HALF_HOUR, meetings) == [
            span("2026-11-23 23:30", "2026-11-24 00:30")
        ]


@pytest.mark.parametrize(
    ("duration", "step", "field"),
    [
        (timedelta(), HOUR, "duration"),
        (-HOUR, HOUR, "duration"),
        (HOUR, timedelta(), "step"),
        (HOUR, timedelta(seconds=90), "step"),
        (HOUR, timedelta(days=1, minutes=1), "step"),
    ],
)
def test_sizes_out_of_bounds_are_named(duration: timedelta, step: timedelta, field: str) -> None:
    with pytest.raises(InvalidRulesError) as refusal:
        find_slots([], rules("UTC"), duration, step)
    assert refusal.value.field == (field,)
