"""What a running installation says of itself: its log lines and its numbers."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import pytest
import requests
from cryptography.fernet import Fernet
from dotenv import dotenv_values
from prometheus_client.parser import text_string_to_metric_families

from calendar_manager.sandbox.control_client import ControlClient, approve_consent
from calendar_manager.sandbox.default_accounts import (
    CALDOTCOM_ACCOUNT,
    GOOGLE_ACCOUNT,
    MICROSOFT_ACCOUNT,
)
from calendar_manager.store.crypto import TokenCipher
from calendar_manager.store.unit_of_work import Store
from tests.deploy.monitoring import asked_names, sample_names
from tests.launch.command_line import Command, get

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PERSON = {
    "email": "mara@example.com",
    "password": "correct horse battery staple",
    "name": "Mara",
    "time_zone": "Europe/Berlin",
}
REQUEST_ID = "asked-by-mara-1"


class Person:
    """Somebody with a browser and three accounts."""

    def __init__(self, api: str) -> None:
        self.api = api
        self.session = requests.Session()
        self.session.trust_env = False
        self.id = self.call("POST", "/api/auth/register", json=PERSON)["id"]
        login = {name: PERSON[name] for name in ("email", "password")}
        self.tokens = self.call("POST", "/api/auth/login", json=login)
        self.session.headers["Authorization"] = f"Bearer {self.tokens['access_token']}"

    def call(self, method: str, path: str, **more: Any) -> Any:
        answer = self.session.request(method, f"{self.api}{path}", timeout=30, **more)
        assert answer.ok, answer.text
        return answer.json()

    def connect(self, provider: str, account: str) -> None:
        headers = {"Accept": "application/json"}
        start = f"/api/auth/connect/{provider}"
        url = self.call("GET", start, headers=headers)["authorization_url"]
        with requests.Session() as consent:
            way_back = approve_consent(consent, url, account)
        self.call("GET", way_back.removeprefix(self.api), headers=headers)

    def calendars(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.call("GET", "/api/calendars")["items"]
        return items

    def has_read_all(self) -> bool:
        calendars = self.calendars()
        providers = {one["provider"] for one in calendars}
        return len(providers) == 3 and all(one["last_synced_at"] for one in calendars)

    def ask_for_syncs(self) -> bool:
        for calendar in self.calendars():
            self.call(
                "POST",
                f"/api/calendars/{calendar['id']}/sync",
                headers={"X-Request-ID": REQUEST_ID},
            )
        return True

    def events(self) -> list[dict[str, Any]]:
        today = datetime.now(UTC).date()  # noqa: TID251 - real processes run on the real clock.
        month = timedelta(days=30)
        items: list[dict[str, Any]] = []
        query = f"/api/events?start={today - month}&end={today + month}"
        page = self.call("GET", query)
        while True:
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            page = self.call("GET", f"{query}&cursor={page['next_cursor']}")


def until(condition: Callable[[], bool]) -> None:
    pause = Event()
    for _ in range(240):
        if condition():
            return
        pause.wait(0.5)
    raise AssertionError("it did not happen in time")


def read_lines(home: Path) -> dict[str, list[dict[str, Any]]]:
    """Return what each process logged; servers of others start with a few lines of their own."""
    return {
        log.stem: [json.loads(line) for line in log.read_text().splitlines() if line[:1] == "{"]
        for log in (home / "logs").glob("*.log")
    }


@contextmanager
def store_of(environ: Mapping[str, str]) -> Iterator[Store]:
    store = Store.connect(
        environ["DATABASE_URL"], TokenCipher([environ["TOKEN_ENCRYPTION_KEYS"]]), pool_size=1
    )
    yield store
    store.engine.dispose()


def load_tokens(environ: Mapping[str, str], person: Person) -> list[str]:
    """Return the tokens that the providers gave us."""
    tokens = []
    with store_of(environ) as store, store.begin() as uow:
        for connection in person.call("GET", "/api/connections")["items"]:
            loaded = uow.connections.load_tokens(UUID(connection["id"]))
            assert loaded is not None
            assert loaded[1] is not None
            tokens += [loaded[1].access_token, loaded[1].refresh_token]
    return [token for token in tokens if token]


@pytest.fixture
def environ(empty_database_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": empty_database_url,
        "TOKEN_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "LOG_FORMAT": "json",
    }


def test_a_request_leads_to_every_call_that_it_caused_and_lines_tell_no_secrets(
    start_command: Callable[..., Command], environ: dict[str, str], home: Path
) -> None:
    ports = ("--port", "0", "--flower-port", "0", "--sandbox-port", "0")
    command = start_command("up", *ports, "--json", environ=environ)
    addresses = command.read_line()
    person = Person(addresses["api"])
    with ControlClient(addresses["sandbox"]) as control:
        person.connect("google", GOOGLE_ACCOUNT)
        person.connect("microsoft", MICROSOFT_ACCOUNT)
        key = control.caldotcom.create_api_key(CALDOTCOM_ACCOUNT)
    person.call("POST", "/api/auth/connect/caldotcom", json={"api_key": key})
    until(person.has_read_all)
    until(lambda: person.ask_for_syncs() and len(calls_of_request(home)) == 3)
    own = [person.tokens["access_token"], person.tokens["refresh_token"], PERSON["password"]]
    secrets = [key, *own, *load_tokens(environ, person)]
    events = person.events()
    until(lambda: "flower_worker_online" in read_flower(addresses["flower"], home))
    numbers = get(f"{addresses['api']}/metrics").text
    check_numbers(numbers)
    assert command.end() == 0
    check_context(home, person)
    check_secrecy(home, secrets, events)


def calls_of_request(home: Path) -> dict[str, dict[str, Any]]:
    """Return a worker's call to each provider that the person's request led to."""
    return {
        line["provider"]: line
        for line in read_lines(home)["worker"]
        if line["event"] == "provider_call" and line.get("request_id") == REQUEST_ID
    }


def read_flower(url: str, home: Path) -> str:
    password = dotenv_values(home / "secrets.env")["FLOWER_PASSWORD"]
    assert password is not None
    assert get(f"{url}/metrics").status_code == 401
    return get(f"{url}/metrics", ("admin", password)).text


def check_context(home: Path, person: Person) -> None:
    calls = calls_of_request(home)
    assert set(calls) == {"google", "microsoft", "caldotcom"}
    for line in calls.values():
        assert line["task"] == "sync.calendar"
        assert {"task_id", "job_id", "calendar_id", "connection_id", "method"} <= set(line)
        assert line["user_id"] == person.id
        assert (line["status"], line["retries"], line["reason"]) == (200, 0, None)
        assert line["duration_ms"] > 0
    assert calls["google"]["endpoint"] == "calendar.events.list"
    assert calls["microsoft"]["endpoint"] == "me/calendars/{id}/calendarView/delta"
    assert calls["caldotcom"]["endpoint"] in {"bookings", "me/ooo"}
    lines = read_lines(home)
    # The request's own line knows the person as well, and only those that had one do.
    requests_of_us = [line for line in lines["api"] if line["event"] == "request"]
    asked = [line for line in requests_of_us if line["path"].endswith("/sync")]
    assert {(line["request_id"], line["user_id"]) for line in asked} == {(REQUEST_ID, person.id)}
    logins = [line for line in requests_of_us if line["path"] == "/api/auth/login"]
    assert logins
    assert not [line for line in logins if "user_id" in line]
    # The exchange of codes for tokens is told, too.
    exchanged = {
        (line["provider"], line["endpoint"])
        for line in lines["api"]
        if line["event"] == "provider_call"
    }
    assert {("google", "oauth.token"), ("microsoft", "oauth2/token")} <= exchanged


def check_secrecy(home: Path, secrets: list[str], events: list[dict[str, Any]]) -> None:
    told = {log.name: log.read_text() for log in (home / "logs").glob("*.log")}
    titles = {event["title"] for event in events if event["title"]}
    addresses = {
        attendee["email"] for event in events for attendee in event["attendees"] or () if attendee
    }
    assert len(titles) > 5
    assert len(addresses) > 2
    assert len(secrets) > 6
    # A title of one short word may stand in a line that has nothing to do with it.
    private = {*secrets, *addresses, *(title for title in titles if " " in title)}
    found = {(name, word) for name, text in told.items() for word in private if word in text}
    assert found == set()
    told_by_us = [line for lines in read_lines(home).values() for line in lines]
    # The sandbox, which is not ours, announces itself in JSON as well.
    lines = [line for line in told_by_us if "level" in line]
    assert "info" in {line["level"] for line in lines}
    values = {value for line in lines for value in line.values() if isinstance(value, str)}
    assert not titles & values


def check_numbers(text: str) -> None:
    families = {family.name: family for family in text_string_to_metric_families(text)}
    existing = set().union(*(sample_names(family) for family in families.values()))
    assert asked_names() <= existing
    filled = {name for name, family in families.items() if family.samples}
    for name in ("request_seconds", "task_seconds", "task_wait_seconds", "provider_call_seconds"):
        assert f"calendar_manager_{name}" in filled
    samples = {
        (sample.name.removeprefix("calendar_manager_"), *sorted(sample.labels.values()))
        for family in families.values()
        for sample in family.samples
        if sample.value
    }
    assert ("task_seconds_count", "success", "sync.calendar") in samples
    assert ("task_wait_seconds_count", "sync.urgent") in samples
    assert ("database_pool_limit", "api") in samples
    assert ("database_pool_limit", "worker") in samples
    for provider in ("caldotcom", "google", "microsoft"):
        assert ("events_changed_total", *sorted(("created", provider))) in samples
    assert ("beat_alive",) in samples
    route = "/api/calendars/{calendar_id}/sync"
    assert [name for name in samples if name[0] == "request_seconds_count" and route in name]
