"""Between the rows of the agenda and what its reads return."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.events import Event, EventKind, Response
from calendar_manager.domain.meetings import BusyOccurrence
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.store.agenda_entries import AgendaEntry
from calendar_manager.store.tables import CalendarRow, EventRow, OccurrenceRow


def entry_of(occurrence: OccurrenceRow, event: Event, client_id: UUID | None) -> AgendaEntry:
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
        client_id=client_id,
    )


def busy_occurrence_of(occurrence: OccurrenceRow, event: EventRow, account: str) -> BusyOccurrence:
    """Return an occurrence with all that is asked about it when it may conflict.

    Args:
        occurrence: When.
        event: What.
        account: The address of the connection that it is read through.
    """
    return BusyOccurrence(
        occurrence_id=occurrence.id,
        event_id=occurrence.event_id,
        calendar_id=occurrence.calendar_id,
        span=Span(occurrence.start_at, occurrence.end_at),
        busy=Busy(occurrence.busy),
        all_day=occurrence.start_on is not None,
        ical_uid=event.ical_uid,
        title=event.title,
        location=event.location,
        meeting_url=event.meeting_url,
        my_response=None if event.my_response is None else Response(event.my_response),
        organizer_is_me=_is_organizer(event.organizer, event.attendees, account),
        attendee_count=len(event.attendees),
        recurring=event.kind != EventKind.SINGLE,
    )


def _is_organizer(
    organizer: Mapping[str, Any] | None, attendees: Sequence[Mapping[str, Any]], account: str
) -> bool:
    """Tell whether the account called the meeting, or it has no other organizer."""
    if organizer is None or not attendees:
        return True
    if organizer["email"] == account.lower():
        return True
    return any(attendee["is_self"] and attendee["organizer"] for attendee in attendees)


def _dates(first: date | None, end: date | None) -> DateSpan | None:
    return None if first is None or end is None else DateSpan(first, end)


def materialized_span(row: CalendarRow) -> Span | None:
    """Return the span in which the series of a calendar are laid out."""
    if row.materialized_from is None or row.materialized_until is None:
        return None
    return Span(row.materialized_from, row.materialized_until)
