"""Lists in pages: opaque cursors over the key by which a list is ordered.

A cursor holds the key of the last row of a page, an instant and an id, so that rows that come or
go meanwhile shift nothing.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from calendar_manager.api.problems import InvalidFieldError

Item = TypeVar("Item")
Row = TypeVar("Row")
Key = tuple[datetime, UUID]

DEFAULT_LIMIT = 50
MAXIMUM_LIMIT = 200


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item] = Field(description="The rows of this page, in the order of the list.")
    next_cursor: str | None = Field(
        None, description="Send it as `cursor` for the next page; null on the last one."
    )


@dataclass(frozen=True, slots=True)
class PageParams:
    """Which page is wanted.

    Attributes:
        limit: How many rows.
        after: The key of the last row already seen; None at the beginning.
    """

    limit: int
    after: Key | None

    @property
    def fetch(self) -> int:
        """How many rows to load: one more than wanted tells whether there is a next page."""
        return self.limit + 1


async def read_page_params(
    limit: Annotated[
        int, Query(ge=1, le=MAXIMUM_LIMIT, description="How many rows at most.")
    ] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None, Query(description="`next_cursor` of the page before; opaque.")
    ] = None,
) -> PageParams:
    """Read the parameters that every list has."""
    return PageParams(limit, None if cursor is None else decode_cursor(cursor))


PageParamsDep = Annotated[PageParams, Depends(read_page_params)]


def make_page(
    rows: Sequence[Row],
    params: PageParams,
    *,
    key: Callable[[Row], Key],
    show: Callable[[Row], Item],
) -> Page[Item]:
    """Make a page of rows that were loaded with :attr:`PageParams.fetch` as their limit.

    Args:
        rows: One more than wanted when there are more.
        params: Which page is wanted.
        key: The key of a row.
        show: How a row is shown.
    """
    shown = rows[: params.limit]
    more = len(rows) > params.limit
    return Page(
        items=[show(row) for row in shown],
        next_cursor=encode_cursor(key(shown[-1])) if more else None,
    )


def cut_page(
    rows: Sequence[Row],
    params: PageParams,
    *,
    key: Callable[[Row], Key],
    show: Callable[[Row], Item],
) -> Page[Item]:
    """As :func:`make_page`, from a whole list in ascending order of its keys."""
    rest = [row for row in rows if params.after is None or key(row) > params.after]
    return make_page(rest[: params.fetch], params, key=key, show=show)


def encode_cursor(key: Key) -> str:
    """Return a key as text for addresses."""
    instant, row_id = key
    text = json.dumps([instant.isoformat(), str(row_id)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> Key:
    """Return the key in a cursor.

    Raises:
        InvalidFieldError: It is no cursor of ours.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        instant, row_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        at = datetime.fromisoformat(instant)
        key = (at, UUID(row_id))
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
        raise InvalidFieldError("cursor", "This is no cursor of ours.") from None
    if at.utcoffset() is None:
        raise InvalidFieldError("cursor", "This is no cursor of ours.")
    return key
