"""What all three providers' notifications have in common: how they go astray, and their record."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import requests

from calendar_manager.sandbox.clock import read_system_clock
from calendar_manager.sandbox.control_client import (
    ControlClient,
    NotificationMode,
    NotifyingProvider,
)
from tests.sandbox.caldotcom_receiver import receive
from tests.sandbox.caldotcom_sandbox_api import at
from tests.sandbox.graph_listener import listen

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
EMAIL = "freelancer@example.com"


@dataclass(frozen=True)
class Scene:
    """A provider whose changes a receiver hears of.

    Attributes:
        provider: Which.
        change: Makes a change and returns what its notification can be known by.
    """

    provider: NotifyingProvider
    change: Callable[[], str]


@pytest.fixture(params=["google", "microsoft", "caldotcom"])
def scene(
    request: pytest.FixtureRequest, control: ControlClient, web: requests.Session
) -> Iterator[Scene]:
    control.set_clock(NOW)
    watch = {"google": watch_google, "microsoft": watch_graph, "caldotcom": watch_caldotcom}
    with listen() as listener, receive() as receiver:
        url = f"{listener.url}/hook" if request.param == "microsoft" else receiver.address
        change = watch[request.param](control, web, url)
        control.flush_notifications()
        yield Scene(request.param, change)
        control.flush_notifications()


def watch_google(control: ControlClient, web: requests.Session, url: str) -> Callable[[], str]:
    control.add_account(EMAIL)
    token = control.issue_tokens(EMAIL).access_token
    root = control.google_settings()["GOOGLE_API_URL"]
    body = {"id": "channel", "type": "web_hook", "address": url}
    send(web, f"{root}calendars/primary/events/watch", token, body)
    numbers = iter(range(2, 100))

    def change() -> str:
        control.notify(EMAIL)
        return str(next(numbers))

    return change


def watch_graph(control: ControlClient, web: requests.Session, url: str) -> Callable[[], str]:
    graph = control.graph
    graph.add_account(EMAIL)
    token = graph.issue_tokens(EMAIL).access_token
    root = graph.microsoft_settings()["MICROSOFT_GRAPH_URL"].rstrip("/")
    body = {
        "changeType": "created",
        "resource": "/me/events",
        "notificationUrl": url,
        "expirationDateTime": f"{NOW + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
    }
    prefer = {"Prefer": 'IdType="ImmutableId"'}
    send(web, f"{root}/subscriptions", token, body, prefer)
    when = {"dateTime": "2026-03-03T12:00:00", "timeZone": "UTC"}

    def change() -> str:
        made = graph.create_events(EMAIL, [{"subject": "Lunch", "start": when, "end": when}])
        return str(made[0]["id"])

    return change


def watch_caldotcom(control: ControlClient, web: requests.Session, url: str) -> Callable[[], str]:
    caldotcom = control.caldotcom
    caldotcom.add_account(EMAIL)
    root = caldotcom.caldotcom_settings()["CALCOM_API_URL"]
    body = {"subscriberUrl": url, "triggers": ["BOOKING_CREATED"], "active": True}
    send(web, f"{root}webhooks", caldotcom.create_api_key(EMAIL), body)
    return lambda: str(caldotcom.book(EMAIL, at(4, 10))[0]["uid"])


def send(
    web: requests.Session,
    url: str,
    token: str,
    body: Mapping[str, object],
    headers: Mapping[str, str] | None = None,
) -> None:
    signed = {"Authorization": f"Bearer {token}", **(headers or {})}
    answer = web.post(url, json=body, headers=signed, timeout=30)
    assert answer.ok, answer.text


def told(control: ControlClient, scene: Scene) -> list[str]:
    """Return the changes in the order in which they were told, each as often as it was."""
    sent = control.deliveries(scene.provider)
    if scene.provider == "google":
        return [one.headers["X-Goog-Message-Number"] for one in sent[1:]]
    bodies = [json.loads(one.body) for one in sent]
    if scene.provider == "microsoft":
        return [item["resourceData"]["id"] for body in bodies for item in body["value"]]
    return [body["payload"]["uid"] for body in bodies]


@pytest.mark.parametrize("mode", ["normal", "lost", "late", "doubled", "reordered"])
def test_notifications_go_astray_alike(
    control: ControlClient, scene: Scene, mode: NotificationMode
) -> None:
    control.change_settings(notifications=mode, notification_delay_seconds=0.8)
    changes = [scene.change() for _ in range(3)]
    if mode == "late":
        assert told(control, scene) == []
    control.flush_notifications()
    seen = told(control, scene)
    copies = {"lost": 0, "doubled": 2}.get(mode, 1)
    assert sorted(seen) == sorted(changes * copies)
    if mode == "reordered":
        assert seen != changes


def test_what_was_sent_is_on_record_until_the_reset(control: ControlClient, scene: Scene) -> None:
    scene.change()
    control.flush_notifications()
    sent = control.deliveries(scene.provider)[-1]
    assert sent.address.startswith("http://127.0.0.1:")
    assert 200 <= sent.status < 300
    # By the system's clock, because receivers measure by it.
    assert abs(read_system_clock() - sent.sent_at) < timedelta(seconds=30)
    control.reset()
    assert control.deliveries(scene.provider) == []


def test_every_answer_bears_the_sandbox_s_own_date(
    control: ControlClient, web: requests.Session
) -> None:
    control.set_clock(NOW)
    control.add_fault("server_error", path="/google/.*events")
    for path in ("/_control/health", "/calcom/v2/me", "/google/calendar/v3/calendars/x/events"):
        answer = web.get(f"{control.base_url}{path}", timeout=30)
        assert answer.headers["Date"].startswith("Mon, 02 Mar 2026 08:0")
        assert len(answer.raw.headers.getlist("Date")) == 1
