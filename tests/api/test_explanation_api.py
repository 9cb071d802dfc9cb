"""Why not then? Over HTTP."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from calendar_manager.api.schemas.explanation import ExplanationOut
from tests.api.callers import expect_problem
from tests.api.test_availability_api import Desk, desk, make_desk
from tests.factories import make_event

__all__ = ["desk", "make_desk"]

pytestmark = pytest.mark.store


def explain(desk: Desk, at: str, **query: Any) -> Any:
    answer = desk.person.get("/api/availability/explain", params={"at": at} | query)
    assert answer.status_code == 200, answer.text
    ExplanationOut.model_validate_json(answer.content)
    return answer.json()


def test_every_reason_with_the_thing_behind_it(desk: Desk) -> None:
    desk.rule(buffer_after_minutes=10, max_meetings_per_day=1)
    desk.save(make_event("call", "03-03 09:00", "03-03 09:30"))
    answer = explain(desk, "2026-03-03T09:20:00+01:00", duration=40)
    assert (answer["start"], answer["end"]) == (
        "2026-03-03T09:20:00+01:00",
        "2026-03-03T10:00:00+01:00",
    )
    assert (answer["bookable"], answer["duration_minutes"], answer["step_minutes"]) == (
        False,
        40,
        30,
    )
    off_grid, buffer, full = answer["reasons"]
    assert (off_grid["code"], off_grid["nearest"]) == (
        "off_grid",
        ["2026-03-03T09:00:00+01:00", "2026-03-03T09:30:00+01:00"],
    )
    assert (buffer["code"], buffer["minutes"], buffer["meeting"]["title"]) == (
        "buffer_after",
        10,
        "call",
    )
    assert buffer["meeting"]["calendar_id"] == str(desk.calendar.id)
    assert (full["code"], full["day"], full["booked"], full["limit"]) == (
        "max_meetings",
        "2026-03-03",
        1,
        1,
    )
    # Every Tuesday within sixty days is left.
    assert answer["alternatives"][0]["start"] == "2026-03-10T09:00:00+01:00"
    assert [one["status"] for one in answer["freshness"]] == ["ok"]


def test_a_bookable_start(desk: Desk) -> None:
    desk.rule()
    answer = explain(desk, "2026-03-03T03:00", tz="America/New_York")
    assert answer["start"] == "2026-03-03T03:00:00-05:00"
    assert (answer["bookable"], answer["reasons"]) == (True, [])


def test_a_calendar_that_cannot_be_read_is_a_warning_or_a_reason(desk: Desk) -> None:
    desk.rule()
    warned = desk.add(name="Client", failures=2, unreadable_policy="warn")
    answer = explain(desk, "2026-03-03T09:00:00+01:00")
    assert answer["bookable"]
    assert [one["calendar_id"] for one in answer["warnings"]] == [str(warned.id)]
    blocking = desk.add(name="Boss", failures=2, unreadable_policy="block")
    answer = explain(desk, "2026-03-03T09:00:00+01:00")
    (reason,) = answer["reasons"]
    assert (reason["code"], reason["calendar_id"]) == ("calendar_unreadable", str(blocking.id))
    assert answer["alternatives"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "at"),
        ({"at": "soon"}, "at"),
        ({"at": "2026-03-03"}, "at"),
        ({"at": "2026-02-30T09:00"}, "at"),
        ({"at": "9999-12-31T23:59:59Z"}, "at"),
        ({"at": "2026-03-03T09:00", "duration": "0"}, "duration"),
        ({"at": "2026-03-03T09:00", "step": "1441"}, "step"),
        ({"at": "2026-03-03T09:00", "tz": "Mars/Olympus"}, "tz"),
        ({"at": "2026-03-03T09:00", "client_id": "acme"}, "client_id"),
    ],
)
def test_bad_questions_are_refused_by_their_field(
    desk: Desk, query: dict[str, str], field: str
) -> None:
    answer = desk.person.get("/api/availability/explain", params=query)
    expect_problem(answer, 422, "validation_failed", field)


def test_anothers_calendar_is_404(desk: Desk) -> None:
    query = {"at": "2026-03-03T09:00", "calendar_id": str(uuid4())}
    answer = desk.person.get("/api/availability/explain", params=query)
    expect_problem(answer, 404, "calendar_not_found")


def test_a_client_without_budget_left_is_a_warning_and_no_reason(desk: Desk) -> None:
    desk.rule()
    acme = add_client(desk, weekly_budget_minutes=60)
    with desk.services.store.begin() as uow:
        uow.calendars.change(desk.calendar.user_id, desk.calendar.id, client_id=UUID(acme))
    desk.save(make_event("call", "03-03 09:00", "03-03 09:45"))
    at = "2026-03-03T09:00:00+01:00"
    assert explain(desk, at, duration=30)["warnings"] == []
    assert explain(desk, at, duration=15, client_id=acme)["warnings"] == []
    answer = explain(desk, at, duration=30, client_id=acme)
    assert (answer["bookable"], answer["reasons"]) == (True, [])
    assert answer["warnings"] == [
        {
            "code": "client_budget",
            "detail": "'Acme' has 45 of 60 minutes booked in the week from 2026-03-02, and 30 "
            "more would be over that.",
            "calendar_id": None,
            "client_id": acme,
            "week": {"first": "2026-03-02", "last": "2026-03-08"},
            "booked": 45,
            "limit": 60,
            "minutes": 30,
        }
    ]
    desk.save(make_event("call", "03-04 09:00", "03-04 09:15"))
    (used_up,) = explain(desk, at, duration=30)["warnings"]
    assert (used_up["code"], used_up["client_id"]) == ("client_budget", acme)


def test_a_client_who_is_not_there_is_404(make_desk: Callable[..., Desk]) -> None:
    mara, otto = make_desk("mara@example.com"), make_desk("otto@example.com")
    for client_id in (add_client(otto), str(uuid4())):
        query = {"at": "2026-03-03T14:00", "client_id": client_id}
        answer = mara.person.get("/api/availability/explain", params=query)
        expect_problem(answer, 404, "client_not_found")


def add_client(desk: Desk, **fields: Any) -> str:
    answer = desk.person.post("/api/clients", json={"name": "Acme", **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])
