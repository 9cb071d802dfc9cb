"""The two ways in which lists of bookings are paged.

Source: the official description (``PaginationMetaDto``) for offsets, and for cursors
https://cal.com/docs/api-reference/v2/bookings/get-all-bookings, version 2026-05-01.
"""

import base64
from datetime import datetime, timedelta
from typing import Any

import orjson

from calendar_manager.sandbox.caldotcom.booking import Booking
from calendar_manager.sandbox.caldotcom.errors import bad_request
from calendar_manager.sandbox.caldotcom.listing import NEWEST_FIRST

Json = dict[str, Any]

MAX_PAGE = 100
"""The most bookings that a page may be asked for, and what it has when nothing is asked."""

_RUNNING = timedelta(hours=1)


def cut_offset_page(bookings: list[Booking], take: int, skip: int) -> tuple[list[Booking], Json]:
    """Return one page by position, and what ``pagination`` says of it."""
    page, total = bookings[skip : skip + take], len(bookings)
    remaining = max(0, total - (skip + take))
    pagination = {
        "totalItems": total,
        "remainingItems": remaining,
        "returnedItems": len(page),
        "itemsPerPage": take,
        "currentPage": skip // take + 1,
        "totalPages": -(-total // take),
        "hasNextPage": remaining > 0,
        "hasPreviousPage": skip > 0,
    }
    return page, pagination


def anchor(bookings: list[Booking], status: str | None, now_at: datetime) -> list[Booking]:
    """Return the bookings that the first page's documented anchor leaves, by their start."""
    if status == "past":
        return [one for one in bookings if one.start_at <= now_at]
    if status in {"upcoming", "recurring", "unconfirmed"}:
        return [one for one in bookings if one.start_at >= now_at - _RUNNING]
    return bookings


def cut_cursor_page(
    bookings: list[Booking], status: str | None, limit: int, cursor: str | None
) -> tuple[list[Booking], Json]:
    """Return the page after a cursor, which is a place among the starts, and ``pagination``.

    A booking that appears before the cursor meanwhile is not delivered; none is delivered twice.

    Raises:
        CaldotcomApiError: 400, the cursor is none of this list's.
    """
    backwards = status is None or status in NEWEST_FIRST
    rows = sorted(bookings, key=_place, reverse=backwards)
    if cursor is not None:
        last = _read_cursor(cursor, status)
        rows = [one for one in rows if (_place(one) < last if backwards else _place(one) > last)]
    page = rows[:limit]
    more = len(rows) > limit
    next_cursor = _write_cursor(page[-1], status) if more else None
    return page, {"nextCursor": next_cursor, "hasMore": more}


def _place(booking: Booking) -> tuple[int, int]:
    return round(booking.start_at.timestamp() * 1000), booking.id


def _write_cursor(booking: Booking, status: str | None) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([status, *_place(booking)])).decode()


def _read_cursor(text: str, status: str | None) -> tuple[int, int]:
    try:
        of_status, milliseconds, number = orjson.loads(base64.urlsafe_b64decode(text))
        if of_status == status:
            return int(milliseconds), int(number)
    except (ValueError, TypeError):
        pass
    raise bad_request("Invalid cursor")
