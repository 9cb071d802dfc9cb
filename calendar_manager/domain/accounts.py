"""Connections and calendars: what we read from, and how it is doing."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class ProviderKind(StrEnum):
    """The providers, by the name that stands in addresses and answers."""

    GOOGLE = "google"
    MICROSOFT = "microsoft"
    CALDOTCOM = "caldotcom"


class ConnectionStatus(StrEnum):
    """Whether we may read an account."""

    ACTIVE = "active"
    NEEDS_REAUTH = "needs_reauth"
    DISCONNECTED = "disconnected"


class CalendarStatus(StrEnum):
    """How the copy of a calendar is doing."""

    OK = "ok"
    SYNCING = "syncing"
    STALE = "stale"
    FAILING = "failing"
    HELD = "held"


class AccessRole(StrEnum):
    """What we may do with a calendar, in Google's terms."""

    OWNER = "owner"
    WRITER = "writer"
    READER = "reader"
    FREE_BUSY_READER = "freeBusyReader"


class UnreadablePolicy(StrEnum):
    """What availability does when a calendar cannot be read."""

    BLOCK = "block"
    WARN = "warn"
    IGNORE = "ignore"


class ReadVia(StrEnum):
    """By which way a calendar was last read completely."""

    PUSH = "push"
    POLL = "poll"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a provider gives us to read an account.

    Attributes:
        access_token: Sent with every request.
        refresh_token: Gets the next access token; None when the provider gave none.
        expires_at: When the access token ends; None when it does not say.
        scopes: The scopes that were really granted.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime | None
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One account at one provider.

    Attributes:
        id: Ours.
        user_id: Whose it is.
        provider: Which provider.
        provider_account_id: The provider's stable id of the account.
        account: What a person recognises it by, an address as a rule.
        status: Whether we may read it.
        reason: Why not, in a sentence, when the status is not active.
        reason_code: The same for programs, see :mod:`calendar_manager.domain.reauth`.
        token_expires_at: When the access token ends.
        created_at: When it was first connected.
    """

    id: UUID
    user_id: UUID
    provider: ProviderKind
    provider_account_id: str
    account: str
    status: ConnectionStatus
    reason: str | None
    reason_code: str | None
    token_expires_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteCalendar:
    """A calendar as a provider lists it.

    Attributes:
        provider_calendar_id: The provider's id.
        name: What the person calls it.
        time_zone: Its IANA zone, None when unknown.
        color: ``#rrggbb``, None when the provider gives none.
        primary: Whether it is the account's own calendar.
        access_role: What we may do with it.
        selected: Whether the person shows it in the provider's own application.
    """

    provider_calendar_id: str
    name: str
    time_zone: str | None
    color: str | None
    primary: bool
    access_role: AccessRole
    selected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """One calendar inside a connection, with the user's settings and its freshness.

    Attributes:
        id: Ours.
        user_id: Whose it is.
        connection_id: The account that it belongs to.
        provider: Which provider.
        provider_calendar_id: The provider's id.
        name: What the person calls it.
        time_zone: Its IANA zone, None when unknown.
        color: ``#rrggbb`` or None.
        primary: Whether it is the account's own calendar.
        access_role: What we may do with it.
        sync_enabled: Whether we read it.
        blocks_availability: Whether its events ever make the user busy.
        all_day_blocks: Whether its busy all-day events make the user busy.
        unreadable_policy: What availability does when it cannot be read.
        client_id: The client that all its events belong to by default.
        last_synced_at: When it was last read completely; None before the first time.
        last_synced_via: By which way.
        status: How the copy is doing.
        error: Why it is failing, in a sentence.
        held_at: When the circuit breaker stopped a run; None when none is stopped.
        held_deletions: How many events that run would have deleted.
    """

    id: UUID
    user_id: UUID
    connection_id: UUID
    provider: ProviderKind
    provider_calendar_id: str
    name: str
    time_zone: str | None
    color: str | None
    primary: bool
    access_role: AccessRole
    sync_enabled: bool
    blocks_availability: bool
    all_day_blocks: bool
    unreadable_policy: UnreadablePolicy
    client_id: UUID | None
    last_synced_at: datetime | None
    last_synced_via: ReadVia | None
    status: CalendarStatus
    error: str | None
    held_at: datetime | None = None
    held_deletions: int | None = None
