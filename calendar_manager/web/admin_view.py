"""What the pages of the administration show."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar
from uuid import UUID

from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import ConnectionStatus, ProviderKind
from calendar_manager.domain.reauth import find_advice
from calendar_manager.store.repositories.administration import (
    AuditEntry,
    ConnectionEntry,
    FailureEntry,
    Key,
    UserEntry,
)
from calendar_manager.web.connections_view import PROVIDER_NAMES
from calendar_manager.web.installation import LATE, Overview

Row = TypeVar("Row")

ROWS: Final = 50
"""Rows on one page of a list."""

STATUS_WORDS: Final = {
    ConnectionStatus.ACTIVE: ("Active", "good"),
    ConnectionStatus.NEEDS_REAUTH: ("To reconnect", "bad"),
    ConnectionStatus.DISCONNECTED: ("Ended", ""),
}
"""Each status in words, and the tone of its badge."""

CALENDAR_TONES: Final = {
    "ok": "good",
    "syncing": "accent",
    "stale": "warn",
    "failing": "bad",
    "held": "warn",
}

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One number at a glance.

    Attributes:
        label: What it is.
        value: The number, or a word.
        note: More about it.
        tone: ``good``, ``warn``, ``bad`` or nothing.
        path: The page with more of it; None for none.
    """

    label: str
    value: str
    note: str
    tone: str = ""
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Rows(Generic[Row]):
    """One page of a list.

    Attributes:
        items: The rows.
        last: The key behind which the next page begins; None on the last one.
        emails: What the people in it sign in with; who was erased is missing.
    """

    items: Sequence[Row]
    last: Key | None
    emails: Mapping[UUID, str]


def make_tiles(overview: Overview) -> list[Tile]:
    """Return what matters most, in a few numbers."""
    signs = overview.signs
    longest = max((one.lag for one in overview.providers), default=0.0)
    connected = sum(one.connections for one in overview.providers)
    broken, failed = overview.to_reconnect, overview.failure_count
    return [
        Tile(label="People", value=str(overview.users), note="with a login", path="/admin/users"),
        Tile(
            label="Connections",
            value=str(connected),
            note=f"{broken} to reconnect" if broken else "all can be read",
            tone="bad" if broken else "good",
            path="/admin/connections",
        ),
        Tile(
            label="Sync lag",
            value=describe_seconds(longest),
            note="the longest that a due calendar waits",
            tone="bad" if longest > LATE else "good",
        ),
        Tile(
            label="Failed syncs",
            value=str(failed),
            note="in the last 24 hours",
            tone="warn" if failed else "good",
            path="/admin/failures",
        ),
        Tile(label="Open conflicts", value=str(overview.open_conflicts), note="of all people"),
        Tile(
            label="Processes",
            value="Running" if signs.all_well else "Trouble",
            note=_describe_processes(overview),
            tone="good" if signs.all_well else "bad",
        ),
    ]


def load_users(services: Services, after: Key | None) -> Rows[UserEntry]:
    """Load a page of people."""
    with services.store.begin() as uow:
        users = uow.administration.list_users(after=after, limit=ROWS + 1)
    return _cut(users, lambda one: (one.created_at, one.id), {})


def load_connections(
    services: Services, after: Key | None, status: ConnectionStatus | None
) -> Rows[ConnectionEntry]:
    """Load a page of connections."""
    with services.store.begin() as uow:
        found = uow.administration.list_connections(status=status, after=after, limit=ROWS + 1)
        emails = uow.administration.find_emails({one.user_id for one in found})
    return _cut(found, lambda one: (one.created_at, one.id), emails)


def load_failures(services: Services, after: Key | None) -> Rows[FailureEntry]:
    """Load a page of failed syncs."""
    with services.store.begin() as uow:
        found = uow.administration.list_failures(after=after, limit=ROWS + 1)
        emails = uow.administration.find_emails({one.user_id for one in found})
    return _cut(found, lambda one: (one.failed_at, one.id), emails)


def load_audit(
    services: Services, after: Key | None, *, action: str | None, user_id: UUID | None
) -> Rows[AuditEntry]:
    """Load a page of the audit log."""
    with services.store.begin() as uow:
        found = uow.administration.list_audit(
            action=action, user_id=user_id, after=after, limit=ROWS + 1
        )
        emails = uow.administration.find_emails({one.user_id for one in found if one.user_id})
    return _cut(found, lambda one: (one.line.at, one.line.id), emails)


def load_emails(services: Services, failures: Iterable[FailureEntry]) -> Mapping[UUID, str]:
    """Return what the people behind some failures sign in with."""
    with services.store.begin() as uow:
        return uow.administration.find_emails({one.user_id for one in failures})


def describe_seconds(seconds: float) -> str:
    """Return a span of time for a narrow place: ``0 s``, ``12 min``, ``5 h``, ``3 days``."""
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR:.0f} h"
    return f"{seconds // _DAY:.0f} days"


def describe_detail(detail: Mapping[str, object]) -> str:
    """Return the rest of a line of the audit log: ``provider google, calendars 3``."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in detail.items())


def describe_reason(provider: str, code: str | None) -> str:
    """Return what has to be done about an account that cannot be read; empty when it can."""
    return find_advice(ProviderKind(provider), code) if code else ""


def name_provider(provider: str) -> str:
    """Return what people call a provider."""
    return PROVIDER_NAMES[ProviderKind(provider)]


def read_key(at: datetime | None, after: UUID | None) -> Key | None:
    """Return where a page begins; the beginning of the list for an address that makes no sense."""
    if at is None or after is None or at.utcoffset() is None:
        return None
    return at, after


def _cut(found: Sequence[Row], key: Callable[[Row], Key], emails: Mapping[UUID, str]) -> Rows[Row]:
    shown = found[:ROWS]
    return Rows(shown, key(shown[-1]) if len(found) > ROWS else None, emails)


def _describe_processes(overview: Overview) -> str:
    signs = overview.signs
    if not signs.redis:
        return "Redis does not answer"
    if not signs.workers:
        return "no worker answers"
    if not signs.beat:
        return "no beat is running"
    if not signs.heartbeat:
        return "beat's work is not done"
    return f"beat, and {signs.workers} worker{'s' if signs.workers > 1 else ''}"
