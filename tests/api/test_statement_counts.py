"""How many SQL statements each answer costs: a fixed number, however much a person has."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest

from calendar_manager.bootstrap import Services
from calendar_manager.domain.events import Attendee, Event
from calendar_manager.sync.detect import examine_conflicts
from tests.api.callers import Person
from tests.api.client_desk import Desk, open_desk
from tests.api.conftest import Clock
from tests.factories import NOW, add_sync_job, at, count_statements, make_event

pytestmark = pytest.mark.store

WEEK = {"start": "2026-03-02", "end": "2026-03-09"}
BEYOND = {"start": "2027-05-03", "end": "2027-05-10"}
"""A week behind the window in which series are laid out."""

LOGIN = 1
"""Of each answer's statements, the one that finds out who asks."""

FEW, MANY = 3, 60

STATEMENTS = {
    "me": LOGIN,
    "sessions": LOGIN + 1,
    "audit": LOGIN + 1,
    "grants": LOGIN + 1,
    "rules": LOGIN + 1,
    "availability, cold": LOGIN + 3,
    "availability, warm": LOGIN + 2,
    "explain": LOGIN + 10,
    "feed's state": LOGIN + 1,
    "feed": 3,
    "calendars": LOGIN + 2,
    "connections": LOGIN + 1,
    "sync jobs": LOGIN + 1,
    "sync job": LOGIN + 1,
    "events": LOGIN + 2,
    "events, searched": LOGIN + 2,
    "events of a client": LOGIN + 3,
    "events beyond": LOGIN + 7,
    "event": LOGIN + 1,
    "conflicts": LOGIN + 5,
    "conflict": LOGIN + 5,
    "clients": LOGIN + 2,
    "client": LOGIN + 2,
    "client's hours": LOGIN + 6,
}


@dataclass
class Scene:
    """A person who comes to have more and more of everything.

    Attributes:
        desk: Their desk.
        feed: The path of their busy feed.
        count: How much of everything they have.
    """

    desk: Desk
    feed: str
    count: int = 0

    def grow(self, count: int) -> None:
        """Give them so much of everything in all."""
        numbers = range(self.count, count)
        person, store = self.desk.person, self.desk.services.store
        for number in numbers:
            calendar = self.desk.add_calendar(f"Calendar {number}")
            with store.begin() as uow:
                add_sync_job(uow, calendar)
            grant = person.post("/api/availability/grants", json={"email": f"{number}@a.test"})
            assert grant.status_code == 201, grant.text
            rules = [{"kind": "title", "pattern": f"Meeting {number}*"}]
            client = {"name": f"Client {number}", "rules": rules, "weekly_budget_minutes": 60}
            assert person.post("/api/clients", json=client).status_code == 201
            self.desk.save(*self._events(number), calendar=calendar)
        self.desk.reassign()
        examine_conflicts(store, UUID(person.id), lambda: NOW)
        self.count = count

    def measure(self) -> dict[str, int]:
        """Return how many statements each answer costs, once its first answer warmed things up."""
        counted: dict[str, int] = {}
        for name, path in self._paths().items():
            if name != "availability, cold":
                self._fetch(path)
            with count_statements(self.desk.services.store.engine) as seen:
                answer = self._fetch(path)
            counted[name] = len(seen)
            items = answer.json().get("items") if "json" in answer.headers["Content-Type"] else None
            assert items != [], f"{name} shows nothing, so that its count proves nothing"
        return counted

    def _events(self, number: int) -> Iterator[Event]:
        """Yield a double booking in the coming week, and a series, of one client."""
        start, title = at("03-03 06:00") + timedelta(minutes=90 * number), f"Meeting {number}"
        times = [f"{start + timedelta(minutes=minutes):%m-%d %H:%M}" for minutes in (0, 20, 40, 60)]
        guest = Attendee(email=f"{number}@client.test")
        yield make_event(f"{title} a", times[0], times[2], attendees=(guest,))
        yield make_event(f"{title} b", times[1], times[3])
        weekly = at("03-02 07:00") + timedelta(minutes=10 * number)
        yield make_event(
            f"{title} c",
            f"{weekly:%m-%d %H:%M}",
            f"{weekly + timedelta(minutes=10):%m-%d %H:%M}",
            recurrence=("RRULE:FREQ=WEEKLY",),
        )

    def _paths(self) -> dict[str, str]:
        def first(path: str) -> str:
            return str(self.desk.person.get(path).json()["items"][0]["id"])

        def ask(path: str, **query: Any) -> str:
            return str(httpx.URL(path, params=WEEK | query))

        client_id, availability = first("/api/clients"), "/api/availability"
        # Nobody asked exactly this before, so that nothing that was kept can serve it.
        cold = {"end": f"2026-03-{10 + self.count // 10:02}"}
        return {
            "me": "/api/auth/me",
            "sessions": "/api/auth/sessions",
            "audit": "/api/auth/audit",
            "grants": f"{availability}/grants",
            "rules": f"{availability}/rules",
            "availability, cold": ask(availability, **cold),
            "availability, warm": ask(availability, **cold),
            "explain": f"{availability}/explain?at=2026-03-03T09:00:00&client_id={client_id}",
            "feed's state": f"{availability}/feed",
            "feed": self.feed,
            "calendars": "/api/calendars",
            "connections": "/api/connections",
            "sync jobs": "/api/sync-jobs",
            "sync job": f"/api/sync-jobs/{first('/api/sync-jobs')}",
            "events": ask("/api/events"),
            "events, searched": ask("/api/events", q="meeting"),
            "events of a client": ask("/api/events", client_id=client_id),
            "events beyond": ask("/api/events", **BEYOND),
            "event": f"/api/events/{first(ask('/api/events'))}",
            "conflicts": "/api/conflicts",
            "conflict": f"/api/conflicts/{first('/api/conflicts')}",
            "clients": "/api/clients",
            "client": f"/api/clients/{client_id}",
            "client's hours": ask(f"/api/clients/{client_id}/hours", period="week"),
        }

    def _fetch(self, path: str) -> httpx.Response:
        answer = self.desk.person.get(path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer


@pytest.fixture
def scene(services: Services, sign_up: Callable[..., Person], clock: Clock) -> Scene:
    """Somebody on the Monday morning of the factories, with a busy feed."""
    person = sign_up("mara@example.com")
    clock.offset = NOW - clock()
    feed = person.post("/api/availability/feed").json()["url"]
    return Scene(open_desk(services, person), urlsplit(feed).path)


def test_no_answer_costs_more_statements_when_there_is_more_to_tell(scene: Scene) -> None:
    scene.grow(FEW)
    few = scene.measure()
    scene.grow(MANY)
    assert scene.measure() == few == STATEMENTS


def test_several_people_cost_one_statement_each_and_none_when_kept(
    scene: Scene, sign_up: Callable[..., Person], clock: Clock
) -> None:
    mara = scene.desk
    everybody = [mara.person.id]

    def count(day: int) -> list[int]:
        query = WEEK | {"start": f"2026-03-{day:02}", "user_id": everybody}
        counted: list[int] = []
        for _ in range(2):
            with count_statements(mara.services.store.engine) as seen:
                answer = mara.person.get("/api/availability", params=query)
            assert answer.status_code == 200, answer.text
            counted.append(len(seen))
        return counted

    def invite(number: int) -> None:
        clock.offset = timedelta(0)
        other = sign_up(f"{number}@example.test")
        clock.offset = NOW - clock()
        desk = open_desk(mara.services, other)
        desk.save(make_event("call", "03-04 10:00", "03-04 11:00"))
        grant = other.post("/api/availability/grants", json={"email": mara.person.email})
        assert grant.status_code == 201, grant.text
        everybody.append(other.id)

    invite(1)
    cold_of_two, warm_of_two = count(2)
    for number in range(2, 8):
        invite(number)
    cold_of_eight, warm_of_eight = count(3)
    # People, rules and calendars are loaded for all at once. What nobody asked before is loaded
    # for each by one more, over the span that the person's own rules leave, and then kept.
    assert warm_of_eight == warm_of_two == LOGIN + 3
    assert (cold_of_two, cold_of_eight) == (warm_of_two + 2, warm_of_two + 8)
