"""Bookings as the API shows them."""

from typing import Any

from calendar_manager.sandbox.caldotcom.booking import Attendee, Booking
from calendar_manager.sandbox.caldotcom.state import Account, CaldotcomState
from calendar_manager.sandbox.caldotcom.times import write_instant

Json = dict[str, Any]


def render_booking(state: CaldotcomState, booking: Booking, viewer: Account | None = None) -> Json:
    """Return a booking in the shape of 2024-08-13, which later versions share.

    A seated booking's guests stay hidden from all but its host where the event type says so.
    """
    event_type = state.event_types[booking.event_type_id]
    body: Json = {
        "id": booking.id,
        "uid": booking.uid,
        "title": booking.title,
        "description": booking.description,
        "hosts": [render_host(state.owner(booking.host_id))],
        "status": booking.status,
        "start": write_instant(booking.start_at),
        "end": write_instant(booking.end_at),
        "duration": int((booking.end_at - booking.start_at).total_seconds()) // 60,
        "eventTypeId": event_type.id,
        "eventType": {"id": event_type.id, "slug": event_type.slug},
        "meetingUrl": booking.location,
        "location": booking.location,
        "absentHost": booking.absent_host,
        "createdAt": write_instant(booking.created_at),
        "updatedAt": write_instant(booking.updated_at),
        "metadata": booking.metadata,
        "icsUid": booking.ics_uid,
        **_render_past(state, booking),
    }
    if booking.recurring_uid is not None:
        body["recurringBookingUid"] = booking.recurring_uid
    if booking.seated:
        shown = event_type.shows_attendees or (viewer and viewer.id == booking.host_id)
        body["attendees"] = [_render_seated(one) for one in booking.attendees] if shown else []
        return body
    body["attendees"] = [_render_attendee(one) for one in booking.attendees]
    body["guests"] = booking.guests
    body["bookingFieldsResponses"] = booking.responses
    return body


def render_host(account: Account) -> Json:
    """Return a host of a booking."""
    return {
        "id": account.id,
        "name": account.name,
        "email": account.email,
        "displayEmail": account.email,
        "username": account.username,
        "timeZone": account.time_zone,
    }


def _render_past(state: CaldotcomState, booking: Booking) -> Json:
    """Return what happened to it: cancelled, moved, or made of another."""
    successor = state.bookings.get(state.successors.get(booking.uid, ""))
    found: Json = {
        "rescheduledFromUid": booking.rescheduled_from_uid,
        "reschedulingReason": booking.rescheduling_reason,
        "rescheduledByEmail": (successor or booking).rescheduled_by,
    }
    if booking.status == "cancelled":
        found["cancellationReason"] = booking.cancellation_reason
        found["cancelledByEmail"] = booking.cancelled_by
    shown = {name: value for name, value in found.items() if value is not None}
    if booking.rescheduled:
        # It is null after the host asked for another time, until a guest picks one; the official
        # description knows no null here (calcom/cal.diy#28543).
        shown["rescheduledToUid"] = successor.uid if successor else None
    return shown


def _render_attendee(attendee: Attendee) -> Json:
    body: Json = {
        "name": attendee.name,
        "email": attendee.email,
        "displayEmail": attendee.email,
        "timeZone": attendee.time_zone,
        "language": attendee.language,
        "absent": attendee.absent,
    }
    if attendee.phone_number is not None:
        body["phoneNumber"] = attendee.phone_number
    return body


def _render_seated(attendee: Attendee) -> Json:
    return {
        **_render_attendee(attendee),
        "seatUid": attendee.seat_uid,
        "bookingFieldsResponses": attendee.responses,
        "metadata": {},
    }


def render_older(booking: Booking, state: CaldotcomState) -> Json:
    """Return a booking in the shape of 2024-04-15, from before the official description."""
    event_type = state.event_types[booking.event_type_id]
    host = state.owner(booking.host_id)
    attendees = [
        {"id": index, "name": one.name, "email": one.email, "timeZone": one.time_zone}
        for index, one in enumerate(booking.attendees, 1)
    ]
    return {
        "id": booking.id,
        "uid": booking.uid,
        "title": booking.title,
        "description": booking.description,
        "startTime": write_instant(booking.start_at),
        "endTime": write_instant(booking.end_at),
        "status": booking.status.upper(),
        "location": booking.location,
        "recurringEventId": booking.recurring_uid,
        "rescheduled": booking.rescheduled,
        "eventType": {"id": event_type.id, "slug": event_type.slug, "title": event_type.title},
        "user": {"id": host.id, "name": host.name, "email": host.email},
        "attendees": attendees,
        "createdAt": write_instant(booking.created_at),
        "updatedAt": write_instant(booking.updated_at),
    }
