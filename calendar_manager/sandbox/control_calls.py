"""The calls of the control API that concern a sandbox as a whole, whatever the provider."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self, TypedDict, Unpack, cast

import requests

from calendar_manager.sandbox.postman import Delivery, NotificationMode

JsonObject = dict[str, Any]
FaultKind = Literal[
    "status", "quota_403", "too_many_requests", "server_error", "reset_mid_body", "slow"
]
NotifyingProvider = Literal["google", "microsoft", "caldotcom"]

_TIMEOUT_SECONDS = 60.0


class ControlError(Exception):
    """The control API refused a call; the message is its answer."""


@dataclass(frozen=True)
class LoggedRequest:
    """One request that the sandbox answered; ``fault`` is the kind of fault it met, or None."""

    number: int
    method: str
    path: str
    query: str
    status: int
    fault: str | None


@dataclass(frozen=True)
class SeedReport:
    """What became of an iCalendar text.

    ``loaded`` counts events (masters, singles, overrides), ``rejected`` the components that could
    not be read, ``problems`` says why, one line each.
    """

    loaded: int
    rejected: int
    problems: tuple[str, ...]


class FaultOptions(TypedDict, total=False):
    """The options of a fault rule.

    Attributes:
        path: Regular expression searched in the decoded request path; every path by default.
        method: Only this HTTP method.
        status: The status of kind ``status`` (500).
        reason: The ``errors[0].reason`` of the body.
        message: The ``message`` of the body.
        retry_after: Value of the ``Retry-After`` header.
        seconds: How long ``slow`` waits (1).
        skip: Let this many matching requests through first.
        times: Strike this often, then end; without it, strike without end.
        probability: Chance of striking each time (1), drawn from ``seed``.
        seed: Seed of the draw (0).
    """

    path: str
    method: str | None
    status: int
    reason: str
    message: str
    retry_after: int | str
    seconds: float
    skip: int
    times: int | None
    probability: float
    seed: int


class ChangedSettings(TypedDict, total=False):
    """The sandbox's settings; ``calendar_manager.sandbox.settings`` describes them."""

    access_token_seconds: int
    code_seconds: int
    page_size: int
    empty_page_every: int
    channel_max_seconds: int
    notifications: NotificationMode
    notification_delay_seconds: float


class SandboxControl:
    """Drives one sandbox over HTTP.

    Args:
        base_url: Such as ``http://127.0.0.1:40123``.
        session: The HTTP session to use; by default one of its own.
    """

    def __init__(self, base_url: str, session: requests.Session | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self._session = session or requests.Session()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the session."""
        self.close()

    def close(self) -> None:
        """Close the HTTP session."""
        self._session.close()

    # The sandbox as a whole

    def reset(self) -> None:
        """Forget everything: accounts, tokens, channels, faults, the log, settings, the clock."""
        self._call("POST", "/reset")

    def advance_clock(self, seconds: float) -> datetime:
        """Move the sandbox's clock and return its new instant."""
        return _read_instant(self._call("POST", "/clock", {"advance_seconds": seconds}))

    def set_clock(self, now_at: datetime) -> datetime:
        """Set the sandbox's clock (aware instant) and return its new instant."""
        return _read_instant(self._call("POST", "/clock", {"now": now_at.isoformat()}))

    def change_settings(self, **changes: Unpack[ChangedSettings]) -> JsonObject:
        """Change the settings that are given and return all of them."""
        return cast("JsonObject", self._call("PATCH", "/settings", cast("JsonObject", changes)))

    # Faults and the request log

    def add_fault(self, kind: FaultKind, **options: Unpack[FaultOptions]) -> int:
        """Break answers on demand and return the rule's number.

        Args:
            kind: ``status`` answers ``status`` with Google's error body; ``quota_403`` 403 with
                ``reason`` (default ``rateLimitExceeded``); ``too_many_requests`` 429 with
                ``retry_after``; ``server_error`` 500; ``reset_mid_body`` does what was asked, sends
                half of the answer and resets the connection; ``slow`` waits ``seconds`` first.
            options: Which requests are struck, how often, and with what.
        """
        rule: JsonObject = {name: value for name, value in options.items() if value is not None}
        match = {name: rule.pop(name) for name in ("path", "method") if name in rule}
        return int(self._call("POST", "/faults", {**rule, "kind": kind, "match": match})["number"])

    def clear_faults(self) -> None:
        """Remove every fault rule."""
        self._call("DELETE", "/faults")

    def requests(self, path: str = ".*", method: str | None = None) -> list[LoggedRequest]:
        """Return the requests whose path matches the expression, oldest first.

        The control API's own requests are not logged.
        """
        query = {"path": path, **({"method": method} if method else {})}
        answer = self._call("GET", "/requests", query=query)
        return [LoggedRequest(**item) for item in answer["items"]]

    def count_requests(self, path: str = ".*", method: str | None = None) -> int:
        """Return how many requests matched since the log was last cleared."""
        query = {"path": path, "limit": "0", **({"method": method} if method else {})}
        return int(self._call("GET", "/requests", query=query)["count"])

    def clear_requests(self) -> None:
        """Empty the request log."""
        self._call("DELETE", "/requests")

    # Notifications

    def flush_notifications(self) -> None:
        """Wait until every notification that is due has been attempted, whichever provider's."""
        self._call("POST", "/notifications/flush")

    def deliveries(self, provider: NotifyingProvider) -> list[Delivery]:
        """Return what a provider has sent to receivers since the last reset, oldest first."""
        return [
            Delivery(**{**item, "sent_at": datetime.fromisoformat(item["sent_at"])})
            for item in self._call("GET", "/notifications")[provider]
        ]

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON, whose shape each method states.
        answer = self._session.request(
            method,
            f"{self.base_url}/_control{path}",
            json=body,
            params=query,
            timeout=_TIMEOUT_SECONDS,
        )
        if not answer.ok:
            raise ControlError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()


def _read_instant(answer: Mapping[str, str]) -> datetime:
    return datetime.fromisoformat(answer["now"])
