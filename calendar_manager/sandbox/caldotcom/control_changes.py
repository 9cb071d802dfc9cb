"""What ``ControlClient.caldotcom.mutate`` does to bookings, kind by kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict

from calendar_manager.sandbox.caldotcom import changes, moving
from calendar_manager.sandbox.caldotcom.announcing import announce_booking
from calendar_manager.sandbox.caldotcom.booking import Attendee, Booking
from calendar_manager.sandbox.caldotcom.errors import bad_request, not_found
from calendar_manager.sandbox.caldotcom.making import take_seat
from calendar_manager.sandbox.caldotcom.state import Account, CaldotcomState

_T = TypeVar("_T")


class Change(BaseModel):
    """The options of a change; ``caldotcom_control_client.BookingChange`` describes them."""

    model_config = ConfigDict(extra="forbid")

    start: AwareDatetime | None = None
    by: str | None = None
    reason: str | None = None
    attendee_email: str | None = None
    attendee_name: str | None = None
    absent: bool = True
    seat_uid: str | None = None


@dataclass(frozen=True)
class _Act:
    """A change to one booking of a host."""

    state: CaldotcomState
    host: Account
    booking: Booking
    change: Change

    @property
    def guest_or_other(self) -> str | None:
        """Who does it: whoever is named, else the first guest."""
        guests = self.booking.attendees
        return self.change.by or (guests[0].email if guests else None)


def apply_change(
    state: CaldotcomState, host: Account, kind: str, uid: str, change: Change
) -> list[Booking]:
    """Change a booking and return those touched, as they are now.

    Raises:
        CaldotcomApiError: 404, the host has no such booking or there is no such kind; 400, an
            option is missing or the booking does not allow it.
    """
    recurrences = state.recurrences(uid)
    booking = recurrences[0] if recurrences else state.booking(uid)
    if booking.host_id != host.id:
        raise not_found(f"{host.email} does not host a booking with uid={uid}")
    if kind not in _KINDS:
        raise not_found(f"There is no change {kind}")
    return _KINDS[kind](_Act(state, host, booking, change))


def _confirm(act: _Act) -> list[Booking]:
    return changes.confirm(act.state, act.booking)


def _decline(act: _Act) -> list[Booking]:
    return changes.decline(act.state, act.booking)


def _cancel(act: _Act) -> list[Booking]:
    return changes.cancel(act.state, act.booking, act.change.reason, act.guest_or_other)


def _cancel_subsequent(act: _Act) -> list[Booking]:
    return changes.cancel_subsequent(act.state, act.booking, act.change.reason, act.guest_or_other)


def _cancel_all(act: _Act) -> list[Booking]:
    if act.booking.recurring_uid is None:
        raise bad_request("The booking is not a recurring one")
    return changes.cancel_all(
        act.state, act.booking.recurring_uid, act.change.reason, act.guest_or_other
    )


def _reschedule(act: _Act) -> list[Booking]:
    start_at = _given(act.change.start, "start")
    if act.change.seat_uid is not None:
        return moving.move_seat(act.state, act.booking, act.change.seat_uid, start_at)[0]
    return moving.reschedule(
        act.state, act.booking, start_at, act.guest_or_other, act.change.reason
    )


def _request_reschedule(act: _Act) -> list[Booking]:
    by = act.change.by or act.host.email
    return moving.request_reschedule(act.state, act.booking, act.change.reason, by)


def _add_seat(act: _Act) -> list[Booking]:
    if not act.booking.seated or act.booking.over:
        raise bad_request("The booking has no seats to take")
    email = _given(act.change.attendee_email, "attendee_email").lower()
    name = act.change.attendee_name or email.partition("@")[0].replace(".", " ").title()
    event_type = act.state.event_types[act.booking.event_type_id]
    take_seat(act.state, act.booking, event_type, Attendee(email, name, "UTC"))
    announce_booking(act.state, "BOOKING_CREATED", act.booking)
    return [act.booking]


def _remove_seat(act: _Act) -> list[Booking]:
    seat_uid = _given(act.change.seat_uid, "seat_uid")
    return changes.remove_seat(act.state, act.booking, seat_uid, act.change.reason, act.change.by)


def _mark_absent(act: _Act) -> list[Booking]:
    email, absent = act.change.attendee_email, act.change.absent
    if email is None:
        return changes.mark_host_absent(act.state, act.booking, absent=absent)
    return changes.mark_guest_absent(act.state, act.booking, email, absent=absent)


def _given(value: _T | None, name: str) -> _T:
    if value is None:
        raise bad_request(f"{name} is required")
    return value


_KINDS: dict[str, Callable[[_Act], list[Booking]]] = {
    "confirm": _confirm,
    "decline": _decline,
    "cancel": _cancel,
    "cancel_subsequent": _cancel_subsequent,
    "cancel_all": _cancel_all,
    "reschedule": _reschedule,
    "request_reschedule": _request_reschedule,
    "add_seat": _add_seat,
    "remove_seat": _remove_seat,
    "mark_absent": _mark_absent,
}
