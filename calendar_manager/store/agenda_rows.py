"""Between the rows of the agenda and what its reads return."""

from datetime import date
from typing import Any, Final

from sqlalchemy import Row, func, literal, or_
from sqlalchemy.dialects.postgresql import JSONB

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.events import Event, EventKind, Response
from calendar_manager.domain.meetings import BusyOccurrence
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.store.agenda_entries import AgendaEntry
from calendar_manager.store.client_rows import Owner
from calendar_manager.store.tables import (
    CalendarRow,
    ConnectionRow,
    EventRow,
    OccurrenceRow,
)

_ATTENDEE_COUNT = func.jsonb_array_length(EventRow.attendees)
_ME_AS_ORGANIZER = literal([{"is_self": True, "organizer": True}], JSONB)
_ORGANIZER_IS_ME = or_(
    EventRow.organizer.is_(None),
    _ATTENDEE_COUNT == 0,
    EventRow.organizer["email"].astext == func.lower(ConnectionRow.account),
    EventRow.attendees.bool_op("@>")(_ME_AS_ORGANIZER),
)

BUSY_COLUMNS: Final = (
    OccurrenceRow.id,
    OccurrenceRow.event_id,
    OccurrenceRow.calendar_id,
    OccurrenceRow.start_at,
    OccurrenceRow.end_at,
    OccurrenceRow.start_on,
    OccurrenceRow.busy,
    EventRow.kind,
    EventRow.event_type,
    EventRow.ical_uid,
    EventRow.title,
    EventRow.location,
    EventRow.meeting_url,
    EventRow.my_response,
    _ATTENDEE_COUNT.label("attendee_count"),
    func.coalesce(_ORGANIZER_IS_ME, False).label("organizer_is_me"),
)
"""What :func:`busy_occurrence_of` needs of occurrences joined to events and connections.

Thousands are looked at after a first sync, so lists of attendees stay in the database.
"""


def entry_of(occurrence: OccurrenceRow, event: Event, owner: Owner) -> AgendaEntry:
    """Return an occurrence together with its event."""
    return AgendaEntry(
        occurrence_id=occurrence.id,
        event_id=occurrence.event_id,
        calendar_id=occurrence.calendar_id,
        event=event,
        original_start=occurrence.original_start,
        span=Span(occurrence.start_at, occurrence.end_at),
        dates=_dates(occurrence.start_on, occurrence.end_on),
        busy=Busy(occurrence.busy),
        owner=owner,
    )


def busy_occurrence_of(row: Row[Any]) -> BusyOccurrence:
    """Return an occurrence with all that is asked about it when it may conflict.

    Args:
        row: At least :data:`BUSY_COLUMNS`.
    """
    return BusyOccurrence(
        occurrence_id=row.id,
        event_id=row.event_id,
        calendar_id=row.calendar_id,
        span=Span(row.start_at, row.end_at),
        busy=Busy(row.busy),
        all_day=row.start_on is not None,
        ical_uid=row.ical_uid,
        title=row.title,
        location=row.location,
        meeting_url=row.meeting_url,
        my_response=None if row.my_response is None else Response(row.my_response),
        organizer_is_me=row.organizer_is_me,
        attendee_count=row.attendee_count,
        recurring=row.kind != EventKind.SINGLE,
    )


def _dates(first: date | None, end: date | None) -> DateSpan | None:
    return None if first is None or end is None else DateSpan(first, end)


def materialized_span(row: CalendarRow | Row[Any]) -> Span | None:
    """Return the span in which the series of a calendar are laid out."""
    if row.materialized_from is None or row.materialized_until is None:
        return None
    return Span(row.materialized_from, row.materialized_until)
