"""Google's events and calendars as ours: pure functions that believe nothing.

Whatever is wrong with an event costs at most that event; see :func:`normalize_event`.
"""

import logging
import re
from collections.abc import Mapping

from calendar_manager.domain.accounts import AccessRole, RemoteCalendar
from calendar_manager.domain.changes import Deleted, Rejected, RemoteChange, Upserted
from calendar_manager.domain.errors import DomainError
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
from calendar_manager.domain.times import is_zone
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.providers.google.fields import (
    read_list,
    read_mapping,
    read_text,
    read_web_address,
)
from calendar_manager.providers.google.times import (
    UnreadableTimeError,
    names_original_start,
    read_instant,
    read_original_start,
    read_time_zone,
    read_when,
)

NORMALIZER_VERSION = 1
"""Counts up with every change after which stored events have to be read anew."""

MIRROR_STAMP = "calendarManagerMirror"
"""The private extended property on events that we made as mirrors of others."""

ID_LIMIT = 1024
"""The longest event id that Google documents."""

TITLE_LIMIT = 1_024
DESCRIPTION_LIMIT = 8_192
ADDRESS_LIMIT = 2_048
RECURRENCE_LIMIT = 65_536

_logger = logging.getLogger(__name__)

_RECURRENCE_LINE = re.compile(r"(?:RRULE|EXRULE|RDATE|EXDATE)[:;]", re.IGNORECASE)
_COLOR = re.compile(r"#[0-9a-f]{6}\Z")
_MAX_SEQUENCE = 2**31 - 1

_STATUSES = {
    "confirmed": EventStatus.CONFIRMED,
    "tentative": EventStatus.TENTATIVE,
    "cancelled": EventStatus.CANCELLED,
}
_RESPONSES = {
    "accepted": Response.ACCEPTED,
    "declined": Response.DECLINED,
    "tentative": Response.TENTATIVE,
    "needsAction": Response.NEEDS_ACTION,
}
# An event that Google made from an e-mail ("fromGmail") is an ordinary one for us.
_EVENT_TYPES = {
    "outOfOffice": EventType.OUT_OF_OFFICE,
    "focusTime": EventType.FOCUS_TIME,
    "workingLocation": EventType.WORKING_LOCATION,
    "birthday": EventType.BIRTHDAY,
}
_VISIBILITIES = {
    "public": Visibility.PUBLIC,
    "private": Visibility.PRIVATE,
    "confidential": Visibility.CONFIDENTIAL,
}
_ACCESS_ROLES = {
    "owner": AccessRole.OWNER,
    "writer": AccessRole.WRITER,
    "writerWithoutPrivateAccess": AccessRole.WRITER,
    "reader": AccessRole.READER,
    "freeBusyReader": AccessRole.FREE_BUSY_READER,
}


class _UnreadableEventError(ValueError):
    """An event breaks a limit; the message is for a person."""


def normalize_event(item: object, *, calendar_time_zone: str | None) -> RemoteChange:
    """Turn one entry of ``events.list`` into a change; never raises.

    A cancelled exception is an occurrence that its series has lost, and is kept as a cancelled
    override; anything else that is cancelled is gone
    (https://developers.google.com/workspace/calendar/api/v3/reference/events#status). Calendars
    shared as free or busy only give events without a title, which is fine.

    Args:
        item: A :class:`~calendar_manager.providers.google.wire.GoogleEvent`, or anything else.
        calendar_time_zone: The IANA zone of the calendar, for events that name none.

    Returns:
        The event, its deletion, or why it could not be read.
    """
    fields = read_mapping(item)
    provider_event_id = read_text(fields.get("id"), limit=ID_LIMIT + 1)
    if provider_event_id is None:
        return Rejected(None, "it has no id")
    if len(provider_event_id.encode()) > ID_LIMIT:
        return Rejected(None, f"its id is longer than {ID_LIMIT} bytes")
    zone = calendar_time_zone if calendar_time_zone and is_zone(calendar_time_zone) else None
    try:
        return _read_change(fields, provider_event_id, zone)
    except (DomainError, UnreadableTimeError, _UnreadableEventError, OverflowError) as error:
        return Rejected(provider_event_id, str(error))


def normalize_calendar(item: object) -> RemoteCalendar | None:
    """Turn one entry of ``calendarList.list`` into a calendar; never raises.

    Args:
        item: A :class:`~calendar_manager.providers.google.wire.GoogleCalendarListEntry`.

    Returns:
        The calendar, or None for one that is deleted, closed to us or without an id.
    """
    fields = read_mapping(item)
    provider_calendar_id = read_text(fields.get("id"), limit=ID_LIMIT)
    role = fields.get("accessRole")
    if provider_calendar_id is None or fields.get("deleted") is True or role == "none":
        return None
    name = read_text(fields.get("summaryOverride"), limit=TITLE_LIMIT) or read_text(
        fields.get("summary"), limit=TITLE_LIMIT
    )
    time_zone = read_text(fields.get("timeZone"), limit=TITLE_LIMIT)
    if time_zone is not None and not is_zone(time_zone):
        _logger.warning("calendar %s is in the unknown zone %r", provider_calendar_id, time_zone)
        time_zone = None
    color = (read_text(fields.get("backgroundColor"), limit=TITLE_LIMIT) or "").lower()
    return RemoteCalendar(
        provider_calendar_id=provider_calendar_id,
        name=name or provider_calendar_id,
        time_zone=time_zone,
        color=color if _COLOR.match(color) else None,
        primary=fields.get("primary") is True,
        # A role that we do not know gives us no more than reading.
        access_role=_ACCESS_ROLES.get(str(role), AccessRole.READER),
        selected=fields.get("selected") is True,
    )


def _read_change(
    fields: Mapping[str, object], provider_event_id: str, zone: str | None
) -> RemoteChange:
    status = _STATUSES.get(str(fields.get("status")), EventStatus.CONFIRMED)
    series_id = read_text(fields.get("recurringEventId"), limit=ID_LIMIT)
    if status is not EventStatus.CANCELLED:
        when: Span | DateSpan | None = read_when(fields, calendar_time_zone=zone)
    elif series_id is None or not names_original_start(fields):
        return Deleted(provider_event_id)
    else:
        when = _find_when(fields, zone)
    original_start = None
    recurrence: tuple[str, ...] = ()
    if series_id is not None:
        kind = EventKind.OVERRIDE
        original_start = read_original_start(fields, calendar_time_zone=zone)
    else:
        recurrence = _read_recurrence(fields.get("recurrence"))
        kind = EventKind.MASTER if recurrence else EventKind.SINGLE
    time_zone = read_time_zone(fields, calendar_time_zone=zone) if isinstance(when, Span) else None
    attendees = _read_attendees(fields.get("attendees"))
    transparent = fields.get("transparency") == "transparent"
    return Upserted(
        Event(
            provider_event_id=provider_event_id,
            kind=kind,
            when=when,
            time_zone=time_zone,
            title=read_text(fields.get("summary"), limit=TITLE_LIMIT) or "",
            ical_uid=read_text(fields.get("iCalUID"), limit=ID_LIMIT),
            series_id=series_id,
            original_start=original_start,
            recurrence=recurrence,
            status=status,
            transparency=Transparency.TRANSPARENT if transparent else Transparency.OPAQUE,
            event_type=_EVENT_TYPES.get(str(fields.get("eventType")), EventType.DEFAULT),
            visibility=_VISIBILITIES.get(str(fields.get("visibility")), Visibility.DEFAULT),
            my_response=next((one.response for one in attendees if one.is_self), None),
            location=read_text(fields.get("location"), limit=TITLE_LIMIT),
            meeting_url=_find_meeting_url(fields),
            description=read_text(fields.get("description"), limit=DESCRIPTION_LIMIT),
            organizer=_read_organizer(fields.get("organizer")),
            attendees=attendees,
            etag=read_text(fields.get("etag"), limit=TITLE_LIMIT),
            sequence=_read_sequence(fields.get("sequence")),
            provider_updated_at=read_instant(fields.get("updated")),
            mirror=_is_mirror(fields),
        )
    )


def _find_when(fields: Mapping[str, object], zone: str | None) -> Span | DateSpan | None:
    """Return the times of a cancelled exception, which Google need not send."""
    try:
        return read_when(fields, calendar_time_zone=zone)
    except (DomainError, UnreadableTimeError, OverflowError):
        return None


def _read_recurrence(value: object) -> tuple[str, ...]:
    """Return the recurrence lines in their order, without the DTSTART that may not be there.

    Raises:
        _UnreadableEventError: They are too long to be a rule that a person made.
    """
    lines = [
        line.strip()
        for entry in read_list(value)
        for line in (read_text(entry, limit=RECURRENCE_LIMIT + 1) or "").splitlines()
        if _RECURRENCE_LINE.match(line.strip())
    ]
    if sum(map(len, lines)) > RECURRENCE_LIMIT:
        raise _UnreadableEventError(
            f"its recurrence rules are longer than {RECURRENCE_LIMIT} characters"
        )
    return tuple(lines)


def _read_attendees(value: object) -> tuple[Attendee, ...]:
    return tuple(_read_attendee(read_mapping(entry)) for entry in read_list(value) if entry)


def _read_attendee(fields: Mapping[str, object]) -> Attendee:
    return Attendee(
        email=_read_email(fields.get("email")),
        name=read_text(fields.get("displayName"), limit=TITLE_LIMIT),
        response=_RESPONSES.get(str(fields.get("responseStatus")), Response.NEEDS_ACTION),
        optional=fields.get("optional") is True,
        organizer=fields.get("organizer") is True,
        is_self=fields.get("self") is True,
        resource=fields.get("resource") is True,
    )


def _read_organizer(value: object) -> Person | None:
    fields = read_mapping(value)
    email = _read_email(fields.get("email"))
    name = read_text(fields.get("displayName"), limit=TITLE_LIMIT)
    return Person(email, name) if email or name else None


def _read_email(value: object) -> str | None:
    text = read_text(value, limit=TITLE_LIMIT)
    return text.strip().lower() if text else None


def _find_meeting_url(fields: Mapping[str, object]) -> str | None:
    """Return the video address of the conference, else the older Hangouts link."""
    entry_points = read_list(read_mapping(fields.get("conferenceData")).get("entryPoints"))
    for entry in map(read_mapping, entry_points):
        if entry.get("entryPointType") == "video":
            address = read_web_address(entry.get("uri"), limit=ADDRESS_LIMIT)
            if address is not None:
                return address
    return read_web_address(fields.get("hangoutLink"), limit=ADDRESS_LIMIT)


def _read_sequence(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return min(max(value, 0), _MAX_SEQUENCE)


def _is_mirror(fields: Mapping[str, object]) -> bool:
    private = read_mapping(read_mapping(fields.get("extendedProperties")).get("private"))
    return bool(private.get(MIRROR_STAMP))
