"""Free times as text for an e-mail."""

from zoneinfo import ZoneInfo

import pytest

from calendar_manager.scheduling.free_text import write_free_times
from tests.factories import span

pytestmark = pytest.mark.unit

LONDON = ZoneInfo("Europe/London")


def test_slots_that_meet_or_overlap_are_one_time_and_each_day_one_line() -> None:
    slots = [
        span("11-24 09:00", "11-24 10:00"),
        span("11-24 09:30", "11-24 10:30"),
        span("11-24 10:30", "11-24 11:30"),
        span("11-24 14:00", "11-24 16:00"),
        span("11-26 09:00", "11-26 10:00"),
    ]
    assert write_free_times(slots, LONDON) == (
        "Tuesday 24 November: 09:00–11:30, 14:00–16:00 (Europe/London)\n"
        "Thursday 26 November: 09:00–10:00 (Europe/London)"
    )


def test_times_and_days_are_those_of_the_reader() -> None:
    slots = [span("11-24 09:00", "11-24 10:00"), span("11-24 22:30", "11-24 23:30")]
    assert write_free_times(slots, ZoneInfo("Asia/Kolkata")) == (
        "Tuesday 24 November: 14:30–15:30 (Asia/Kolkata)\n"
        "Wednesday 25 November: 04:00–05:00 (Asia/Kolkata)"
    )


def test_a_time_over_midnight_is_told_on_both_days() -> None:
    assert write_free_times([span("11-24 23:00", "11-25 01:00")], LONDON) == (
        "Tuesday 24 November: 23:00–24:00 (Europe/London)\n"
        "Wednesday 25 November: 00:00–01:00 (Europe/London)"
    )


def test_an_end_at_midnight_stays_on_its_day() -> None:
    assert write_free_times([span("11-24 23:00", "11-25 00:00")], LONDON) == (
        "Tuesday 24 November: 23:00–24:00 (Europe/London)"
    )


def test_each_day_has_the_clock_that_it_has_there() -> None:
    # Clocks in London are put back on 25 October 2026.
    slots = [span("10-24 08:00", "10-24 09:00"), span("10-25 08:00", "10-25 09:00")]
    assert write_free_times(slots, LONDON) == (
        "Saturday 24 October: 09:00–10:00 (Europe/London)\n"
        "Sunday 25 October: 08:00–09:00 (Europe/London)"
    )


def test_nothing_free_is_no_text() -> None:
    assert write_free_times([], LONDON) == ""
