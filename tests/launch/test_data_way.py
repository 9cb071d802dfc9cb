"""One event, from the provider to the answer: real processes, and beat alone decides when."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from threading import Event
from time import monotonic
from typing import Any

import pytest
import requests

from calendar_manager.sandbox.control_client import ControlClient, approve_consent
from tests.launch.command_line import Command

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ACCOUNT = "freelancer@example.com"
PERSON = {
    "email": "mara@example.com",
    "password": "correct horse battery staple",
    "name": "Mara",
    "time_zone": "Europe/Berlin",
}


class Person:
    """Somebody with a browser, who never asks for a sync."""

    def __init__(self, api: str) -> None:
        self.api = api
        self.session = requests.Session()
        self.session.trust_env = False
        self.call("POST", "/api/auth/register", json=PERSON)
        login = self.call(
            "POST",
            "/api/auth/login",
            json={"email": PERSON["email"], "password": PERSON["password"]},
        )
        self.session.headers["Authorization"] = f"Bearer {login['access_token']}"

    def call(self, method: str, path: str, **more: Any) -> Any:
        answer = self.session.request(method, f"{self.api}{path}", timeout=30, **more)
        assert answer.ok, answer.text
        return answer.json()

    def connect_google(self) -> None:
        headers = {"Accept": "application/json"}
        url = self.call("GET", "/api/auth/connect/google", headers=headers)["authorization_url"]
        with requests.Session() as consent:
            way_back = approve_consent(consent, url, ACCOUNT)
        self.call("GET", way_back.removeprefix(self.api), headers=headers)

    def titles(self, day: date) -> list[str]:
        query = f"start={day}&end={day + timedelta(days=1)}"
        items = self.call("GET", f"/api/events?{query}")["items"]
        return [item["title"] for item in items]

    def starts(self, day: date) -> list[str]:
        query = f"start={day}&end={day + timedelta(days=1)}&duration=60&step=60"
        slots = self.call("GET", f"/api/availability?{query}")["slots"]
        return [slot["start"][11:16] for slot in slots]


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline, pause = monotonic() + seconds, Event()
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        pause.wait(0.5)


def test_an_event_made_at_the_provider_takes_its_hour_without_anybody_asking(
    start_command: Callable[..., Command],
) -> None:
    ports = ("--port", "0", "--flower-port", "0", "--sandbox-port", "0")
    command = start_command(
        "up", *ports, "--json", environ={"POLL_MINUTES": "1", "POLL_MINUTES_WITH_PUSH": "1"}
    )
    addresses = command.read_line()
    person = Person(addresses["api"])
    monday = datetime.now(UTC).date()  # noqa: TID251 - real processes run on the real clock.
    monday += timedelta(days=7 - monday.weekday())
    with ControlClient(addresses["sandbox"]) as control:
        person.connect_google()
        until(lambda: _all_read(person), 60)
        before = person.starts(monday)
        assert "13:00" in before
        control.change_settings(notifications="lost")
        control.create_events(
            ACCOUNT,
            [
                {
                    "summary": "Interview",
                    "start": {"dateTime": f"{monday}T13:00:00", "timeZone": "Europe/Berlin"},
                    "end": {"dateTime": f"{monday}T14:00:00", "timeZone": "Europe/Berlin"},
                }
            ],
        )
        until(lambda: "Interview" in person.titles(monday), 150)
    assert person.starts(monday) == [start for start in before if start != "13:00"]
    jobs = person.call("GET", "/api/sync-jobs")["items"]
    assert {job["trigger"] for job in jobs} == {"connect", "beat"}
    assert command.end() == 0


def _all_read(person: Person) -> bool:
    calendars = person.call("GET", "/api/calendars")["items"]
    return bool(calendars) and all(one["last_synced_at"] for one in calendars)
