"""The thread that posts notifications, and how they go astray on demand.

Google, Microsoft and Cal.com differ in what a message says, whether several go out as one and
when one is tried again; a :class:`Manner` holds that, and all else is the same for the three.
"""

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, Literal, TypeVar

import requests

from calendar_manager.sandbox.clock import read_system_clock

NotificationMode = Literal["normal", "lost", "late", "doubled", "reordered"]
"""What becomes of notifications: ``lost`` never sends, ``late`` waits, ``doubled`` sends twice,
``reordered`` holds back and sends the last first."""

RETRY_WAITS = (0.2, 1.0, 5.0)
"""Seconds before each further attempt, of those providers that try again; theirs are longer."""

_DELIVERY_TIMEOUT_SECONDS = 10.0
_KEPT = 20_000

_Content = TypeVar("_Content")


@dataclass(frozen=True, slots=True)
class Parcel:
    """One request to a receiver: its headers and its body."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Manner(Generic[_Content]):
    """How one provider delivers.

    Attributes:
        pack: Makes one request of what is due for one address.
        gathers: Whether what is due for one address goes out as one request; else each by itself.
        accepted: The statuses after which a provider is content.
        waits: Seconds before each further attempt after another status, or none; empty: it does
            not try again.
    """

    pack: Callable[[Sequence[_Content]], Parcel]
    gathers: bool
    accepted: Container[int]
    waits: tuple[float, ...] = RETRY_WAITS


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to deliver.

    Attributes:
        number: Counts the attempts of one provider since the last reset.
        sent_at: When, by the system's clock and not the sandbox's.
        address: Where to.
        headers: What the provider set.
        body: As text.
        attempt: 0 for the first.
        status: What the receiver answered; 0 when nobody did.
    """

    number: int
    sent_at: datetime
    address: str
    headers: Mapping[str, str]
    body: str
    attempt: int
    status: int


@dataclass(frozen=True, order=True)
class _Message(Generic[_Content]):
    due: float
    order: int
    address: str = field(compare=False)
    content: _Content = field(compare=False)
    attempt: int = field(default=0, compare=False)


def find_waits(
    mode: NotificationMode, delay: float, *, odd: bool, at_least: float = 0.0
) -> tuple[float, ...]:
    """Return how long each copy of a notification waits, in seconds; nothing when it gets lost.

    Args:
        mode: What becomes of notifications.
        delay: The wait of ``late`` and ``reordered``, in seconds.
        odd: Whether it is the first, third… of its channel: those wait longer in ``reordered``, so
            that neighbours change places.
        at_least: How long the provider takes in any case.
    """
    match mode:
        case "lost":
            return ()
        case "late":
            return (max(delay, at_least),)
        case "doubled":
            return (at_least, at_least)
        case "reordered":
            return (max(delay if odd else delay / 10, at_least),)
        case "normal":
            return (at_least,)


class Postman(Generic[_Content]):
    """A thread that posts messages when they are due; it starts with the first one.

    Args:
        name: Of the thread.
        manner: How the provider delivers.
    """

    def __init__(self, name: str, manner: Manner[_Content]) -> None:
        self._name = name
        self._manner = manner
        self._condition = threading.Condition()
        self._queue: list[_Message[_Content]] = []
        self._order = itertools.count()
        self._deliveries: deque[Delivery] = deque(maxlen=_KEPT)
        self._numbers = itertools.count(1)
        self._busy = False
        self._closed = False
        self._thread: threading.Thread | None = None

    def post(self, address: str, content: _Content, delay: float) -> None:
        """Send one notification to an address after ``delay`` seconds."""
        message = _Message(time.monotonic() + delay, next(self._order), address, content)
        with self._condition:
            if self._closed:
                return
            heapq.heappush(self._queue, message)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._condition.notify_all()

    def deliveries(self) -> list[Delivery]:
        """Return the newest 20,000 attempts, oldest first."""
        with self._condition:
            return list(self._deliveries)

    def forget(self) -> None:
        """Drop what is not yet sent, and what was."""
        with self._condition:
            self._queue.clear()
            self._deliveries.clear()
            self._numbers = itertools.count(1)
            self._condition.notify_all()

    def close(self) -> None:
        """Stop the thread."""
        with self._condition:
            self._closed = True
            self._queue.clear()
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(_DELIVERY_TIMEOUT_SECONDS + 1)

    def wait_until_empty(self, timeout: float) -> bool:
        """Wait until nothing is waiting; False when the time is over first."""
        with self._condition:
            return self._condition.wait_for(lambda: not self._queue and not self._busy, timeout)

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while batch := self._take():
                delivery = self._deliver(session, batch)
                with self._condition:
                    self._busy = False
                    self._deliveries.append(delivery)
                    if delivery.status not in self._manner.accepted and not self._closed:
                        for message in filter(None, map(self._again, batch)):
                            heapq.heappush(self._queue, message)
                    self._condition.notify_all()

    def _take(self) -> list[_Message[_Content]]:
        """Wait for what is due and return it, for one address; nothing when closed."""
        with self._condition:
            while not self._closed:
                now = time.monotonic()
                wait = self._queue[0].due - now if self._queue else None
                if wait is not None and wait <= 0:
                    self._busy = True
                    return self._take_due(now)
                self._condition.wait(wait)
            return []

    def _take_due(self, now: float) -> list[_Message[_Content]]:
        if not self._manner.gathers:
            return [heapq.heappop(self._queue)]
        address = self._queue[0].address
        due = sorted(one for one in self._queue if one.address == address and one.due <= now)
        self._queue = [one for one in self._queue if one.address != address or one.due > now]
        heapq.heapify(self._queue)
        return due

    def _deliver(self, session: requests.Session, batch: Sequence[_Message[_Content]]) -> Delivery:
        address, sent_at = batch[0].address, read_system_clock()
        parcel = self._manner.pack([message.content for message in batch])
        try:
            status = session.post(
                address,
                data=parcel.body,
                headers=dict(parcel.headers),
                timeout=_DELIVERY_TIMEOUT_SECONDS,
                allow_redirects=False,
            ).status_code
        except requests.RequestException:
            status = 0
        return Delivery(
            number=next(self._numbers),
            sent_at=sent_at,
            address=address,
            headers=parcel.headers,
            body=parcel.body.decode(),
            attempt=batch[0].attempt,
            status=status,
        )

    def _again(self, message: _Message[_Content]) -> _Message[_Content] | None:
        """Return a message for its next attempt; None when it had them all."""
        if message.attempt >= len(self._manner.waits):
            return None
        due = time.monotonic() + self._manner.waits[message.attempt]
        return replace(message, due=due, attempt=message.attempt + 1)
