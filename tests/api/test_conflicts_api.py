"""Conflicts over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.events import Attendee, Event, EventStatus
from calendar_manager.sync.detect import examine_conflicts
from tests.api.callers import Person, escaped_json, expect_problem
from tests.api.conftest import Clock
from tests.factories import (
    NOW,
    add_calendar,
    add_connection,
    count_statements,
    delete_events,
    make_event,
    save_events,
)

pytestmark = pytest.mark.store

GUEST = Attendee(email="jo@client.test")


@dataclass
class Desk:
    """A signed-in user in Berlin with one calendar."""

    services: Services
    person: Person
    calendar: Calendar

    def save(self, *events: Event) -> None:
        with self.services.store.begin() as uow:
            save_events(uow, self.calendar, *events)
        self.examine()

    def delete(self, *events: Event) -> None:
        with self.services.store.begin() as uow:
            delete_events(uow, self.calendar, *events)
        self.examine()

    def examine(self) -> None:
        examine_conflicts(self.services.store, UUID(self.person.id), lambda: NOW)

    def ask(self, **query: Any) -> list[dict[str, Any]]:
        answer = self.person.get("/api/conflicts", params=query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def double_booking(self, day: str = "03-03", **fields: Any) -> Event:
        """Store two meetings that overlap and return the one that is cheaper to move."""
        bank = make_event("bank", f"{day} 09:30", f"{day} 10:30", **fields)
        review = make_event("review", f"{day} 09:00", f"{day} 10:00", attendees=(GUEST,))
        self.save(review, bank)
        return bank

    def resolve(self, conflict_id: str, **body: Any) -> Any:
        return self.person.post(f"/api/conflicts/{conflict_id}/resolve", json=body)


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


def test_a_conflict_shows_both_meetings_the_overlap_and_where_to_go(desk: Desk) -> None:
    desk.double_booking()
    (conflict,) = desk.ask()
    assert (conflict["type"], conflict["severity"], conflict["status"]) == (
        "overlap",
        "high",
        "open",
    )
    assert (conflict["start"], conflict["end"]) == (
        "2026-03-03T10:30:00+01:00",
        "2026-03-03T11:00:00+01:00",
    )
    first, second = conflict["meetings"]
    assert [first["title"], second["title"]] == ["review", "bank"]
    assert first["occurrences"][0]["calendar_id"] == str(desk.calendar.id)
    assert conflict["move"]["meeting"] == 1
    assert conflict["move"]["title"] == "bank"
    assert conflict["move"]["reasons"] == ["fewer_attendees"]
    assert conflict["move"]["why"] == "Fewer people are invited."
    assert conflict["move"]["alternatives"] == [
        {"start": "2026-03-03T11:00:00+01:00", "end": "2026-03-03T12:00:00+01:00"},
        {"start": "2026-03-03T11:30:00+01:00", "end": "2026-03-03T12:30:00+01:00"},
        {"start": "2026-03-03T09:00:00+01:00", "end": "2026-03-03T10:00:00+01:00"},
    ]
    assert [entry["action"] for entry in conflict["history"]] == ["opened"]
    same = desk.person.get(f"/api/conflicts/{conflict['id']}")
    assert same.json() == conflict
    told = desk.person.get(f"/api/conflicts/{conflict['id']}", params={"tz": "UTC"}).json()
    assert told["start"] == "2026-03-03T09:30:00Z"


def test_filters_and_pages(desk: Desk) -> None:
    desk.double_booking("03-03")
    desk.double_booking("03-04", status=EventStatus.TENTATIVE)
    desk.double_booking("03-05")
    first, second, third = (conflict["id"] for conflict in desk.ask())
    assert desk.resolve(first, resolution="ignored").status_code == 200

    def ids(**query: Any) -> list[str]:
        return [conflict["id"] for conflict in desk.ask(**query)]

    assert ids(status="open") == [second, third]
    assert ids(status=["ignored", "resolved"]) == [first]
    assert ids(severity="medium") == [second]
    assert ids(type="travel") == []
    assert ids(start="2026-03-04") == [second, third]
    assert ids(end="2026-03-04") == [first]
    assert ids(start="2026-03-04", end="2026-03-05") == [second]
    page = desk.person.get("/api/conflicts", params={"limit": 2}).json()
    rest = desk.person.get("/api/conflicts", params={"cursor": page["next_cursor"]}).json()
    assert [one["id"] for one in page["items"] + rest["items"]] == [first, second, third]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("resolution", ["resolved", "ignored"])
def test_a_person_ends_a_conflict(desk: Desk, resolution: str) -> None:
    desk.double_booking()
    (conflict,) = desk.ask()
    answer = desk.resolve(conflict["id"], resolution=resolution, note=" Jo goes.\nReally. ")
    assert answer.status_code == 200
    ended = answer.json()
    assert (ended["status"], ended["closed_by"]) == (resolution, "person")
    assert ended["note"] == "Jo goes.\nReally."
    assert ended["move"] is None
    last = ended["history"][-1]
    assert (last["action"], last["actor"], last["note"]) == (
        resolution,
        "user",
        "Jo goes.\nReally.",
    )
    assert desk.ask(status="open") == []


def test_what_closed_by_itself_cannot_be_ended(desk: Desk) -> None:
    bank = desk.double_booking()
    (conflict,) = desk.ask()
    desk.delete(bank)
    (closed,) = desk.ask()
    assert (closed["status"], closed["closed_by"]) == ("resolved", "auto")
    assert closed["meetings"][1]["title"] == "bank"
    expect_problem(desk.resolve(conflict["id"], resolution="resolved"), 409, "conflict_ended")


def test_anothers_conflict_is_404(make_desk: Callable[..., Desk]) -> None:
    mara, otto = make_desk("mara@example.com"), make_desk("otto@example.com")
    mara.double_booking()
    (conflict,) = mara.ask()
    assert otto.ask() == []
    for conflict_id in (conflict["id"], str(uuid4())):
        expect_problem(otto.person.get(f"/api/conflicts/{conflict_id}"), 404, "conflict_not_found")
        expect_problem(otto.resolve(conflict_id, resolution="ignored"), 404, "conflict_not_found")
    assert mara.ask(status="open")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "gone"}, "status.0"),
        ({"type": "clash"}, "type.0"),
        ({"severity": "fatal"}, "severity.0"),
        ({"start": "2026-03-03T09:00:00"}, "start"),
        ({"start": "2026-03-04", "end": "2026-03-03"}, "end"),
        ({"end": "9999-12-31"}, "end"),
        ({"tz": "Mars/Olympus"}, "tz"),
        ({"cursor": "nonsense"}, "cursor"),
    ],
)
def test_bad_questions_are_refused_by_their_field(
    desk: Desk, query: dict[str, str], field: str
) -> None:
    answer = desk.person.get("/api/conflicts", params=query)
    expect_problem(answer, 422, "validation_failed", field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "resolution"),
        ({"resolution": "open"}, "resolution"),
        ({"resolution": "ignored", "note": "x" * 2001}, "note"),
        ({"resolution": "ignored", "note": "a\x00b"}, "note"),
        ({"resolution": "ignored", "note": "\ud800"}, "note"),
        ({"resolution": "ignored", "why": "no"}, "why"),
    ],
)
def test_bad_answers_are_refused_by_their_field(
    desk: Desk, body: dict[str, str], field: str
) -> None:
    desk.double_booking()
    (conflict,) = desk.ask()
    sent = escaped_json(body)
    answer = desk.person.http.post(
        f"/api/conflicts/{conflict['id']}/resolve",
        content=sent["content"],
        headers=sent["headers"] | desk.person.bearer,
    )
    expect_problem(answer, 422, "validation_failed", field)
    assert len(desk.ask(status="open")) == 1


def test_who_is_not_signed_in_learns_nothing(desk: Desk) -> None:
    for path in ("/api/conflicts", f"/api/conflicts/{uuid4()}"):
        expect_problem(httpx.get(f"{desk.person.base_url}{path}"), 401, "not_authenticated")


def test_statements_do_not_grow_with_the_page(desk: Desk) -> None:
    desk.double_booking("03-03")
    with count_statements(desk.services.store.engine) as few:
        desk.ask()
    for day in range(4, 12):
        desk.double_booking(f"03-{day:02}")
    with count_statements(desk.services.store.engine) as many:
        assert len(desk.ask()) == 9
    assert len(many) == len(few)
