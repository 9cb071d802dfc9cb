"""What a sync brings is assigned by the rules in the same transaction."""

from collections.abc import Callable

import pytest

from calendar_manager.sandbox.control_client import ControlClient
from tests.api.callers import Person

pytestmark = pytest.mark.store

ACCOUNT = "mara@example.com"
WEEK = "/api/events?start=2027-01-04&end=2027-01-11"


def meeting(guest: str) -> dict[str, object]:
    return {
        "summary": "Planning",
        "start": {"dateTime": "2027-01-05T09:00:00Z"},
        "end": {"dateTime": "2027-01-05T10:00:00Z"},
        "attendees": [{"email": guest}],
    }


def test_an_event_belongs_to_its_client_as_soon_as_it_is_read(
    mara: Person, google: ControlClient, work: Callable[[], None]
) -> None:
    acme = mara.post(
        "/api/clients",
        json={"name": "Acme", "rules": [{"kind": "attendee_domain", "pattern": "acme.example"}]},
    ).json()["id"]
    mara.connected(ACCOUNT)
    work()
    (created,) = google.create_events(ACCOUNT, [meeting("ann@acme.example")])
    (calendar,) = [one for one in mara.get("/api/calendars").json()["items"] if one["primary"]]
    mara.post(f"/api/calendars/{calendar['id']}/sync")
    work()
    (event,) = mara.get(WEEK).json()["items"]
    assert event["client_id"] == acme
    google.mutate(
        ACCOUNT, "edit", str(created["id"]), changes={"attendees": [{"email": "bo@other.example"}]}
    )
    mara.post(f"/api/calendars/{calendar['id']}/sync")
    work()
    (event,) = mara.get(WEEK).json()["items"]
    assert event["client_id"] is None
    hours = mara.get(f"/api/clients/{acme}/hours?start=2027-01-04&end=2027-01-11").json()
    assert hours["total"]["minutes"] == 0
