"""The cursor of a calendar: where a round ended, and the window that is frozen inside it.

The window of a delta query lies in its tokens and never moves
(https://learn.microsoft.com/graph/delta-query-events), so that it slides only by a fresh baseline.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from calendar_manager.domain.errors import InvalidSpanError
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.errors import CursorExpiredError
from calendar_manager.providers.microsoft.fields import read_mapping, read_text
from calendar_manager.providers.microsoft.links import LINK_LIMIT

BASELINE_LIFE = timedelta(days=7)
"""How far the window that matters may slide past the baseline's before the next baseline."""

STAGGER_DAYS = 7
"""Baselines of different calendars are spread over so many days."""

LOOKAHEAD = timedelta(days=14)
"""How much more than the window is asked for, so that it stays covered between baselines."""

LOOKBEHIND = timedelta(days=2)
"""The same at the beginning, where nobody can tell on which side of it all-day events are."""

_TEXT_LIMIT = 64
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DeltaCursor:
    """Where a calendar was last read to.

    Attributes:
        link: The delta link, followed as it is.
        window: The frozen window.
    """

    link: str
    window: Span

    def write(self) -> str:
        """Return the cursor as text."""
        return json.dumps({"link": self.link, **write_window(self.window)})


def read_cursor(text: str) -> DeltaCursor:
    """Return the cursor that a text describes.

    Raises:
        CursorExpiredError: It describes none.
    """
    try:
        fields = read_mapping(json.loads(text))
        window = read_window(fields)
        link = read_text(fields.get("link"), limit=LINK_LIMIT)
        if link is not None:
            return DeltaCursor(link, window)
    except (ValueError, RecursionError, InvalidSpanError) as error:
        raise _unreadable() from error
    raise _unreadable()


def write_window(window: Span) -> Mapping[str, str]:
    """Return the fields that describe a window."""
    return {"start": window.start.isoformat(), "end": window.end.isoformat()}


def read_window(fields: Mapping[str, object]) -> Span:
    """Return the window that fields describe.

    Raises:
        ValueError: They describe none.
        InvalidSpanError: It has no zone, or ends before it begins.
    """
    start, end = (
        datetime.fromisoformat(read_text(fields.get(name), limit=_TEXT_LIMIT) or "")
        for name in ("start", "end")
    )
    return Span(start, end)


def freeze_window(window: Span) -> Span:
    """Return the window to ask for when a calendar is read from its beginning: whole days.

    It is wider than what matters now by as much as can matter until the next baseline.
    """
    start = window.start.replace(hour=0, minute=0, second=0, microsecond=0)
    end = window.end.replace(hour=0, minute=0, second=0, microsecond=0)
    if end < window.end:
        end += _ONE_DAY
    return Span(start - LOOKBEHIND, end + LOOKAHEAD)


def is_outlived(frozen: Span, window: Span, calendar_id: str) -> bool:
    """Tell whether it is time for a fresh baseline.

    Args:
        frozen: The window of the last baseline.
        window: The window that matters now.
        calendar_id: Of the calendar, by which baselines are spread over the week.
    """
    wanted = freeze_window(window)
    digest = hashlib.sha256(calendar_id.encode()).digest()
    stagger = timedelta(days=int.from_bytes(digest[:4], "big") % STAGGER_DAYS)
    return (
        wanted.end - frozen.end > BASELINE_LIFE + stagger
        or wanted.start.astimezone(UTC) < frozen.start
    )


def _unreadable() -> CursorExpiredError:
    return CursorExpiredError("The cursor cannot be read.", reason="unreadable")
