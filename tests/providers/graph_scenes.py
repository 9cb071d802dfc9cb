"""Rounds over one calendar of a scripted Graph: what it answers and what came of it."""

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from calendar_manager.domain.accounts import Tokens
from calendar_manager.domain.changes import (
    ChangePage,
    Deleted,
    GroupRead,
    Rejected,
    RemoteChange,
    SeriesRead,
    Upserted,
)
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import CalendarProvider
from tests.providers.google_stub import Answer
from tests.providers.graph_items import (
    HOUR,
    occurrence,
    page,
    weekly,
)
from tests.providers.graph_stub import GraphStub

WINDOW = Span(datetime(2026, 10, 3, tzinfo=UTC), datetime(2026, 12, 18, tzinfo=UTC))
FROZEN = {"startDateTime": ["2026-10-01T00:00:00Z"], "endDateTime": ["2027-01-01T00:00:00Z"]}
TOKENS = Tokens(access_token="secret", refresh_token=None, expires_at=None, scopes=frozenset())
CALENDAR = "AAMk/Cal=="
QUOTED = "AAMk%2FCal%3D%3D"
MONDAY = datetime(2026, 10, 12, 7, tzinfo=UTC)
WEEKS = [MONDAY + timedelta(weeks=n) + (HOUR if n > 1 else 0 * HOUR) for n in range(12)]


class Book:
    """Which instances belong to which series, as the store would know."""

    def __init__(self, **known: str) -> None:
        self.known = known
        self.asked: list[set[str]] = []

    def __call__(self, ids: Collection[str]) -> Mapping[str, str]:
        self.asked.append(set(ids))
        return {one: self.known[one] for one in ids if one in self.known}


def pull(
    provider: CalendarProvider, cursor: str | None = None, book: Book | None = None
) -> list[ChangePage]:
    pages = provider.pull_changes(
        CALENDAR, cursor=cursor, window=WINDOW, find_series=book or Book()
    )
    return list(pages)


def changes(pages: list[ChangePage]) -> list[RemoteChange]:
    return [change for one in pages for change in one.changes]


def ids(pages: list[ChangePage]) -> list[tuple[str, str | None]]:
    """What happened to which event."""
    found: list[tuple[str, str | None]] = []
    for change in changes(pages):
        match change:
            case Upserted():
                found.append(("upserted", change.event.provider_event_id))
            case SeriesRead():
                found.append(("read", change.master.provider_event_id))
            case Deleted():
                found.append(("deleted", change.provider_event_id))
            case Rejected():
                found.append(("rejected", change.provider_event_id))
            case GroupRead():
                found.append(("group", change.prefix))
    return found


def last_page(stub: GraphStub, *items: Mapping[str, Any], state: str = "d1") -> Answer:
    return Answer(page(*items, delta=stub.link(QUOTED, deltatoken=state)))


def cursor_of(stub: GraphStub, state: str = "d1", **window: str) -> str:
    frozen = {"start": "2026-10-01T00:00:00Z", "end": "2027-01-01T00:00:00Z", **window}
    return json.dumps({"link": stub.link(QUOTED, deltatoken=state), **frozen})


def series_answers(series_id: str = "s", weeks: list[int] | None = None) -> list[Answer]:
    """The master and its instances."""
    chosen = list(range(12)) if weeks is None else weeks
    instances = [occurrence(f"{series_id}-{n}", series_id, WEEKS[n]) for n in chosen]
    return [Answer(weekly(series_id, WEEKS[0], "monday")), Answer(page(*instances))]


def refusal(status: int, code: str, **headers: str) -> Answer:
    inner = {"date": "2026-11-20T12:00:00", "request-id": "1137f277"}
    body = {"error": {"code": code, "message": "Words", "innerError": inner}}
    return Answer(body, status, {"request-id": "1137f277", **headers})
