"""Pages of a list: a frozen result, handed out in parts.

The first call of a list freezes its rows, so that changes made between two pages neither skip nor
repeat a row; they are delivered by the sync token, which remembers the moment of the first call.
"""

import base64
import binascii
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from calendar_manager.sandbox.google.errors import invalid_value
from calendar_manager.sandbox.settings import SandboxSettings

Json = dict[str, Any]

_OPEN_LISTS = 256


@dataclass(frozen=True)
class Listing:
    """A frozen list: where it belongs, the query it answers, its rows, its closing sync token.

    ``render`` turns a row into JSON; ``head`` holds the fields beside ``items``.
    """

    resource: str
    query: Mapping[str, Any]
    rows: Sequence[Any]
    head: Mapping[str, Any]
    sync_token: str | None
    render: Callable[[Any], Json]


@dataclass(frozen=True)
class _Position:
    listing_id: str
    offset: int
    page: int


class PageBook:
    """The lists that are being paged through; the oldest are forgotten."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Listing] = OrderedDict()

    def start(self, listing: Listing, size: int, settings: SandboxSettings) -> Json:
        """Return a list's first page, of at most ``size`` rows."""
        listing_id = secrets.token_urlsafe(9)
        self._open[listing_id] = listing
        while len(self._open) > _OPEN_LISTS:
            self._open.popitem(last=False)
        return _cut(listing, _Position(listing_id, 0, 1), size, settings)

    def resume(
        self,
        token: str,
        resource: str,
        query: Mapping[str, Any],
        size: int,
        settings: SandboxSettings,
    ) -> Json:
        """Return the page that a page token names; asking twice gives the same page.

        Raises:
            GoogleApiError: 400, the token is unknown or the query differs from the first call's.
        """
        position = _read_token(token)
        listing = self._open.get(position.listing_id)
        if listing is None or listing.resource != resource or listing.query != query:
            raise invalid_value(parameter="pageToken")
        return _cut(listing, position, size, settings)


def _cut(listing: Listing, position: _Position, size: int, settings: SandboxSettings) -> Json:
    if settings.page_size:
        size = min(size, settings.page_size)
    every = settings.empty_page_every
    # The last rows never fall on an empty page, so paging always comes to an end.
    taken = 0 if every and position.page % every == 0 and listing.rows else size
    end = position.offset + taken
    items = [listing.render(row) for row in listing.rows[position.offset : end]]
    page: Json = {**listing.head}
    if end < len(listing.rows):
        page["nextPageToken"] = _write_token(_Position(position.listing_id, end, position.page + 1))
    elif listing.sync_token is not None:
        page["nextSyncToken"] = listing.sync_token
    page["items"] = items
    return page


def _write_token(position: _Position) -> str:
    packed = json.dumps([position.listing_id, position.offset, position.page])
    return base64.urlsafe_b64encode(packed.encode()).decode()


def _read_token(token: str) -> _Position:
    try:
        listing_id, offset, page = json.loads(base64.urlsafe_b64decode(token.encode()))
        return _Position(str(listing_id), int(offset), int(page))
    except (binascii.Error, ValueError, TypeError) as error:
        raise invalid_value(parameter="pageToken") from error
