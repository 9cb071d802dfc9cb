"""The way through the list of bookings, page by page, while bookings change.

Counting rows alone loses some: when a booking changes it may leave its place, all behind it move
up, and the first ones of the next page are passed over. So each page begins a little before the
end of the one before it, and has to show a row of that page as it was: then nothing between them
is missing, in whatever order a build lists its bookings. If it shows none, the walk steps back.
Where Cal.com leads on by a cursor, that is followed instead.

The rule holds however long it takes from one page to the next, so that a walk can be broken off and
gone on with from its :class:`Place`.

https://cal.com/docs/api-reference/v2/bookings/get-all-bookings
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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

CURSOR_LIMIT = 65_536
"""The longest of Cal.com's cursors that is followed, in characters."""

_OVERLAP_SHARE = 10
_MOST_REPEATS = 5
_MOST_STEPS_BACK = 10
_SIGHT_BYTES = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a walk goes on.

    Attributes:
        by_cursor: Whether Cal.com leads on by a cursor; else pages are counted.
        unfiltered: Whether the list is asked for without statuses and without an order.
        cursor: What leads to the next page; None to the first.
        landmark: A cursor that was followed before. Meeting it again means going in a circle.
        steps: How many cursors were followed since then.
        stride: After how many of them the latest becomes the landmark, twice as many each time: so
            a circle of any size is noticed, while one cursor has to be remembered (Brent, 1980).
        skip: How many bookings lie before the next page.
        page: The rows of the last page as they were, by what :func:`_see` calls them.
        repeats: How many pages in a row have brought nothing new.
        steps_back: How often a page did not join on.
    """

    by_cursor: bool
    unfiltered: bool
    cursor: str | None = None
    landmark: str | None = None
    steps: int = 0
    stride: int = 1
    skip: int = 0
    page: frozenset[str] = frozenset()
    repeats: int = 0
    steps_back: int = 0


def find_start(version: str | None) -> Place:
    """Return where a walk begins through the list of a version of the endpoint."""
    newer = version is not None and version >= CURSOR_VERSION
    return Place(by_cursor=newer, unfiltered=newer)


class LostWayError(RetryLaterError):
    """The list leads in a circle, or changes too fast to be read."""


class BookingWalk:
    """Makes the query of the next page from the last page.

    Args:
        place: Where it begins, or goes on.
        resumed: Whether it goes on after a break.
        after: Read only bookings that changed at this instant or later; None reads all.
        per_page: How many bookings to ask for at once.
    """

    def __init__(
        self,
        place: Place,
        *,
        resumed: bool = False,
        after: datetime | None,
        per_page: int = BOOKINGS_PER_PAGE,
    ) -> None:
        # The page after one of a single row does not overlap it. Between two requests that is a
        # small risk; over a break it is not.
        self._joins_alone = resumed and not place.by_cursor and len(place.page) == 1
        self.place = replace(place, skip=max(0, place.skip - 1)) if self._joins_alone else place
        self._after = after
        self._per_page = per_page

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the next request."""
        place = self.place
        query = {} if place.unfiltered else {"status": STATUSES, "sortUpdatedAt": "asc"}
        if self._after is not None:
            query["afterUpdatedAt"] = _format(self._after)
        if not place.by_cursor:
            return {**query, "take": str(self._per_page), "skip": str(place.skip)}
        query["limit"] = str(self._per_page)
        return query if place.cursor is None else {**query, "cursor": place.cursor}

    def turn(self, rows: Sequence[object], pagination: Mapping[str, object]) -> bool:
        """Go on to the next page.

        Args:
            rows: The bookings of the page that was asked for.
            pagination: What came with them, in either shape.

        Returns:
            False when everything was read.

        Raises:
            LostWayError: Cal.com leads in a circle, or changes too fast to be read.
        """
        # Some builds answer a version in the shape of another, so the answer decides.
        by_cursor = "nextCursor" in pagination or "hasMore" in pagination
        self.place = replace(self.place, by_cursor=by_cursor)
        if by_cursor:
            return self._follow(pagination)
        if self.place.unfiltered and rows and pagination.get("hasNextPage") is not False:
            # Pages can only be counted in one order, so the list begins anew in that of counting.
            self.place = replace(self.place, unfiltered=False)
            return True
        return self._count(rows, pagination)

    def _follow(self, pagination: Mapping[str, object]) -> bool:
        cursor = read_id(pagination.get("nextCursor"), limit=CURSOR_LIMIT)
        if cursor is None or pagination.get("hasMore") is False:
            return False
        place = self.place
        if cursor == place.landmark:
            raise LostWayError("Cal.com repeats a page of the list", reason="pageRepeated")
        self.place = replace(place, cursor=cursor, steps=place.steps + 1)
        if self.place.steps >= place.stride:
            self.place = replace(self.place, landmark=cursor, steps=0, stride=place.stride * 2)
        return True

    def _count(self, rows: Sequence[object], pagination: Mapping[str, object]) -> bool:
        place, page = self.place, frozenset(map(_see, rows))
        has_to_join = place.skip > 0 and (len(place.page) > 1 or self._joins_alone)
        if has_to_join and not page & place.page:
            self._step_back()
            return True
        self._joins_alone = False
        # Some builds count without the filter and promise pages for ever, so an empty page is the
        # end; a short one is not.
        if not rows or pagination.get("hasNextPage") is False:
            return False
        repeats = place.repeats + 1 if page <= place.page else 0
        if repeats > _MOST_REPEATS:
            raise LostWayError("Cal.com repeats a page of the list", reason="pageRepeated")
        overlap = max(1, len(rows) // _OVERLAP_SHARE)
        skip = place.skip + max(1, len(rows) - overlap)
        self.place = replace(place, skip=skip, page=page, repeats=repeats)
        return True

    def _step_back(self) -> None:
        """Go back to where the last page, or what is left of it, has to come into sight."""
        place = self.place
        if place.steps_back >= _MOST_STEPS_BACK:
            raise LostWayError("Cal.com's list changes too fast to be read", reason="restless")
        skip = max(0, place.skip - len(place.page))
        self.place = replace(place, skip=skip, steps_back=place.steps_back + 1)


def _see(row: object) -> str:
    """Return what a row is known by as long as it does not change.

    It is short, because a page of them is written down with each position.
    """
    sight = f"{read_row_id(row)} {read_mapping(row).get('updatedAt')}"
    # Half a surrogate pair can be in an id that nobody has stored yet.
    raw = sight.encode(errors="surrogatepass")
    return hashlib.blake2b(raw, digest_size=_SIGHT_BYTES).hexdigest()


def _format(instant: datetime) -> str:
    """Write an instant in the milliseconds that Cal.com keeps, cutting the rest off."""
    text = instant.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
