"""Push channels: what a receiver on loopback is told, and in which order."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from calendar_manager.sandbox.control_client import ControlClient, NotificationMode
from tests.sandbox.sandbox_api import EMAIL, EVENTS, Api, Json, timed

pytestmark = pytest.mark.unit

WEEK_MS = 7 * 24 * 3600 * 1000


class Receiver(ThreadingHTTPServer):
    """Collects notifications; answers the statuses it is told, then 204."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.statuses: list[int] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/webhooks/google"

    def states(self) -> list[tuple[str, int]]:
        return [
            (one["x-goog-resource-state"], int(one["x-goog-message-number"]))
            for one in self.received
        ]


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.server.received.append({n.lower(): v for n, v in self.headers.items()})
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def watch(api: Api, receiver: Receiver, **changes: object) -> Json:
    body = {
        "id": "channel-1",
        "type": "web_hook",
        "address": receiver.address,
        "token": "secret",
        **changes,
    }
    return api.post(f"{EVENTS}/watch", body)


def change(control: ControlClient, number: int = 1) -> None:
    for _ in range(number):
        control.mutate(EMAIL, "create", changes=timed("2026-03-02T09:00:00", "2026-03-02T10:00:00"))
    control.flush_notifications()


def test_a_channel_says_sync_then_exists_with_googles_headers(
    api: Api, control: ControlClient, receiver: Receiver
) -> None:
    channel = watch(api, receiver)
    change(control)
    assert receiver.states() == [("sync", 1), ("exists", 2)]
    headers = receiver.received[1]
    assert headers["x-goog-channel-id"] == "channel-1"
    assert headers["x-goog-channel-token"] == "secret"
    assert headers["x-goog-resource-id"] == channel["resourceId"]
    assert headers["x-goog-resource-uri"] == channel["resourceUri"]
    assert headers["x-goog-channel-expiration"].endswith("GMT")
    assert receiver.bodies == [b"", b""]


def test_writes_through_the_api_notify_too(
    api: Api, control: ControlClient, receiver: Receiver
) -> None:
    watch(api, receiver)
    made = api.post(EVENTS, timed("2026-03-02T09:00:00", "2026-03-02T10:00:00"))
    api.send("PATCH", f"{EVENTS}/{made['id']}", json={"summary": "Changed"})
    api.send("DELETE", f"{EVENTS}/{made['id']}")
    control.flush_notifications()
    assert len(receiver.states()) == 4


def test_a_channel_lives_seven_days_at_most(
    api: Api, control: ControlClient, receiver: Receiver
) -> None:
    now = int(control.advance_clock(0).timestamp() * 1000)
    asked = watch(api, receiver, params={"ttl": "99999999"})
    assert abs(int(asked["expiration"]) - now - WEEK_MS) < 60_000
    short = watch(api, receiver, id="channel-2", params={"ttl": "600"})
    assert abs(int(short["expiration"]) - now - 600_000) < 60_000
    exact = watch(api, receiver, id="channel-3", expiration=str(now + 3_600_000))
    assert int(exact["expiration"]) == now + 3_600_000
    control.advance_clock(601)
    assert [one["id"] for one in control.channels()] == ["channel-1", "channel-3"]
    change(control)
    assert [one["x-goog-channel-id"] for one in receiver.received[3:]] == [
        "channel-1",
        "channel-3",
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": ""}, "required"),
        ({"id": "x" * 65}, "invalid"),
        ({"id": "taken"}, "channelIdNotUnique"),
        ({"type": "carrier_pigeon"}, "invalid"),
        ({"address": "http://app.example/hook"}, "push.webhookUrlNotHttps"),
        ({"token": "t" * 257}, "invalid"),
        ({"expiration": "1"}, "invalid"),
        ({"surprise": "1"}, "invalid"),
    ],
)
def test_unacceptable_channels_are_400(
    api: Api, receiver: Receiver, changes: Json, reason: str
) -> None:
    watch(api, receiver, id="taken")
    body = {"id": "new", "type": "web_hook", "address": receiver.address, **changes}
    assert api.error("POST", f"{EVENTS}/watch", json=body) == (400, reason)


def test_stopping_needs_both_ids_and_ends_the_messages(
    api: Api, control: ControlClient, receiver: Receiver
) -> None:
    channel = watch(api, receiver)
    wrong = {"id": "channel-1", "resourceId": "other"}
    assert api.error("POST", "channels/stop", json=wrong) == (404, "notFound")
    right = {"id": "channel-1", "resourceId": channel["resourceId"]}
    assert api.send("POST", "channels/stop", json=right).status_code == 204
    assert api.error("POST", "channels/stop", json=right) == (404, "notFound")
    change(control)
    assert receiver.states() == [("sync", 1)]


def test_a_receiver_in_trouble_is_tried_again(
    api: Api, control: ControlClient, receiver: Receiver
) -> None:
    receiver.statuses = [204, 503, 500]
    watch(api, receiver)
    change(control)
    assert receiver.states() == [("sync", 1), ("exists", 2), ("exists", 2), ("exists", 2)]
    receiver.statuses = [404]
    change(control)
    assert len(receiver.states()) == 5


@pytest.mark.parametrize(
    ("mode", "states"),
    [
        ("lost", [1]),
        ("late", [1, 2, 3, 4]),
        ("doubled", [1, 2, 2, 3, 3, 4, 4]),
        ("reordered", [1, 3, 2, 4]),
    ],
)
def test_notifications_go_astray_on_demand(
    api: Api, control: ControlClient, receiver: Receiver, mode: NotificationMode, states: list[int]
) -> None:
    watch(api, receiver)
    control.flush_notifications()
    control.change_settings(
        notifications=mode,
        notification_delay_seconds=0.5,
    )
    change(control, 3)
    numbers = [number for _, number in receiver.states()]
    assert numbers[0] == 1
    assert sorted(numbers) == sorted(states)
    if mode == "reordered":
        assert numbers != sorted(numbers)


def test_the_calendar_list_can_be_watched_and_spurious_messages_sent(
    api: Api, control: ControlClient, receiver: Receiver
) -> None:
    body = {"id": "list", "type": "web_hook", "address": receiver.address}
    api.post("users/me/calendarList/watch", body)
    watch(api, receiver)
    api.post("calendars", {"summary": "New"})
    control.notify(EMAIL)
    control.flush_notifications()
    seen = {(one["x-goog-channel-id"], one["x-goog-resource-state"]) for one in receiver.received}
    assert seen == {
        ("list", "sync"),
        ("channel-1", "sync"),
        ("list", "exists"),
        ("channel-1", "exists"),
    }


def test_deleting_a_calendar_ends_its_channels(
    api: Api, control: ControlClient, receiver: Receiver
) -> None:
    made = api.post("calendars", {"summary": "Short-lived"})["id"]
    body = {"id": "gone", "type": "web_hook", "address": receiver.address}
    api.post(f"calendars/{made}/events/watch", body)
    api.send("DELETE", f"calendars/{made}")
    control.flush_notifications()
    assert receiver.states() == [("sync", 1), ("not_exists", 2)]
    assert control.channels() == []
