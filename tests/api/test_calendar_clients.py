"""A calendar's client: whom its events belong to where nothing else says so."""

from typing import Any
from uuid import uuid4

import pytest

from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import Calendar
from tests.api.callers import Person as Caller
from tests.api.callers import expect_problem
from tests.api.client_desk import Desk, open_desk
from tests.factories import make_event

pytestmark = pytest.mark.store


@pytest.fixture
def desk(services: Services, mara: Caller) -> Desk:
    return open_desk(services, mara)


def give(desk: Desk, client_id: str | None, calendar: Calendar | None = None) -> Any:
    """Give a calendar a client and return the calendar as the answer shows it."""
    path = f"/api/calendars/{(calendar or desk.calendar).id}"
    answer = desk.person.patch(path, json={"client_id": client_id})
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown(desk: Desk) -> list[str | None]:
    items = desk.person.get("/api/calendars").json()["items"]
    return [one["client_id"] for one in items]


def test_a_calendars_client_has_its_events_until_it_is_taken_away(desk: Desk) -> None:
    acme, other = desk.client("Acme"), desk.client("Other")
    desk.save(make_event("call", "03-03 09:00", "03-03 10:00"))
    assert shown(desk) == [None]
    assert give(desk, acme)["client_id"] == acme
    assert shown(desk) == [acme]
    assert desk.owners() == [("call", acme)]
    assert desk.hours(acme)["total"]["minutes"] == 60
    assert give(desk, other)["client_id"] == other
    desk.save(make_event("new", "03-03 11:00", "03-03 12:00"))
    assert desk.owners() == [("call", other), ("new", other)]
    assert desk.hours(acme)["total"]["minutes"] == 0
    assert give(desk, None)["client_id"] is None
    assert desk.owners() == [("call", None), ("new", None)]


def test_only_the_calendar_that_is_named_changes(desk: Desk) -> None:
    second = desk.add_calendar()
    acme = desk.client("Acme")
    give(desk, acme, second)
    desk.save(make_event("mine", "03-03 09:00", "03-03 10:00"))
    desk.save(make_event("theirs", "03-03 11:00", "03-03 12:00"), calendar=second)
    assert desk.owners() == [("mine", None), ("theirs", acme)]


def test_other_settings_leave_the_client_alone(desk: Desk) -> None:
    acme = desk.client("Acme")
    give(desk, acme)
    path = f"/api/calendars/{desk.calendar.id}"
    changed = desk.person.patch(path, json={"color": "#00ff00"}).json()
    assert (changed["client_id"], changed["color"]) == (acme, "#00ff00")


def test_rules_and_people_go_before_a_calendars_client(desk: Desk) -> None:
    acme = desk.client("Acme")
    named = desk.client("Named", rules=[{"kind": "title", "pattern": "review"}])
    give(desk, acme)
    desk.save(make_event("review", "03-03 09:00", "03-03 10:00"))
    (call,) = desk.save(make_event("call", "03-03 11:00", "03-03 12:00"))
    assert desk.owners() == [("review", named), ("call", acme)]
    desk.assign(call, client_id=None)
    assert desk.owners() == [("review", named), ("call", None)]


def test_a_deleted_client_is_not_shown_until_it_is_restored(desk: Desk) -> None:
    acme = desk.client("Acme")
    give(desk, acme)
    desk.save(make_event("call", "03-03 09:00", "03-03 10:00"))
    assert desk.person.delete(f"/api/clients/{acme}").status_code == 204
    assert (shown(desk), desk.owners()) == ([None], [("call", None)])
    assert desk.person.post(f"/api/clients/{acme}/restore").status_code == 200
    assert (shown(desk), desk.owners()) == ([acme], [("call", acme)])


def test_a_client_who_is_not_there_is_refused_by_the_field(desk: Desk, otto: Caller) -> None:
    acme = desk.client("Acme")
    give(desk, acme)
    gone = desk.client("Gone")
    desk.person.delete(f"/api/clients/{gone}")
    foreign = otto.post("/api/clients", json={"name": "Foreign"}).json()["id"]
    for client_id in (str(uuid4()), gone, foreign, "acme", 7):
        answer = desk.person.patch(
            f"/api/calendars/{desk.calendar.id}",
            json={"client_id": client_id, "color": "#00ff00"},
        )
        expect_problem(answer, 422, "validation_failed", "client_id")
    (calendar,) = desk.person.get("/api/calendars").json()["items"]
    assert (calendar["client_id"], calendar["color"]) == (acme, None)


def test_a_calendar_of_somebody_else_keeps_its_client(desk: Desk, otto: Caller) -> None:
    mine = otto.post("/api/clients", json={"name": "Mine"}).json()["id"]
    answer = otto.patch(f"/api/calendars/{desk.calendar.id}", json={"client_id": mine})
    expect_problem(answer, 404, "calendar_not_found")
    assert shown(desk) == [None]
