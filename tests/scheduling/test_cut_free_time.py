"""What is remembered of a whole day, cut to the moment of the question, is what is found then."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calendar_manager.domain.availability import bookable_span
from calendar_manager.domain.rules import AvailabilityRules, WallWindow, Weekday, WeeklyWindow
from calendar_manager.domain.times import find_zone, local_date, start_of_day
from calendar_manager.domain.timespan import Span, merge_spans
from calendar_manager.scheduling.busy_time import BusyTime
from calendar_manager.scheduling.free_time import FreeTime, cut_free_time, find_free_time

pytestmark = pytest.mark.unit

BEGIN = datetime(2026, 3, 26, tzinfo=UTC)
"""Three days before the clocks of Europe are changed."""

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")
MINUTE = timedelta(minutes=1)

minutes = st.integers(0, 8 * 24 * 60).map(lambda number: BEGIN + number * MINUTE)
instants = st.builds(lambda minute, odd: minute + odd, minutes, st.timedeltas(MINUTE * 0, MINUTE))
spans = st.builds(
    lambda start, length: Span(start, start + length * MINUTE), minutes, st.integers(0, 900)
)


def find(rules: AvailabilityRules, busy: list[Span], asked: Span, now: datetime) -> FreeTime:
    return find_free_time(
        rules,
        BusyTime(merge_spans(busy), busy),
        asked,
        now=now,
        duration=45 * MINUTE,
        step=20 * MINUTE,
    )


@given(
    zone=st.sampled_from(ZONES),
    now=instants,
    asked=st.builds(lambda one, other: Span(min(one, other), max(one, other)), instants, instants),
    busy=st.lists(spans, max_size=8),
    notice=st.sampled_from([0, 7, 90, 24 * 60, 3 * 24 * 60]),
    horizon=st.integers(1, 6),
    most=st.sampled_from([None, 1, 2]),
    most_minutes=st.sampled_from([None, 60, 300]),
)
@example(
    zone="Europe/Berlin",
    now=BEGIN + timedelta(hours=9, minutes=50),
    asked=Span(BEGIN, BEGIN + timedelta(days=1)),
    busy=[],
    notice=0,
    horizon=3,
    most=None,
    most_minutes=None,
)
def test_a_day_cut_to_the_moment_is_what_is_found_at_the_moment(
    zone: str,
    now: datetime,
    asked: Span,
    busy: list[Span],
    notice: int,
    horizon: int,
    most: int | None,
    most_minutes: int | None,
) -> None:
    rules = AvailabilityRules(
        time_zone=zone,
        weekly=(
            WeeklyWindow(tuple(Weekday), WallWindow(0, 5 * 60)),
            WeeklyWindow(tuple(Weekday), WallWindow(8 * 60 + 10, 24 * 60)),
        ),
        buffer_before_minutes=5,
        buffer_after_minutes=15,
        minimum_notice_minutes=notice,
        horizon_days=horizon,
        max_meetings_per_day=most,
        max_minutes_per_day=most_minutes,
    )
    known = find_zone(zone)
    midnight = start_of_day(local_date(now, known), known)
    whole = find(replace(rules, minimum_notice_minutes=0), busy, asked, midnight)
    cut = cut_free_time(whole, bookable_span(rules, now).start)
    found = find(rules, busy, asked, now)
    assert list(cut.windows) == list(found.windows)
    assert list(cut.slots) == list(found.slots)
