"""A user with a private busy feed, and what reads it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import icalendar

from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.events import Event
from calendar_manager.domain.timespan import Span, merge_spans
from tests.api.callers import Person
from tests.api.conftest import Clock
from tests.factories import NOW, add_calendar, add_connection, save_events

FEED = "/api/availability/feed"
ALWAYS: dict[str, Any] = {
    "time_zone": "Europe/Berlin",
    "weekly": [
        {
            "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
            "start": "00:00",
            "end": "24:00",
        }
    ],
}
TOLD = {"SUMMARY", "DTSTART", "DTEND", "DTSTAMP", "UID", "TRANSP"}
"""All that an event in a feed says."""


@dataclass
class Desk:
    """A signed-in user in Berlin with one calendar."""

    services: Services
    person: Person
    calendar: Calendar

    def save(self, *events: Event) -> None:
        with self.services.store.begin() as uow:
            save_events(uow, self.calendar, *events)

    def add(self, **columns: Any) -> "Desk":
        """Add a calendar; return the desk with that one in front."""
        with self.services.store.begin() as uow:
            connection = add_connection(uow, UUID(self.person.id))
            return replace(self, calendar=add_calendar(uow, connection, **columns))

    def rule(self, **changes: Any) -> None:
        answer = self.person.post("/api/availability/rules", json=ALWAYS | changes)
        assert answer.status_code == 200, answer.text

    def make(self) -> str:
        """Make an address; return its path."""
        answer = self.person.post(FEED)
        assert answer.status_code == 201, answer.text
        path: str = urlsplit(answer.json()["url"]).path
        return path

    def fetch(self, path: str, **headers: str) -> httpx.Response:
        """Ask for a feed as nobody in particular."""
        return httpx.get(f"{self.person.base_url}{path}", headers=headers, timeout=30)

    def blocks(self, path: str) -> dict[Span, str]:
        """Return the UID of each block of a feed, once it has proved well-formed."""
        answer = self.fetch(path)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
        return read(answer.content)


def open_desk(services: Services, sign_up: Callable[..., Person], clock: Clock, email: str) -> Desk:
    """Sign somebody in, and then let it be the Monday morning of the factories."""
    clock.offset = timedelta(0)
    person = sign_up(email)
    clock.offset = NOW - clock()
    with services.store.begin() as uow:
        connection = add_connection(uow, UUID(person.id))
        return Desk(services, person, add_calendar(uow, connection))


def read(content: bytes) -> dict[Span, str]:
    """Return the UID of each block, once everything about the bytes has proved right."""
    lines = content.split(b"\r\n")
    assert lines.pop() == b""
    assert all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in lines)
    found: dict[Span, str] = {}
    events: list[Any] = icalendar.Calendar.from_ical(content).walk("VEVENT")
    for event in events:
        assert set(event) == TOLD
        assert (event["SUMMARY"], event["TRANSP"]) == ("Busy", "OPAQUE")
        start, end = event["DTSTART"].dt, event["DTEND"].dt
        assert start.utcoffset() == end.utcoffset() == timedelta(0)
        found[Span(start, end)] = str(event["UID"])
    assert list(found) == merge_spans(found)
    assert len(set(found.values())) == len(found)
    return found
