"""The parts of SQL that reads of the agenda share."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.timespan import Span
from calendar_manager.store.spans import multirange_of, overlaps_any
from calendar_manager.store.tables import (
    CalendarRow,
    EventRow,
    OccurrenceRow,
)

IS_READ: Final = (
    CalendarRow.sync_enabled,
    CalendarRow.deleted_at.is_(None),
    CalendarRow.gone_at.is_(None),
)
"""The conditions of a calendar whose copy tells something about today."""


def takes_time_in(user_id: UUID, spans: Sequence[Span]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of a user's occurrences that take time in one of some spans."""
    return (
        OccurrenceRow.user_id == user_id,
        overlaps_any(OccurrenceRow.span, spans),
        OccurrenceRow.busy != Busy.FREE,
    )


def lies_in(spans: Sequence[Span]) -> ColumnElement[bool]:
    """Return the condition of an occurrence that lies in one of some spans.

    It overlaps a span, or has no length and starts inside.
    """
    where = multirange_of(spans)
    inside = and_(
        OccurrenceRow.start_at == OccurrenceRow.end_at,
        # PostgreSQL has one empty range, which lies nowhere. These bounds lead to the index.
        OccurrenceRow.start_at >= min(span.start for span in spans),
        OccurrenceRow.start_at < max(span.end for span in spans),
        where.bool_op("@>")(OccurrenceRow.start_at),
    )
    return or_(overlaps_any(OccurrenceRow.span, spans), inside)


def is_wanted(text: str | None, *, mirrors: bool) -> list[ColumnElement[bool]]:
    """Return the conditions of an event by its content.

    Args:
        text: What title, location or description contain, whatever the case.
        mirrors: Whether mirrors are wanted too.
    """
    conditions: list[ColumnElement[bool]] = []
    if not mirrors:
        conditions.append(~EventRow.mirror)
    if text:
        columns = (EventRow.title, EventRow.location, EventRow.description)
        conditions.append(or_(*(column.icontains(text, autoescape=True) for column in columns)))
    return conditions
