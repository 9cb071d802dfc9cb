"""Push channels: who watches which calendar, and the thread that tells them.

Source: https://developers.google.com/workspace/calendar/api/guides/push
"""

import hashlib
import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime

import requests

from calendar_manager.sandbox.settings import SandboxSettings

_DELIVERY_TIMEOUT_SECONDS = 10.0
_RETRIED = frozenset({500, 502, 503, 504})
_RETRY_WAITS = (0.2, 1.0, 5.0)


@dataclass(frozen=True)
class Channel:
    """One push channel; ``resource`` is the calendar's id, or ``list:`` and an address."""

    id: str
    resource: str
    resource_id: str
    resource_uri: str
    address: str
    token: str | None
    expires_at: datetime
    client_id: str
    email: str


@dataclass(frozen=True, order=True)
class _Message:
    due: float
    order: int
    address: str
    headers: tuple[tuple[str, str], ...]
    attempt: int = 0


def resource_id_of(resource: str) -> str:
    """Return the opaque, stable id of a watched resource."""
    return hashlib.sha256(resource.encode()).hexdigest()[:27]


class ChannelBoard:
    """The channels of the sandbox. Everything but the delivery runs on the caller's thread.

    Args:
        clock: Gives the present instant, aware.
        settings: The way of notifications.
    """

    def __init__(self, clock: Callable[[], datetime], settings: SandboxSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._postman = _Postman()
        self._channels: dict[str, Channel] = {}
        self._numbers: dict[str, int] = {}

    def clear(self) -> None:
        """Drop every channel and every message that is not yet sent."""
        self._channels.clear()
        self._numbers.clear()
        self._postman.forget()

    def close(self) -> None:
        """Stop the delivery thread."""
        self._postman.close()

    def live(self) -> list[Channel]:
        """Return the channels that have not expired."""
        now_at = self._clock()
        return [one for one in self._channels.values() if one.expires_at > now_at]

    def find(self, channel_id: str) -> Channel | None:
        """Return a live channel."""
        return next((one for one in self.live() if one.id == channel_id), None)

    def open(self, channel: Channel) -> None:
        """Add a channel and send its ``sync`` message, which never gets lost."""
        self._channels[channel.id] = channel
        self._numbers[channel.id] = 0
        self._send(channel, "sync", 0.0)

    def stop(self, channel_id: str) -> None:
        """Remove a channel; a message under way still arrives."""
        self._channels.pop(channel_id, None)

    def drop_resource(self, resource: str) -> None:
        """Remove every channel of a resource that is no more, after a ``not_exists``."""
        for channel in self.live():
            if channel.resource == resource:
                self._send(channel, "not_exists", 0.0)
                self.stop(channel.id)

    def notify(self, resource: str) -> None:
        """Send ``exists`` to everyone who watches the resource, in the way the settings say."""
        mode, delay = self._settings.notifications, self._settings.notification_delay_seconds
        for channel in self.live():
            if channel.resource != resource or mode == "lost":
                continue
            if mode == "reordered":
                # Odd ones wait longer than even ones, so that neighbours change places.
                odd = self._numbers[channel.id] % 2 == 1
                self._send(channel, "exists", delay if odd else delay / 10)
            else:
                self._send(channel, "exists", delay if mode == "late" else 0.0)
            if mode == "doubled":
                self._send(channel, "exists", 0.0, repeat=True)

    def wait_until_sent(self, timeout: float = 30.0) -> bool:
        """Wait until no message is waiting; False when the time is over first."""
        return self._postman.wait_until_empty(timeout)

    def _send(self, channel: Channel, state: str, delay: float, *, repeat: bool = False) -> None:
        if not repeat:
            self._numbers[channel.id] += 1
        headers = {
            "X-Goog-Channel-ID": channel.id,
            "X-Goog-Channel-Expiration": format_datetime(
                channel.expires_at.astimezone(UTC), usegmt=True
            ),
            "X-Goog-Resource-ID": channel.resource_id,
            "X-Goog-Resource-URI": channel.resource_uri,
            "X-Goog-Resource-State": state,
            "X-Goog-Message-Number": str(self._numbers[channel.id]),
            "User-Agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
            "Content-Length": "0",
        }
        if channel.token is not None:
            headers["X-Goog-Channel-Token"] = channel.token
        self._postman.post(channel.address, headers, delay)


class _Postman:
    """A thread that posts messages when they are due; it starts with the first one."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._queue: list[_Message] = []
        self._order = itertools.count()
        self._busy = False
        self._closed = False
        self._thread: threading.Thread | None = None

    def post(self, address: str, headers: dict[str, str], delay: float) -> None:
        message = _Message(
            time.monotonic() + delay, next(self._order), address, tuple(headers.items())
        )
        with self._condition:
            if self._closed:
                return
            heapq.heappush(self._queue, message)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="sandbox-notifications", daemon=True
                )
                self._thread.start()
            self._condition.notify_all()

    def forget(self) -> None:
        with self._condition:
            self._queue.clear()
            self._condition.notify_all()

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._queue.clear()
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(_DELIVERY_TIMEOUT_SECONDS + 1)

    def wait_until_empty(self, timeout: float) -> bool:
        with self._condition:
            return self._condition.wait_for(lambda: not self._queue and not self._busy, timeout)

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while (message := self._take()) is not None:
                again = self._deliver(session, message)
                with self._condition:
                    self._busy = False
                    if again is not None and not self._closed:
                        heapq.heappush(self._queue, again)
                    self._condition.notify_all()

    def _take(self) -> _Message | None:
        with self._condition:
            while not self._closed:
                wait = self._queue[0].due - time.monotonic() if self._queue else None
                if wait is not None and wait <= 0:
                    self._busy = True
                    return heapq.heappop(self._queue)
                self._condition.wait(wait)
            return None

    @staticmethod
    def _deliver(session: requests.Session, message: _Message) -> _Message | None:
        """Post the message; return it again when Google would retry."""
        try:
            answer = session.post(
                message.address,
                headers=dict(message.headers),
                timeout=_DELIVERY_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
            failed = answer.status_code in _RETRIED
        except requests.RequestException:
            failed = True
        if not failed or message.attempt >= len(_RETRY_WAITS):
            return None
        due = time.monotonic() + _RETRY_WAITS[message.attempt]
        return replace(message, due=due, attempt=message.attempt + 1)
