"""Clients over HTTP: entering, changing and refusing them."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from calendar_manager.bootstrap import Services
from calendar_manager.job_queue import JobQueue
from tests.api.callers import Person as Caller
from tests.api.callers import escaped_json, expect_problem
from tests.api.client_desk import FULL, WEEK, Desk, open_desk
from tests.factories import (
    make_event,
)

pytestmark = pytest.mark.store


@pytest.fixture
def desk(services: Services, mara: Caller) -> Desk:
    return open_desk(services, mara)


def test_a_client_is_kept_as_it_was_entered(desk: Desk) -> None:
    client_id = desk.client(**FULL)
    shown = desk.person.get(f"/api/clients/{client_id}").json()
    assert shown.pop("id") == client_id
    assert datetime.fromisoformat(shown.pop("created_at")).tzinfo is not None
    assert shown == FULL


def test_a_change_leaves_alone_what_it_does_not_name_and_null_empties(desk: Desk) -> None:
    client_id = desk.client(**FULL)
    shown = desk.patch_client(client_id, name=" New ", notes=None)
    assert (shown["name"], shown["notes"]) == ("New", None)
    assert shown["rules"] == FULL["rules"]
    shown = desk.patch_client(client_id, rate=None, currency=None, rules=[])
    assert (shown["rate"], shown["currency"], shown["rules"]) == (None, None, [])
    assert shown["time_zone"] == "America/New_York"


def test_clients_come_in_pages_the_oldest_first(desk: Desk) -> None:
    names = [f"client {number}" for number in range(5)]
    for name in names:
        desk.client(name)
    seen, cursor = [], None
    for _ in range(3):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = desk.person.get("/api/clients", params=query).json()
        seen += [one["name"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert seen == names
    assert cursor is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"color": "blue"}, "color"),
        ({"rate": -1, "currency": "EUR"}, "rate"),
        ({"rate": "1.234", "currency": "EUR"}, "rate"),
        ({"rate": "NaN", "currency": "EUR"}, "rate"),
        ({"rate": True, "currency": "EUR"}, "rate"),
        ({"rate": 10**11, "currency": "EUR"}, "rate"),
        ({"rate": 10}, "currency"),
        ({"currency": "EUR"}, "rate"),
        ({"rate": 10, "currency": "XXX"}, "currency"),
        ({"time_zone": "Berlin"}, "time_zone"),
        ({"notes": "a\x00b"}, "notes"),
        ({"weekly_budget_minutes": 0}, "weekly_budget_minutes"),
        ({"weekly_budget_minutes": 10_081}, "weekly_budget_minutes"),
        ({"rules": [{"kind": "regex", "pattern": "x"}]}, "rules.0.kind"),
        ({"rules": [{"kind": "title", "pattern": ""}]}, "rules.0.pattern"),
        ({"rules": [{"kind": "title", "pattern": "**"}]}, "rules.0.pattern"),
        ({"rules": [{"kind": "address", "pattern": "jo"}]}, "rules.0.pattern"),
        ({"rules": [{"kind": "attendee_domain", "pattern": "com"}]}, "rules.0.pattern"),
        ({"rules": [{"kind": "calendar", "pattern": str(uuid4())}]}, "rules.0.pattern"),
        (
            {"rules": [{"kind": "title", "pattern": "x"}, {"kind": "title", "pattern": "x"}]},
            "rules.1.pattern",
        ),
        ({"rules": [{"kind": "title", "pattern": "x"}] * 201}, "rules"),
        ({"rules": [{"kind": "title", "pattern": "x", "project": "y" * 201}]}, "rules.0.project"),
        ({"rules": None}, "rules"),
        ({"hourly_rate": 5}, "hourly_rate"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_field(
    desk: Desk, changes: dict[str, Any], field: str
) -> None:
    sent = {"name": "Acme", **changes}
    expect_problem(desk.person.post("/api/clients", json=sent), 422, "validation_failed", field)
    client_id = desk.client("Kept")
    answer = desk.person.patch(f"/api/clients/{client_id}", json=changes)
    expect_problem(answer, 422, "validation_failed", field)
    assert desk.person.get(f"/api/clients/{client_id}").json()["name"] == "Kept"


def test_broken_unicode_is_refused(desk: Desk) -> None:
    for field in ("name", "notes"):
        body = escaped_json({"name": "x", field: "\ud800"})
        headers = desk.person.bearer | body["headers"]
        answer = desk.person.http.post("/api/clients", content=body["content"], headers=headers)
        expect_problem(answer, 422, "validation_failed", field)


def test_another_users_client_calendar_and_event_are_not_there(desk: Desk, otto: Caller) -> None:
    client_id = desk.client()
    (event_id,) = desk.save(make_event("x", "03-03 09:00", "03-03 10:00"))
    path = f"/api/clients/{client_id}"
    for answer in (
        otto.get(path),
        otto.patch(path, json={"name": "x"}),
        otto.delete(path),
        otto.post(f"{path}/restore"),
        otto.get(f"{path}/hours", params=WEEK),
    ):
        expect_problem(answer, 404, "client_not_found")
    answer = otto.patch(f"/api/events/{event_id}/client", json={"client_id": None})
    expect_problem(answer, 404, "event_not_found")
    expect_problem(otto.delete(f"/api/events/{event_id}/client"), 404, "event_not_found")
    rules = [{"kind": "calendar", "pattern": str(desk.calendar.id)}]
    answer = otto.post("/api/clients", json={"name": "x", "rules": rules})
    expect_problem(answer, 422, "validation_failed", "rules.0.pattern")
    theirs = otto.post("/api/clients", json={"name": "theirs"}).json()["id"]
    answer = desk.person.patch(f"/api/events/{event_id}/client", json={"client_id": theirs})
    expect_problem(answer, 404, "client_not_found")
    assert otto.get("/api/clients").json()["items"][0]["id"] == theirs


def test_nobody_gets_in_without_signing_in(http: httpx.Client) -> None:
    expect_problem(http.get("/api/clients"), 401, "not_authenticated")


def test_changed_rules_are_sent_to_the_workers_once_after_the_commit(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[UUID] = []
    monkeypatch.setattr(JobQueue, "reassign_clients", lambda _, user_id: sent.append(user_id))
    me = UUID(desk.person.id)
    client_id = desk.client("no rules")
    assert sent == []
    rules = [{"kind": "title", "pattern": "x", "project": None}]
    desk.patch_client(client_id, rules=rules)
    desk.patch_client(client_id, rules=rules, name="same rules")
    assert sent == [me]
    desk.person.delete(f"/api/clients/{client_id}")
    desk.person.post(f"/api/clients/{client_id}/restore")
    assert sent == [me] * 3
