"""Full reads that are under way: how far each has come, and what it has seen."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from calendar_manager.domain.timespan import Span
from calendar_manager.store.bulk import insert_missing
from calendar_manager.store.tables import FullReadRow, ReadMarkRow


@dataclass(frozen=True, slots=True, kw_only=True)
class FullRead:
    """A full read that is under way.

    Attributes:
        began_at: When its first page was asked for.
        normalizer_version: The normalizer that reads it.
        position: Where it can be gone on with; None when it has to begin anew.
        window: The span in which it lays out series. It stays the same over all pieces, because
            an event that a later piece finds unchanged is not laid out again.
    """

    began_at: datetime
    normalizer_version: int
    position: str | None
    window: Span


class FullReadRepository:
    """Queries over full reads, for the writer that holds a calendar's lease.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, calendar_id: UUID) -> FullRead | None:
        """Return the full read of a calendar that is under way, or None."""
        row = self._session.get(FullReadRow, calendar_id, populate_existing=True)
        if row is None:
            return None
        return FullRead(
            began_at=row.began_at,
            normalizer_version=row.normalizer_version,
            position=row.position,
            window=Span(row.window_from, row.window_until),
        )

    def begin(self, calendar_id: UUID, read: FullRead) -> None:
        """Begin a full read, forgetting what an earlier one has seen."""
        self.clear_marks(calendar_id)
        values = {
            "began_at": read.began_at,
            "normalizer_version": read.normalizer_version,
            "position": read.position,
            "window_from": read.window.start,
            "window_until": read.window.end,
        }
        self._session.execute(
            insert(FullReadRow)
            .values(calendar_id=calendar_id, **values)
            .on_conflict_do_update(index_elements=[FullReadRow.calendar_id], set_=values)
        )

    def note_position(self, calendar_id: UUID, position: str | None) -> None:
        """Write down how far a full read has come, in the transaction that stores its page."""
        self._session.execute(
            update(FullReadRow)
            .where(FullReadRow.calendar_id == calendar_id)
            .values(position=position)
        )

    def end(self, calendar_id: UUID) -> None:
        """Forget a full read with all that it has seen."""
        self.clear_marks(calendar_id)
        self._session.execute(delete(FullReadRow).where(FullReadRow.calendar_id == calendar_id))

    def mark_seen(self, calendar_id: UUID, provider_event_ids: Iterable[str]) -> None:
        """Note that a full read has seen these events."""
        marks = [
            {"calendar_id": calendar_id, "provider_event_id": provider_event_id}
            for provider_event_id in provider_event_ids
        ]
        insert_missing(self._session, ReadMarkRow, marks)

    def clear_marks(self, calendar_id: UUID) -> None:
        """Forget what a full read has seen."""
        self._session.execute(delete(ReadMarkRow).where(ReadMarkRow.calendar_id == calendar_id))
