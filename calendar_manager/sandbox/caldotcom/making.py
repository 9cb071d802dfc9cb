"""How bookings come into being: single, recurring, seated."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from dateutil.relativedelta import relativedelta

from calendar_manager.sandbox.caldotcom.announcing import announce_booking
from calendar_manager.sandbox.caldotcom.booking import Attendee, Booking, Json, Status
from calendar_manager.sandbox.caldotcom.errors import bad_request
from calendar_manager.sandbox.caldotcom.state import CaldotcomState, EventType
from calendar_manager.sandbox.caldotcom.times import cut_to_milliseconds, find_zone


@dataclass(frozen=True)
class BookingRequest:
    """What a guest asks for; what is None follows from the event type."""

    event_type: EventType
    start_at: datetime
    attendee: Attendee
    guests: tuple[str, ...] = ()
    length_minutes: int | None = None
    title: str | None = None
    description: str = ""
    location: str | None = None
    ics_uid: str | None = None
    status: Status | None = None
    recurrences: int | None = None
    metadata: Json = field(default_factory=dict)
    responses: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """A booking, new or joined, and the guest who is in it now."""

    booking: Booking
    attendee: Attendee


def make_bookings(state: CaldotcomState, request: BookingRequest) -> list[Made]:
    """Make the booking, or all of a recurring one by start, and tell the host's webhooks.

    Raises:
        CaldotcomApiError: 400, there are fewer recurrences or seats than asked for.
    """
    made = place_bookings(state, request)
    for one in made:
        asks = one.booking.status == "pending"
        announce_booking(state, "BOOKING_REQUESTED" if asks else "BOOKING_CREATED", one.booking)
    return made


def place_bookings(state: CaldotcomState, request: BookingRequest) -> list[Made]:
    """Make the booking, or all of a recurring one by start; a seated one may only be joined.

    Raises:
        CaldotcomApiError: As above.
    """
    recurring_uid = state.make_uuid() if request.event_type.recurrence else None
    return [
        _make_or_join(state, replace(request, start_at=start_at), recurring_uid)
        for start_at in _list_starts(request)
    ]


def default_location(uid: str) -> str:
    """Return the Cal Video link of a booking."""
    return f"https://app.cal.com/video/{uid}"


def default_ics_uid(uid: str) -> str:
    """Return the iCalendar UID that Cal.com makes of a booking's uid."""
    return f"{uid}@Cal.com"


def find_seated(state: CaldotcomState, event_type: EventType, start_at: datetime) -> Booking | None:
    """Return the seated booking that takes place at a time."""
    return next(
        (
            one
            for one in state.bookings.values()
            if one.event_type_id == event_type.id
            and one.start_at == start_at
            and one.seated
            and not one.over
        ),
        None,
    )


def take_seat(
    state: CaldotcomState, booking: Booking, event_type: EventType, attendee: Attendee
) -> Attendee:
    """Put a guest on a free seat, with a seat uid if there is none yet.

    Raises:
        CaldotcomApiError: 400, no seat is free or the guest has one.
    """
    if any(one.email == attendee.email for one in booking.attendees):
        raise bad_request("Already signed up for this booking.")
    if len(booking.attendees) >= (event_type.seats or 0):
        raise bad_request("Booking seats are full")
    seated = replace(attendee, seat_uid=attendee.seat_uid or state.make_uuid())
    booking.attendees.append(seated)
    booking.updated_at = max(booking.updated_at, state.stamp())
    return seated


def _list_starts(request: BookingRequest) -> list[datetime]:
    """Return the starts; recurrences keep the wall clock of the guest's zone."""
    start_at = cut_to_milliseconds(request.start_at.astimezone(UTC))
    rule = request.event_type.recurrence
    if rule is None:
        if request.recurrences is not None:
            raise bad_request("The event type is not a recurring one")
        return [start_at]
    count = request.recurrences or rule.occurrences
    if count > rule.occurrences:
        raise bad_request(f"recurrenceCount must be less than or equal to {rule.occurrences}.")
    step = {
        "weekly": relativedelta(weeks=rule.interval),
        "monthly": relativedelta(months=rule.interval),
        "yearly": relativedelta(years=rule.interval),
    }[rule.frequency]
    local = start_at.astimezone(find_zone(request.attendee.time_zone) or UTC)
    return [(local + step * index).astimezone(UTC) for index in range(count)]


def _make_or_join(
    state: CaldotcomState, request: BookingRequest, recurring_uid: str | None
) -> Made:
    event_type = request.event_type
    if event_type.seats is not None:
        found = find_seated(state, event_type, request.start_at)
        if found is not None:
            return Made(found, take_seat(state, found, event_type, request.attendee))
    booking = _make(state, request, recurring_uid)
    state.bookings[booking.uid] = booking
    if event_type.seats is None:
        attendee = replace(request.attendee)
        booking.attendees.append(attendee)
        return Made(booking, attendee)
    return Made(booking, take_seat(state, booking, event_type, request.attendee))


def _make(state: CaldotcomState, request: BookingRequest, recurring_uid: str | None) -> Booking:
    event_type, uid, stamp = request.event_type, state.make_uid(), state.stamp()
    host = state.owner(event_type.owner_id)
    minutes = request.length_minutes or event_type.length_minutes
    usual: Status = "pending" if event_type.requires_confirmation else "accepted"
    title = request.title
    if title is None:
        title = f"{event_type.title} between {host.name} and {request.attendee.name}"
    return Booking(
        id=state.next_number(),
        uid=uid,
        host_id=host.id,
        event_type_id=event_type.id,
        title=title,
        description=request.description,
        start_at=request.start_at,
        end_at=request.start_at + timedelta(minutes=minutes),
        status=request.status or usual,
        location=default_location(uid) if request.location is None else request.location,
        ics_uid=request.ics_uid or default_ics_uid(uid),
        created_at=stamp,
        updated_at=stamp,
        attendees=[],
        guests=list(request.guests),
        seated=event_type.seats is not None,
        recurring_uid=recurring_uid,
        metadata=dict(request.metadata),
        responses=dict(request.responses),
    )
