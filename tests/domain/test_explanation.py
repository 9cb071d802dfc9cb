"""Why not then? The reasons of one start against the slots of all time."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_manager.domain.accounts import CalendarStatus, ReadVia, UnreadablePolicy
from calendar_manager.domain.availability import free_windows
from calendar_manager.domain.busy import Busy
from calendar_manager.domain.explanation import Surroundings, explain_slot, find_grid_times
from calendar_manager.domain.freshness import Freshness
from calendar_manager.domain.reasons import BlockingCause, BlockingMeeting, Reason, ReasonCode
from calendar_manager.domain.rules import (
    WEEKDAYS,
    AvailabilityRules,
    DateOverride,
    DaysOff,
    WallWindow,
    WeeklyWindow,
)
from calendar_manager.domain.slots import find_slots
from calendar_manager.domain.timespan import Span
from tests.domain.test_availability_oracle import Question, questions

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
WORK = UUID(int=1)
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = AvailabilityRules(
    time_zone="Europe/Berlin",
    weekly=(
        WeeklyWindow(WEEKDAYS[:5], WallWindow(9 * 60, 12 * 60)),
        WeeklyWindow(WEEKDAYS[:5], WallWindow(13 * 60, 17 * 60)),
    ),
)


@pytest.fixture(scope="module", params=["UTC", "America/New_York", "Asia/Kolkata"], autouse=True)
def server_zone(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def meet(span: Span, number: int = 1, **fields: Any) -> BlockingMeeting:
    values: dict[str, Any] = {
        "occurrence_id": UUID(int=number),
        "calendar_id": WORK,
        "calendar_name": "Work",
        "title": f"meeting {number}",
        "busy": Busy.BUSY,
    }
    return BlockingMeeting(span=span, **values | fields)


def wall(text: str) -> datetime:
    """Return an instant of March 2026 in Berlin, written as ``03 09:30``."""
    return datetime.strptime(f"2026-03-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=BERLIN)


def between(start: str, end: str) -> Span:
    return Span(wall(start), wall(end))


def explain(
    start: str,
    minutes: int = 60,
    rules: AvailabilityRules = OFFICE,
    meetings: Sequence[BlockingMeeting] = (),
    **changes: Any,
) -> list[Reason]:
    around = Surroundings(
        rules=rules,
        meetings=meetings,
        holidays={},
        freshness=[],
        now=NOW,
        step=30 * MINUTE,
        zone=BERLIN,
    )
    slot = Span(wall(start), wall(start) + MINUTE * minutes)
    return explain_slot(slot, replace(around, **changes))


def codes(reasons: Sequence[Reason]) -> list[str]:
    return [reason.code.value for reason in reasons]


@st.composite
def asked_starts(draw: st.DrawFn) -> tuple[Question, list[datetime]]:
    """Draw a question of the oracle's, and starts on and off its grid all over it."""
    question = draw(questions())
    noon = datetime.combine(question.day, datetime.min.time(), UTC) + timedelta(hours=12)
    minutes = st.integers(-36 * 60, 36 * 60)
    on_any_grid = minutes.map(lambda minute: minute // 5 * 5)
    seconds = st.sampled_from([0, 0, 0, 0, 1, 30])
    starts = draw(
        st.lists(st.tuples(st.one_of(minutes, on_any_grid), seconds), min_size=1, max_size=12)
    )
    return question, [noon + MINUTE * minute + timedelta(seconds=more) for minute, more in starts]


@given(asked_starts())
@settings(max_examples=200)
def test_there_is_a_reason_exactly_when_the_start_is_no_slot(
    drawn: tuple[Question, list[datetime]],
) -> None:
    question, starts = drawn
    rules, day = question.rules, question.day
    meetings = [meet(span, number) for number, span in enumerate(question.busy)]
    noon = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12)
    asked = Span(noon - timedelta(days=4), noon + timedelta(days=4))
    windows = free_windows(rules, question.busy, asked, question.now, question.holidays)
    slots = find_slots(windows, rules, question.duration, question.step, question.busy)
    bookable = {slot.start for slot in slots}
    around = Surroundings(
        rules=rules,
        meetings=meetings,
        holidays=dict.fromkeys(question.holidays, "Some day"),
        freshness=[],
        now=question.now,
        step=question.step,
        zone=ZoneInfo(rules.time_zone),
    )
    for start in {*starts, *bookable}:
        reasons = explain_slot(Span(start, start + question.duration), around)
        assert (not reasons) == (start in bookable), (start, reasons)
        assert all(reason.detail for reason in reasons)


def test_a_free_start_has_no_reason() -> None:
    assert explain("03 09:00") == []
    assert explain("03 16:00") == []


def test_outside_hours_tells_the_hours_of_that_day() -> None:
    (reason,) = explain("03 19:00")
    assert reason.code is ReasonCode.OUTSIDE_HOURS
    assert reason.day == date(2026, 3, 3)
    assert reason.hours == (WallWindow(540, 720), WallWindow(780, 1020))
    assert "09:00 to 12:00, 13:00 to 17:00" in reason.detail
    (sunday,) = explain("08 10:00")
    assert (sunday.code, sunday.hours) == (ReasonCode.OUTSIDE_HOURS, ())


@pytest.mark.parametrize(("start", "minutes"), [("03 11:30", 30), ("03 16:30", 30)])
def test_a_booking_that_runs_out_of_hours_does_not_fit(start: str, minutes: int) -> None:
    (reason,) = explain(start)
    assert reason.code is ReasonCode.DOES_NOT_FIT
    assert reason.minutes == minutes
    assert reason.window is not None
    assert reason.window.end == wall(start) + 30 * MINUTE


def test_over_midnight_into_a_day_without_hours_does_not_fit() -> None:
    late = replace(OFFICE, weekly=(WeeklyWindow(WEEKDAYS[1:2], WallWindow(1200, 1440)),))
    (reason,) = explain("03 23:30", rules=late)
    assert reason.code is ReasonCode.DOES_NOT_FIT
    both = replace(late, weekly=(*late.weekly, WeeklyWindow(WEEKDAYS[2:3], WallWindow(0, 60))))
    assert explain("03 23:30", rules=both) == []
    off = replace(both, days_off=(DaysOff(date(2026, 3, 4), date(2026, 3, 4)),))
    assert codes(explain("03 23:30", rules=off)) == ["day_off"]


def test_days_off_holidays_and_overrides_are_named() -> None:
    day = date(2026, 3, 3)
    off = replace(OFFICE, days_off=(DaysOff(day, date(2026, 3, 6)),), holidays="DE")
    first, second = explain("03 09:00", rules=off, holidays={day: "Tag des Testes"})
    assert (first.code, first.days_off) == (ReasonCode.DAY_OFF, off.days_off[0])
    assert (second.code, second.name) == (ReasonCode.HOLIDAY, "Tag des Testes")
    # Who takes the day off back still has no hours in the evening.
    assert codes(explain("03 20:00", rules=off)) == ["day_off", "outside_hours"]
    own = replace(OFFICE, overrides=(DateOverride(day, ()),))
    (reason,) = explain("03 09:00", rules=own)
    assert (reason.code, reason.hours) == (ReasonCode.OVERRIDE, ())


def test_notice_tells_the_earliest_start_and_the_horizon_the_last_day() -> None:
    rules = replace(OFFICE, minimum_notice_minutes=24 * 60 + 30, horizon_days=2)
    (early,) = explain("03 09:00", rules=rules)
    assert (early.code, early.earliest_at) == (ReasonCode.BEFORE_NOTICE, wall("03 09:30"))
    (late,) = explain("05 09:00", rules=rules)
    assert (late.code, late.last_day) == (ReasonCode.BEYOND_HORIZON, date(2026, 3, 4))
    assert explain("03 09:30", rules=rules) == []
    assert "in the past" in explain("02 08:00", rules=rules)[0].detail


def test_every_meeting_in_the_way_is_named_with_its_cause() -> None:
    busy = [
        meet(between("03 09:30", "03 10:00"), 1),
        meet(between("03 08:00", "03 09:30"), 2, busy=Busy.TENTATIVE),
        meet(between("03 00:00", "04 00:00"), 3, all_day=True),
        meet(between("03 00:00", "05 00:00"), 4, all_day=True, out_of_office=True),
        meet(between("03 10:00", "03 11:00"), 5),
    ]
    reasons = explain("03 09:00", meetings=busy)
    assert [one.meeting.title for one in reasons if one.meeting] == [
        "meeting 3",
        "meeting 4",
        "meeting 2",
        "meeting 1",
    ]
    assert [one.meeting.cause for one in reasons if one.meeting] == [
        BlockingCause.ALL_DAY,
        BlockingCause.OUT_OF_OFFICE,
        BlockingCause.TENTATIVE,
        BlockingCause.BUSY,
    ]
    assert reasons[2].meeting is not None
    assert reasons[2].meeting.settings == ("tentative_blocks", "blocks_availability")


def test_copies_of_a_meeting_are_one_reason_and_count_once() -> None:
    span = between("03 09:00", "03 10:00")
    copies = [
        meet(span, 1, ical_uid="x@example.com", busy=Busy.TENTATIVE),
        meet(span, 2, ical_uid="x@example.com"),
    ]
    (reason,) = explain("03 09:30", 30, meetings=copies)
    assert reason.meeting == copies[1]
    assert reason.copies == (copies[0],)
    two = replace(OFFICE, max_meetings_per_day=2)
    assert explain("03 15:00", rules=two, meetings=copies) == []


def test_buffers_tell_which_meeting_is_too_close() -> None:
    rules = replace(OFFICE, buffer_before_minutes=10, buffer_after_minutes=20)
    busy = [meet(between("03 09:00", "03 09:30"), 1), meet(between("03 10:30", "03 11:00"), 2)]
    before, after = explain("03 09:30", rules=rules, meetings=busy)
    assert (before.code, before.minutes) == (ReasonCode.BUFFER_BEFORE, 10)
    assert (after.code, after.minutes) == (ReasonCode.BUFFER_AFTER, 20)
    assert before.meeting == busy[0]
    assert after.meeting == busy[1]
    # Exactly the buffer apart is far enough.
    assert explain("03 13:00", rules=rules, meetings=[meet(between("03 12:00", "03 12:50"))]) == []


def test_off_the_grid_tells_the_nearest_times_on_it() -> None:
    (reason,) = explain("03 09:40")
    assert reason.code is ReasonCode.OFF_GRID
    assert reason.nearest == (wall("03 09:30"), wall("03 10:00"))


@pytest.mark.parametrize(
    ("zone", "at", "before", "after"),
    [
        # 02:00 to 03:00 does not exist in Berlin on 29 March 2026.
        ("Europe/Berlin", "2026-03-29T01:10+00:00", "2026-03-29T01:00", "2026-03-29T02:00"),
        # Lord Howe turns back by half an hour, from 02:00 to 01:30, at 15:00 UTC.
        ("Australia/Lord_Howe", "2026-04-04T14:50+00:00", "2026-04-04T14:00", "2026-04-04T15:30"),
        # Apia had no 30 December 2011; its midnights are 10:00 UTC on both sides.
        ("Pacific/Apia", "2011-12-30T09:30+00:00", "2011-12-30T09:00", "2011-12-30T10:00"),
    ],
)
def test_the_grid_follows_the_wall_clock(zone: str, at: str, before: str, after: str) -> None:
    found = find_grid_times(
        datetime.fromisoformat(at), AvailabilityRules(time_zone=zone), timedelta(hours=1)
    )
    assert found == tuple(datetime.fromisoformat(f"{one}+00:00") for one in (before, after))


def test_daily_limits_tell_their_numbers() -> None:
    rules = replace(OFFICE, max_meetings_per_day=1, max_minutes_per_day=90)
    busy = [meet(between("03 09:00", "03 10:00"))]
    meetings, minutes = explain("03 15:00", 45, rules=rules, meetings=busy)
    assert (meetings.code, meetings.booked, meetings.limit) == (ReasonCode.MAX_MEETINGS, 1, 1)
    assert (minutes.code, minutes.booked, minutes.minutes, minutes.limit) == (
        ReasonCode.MAX_MINUTES,
        60,
        45,
        90,
    )


@pytest.mark.parametrize(("policy", "expected"), [("block", ["calendar_unreadable"]), ("warn", [])])
def test_a_calendar_that_cannot_be_read_is_a_reason_only_where_it_blocks(
    policy: str, expected: list[str]
) -> None:
    broken = Freshness(
        calendar_id=WORK,
        name="Work",
        complete_as_of=NOW,
        via=ReadVia.POLL,
        status=CalendarStatus.FAILING,
        policy=UnreadablePolicy(policy),
    )
    assert codes(explain("03 09:00", freshness=[broken])) == expected
