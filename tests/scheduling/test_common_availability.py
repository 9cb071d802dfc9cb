"""Several people together, each by their own rules and calendars."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from calendar_manager.domain.accounts import CalendarStatus, UnreadablePolicy
from calendar_manager.domain.errors import InvalidRulesError
from calendar_manager.domain.rules import WEEKDAYS, WallWindow, WeeklyWindow
from calendar_manager.scheduling.availability import LONGEST, AvailabilityQuestion
from calendar_manager.scheduling.common_availability import (
    CommonAvailability,
    find_common_availability,
)
from calendar_manager.scheduling.errors import InvalidQuestionError
from tests.factories import NOW, at, make_event, span
from tests.scheduling.test_free_time import HOUR, TUESDAY, Desk

pytestmark = pytest.mark.store


@pytest.fixture
def berlin(clean_database: Engine) -> Desk:
    return Desk(clean_database)


@pytest.fixture
def new_york(clean_database: Engine) -> Desk:
    """Office hours from 14:00 to 22:00 UTC."""
    return Desk(clean_database, time_zone="America/New_York")


@pytest.fixture
def kathmandu(clean_database: Engine) -> Desk:
    """Office hours from 03:15 to 11:15 UTC, on a clock that is 45 minutes off."""
    return Desk(clean_database, time_zone="Asia/Kathmandu")


def ask(*desks: Desk, at_least: int | None = None, **question: Any) -> CommonAvailability:
    asked: dict[str, Any] = {
        "start": TUESDAY[0],
        "end": TUESDAY[1],
        "duration_minutes": 60,
    } | question
    asker, people = desks[0].user, [desk.user.id for desk in desks]
    with desks[0].store.begin() as uow:
        for desk in desks[1:]:
            uow.availability_grants.give(desk.user.id, asker.email, asker.id)
    return find_common_availability(
        desks[0].store,
        asker,
        people,
        AvailabilityQuestion(**asked),
        at_least=at_least,
        now=NOW,
        maximum_age=HOUR,
    )


def test_all_are_free(berlin: Desk, new_york: Desk) -> None:
    new_york.save(new_york.calendar, make_event("call", "03-03 14:30", "03-03 15:00"))
    answer = ask(berlin, new_york)
    assert answer.windows == [
        span("03-03 14:00", "03-03 14:30"),
        span("03-03 15:00", "03-03 16:00"),
    ]
    (slot,) = answer.slots
    assert slot.span == span("03-03 15:00", "03-03 16:00")
    assert slot.people == (berlin.user.id, new_york.user.id)
    assert [one.calendar_id for one in answer.freshness] == [berlin.calendar.id]
    assert [one.user_id for one in answer.others] == [new_york.user.id]
    assert answer.time_zone == "Europe/Berlin"


def test_at_least_two_of_three(berlin: Desk, new_york: Desk, kathmandu: Desk) -> None:
    answer = ask(berlin, new_york, kathmandu, at_least=2)
    assert answer.windows == [
        span("03-03 08:00", "03-03 11:15"),
        span("03-03 14:00", "03-03 16:00"),
    ]
    assert ask(berlin, new_york, kathmandu).windows == []
    # All stand on the clock of the one who asks.
    assert [slot.span.start for slot in answer.slots] == [
        at("03-03 08:00") + number * timedelta(minutes=30) for number in range(5)
    ] + [at("03-03 14:00"), at("03-03 14:30"), at("03-03 15:00")]
    assert {slot.people for slot in answer.slots} == {
        (berlin.user.id, kathmandu.user.id),
        (berlin.user.id, new_york.user.id),
    }


def test_everybodys_limits_hold_in_their_own_days(berlin: Desk, kathmandu: Desk) -> None:
    kathmandu.rule(max_minutes_per_day=60)
    assert len(ask(berlin, kathmandu).slots) == 5
    always = (WeeklyWindow(WEEKDAYS, WallWindow(0, 1440)),)
    kathmandu.rule(weekly=always, max_minutes_per_day=60)
    kathmandu.save(kathmandu.calendar, make_event("early", "03-03 04:00", "03-03 04:30"))
    berlin.rule(weekly=always)
    starts = [slot.span.start for slot in ask(berlin, kathmandu).slots]
    # Midnight in Kathmandu is at 18:15 UTC: a quarter of an hour more is all that Tuesday bears.
    assert starts[0] == at("03-03 18:00")


def test_one_calendar_that_blocks_while_unreadable_takes_its_owner_out(
    berlin: Desk, new_york: Desk
) -> None:
    new_york.add(name="Client", failures=2, unreadable_policy=UnreadablePolicy.BLOCK)
    assert ask(berlin, new_york).slots == []
    assert len(ask(berlin, new_york, at_least=1).slots) == 15


def test_others_are_summed_up_by_their_worst_calendar(berlin: Desk, new_york: Desk) -> None:
    new_york.add(name="Client", last_synced_at=NOW - 2 * HOUR)
    (other,) = ask(berlin, new_york).others
    assert (other.status, other.complete_as_of) == (CalendarStatus.STALE, NOW - 2 * HOUR)
    assert other.is_uncertain
    new_york.add(name="New", last_synced_at=None, failures=2)
    (other,) = ask(berlin, new_york).others
    assert (other.status, other.complete_as_of) == (CalendarStatus.FAILING, None)


def test_what_its_owner_ignores_is_no_uncertainty_for_others(berlin: Desk, new_york: Desk) -> None:
    new_york.add(name="Client", failures=2, unreadable_policy=UnreadablePolicy.IGNORE)
    (other,) = ask(berlin, new_york).others
    assert (other.status, other.is_uncertain) == (CalendarStatus.FAILING, False)


def test_who_has_no_calendars_is_free_by_their_rules_alone(berlin: Desk, new_york: Desk) -> None:
    new_york.rule(weekly=(WeeklyWindow(WEEKDAYS, WallWindow(600, 660)),))
    with new_york.store.begin() as uow:
        uow.session.execute(
            text("DELETE FROM calendars WHERE id = :id"), {"id": new_york.calendar.id}
        )
    answer = ask(berlin, new_york)
    assert answer.windows == [span("03-03 15:00", "03-03 16:00")]
    assert answer.others == []


def test_rules_of_others_that_cannot_be_used_are_not_explained(
    berlin: Desk, new_york: Desk
) -> None:
    new_york.rule(holidays="DE-ZZ")
    with pytest.raises(InvalidQuestionError, match="one of these people") as refused:
        ask(berlin, new_york)
    assert refused.value.field == "user_id"
    assert "ZZ" not in str(refused.value)
    berlin.rule(holidays="DE-ZZ")
    with pytest.raises(InvalidRulesError):
        ask(berlin, new_york)


def test_a_question_is_no_larger_than_the_largest_about_one_person(
    berlin: Desk, new_york: Desk
) -> None:
    two_years: dict[str, Any] = {"start": TUESDAY[0], "end": TUESDAY[0] + LONGEST}
    assert ask(berlin, **two_years, step_minutes=1).windows
    assert ask(berlin, new_york, **two_years, step_minutes=2).windows
    with pytest.raises(InvalidQuestionError) as refused:
        ask(berlin, new_york, **two_years, step_minutes=1)
    assert refused.value.field == "step"


def test_nobody_cannot_be_asked(berlin: Desk) -> None:
    with pytest.raises(ValueError, match="nobody"):
        find_common_availability(
            berlin.store,
            berlin.user,
            [],
            AvailabilityQuestion(start=TUESDAY[0], end=TUESDAY[1]),
            now=NOW,
            maximum_age=HOUR,
        )
