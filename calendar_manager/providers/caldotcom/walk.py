"""The way through the list of bookings, page by page, while bookings change.

Counting rows loses some: when a booking changes it moves to another place, all behind it move up,
and the first of the next page is passed over. So the list is asked for in the order of change,
and each page begins at the last instant of change of the page before it, which rows can leave but
not slip past. Where Cal.com leads on by a cursor, that is followed instead.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum, auto

from calendar_manager.providers.caldotcom.fields import read_id
from calendar_manager.providers.caldotcom.normalize import read_row_id, read_updated_at
from calendar_manager.providers.errors import RetryLaterError

STATUSES = ("unconfirmed", "upcoming", "recurring", "past", "cancelled")
"""All statuses, in the order in which a booking passes through them.

A build that wants one at a time is asked in this order, so that a booking that goes on to its
next status between two questions is met at least once.
"""

CURSOR_VERSION = "2026-05-01"
"""From this version of the endpoint on there is one status per call and a cursor."""

BOOKINGS_PER_PAGE = 100
"""What Cal.com gives when it is not asked for a number."""

_CURSOR_LIMIT = 65_536
_MOST_REPEATS = 2
_OVERLAP_SHARE = 10


class _Way(Enum):
    """How the next page is asked for."""

    BY_CHANGE = auto()
    BY_COUNT = auto()
    BY_CURSOR = auto()


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
        one_by_one = version is not None and version >= CURSOR_VERSION
        self._passes = deque(STATUSES if one_by_one else [",".join(STATUSES)])
        self._first_way = _Way.BY_CURSOR if one_by_one else _Way.BY_CHANGE
        self._floor = None if after is None else _cut(after)
        self._per_page = per_page
        self._begin_pass()

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the next request."""
        query = {"status": self._passes[0], "sortUpdatedAt": "asc"}
        if self._after is not None:
            query["afterUpdatedAt"] = _format(self._after)
        if self._way is _Way.BY_CURSOR:
            query["limit"] = str(self._per_page)
            if self._cursor is not None:
                query["cursor"] = self._cursor
        else:
            query |= {"take": str(self._per_page), "skip": str(self._skip)}
        return query

    def turn(self, rows: Sequence[object], pagination: Mapping[str, object]) -> bool:
        """Go on to the next page.

        Args:
            rows: The bookings of the page that was asked for.
            pagination: What came with them, in either shape.

        Returns:
            False when everything was read.

        Raises:
            RetryLaterError: Cal.com leads in a circle.
        """
        if "nextCursor" in pagination or "hasMore" in pagination:
            more = self._follow(pagination)
        else:
            more = self._advance(rows, pagination)
        if more:
            return True
        self._passes.popleft()
        if not self._passes:
            return False
        self._begin_pass()
        return True

    def _begin_pass(self) -> None:
        self._way = self._first_way
        self._after = self._floor
        self._skip = 0
        self._cursor: str | None = None
        self._cursors: set[str] = set()
        self._last_page: frozenset[str | None] = frozenset()
        self._repeats = 0

    def _follow(self, pagination: Mapping[str, object]) -> bool:
        cursor = read_id(pagination.get("nextCursor"), limit=_CURSOR_LIMIT)
        if cursor is None or pagination.get("hasMore") is False:
            return False
        if cursor in self._cursors:
            raise _circle()
        self._cursors.add(cursor)
        self._way = _Way.BY_CURSOR
        self._cursor = cursor
        return True

    def _advance(self, rows: Sequence[object], pagination: Mapping[str, object]) -> bool:
        # Some builds count without the filter and promise pages for ever, so an empty one is
        # the end; a short one is not.
        if not rows or pagination.get("hasNextPage") is False:
            return False
        self._notice_repeats(rows)
        if self._way is _Way.BY_CURSOR:
            self._way = _Way.BY_CHANGE
        if self._way is _Way.BY_CHANGE and self._is_in_order(rows):
            last = _cut(read_updated_at(rows[-1]))
            self._skip = self._skip + _count_on(rows) if last == self._after else 0
            self._after = last
        elif self._way is _Way.BY_CHANGE:
            # The build sorts or filters otherwise, so rows must be counted after all, from the
            # beginning unless this was it.
            self._way = _Way.BY_COUNT
            self._skip = _count_on(rows) if (self._after, self._skip) == (self._floor, 0) else 0
            self._after = self._floor
        else:
            self._skip += _count_on(rows)
        return True

    def _is_in_order(self, rows: Sequence[object]) -> bool:
        times = [read_updated_at(row) for row in rows]
        earlier = self._after
        for moment in times:
            if moment is None or (earlier is not None and moment < earlier):
                return False
            earlier = moment
        return True

    def _notice_repeats(self, rows: Sequence[object]) -> None:
        page = frozenset(map(read_row_id, rows))
        self._repeats = self._repeats + 1 if page <= self._last_page else 0
        if self._repeats > _MOST_REPEATS:
            raise _circle()
        self._last_page = page


def _count_on(rows: Sequence[object]) -> int:
    """Return how far to go on by counting: a little less than the page, for rows that moved up."""
    return max(1, len(rows) - max(1, len(rows) // _OVERLAP_SHARE))


def _cut(instant: datetime | None) -> datetime | None:
    """Cut an instant to the milliseconds that Cal.com keeps."""
    if instant is None:
        return None
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def _format(instant: datetime) -> str:
    text = instant.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _circle() -> RetryLaterError:
    return RetryLaterError("Cal.com repeats a page of the list", reason="pageRepeated")
