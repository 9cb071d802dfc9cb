"""Everything that the sandbox's Microsoft knows, in memory."""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from calendar_manager.sandbox.graph.calendar import Calendar
from calendar_manager.sandbox.graph.errors import (
    GraphApiError,
    bad_request,
    item_not_found,
    malformed_id,
)
from calendar_manager.sandbox.graph.grants import GrantBook
from calendar_manager.sandbox.graph.ids import ItemId, make_calendar_id, make_head, take_apart
from calendar_manager.sandbox.graph.instances import find_instance
from calendar_manager.sandbox.graph.items import Instance, Item, Stamp
from calendar_manager.sandbox.graph.rounds import RoundBook
from calendar_manager.sandbox.graph.settings import GraphSettings
from calendar_manager.sandbox.graph.subscriptions import SubscriptionBoard
from calendar_manager.sandbox.graph.zones import read_zone
from calendar_manager.sandbox.settings import SandboxSettings

Json = dict[str, Any]

PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of every personal account."""

_NAMESPACE = uuid.UUID("5f2b2d1c-6a31-4a5e-8a41-0f3c2b0f7a11")


@dataclass
class Account:
    """A work or personal account with its mailbox.

    ``running`` counts the requests to the mailbox that are being answered. ``transactions`` has
    for each ``transactionId`` the request that used it and the item that it made.
    """

    email: str
    name: str
    tenant: str
    time_zone: str
    calendars: dict[str, Calendar] = field(default_factory=dict)
    running: int = 0
    transactions: dict[str, tuple[Json, Item]] = field(default_factory=dict)

    @property
    def object_id(self) -> str:
        """The account's stable id: the ``oid`` of its id tokens and the ``id`` of ``/me``."""
        return str(uuid.uuid5(_NAMESPACE, self.email))

    @property
    def default_calendar(self) -> Calendar:
        """The calendar that ``/me/calendar`` means."""
        return next(one for one in self.calendars.values() if one.default)


@dataclass(frozen=True)
class Found:
    """What an event id names: an item of a calendar, and one occurrence where it names one."""

    calendar: Calendar
    item: Item
    instance: Instance | None

    @property
    def stamp(self) -> Stamp:
        """The last change of what the id names."""
        return self.instance.stamp if self.instance else self.item.stamp


class GraphState:
    """Accounts, mailboxes, grants, open delta rounds and subscriptions.

    Args:
        clock: Gives the present instant, aware, in UTC.
        shared_settings: Read at each use, so that they can change while the sandbox runs.
    """

    def __init__(self, clock: Callable[[], datetime], shared_settings: SandboxSettings) -> None:
        self.clock = clock
        self.shared_settings = shared_settings
        self.settings = GraphSettings()
        self.grants = GrantBook(clock, shared_settings, self.settings)
        self.subscriptions = SubscriptionBoard(clock, shared_settings, self.settings)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.accounts: dict[str, Account] = {}
        self.rounds = RoundBook()
        self._items: dict[str, tuple[Calendar, str]] = {}
        self._numbers = 0
        self.settings.restore()
        self.grants.clear()
        self.subscriptions.clear()

    def close(self) -> None:
        """Stop the notification thread."""
        self.subscriptions.close()

    def next_stamp(self) -> Stamp:
        """Return the stamp of a new change."""
        self._numbers += 1
        return Stamp(self._numbers, self.clock())

    def account(self, email: str) -> Account:
        """Return an account.

        Raises:
            GraphApiError: 404, there is none with this address.
        """
        account = self.accounts.get(email.lower())
        if account is None:
            raise GraphApiError(404, "Request_ResourceNotFound", f"There is no account {email}.")
        return account

    def add_account(self, email: str, name: str, tenant: str | None, time_zone: str) -> Account:
        """Create an account with its default calendar.

        Raises:
            GraphApiError: 409 when it is there already, 400 for an unknown zone.
        """
        email = email.lower()
        if email in self.accounts:
            raise GraphApiError(409, "Request_MultipleObjectsWithSameKeyValue", f"{email} exists.")
        read_zone(time_zone)
        shown = name or email.partition("@")[0].replace(".", " ").title()
        account = Account(email, shown, _find_tenant(email, tenant), time_zone)
        self.accounts[email] = account
        self.add_calendar(account, "Calendar", default=True)
        return account

    def add_calendar(
        self,
        account: Account,
        name: str,
        *,
        color: str = "auto",
        owner: str | None = None,
        can_edit: bool = True,
        default: bool = False,
    ) -> Calendar:
        """Add a calendar to a mailbox.

        Raises:
            GraphApiError: 409, the mailbox has a calendar of this name.
        """
        if any(one.name == name for one in account.calendars.values()):
            raise GraphApiError(
                409, "ErrorFolderExists", "A folder with the specified name already exists."
            )
        stamp = self.next_stamp()
        owner = (owner or account.email).lower()
        known = self.accounts.get(owner)
        owner_name = known.name if known else owner.partition("@")[0].title()
        calendar = Calendar(
            id=make_calendar_id(f"{account.email} {stamp.number}"),
            mailbox=account.email,
            name=name,
            color=color,
            owner=owner,
            owner_name=owner_name,
            can_edit=can_edit,
            default=default,
            stamp=stamp,
        )
        account.calendars[calendar.id] = calendar
        return calendar

    def remove_calendar(self, account: Account, calendar: Calendar) -> None:
        """Delete a calendar for good.

        Raises:
            GraphApiError: 400, it is the default calendar.
        """
        if calendar.default:
            raise bad_request("The default calendar cannot be deleted.", "ErrorCannotDeleteObject")
        del account.calendars[calendar.id]
        self.subscriptions.drop_calendar(calendar.id)

    def calendar(self, account: Account, calendar_id: str) -> Calendar:
        """Return a calendar of the account's mailbox.

        Raises:
            GraphApiError: 400, the id cannot be one; 404, there is no such calendar.
        """
        calendar = account.calendars.get(calendar_id)
        if calendar is not None:
            return calendar
        raise item_not_found() if take_apart(calendar_id) else malformed_id()

    def make_key(self, calendar: Calendar) -> str:
        """Return the key of a new item of a calendar and remember where its ids lead."""
        self._numbers += 1
        key = f"{hashlib.sha256(calendar.id.encode()).hexdigest()[:8]}-{self._numbers:08d}"
        return self.claim_key(calendar, key)

    def claim_key(self, calendar: Calendar, key: str) -> str:
        """Remember where the ids of an item lead and return its key."""
        for immutable in (False, True):
            self._items[make_head(key, immutable=immutable)] = (calendar, key)
        return key

    def find(self, account: Account, event_id: str) -> Found:
        """Return what an id of either kind names in the account's mailbox.

        Raises:
            GraphApiError: 400, the id cannot be one; 404, there is no such event.
        """
        item_id = take_apart(event_id)
        if item_id is None:
            raise malformed_id()
        return self._find(account, item_id)

    def _find(self, account: Account, item_id: ItemId) -> Found:
        calendar, key = self._items.get(item_id.head, (None, ""))
        if calendar is None or calendar.id not in account.calendars:
            raise item_not_found()
        item = calendar.items.get(key)
        if item is None:
            raise item_not_found()
        if not item_id.original:
            return Found(calendar, item, None)
        instance = find_instance(item, item_id.original)
        if instance is None:
            raise item_not_found()
        return Found(calendar, item, instance)

    def commit(self, calendar: Calendar, *items: Item) -> list[Item]:
        """Write items as one change of their calendar and tell its subscribers."""
        known = set(calendar.items)
        written = calendar.commit(items)
        for item in written:
            kind = "deleted" if item.gone else "updated" if item.key in known else "created"
            self.subscriptions.notify(calendar, item, kind)
        return written


def _find_tenant(email: str, tenant: str | None) -> str:
    if tenant is None:
        return str(uuid.uuid5(_NAMESPACE, email.partition("@")[2]))
    return PERSONAL_TENANT if tenant == "consumers" else tenant.lower()
