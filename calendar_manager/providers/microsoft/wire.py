"""What Microsoft Graph sends, in its own names.

Every field may be missing or null: what stands here is what the documentation promises, and
:mod:`calendar_manager.providers.microsoft.normalize` takes none of it for granted.

* Events: https://learn.microsoft.com/graph/api/resources/event
* Recurrence: https://learn.microsoft.com/graph/api/resources/patternedrecurrence
* Calendars: https://learn.microsoft.com/graph/api/resources/calendar
* Delta: https://learn.microsoft.com/graph/delta-query-events
* Errors: https://learn.microsoft.com/graph/errors
"""

from typing import Literal, TypedDict

GraphDay = Literal["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]

GraphResponse = Literal[
    "none", "organizer", "tentativelyAccepted", "accepted", "declined", "notResponded"
]


class GraphTime(TypedDict, total=False):
    """A wall clock with seven digits of fractions and no offset, and the zone that it is of."""

    dateTime: str
    timeZone: str | None


class GraphEmailAddress(TypedDict, total=False):
    """Somebody's name and address."""

    name: str | None
    address: str | None


class GraphRecipient(TypedDict, total=False):
    """The organizer of an event."""

    emailAddress: GraphEmailAddress | None


class GraphResponseStatus(TypedDict, total=False):
    """How somebody answered, and when."""

    response: GraphResponse | None
    time: str | None


class GraphAttendee(TypedDict, total=False):
    """Somebody or something invited; the organizer is not among them as a rule."""

    type: Literal["required", "optional", "resource"] | None
    status: GraphResponseStatus | None
    emailAddress: GraphEmailAddress | None


class GraphLocation(TypedDict, total=False):
    """Where; only the name counts for us."""

    displayName: str | None


class GraphOnlineMeeting(TypedDict, total=False):
    """The online meeting of an event."""

    joinUrl: str | None


class GraphPattern(TypedDict, total=False):
    """How often a series recurs."""

    type: Literal[
        "daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly"
    ]
    interval: int
    month: int
    dayOfMonth: int
    daysOfWeek: list[GraphDay]
    firstDayOfWeek: GraphDay | None
    index: Literal["first", "second", "third", "fourth", "last"] | None


class GraphRange(TypedDict, total=False):
    """From when to when a series recurs; ``endDate`` is the last day that counts."""

    type: Literal["endDate", "noEnd", "numbered"]
    startDate: str | None
    endDate: str | None
    recurrenceTimeZone: str | None
    numberOfOccurrences: int


class GraphRecurrence(TypedDict, total=False):
    """The recurrence of a series master."""

    pattern: GraphPattern | None
    range: GraphRange | None


class GraphRemoved(TypedDict, total=False):
    """Why an event is not in the view any more; one that left the window is "deleted", too."""

    reason: Literal["changed", "deleted"]


GraphEvent = TypedDict(
    "GraphEvent",
    {
        "@odata.etag": str,
        "@removed": GraphRemoved,
        "id": str,
        "type": Literal["singleInstance", "occurrence", "exception", "seriesMaster"] | None,
        "seriesMasterId": str | None,
        "changeKey": str | None,
        "iCalUId": str | None,
        "subject": str | None,
        "bodyPreview": str | None,
        "start": GraphTime | None,
        "end": GraphTime | None,
        "isAllDay": bool | None,
        "isCancelled": bool | None,
        "isOrganizer": bool | None,
        "originalStart": str | None,
        "originalStartTimeZone": str | None,
        "recurrence": GraphRecurrence | None,
        "showAs": Literal["unknown", "free", "tentative", "busy", "oof", "workingElsewhere"] | None,
        "sensitivity": Literal["normal", "personal", "private", "confidential"] | None,
        "responseStatus": GraphResponseStatus | None,
        "organizer": GraphRecipient | None,
        "attendees": list[GraphAttendee],
        "location": GraphLocation | None,
        "onlineMeeting": GraphOnlineMeeting | None,
        "onlineMeetingUrl": str | None,
        "lastModifiedDateTime": str | None,
    },
    total=False,
)
"""One event, an occurrence with little more than its times, or a removal with only its id."""


GraphEventsPage = TypedDict(
    "GraphEventsPage",
    {"value": list[GraphEvent], "@odata.nextLink": str | None, "@odata.deltaLink": str | None},
    total=False,
)
"""One page of events; the delta link stands on the last page of a round and on no other."""


class GraphCalendar(TypedDict, total=False):
    """A calendar of the person's, or one that somebody shared with them."""

    id: str
    name: str | None
    hexColor: str | None
    isDefaultCalendar: bool | None
    canShare: bool | None
    canEdit: bool | None
    owner: GraphEmailAddress | None


GraphCalendarsPage = TypedDict(
    "GraphCalendarsPage",
    {"value": list[GraphCalendar], "@odata.nextLink": str | None},
    total=False,
)
"""One page of calendars."""
