"""What hosts and guests do to bookings, other than moving them.

Each function returns the bookings that it touched. Every touch stamps ``updatedAt``, and the host's
webhooks hear of it.
"""

from calendar_manager.sandbox.caldotcom.announcing import announce_booking
from calendar_manager.sandbox.caldotcom.booking import Booking
from calendar_manager.sandbox.caldotcom.errors import bad_request
from calendar_manager.sandbox.caldotcom.state import CaldotcomState


def touch(state: CaldotcomState, booking: Booking) -> Booking:
    """Stamp a change; a stamp never goes back."""
    booking.updated_at = max(booking.updated_at, state.stamp())
    return booking


def confirm(state: CaldotcomState, booking: Booking) -> list[Booking]:
    """Accept a pending booking.

    Raises:
        CaldotcomApiError: 400, it is not pending.
    """
    _require_pending(booking, "confirm")
    booking.status = "accepted"
    touch(state, booking)
    announce_booking(state, "BOOKING_CREATED", booking)
    return [booking]


def decline(state: CaldotcomState, booking: Booking) -> list[Booking]:
    """Reject a pending booking; the API never shows why.

    Raises:
        CaldotcomApiError: 400, it is not pending.
    """
    _require_pending(booking, "decline")
    booking.status = "rejected"
    touch(state, booking)
    announce_booking(state, "BOOKING_REJECTED", booking)
    return [booking]


def cancel(
    state: CaldotcomState, booking: Booking, reason: str | None, by: str | None
) -> list[Booking]:
    """Cancel a booking, of a seated one all seats.

    Raises:
        CaldotcomApiError: 400, it is over already.
    """
    if booking.over:
        raise bad_request(
            f"Can't cancel booking with uid={booking.uid} because it has been {booking.status} "
            "already. Please provide uid of a booking that is not cancelled."
        )
    booking.status = "cancelled"
    booking.cancellation_reason = reason
    booking.cancelled_by = by
    touch(state, booking)
    announce_booking(state, "BOOKING_CANCELLED", booking)
    return [booking]


def cancel_subsequent(
    state: CaldotcomState, booking: Booking, reason: str | None, by: str | None
) -> list[Booking]:
    """Cancel a recurrence and those after it.

    Raises:
        CaldotcomApiError: 400, it is no recurrence, is seated, or nothing is left to cancel.
    """
    if booking.recurring_uid is None:
        raise bad_request("cancelSubsequentBookings is for recurring bookings only")
    later = [
        one for one in state.recurrences(booking.recurring_uid) if one.start_at >= booking.start_at
    ]
    return _cancel_recurrences(state, later, reason, by)


def cancel_all(
    state: CaldotcomState, recurring_uid: str, reason: str | None, by: str | None
) -> list[Booking]:
    """Cancel every recurrence that has not begun.

    Raises:
        CaldotcomApiError: 400, they are seated, or nothing is left to cancel.
    """
    now_at = state.clock()
    coming = [one for one in state.recurrences(recurring_uid) if one.start_at >= now_at]
    return _cancel_recurrences(state, coming, reason, by)


def remove_seat(
    state: CaldotcomState, booking: Booking, seat_uid: str, reason: str | None, by: str | None
) -> list[Booking]:
    """Take one guest out of a seated booking; without the last one it is cancelled.

    Raises:
        CaldotcomApiError: 400, it is over already or has no such seat.
    """
    seat = booking.find_seat(seat_uid)
    if seat is None:
        raise bad_request(f"Booking with uid={booking.uid} has no seat with seatUid={seat_uid}.")
    if len(booking.attendees) == 1:
        return cancel(state, booking, reason, by or seat.email)
    if booking.over:
        raise bad_request(f"Booking with uid={booking.uid} has been {booking.status} already.")
    booking.attendees.remove(seat)
    touch(state, booking)
    announce_booking(state, "BOOKING_CANCELLED", booking)
    return [booking]


def mark_host_absent(state: CaldotcomState, booking: Booking, *, absent: bool) -> list[Booking]:
    """Note that the host did not come, or take it back."""
    booking.absent_host = absent
    touch(state, booking)
    announce_booking(state, "BOOKING_NO_SHOW_UPDATED", booking)
    return [booking]


def mark_guest_absent(
    state: CaldotcomState, booking: Booking, email: str, *, absent: bool
) -> list[Booking]:
    """Note that a guest did not come, or take it back.

    Raises:
        CaldotcomApiError: 400, no guest has this address.
    """
    guest = next((one for one in booking.attendees if one.email == email.lower()), None)
    if guest is None:
        raise bad_request(f"Booking with uid={booking.uid} has no attendee {email}.")
    guest.absent = absent
    touch(state, booking)
    announce_booking(state, "BOOKING_NO_SHOW_UPDATED", booking)
    return [booking]


def _cancel_recurrences(
    state: CaldotcomState, found: list[Booking], reason: str | None, by: str | None
) -> list[Booking]:
    if any(one.seated for one in found):
        raise bad_request("Recurring seated bookings have to be cancelled one by one.")
    live = [one for one in found if not one.over]
    if not live:
        raise bad_request("There is no booking left to cancel.")
    return [cancelled for one in live for cancelled in cancel(state, one, reason, by)]


def _require_pending(booking: Booking, verb: str) -> None:
    if booking.status != "pending":
        raise bad_request(
            f"Can't {verb} booking with uid={booking.uid}: it is {booking.status}, not pending."
        )
