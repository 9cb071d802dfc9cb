"""How bookings move: a new uid and a cancelled old one, or a seat, or a seated booking as a whole.

Source: the official description of ``/reschedule``; what it leaves open about seats is as in
Cal.com's formerly open source.
"""

from dataclasses import replace
from datetime import UTC, datetime

from calendar_manager.sandbox.caldotcom.announcing import BookingTrigger, announce_booking
from calendar_manager.sandbox.caldotcom.booking import Attendee, Booking
from calendar_manager.sandbox.caldotcom.changes import cancel, touch
from calendar_manager.sandbox.caldotcom.errors import bad_request
from calendar_manager.sandbox.caldotcom.making import (
    BookingRequest,
    default_location,
    find_seated,
    place_bookings,
    take_seat,
)
from calendar_manager.sandbox.caldotcom.state import CaldotcomState
from calendar_manager.sandbox.caldotcom.times import cut_to_milliseconds


def reschedule(
    state: CaldotcomState,
    booking: Booking,
    start_at: datetime,
    by: str | None,
    reason: str | None,
) -> list[Booking]:
    """Move a booking; return the new one, then the old one that is now cancelled.

    The new one has another uid and the same iCalendar UID. It is pending where the event type wants
    confirmation, unless its host moves it. A seated one moves with all its guests and keeps its
    uid; where it meets another at its new time the guests join that one.

    Raises:
        CaldotcomApiError: 400, it is over already, and not because its host asked for another time.
    """
    _require_movable(state, booking)
    start_at = cut_to_milliseconds(start_at.astimezone(UTC))
    if booking.seated:
        return _move_seated(state, booking, start_at, reason)
    event_type, host = state.event_types[booking.event_type_id], state.owner(booking.host_id)
    uid, stamp = state.make_uid(), state.stamp()
    pending = event_type.requires_confirmation and by != host.email
    own_link = booking.location == default_location(booking.uid)
    new = replace(
        booking,
        id=state.next_number(),
        uid=uid,
        start_at=start_at,
        end_at=start_at + (booking.end_at - booking.start_at),
        status="pending" if pending else "accepted",
        location=default_location(uid) if own_link else booking.location,
        created_at=stamp,
        updated_at=stamp,
        attendees=[replace(one, absent=False) for one in booking.attendees],
        guests=list(booking.guests),
        rescheduled_from_uid=booking.uid,
        rescheduled=False,
        rescheduled_by=by,
        rescheduling_reason=reason,
        cancellation_reason=None,
        cancelled_by=None,
        absent_host=False,
    )
    state.bookings[uid] = new
    state.successors[booking.uid] = uid
    booking.rescheduled = True
    booking.status = "cancelled"
    touch(state, booking)
    # Of a move that its host has to confirm Cal.com tells as of a new request
    # (calcom/cal.diy#21169).
    trigger: BookingTrigger = "BOOKING_REQUESTED" if pending else "BOOKING_RESCHEDULED"
    announce_booking(state, trigger, new, booking)
    return [new, booking]


def request_reschedule(
    state: CaldotcomState, booking: Booking, reason: str | None, by: str
) -> list[Booking]:
    """Cancel a booking and ask its guest for another time, as only a host does.

    Raises:
        CaldotcomApiError: 400, it is over already.
    """
    cancel(state, booking, reason, by)
    booking.rescheduled = True
    return [booking]


def move_seat(
    state: CaldotcomState, booking: Booking, seat_uid: str, start_at: datetime
) -> tuple[list[Booking], Attendee]:
    """Move one guest of a seated booking to another time, where the seat keeps its uid.

    Returns:
        The booking that the guest is in now, the one left, which is cancelled if it is empty, and
        the guest.

    Raises:
        CaldotcomApiError: 400, it is over, there is no such seat, or none is free at that time.
    """
    _require_movable(state, booking)
    seat = booking.find_seat(seat_uid)
    if seat is None:
        raise bad_request(f"Booking with uid={booking.uid} has no seat with seatUid={seat_uid}.")
    request = BookingRequest(
        event_type=replace(state.event_types[booking.event_type_id], recurrence=None),
        start_at=cut_to_milliseconds(start_at.astimezone(UTC)),
        attendee=seat,
        location=None if booking.location == default_location(booking.uid) else booking.location,
    )
    if request.start_at == booking.start_at:
        raise bad_request("The seat is at this time already.")
    (made,) = place_bookings(state, request)
    booking.attendees.remove(seat)
    if not booking.attendees:
        booking.status = "cancelled"
    touch(state, booking)
    announce_booking(state, "BOOKING_RESCHEDULED", made.booking, booking)
    return [made.booking, booking], made.attendee


def _move_seated(
    state: CaldotcomState, booking: Booking, start_at: datetime, reason: str | None
) -> list[Booking]:
    event_type = state.event_types[booking.event_type_id]
    other = find_seated(state, event_type, start_at)
    if other is None or other is booking:
        booking.end_at = start_at + (booking.end_at - booking.start_at)
        booking.start_at = start_at
        booking.rescheduling_reason = reason
        touch(state, booking)
        announce_booking(state, "BOOKING_RESCHEDULED", booking)
        return [booking]
    if len(other.attendees) + len(booking.attendees) > (event_type.seats or 0):
        raise bad_request("Booking does not have enough available seats")
    for attendee in booking.attendees:
        if all(one.email != attendee.email for one in other.attendees):
            take_seat(state, other, event_type, attendee)
    booking.attendees.clear()
    booking.status = "cancelled"
    touch(state, booking)
    announce_booking(state, "BOOKING_RESCHEDULED", other, booking)
    return [other, booking]


def _require_movable(state: CaldotcomState, booking: Booking) -> None:
    asked_for = booking.rescheduled and booking.uid not in state.successors
    if booking.over and not asked_for:
        raise bad_request(
            f"Can't reschedule booking with uid={booking.uid} because it has been "
            f"{booking.status} already."
        )
