"""The way through the list of bookings, page by page, while bookings change.

Counting rows alone loses some: when a booking changes it may leave its place, all behind it move
up, and the first ones of the next page are passed over. So each page begins a little before the
end of the one before it, and has to show a row of that page as it was: then nothing between them
is missing, in whatever order a build lists its bookings. If it shows none, the walk steps back.
Where Cal.com leads on by a cursor, that is followed instead.

https://cal.com/docs/api-reference/v2/bookings/get-all-bookings
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from calendar_manager.providers.caldotcom.fields import read_id, read_mapping
from calendar_manager.providers.caldotcom.normalize import read_row_id
from calendar_manager.providers.errors import RetryLaterError

STATUSES = "unconfirmed,upcoming,recurring,past,cancelled"
"""All statuses that the list by count knows."""

CURSOR_VERSION = "2026-05-01"
"""From this version of the endpoint on there is a cursor, at most one status and no sorting.

It is asked for no status, which means every one: with a status, the list begins an hour ago or
ends now, and meetings that began earlier and still run are in none.
"""

BOOKINGS_PER_PAGE = 100
"""What Cal.com gives when it is not asked for a number."""

_CURSOR_LIMIT = 65_536
_OVERLAP_SHARE = 10
_MOST_REPEATS = 5
_MOST_STEPS_BACK = 10

_Seen = tuple[str | None, str]


class BookingWalk:
    """Makes the query of the next page from the last page.

    Args:
        version: The version of the endpoint that is asked for.
        after: Read only bookings that changed at this instant or later; None reads all.
        per_page: How many bookings to ask for at once.
    """

    def __init__(
        self, *, version: str | None, after: datetime | None, per_page: int = BOOKINGS_PER_PAGE
    ) -> None:
        self._by_cursor = self._unfiltered = version is not None and version >= CURSOR_VERSION
        self._after = after
        self._per_page = per_page
        self._cursor: str | None = None
        self._cursors: set[str] = set()
        self._skip = 0
        self._page: frozenset[_Seen] = frozenset()
        self._repeats = 0
        self._steps_back = 0

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the next request."""
        query = {} if self._unfiltered else {"status": STATUSES, "sortUpdatedAt": "asc"}
        if self._after is not None:
            query["afterUpdatedAt"] = _format(self._after)
        if not self._by_cursor:
            return {**query, "take": str(self._per_page), "skip": str(self._skip)}
        query["limit"] = str(self._per_page)
        return query if self._cursor is None else {**query, "cursor": self._cursor}

    def turn(self, rows: Sequence[object], pagination: Mapping[str, object]) -> bool:
        """Go on to the next page.

        Args:
            rows: The bookings of the page that was asked for.
            pagination: What came with them, in either shape.

        Returns:
            False when everything was read.

        Raises:
            RetryLaterError: Cal.com leads in a circle, or changes too fast to be read.
        """
        # Some builds answer a version in the shape of another, so the answer decides.
        self._by_cursor = "nextCursor" in pagination or "hasMore" in pagination
        if self._by_cursor:
            return self._follow(pagination)
        if self._unfiltered and rows and pagination.get("hasNextPage") is not False:
            # Pages can only be counted in one order, so the list begins anew in that of counting.
            self._unfiltered = False
            return True
        return self._count(rows, pagination)

    def _follow(self, pagination: Mapping[str, object]) -> bool:
        cursor = read_id(pagination.get("nextCursor"), limit=_CURSOR_LIMIT)
        if cursor is None or pagination.get("hasMore") is False:
            return False
        if cursor in self._cursors:
            raise RetryLaterError("Cal.com repeats a page of the list", reason="pageRepeated")
        self._cursors.add(cursor)
        self._cursor = cursor
        return True

    def _count(self, rows: Sequence[object], pagination: Mapping[str, object]) -> bool:
        page = frozenset(map(_see, rows))
        if self._skip > 0 and len(self._page) > 1 and not page & self._page:
            self._step_back()
            return True
        # Some builds count without the filter and promise pages for ever, so an empty page is the
        # end; a short one is not.
        if not rows or pagination.get("hasNextPage") is False:
            return False
        self._repeats = self._repeats + 1 if page <= self._page else 0
        if self._repeats > _MOST_REPEATS:
            raise RetryLaterError("Cal.com repeats a page of the list", reason="pageRepeated")
        overlap = max(1, len(rows) // _OVERLAP_SHARE)
        self._skip += max(1, len(rows) - overlap)
        self._page = page
        return True

    def _step_back(self) -> None:
        """Go back to where the last page, or what is left of it, has to come into sight."""
        self._steps_back += 1
        if self._steps_back > _MOST_STEPS_BACK:
            raise RetryLaterError("Cal.com's list changes too fast to be read", reason="restless")
        self._skip = max(0, self._skip - len(self._page))


def _see(row: object) -> _Seen:
    """Return what a row is known by as long as it does not change."""
    return read_row_id(row), str(read_mapping(row).get("updatedAt"))


def _format(instant: datetime) -> str:
    """Write an instant in the milliseconds that Cal.com keeps, cutting the rest off."""
    text = instant.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
