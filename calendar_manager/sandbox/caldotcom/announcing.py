"""What an account's webhooks are told when its bookings and absences change.

Source: https://cal.com/docs/developing/guides/automation/webhooks, whose payloads are older than
the API and have shapes of their own. A booking that its host confirms is announced as created, and
of an absence nothing but its beginning is told, as in Cal.com's formerly open source.
"""

from typing import Any, Literal

from calendar_manager.sandbox.caldotcom.booking import Booking
from calendar_manager.sandbox.caldotcom.state import Account, CaldotcomState, OutOfOffice
from calendar_manager.sandbox.caldotcom.times import write_instant

Json = dict[str, Any]
BookingTrigger = Literal[
    "BOOKING_CREATED",
    "BOOKING_REQUESTED",
    "BOOKING_RESCHEDULED",
    "BOOKING_CANCELLED",
    "BOOKING_REJECTED",
    "BOOKING_NO_SHOW_UPDATED",
]


def announce_booking(
    state: CaldotcomState, trigger: BookingTrigger, booking: Booking, former: Booking | None = None
) -> None:
    """Tell the host's webhooks of a booking; ``former`` is the one in whose place it came."""
    event_type, host = state.event_types[booking.event_type_id], state.owner(booking.host_id)
    payload: Json = {
        "type": event_type.slug,
        "title": booking.title,
        "description": event_type.description,
        "additionalNotes": booking.description,
        "startTime": write_instant(booking.start_at),
        "endTime": write_instant(booking.end_at),
        "organizer": {**_render_person(host), "language": {"locale": "en"}},
        "attendees": [
            {
                "email": one.email,
                "name": one.name,
                "timeZone": one.time_zone,
                "language": {"locale": one.language},
            }
            for one in booking.attendees
        ],
        "location": booking.location,
        "iCalUID": booking.ics_uid,
        "uid": booking.uid,
        "bookingId": booking.id,
        "eventTypeId": event_type.id,
        "eventTitle": event_type.title,
        "seatsPerTimeSlot": event_type.seats,
        "requiresConfirmation": event_type.requires_confirmation,
        "length": int((booking.end_at - booking.start_at).total_seconds()) // 60,
        "metadata": booking.metadata,
        "responses": booking.responses,
        "status": booking.status.upper(),
    }
    if booking.cancellation_reason is not None:
        payload["cancellationReason"] = booking.cancellation_reason
    if former is not None:
        payload["rescheduleId"] = former.id
        payload["rescheduleUid"] = former.uid
        payload["rescheduleStartTime"] = write_instant(former.start_at)
        payload["rescheduleEndTime"] = write_instant(former.end_at)
    state.webhooks.send(host.id, trigger, payload)


def announce_absence(state: CaldotcomState, entry: OutOfOffice) -> None:
    """Tell the account's webhooks of an out-of-office entry that was added."""
    payload = {
        "oooEntry": {
            "id": entry.id,
            "uuid": entry.uuid,
            "start": write_instant(entry.start_at),
            "end": write_instant(entry.end_at),
            "notes": entry.notes,
            "reason": {"reason": entry.reason},
            "user": _render_person(state.owner(entry.user_id)),
            "toUser": None,
        }
    }
    state.webhooks.send(entry.user_id, "OOO_CREATED", payload)


def _render_person(account: Account) -> Json:
    return {
        "id": account.id,
        "name": account.name,
        "email": account.email,
        "username": account.username,
        "timeZone": account.time_zone,
    }
