"""How long to wait after a failure."""

from datetime import timedelta

FIRST = timedelta(seconds=5)
LONGEST = timedelta(hours=1)


def backoff(failures: int, jitter: float, retry_after: timedelta | None = None) -> timedelta:
    """Return how long to wait before the next attempt.

    The wait doubles with every failure up to an hour, and lies somewhere in its upper half, so
    that those who failed together do not come back together. What the provider asks for is
    never undercut.

    Args:
        failures: How many attempts in a row have failed before this one.
        jitter: A number in ``[0, 1)``.
        retry_after: What the provider asks for.
    """
    full = min(FIRST * (1 << min(failures, 20)), LONGEST)
    wait = full * (0.5 + jitter / 2)
    return max(wait, retry_after) if retry_after is not None else wait
