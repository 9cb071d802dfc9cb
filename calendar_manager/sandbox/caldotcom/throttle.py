"""How many requests one key or token may make in a minute."""

import math
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from calendar_manager.sandbox.caldotcom.errors import too_many_requests
from calendar_manager.sandbox.caldotcom.settings import CaldotcomSettings

_WINDOW = timedelta(minutes=1)


class Throttle:
    """Counts requests over a sliding minute, per caller.

    Args:
        clock: Gives the present instant, aware.
        settings: The limit, and whether a refusal says when to come back.
    """

    def __init__(self, clock: Callable[[], datetime], settings: CaldotcomSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._seen: dict[str, deque[datetime]] = {}

    def clear(self) -> None:
        """Forget every request."""
        self._seen.clear()

    def count(self, caller: str) -> None:
        """Count a request of the key or token; a refused one does not count.

        Raises:
            CaldotcomApiError: 429, the minute is full.
        """
        limit = self._settings.requests_per_minute
        if not limit:
            return
        now_at = self._clock()
        seen = self._seen.setdefault(caller, deque())
        while seen and seen[0] <= now_at - _WINDOW:
            seen.popleft()
        if len(seen) >= limit:
            wait = math.ceil((seen[0] + _WINDOW - now_at).total_seconds())
            raise too_many_requests(wait if self._settings.send_retry_after else None)
        seen.append(now_at)
