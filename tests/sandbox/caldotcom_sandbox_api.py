"""Raw requests to the sandbox's Cal.com API, and the times that tests book."""

from datetime import UTC, datetime
from typing import Any

import requests

from calendar_manager.sandbox.control_client import ControlClient

HOST = "freelancer@example.com"
GUEST = "guest@client.example"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
VERSIONS = {
    "bookings": "2024-08-13",
    "schedules": "2024-06-11",
    "event-types": "2024-06-14",
    "slots": "2024-09-04",
}

Json = dict[str, Any]


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant in March 2026; ``NOW`` is the 2nd, a Monday, at 8."""
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def text(day: int, hour: int, minute: int = 0) -> str:
    return at(day, hour, minute).strftime("%Y-%m-%dT%H:%M:%SZ")


class CaldotcomApi:
    """Requests with a key or token, in the version of each path."""

    def __init__(self, control: ControlClient, session: requests.Session, token: str) -> None:
        self.base = control.caldotcom_settings()["CALCOM_API_URL"]
        self._session = session
        self.token: str | None = token

    def send(
        self, method: str, path: str, *, version: str | None = "", **options: Any
    ) -> requests.Response:
        if version == "":
            version = VERSIONS.get(path.split("/", maxsplit=1)[0])
        headers = dict(options.pop("headers", {}))
        if version:
            headers["cal-api-version"] = version
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        return self._session.request(
            method, self.base + path, headers=headers, timeout=30, **options
        )

    def ok(self, method: str, path: str, **options: Any) -> Any:
        answer = self.send(method, path, **options)
        assert answer.ok, answer.text
        body = answer.json()
        assert body["status"] == "success"
        return body.get("data")

    def get(self, path: str, **query: Any) -> Any:
        return self.ok("GET", path, params=query)

    def post(self, path: str, body: Json | None = None) -> Any:
        return self.ok("POST", path, json=body or {})

    def refused(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        answer = self.send(method, path, **options)
        body = answer.json()
        assert body["status"] == "error"
        return answer.status_code, body["error"]["message"]

    def bookings(self, **query: Any) -> list[Json]:
        found: list[Json] = self.get("bookings", **query)
        return found


def open_account(control: ControlClient, session: requests.Session) -> CaldotcomApi:
    """The host's account on Monday at 8, through an API key."""
    control.set_clock(NOW)
    control.caldotcom.add_account(HOST, name="Fria Lanser", time_zone="Europe/Berlin")
    return CaldotcomApi(control, session, control.caldotcom.create_api_key(HOST))
