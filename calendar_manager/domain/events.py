"""Provider-neutral events and their occurrences."""

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from enum import StrEnum

from calendar_manager.domain.errors import InvalidEventError
from calendar_manager.domain.timespan import DateSpan, Span


class EventKind(StrEnum):
    """What an event is inside a series."""

    SINGLE = "single"
    MASTER = "master"
    OVERRIDE = "override"


class EventStatus(StrEnum):
    """RFC 5545, section 3.8.1.11."""

    CONFIRMED = "confirmed"
    TENTATIVE = "tentative"
    CANCELLED = "cancelled"


class Response(StrEnum):
    """How an attendee answered (RFC 5545, section 3.2.12)."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    TENTATIVE = "tentative"
    NEEDS_ACTION = "needs-action"


class Transparency(StrEnum):
    """Whether the provider marks the time as taken (RFC 5545, section 3.8.2.7)."""

    OPAQUE = "opaque"
    TRANSPARENT = "transparent"


class EventType(StrEnum):
    """What the time is for, where the provider tells."""

    DEFAULT = "default"
    OUT_OF_OFFICE = "out_of_office"
    FOCUS_TIME = "focus_time"
    WORKING_LOCATION = "working_location"
    BIRTHDAY = "birthday"


class Visibility(StrEnum):
    """Who may see the details (RFC 5545, section 3.8.1.3)."""

    DEFAULT = "default"
    PUBLIC = "public"
    PRIVATE = "private"
    CONFIDENTIAL = "confidential"


@dataclass(frozen=True, slots=True)
class Person:
    """An organizer.

    Attributes:
        email: The address in lower case; None when the provider hides it.
        name: The display name.
    """

    email: str | None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendee:
    """Somebody invited.

    Attributes:
        email: The address in lower case; None when the provider hides it.
        name: The display name.
        response: The answer so far.
        optional: Whether the attendance is optional.
        organizer: Whether this is the organizer.
        is_self: Whether this is the account we read.
        resource: Whether this is a room or a thing.
    """

    email: str | None
    name: str | None = None
    response: Response = Response.NEEDS_ACTION
    optional: bool = False
    organizer: bool = False
    is_self: bool = False
    resource: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One single event, series master or override, as the provider has it.

    Attributes:
        provider_event_id: The provider's id, unique within its calendar.
        kind: Single, master or override.
        when: The instants, or the dates of an all-day event. A master's is its first
            occurrence. None only for a cancelled override, of which providers send no times.
        time_zone: The IANA zone in which the event was made and recurs; None when unknown.
        title: May be empty.
        ical_uid: The iCalendar UID shared by all copies; None when the provider has none.
        series_id: For overrides, the provider id of the master.
        original_start: For overrides, the start that the rule gave (RFC 5545, 3.8.4.4): an
            aware instant, or a date in an all-day series.
        recurrence: For masters, RRULE, EXRULE, RDATE and EXDATE lines, never DTSTART.
        status: Confirmed, tentative or cancelled.
        transparency: Whether the provider marks the time as taken.
        event_type: What the time is for.
        visibility: Who may see the details.
        my_response: How this account answered; None when it is not among the attendees.
        location: Where.
        meeting_url: The address of an online meeting.
        description: As the provider has it, cut to a sane length.
        organizer: Who called the meeting.
        attendees: Who is invited; providers may cut the list.
        etag: The provider's version mark.
        sequence: RFC 5545, section 3.8.7.4.
        provider_updated_at: When the provider last changed it.
        mirror: Whether we made it ourselves as a mirror of another event.

    Raises:
        InvalidEventError: When the fields contradict each other.
    """

    provider_event_id: str
    kind: EventKind
    when: Span | DateSpan | None
    time_zone: str | None = None
    title: str = ""
    ical_uid: str | None = None
    series_id: str | None = None
    original_start: datetime | date | None = None
    recurrence: tuple[str, ...] = ()
    status: EventStatus = EventStatus.CONFIRMED
    transparency: Transparency = Transparency.OPAQUE
    event_type: EventType = EventType.DEFAULT
    visibility: Visibility = Visibility.DEFAULT
    my_response: Response | None = None
    location: str | None = None
    meeting_url: str | None = None
    description: str | None = None
    organizer: Person | None = None
    attendees: tuple[Attendee, ...] = ()
    etag: str | None = None
    sequence: int = 0
    provider_updated_at: datetime | None = None
    mirror: bool = False

    def __post_init__(self) -> None:
        override = self.kind is EventKind.OVERRIDE
        if override and (self.series_id is None or self.original_start is None):
            raise InvalidEventError("an override needs its series and its original start")
        if not override and (self.series_id is not None or self.original_start is not None):
            raise InvalidEventError("only an override has a series and an original start")
        if self.when is None and not (override and self.status is EventStatus.CANCELLED):
            raise InvalidEventError("only a cancelled override may lack its times")
        if bool(self.recurrence) is not (self.kind is EventKind.MASTER):
            raise InvalidEventError("a master has recurrence lines and nothing else has")
        if isinstance(self.original_start, datetime):
            if self.original_start.tzinfo is None:
                raise InvalidEventError("an original start needs its time zone")
            object.__setattr__(self, "original_start", self.original_start.astimezone(UTC))

    @property
    def all_day(self) -> bool:
        """Whether the event has dates instead of instants."""
        return isinstance(self.when, DateSpan)

    @property
    def fingerprint(self) -> str:
        """A digest of everything a person could notice.

        Two reads of an unchanged event give the same digest; the etag and the time of change
        stay out, because providers touch them without changing anything else.
        """
        content = {name: getattr(self, name) for name in _NOTICEABLE}
        text = _ENCODER.encode(content)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _show(value: object) -> object:
    """Return what JSON has no form for in one that it has."""
    if isinstance(value, Span | DateSpan | Person | Attendee):
        return {name: getattr(value, name) for name in value.__slots__}
    return str(value)


_VOLATILE = {"etag", "provider_updated_at", "sequence"}
_NOTICEABLE = tuple(field.name for field in fields(Event) if field.name not in _VOLATILE)
# Fingerprints are stored, so the same content has to give the same text for ever.
_ENCODER = json.JSONEncoder(default=_show, sort_keys=True, ensure_ascii=False)


def original_start_key(start: datetime | date) -> datetime:
    """Return the instant that names an occurrence inside its series.

    An instant names itself; a date stands as midnight UTC, so that both fit one column and an
    all-day series keeps its names whatever zone looks at it.
    """
    if isinstance(start, datetime):
        return start.astimezone(UTC)
    return datetime(start.year, start.month, start.day, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One concrete time span of an event.

    Attributes:
        provider_event_id: The event it belongs to: the single event, the master, or the
            override that replaced the master's.
        original_start: Its name inside the event, see :func:`original_start_key`.
        span: The instants; for an all-day event the user's days.
        dates: The dates of an all-day event, None otherwise.
    """

    provider_event_id: str
    original_start: datetime
    span: Span
    dates: DateSpan | None = None
