"""The position of a full read: all that is needed to go on with it in another process.

A position holds no event, only links and ids of series, so that it stays small however many
events were read.
"""

import json
from dataclasses import dataclass, field

from calendar_manager.domain.errors import InvalidSpanError
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.errors import PositionExpiredError
from calendar_manager.providers.microsoft.cursor import read_window, write_window
from calendar_manager.providers.microsoft.fields import read_list, read_mapping, read_text
from calendar_manager.providers.microsoft.links import LINK_LIMIT, Trail
from calendar_manager.providers.microsoft.normalize import ID_LIMIT

POSITION_VERSION = 1
"""Counts up when positions are written in another way, so that reads under way begin anew."""

_DIGEST_LIMIT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPosition:
    """Between two pages of a read.

    Attributes:
        link: Of the following page of the round; when the round has ended, its delta link.
        window: The frozen window.
        round_ended: Whether nothing but series is left to be read.
        series: The ids of the series that the round touched and that were not read since.
        trail: The way through the round.
    """

    link: str
    window: Span
    round_ended: bool = False
    series: tuple[str, ...] = ()
    trail: Trail = field(default_factory=Trail)

    def write(self) -> str:
        """Return the position as text."""
        return json.dumps(
            {
                "version": POSITION_VERSION,
                "link": self.link,
                **write_window(self.window),
                "round_ended": self.round_ended,
                "series": self.series,
                "pages": self.trail.pages,
                "mark": self.trail.mark,
            }
        )


def read_position(text: str) -> ReadPosition:
    """Return the position that a text describes.

    Raises:
        PositionExpiredError: It describes none, or in the way of another version.
    """
    try:
        fields = read_mapping(json.loads(text))
        window = read_window(fields)
    except (ValueError, RecursionError, InvalidSpanError) as error:
        raise _unreadable() from error
    link = read_text(fields.get("link"), limit=LINK_LIMIT)
    ids = [read_text(one, limit=ID_LIMIT) for one in read_list(fields.get("series"))]
    series = tuple(one for one in ids if one is not None)
    round_ended, pages = fields.get("round_ended"), fields.get("pages")
    if (
        fields.get("version") != POSITION_VERSION
        or link is None
        or not isinstance(round_ended, bool)
        or not isinstance(pages, int)
        or len(series) != len(ids)
        # A round that touched no series ends with its cursor.
        or (round_ended and not series)
    ):
        raise _unreadable()
    trail = Trail(pages, read_text(fields.get("mark"), limit=_DIGEST_LIMIT) or "")
    return ReadPosition(
        link=link, window=window, round_ended=round_ended, series=series, trail=trail
    )


def _unreadable() -> PositionExpiredError:
    return PositionExpiredError("The position cannot be read.", reason="unreadable")
