"""What Google sends, in Google's own names.

Every field may be missing: what stands here is what the documentation promises, and
:mod:`calendar_manager.providers.google.normalize` takes none of it for granted.

* Events: https://developers.google.com/workspace/calendar/api/v3/reference/events
* Calendar list: https://developers.google.com/workspace/calendar/api/v3/reference/calendarList
* Channels: https://developers.google.com/workspace/calendar/api/v3/reference/events/watch
* Errors: https://developers.google.com/workspace/calendar/api/guides/errors
"""

from typing import Literal, TypedDict


class GoogleTime(TypedDict, total=False):
    """A date of an all-day event, or a date-time with an offset, a zone or both."""

    date: str
    dateTime: str
    timeZone: str


class GooglePerson(TypedDict, total=False):
    """The creator or organizer of an event; ``self`` marks the calendar that we read."""

    id: str
    email: str
    displayName: str
    self: bool


class GoogleAttendee(TypedDict, total=False):
    """Somebody or something invited; ``self`` marks the calendar that we read."""

    id: str
    email: str
    displayName: str
    organizer: bool
    self: bool
    resource: bool
    optional: bool
    responseStatus: Literal["needsAction", "declined", "tentative", "accepted"]
    comment: str
    additionalGuests: int


class GoogleEntryPoint(TypedDict, total=False):
    """One way into an online meeting."""

    entryPointType: Literal["video", "phone", "sip", "more"]
    uri: str
    label: str


class GoogleConferenceData(TypedDict, total=False):
    """The online meeting of an event."""

    conferenceId: str
    entryPoints: list[GoogleEntryPoint]


class GoogleExtendedProperties(TypedDict, total=False):
    """Properties that applications attach; ``private`` ones live on one copy only."""

    private: dict[str, str]
    shared: dict[str, str]


class GoogleEvent(TypedDict, total=False):
    """One event: a single one, a series master (``recurrence``) or an exception of a series.

    A cancelled exception promises ``id``, ``recurringEventId`` and ``originalStartTime``; any
    other cancelled event promises only ``id``.
    """

    kind: Literal["calendar#event"]
    etag: str
    id: str
    status: Literal["confirmed", "tentative", "cancelled"]
    htmlLink: str
    created: str
    updated: str
    summary: str
    description: str
    location: str
    creator: GooglePerson
    organizer: GooglePerson
    start: GoogleTime
    end: GoogleTime
    endTimeUnspecified: bool
    recurrence: list[str]
    recurringEventId: str
    originalStartTime: GoogleTime
    transparency: Literal["opaque", "transparent"]
    visibility: Literal["default", "public", "private", "confidential"]
    iCalUID: str
    sequence: int
    attendees: list[GoogleAttendee]
    attendeesOmitted: bool
    extendedProperties: GoogleExtendedProperties
    hangoutLink: str
    conferenceData: GoogleConferenceData
    eventType: Literal[
        "default", "outOfOffice", "focusTime", "workingLocation", "birthday", "fromGmail"
    ]


class GoogleEventsPage(TypedDict, total=False):
    """One page of ``events.list``; ``nextSyncToken`` stands on the last page only."""

    kind: Literal["calendar#events"]
    etag: str
    summary: str
    updated: str
    timeZone: str
    accessRole: str
    nextPageToken: str
    nextSyncToken: str
    items: list[GoogleEvent]


class GoogleCalendarListEntry(TypedDict, total=False):
    """A calendar on the person's list."""

    kind: Literal["calendar#calendarListEntry"]
    etag: str
    id: str
    summary: str
    summaryOverride: str
    timeZone: str
    backgroundColor: str
    accessRole: Literal["freeBusyReader", "reader", "writer", "writerWithoutPrivateAccess", "owner"]
    primary: bool
    selected: bool
    hidden: bool
    deleted: bool


class GoogleCalendarListPage(TypedDict, total=False):
    """One page of ``calendarList.list``."""

    kind: Literal["calendar#calendarList"]
    etag: str
    nextPageToken: str
    nextSyncToken: str
    items: list[GoogleCalendarListEntry]


class GoogleChannel(TypedDict, total=False):
    """A channel, as it is asked for, promised and stopped.

    ``expiration`` is in milliseconds since 1970, as a text; ``params`` may hold ``ttl``, seconds
    as a text.
    """

    kind: Literal["api#channel"]
    id: str
    type: Literal["web_hook"]
    address: str
    token: str
    params: dict[str, str]
    resourceId: str
    resourceUri: str
    expiration: str
