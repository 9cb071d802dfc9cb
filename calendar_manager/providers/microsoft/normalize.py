"""Graph's events and calendars as ours: pure functions that believe nothing.

Whatever is wrong with an event costs at most that event. Series are put together by
:mod:`calendar_manager.providers.microsoft.series`.
"""

import re
from collections.abc import Mapping

from calendar_manager.domain.accounts import AccessRole, RemoteCalendar
from calendar_manager.domain.changes import Rejected, Upserted
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
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.microsoft.fields import (
    read_list,
    read_mapping,
    read_text,
    read_web_address,
)
from calendar_manager.providers.microsoft.times import UnreadableTimeError, read_instant, read_when
from calendar_manager.providers.microsoft.uids import find_series_uid
from calendar_manager.providers.microsoft.zones import find_iana_zone

NORMALIZER_VERSION = 1
"""Counts up with every change after which stored events have to be read anew."""

ID_LIMIT = 1_024
TITLE_LIMIT = 1_024
DESCRIPTION_LIMIT = 8_192
ADDRESS_LIMIT = 2_048

_COLOR = re.compile(r"#?([0-9a-f]{6})\Z")

_EVENT_TYPES = {
    "oof": EventType.OUT_OF_OFFICE,
    "workingElsewhere": EventType.WORKING_LOCATION,
}
_VISIBILITIES = {
    # RFC 5545 does not tell personal from private.
    "personal": Visibility.PRIVATE,
    "private": Visibility.PRIVATE,
    "confidential": Visibility.CONFIDENTIAL,
}
_RESPONSES = {
    "organizer": Response.ACCEPTED,
    "accepted": Response.ACCEPTED,
    "tentativelyAccepted": Response.TENTATIVE,
    "declined": Response.DECLINED,
    # What an organizer sees of somebody who has not answered is "none", what that person sees
    # is "notResponded" (https://learn.microsoft.com/graph/api/resources/responsestatus).
    "none": Response.NEEDS_ACTION,
    "notResponded": Response.NEEDS_ACTION,
}


def read_event_id(item: Mapping[str, object]) -> str | None:
    """Return an event's id, or None when there is none that we could store."""
    event_id = read_text(item.get("id"), limit=ID_LIMIT + 1)
    return None if event_id is None or len(event_id.encode()) > ID_LIMIT else event_id


def normalize_event(item: object, *, account: str | None) -> Upserted | Rejected:
    """Turn an event that is no part of a series into a change; never raises.

    Args:
        item: A :class:`~calendar_manager.providers.microsoft.wire.GraphEvent`, or anything else.
        account: The address of the account that we read, in lower case, to know it among the
            attendees.
    """
    fields = read_mapping(item)
    event_id = read_event_id(fields)
    if event_id is None:
        return Rejected(None, "it has no id that can be stored")
    try:
        return Upserted(read_event(fields, event_id, account=account))
    except (DomainError, UnreadableTimeError, OverflowError) as error:
        return Rejected(event_id, str(error))


def normalize_calendar(item: object) -> RemoteCalendar | None:
    """Turn one entry of the list of calendars into ours; never raises.

    Graph's calendars have no zone, and say nothing of whether Outlook shows them. Only the one
    who made a calendar can share it, which tells the owner from those who may write.

    Args:
        item: A :class:`~calendar_manager.providers.microsoft.wire.GraphCalendar`.

    Returns:
        The calendar, or None for one without an id.
    """
    fields = read_mapping(item)
    calendar_id = read_event_id(fields)
    if calendar_id is None:
        return None
    role = AccessRole.READER
    if fields.get("canShare") is True:
        role = AccessRole.OWNER
    elif fields.get("canEdit") is True:
        role = AccessRole.WRITER
    color = _COLOR.match((read_text(fields.get("hexColor"), limit=TITLE_LIMIT) or "").lower())
    return RemoteCalendar(
        provider_calendar_id=calendar_id,
        name=read_text(fields.get("name"), limit=TITLE_LIMIT) or calendar_id,
        time_zone=None,
        color=f"#{color[1]}" if color else None,
        primary=fields.get("isDefaultCalendar") is True,
        access_role=role,
        selected=True,
    )


def read_event(fields: Mapping[str, object], event_id: str, *, account: str | None) -> Event:
    """Read what all kinds of events have, as a single event.

    Raises:
        UnreadableTimeError: The times cannot be read.
        DomainError: They contradict each other.
    """
    when = read_when(fields)
    attendees = _read_attendees(fields, account)
    show_as = str(fields.get("showAs"))
    return Event(
        provider_event_id=event_id,
        kind=EventKind.SINGLE,
        when=when,
        time_zone=read_time_zone(fields) if isinstance(when, Span) else None,
        title=read_text(fields.get("subject"), limit=TITLE_LIMIT) or "",
        ical_uid=find_series_uid(read_text(fields.get("iCalUId"), limit=ID_LIMIT)),
        status=_read_status(fields, show_as),
        transparency=Transparency.TRANSPARENT if show_as == "free" else Transparency.OPAQUE,
        event_type=_EVENT_TYPES.get(show_as, EventType.DEFAULT),
        visibility=_VISIBILITIES.get(str(fields.get("sensitivity")), Visibility.DEFAULT),
        my_response=_read_my_response(fields, invited=bool(attendees)),
        location=read_text(
            read_mapping(fields.get("location")).get("displayName"), limit=TITLE_LIMIT
        ),
        meeting_url=_find_meeting_url(fields),
        description=read_text(fields.get("bodyPreview"), limit=DESCRIPTION_LIMIT),
        organizer=_read_organizer(fields),
        attendees=attendees,
        etag=read_text(fields.get("@odata.etag"), limit=TITLE_LIMIT)
        or read_text(fields.get("changeKey"), limit=TITLE_LIMIT),
        provider_updated_at=read_instant(fields.get("lastModifiedDateTime")),
    )


def read_time_zone(fields: Mapping[str, object]) -> str | None:
    """Return the IANA zone in which an event was made, or None when it is unknown."""
    return find_iana_zone(read_text(fields.get("originalStartTimeZone"), limit=TITLE_LIMIT))


def _read_status(fields: Mapping[str, object], show_as: str) -> EventStatus:
    if fields.get("isCancelled") is True:
        return EventStatus.CANCELLED
    return EventStatus.TENTATIVE if show_as == "tentative" else EventStatus.CONFIRMED


def _read_my_response(fields: Mapping[str, object], *, invited: bool) -> Response | None:
    """Return how the calendar's owner answered.

    Who called a meeting attends it; with nobody invited there is nothing to answer. Of an event
    of one's own, "none" means just that, and so it does where no answer was asked for; who was
    invited and has not answered has "notResponded".
    """
    if fields.get("isOrganizer") is True:
        return Response.ACCEPTED if invited else None
    response = read_mapping(fields.get("responseStatus")).get("response")
    if response == "organizer":
        return Response.ACCEPTED if invited else None
    return None if response == "none" else _RESPONSES.get(str(response))


def _read_attendees(fields: Mapping[str, object], account: str | None) -> tuple[Attendee, ...]:
    """Return who is invited, and with them the owner who invited them.

    Outlook leaves the organizer out of the list, other calendars do not; without this entry
    nobody could tell from the list whose meeting it is.
    """
    organizer = _read_organizer(fields)
    mine = fields.get("isOrganizer") is True
    attendees = tuple(
        _read_attendee(read_mapping(entry), organizer, account, mine=mine)
        for entry in read_list(fields.get("attendees"))
        if entry
    )
    if not attendees or not mine or organizer is None or any(one.organizer for one in attendees):
        return attendees
    owner = Attendee(
        email=organizer.email,
        name=organizer.name,
        response=Response.ACCEPTED,
        organizer=True,
        is_self=True,
    )
    return (owner, *attendees)


def _read_attendee(
    fields: Mapping[str, object], organizer: Person | None, account: str | None, *, mine: bool
) -> Attendee:
    person = _read_person(fields)
    response = str(read_mapping(fields.get("status")).get("response"))
    calls = response == "organizer" or (
        organizer is not None and organizer.email is not None and person.email == organizer.email
    )
    kind = fields.get("type")
    return Attendee(
        email=person.email,
        name=person.name,
        response=Response.ACCEPTED if calls else _RESPONSES.get(response, Response.NEEDS_ACTION),
        optional=kind == "optional",
        organizer=calls,
        is_self=(calls and mine) or (person.email is not None and person.email == account),
        resource=kind == "resource",
    )


def _read_organizer(fields: Mapping[str, object]) -> Person | None:
    person = _read_person(read_mapping(fields.get("organizer")))
    return person if person.email or person.name else None


def _read_person(fields: Mapping[str, object]) -> Person:
    address = read_mapping(fields.get("emailAddress"))
    email = read_text(address.get("address"), limit=TITLE_LIMIT)
    return Person(
        email.strip().lower() if email else None, read_text(address.get("name"), limit=TITLE_LIMIT)
    )


def _find_meeting_url(fields: Mapping[str, object]) -> str | None:
    """Return the address to join, else the one of older online meetings."""
    join = read_mapping(fields.get("onlineMeeting")).get("joinUrl")
    return read_web_address(join, limit=ADDRESS_LIMIT) or read_web_address(
        fields.get("onlineMeetingUrl"), limit=ADDRESS_LIMIT
    )
