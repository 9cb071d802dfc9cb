"""How long a change takes from the provider to our answers."""

from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread
from time import monotonic
from typing import Final

from benchmarks.soak.person import Person
from calendar_manager.launch.errors import LaunchError

QUICK_SECONDS: Final = 5.0
"""What is missing for longer is asked for less often, so that asking does not slow it down."""


@dataclass
class Probe:
    """A new event whose way is timed.

    Attributes:
        title: Its title, like no other's.
        start: When it starts, RFC 3339.
        end: When it ends.
        calm: Whether it was made before the first fault and kill.
        written_at: When the provider's write returned, on the monotonic clock, in seconds.
        asked_at: When our API was last asked for it.
    """

    title: str
    start: str
    end: str
    calm: bool
    written_at: float
    asked_at: float = 0.0


class Arrivals:
    """Asks our API for new events until it shows them, in a thread of its own.

    Args:
        person: Whose events.

    Attributes:
        delays: Seconds from the write to the answer, and whether it was written in the calm.
    """

    def __init__(self, person: Person) -> None:
        self._person = person
        self._waiting: deque[Probe] = deque()
        self._lock = Lock()
        self._stopped = Event()
        self._thread = Thread(target=self._watch, name="arrivals")
        self.delays: list[tuple[float, bool]] = []

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; safe to call twice."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def expect(self, probe: Probe) -> None:
        """Wait for one more event."""
        with self._lock:
            self._waiting.append(probe)

    @property
    def missing(self) -> int:
        """How many are still on their way."""
        return len(self._waiting)

    def _watch(self) -> None:
        while not self._stopped.wait(0.02):
            with self._lock:
                probes = list(self._waiting)
            for probe in probes:
                now = monotonic()
                pause = 0.02 if now - probe.written_at < QUICK_SECONDS else 0.5
                if self._stopped.is_set() or now - probe.asked_at < pause:
                    continue
                probe.asked_at = now
                # While the API is down or comes up, nobody has an answer.
                with suppress(LaunchError):
                    if self._person.is_busy(probe.title, probe.start, probe.end):
                        self.delays.append((monotonic() - probe.written_at, probe.calm))
                        with self._lock:
                            self._waiting.remove(probe)
