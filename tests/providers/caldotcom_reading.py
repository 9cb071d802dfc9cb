"""Reading an account to its end, and what the tests of it look at."""

import json
from datetime import UTC, datetime
from typing import Any

from calendar_manager.domain.changes import ChangePage, RemoteChange, Upserted
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import CalendarProvider
from tests.providers.caldotcom_stub import NOW, OVERLAPPED

WINDOW = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
STATUSES = ["unconfirmed", "upcoming", "recurring", "past", "cancelled"]
FULL = {"status": ",".join(STATUSES), "sortUpdatedAt": "asc", "take": "100", "skip": "0"}
SINCE = {**FULL, "afterUpdatedAt": OVERLAPPED}


def pull(provider: CalendarProvider, cursor: str | None = None) -> list[ChangePage]:
    return list(provider.pull_changes("bookings", cursor=cursor, window=WINDOW))


def cursor_after(watermark: str | None, baseline: datetime | None = NOW) -> str:
    instants = {"after": watermark, "baseline_at": None if baseline is None else str(baseline)}
    return json.dumps(instants)


def watermark_of(pages: list[ChangePage]) -> Any:
    assert [one.cursor is None for one in pages] == [True] * (len(pages) - 1) + [False]
    return json.loads(pages[-1].cursor or "")["after"]


def ids(changes: tuple[RemoteChange, ...]) -> list[str]:
    return [one.event.provider_event_id for one in changes if isinstance(one, Upserted)]


def at(minute: int) -> str:
    return f"2026-03-20T10:{minute:02}:00.000Z"


class Forgiving(list[str]):
    """Problems but for those that a test brings about."""

    def __init__(self, *beginnings: str) -> None:
        self._beginnings = beginnings

    def extend(self, problems: Any) -> None:
        super().extend(one for one in problems if not one.startswith(self._beginnings))
