"""Few threads for what takes a moment, so that it waits for no longer work.

Python runs one thread at a time. Many that want to run keep interrupting each other, and each of
their answers comes late; a few, with the others waiting in a queue, answer as many in all, and all
of them sooner. What waits for a provider or hashes a password stays with the other threads.
"""

from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

QUICK_THREADS: Final = 3
"""Enough to keep a core busy while some of them wait for the database."""

_limiter: Final[RunVar[CapacityLimiter]] = RunVar("quick_threads")

P = ParamSpec("P")
R = TypeVar("R")


async def run_quickly(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run in one of the quick threads what needs no more than a few look-ups.

    Raises:
        Exception: Whatever the function raises.
    """
    return await to_thread.run_sync(lambda: function(*args, **kwargs), limiter=_own_limiter())


def _own_limiter() -> CapacityLimiter:
    """Return the limiter of this event loop, to which it is bound."""
    try:
        return _limiter.get()
    except LookupError:
        limiter = CapacityLimiter(QUICK_THREADS)
        _limiter.set(limiter)
        return limiter
