"""Why not then? From the database: the same answer as availability, and what is near."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from calendar_manager.domain.accounts import UnreadablePolicy
from calendar_manager.domain.availability import bookable_span
from calendar_manager.domain.events import EventStatus, EventType
from calendar_manager.domain.rules import WEEKDAYS, DaysOff, WallWindow, WeeklyWindow
from calendar_manager.domain.timespan import Span
from calendar_manager.scheduling.errors import InvalidQuestionError, UnknownSubjectError
from calendar_manager.scheduling.explanation import (
    Explanation,
    ExplanationQuestion,
    explain_start,
)
from tests.factories import NOW, at, make_event, span
from tests.scheduling.test_free_time import Desk

pytestmark = pytest.mark.store

HOUR = timedelta(hours=1)


@pytest.fixture
def desk(clean_database: Engine) -> Desk:
    return Desk(clean_database)


def explain(desk: Desk, start: datetime, **question: Any) -> Explanation:
    return explain_start(
        desk.store,
        desk.user,
        ExplanationQuestion(at=start, **question),
        now=NOW,
        maximum_age=HOUR,
    )


def codes(explanation: Explanation) -> Sequence[str]:
    return [reason.code.value for reason in explanation.reasons]


def test_what_stands_in_the_way_is_told_with_its_calendar(desk: Desk) -> None:
    calls = desk.add(name="Calls")
    desk.save(desk.calendar, make_event("review", "03-03 09:00", "03-03 10:00"))
    desk.save(
        calls, make_event("maybe", "03-03 09:30", "03-03 11:00", status=EventStatus.TENTATIVE)
    )
    answer = explain(desk, at("03-03 09:00"), duration_minutes=60)
    assert [
        (one.meeting.title, one.meeting.calendar_name, one.meeting.cause.value)
        for one in answer.reasons
        if one.meeting
    ] == [("review", "Work", "busy"), ("maybe", "Calls", "tentative")]
    assert [slot.start for slot in answer.alternatives] == [
        at("03-03 08:00"),
        at("03-03 11:00"),
        at("03-03 11:30"),
    ]
    assert codes(explain(desk, at("03-03 09:00"), calendar_ids=[calls.id])) == []


def test_a_meeting_that_settings_free_is_no_reason(clean_database: Engine) -> None:
    desk = Desk(clean_database, tentative_blocks=False)
    relaxed = desk.add(all_day_blocks=False)
    desk.save(
        relaxed,
        make_event("maybe", "03-03 09:00", "03-03 10:00", status=EventStatus.TENTATIVE),
        make_event("fair", "03-03", "03-04"),
    )
    assert explain(desk, at("03-03 09:00")).bookable
    away = make_event("away", "03-03", "03-04", event_type=EventType.OUT_OF_OFFICE)
    desk.save(relaxed, away)
    (reason,) = explain(desk, at("03-03 09:00")).reasons
    assert reason.meeting is not None
    assert reason.meeting.cause.value == "out_of_office"


def test_a_series_beyond_what_is_laid_out_is_named(desk: Desk) -> None:
    weekly = make_event(
        "weekly", "03-03 09:00", "03-03 10:00", recurrence=("RRULE:FREQ=WEEKLY",), ical_uid="w"
    )
    desk.save(desk.calendar, weekly, window=Span(NOW, NOW + timedelta(days=10)))
    near, far = at("03-10 09:00"), at("03-24 09:00")
    with desk.engine.begin() as connection:
        connection.execute(
            text("UPDATE calendars SET materialized_until = :until"),
            {"until": NOW + timedelta(days=10)},
        )
    for start in (near, far):
        (reason,) = explain(desk, start).reasons
        assert reason.meeting is not None
        assert (reason.meeting.title, reason.meeting.span.start) == ("weekly", start)


def test_a_calendar_that_blocks_while_unreadable_leaves_no_alternative(desk: Desk) -> None:
    desk.add(name="Client", failures=2, unreadable_policy=UnreadablePolicy.BLOCK)
    answer = explain(desk, at("03-03 09:00"))
    assert codes(answer) == ["calendar_unreadable"]
    assert answer.alternatives == ()


def test_a_wall_clock_is_read_in_the_zone_of_the_question(desk: Desk) -> None:
    desk.rule(horizon_days=60, weekly=(WeeklyWindow(WEEKDAYS, WallWindow(0, 1440)),))
    nine = datetime(2026, 3, 3, 9)  # noqa: DTZ001 - a wall clock.
    assert explain(desk, nine).slot.start == at("03-03 08:00")
    assert explain(desk, nine, time_zone="America/New_York").slot.start == at("03-03 14:00")
    skipped = datetime(2026, 3, 29, 2, 30)  # noqa: DTZ001 - as above.
    answer = explain(desk, skipped)
    assert codes(answer) == ["does_not_exist"]
    assert answer.reasons[0].nearest == (at("03-29 01:30"),)
    assert not answer.bookable


def test_alternatives_are_looked_for_as_far_as_the_horizon(desk: Desk) -> None:
    last = at("04-30 00:00").date()
    desk.rule(horizon_days=60, days_off=(DaysOff(NOW.date(), last),))
    answer = explain(desk, at("03-03 09:00"))
    assert [slot.start for slot in answer.alternatives] == [
        at("05-01 07:00"),
        at("05-01 07:30"),
        at("05-01 08:00"),
    ]
    far_away = explain(desk, datetime.fromisoformat("2100-01-01T09:00+00:00"))
    assert "beyond_horizon" in codes(far_away)
    assert [slot.start for slot in far_away.alternatives] == [
        at("05-01 14:30"),
        at("05-01 14:00"),
        at("05-01 13:30"),
    ]


def test_nowhere_to_go(desk: Desk) -> None:
    desk.rule(weekly=())
    assert explain(desk, at("03-03 09:00")).alternatives == []


def test_questions_that_make_no_sense_are_refused(desk: Desk, clean_database: Engine) -> None:
    other = Desk(clean_database)
    with pytest.raises(UnknownSubjectError):
        explain(desk, at("03-03 09:00"), calendar_ids=[other.calendar.id])
    for year in (1, 9999):
        with pytest.raises(InvalidQuestionError) as caught:
            explain(desk, datetime(year, 1, 1))  # noqa: DTZ001 - a wall clock.
        assert caught.value.field == "at"


quarters = st.integers(0, 4 * 24 * 6).map(lambda quarter: NOW + timedelta(minutes=15 * quarter))


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    meetings=st.lists(st.tuples(quarters, st.integers(0, 300), st.booleans()), max_size=8),
    starts=st.lists(quarters, min_size=1, max_size=6),
    limits=st.tuples(*[st.none() | st.integers(1, 3)] * 2),
    buffers=st.tuples(*[st.sampled_from([0, 10, 60])] * 2),
    notice=st.sampled_from([0, 90, 1440]),
    horizon=st.integers(1, 5),
    duration=st.sampled_from([30, 60, 95]),
)
def test_a_start_is_bookable_exactly_when_availability_offers_it(
    desk: Desk,
    meetings: Sequence[tuple[datetime, int, bool]],
    starts: Sequence[datetime],
    limits: tuple[int | None, int | None],
    buffers: tuple[int, int],
    notice: int,
    horizon: int,
    duration: int,
) -> None:
    with desk.engine.begin() as connection:
        connection.execute(text("DELETE FROM events"))
    rules = desk.rule(
        buffer_before_minutes=buffers[0],
        buffer_after_minutes=buffers[1],
        minimum_notice_minutes=notice,
        horizon_days=horizon,
        max_meetings_per_day=limits[0],
        max_minutes_per_day=None if limits[1] is None else 100 * limits[1],
    )
    desk.save(
        desk.calendar,
        *(
            make_event(
                "x",
                "01-01 00:00",
                "01-01 00:00",
                when=Span(start, start + timedelta(minutes=minutes)),
                ical_uid="same" if shared else None,
            )
            for start, minutes, shared in meetings
        ),
    )
    everything = bookable_span(rules, NOW).widened(HOUR, HOUR)
    free = desk.ask(everything.start, everything.end, duration_minutes=duration).free
    offered = [slot.start for slot in free.slots]
    for start in {*starts, *offered[::5]}:
        answer = explain(desk, start, duration_minutes=duration)
        assert answer.bookable == (start in offered)
        assert answer.bookable == (not answer.reasons)
        others = sorted(
            (one for one in offered if one != start), key=lambda one: (abs(one - start), one)
        )
        assert [slot.start for slot in answer.alternatives] == others[:3]


def test_a_buffer_can_lie_before_the_day(desk: Desk) -> None:
    desk.rule(
        buffer_before_minutes=60,
        weekly=(WeeklyWindow(WEEKDAYS, WallWindow(0, 1440)),),
        time_zone="UTC",
    )
    desk.save(desk.calendar, make_event("late", "03-02 22:00", "03-02 23:30"))
    answer = explain(desk, at("03-03 00:00"))
    assert codes(answer) == ["buffer_before"]
    assert answer.reasons[0].meeting is not None
    assert answer.reasons[0].meeting.span == span("03-02 22:00", "03-02 23:30")
