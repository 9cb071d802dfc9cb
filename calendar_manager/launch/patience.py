"""When to start something again that ended by itself, and when to give it up."""

from time import monotonic
from typing import Final

LASTING_SECONDS: Final = 20.0
"""What ran at least as long has worked; it ended for a reason of its own."""

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0

TRIES: Final = 8
"""What ends so often soon after its start will not get better by itself."""


class Patience:
    """Counts how often one thing ended soon after its start.

    The first end after a lasting run costs no pause. Each further one doubles the pause, from
    `FIRST_PAUSE_SECONDS` to `LONGEST_PAUSE_SECONDS`.

    Attributes:
        ends: How often it ended, since it last ran for `LASTING_SECONDS`.
    """

    def __init__(self) -> None:
        self.ends = 0
        self._started_at = monotonic()
        self._due_at: float | None = None

    def has_ended(self) -> bool:
        """Note that it is not running; True the first time since its start."""
        if self._due_at is not None:
            return False
        now = monotonic()
        self.ends = 1 if now - self._started_at >= LASTING_SECONDS else self.ends + 1
        pause = FIRST_PAUSE_SECONDS * 2 ** (self.ends - 2) if self.ends > 1 else 0.0
        self._due_at = now + min(pause, LONGEST_PAUSE_SECONDS)
        return True

    def is_exhausted(self) -> bool:
        """Whether it is to be given up."""
        return self.ends >= TRIES

    def is_over(self) -> bool:
        """Whether it is time to start it again; call `has_started` when that is done."""
        return self._due_at is not None and monotonic() >= self._due_at

    def has_started(self) -> None:
        """Note that it runs again."""
        self._started_at, self._due_at = monotonic(), None
