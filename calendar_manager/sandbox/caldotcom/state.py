"""Everything that the sandbox's Cal.com knows, in memory."""

import hashlib
import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from calendar_manager.sandbox.caldotcom.booking import Booking
from calendar_manager.sandbox.caldotcom.errors import CaldotcomApiError, bad_request, not_found
from calendar_manager.sandbox.caldotcom.grants import GrantBook
from calendar_manager.sandbox.caldotcom.settings import CaldotcomSettings
from calendar_manager.sandbox.caldotcom.throttle import Throttle
from calendar_manager.sandbox.caldotcom.times import cut_to_milliseconds, find_zone
from calendar_manager.sandbox.caldotcom.webhook_board import WebhookBoard
from calendar_manager.sandbox.settings import SandboxSettings

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
"""The days as schedules name them, in the order of ``date.weekday``."""

_ALPHABET = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
_UID_LENGTH = 22


@dataclass(frozen=True)
class Hours:
    """Weekly hours: wall clock times in the schedule's zone on some days."""

    days: tuple[str, ...]
    start: time
    end: time


@dataclass(frozen=True)
class Override:
    """Hours of one date, in place of the weekly ones; equal start and end is a day off."""

    on: date
    start: time
    end: time


@dataclass
class Schedule:
    """An account's schedule."""

    id: int
    owner_id: int
    name: str
    time_zone: str
    availability: list[Hours]
    overrides: list[Override] = field(default_factory=list)


@dataclass(frozen=True)
class Recurrence:
    """How often one booking repeats: ``frequency`` is ``weekly``, ``monthly`` or ``yearly``."""

    interval: int
    occurrences: int
    frequency: str


@dataclass
class EventType:
    """What can be booked with an account; without ``seats`` by one guest at a time.

    ``blocks_unconfirmed`` tells whether pending bookings take the time away from others.
    """

    id: int
    owner_id: int
    title: str
    slug: str
    length_minutes: int
    description: str = ""
    seats: int | None = None
    shows_attendees: bool = True
    recurrence: Recurrence | None = None
    requires_confirmation: bool = False
    blocks_unconfirmed: bool = False
    schedule_id: int | None = None
    hidden: bool = False


@dataclass
class OutOfOffice:
    """An absence, from the first to the last millisecond of whole days in UTC."""

    id: int
    uuid: str
    user_id: int
    start_at: datetime
    end_at: datetime
    reason: str
    notes: str | None = None
    to_user_id: int | None = None


@dataclass
class Account:
    """A Cal.com account."""

    id: int
    email: str
    name: str
    username: str
    time_zone: str
    default_schedule_id: int | None


class CaldotcomState:
    """Accounts and what belongs to them, grants, keys and webhooks.

    Args:
        clock: Gives the present instant, aware, in UTC.
        shared: The settings of every provider.
    """

    def __init__(self, clock: Callable[[], datetime], shared: SandboxSettings) -> None:
        self.clock = clock
        self.shared = shared
        self.settings = CaldotcomSettings()
        self.grants = GrantBook(clock, self.settings, shared)
        self.throttle = Throttle(clock, self.settings)
        self.webhooks = WebhookBoard(clock, shared)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.settings.restore()
        self.grants.clear()
        self.throttle.clear()
        self.webhooks.clear()
        self.accounts: dict[str, Account] = {}
        self.event_types: dict[int, EventType] = {}
        self.schedules: dict[int, Schedule] = {}
        self.out_of_office: dict[int, OutOfOffice] = {}
        self.bookings: dict[str, Booking] = {}
        self.successors: dict[str, str] = {}
        self._numbers = itertools.count(1001)

    def close(self) -> None:
        """Stop sending."""
        self.webhooks.close()

    def stamp(self) -> datetime:
        """Return the instant of a change that is seen now, in milliseconds."""
        began_at = self.clock() - timedelta(seconds=self.settings.late_commit_seconds)
        return cut_to_milliseconds(began_at)

    def next_number(self) -> int:
        """Return the next id."""
        return next(self._numbers)

    def make_uid(self) -> str:
        """Return a new uid of a booking, in the form of a short UUID."""
        number = int.from_bytes(hashlib.sha256(str(self.next_number()).encode()).digest(), "big")
        letters = []
        for _ in range(_UID_LENGTH):
            number, place = divmod(number, len(_ALPHABET))
            letters.append(_ALPHABET[place])
        return "".join(letters)

    def make_uuid(self) -> str:
        """Return a new UUID."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, str(self.next_number())))

    def account(self, email: str) -> Account:
        """Return an account.

        Raises:
            CaldotcomApiError: 404, there is none with this address.
        """
        account = self.accounts.get(email.lower())
        if account is None:
            raise not_found(f"There is no account {email}")
        return account

    def owner(self, account_id: int) -> Account:
        """Return the account with an id that is known to be one."""
        return next(one for one in self.accounts.values() if one.id == account_id)

    def add_account(self, email: str, name: str, time_zone: str, username: str | None) -> Account:
        """Create an account with its default schedule and two event types.

        Raises:
            CaldotcomApiError: 409, address or username are taken; 400, the zone is unknown.
        """
        email = email.lower()
        local_part = email.partition("@")[0]
        username = username or local_part.replace(".", "-")
        taken = {one.username for one in self.accounts.values()}
        if email in self.accounts or username in taken:
            raise CaldotcomApiError(409, f"The account {email} ({username}) exists already.")
        if find_zone(time_zone) is None:
            raise bad_request(f"Unknown time zone: {time_zone}")
        name = name or local_part.replace(".", " ").title()
        account = Account(self.next_number(), email, name, username, time_zone, None)
        self.accounts[email] = account
        hours = Hours(WEEKDAYS[:5], time(9), time(17))
        schedule = self.add_schedule(account, "Working hours", time_zone, [hours])
        account.default_schedule_id = schedule.id
        for minutes in (15, 30):
            self.add_event_type(account, f"{minutes} min meeting", f"{minutes}min", minutes)
        return account

    def add_schedule(
        self, account: Account, name: str, time_zone: str, availability: list[Hours]
    ) -> Schedule:
        """Add a schedule without overrides."""
        number = self.next_number()
        schedule = Schedule(number, account.id, name, time_zone, availability)
        self.schedules[number] = schedule
        return schedule

    def add_event_type(
        self, account: Account, title: str, slug: str, length_minutes: int
    ) -> EventType:
        """Add a plain event type.

        Raises:
            CaldotcomApiError: 400, the account has one with this slug.
        """
        if self.find_event_type(account, slug) is not None:
            raise bad_request("User already has an event type with this slug.")
        number = self.next_number()
        event_type = EventType(number, account.id, title, slug, length_minutes)
        self.event_types[number] = event_type
        return event_type

    def find_event_type(self, account: Account, slug: str) -> EventType | None:
        """Return the account's event type with a slug."""
        mine = (one for one in self.event_types.values() if one.owner_id == account.id)
        return next((one for one in mine if one.slug == slug), None)

    def booking(self, uid: str) -> Booking:
        """Return a booking.

        Raises:
            CaldotcomApiError: 404, there is none with this uid.
        """
        booking = self.bookings.get(uid)
        if booking is None:
            raise not_found(f"Booking with uid={uid} was not found in the database")
        return booking

    def recurrences(self, recurring_uid: str) -> list[Booking]:
        """Return the bookings of a recurring one by start, or none."""
        found = [one for one in self.bookings.values() if one.recurring_uid == recurring_uid]
        return sorted(found, key=lambda one: (one.start_at, one.id))

    def bookings_of(self, account: Account) -> list[Booking]:
        """Return what the account hosts or attends, of every status, by start."""
        found = [
            one
            for one in self.bookings.values()
            if one.host_id == account.id
            or any(guest.email == account.email for guest in one.attendees)
        ]
        return sorted(found, key=lambda one: (one.start_at, one.id))

    def absences_of(self, account: Account) -> list[OutOfOffice]:
        """Return the account's out-of-office entries by start."""
        mine = (one for one in self.out_of_office.values() if one.user_id == account.id)
        return sorted(mine, key=lambda one: (one.start_at, one.id))
