"""Bookings over HTTP: lists, one or a recurring one, and what is done to them.

Source: the official description of ``/v2/bookings``, whose versions are per path; the cursor list
of 2026-05-01 is https://cal.com/docs/api-reference/v2/bookings/get-all-bookings.
"""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from calendar_manager.sandbox.caldotcom import changes, moving
from calendar_manager.sandbox.caldotcom.booking import Booking
from calendar_manager.sandbox.caldotcom.booking_bodies import check_free, read_new_booking
from calendar_manager.sandbox.caldotcom.call import Call, JsonBody, begin_call, success
from calendar_manager.sandbox.caldotcom.errors import CaldotcomApiError, bad_request, not_found
from calendar_manager.sandbox.caldotcom.fields import Fields, Query
from calendar_manager.sandbox.caldotcom.listing import FILTERS, SORTS, choose, read_statuses, sort
from calendar_manager.sandbox.caldotcom.making import Made, make_bookings
from calendar_manager.sandbox.caldotcom.pages import (
    MAX_PAGE,
    anchor,
    cut_cursor_page,
    cut_offset_page,
)
from calendar_manager.sandbox.caldotcom.rendering import render_booking, render_older

router = APIRouter(prefix="/bookings")

OFFSET_VERSION = "2024-08-13"
"""The version of bookings that pages by offset."""

CURSOR_VERSION = "2026-05-01"
"""The version of ``GET /v2/bookings`` that pages by cursor."""

_NEWER_VERSION = "2026-02-25"
_READ = (OFFSET_VERSION, _NEWER_VERSION, CURSOR_VERSION)
_WRITE = (OFFSET_VERSION, _NEWER_VERSION)
_OFFSET_PARAMETERS = (*FILTERS, *SORTS, "take", "skip")
_CURSOR_PARAMETERS = (*FILTERS, "limit", "cursor")

ListCall = Annotated[Call, begin_call(*_READ, scope="BOOKING_READ", older_shape=True)]
ReadCall = Annotated[Call, begin_call(*_READ, scope="BOOKING_READ", public=True, older_shape=True)]
# Guests need no account to book, cancel or reschedule, nor does an access token need a scope.
GuestCall = Annotated[Call, begin_call(*_WRITE, public=True)]
HostCall = Annotated[Call, begin_call(*_WRITE, scope="BOOKING_WRITE")]


@router.get("")
async def list_bookings(request: Request, call: ListCall) -> Response:
    """Return one page of what the caller hosts or attends."""
    state = call.state
    offset_only = state.settings.booking_pages == "offset"
    if call.version == CURSOR_VERSION and not offset_only:
        return _list_by_cursor(Query(request, _CURSOR_PARAMETERS), call)
    known = {*_OFFSET_PARAMETERS, *(_CURSOR_PARAMETERS if offset_only else ())}
    query = Query(request, known)
    rows = sort(choose(state.bookings_of(call.account), query, state.clock()), query)
    take, skip = query.number("take", MAX_PAGE, 1, MAX_PAGE), query.number("skip", 0)
    page, pagination = cut_offset_page(rows, _cap(call, take), skip)
    if call.version is None:
        bookings = [render_older(one, state) for one in page]
        next_skip = skip + len(page) if pagination["hasNextPage"] else None
        return success({"bookings": bookings, "recurringInfo": [], "nextCursor": next_skip})
    return success(_render(page, call), pagination=pagination)


def _list_by_cursor(query: Query, call: Call) -> Response:
    state = call.state
    statuses = read_statuses(query)
    if len(statuses) > 1:
        raise bad_request("status accepts at most one value")
    status = statuses[0] if statuses else None
    rows = choose(state.bookings_of(call.account), query, state.clock())
    if state.settings.cursor_anchors:
        rows = anchor(rows, status, state.clock())
    limit = _cap(call, query.number("limit", MAX_PAGE, 1, MAX_PAGE))
    page, pagination = cut_cursor_page(rows, status, limit, query.text("cursor"))
    return success(_render(page, call), pagination=pagination)


def _cap(call: Call, asked: int) -> int:
    return min(asked, call.state.shared.page_size or asked)


def _render(bookings: list[Booking], call: Call) -> list[dict[str, object]]:
    return [render_booking(call.state, one, call.caller) for one in bookings]


@router.post("")
async def create_booking(call: GuestCall, body: JsonBody) -> Response:
    """Book a free time; of a recurring event type all recurrences, of a seated one a seat."""
    request = read_new_booking(call.state, body)
    check_free(call.state, request)
    made = make_bookings(call.state, request)
    shown = [_render_made(one, call) for one in made]
    return success(shown if request.event_type.recurrence else shown[0], 201)


def _render_made(made: Made, call: Call) -> dict[str, object]:
    shown = render_booking(call.state, made.booking, call.caller)
    seat_uid = made.attendee.seat_uid
    return shown if seat_uid is None else {**shown, "seatUid": seat_uid}


@router.get("/by-seat/{seat_uid}")
async def read_booking_by_seat(request: Request, seat_uid: str, call: ReadCall) -> Response:
    """Return the booking that a seat is in."""
    Query(request, ())
    for booking in call.state.bookings.values():
        if booking.find_seat(seat_uid) is not None:
            return success(render_booking(call.state, booking, call.caller))
    raise not_found(f"Booking with seatUid={seat_uid} was not found in the database")


@router.get("/{uid}")
async def read_booking(request: Request, uid: str, call: ReadCall) -> Response:
    """Return a booking, or of a recurring uid an array of its recurrences."""
    Query(request, ())
    recurrences = call.state.recurrences(uid)
    found = recurrences or [call.state.booking(uid)]
    if call.version is None:
        return success(render_older(found[0], call.state))
    shown = _render(found, call)
    return success(shown if recurrences else shown[0])


@router.post("/{uid}/cancel")
async def cancel_booking(uid: str, call: GuestCall, body: JsonBody) -> Response:
    """Cancel a booking, a seat, a recurrence with those after it, or all recurrences to come."""
    state = call.state
    known = ("cancellationReason", "cancelSubsequentBookings", "seatUid")
    fields = Fields(body, known)
    reason, seat_uid = fields.text("cancellationReason", None), fields.text("seatUid", None)
    by = call.caller.email if call.caller else None
    if state.recurrences(uid):
        return success(_render(changes.cancel_all(state, uid, reason, by), call))
    booking = state.booking(uid)
    if fields.flag("cancelSubsequentBookings", default=False):
        return success(_render(changes.cancel_subsequent(state, booking, reason, by), call))
    if seat_uid is not None:
        found = changes.remove_seat(state, booking, seat_uid, reason, by)
    elif booking.seated and not _is_host(call, booking):
        raise bad_request("seatUid is required to cancel a seat of a seated booking")
    else:
        found = changes.cancel(state, booking, reason, by)
    return success(_render(found, call)[0])


@router.post("/{uid}/reschedule")
async def reschedule_booking(uid: str, call: GuestCall, body: JsonBody) -> Response:
    """Move a booking, which makes a new one, or one seat."""
    state = call.state
    known = ("start", "rescheduledBy", "reschedulingReason", "seatUid", "emailVerificationCode")
    fields = Fields(body, known)
    booking, start_at = state.booking(uid), fields.instant("start")
    if start_at <= state.clock():
        raise bad_request("Attempting to book a meeting in the past.")
    if "seatUid" in fields:
        seat_uid = fields.required_text("seatUid")
        found, attendee = moving.move_seat(state, booking, seat_uid, start_at)
        return success(_render_made(Made(found[0], attendee), call), 201)
    if booking.seated and not _is_host(call, booking):
        raise bad_request("seatUid is required to reschedule a seat of a seated booking")
    by = fields.text("rescheduledBy", None)
    reason = fields.text("reschedulingReason", None)
    new = moving.reschedule(state, booking, start_at, by, reason)[0]
    return success(_render_made(Made(new, new.attendees[0]), call), 201)


@router.post("/{uid}/confirm")
async def confirm_booking(uid: str, call: HostCall) -> Response:
    """Accept a pending booking."""
    return success(_render(changes.confirm(call.state, _hosted(call, uid)), call)[0])


@router.post("/{uid}/decline")
async def decline_booking(uid: str, call: HostCall, body: JsonBody) -> Response:
    """Reject a pending booking."""
    Fields(body, ("reason",)).text("reason", None)
    return success(_render(changes.decline(call.state, _hosted(call, uid)), call)[0])


@router.post("/{uid}/mark-absent")
async def mark_absent(uid: str, call: HostCall, body: JsonBody) -> Response:
    """Note who did not come."""
    state, booking = call.state, _hosted(call, uid)
    fields = Fields(body, ("host", "attendees"))
    host_absent = fields.flag("host", None)
    guests = [Fields(row, ("email", "absent"), "attendees.") for row in fields.rows("attendees")]
    wanted = [(one.email("email"), one.flag("absent", default=False)) for one in guests]
    for email, absent in wanted:
        changes.mark_guest_absent(state, booking, email, absent=absent)
    if host_absent is not None:
        changes.mark_host_absent(state, booking, absent=host_absent)
    return success(render_booking(state, booking, call.caller))


def _is_host(call: Call, booking: Booking) -> bool:
    return call.caller is not None and call.caller.id == booking.host_id


def _hosted(call: Call, uid: str) -> Booking:
    booking = call.state.booking(uid)
    if not _is_host(call, booking):
        raise CaldotcomApiError(403, f"User is not the host of booking with uid={uid}")
    return booking
