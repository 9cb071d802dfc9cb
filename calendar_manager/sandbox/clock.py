"""The sandbox's clock: real time, moved on demand."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def read_system_clock() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.fromtimestamp(time.time(), UTC)


class SandboxClock:
    """A clock that runs with its source and can be moved, so that tokens and channels expire.

    Args:
        source: Gives the present instant, aware. Defaults to the system's clock.
    """

    def __init__(self, source: Callable[[], datetime] = read_system_clock) -> None:
        self._source = source
        self._offset = timedelta(0)
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """Return the sandbox's present instant, aware, in UTC."""
        with self._lock:
            return self._source().astimezone(UTC) + self._offset

    def advance(self, step: timedelta) -> None:
        """Move the clock by ``step``; a negative step moves it back."""
        with self._lock:
            self._offset += step

    def set(self, now_at: datetime) -> None:
        """Make the present instant ``now_at`` (aware); the clock runs on from there."""
        with self._lock:
            self._offset = now_at.astimezone(UTC) - self._source().astimezone(UTC)

    def reset(self) -> None:
        """Return to the source's time."""
        with self._lock:
            self._offset = timedelta(0)
