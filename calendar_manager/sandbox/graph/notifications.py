"""The thread that posts notifications, several for one address in one request."""

import heapq
import itertools
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

import requests

Json = dict[str, Any]

_DELIVERY_TIMEOUT_SECONDS = 10.0
_RETRY_WAITS = (0.2, 1.0, 5.0)


@dataclass(frozen=True, order=True)
class _Message:
    due: float
    order: int
    address: str = field(compare=False)
    content: Json = field(compare=False)
    attempt: int = field(default=0, compare=False)


class Postman:
    """A thread that posts messages when they are due; it starts with the first one.

    What is due for one address at the same time goes out as one ``{"value": [...]}``, whatever
    subscriptions it is of.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._queue: list[_Message] = []
        self._order = itertools.count()
        self._busy = False
        self._closed = False
        self._thread: threading.Thread | None = None

    def post(self, address: str, content: Json, delay: float) -> None:
        """Send one notification to an address after ``delay`` seconds."""
        message = _Message(time.monotonic() + delay, next(self._order), address, content)
        with self._condition:
            if self._closed:
                return
            heapq.heappush(self._queue, message)
            if self._thread is None:
                name = "sandbox-graph-notifications"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()
            self._condition.notify_all()

    def forget(self) -> None:
        """Drop what is not yet sent."""
        with self._condition:
            self._queue.clear()
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
                failed = not _deliver(session, batch)
                with self._condition:
                    self._busy = False
                    if failed and not self._closed:
                        for message in filter(None, map(_again, batch)):
                            heapq.heappush(self._queue, message)
                    self._condition.notify_all()

    def _take(self) -> list[_Message]:
        """Wait for what is due and return it, for one address; nothing when closed."""
        with self._condition:
            while not self._closed:
                now = time.monotonic()
                wait = self._queue[0].due - now if self._queue else None
                if wait is not None and wait <= 0:
                    self._busy = True
                    return self._take_due(self._queue[0].address, now)
                self._condition.wait(wait)
            return []

    def _take_due(self, address: str, now: float) -> list[_Message]:
        due = sorted(one for one in self._queue if one.address == address and one.due <= now)
        self._queue = [one for one in self._queue if one.address != address or one.due > now]
        heapq.heapify(self._queue)
        return due


def _deliver(session: requests.Session, batch: list[_Message]) -> bool:
    """Post a batch and tell whether it was accepted."""
    try:
        answer = session.post(
            batch[0].address,
            json={"value": [message.content for message in batch]},
            timeout=_DELIVERY_TIMEOUT_SECONDS,
            allow_redirects=False,
        )
    except requests.RequestException:
        return False
    return answer.ok


def _again(message: _Message) -> _Message | None:
    """Return a message for its next attempt; None when it had them all."""
    if message.attempt >= len(_RETRY_WAITS):
        return None
    due = time.monotonic() + _RETRY_WAITS[message.attempt]
    return replace(message, due=due, attempt=message.attempt + 1)
