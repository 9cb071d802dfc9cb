"""Occurrences: the concrete spans of events, written as differences."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Date as DateType
from sqlalchemy import Text, cast, delete, func, select, update
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Session

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.events import Occurrence
from calendar_manager.domain.occurrences import name_occurrence
from calendar_manager.domain.timespan import Span
from calendar_manager.store.bulk import insert_rows, update_rows
from calendar_manager.store.tables import OccurrenceRow, UserRow

LaidOut = tuple[Busy, Sequence[Occurrence]]
"""How firmly an event takes its time, and all the occurrences that it is to have."""

_Key = tuple[UUID, datetime]
_Content = tuple[datetime, datetime, date | None, date | None, str]


class OccurrenceRepository:
    """Queries over occurrences, for the writer that holds a calendar's lease.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def replace(
        self, *, user_id: UUID, calendar_id: UUID, laid_out: Mapping[UUID, LaidOut]
    ) -> Sequence[Span]:
        """Give events exactly these occurrences, touching only rows that differ.

        An occurrence that only moved keeps its row and its id, so that whatever refers to it
        stays in place.

        Args:
            user_id: Whose.
            calendar_id: On which calendar.
            laid_out: By our event id; an empty list of occurrences removes them all.

        Returns:
            The old and new spans of all that changed.
        """
        stored = self._load(laid_out)
        wanted: dict[_Key, _Content] = {
            (event_id, occurrence.original_start): _content(occurrence, busy)
            for event_id, (busy, occurrences) in laid_out.items()
            for occurrence in occurrences
        }
        touched: list[Span] = []
        inserts: list[dict[str, Any]] = []
        updates: list[dict[str, Any]] = []
        moved = _only_ones(stored, wanted)
        taken = {row_id for row_id, _ in stored.values()}
        for key, content in wanted.items():
            old = stored.pop(moved.get(key, key), None)
            if old is not None and key not in moved and old[1] == content:
                continue
            touched.append(Span(content[0], content[1]))
            values = dict(zip(_COLUMNS, content, strict=True)) | {"original_start": key[1]}
            if old is None:
                # A row that moved keeps the id under which its new place may be wanted as well.
                row_id = name_occurrence(*key)
                whose = {"user_id": user_id, "calendar_id": calendar_id, "event_id": key[0]}
                whose["id"] = uuid4() if row_id in taken else row_id
                inserts.append(values | whose)
            else:
                touched.append(Span(old[1][0], old[1][1]))
                updates.append(values | {"id": old[0]})
        touched.extend(Span(content[0], content[1]) for _, content in stored.values())
        self._write(inserts, updates, [row_id for row_id, _ in stored.values()])
        return touched

    def remove(self, event_ids: Iterable[UUID]) -> Sequence[Span]:
        """Remove all occurrences of some events; return their spans."""
        rows = self._session.execute(
            delete(OccurrenceRow)
            .where(OccurrenceRow.event_id.in_(list(event_ids)))
            .returning(OccurrenceRow.start_at, OccurrenceRow.end_at)
        )
        return [Span(start, end) for start, end in rows]

    def load_time_zone(self, user_id: UUID) -> str:
        """Return the zone in which a user's days are, and keep it from changing meanwhile."""
        return self._session.scalars(
            select(UserRow.time_zone).where(UserRow.id == user_id).with_for_update(read=True)
        ).one()

    def move_all_day(self, user_id: UUID, time_zone: str) -> None:
        """Put a user's all-day occurrences onto the days of another zone.

        PostgreSQL reads a wall clock inside a gap with the offset before it, as
        :func:`calendar_manager.domain.times.start_of_day` does.
        """
        zone = cast(time_zone, Text)

        def midnight(day: Any) -> Any:  # noqa: ANN401 - an SQL expression.
            return func.timezone(zone, cast(cast(day, DateType), TIMESTAMP))

        self._session.execute(
            update(OccurrenceRow)
            .where(OccurrenceRow.user_id == user_id, OccurrenceRow.start_on.is_not(None))
            .values(
                start_at=midnight(OccurrenceRow.start_on), end_at=midnight(OccurrenceRow.end_on)
            )
        )

    def _load(self, event_ids: Iterable[UUID]) -> dict[_Key, tuple[UUID, _Content]]:
        rows = self._session.execute(
            select(
                OccurrenceRow.event_id,
                OccurrenceRow.original_start,
                OccurrenceRow.id,
                OccurrenceRow.start_at,
                OccurrenceRow.end_at,
                OccurrenceRow.start_on,
                OccurrenceRow.end_on,
                OccurrenceRow.busy,
            ).where(OccurrenceRow.event_id.in_(list(event_ids)))
        )
        return {
            (row[0], row[1]): (row[2], (row[3], row[4], row[5], row[6], row[7])) for row in rows
        }

    def _write(
        self,
        inserts: Sequence[dict[str, Any]],
        updates: Sequence[dict[str, Any]],
        removals: Sequence[UUID],
    ) -> None:
        if removals:
            self._session.execute(delete(OccurrenceRow).where(OccurrenceRow.id.in_(removals)))
        update_rows(self._session, OccurrenceRow, updates)
        insert_rows(self._session, OccurrenceRow, inserts)


def _only_ones(stored: Iterable[_Key], wanted: Iterable[_Key]) -> dict[_Key, _Key]:
    """Pair the only new occurrence of an event with its only old one under another name.

    A single event is named by its own start, so without this it would become another occurrence
    whenever somebody moves it.
    """
    old, new = (_by_event(keys) for keys in (stored, wanted))
    return {
        new[event_id][0]: old[event_id][0]
        for event_id in old.keys() & new.keys()
        if len(old[event_id]) == len(new[event_id]) == 1 and old[event_id] != new[event_id]
    }


def _by_event(keys: Iterable[_Key]) -> dict[UUID, list[_Key]]:
    grouped: dict[UUID, list[_Key]] = defaultdict(list)
    for key in keys:
        grouped[key[0]].append(key)
    return grouped


_COLUMNS = ("start_at", "end_at", "start_on", "end_on", "busy")


def _content(occurrence: Occurrence, busy: Busy) -> _Content:
    dates = occurrence.dates
    return (
        occurrence.span.start,
        occurrence.span.end,
        None if dates is None else dates.first,
        None if dates is None else dates.end,
        busy,
    )
