"""What a request may say about an event or calendar, as pydantic models.

Source: https://learn.microsoft.com/en-us/graph/api/resources/event
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

DayOfWeek = Literal["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
Response = Literal[
    "none", "organizer", "tentativelyAccepted", "accepted", "declined", "notResponded"
]
_Provider = Literal["unknown", "skypeForBusiness", "skypeForConsumer", "teamsForBusiness"]


class _Resource(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class DateTimeTimeZone(_Resource):
    """Local time, and the Windows or IANA name of its zone."""

    date_time: str
    time_zone: str | None = None


class RecurrencePattern(_Resource):
    """How often a series repeats; numbers are within what Outlook takes."""

    type: Literal[
        "daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly"
    ]
    interval: int = Field(ge=1, le=999)
    days_of_week: list[DayOfWeek] = []
    day_of_month: int = Field(0, ge=0, le=31)
    month: int = Field(0, ge=0, le=12)
    first_day_of_week: DayOfWeek = "sunday"
    index: Literal["first", "second", "third", "fourth", "last"] = "first"


class RecurrenceRange(_Resource):
    """Over which dates a series repeats, read in ``recurrenceTimeZone``."""

    type: Literal["endDate", "noEnd", "numbered"]
    start_date: str
    end_date: str | None = None
    number_of_occurrences: int = Field(0, ge=0, le=999)
    recurrence_time_zone: str | None = None


class PatternedRecurrence(_Resource):
    """Pattern and range."""

    pattern: RecurrencePattern
    range: RecurrenceRange


class EmailAddress(_Resource):
    """A name and an address."""

    address: str | None = None
    name: str | None = None


class Recipient(_Resource):
    """Somebody with an address."""

    email_address: EmailAddress


class ResponseStatus(_Resource):
    """An answer and when it was given."""

    response: Response = "none"
    time: str | None = None


class Attendee(Recipient):
    """An attendee; ``status`` is set by Outlook but may be sent back."""

    type: Literal["required", "optional", "resource"] = "required"
    status: ResponseStatus | None = None
    proposed_new_time: dict[str, DateTimeTimeZone] | None = None


class ItemBody(_Resource):
    """A text."""

    content_type: Literal["text", "html"] = "text"
    content: str | None = ""


class Location(_Resource):
    """A place."""

    display_name: str | None = ""
    location_type: str = "default"
    location_uri: str | None = None
    location_email_address: str | None = None
    unique_id: str | None = None
    unique_id_type: str = "unknown"
    address: dict[str, Any] = {}
    coordinates: dict[str, Any] = {}


class ExtendedProperty(_Resource):
    """A single-value extended property, such as ``String {guid} Name Stamp``."""

    id: str
    value: str | None = None


class OnlineMeetingInfo(_Resource):
    """How to join an online meeting."""

    join_url: str | None = None
    conference_id: str | None = None
    toll_number: str | None = None
    quick_dial: str | None = None


class EventIn(_Resource):
    """The writable properties of an event."""

    subject: str | None = None
    body: ItemBody | None = None
    start: DateTimeTimeZone | None = None
    end: DateTimeTimeZone | None = None
    is_all_day: bool | None = None
    recurrence: PatternedRecurrence | None = None
    location: Location | None = None
    locations: list[Location] | None = None
    attendees: list[Attendee] | None = None
    show_as: Literal["unknown", "free", "tentative", "busy", "oof", "workingElsewhere"] | None = (
        None
    )
    sensitivity: Literal["normal", "personal", "private", "confidential"] | None = None
    importance: Literal["low", "normal", "high"] | None = None
    categories: list[str] | None = None
    is_reminder_on: bool | None = None
    reminder_minutes_before_start: int | None = None
    response_requested: bool | None = None
    allow_new_time_proposals: bool | None = None
    hide_attendees: bool | None = None
    is_online_meeting: bool | None = None
    online_meeting_provider: _Provider | None = None
    transaction_id: str | None = None
    single_value_extended_properties: list[ExtendedProperty] | None = None


class PersonEvent(EventIn):
    """What an event can be in Outlook, beyond what Graph lets an application write."""

    organizer: Recipient | None = None
    response_status: ResponseStatus | None = None
    is_cancelled: bool | None = None
    ical_uid: str | None = Field(None, alias="iCalUId")
    online_meeting: OnlineMeetingInfo | None = None
    original_start_time_zone: str | None = None
    original_end_time_zone: str | None = None


IGNORED_IN_REQUESTS = frozenset(
    {
        "id",
        "createdDateTime",
        "lastModifiedDateTime",
        "changeKey",
        "bodyPreview",
        "hasAttachments",
        "iCalUId",
        "isCancelled",
        "isDraft",
        "isOrganizer",
        "onlineMeeting",
        "onlineMeetingUrl",
        "organizer",
        "originalEndTimeZone",
        "originalStart",
        "originalStartTimeZone",
        "responseStatus",
        "seriesMasterId",
        "type",
        "webLink",
    }
)
"""Read-only properties of an event: Graph takes them in requests and pays them no heed."""


class CalendarIn(_Resource):
    """The writable properties of a calendar."""

    name: str | None = Field(None, min_length=1)
    color: (
        Literal[
            "auto",
            "lightBlue",
            "lightGreen",
            "lightOrange",
            "lightGray",
            "lightYellow",
            "lightTeal",
            "lightPink",
            "lightBrown",
            "lightRed",
            "maxColor",
        ]
        | None
    ) = None
    is_default_calendar: bool | None = None
    hex_color: str | None = None
