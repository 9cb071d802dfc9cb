"""A user with clients and calendars, as the tests of the API see them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.events import (
    Event,
    EventKind,
)
from calendar_manager.domain.timespan import Span
from calendar_manager.store.repositories.events import StoredEvent
from calendar_manager.sync.assigning import assign_changed, reassign_clients
from tests.api.callers import Person as Caller
from tests.factories import (
    WINDOW,
    add_calendar,
    add_connection,
    at,
    make_event,
    save_events,
    span,
)

FULL: dict[str, Any] = {
    "name": "Client GmbH",
    "color": "#3366cc",
    "rate": "95.50",
    "currency": "EUR",
    "time_zone": "America/New_York",
    "notes": "line one\nline two",
    "weekly_budget_minutes": 1200,
    "rules": [
        {"kind": "attendee_domain", "pattern": "client.example", "project": None},
        {"kind": "title", "pattern": "Sprint*review", "project": "Relaunch"},
    ],
}

WEEK = {"start": "2026-03-02", "end": "2026-03-09"}


@dataclass
class Desk:
    """A signed-in user with one calendar."""

    services: Services
    person: Caller
    calendar: Calendar

    def add_calendar(self, name: str = "Other", **columns: Any) -> Calendar:
        with self.services.store.begin() as uow:
            connection = add_connection(uow, UUID(self.person.id))
            return add_calendar(uow, connection, name=name, **columns)

    def save(
        self, *events: Event, calendar: Calendar | None = None, window: Span = WINDOW
    ) -> list[str]:
        """Store events as a sync does, with the rules applied."""
        where = calendar or self.calendar
        with self.services.store.begin() as uow:
            ids = save_events(uow, where, *events, window=window)
            stored = [StoredEvent(*one) for one in zip(ids, events, strict=True)]
            assign_changed(uow, where.user_id, where.id, stored)
        return [str(one) for one in ids]

    def client(self, name: str = "Acme", **fields: Any) -> str:
        answer = self.person.post("/api/clients", json={"name": name, **fields})
        assert answer.status_code == 201, answer.text
        self.reassign()
        return str(answer.json()["id"])

    def reassign(self) -> int:
        """Do what the worker does when rules changed."""
        return reassign_clients(self.services.store, UUID(self.person.id), batch=3)

    def patch_client(self, client_id: str, **changes: Any) -> Any:
        answer = self.person.patch(f"/api/clients/{client_id}", json=changes)
        assert answer.status_code == 200, answer.text
        self.reassign()
        return answer.json()

    def assign(self, event_id: str, **body: Any) -> Any:
        answer = self.person.patch(f"/api/events/{event_id}/client", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def agenda(self, **query: Any) -> Any:
        answer = self.person.get("/api/events", params=WEEK | query)
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    def owners(self, **query: Any) -> list[tuple[str, str | None]]:
        return [(one["title"], one["client_id"]) for one in self.agenda(**query)]

    def hours(self, client_id: str, **query: Any) -> Any:
        answer = self.person.get(f"/api/clients/{client_id}/hours", params=WEEK | query)
        assert answer.status_code == 200, answer.text
        return answer.json()


def open_desk(services: Services, person: Caller) -> Desk:
    """Give a user a calendar."""
    with services.store.begin() as uow:
        calendar = add_calendar(uow, add_connection(uow, UUID(person.id)))
    return Desk(services, person, calendar)


def daily(title: str = "daily", **fields: Any) -> Event:
    return make_event(
        title,
        "03-02 09:00",
        "03-02 09:30",
        recurrence=("RRULE:FREQ=DAILY;COUNT=4",),
        **fields,
    )


def moved(master: Event, original_start: str, start: str, end: str, **fields: Any) -> Event:
    return Event(
        provider_event_id=f"{master.provider_event_id}_{original_start}",
        kind=EventKind.OVERRIDE,
        when=span(start, end),
        series_id=master.provider_event_id,
        original_start=at(original_start),
        **{"title": master.title, **fields},
    )
