"""How far a full read has come, and how it is written down, so that it can be gone on with.

What changed behind the place in the meantime is no loss: the walk's overlap holds over a break of
any length, and the cursor at the end begins where the read began, before the break.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from calendar_manager.providers.caldotcom.cursor import is_too_old
from calendar_manager.providers.caldotcom.fields import read_instant, read_mapping
from calendar_manager.providers.caldotcom.walk import CURSOR_LIMIT, Place
from calendar_manager.providers.errors import PositionExpiredError

_VERSION = 1
_SIGHTS = 10_000
_SIGHT_LENGTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A full read behind one of its pages. All instants are Cal.com's, never ours.

    Attributes:
        place: Where the walk through the bookings goes on.
        began_at: When the read began, before all breaks; None when Cal.com told no time.
        seen: The greatest instant of change on the pages so far; None when there was none.
        bookings_version: The version of the endpoint that was walked through.
    """

    place: Place
    began_at: datetime | None
    seen: datetime | None
    bookings_version: str | None

    def check(self, *, now: datetime | None, bookings_version: str | None) -> None:
        """Check that the read can be gone on with.

        Raises:
            PositionExpiredError: It began so long ago that its end would be too old a baseline, or
                it walked through another version.
        """
        if is_too_old(self.began_at, now):
            raise PositionExpiredError("The full read took too long.", reason="baselineTooOld")
        if self.bookings_version != bookings_version:
            raise PositionExpiredError(
                "The full read was of another version.", reason="otherVersion"
            )


def format_position(position: Position) -> str:
    """Write a position down, as JSON of some kilobytes."""
    place = asdict(position.place)
    place["page"] = sorted(position.place.page)
    return json.dumps(
        {
            "version": _VERSION,
            "bookings_version": position.bookings_version,
            "began_at": _format(position.began_at),
            "seen": _format(position.seen),
            "place": place,
        }
    )


def read_position(text: str) -> Position:
    """Read a position.

    Raises:
        PositionExpiredError: It is none of ours, or of another time.
    """
    try:
        return _read_fields(read_mapping(json.loads(text)))
    except (ValueError, RecursionError) as error:
        raise PositionExpiredError(
            "The position cannot be read.", reason="unreadablePosition"
        ) from error


def _read_fields(fields: Mapping[str, object]) -> Position:
    if fields.get("version") != _VERSION:
        raise ValueError
    version = fields.get("bookings_version")
    return Position(
        place=_read_place(read_mapping(fields.get("place"))),
        began_at=_read_instant(fields, "began_at"),
        seen=_read_instant(fields, "seen"),
        bookings_version=None if version is None else _read_text(version),
    )


def _read_place(fields: Mapping[str, object]) -> Place:
    page = fields.get("page")
    if not isinstance(page, list) or len(page) > _SIGHTS:
        raise ValueError
    sights = frozenset(_read_text(sight, limit=_SIGHT_LENGTH) for sight in page)
    cursors = {
        name: None if fields.get(name) is None else _read_text(fields[name], limit=CURSOR_LIMIT)
        for name in ("cursor", "landmark")
    }
    return Place(
        by_cursor=_read_flag(fields, "by_cursor"),
        unfiltered=_read_flag(fields, "unfiltered"),
        cursor=cursors["cursor"],
        landmark=cursors["landmark"],
        steps=_read_count(fields, "steps"),
        stride=_read_count(fields, "stride"),
        skip=_read_count(fields, "skip"),
        page=sights,
        repeats=_read_count(fields, "repeats"),
        steps_back=_read_count(fields, "steps_back"),
    )


def _read_text(value: object, *, limit: int = 64) -> str:
    if not isinstance(value, str) or len(value) > limit:
        raise ValueError
    return value


def _read_flag(fields: Mapping[str, object], name: str) -> bool:
    value = fields.get(name)
    if not isinstance(value, bool):
        raise ValueError  # noqa: TRY004  Nobody outside sees what was wrong with it.
    return value


def _read_count(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise ValueError
    return value


def _read_instant(fields: Mapping[str, object], name: str) -> datetime | None:
    value = fields.get(name)
    instant = read_instant(value)
    if instant is None and value is not None:
        raise ValueError
    return instant


def _format(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
