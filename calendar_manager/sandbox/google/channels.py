"""Push channels: who watches which calendar, and the thread that tells them.

Source: https://developers.google.com/workspace/calendar/api/guides/push
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from calendar_manager.sandbox.postman import Delivery, Manner, Parcel, Postman, find_waits
from calendar_manager.sandbox.settings import SandboxSettings

# Google tries again after these and when nobody answers, and takes any other for an end.
_RETRIED = frozenset({500, 502, 503, 504})


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


def _pack(messages: Sequence[Mapping[str, str]]) -> Parcel:
    """Return a message of Google, which is nothing but headers."""
    (headers,) = messages
    return Parcel(headers, b"")


_MANNER = Manner(pack=_pack, gathers=False, accepted=frozenset(range(100, 600)) - _RETRIED)


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
        self._postman = Postman("sandbox-notifications", _MANNER)
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
            if channel.resource != resource:
                continue
            odd = self._numbers[channel.id] % 2 == 1
            for copy, wait in enumerate(find_waits(mode, delay, odd=odd)):
                self._send(channel, "exists", wait, repeat=copy > 0)

    def deliveries(self) -> list[Delivery]:
        """Return what was sent, oldest first."""
        return self._postman.deliveries()

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
