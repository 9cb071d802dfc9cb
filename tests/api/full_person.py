"""A person who has something of everything, so that nothing of theirs is forgotten."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, insert, text
from sqlalchemy.dialects.postgresql import Range

from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.store.repositories.personal_data import LEFT_OUT, SECTIONS
from calendar_manager.store.tables import (
    Base,
    CaldotcomExportRow,
    ConflictCheckRow,
    FullReadRow,
    ReadMarkRow,
    SeriesInstanceRow,
)
from calendar_manager.sync.quota import PAUSES_KEY, account_name
from tests.api.callers import PASSWORD, Person
from tests.factories import NOW, add_calendar, add_connection, span

MARK = "quokka"
"""A word that stands in every text that the person wrote or that was written about them."""

WEEKLY = {
    "summary": f"{MARK} weekly",
    "start": {"dateTime": "2026-11-23T09:00:00+01:00", "timeZone": "Europe/Berlin"},
    "end": {"dateTime": "2026-11-23T10:00:00+01:00", "timeZone": "Europe/Berlin"},
    "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=5", "EXDATE;TZID=Europe/Berlin:20261130T090000"],
    "attendees": [{"email": f"{MARK}@client.example", "displayName": f"Anna {MARK}"}],
    "location": f"{MARK} street 7",
    "description": f"the {MARK} project",
}
CLASHING = {
    "summary": f"{MARK} clash",
    "start": {"dateTime": "2026-11-23T09:30:00+01:00"},
    "end": {"dateTime": "2026-11-23T10:30:00+01:00"},
}


@dataclass
class FullPerson:
    """A person and the ids of their things.

    Attributes:
        person: The person.
        ids: Parameter of a path → an id of theirs.
        secrets: What nobody else may ever see.
    """

    person: Person
    ids: dict[str, str]
    secrets: list[str] = field(default_factory=list)


def fill(
    person: Person,
    *,
    services: Services,
    google: ControlClient,
    work: Callable[[], None],
    friend: Person | None = None,
) -> FullPerson:
    """Give a person something in every table, by the API where it has a way.

    Args:
        person: Who was just signed up.
        services: The parts behind the application.
        google: The sandbox, which has an account of the person's address.
        work: Does what workers would do.
        friend: Whom they let ask when they are free.
    """
    google.create_events(person.email, [WEEKLY, CLASHING])
    connection = person.connected(person.email)
    work()
    person.patch("/api/auth/me", json={"name": f"Mara {MARK}"})
    client = person.post("/api/clients", json=_client()).json()
    event = person.get("/api/events", params={"start": "2026-11-23", "end": "2026-11-24"}).json()[
        "items"
    ][0]
    calendar = person.get("/api/calendars").json()["items"][0]
    person.patch(
        f"/api/events/{event['id']}/client", json={"client_id": client["id"], "scope": "series"}
    )
    rules = {"time_zone": "Europe/Berlin", "weekly": []}
    assert person.post("/api/availability/rules", json=rules).status_code == 200
    conflict = person.get("/api/conflicts").json()["items"][0]
    resolution = {"resolution": "ignored", "note": f"{MARK} knows"}
    person.post(f"/api/conflicts/{conflict['id']}/resolve", json=resolution)
    feed = person.post("/api/availability/feed").json()
    grantee = "friend@example.com" if friend is None else friend.email
    grant = person.post("/api/availability/grants", json={"email": grantee}).json()
    accept = {**person.bearer, "Accept": "application/json"}
    person.http.get("/api/auth/connect/google", headers=accept)
    for password in ("wrong", PASSWORD):
        person.http.post("/api/auth/login", json={"email": person.email, "password": password})
    ids = {
        "calendar_id": calendar["id"],
        "client_id": client["id"],
        "conflict_id": conflict["id"],
        "event_id": event["id"],
        "grant_id": grant["id"],
        "job_id": person.get("/api/sync-jobs").json()["items"][0]["id"],
        "session_id": person.get("/api/auth/sessions").json()["items"][0]["id"],
        "connection_id": connection["id"],
    }
    _fill_the_rest(services, UUID(person.id), UUID(calendar["id"]))
    with services.store.begin() as uow:
        names = [account_name(one) for one in uow.connections.list(UUID(person.id))]
    services.redis.zadd(PAUSES_KEY, dict.fromkeys(names, NOW.timestamp()))
    return FullPerson(person, ids, [person.email, MARK, PASSWORD, feed["url"].split("/")[-1]])


def _client() -> dict[str, Any]:
    return {
        "name": f"{MARK} Ltd",
        "notes": f"{MARK} pays late",
        "rules": [{"kind": "title", "pattern": f"{MARK}*"}],
    }


def _fill_the_rest(services: Services, user_id: UUID, calendar_id: UUID) -> None:
    """Fill the tables that are only filled by what happens in between."""
    with services.store.begin() as uow:
        calendar = uow.calendars.find(user_id, calendar_id)
        assert calendar is not None
        uow.channels.add(channel_id=uuid4(), calendar=calendar, token="secret", now=NOW)
        booking = add_connection(uow, user_id, provider=ProviderKind.CALDOTCOM)
        add_calendar(uow, booking, name=f"{MARK} bookings")
        for statement in (
            insert(CaldotcomExportRow).values(user_id=user_id, connection_id=booking.id),
            insert(ConflictCheckRow).values(
                user_id=user_id, span=_range("11-23 08:00", "11-23 11:00")
            ),
            insert(FullReadRow).values(
                calendar_id=calendar_id,
                began_at=NOW,
                normalizer_version=1,
                window_from=NOW,
                window_until=NOW + timedelta(days=1),
            ),
            insert(ReadMarkRow).values(calendar_id=calendar_id, provider_event_id=MARK),
            insert(SeriesInstanceRow).values(
                calendar_id=calendar_id, provider_instance_id=MARK, series_id=MARK
            ),
        ):
            uow.session.execute(statement)


def _range(start: str, end: str) -> Any:
    found = span(start, end)
    return Range(found.start, found.end)


def list_tables() -> list[str]:
    """Return every table; none may be missing from the sections and what they leave out."""
    names = sorted(Base.metadata.tables)
    assert set(names) == {*SECTIONS.values(), *LEFT_OUT}
    return names


def read_tables(engine: Engine) -> dict[str, list[str]]:
    """Return all rows of the database as text, by table."""
    with engine.connect() as connection:
        return {
            table: [
                str(row)
                for row in connection.scalars(
                    text(f"SELECT to_jsonb(t)::text FROM {table} AS t")  # noqa: S608 - the database's own name.
                )
            ]
            for table in list_tables()
        }
