"""Cal.com's bookings and profile as ours: pure functions that believe nothing.

Whatever is wrong with a booking costs at most that booking; see :func:`normalize_booking`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from calendar_manager.domain.accounts import AccessRole, RemoteCalendar
from calendar_manager.domain.changes import Deleted, Rejected, RemoteChange, Upserted
from calendar_manager.domain.errors import DomainError
from calendar_manager.domain.events import Event, EventKind, EventStatus
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.caldotcom.fields import (
    read_id,
    read_instant,
    read_mapping,
    read_text,
    read_web_address,
)
from calendar_manager.providers.caldotcom.people import Account, read_people

NORMALIZER_VERSION = 1
"""Counts up with every change after which stored events have to be read anew."""

CALENDAR_ID = "bookings"
"""The one calendar of an account, which is ours: Cal.com has bookings and no calendars."""

OUT_OF_OFFICE_PREFIX = "ooo:"
"""What the ids of absences begin with, and no booking's."""

ID_LIMIT = 1_024
TITLE_LIMIT = 1_024
DESCRIPTION_LIMIT = 8_192
ADDRESS_LIMIT = 2_048

FIRST_YEAR = 2
LAST_YEAR = 9998
"""Outside these years arithmetic with days and zones leaves the range of Python's dates."""

_STATUSES = {
    "accepted": EventStatus.CONFIRMED,
    "pending": EventStatus.TENTATIVE,
    "awaiting_host": EventStatus.TENTATIVE,
    "cancelled": EventStatus.CANCELLED,
    "rejected": EventStatus.CANCELLED,
}
# Where a meeting takes place that has no address yet, such as "integrations:daily".
_PLACEHOLDER = "integrations:"
_LONGEST_MINUTES = 366 * 24 * 60


class UnreadableBookingError(ValueError):
    """A booking lacks what it cannot do without; the message is for a person."""


def make_calendar(account: Account) -> RemoteCalendar:
    """Return the calendar that stands for all bookings and absences of an account."""
    return RemoteCalendar(
        provider_calendar_id=CALENDAR_ID,
        name="Cal.com bookings",
        time_zone=account.time_zone,
        color=None,
        primary=True,
        access_role=AccessRole.READER,
        selected=True,
    )


def normalize_booking(item: object, *, account: Account) -> RemoteChange:
    """Turn one booking into a change; never raises.

    Every occurrence of a recurring booking is a booking with a uid of its own, and stays one.
    A booking with seats is one event for all of them. Rescheduling makes a booking with a new
    uid and mostly the old ``icsUid``, which is the link between the two; the old one is cancelled
    even if it only says so by ``rescheduledToUid``. That another booking names it by
    ``rescheduledFromUid`` does not cancel it, because one seat may move while the others stay.

    Args:
        item: A :class:`~calendar_manager.providers.caldotcom.wire.CalDotComBooking`, or anything.
        account: The account that we read.

    Returns:
        The event; its deletion when the booking is somebody else's, who may have taken it over
        from us; or why it could not be read.
    """
    fields = read_mapping(item)
    uid = read_text(fields.get("uid"), limit=ID_LIMIT + 1)
    if uid is None:
        return Rejected(None, "it has no uid")
    if len(uid.encode()) > ID_LIMIT:
        return Rejected(None, f"its uid is longer than {ID_LIMIT} bytes")
    if uid.startswith(OUT_OF_OFFICE_PREFIX):
        return Rejected(None, f"its uid begins with {OUT_OF_OFFICE_PREFIX!r}")
    try:
        return _read_change(fields, uid, account)
    except (DomainError, UnreadableBookingError, OverflowError) as error:
        return Rejected(uid, str(error))


def read_updated_at(item: object) -> datetime | None:
    """Return when Cal.com last changed a booking, None when that cannot be read."""
    return read_instant(read_mapping(item).get("updatedAt"))


def read_year_checked(value: object, what: str) -> datetime:
    """Return an instant in a year that can be calculated with.

    Raises:
        UnreadableBookingError: There is none.
    """
    instant = read_instant(value)
    if instant is None:
        raise UnreadableBookingError(f"it has no {what} that can be read")
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise UnreadableBookingError(f"its {what} is in the year {instant.year}")
    return instant


def _read_change(fields: Mapping[str, object], uid: str, account: Account) -> RemoteChange:
    people = read_people(fields, account)
    if not people.mine:
        return Deleted(uid)
    location = read_text(fields.get("location"), limit=ADDRESS_LIMIT)
    address = read_web_address(fields.get("location"), limit=ADDRESS_LIMIT)
    named = location is not None and address is None and not location.startswith(_PLACEHOLDER)
    return Upserted(
        Event(
            provider_event_id=uid,
            kind=EventKind.SINGLE,
            when=_read_when(fields),
            time_zone=people.time_zone or account.time_zone,
            title=_read_title(fields),
            ical_uid=read_text(fields.get("icsUid"), limit=ID_LIMIT),
            status=_read_status(fields, uid),
            my_response=people.my_response,
            location=location if named else None,
            meeting_url=address or read_web_address(fields.get("meetingUrl"), limit=ADDRESS_LIMIT),
            description=read_text(fields.get("description"), limit=DESCRIPTION_LIMIT),
            organizer=people.organizer,
            attendees=people.attendees,
            provider_updated_at=read_updated_at(fields),
        )
    )


def _read_status(fields: Mapping[str, object], uid: str) -> EventStatus:
    """Return the status; one that we do not know keeps its time taken."""
    successor = read_text(fields.get("rescheduledToUid"), limit=ID_LIMIT)
    if successor is not None and successor != uid:
        return EventStatus.CANCELLED
    return _STATUSES.get(str(fields.get("status")).lower(), EventStatus.CONFIRMED)


def _read_when(fields: Mapping[str, object]) -> Span:
    """Return the instants; a booking without an end lasts for its ``duration`` in minutes."""
    start = read_year_checked(fields.get("start"), "start")
    minutes = fields.get("duration")
    if fields.get("end") is not None or not isinstance(minutes, int) or minutes is True:
        return Span(start, read_year_checked(fields.get("end"), "end"))
    if not 0 < minutes <= _LONGEST_MINUTES:
        raise UnreadableBookingError(f"it has no end, and a duration of {minutes:.3g} minutes")
    return Span(start, start + timedelta(minutes=minutes))


def _read_title(fields: Mapping[str, object]) -> str:
    """Return the title, or else the name of what was booked."""
    event_type = read_mapping(fields.get("eventType"))
    candidates = (fields.get("title"), event_type.get("title"), event_type.get("slug"))
    titles = (read_text(candidate, limit=TITLE_LIMIT) for candidate in candidates)
    return next((title for title in titles if title), "")


def read_row_id(item: object) -> str | None:
    """Return what tells one row of a list from another: a booking's uid, an absence's id."""
    fields = read_mapping(item)
    for key in ("uid", "uuid", "id"):
        found = read_id(fields.get(key), limit=ID_LIMIT)
        if found is not None:
            return found
    return None
