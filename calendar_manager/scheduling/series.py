"""Series beyond what is laid out in the database, computed for one answer."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from calendar_manager.domain.events import Occurrence
from calendar_manager.domain.occurrences import materialize
from calendar_manager.domain.timespan import Span, merge_spans, subtract_spans
from calendar_manager.store.agenda_entries import AgendaCalendar, StoredSeries
from calendar_manager.store.unit_of_work import UnitOfWork

Gaps = Mapping[UUID, Sequence[Span]]
"""By calendar, where its series are not laid out."""


def find_gaps(calendars: Sequence[AgendaCalendar], asked: Sequence[Span]) -> Gaps:
    """Return the parts of a question in which the series of calendars are not laid out.

    Args:
        calendars: The calendars of the question.
        asked: The spans of the question.

    Returns:
        Only the calendars that have such parts.
    """
    gaps = {
        entry.calendar.id: subtract_spans(
            asked, [] if entry.materialized is None else [entry.materialized]
        )
        for entry in calendars
    }
    return {calendar_id: parts for calendar_id, parts in gaps.items() if parts}


def load_beyond(
    uow: UnitOfWork,
    user_id: UUID,
    gaps: Gaps,
    zone: ZoneInfo,
    *,
    text: str | None = None,
    mirrors: bool = True,
) -> list[tuple[StoredSeries, Occurrence]]:
    """Return the occurrences of series that lie in gaps and are not in the database.

    Args:
        uow: The transaction.
        user_id: Whose.
        gaps: Where to look.
        zone: The user's zone, in which the dates of all-day events become instants.
        text: What title, location or description of the series contain.
        mirrors: Whether mirrors are wanted too.
    """
    if not gaps:
        return []
    series = uow.agenda.load_series(user_id, gaps.keys(), text=text, mirrors=mirrors)
    if not series:
        return []
    everywhere = merge_spans(part for parts in gaps.values() for part in parts)
    laid_out = uow.agenda.load_laid_out(user_id, gaps.keys(), everywhere)
    return [
        (one, occurrence)
        for one in series
        for occurrence in _expand(one, gaps[one.calendar_id], zone)
        if (one.event_id, occurrence.original_start) not in laid_out
    ]


def _expand(series: StoredSeries, parts: Sequence[Span], zone: ZoneInfo) -> Iterator[Occurrence]:
    """Yield the occurrences of a series that lie in some spans, each once."""
    seen: set[datetime] = set()
    for part in parts:
        for occurrence in materialize(series.master, series.overrides, part, zone).occurrences:
            if occurrence.original_start in seen or not _lies_in(occurrence.span, part):
                continue
            seen.add(occurrence.original_start)
            yield occurrence


def _lies_in(span: Span, part: Span) -> bool:
    """Tell whether a span lies in a part, of zero length included.

    A series that cannot be read has its first occurrence alone, wherever that lies.
    """
    return span.overlaps(part) or (span.is_empty and part.start <= span.start < part.end)
