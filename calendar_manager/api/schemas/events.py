"""Events as the agenda shows them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from calendar_manager.domain.events import (
    Attendee,
    Event,
    EventKind,
    EventStatus,
    EventType,
    Response,
    Visibility,
)
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.scheduling.agenda import AgendaItem
from calendar_manager.store.agenda_entries import EventDetail

EVENT_EXAMPLE: JsonDict = {
    "id": "0192f0c1-9d10-7c11-8f2e-5b3c1c7f1a01",
    "occurrence_id": "0192f0c1-9d10-7c11-8f2e-5b3c1c7f1a02",
    "calendar_id": "0192f0c1-8b20-7e31-9c44-0d6f0d1b2a22",
    "title": "Sprint review",
    "start": "2026-11-20T10:00:00+01:00",
    "end": "2026-11-20T11:00:00+01:00",
    "all_day": False,
    "time_zone": "Europe/Berlin",
    "status": "confirmed",
    "busy": True,
    "my_response": "accepted",
    "location": None,
    "meeting_url": "https://meet.example.com/abc-defg-hij",
    "organizer": {"email": "jo@client.example", "name": "Jo Park"},
    "attendees": [
        {
            "email": "mara.lind@gmail.com",
            "name": "Mara Lind",
            "response": "accepted",
            "optional": False,
            "organizer": False,
            "me": True,
            "resource": False,
        }
    ],
    "recurring": True,
    "ical_uid": "7kukuqrfedlm2f9t0vr2ab5s@google.com",
    "client_id": None,
}

DETAIL_EXAMPLE: JsonDict = {
    **EVENT_EXAMPLE,
    "occurrence_id": None,
    "description": "What we finished, and what we did not.",
    "kind": "master",
    "event_type": "default",
    "visibility": "default",
    "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=FR"],
    "original_start": None,
    "problem": None,
}


class PersonOut(BaseModel):
    """An organizer."""

    email: str | None = Field(description="Null when the provider hides it.")
    name: str | None


class AttendeeOut(BaseModel):
    """Somebody invited."""

    email: str | None = Field(description="Null when the provider hides it.")
    name: str | None
    response: Response = Field(description="The answer so far.")
    optional: bool
    organizer: bool
    me: bool = Field(description="Whether this is the account that the calendar belongs to.")
    resource: bool = Field(description="Whether this is a room or a thing.")

    @classmethod
    def of(cls, attendee: Attendee) -> "AttendeeOut":
        """Show an attendee."""
        return cls(
            email=attendee.email,
            name=attendee.name,
            response=attendee.response,
            optional=attendee.optional,
            organizer=attendee.organizer,
            me=attendee.is_self,
            resource=attendee.resource,
        )


class EventOut(BaseModel):
    """One occurrence of an event."""

    model_config = ConfigDict(json_schema_extra={"example": EVENT_EXAMPLE})

    id: UUID = Field(description="Of the event; all occurrences of a series share it.")
    occurrence_id: UUID | None = Field(
        description="Of the occurrence; null for a series as a whole."
    )
    calendar_id: UUID
    title: str
    start: datetime | date = Field(description="A date when it is all-day.")
    end: datetime | date = Field(description="The first moment, or day, after it.")
    all_day: bool
    time_zone: str | None = Field(description="The IANA zone in which the event was made.")
    status: EventStatus
    busy: bool = Field(description="Whether it makes you busy under your settings.")
    my_response: Response | None = Field(description="Null when you are not among the attendees.")
    location: str | None
    meeting_url: str | None
    organizer: PersonOut | None
    attendees: list[AttendeeOut]
    recurring: bool
    ical_uid: str | None
    client_id: UUID | None
    description: str | None = Field(None, description="Only with `include=description`.")

    @classmethod
    def of(cls, item: AgendaItem, zone: ZoneInfo, *, description: bool) -> "EventOut":
        """Show an occurrence.

        Args:
            item: What to show.
            zone: In which zone its times are told.
            description: Whether to show the description as well.
        """
        entry = item.entry
        fields = _fields(entry.event, entry.dates or entry.span, zone)
        if description:
            fields["description"] = entry.event.description
        return cls(
            id=entry.event_id,
            occurrence_id=entry.occurrence_id,
            calendar_id=entry.calendar_id,
            busy=item.busy,
            client_id=entry.client_id,
            **fields,
        )


class EventDetailOut(EventOut):
    """An event with all that is known of it; of a series, the times are its first occurrence's."""

    model_config = ConfigDict(json_schema_extra={"example": DETAIL_EXAMPLE})

    kind: EventKind = Field(description="Single, the master of a series, or an override in one.")
    event_type: EventType
    visibility: Visibility
    recurrence: list[str] = Field(
        description="The lines of a series (RFC 5545, section 3.8.5), such as RRULE."
    )
    original_start: datetime | date | None = Field(
        description="Of an override: the start that the series had given it."
    )
    problem: str | None = Field(description="Why the recurrence could not be read.")

    @classmethod
    def of_detail(cls, detail: EventDetail, zone: ZoneInfo, *, busy: bool) -> "EventDetailOut":
        """Show an event, which must have its times."""
        event = detail.event
        if event.when is None:
            raise ValueError("an event without times cannot be shown")
        return cls(
            id=detail.event_id,
            occurrence_id=detail.occurrence_id,
            calendar_id=detail.calendar.id,
            busy=busy,
            client_id=detail.client_id,
            description=event.description,
            kind=event.kind,
            event_type=event.event_type,
            visibility=event.visibility,
            recurrence=list(event.recurrence),
            original_start=_moment(event.original_start, zone),
            problem=detail.problem,
            **_fields(event, event.when, zone),
        )


def _fields(event: Event, when: Span | DateSpan, zone: ZoneInfo) -> dict[str, Any]:
    """Return what an event tells about all its occurrences, and when this one is."""
    organizer = event.organizer
    start: datetime | date
    end: datetime | date
    if isinstance(when, Span):
        start, end = when.start.astimezone(zone), when.end.astimezone(zone)
    else:
        start, end = when.first, when.end
    return {
        "title": event.title,
        "start": start,
        "end": end,
        "all_day": isinstance(when, DateSpan),
        "time_zone": event.time_zone,
        "status": event.status,
        "my_response": event.my_response,
        "location": event.location,
        "meeting_url": event.meeting_url,
        "organizer": organizer and PersonOut(email=organizer.email, name=organizer.name),
        "attendees": [AttendeeOut.of(attendee) for attendee in event.attendees],
        "recurring": event.kind is not EventKind.SINGLE,
        "ical_uid": event.ical_uid,
    }


def _moment(moment: datetime | date | None, zone: ZoneInfo) -> datetime | date | None:
    return moment.astimezone(zone) if isinstance(moment, datetime) else moment
