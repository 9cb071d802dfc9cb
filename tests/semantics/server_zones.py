"""The time zones in which a server may stand; no answer may depend on it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

SERVER_ZONES = ("UTC", "America/New_York", "Asia/Kolkata")


@contextmanager
def server_in(zone: str) -> Iterator[None]:
    """Give the process another time zone for a while."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()
