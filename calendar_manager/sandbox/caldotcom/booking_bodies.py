"""The body of ``POST /v2/bookings``, and whether what it asks for is free.

Source: the official description, ``CreateBookingInput_2024_08_13``,
``CreateRecurringBookingInput_2024_08_13``. Instant bookings, teams and routing are not here.
"""

from datetime import datetime, timedelta

from calendar_manager.sandbox.caldotcom.booking import Attendee, Booking, Json
from calendar_manager.sandbox.caldotcom.errors import bad_request, not_found
from calendar_manager.sandbox.caldotcom.fields import Fields
from calendar_manager.sandbox.caldotcom.making import BookingRequest
from calendar_manager.sandbox.caldotcom.state import CaldotcomState, EventType

_KNOWN = (
    "start",
    "attendee",
    "bookingFieldsResponses",
    "eventTypeId",
    "eventTypeSlug",
    "username",
    "guests",
    "meetingUrl",
    "location",
    "metadata",
    "lengthInMinutes",
    "recurrenceCount",
)
_ATTENDEE = ("name", "email", "timeZone", "phoneNumber", "language")
# Each type of location with the field that says where; None leaves it to the host.
_PLACES = {
    "address": None,
    "attendeeAddress": "address",
    "attendeeDefined": "location",
    "attendeePhone": "phone",
    "integration": "integration",
    "link": None,
    "phone": None,
}


def read_new_booking(state: CaldotcomState, body: object) -> BookingRequest:
    """Return what the body asks for.

    Raises:
        CaldotcomApiError: 400, a field is wrong or missing; 404, there is no such event type.
    """
    fields = Fields(body, _KNOWN)
    start_at = fields.instant("start")
    event_type = _find_event_type(state, fields)
    attendee = _read_attendee(fields.inner("attendee", _ATTENDEE))
    responses = _read_object(fields, "bookingFieldsResponses")
    guests = fields.texts("guests")
    answers: Json = {"name": attendee.name, "email": attendee.email, **responses}
    attendee.responses = {"name": attendee.name, **responses}
    return BookingRequest(
        event_type=event_type,
        start_at=start_at,
        attendee=attendee,
        guests=tuple(guests),
        length_minutes=fields.integer("lengthInMinutes", None),
        location=_read_location(fields),
        recurrences=fields.integer("recurrenceCount", None),
        description=str(responses.get("notes", "")),
        metadata=_read_object(fields, "metadata"),
        responses={**answers, "guests": guests} if guests else answers,
    )


def check_free(state: CaldotcomState, request: BookingRequest) -> None:
    """Refuse a start that is past or taken; the host's hours are not looked at.

    Raises:
        CaldotcomApiError: 400.
    """
    start_at, event_type = request.start_at, request.event_type
    if start_at <= state.clock():
        raise bad_request("Attempting to book a meeting in the past.")
    minutes = request.length_minutes or event_type.length_minutes
    if is_taken(state, event_type, start_at, start_at + timedelta(minutes=minutes)):
        raise bad_request("User either already has booking at this time or is not available")


def is_taken(
    state: CaldotcomState, event_type: EventType, start_at: datetime, end_at: datetime
) -> bool:
    """Tell whether the host has a booking then that leaves no seat for this event type.

    Pending ones count where their event type says so.
    """
    for booking in state.bookings.values():
        apart = booking.end_at <= start_at or end_at <= booking.start_at
        if booking.host_id != event_type.owner_id or booking.over or apart:
            continue
        if booking.status == "pending" and not _blocks_unconfirmed(state, booking):
            continue
        joins = booking.event_type_id == event_type.id and booking.start_at == start_at
        if not (booking.seated and joins and len(booking.attendees) < (event_type.seats or 0)):
            return True
    return False


def _blocks_unconfirmed(state: CaldotcomState, booking: Booking) -> bool:
    return state.event_types[booking.event_type_id].blocks_unconfirmed


def _find_event_type(state: CaldotcomState, fields: Fields) -> EventType:
    number = fields.integer("eventTypeId", None)
    if number is not None:
        found = state.event_types.get(number)
        if found is None:
            raise not_found(f"Event type with id {number} not found.")
        return found
    slug, username = fields.required_text("eventTypeSlug"), fields.required_text("username")
    account = next((one for one in state.accounts.values() if one.username == username), None)
    found = state.find_event_type(account, slug) if account else None
    if found is None:
        raise not_found(f"Event type with slug {slug} not found.")
    return found


def _read_attendee(fields: Fields) -> Attendee:
    return Attendee(
        email=fields.email("email"),
        name=fields.required_text("name"),
        time_zone=fields.zone("timeZone"),
        language=fields.text("language", "en"),
        phone_number=fields.text("phoneNumber", None),
    )


def _read_location(fields: Fields) -> str | None:
    url = fields.text("meetingUrl", None)
    if "location" not in fields:
        return url
    # Clients from before there were kinds of location still send a plain string.
    if isinstance(fields.values["location"], str):
        return fields.text("location", None)
    inner = fields.inner("location", {"type", *filter(None, _PLACES.values())})
    inner.required_text("type")
    place = _PLACES[inner.one_of("type", _PLACES, "")]
    text = inner.required_text(place) if place else None
    if place == "integration":
        return None if text == "cal-video" else f"integrations:{text}"
    return text


def _read_object(fields: Fields, name: str) -> Json:
    value = fields.values.get(name, {})
    if not isinstance(value, dict):
        raise bad_request(f"{name} must be an object")
    return value
