"""Everything that the sandbox's Google knows, in memory."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from calendar_manager.sandbox.google.calendar import Calendar
from calendar_manager.sandbox.google.channels import ChannelBoard
from calendar_manager.sandbox.google.errors import GoogleApiError, invalid_value, not_found
from calendar_manager.sandbox.google.grants import GrantBook
from calendar_manager.sandbox.google.pages import PageBook
from calendar_manager.sandbox.google.stamps import Stamp, StampSource
from calendar_manager.sandbox.google.times import read_zone
from calendar_manager.sandbox.settings import SandboxSettings

Json = dict[str, Any]

ACCESS_ROLES = ("freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")
"""Google's access roles, weakest first."""


@dataclass
class ListEntry:
    """One calendar on one account's calendar list; ``change`` counts in the account's list."""

    calendar_id: str
    access_role: str
    stamp: Stamp
    change: int
    options: Json
    primary: bool = False
    deleted: bool = False


@dataclass
class Account:
    """A Google account: address, name, subject id, calendar list."""

    email: str
    name: str
    entries: dict[str, ListEntry] = field(default_factory=dict)
    change: int = 0
    sync_epoch: int = 0

    @property
    def subject(self) -> str:
        """The account's stable number, the ``sub`` of its id tokens."""
        digest = hashlib.sha256(self.email.encode()).hexdigest()
        return "1" + str(int(digest[:18], 16)).zfill(20)[:20]


class GoogleState:
    """Accounts, calendars, grants, channels and open pages.

    Args:
        clock: Gives the present instant, aware, in UTC.
        settings: Read at each use, so that they can change while the sandbox runs.
    """

    def __init__(self, clock: Callable[[], datetime], settings: SandboxSettings) -> None:
        self.clock = clock
        self.settings = settings
        self.stamps = StampSource(clock)
        self.channels = ChannelBoard(clock, settings)
        self.grants = GrantBook(clock, settings)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.accounts: dict[str, Account] = {}
        self.calendars: dict[str, Calendar] = {}
        self.pages = PageBook()
        self.grants.clear()
        self.channels.clear()

    def close(self) -> None:
        """Stop the notification thread."""
        self.channels.close()

    def account(self, email: str) -> Account:
        """Return an account.

        Raises:
            GoogleApiError: 404, there is none with this address.
        """
        account = self.accounts.get(email.lower())
        if account is None:
            raise not_found()
        return account

    def add_account(self, email: str, name: str, time_zone: str) -> Account:
        """Create an account with its primary calendar.

        Raises:
            GoogleApiError: 409 when it is there already, 400 for an unknown zone.
        """
        email = email.lower()
        if email in self.accounts:
            raise GoogleApiError(409, "duplicate", f"The account {email} exists already.")
        read_zone(time_zone)
        account = self.accounts[email] = Account(email, name or email.partition("@")[0].title())
        self._create_calendar(account, email, email, time_zone)
        self.put_entry(account, email, "owner", {"selected": True}, primary=True)
        return account

    def add_calendar(
        self,
        account: Account,
        summary: str,
        time_zone: str | None,
        access_role: str = "owner",
        calendar_id: str | None = None,
        options: Json | None = None,
    ) -> Calendar:
        """Put a new calendar, or a share of an existing one, on an account's list.

        Raises:
            GoogleApiError: 400 for an unknown role or zone.
        """
        if access_role not in ACCESS_ROLES:
            raise invalid_value(f"Invalid access role: {access_role}")
        number = len(self.calendars)
        digest = hashlib.sha256(f"{account.email} {number}".encode()).hexdigest()
        made_id = calendar_id or f"c_{digest[:40]}@group.calendar.google.com"
        calendar = self.calendars.get(made_id)
        if calendar is None:
            primary = self.calendars[account.email]
            zone = read_zone(time_zone or primary.time_zone).key
            calendar = self._create_calendar(account, made_id, summary, zone)
        self.put_entry(account, made_id, access_role, {"selected": True, **(options or {})})
        return calendar

    def _create_calendar(
        self, account: Account, calendar_id: str, summary: str, time_zone: str
    ) -> Calendar:
        calendar = Calendar(
            id=calendar_id,
            owner_email=account.email,
            summary=summary,
            time_zone=time_zone,
            stamp=self.stamps.next(),
            own_addresses={calendar_id.lower(), account.email},
        )
        self.calendars[calendar_id] = calendar
        return calendar

    def put_entry(
        self,
        account: Account,
        calendar_id: str,
        access_role: str,
        options: Json,
        *,
        primary: bool = False,
        deleted: bool = False,
    ) -> ListEntry:
        """Write a calendar list entry as one change of the account's list."""
        account.change += 1
        entry = ListEntry(
            calendar_id,
            access_role,
            self.stamps.next(),
            account.change,
            options,
            primary=primary,
            deleted=deleted,
        )
        account.entries[calendar_id] = entry
        return entry

    def remove_calendar(self, account: Account, calendar_id: str) -> None:
        """Take a calendar off an account's list, and off all lists when the account owns it."""
        entry = self.entry(account, calendar_id)
        if entry.primary:
            raise GoogleApiError(403, "forbidden", "The primary calendar cannot be deleted.")
        calendar = self.calendars[entry.calendar_id]
        owned = calendar.owner_email == account.email
        for one in list(self.accounts.values()) if owned else [account]:
            known = one.entries.get(calendar.id)
            if known and not known.deleted:
                self.put_entry(one, calendar.id, known.access_role, known.options, deleted=True)
        if owned:
            del self.calendars[calendar.id]

    def entry(self, account: Account, calendar_id: str) -> ListEntry:
        """Return the account's entry of a calendar; ``primary`` is an alias.

        Raises:
            GoogleApiError: 404, it is not on the list.
        """
        wanted = account.email if calendar_id == "primary" else calendar_id
        entry = account.entries.get(wanted) or account.entries.get(wanted.lower())
        if entry is None or entry.deleted:
            raise not_found()
        return entry

    def touch(self, calendar: Calendar) -> None:
        """Tell the channels that a calendar's events changed."""
        self.channels.notify(calendar.id)
