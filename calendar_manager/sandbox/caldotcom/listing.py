"""Which bookings a list shows, and in which order.

Source: the official description of ``GET /v2/bookings``; what each ``status`` means and that the
time bounds are inclusive is as in Cal.com's formerly open source.
"""

from collections.abc import Callable
from datetime import datetime

from calendar_manager.sandbox.caldotcom.booking import Booking
from calendar_manager.sandbox.caldotcom.errors import bad_request
from calendar_manager.sandbox.caldotcom.fields import Query

STATUSES = ("upcoming", "recurring", "past", "cancelled", "unconfirmed")
"""What ``status`` may ask for; these are not the statuses of bookings."""

FILTERS = (
    "status",
    "attendeeEmail",
    "attendeeName",
    "bookingUid",
    "eventTypeIds",
    "eventTypeId",
    "teamsIds",
    "teamId",
    "afterStart",
    "beforeEnd",
    "afterCreatedAt",
    "beforeCreatedAt",
    "afterUpdatedAt",
    "beforeUpdatedAt",
)
"""The parameters that choose bookings."""

SORTS = ("sortStart", "sortEnd", "sortCreated", "sortUpdatedAt")
"""The parameters that sort bookings, the strongest first."""

NEWEST_FIRST = frozenset({"past", "cancelled"})
"""The statuses whose lists run backwards in time."""

_INSTANTS: dict[str, Callable[[Booking], datetime]] = {
    "Start": lambda one: one.start_at,
    "End": lambda one: one.end_at,
    "CreatedAt": lambda one: one.created_at,
    "UpdatedAt": lambda one: one.updated_at,
    "Created": lambda one: one.created_at,
}


def read_statuses(query: Query) -> list[str]:
    """Return the statuses asked for; none means every booking.

    Raises:
        CaldotcomApiError: 400, one is unknown.
    """
    statuses = query.words("status")
    if any(status not in STATUSES for status in statuses):
        raise bad_request(f"Invalid status. Allowed are {', '.join(STATUSES)}")
    return statuses


def choose(bookings: list[Booking], query: Query, now_at: datetime) -> list[Booking]:
    """Return the bookings that the query's filters let through.

    Raises:
        CaldotcomApiError: 400, a value cannot be read.
    """
    statuses = read_statuses(query)
    ids = query.numbers("eventTypeIds") | query.numbers("eventTypeId")
    # Nobody here is in a team.
    in_team = bool(query.numbers("teamsIds") | query.numbers("teamId"))
    uid, email, name = (
        query.text("bookingUid"),
        query.text("attendeeEmail"),
        query.text("attendeeName"),
    )
    bounds = _read_bounds(query)
    return [
        one
        for one in bookings
        if not in_team
        and (not statuses or any(is_listed(one, status, now_at) for status in statuses))
        and (not ids or one.event_type_id in ids)
        and uid in {None, one.uid}
        and (email is None or any(guest.email == email for guest in one.attendees))
        and (name is None or any(guest.name == name for guest in one.attendees))
        and all(bound(one) for bound in bounds)
    ]


def is_listed(booking: Booking, status: str, now_at: datetime) -> bool:
    """Tell whether a booking is listed under a status."""
    coming = booking.end_at >= now_at
    if status == "upcoming":
        accepted = booking.status == "accepted"
        return coming and (accepted if booking.recurring_uid else not booking.over)
    if status == "recurring":
        return coming and booking.recurring_uid is not None and not booking.over
    if status == "past":
        return booking.end_at <= now_at and not booking.over
    if status == "cancelled":
        return booking.over
    return coming and booking.status == "pending"


def sort(bookings: list[Booking], query: Query) -> list[Booking]:
    """Return the bookings in the order asked for; by default by start, of one status in its own.

    Raises:
        CaldotcomApiError: 400, a direction is unknown.
    """
    directions = {name: query.one_of(name, ("asc", "desc")) for name in SORTS}
    name = next((name for name in SORTS if directions[name]), None)
    if name is not None:
        key = _INSTANTS[name.removeprefix("sort")]
        descending = directions[name] == "desc"
    else:
        key = _INSTANTS["Start"]
        statuses = read_statuses(query)
        descending = len(statuses) == 1 and statuses[0] in NEWEST_FIRST
    return sorted(bookings, key=lambda one: (key(one), one.id), reverse=descending)


def _read_bounds(query: Query) -> list[Callable[[Booking], bool]]:
    def bound(name: str) -> Callable[[Booking], bool] | None:
        at = query.instant(name)
        key = _INSTANTS[name.removeprefix("after").removeprefix("before")]
        if at is None:
            return None
        if name.startswith("after"):
            return lambda one: key(one) >= at
        return lambda one: key(one) <= at

    named = (bound(name) for name in FILTERS if name.startswith(("after", "before")))
    return [one for one in named if one is not None]
