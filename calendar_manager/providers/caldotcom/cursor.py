"""Where the next read begins, and how it is written into a cursor."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from calendar_manager.providers.caldotcom.fields import read_instant, read_mapping
from calendar_manager.providers.errors import CursorExpiredError

OVERLAP = timedelta(minutes=10)
"""How far before the watermark the next read begins.

A change can become visible later than its time says, when Cal.com takes long to commit it.
"""

BASELINE_LIFE = timedelta(days=1)
"""After this time everything is read anew.

Cal.com tells nobody when a booking leaves an account: one handed over to a colleague, or deleted
from the database, is simply listed no more.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where the next read begins. All instants are Cal.com's, never ours.

    Attributes:
        watermark: The greatest instant of change that was seen; None when nothing was.
        baseline_at: When everything was read last; None when Cal.com tells no time.
    """

    watermark: datetime | None
    baseline_at: datetime | None

    @property
    def after(self) -> datetime | None:
        """The instant of change from which the next read begins; None reads everything."""
        return None if self.watermark is None else self.watermark - OVERLAP

    def advanced(self, seen: datetime | None, *, began_at: datetime | None) -> "Mark":
        """Return the mark after a complete read.

        What changed while the list was read may have been passed over, so the watermark never
        goes beyond the read's beginning.

        Args:
            seen: The greatest instant of change on the pages; None when there was none.
            began_at: When the read began; None when Cal.com tells no time.
        """
        if seen is None:
            return self
        if began_at is not None:
            seen = min(seen, began_at)
        watermark = max(seen, self.watermark or seen)
        return Mark(watermark=watermark, baseline_at=self.baseline_at)

    def check_age(self, now: datetime | None) -> None:
        """Check that the baseline is young enough to go on from.

        Raises:
            CursorExpiredError: It is not.
        """
        if is_too_old(self.baseline_at, now):
            raise CursorExpiredError("It is time to read everything anew.", reason="baselineTooOld")


def is_too_old(baseline_at: datetime | None, now: datetime | None) -> bool:
    """Tell whether everything has to be read anew; what has no known time never gets too old."""
    return now is not None and baseline_at is not None and now - baseline_at >= BASELINE_LIFE


def format_cursor(mark: Mark) -> str:
    """Write a mark as a cursor."""
    instants = {"after": mark.watermark, "baseline_at": mark.baseline_at}
    return json.dumps(
        {name: None if at is None else at.isoformat() for name, at in instants.items()}
    )


def read_cursor(cursor: str) -> Mark:
    """Read a cursor.

    Raises:
        CursorExpiredError: It is none of ours.
    """
    try:
        fields = read_mapping(json.loads(cursor))
    except (ValueError, RecursionError) as error:
        raise _nonsense() from error
    if "after" not in fields:
        raise _nonsense()
    watermark = read_instant(fields["after"])
    if watermark is None and fields["after"] is not None:
        raise _nonsense()
    if watermark is not None and watermark < datetime.min.replace(tzinfo=UTC) + OVERLAP:
        raise _nonsense()
    return Mark(watermark=watermark, baseline_at=read_instant(fields.get("baseline_at")))


def _nonsense() -> CursorExpiredError:
    return CursorExpiredError("The cursor cannot be read.", reason="unreadableCursor")
