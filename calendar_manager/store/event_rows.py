"""Between a domain event and its row."""

from datetime import date, datetime
from typing import Any

from calendar_manager.domain.busy import busy_of
from calendar_manager.domain.events import (
    Attendee,
    Event,
    EventKind,
    EventStatus,
    EventType,
    Person,
    Response,
    Transparency,
    Visibility,
)
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.store.tables import EventRow

_SAME_NAME = (
    "provider_event_id",
    "kind",
    "time_zone",
    "title",
    "ical_uid",
    "series_id",
    "status",
    "transparency",
    "event_type",
    "visibility",
    "my_response",
    "location",
    "meeting_url",
    "description",
    "etag",
    "sequence",
    "provider_updated_at",
    "mirror",
    "fingerprint",
)


def event_values(event: Event) -> dict[str, Any]:
    """Return the columns of an event, without those that say whose it is."""
    values: dict[str, Any] = {name: getattr(event, name) for name in _SAME_NAME}
    when, original = event.when, event.original_start
    instants = when if isinstance(when, Span) else None
    dates = when if isinstance(when, DateSpan) else None
    timed = isinstance(original, datetime)
    return values | {
        "start_at": instants and instants.start,
        "end_at": instants and instants.end,
        "start_on": dates and dates.first,
        "end_on": dates and dates.end,
        "original_start_at": original if timed else None,
        "original_start_on": None if timed else original,
        "recurrence": list(event.recurrence),
        "organizer": None if event.organizer is None else _fields_of(event.organizer),
        "attendees": [_fields_of(attendee) for attendee in event.attendees],
        "busy": busy_of(event),
        "problem": None,
        "deleted_at": None,
    }


def event_from_row(row: EventRow) -> Event:
    """Return the domain's view of a row."""
    return Event(
        provider_event_id=row.provider_event_id,
        kind=EventKind(row.kind),
        when=_when(row),
        time_zone=row.time_zone,
        title=row.title,
        ical_uid=row.ical_uid,
        series_id=row.series_id,
        original_start=_original_start(row),
        recurrence=tuple(row.recurrence),
        status=EventStatus(row.status),
        transparency=Transparency(row.transparency),
        event_type=EventType(row.event_type),
        visibility=Visibility(row.visibility),
        my_response=None if row.my_response is None else Response(row.my_response),
        location=row.location,
        meeting_url=row.meeting_url,
        description=row.description,
        organizer=None if row.organizer is None else Person(**row.organizer),
        attendees=tuple(
            Attendee(**{**attendee, "response": Response(attendee["response"])})
            for attendee in row.attendees
        ),
        etag=row.etag,
        sequence=row.sequence,
        provider_updated_at=row.provider_updated_at,
        mirror=row.mirror,
    )


def _fields_of(person: Person | Attendee) -> dict[str, Any]:
    """Return what is known of somebody, by the names that :func:`event_from_row` reads."""
    # asdict would copy each value as well, which takes several times as long.
    return {name: getattr(person, name) for name in person.__slots__}


def _when(row: EventRow) -> Span | DateSpan | None:
    if row.start_at is not None and row.end_at is not None:
        return Span(row.start_at, row.end_at)
    if row.start_on is not None and row.end_on is not None:
        return DateSpan(row.start_on, row.end_on)
    return None


def _original_start(row: EventRow) -> datetime | date | None:
    return row.original_start_at or row.original_start_on
