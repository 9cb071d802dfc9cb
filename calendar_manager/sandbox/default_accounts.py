"""The accounts that a sandbox has when it is run: one freelancer's, at each provider.

Mara Lind keeps her work and her private life in Google, has a mailbox in the tenant of a client in
London, and takes bookings through Cal.com. Some of it overlaps, and one booking stands both in
Cal.com and in Google, as it does when Cal.com writes into a connected calendar.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from calendar_manager.sandbox.caldotcom.booking import Attendee, Booking, Status
from calendar_manager.sandbox.caldotcom.changes import cancel
from calendar_manager.sandbox.caldotcom.making import BookingRequest, make_bookings
from calendar_manager.sandbox.caldotcom.moving import reschedule
from calendar_manager.sandbox.caldotcom.out_of_office import add_entry
from calendar_manager.sandbox.caldotcom.state import Account as CaldotcomAccount
from calendar_manager.sandbox.caldotcom.state import CaldotcomState
from calendar_manager.sandbox.google.bodies import new_body
from calendar_manager.sandbox.google.calendar import Calendar as GoogleCalendar
from calendar_manager.sandbox.google.calendars import change_calendar
from calendar_manager.sandbox.google.seeding import SeedResult, seed_calendar
from calendar_manager.sandbox.google.state import GoogleState
from calendar_manager.sandbox.graph.seeding import seed_calendar as seed_outlook
from calendar_manager.sandbox.graph.state import GraphState
from calendar_manager.sandbox.ics_seed import read_ics
from calendar_manager.sandbox.ics_shift import monday_of, shift_to_week
from calendar_manager.sandbox.seeds import load_seed

GOOGLE_ACCOUNT: Final = "freelancer@example.com"
MICROSOFT_ACCOUNT: Final = "mara.lind@harbour.example"
CALDOTCOM_ACCOUNT: Final = "mara@lind.example"

ACCOUNTS: Final = {
    "Google": GOOGLE_ACCOUNT,
    "Microsoft 365": MICROSOFT_ACCOUNT,
    "Cal.com": CALDOTCOM_ACCOUNT,
}
"""The account at each provider, for people to read."""

NAME: Final = "Mara Lind"
HOME_ZONE: Final = "Europe/Berlin"
CLIENT_ZONE: Final = "Europe/London"

_EVENT_TYPE: Final = "30min"
_TUESDAY, _WEDNESDAY, _THURSDAY, _FRIDAY = range(1, 5)


def choose_monday(now_at: datetime) -> date:
    """Return the Monday of the week that the accounts' calendars are about.

    From Friday on, in the freelancer's zone, it is the next week: little is left of this one.
    """
    today = now_at.astimezone(ZoneInfo(HOME_ZONE)).date()
    monday = monday_of(today)
    return monday if today.weekday() < _FRIDAY else monday + timedelta(weeks=1)


def describe_accounts() -> str:
    """Return the accounts as part of a sentence."""
    *first, last = (f"{account} ({provider})" for provider, account in ACCOUNTS.items())
    return f"{', '.join(first)} and {last}"


def add_google_account(state: GoogleState, monday: date, own: bytes | None) -> SeedResult:
    """Create the Google account with a working and a private calendar.

    Args:
        state: The sandbox's Google.
        monday: First day of the week that it is about.
        own: A person's own iCalendar file, whose events then are all there is.
    """
    account = state.add_account(GOOGLE_ACCOUNT, NAME, HOME_ZONE)
    calendar = state.calendars[account.email]
    change_calendar(state, calendar, {"summary": "Work"})
    if own is not None:
        return seed_calendar(state, calendar, read_ics(own, HOME_ZONE))
    result = _seed_packaged(state, calendar, "freelancer", monday)
    _seed_packaged(state, state.add_calendar(account, "Private", HOME_ZONE), "private", monday)
    return result


def add_microsoft_account(state: GraphState, monday: date) -> None:
    """Create the mailbox in the client's tenant."""
    account = state.add_account(MICROSOFT_ACCOUNT, NAME, None, CLIENT_ZONE)
    text = shift_to_week(load_seed("client_tenant"), monday)
    seed_outlook(state, account.default_calendar, read_ics(text, CLIENT_ZONE))


def add_caldotcom_account(state: CaldotcomState, monday: date) -> Booking:
    """Create the Cal.com account with bookings of every kind and an absence.

    Returns:
        The booking that Cal.com also writes into a connected calendar.
    """
    account = state.add_account(CALDOTCOM_ACCOUNT, NAME, HOME_ZONE, None)
    desk = _BookingDesk(state, account, monday)
    written = desk.book("Intro call", "ida.berg@northwind.example", _TUESDAY, time(9, 30))
    desk.book("Contract talk", "nora.weiss@kontor.example", 0, time(15), "pending")
    desk.book("Website check", "tom.fox@foxglove.example", _WEDNESDAY, time(9, 45))
    desk.book("Follow-up", "ida.berg@northwind.example", 7, time(14))
    moved = desk.book("Coaching", "jan.roth@roth.example", _WEDNESDAY, time(11))
    reschedule(state, moved, desk.at(_THURSDAY, time(16)), moved.attendees[0].email, "A train")
    dropped = desk.book("Offer review", "lea.sommer@sommer.example", _THURSDAY, time(9))
    cancel(state, dropped, "No longer needed", dropped.attendees[0].email)
    friday = (monday + timedelta(days=_FRIDAY)).isoformat()
    days = {"start": f"{friday}T00:00:00Z", "end": f"{friday}T00:00:00Z"}
    add_entry(state, account, {**days, "reason": "travel", "notes": "On the way to Leipzig"})
    return written


def write_booking(state: GoogleState, booking: Booking) -> None:
    """Write a booking into the Google account, under the same iCalendar UID, as Cal.com does."""
    calendar, stamp = state.calendars[GOOGLE_ACCOUNT], state.stamps.next()
    guest = booking.attendees[0]
    fields = {
        "iCalUID": booking.ics_uid,
        "summary": booking.title,
        "start": {"dateTime": booking.start_at.isoformat(), "timeZone": HOME_ZONE},
        "end": {"dateTime": booking.end_at.isoformat(), "timeZone": HOME_ZONE},
        "location": booking.location,
        "attendees": [
            {"email": GOOGLE_ACCOUNT, "responseStatus": "accepted"},
            {"email": guest.email, "displayName": guest.name, "responseStatus": "accepted"},
        ],
    }
    event_id = booking.ics_uid.encode().hex()
    calendar.commit(stamp, {event_id: new_body(fields, event_id, calendar, stamp)})


def _seed_packaged(
    state: GoogleState, calendar: GoogleCalendar, name: str, monday: date
) -> SeedResult:
    text = shift_to_week(load_seed(name), monday)
    return seed_calendar(state, calendar, read_ics(text, HOME_ZONE))


class _BookingDesk:
    """Books with one account, by day of a week and wall clock."""

    def __init__(self, state: CaldotcomState, account: CaldotcomAccount, monday: date) -> None:
        self._state = state
        self._account = account
        self._monday = monday

    def at(self, day: int, clock_time: time) -> datetime:
        """Return the instant of a wall clock time, so many days after the Monday."""
        on = self._monday + timedelta(days=day)
        return datetime.combine(on, clock_time, ZoneInfo(HOME_ZONE)).astimezone(UTC)

    def book(
        self, title: str, guest: str, day: int, clock_time: time, status: Status = "accepted"
    ) -> Booking:
        """Book half an hour as a guest does."""
        event_type = self._state.find_event_type(self._account, _EVENT_TYPE)
        if event_type is None:
            raise LookupError(_EVENT_TYPE)
        name = guest.partition("@")[0].replace(".", " ").title()
        request = BookingRequest(
            event_type=event_type,
            start_at=self.at(day, clock_time),
            attendee=Attendee(guest, name, HOME_ZONE, responses={"name": name}),
            title=f"{title}: {name}",
            status=status,
            responses={"name": name, "email": guest},
        )
        (made,) = make_bookings(self._state, request)
        return made.booking
