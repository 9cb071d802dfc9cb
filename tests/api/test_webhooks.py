"""Providers' calls over HTTP: no login, cheap refusals, one urgent sync."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from threading import Event
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Engine, event, text

from calendar_manager.api.app import create_app
from calendar_manager.api.routes.webhooks import MAXIMUM_BYTES
from calendar_manager.bootstrap import Services, build_services
from calendar_manager.sandbox.control_client import ControlClient
from tests.api.callers import Person, expect_problem
from tests.api.conftest import listen, make_settings, serve

pytestmark = pytest.mark.store

TOKEN = "a" * 43
Count = Callable[[str], int]


@pytest.fixture
def calendar(mara: Person, google: ControlClient, work: Callable[[], None]) -> dict[str, Any]:
    """Mara's primary calendar, read once."""
    mara.connected("mara@example.com")
    work()
    items = mara.get("/api/calendars").json()["items"]
    found: dict[str, Any] = next(item for item in items if item["primary"])
    return found


class Line:
    """A channel in the database, and its provider."""

    def __init__(self, services: Services, calendar: dict[str, Any], provider: str) -> None:
        self.id = uuid4()
        self.token = f"{self.id.hex}.{TOKEN}"
        with services.store.begin() as uow:
            owner = uow.session.scalar(text("SELECT user_id FROM calendars LIMIT 1"))
            found = uow.calendars.find(owner, UUID(calendar["id"]))
            assert found is not None
            uow.channels.add(
                channel_id=self.id, calendar=found, token=self.token, now=services.clock()
            )
            uow.session.execute(text("UPDATE channels SET provider = :p"), {"p": provider})
            uow.channels.note_confirmed(
                self.id,
                provider_channel_id=str(self.id) if provider == "google" else "sub-1",
                resource_id="res" if provider == "google" else None,
                expires_at=None,
                now=services.clock(),
            )

    def google(self, **changes: str) -> dict[str, str]:
        return {
            "X-Goog-Channel-ID": str(self.id),
            "X-Goog-Channel-Token": self.token,
            "X-Goog-Resource-ID": "res",
            "X-Goog-Resource-State": "exists",
            "X-Goog-Message-Number": "2",
            **changes,
        }

    def graph(self, **changes: Any) -> dict[str, Any]:
        return {"subscriptionId": "sub-1", "clientState": self.token, **changes}


@pytest.fixture
def line(services: Services, calendar: dict[str, Any]) -> Callable[[str], Line]:
    return lambda provider: Line(services, calendar, provider)


@pytest.fixture
def queries(services: Services) -> Iterator[list[str]]:
    """The statements that the application runs."""
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(str(arguments[2]))

    event.listen(services.store.engine, "before_cursor_execute", note)
    yield seen
    event.remove(services.store.engine, "before_cursor_execute", note)


def queued(services: Services) -> int:
    return int(services.redis.llen("sync.urgent"))  # type: ignore[arg-type]  # Not a coroutine.


def wait_for_message(services: Services) -> int:
    """Return how many messages there are once there is one: they are sent after the answer."""
    deadline, pause = monotonic() + 30, Event()
    while not queued(services) and monotonic() < deadline:
        pause.wait(0.01)
    return queued(services)


def test_google_is_answered_and_one_sync_is_sent(
    http: httpx.Client, services: Services, line: Callable[[str], Line], count: Count
) -> None:
    channel, jobs = line("google"), count("sync_jobs")
    for number in ("1", "2", "2", "3"):
        headers = channel.google(**{"X-Goog-Message-Number": number})
        if number == "1":
            headers["X-Goog-Resource-State"] = "sync"
        answer = http.post("/webhooks/google", headers=headers)
        assert (answer.status_code, answer.content) == (204, b"")
        assert (count("sync_jobs") == jobs) == (number == "1")
    assert count("sync_jobs") == jobs + 1
    assert wait_for_message(services) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"X-Goog-Channel-Token": "wrong"},
        {"X-Goog-Resource-ID": "another"},
        {"X-Goog-Channel-ID": str(uuid4())},
        {"X-Goog-Channel-ID": "somebody-elses"},
    ],
)
def test_what_google_did_not_send_is_refused_for_one_query(
    http: httpx.Client,
    services: Services,
    line: Callable[[str], Line],
    queries: list[str],
    changes: dict[str, str],
) -> None:
    headers = line("google").google(**changes)
    queries.clear()
    expect_problem(http.post("/webhooks/google", headers=headers), 404, "channel_not_found")
    assert len(queries) <= 1
    assert queued(services) == 0


def test_a_missing_header_is_named(http: httpx.Client) -> None:
    answer = http.post("/webhooks/google")
    expect_problem(answer, 400, "notification_malformed", "X-Goog-Channel-ID")


@pytest.mark.parametrize("path", ["/webhooks/microsoft", "/webhooks/microsoft/lifecycle"])
def test_microsofts_handshake_is_answered(http: httpx.Client, path: str) -> None:
    token = "Validation: Testing client application reachability for id+1 & more/%"
    answer = http.post(path, params={"validationToken": token})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.text == token
    spoiled = http.post(path, params={"validationToken": "a\x00b"})
    expect_problem(spoiled, 400, "notification_malformed", "validationToken")


def test_microsoft_is_answered_and_one_sync_is_sent(
    http: httpx.Client, services: Services, line: Callable[[str], Line], count: Count
) -> None:
    channel, jobs = line("microsoft"), count("sync_jobs")
    forged = channel.graph(clientState=f"{uuid4().hex}.x")
    body = {"value": [channel.graph(changeType="updated"), channel.graph(), forged]}
    answer = http.post("/webhooks/microsoft", json=body)
    assert (answer.status_code, answer.content) == (202, b"")
    assert count("sync_jobs") == jobs + 1
    assert wait_for_message(services) == 1


def test_a_removed_subscription_is_given_up(
    http: httpx.Client, services: Services, line: Callable[[str], Line], count: Count
) -> None:
    channel, jobs = line("microsoft"), count("sync_jobs")
    body = {"value": [channel.graph(lifecycleEvent="subscriptionRemoved")]}
    for _ in range(2):
        assert http.post("/webhooks/microsoft/lifecycle", json=body).status_code == 202
    assert count("sync_jobs") == jobs + 1
    with services.store.begin() as uow:
        assert uow.session.scalar(text("SELECT stopped_at FROM channels")) is not None


def test_what_microsoft_did_not_send_is_refused_for_one_query(
    http: httpx.Client, line: Callable[[str], Line], queries: list[str]
) -> None:
    channel = line("microsoft")
    forged = [
        channel.graph(clientState="x"),
        channel.graph(subscriptionId="sub-2"),
        channel.graph(clientState=f"{channel.id.hex}.x"),
        *(channel.graph(clientState=f"{uuid4().hex}.x") for _ in range(50)),
    ]
    queries.clear()
    answer = http.post("/webhooks/microsoft", json={"value": forged})
    expect_problem(answer, 404, "channel_not_found")
    assert len(queries) == 1


def test_nothing_at_all_is_accepted(http: httpx.Client) -> None:
    assert http.post("/webhooks/microsoft", json={"value": []}).status_code == 202


@pytest.mark.parametrize("path", ["/webhooks/microsoft", "/webhooks/microsoft/lifecycle"])
@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[" * 100_000, b'{"value": [1]}'])
def test_nonsense_for_microsoft_is_a_client_error(
    http: httpx.Client, path: str, body: bytes
) -> None:
    expect_problem(http.post(path, content=body), 400, "notification_malformed")


def sign(token: str, body: bytes) -> dict[str, str]:
    return {"X-Cal-Signature-256": hmac.new(token.encode(), body, hashlib.sha256).hexdigest()}


def test_caldotcom_is_answered_and_a_repeat_changes_nothing(
    http: httpx.Client, services: Services, line: Callable[[str], Line], count: Count
) -> None:
    channel, jobs = line("caldotcom"), count("sync_jobs")
    path = f"/webhooks/caldotcom?channel={channel.id}"
    body = json.dumps({"triggerEvent": "BOOKING_CREATED", "payload": {"uid": "u"}}).encode()
    for _ in range(3):
        answer = http.post(path, content=body, headers=sign(channel.token, body))
        assert (answer.status_code, answer.content) == (204, b"")
    assert count("sync_jobs") == jobs + 1
    assert wait_for_message(services) == 1


def test_caldotcom_must_sign_what_it_sends(
    http: httpx.Client, services: Services, line: Callable[[str], Line]
) -> None:
    channel = line("caldotcom")
    path = f"/webhooks/caldotcom?channel={channel.id}"
    body = b'{"triggerEvent": "BOOKING_CREATED"}'
    for headers in (
        {},
        {"X-Cal-Signature-256": "no-secret-provided"},
        sign("another secret", body),
        sign(channel.token, body + b" "),
    ):
        answer = http.post(path, content=body, headers=headers)
        expect_problem(answer, 401, "signature_invalid")
    unknown = f"/webhooks/caldotcom?channel={uuid4()}"
    for address in (unknown, "/webhooks/caldotcom", "/webhooks/caldotcom?channel=%00"):
        answer = http.post(address, content=body, headers=sign(channel.token, body))
        expect_problem(answer, 404, "channel_not_found")
    assert queued(services) == 0


@pytest.mark.parametrize(
    "path", ["google", "microsoft", "microsoft/lifecycle", "caldotcom?channel=x"]
)
def test_what_is_too_large_is_refused(http: httpx.Client, path: str) -> None:
    whole = b"x" * (MAXIMUM_BYTES + 1)
    expect_problem(http.post(f"/webhooks/{path}", content=whole), 413, "body_too_large")

    def chunks() -> Iterator[bytes]:
        for _ in range(5):
            yield b"x" * (MAXIMUM_BYTES // 4)

    expect_problem(http.post(f"/webhooks/{path}", content=chunks()), 413, "body_too_large")


def test_a_database_that_is_away_asks_for_another_try(
    google: ControlClient, redis_url: str
) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    services = build_services(make_settings(nowhere, redis_url, google))
    headers = {
        "X-Goog-Channel-ID": str(uuid4()),
        "X-Goog-Resource-ID": "res",
        "X-Goog-Resource-State": "exists",
        "X-Goog-Message-Number": "2",
    }
    with serve(create_app(services), listen()) as url, httpx.Client(base_url=url) as client:
        answer = client.post("/webhooks/google", headers=headers)
    services.redis.close()
    expect_problem(answer, 503, "database_unavailable")
    assert answer.headers["Retry-After"]


def test_a_calendar_shows_how_its_channel_is_doing(
    mara: Person,
    calendar: dict[str, Any],
    line: Callable[[str], Line],
    clean_database: Engine,
    database_url: str,
    redis_url: str,
    google: ControlClient,
) -> None:
    assert calendar["push"] == {
        "status": "off",
        "expires_at": None,
        "last_message_at": None,
        "error": None,
    }
    reachable = make_settings(
        database_url, redis_url, google, PUBLIC_URL="https://calendars.example"
    )
    services = build_services(reachable)

    def show(statement: str | None = None) -> dict[str, Any]:
        if statement is not None:
            with clean_database.begin() as connection:
                connection.execute(text(statement))
        items = client.get("/api/calendars", headers=mara.bearer).json()["items"]
        push: dict[str, Any] = next(one for one in items if one["id"] == calendar["id"])["push"]
        return push

    with serve(create_app(services), listen()) as url, httpx.Client(base_url=url) as client:
        assert show()["status"] == "opening"
        trouble = show("UPDATE calendars SET channel_error = 'It opens none.'")
        assert (trouble["status"], trouble["error"]) == ("unavailable", "It opens none.")
        line("google")
        live = show("UPDATE calendars SET channel_error = NULL")
        assert (live["status"], live["expires_at"]) == ("live", None)
        dated = show("UPDATE channels SET expires_at = now() + '1 day', last_message_at = now()")
        assert dated["expires_at"]
        assert dated["last_message_at"]
        assert show("UPDATE channels SET doubted_at = now()")["status"] == "doubtful"
        assert show("UPDATE calendars SET sync_enabled = false")["status"] == "off"
    services.store.engine.dispose()
    services.redis.close()


def test_listing_calendars_asks_once_for_all_their_channels(
    mara: Person, calendar: dict[str, Any], queries: list[str]
) -> None:
    queries.clear()
    mara.get("/api/calendars")
    assert sum("channels" in query for query in queries) <= 1


def test_switching_sync_off_has_the_channel_looked_at(
    mara: Person, calendar: dict[str, Any], services: Services
) -> None:
    path = f"/api/calendars/{calendar['id']}"

    def due() -> bool:
        with services.store.begin() as uow:
            found = uow.session.scalar(
                text("SELECT next_channel_at <= :now FROM calendars WHERE id = :id"),
                {"now": services.clock(), "id": calendar["id"]},
            )
            uow.session.execute(text("UPDATE calendars SET next_channel_at = 'tomorrow'"))
        return bool(found)

    due()
    mara.patch(path, json={"color": "#000000"})
    assert not due()
    mara.patch(path, json={"sync_enabled": False})
    assert due()
    mara.delete(path)
    assert due()
    mara.post(f"{path}/restore")
    assert due()
