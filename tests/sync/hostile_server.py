"""Providers whose answers hold whatever a test wants: good events with bad ones among them."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import unquote

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.providers.base import ProviderFactory
from calendar_manager.providers.registry import (
    CalDotComSettings,
    GoogleSettings,
    MicrosoftSettings,
    ProviderSettings,
    build_registry,
)
from tests.providers.caldotcom_stub import booking, serve
from tests.providers.google_stub import Answer, Request
from tests.providers.graph_items import whole
from tests.sync.desk import NOW

PAGE = 1000


def when(number: int) -> datetime:
    """Return when the good event of a number starts: each has an hour of its own."""
    return NOW + timedelta(hours=2 * number)


class Hostile(Protocol):
    """One provider's way of saying things.

    Attributes:
        kind: Which provider.
        key: The name of an event's id.
        items: What it has.
    """

    kind: ProviderKind
    key: str
    items: Sequence[Any]

    def good(self, number: int) -> dict[str, Any]:
        """Return a flawless event, its id ``good<number>``."""
        ...

    def make_settings(self, url: str) -> ProviderSettings:
        """Return where it is."""
        ...

    def answer(self, request: Request, url: str) -> Answer:
        """Answer a request for events."""
        ...


@dataclass
class HostileGoogle:
    """``events.list`` in one page."""

    kind = ProviderKind.GOOGLE
    key = "id"
    items: Sequence[Any] = field(default_factory=list)

    def good(self, number: int) -> dict[str, Any]:
        start, end = when(number), when(number) + timedelta(hours=1)
        return {
            "id": f"good{number}",
            "status": "confirmed",
            "summary": f"Good {number}",
            "start": {"dateTime": start.isoformat(), "timeZone": "UTC"},
            "end": {"dateTime": end.isoformat(), "timeZone": "UTC"},
        }

    def make_settings(self, url: str) -> ProviderSettings:
        return ProviderSettings(
            google=GoogleSettings(client_id="c", client_secret="s", api_url=f"{url}/calendar/v3/")
        )

    def answer(self, request: Request, url: str) -> Answer:
        news = "syncToken" in request.parameters
        items = [] if news else self.items
        return Answer(write({"items": items, "timeZone": "UTC", "nextSyncToken": "token"}))


@dataclass
class HostileMicrosoft:
    """A delta round in one page, and each series by its id."""

    kind = ProviderKind.MICROSOFT
    key = "id"
    items: Sequence[Any] = field(default_factory=list)
    instances: Sequence[Any] = field(default_factory=list)

    def good(self, number: int) -> dict[str, Any]:
        return whole(f"good{number}", when(number), subject=f"Good {number}")

    def make_settings(self, url: str) -> ProviderSettings:
        return ProviderSettings(
            microsoft=MicrosoftSettings(
                client_id="c", client_secret="s", graph_url=f"{url}/graph/v1.0/"
            )
        )

    def answer(self, request: Request, url: str) -> Answer:
        if request.path.endswith("/delta"):
            link = f"{url}{request.path}?$deltatoken=d"
            news = "$deltatoken" in request.query
            items = [] if news else self.items
            return Answer(write({"value": items, "@odata.deltaLink": link}))
        if request.path.endswith("/instances"):
            return Answer(write({"value": self.instances}))
        wanted = unquote(request.path.rsplit("/", 1)[1])
        for item in self.items:
            if isinstance(item, dict) and item.get("id") == wanted:
                return Answer(write(item))
        error = {"code": "ErrorItemNotFound", "message": "It is gone."}
        return Answer({"error": error}, 404)


@dataclass
class HostileCaldotcom:
    """Bookings in one page, and no absences."""

    kind = ProviderKind.CALDOTCOM
    key = "uid"
    items: Sequence[Any] = field(default_factory=list)

    def good(self, number: int) -> dict[str, Any]:
        start = when(number)
        return booking(
            f"good{number}",
            id=1_000 + number,
            title=f"Good {number}",
            start=write_instant(start),
            end=write_instant(start + timedelta(hours=1)),
        )

    def make_settings(self, url: str) -> ProviderSettings:
        return ProviderSettings(caldotcom=CalDotComSettings(api_url=f"{url}/v2/"))

    def answer(self, request: Request, url: str) -> Answer:
        if request.path.endswith("/me"):
            profile = {"id": 7, "email": "ida@example.test", "timeZone": "UTC", "username": "ida"}
            return Answer({"status": "success", "data": profile})
        if request.path.endswith("/ooo"):
            return Answer({"status": "success", "data": []})
        first = int(request.parameters.get("skip", "0"))
        rows = self.items[first:]
        pages = {"totalItems": len(self.items), "hasNextPage": False, "returnedItems": len(rows)}
        return Answer(write({"status": "success", "data": rows, "pagination": pages}))


def write_instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def write(body: object) -> bytes:
    """Return JSON in ASCII, so that lone surrogates come as escapes, as bad clients write them."""
    return json.dumps(body, ensure_ascii=True).encode()


@contextmanager
def serving(hostile: Hostile) -> Iterator[ProviderFactory]:
    """Serve a provider until the block ends, and give the factory that reads it."""
    urls: list[str] = []
    take: Callable[[Request], Answer] = lambda request: hostile.answer(request, urls[0])  # noqa: E731 - The address is known later.
    with serve(take, lambda: None) as url:
        urls.append(url)
        yield build_registry(hostile.make_settings(url)).get(hostile.kind)
