"""Availability and its rules over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from calendar_manager.api.schemas.availability import RULES_EXAMPLE, AvailabilityOut
from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.events import Event
from tests.api.callers import Person, escaped_json, expect_problem
from tests.api.conftest import Clock
from tests.factories import (
    NOW,
    add_calendar,
    add_connection,
    count_statements,
    make_event,
    save_events,
)

pytestmark = pytest.mark.store

TUESDAY = {"start": "2026-03-03", "end": "2026-03-04"}
RULES: dict[str, Any] = {
    "time_zone": "Europe/Berlin",
    "weekly": [{"days": ["tue"], "start": "09:00", "end": "11:00"}],
}


@dataclass
class Desk:
    """A signed-in user in Berlin with one calendar."""

    services: Services
    person: Person
    calendar: Calendar

    def save(self, *events: Event) -> None:
        with self.services.store.begin() as uow:
            save_events(uow, self.calendar, *events)

    def add(self, **columns: Any) -> Calendar:
        with self.services.store.begin() as uow:
            connection = add_connection(uow, UUID(self.person.id))
            return add_calendar(uow, connection, **columns)

    def ask(self, **query: Any) -> Any:
        answer = self.person.get("/api/availability", params=TUESDAY | query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        AvailabilityOut.model_validate_json(answer.content)
        return answer.json()

    def rule(self, **changes: Any) -> Any:
        answer = self.person.post("/api/availability/rules", json=RULES | changes)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def make_desk(
    services: Services, sign_up: Callable[..., Person], clock: Clock
) -> Callable[..., Desk]:
    """Signs people in, and then lets it be the Monday morning of the factories."""

    def make_desk(email: str = "mara@example.com") -> Desk:
        clock.offset = timedelta(0)
        person = sign_up(email)
        clock.offset = NOW - clock()
        with services.store.begin() as uow:
            connection = add_connection(uow, UUID(person.id))
            return Desk(services, person, add_calendar(uow, connection))

    return make_desk


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


def test_windows_slots_and_freshness(desk: Desk) -> None:
    desk.rule()
    desk.save(make_event("call", "03-03 08:30", "03-03 09:00"))
    answer = desk.ask(duration=45, step=15)
    assert answer["windows"] == [
        {"start": "2026-03-03T09:00:00+01:00", "end": "2026-03-03T09:30:00+01:00"},
        {"start": "2026-03-03T10:00:00+01:00", "end": "2026-03-03T11:00:00+01:00"},
    ]
    assert answer["slots"] == [
        {"start": "2026-03-03T10:00:00+01:00", "end": "2026-03-03T10:45:00+01:00"},
        {"start": "2026-03-03T10:15:00+01:00", "end": "2026-03-03T11:00:00+01:00"},
    ]
    assert answer["freshness"] == [
        {
            "calendar_id": str(desk.calendar.id),
            "name": "Work",
            "complete_as_of": "2026-03-02T08:00:00+00:00",
            "via": "poll",
            "status": "ok",
            "policy": "warn",
            "within_max_age": None,
        }
    ]
    assert (answer["time_zone"], answer["duration_minutes"], answer["step_minutes"]) == (
        "Europe/Berlin",
        45,
        15,
    )
    assert answer["warnings"] == []


def test_times_are_told_in_the_zone_that_is_named(desk: Desk) -> None:
    desk.rule()
    answer = desk.ask(tz="America/New_York")
    assert answer["windows"] == [
        {"start": "2026-03-03T03:00:00-05:00", "end": "2026-03-03T05:00:00-05:00"}
    ]
    # A slot stands on the grid of the rules' zone, whatever zone it is told in.
    kathmandu = desk.ask(tz="Asia/Kathmandu")
    assert kathmandu["slots"][0]["start"] == "2026-03-03T13:45:00+05:45"


@pytest.mark.parametrize(
    ("policy", "warned", "free"), [("block", True, 0), ("warn", True, 1), ("ignore", False, 1)]
)
def test_a_calendar_that_cannot_be_read_is_told(
    desk: Desk,
    policy: str,
    warned: bool,  # noqa: FBT001 - a parameter of the test.
    free: int,
) -> None:
    broken = desk.add(name="Client", failures=2, unreadable_policy=policy)
    answer = desk.ask()
    assert [one["status"] for one in answer["freshness"]] == ["ok", "failing"]
    assert [one["calendar_id"] for one in answer["warnings"]] == [str(broken.id)] * warned
    assert len(answer["windows"]) == free
    assert len(desk.ask(calendar_id=str(desk.calendar.id))["windows"]) == 1


def test_a_copy_grows_stale_with_time(desk: Desk, clock: Clock) -> None:
    clock.advance(timedelta(minutes=46))
    (freshness,) = desk.ask()["freshness"]
    assert freshness["status"] == "stale"


def test_default_rules_are_office_hours_in_ones_own_zone(desk: Desk) -> None:
    rules = desk.person.get("/api/availability/rules").json()
    assert rules["time_zone"] == "Europe/Berlin"
    assert rules["weekly"] == [
        {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}
    ]


def test_rules_are_replaced_as_a_whole(desk: Desk) -> None:
    full = dict(RULES_EXAMPLE)
    assert desk.rule(**full) == full
    assert desk.person.get("/api/availability/rules").json() == full
    replaced = desk.rule()
    assert (replaced["holidays"], replaced["buffer_after_minutes"], replaced["overrides"]) == (
        None,
        0,
        [],
    )
    assert desk.person.get("/api/availability/rules").json() == replaced


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": None}, "time_zone"),
        ({"weekly": [{"days": ["mon"], "start": "09:00", "end": "08:00"}]}, "weekly.0.end"),
        ({"weekly": [{"days": ["mon"], "start": "9", "end": "10:00"}]}, "weekly.0.start"),
        ({"weekly": [{"days": ["noday"], "start": "09:00", "end": "10:00"}]}, "weekly.0.days.0"),
        ({"weekly": "always"}, "weekly"),
        ({"overrides": [{"date": "2026-02-30", "windows": []}]}, "overrides.0.date"),
        ({"days_off": [{"first": "2026-03-02", "last": "2026-03-01"}]}, "days_off.0.last"),
        ({"holidays": "XX"}, "holidays"),
        ({"holidays": "DE-ZZ"}, "holidays"),
        ({"holidays": "somewhere\x00"}, "holidays"),
        ({"horizon_days": 0}, "horizon_days"),
        ({"horizon_days": 10**30}, "horizon_days"),
        ({"slot_step_minutes": 7.5}, "slot_step_minutes"),
        ({"slot_step_minutes": True}, "slot_step_minutes"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_rules_that_cannot_hold_are_refused_by_their_field(
    desk: Desk, changes: dict[str, Any], field: str
) -> None:
    before = desk.rule(buffer_after_minutes=5)
    answer = desk.person.post("/api/availability/rules", json=RULES | changes)
    expect_problem(answer, 422, "validation_failed", field)
    assert desk.person.get("/api/availability/rules").json() == before


@pytest.mark.parametrize("body", [[], "rules", None, 7])
def test_rules_that_are_no_object_are_refused(desk: Desk, body: Any) -> None:
    expect_problem(desk.person.post("/api/availability/rules", json=body), 422, "validation_failed")


def test_broken_unicode_in_rules_is_refused(desk: Desk) -> None:
    sent = escaped_json(RULES | {"time_zone": "\ud800"})
    answer = desk.person.http.post(
        "/api/availability/rules",
        content=sent["content"],
        headers=sent["headers"] | desk.person.bearer,
    )
    expect_problem(answer, 422, "validation_failed", "time_zone")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"start": "2026-03-04", "end": "2026-03-03"}, "end"),
        ({"start": "2026-03-03", "end": "2028-03-04"}, "end"),
        ({"start": "2026-03-03T09:00:00"}, "start"),
        ({"start": "soon"}, "start"),
        ({"tz": "Mars/Olympus"}, "tz"),
        ({"duration": "0"}, "duration"),
        ({"duration": "1441"}, "duration"),
        ({"duration": "half an hour"}, "duration"),
        ({"step": "0"}, "step"),
        ({"step": "1441"}, "step"),
        ({"calendar_id": "work"}, "calendar_id.0"),
    ],
)
def test_bad_questions_are_refused_by_their_field(
    desk: Desk, query: dict[str, str], field: str
) -> None:
    answer = desk.person.get("/api/availability", params=TUESDAY | query)
    expect_problem(answer, 422, "validation_failed", field)


def test_two_years_may_be_asked_for_at_once(desk: Desk) -> None:
    desk.rule(horizon_days=730, weekly=[{"days": ["tue"], "start": "00:00", "end": "24:00"}])
    answer = desk.ask(end="2028-03-03", duration=1440, step=1440)
    # A Tuesday in spring is never the day on which the clocks are changed, so all have 24 hours.
    assert len(answer["windows"]) == len(answer["slots"]) == 105


def test_what_is_missing_is_named(desk: Desk) -> None:
    expect_problem(desk.person.get("/api/availability"), 422, "validation_failed", "start", "end")


def test_anothers_calendar_is_404(make_desk: Callable[..., Desk]) -> None:
    mara, otto = make_desk("mara@example.com"), make_desk("otto@example.com")
    for calendar_id in (mara.calendar.id, uuid4()):
        answer = otto.person.get(
            "/api/availability", params=TUESDAY | {"calendar_id": str(calendar_id)}
        )
        expect_problem(answer, 404, "calendar_not_found")


def test_anothers_events_and_rules_count_for_nothing(make_desk: Callable[..., Desk]) -> None:
    mara, otto = make_desk("mara@example.com"), make_desk("otto@example.com")
    mara.rule(weekly=[])
    mara.save(make_event("call", "03-03 08:00", "03-03 16:00"))
    assert len(otto.ask()["windows"]) == 1
    assert mara.ask()["windows"] == []


def test_who_is_not_signed_in_learns_nothing(desk: Desk) -> None:
    for path in ("/api/availability", "/api/availability/rules"):
        answer = httpx.get(f"{desk.person.base_url}{path}", params=TUESDAY)
        expect_problem(answer, 401, "not_authenticated")
    answer = httpx.post(f"{desk.person.base_url}/api/availability/rules", json=RULES)
    expect_problem(answer, 401, "not_authenticated")


def test_statements_do_not_grow_with_the_answer(desk: Desk) -> None:
    with count_statements(desk.services.store.engine) as few:
        desk.ask()
    for _ in range(4):
        desk.add()
    desk.save(
        *(make_event("x", f"03-03 {hour:02}:00", f"03-03 {hour:02}:30") for hour in range(20))
    )
    with count_statements(desk.services.store.engine) as many:
        desk.ask()
    assert len(many) == len(few)
