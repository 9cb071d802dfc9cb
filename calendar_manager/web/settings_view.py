"""What the page of a person's own settings shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from calendar_manager.accounts.sharing import MANY_GRANTS
from calendar_manager.domain.conflicts import ConflictType
from calendar_manager.domain.sharing import AvailabilityGrant, Direction
from calendar_manager.domain.users import User
from calendar_manager.store.repositories.audit import AuditLine
from calendar_manager.store.repositories.login_sessions import LoginSession
from calendar_manager.web.connections_view import PROVIDER_NAMES
from calendar_manager.web.deps import Accounts

MANY_DEVICES: Final = 200
"""How many signed-in devices the page shows besides the one in front of it."""

CONFLICT_TYPES: Final = (
    (ConflictType.OVERLAP, "Two meetings at the same time"),
    (ConflictType.BACK_TO_BACK, "Too little time between two meetings"),
    (ConflictType.TRAVEL, "Too little time from one place to another"),
)
MINUTES: Final = (
    (
        "minimum_overlap_minutes",
        "Shortest overlap",
        "Minutes. Shorter ones are no conflict; 0 counts every overlap.",
    ),
    (
        "buffer_minutes",
        "Time between meetings",
        "Minutes. A shorter gap is a conflict; 0 finds none.",
    ),
    (
        "travel_minutes",
        "Way between places",
        "Minutes between two meetings at different places; 0 finds none.",
    ),
)
"""Each of the numbers: name of its field, label, and what it means."""

_ACTIONS: Final = {
    "admin.demoted": "You no longer run the installation",
    "admin.password_set": "Whoever runs the installation gave you a new password",
    "admin.promoted": "You were allowed to run the installation",
    "admin.sync_requested": "A sync was asked for by whoever runs the installation",
    "admin.user_created": "Whoever runs the installation made your account",
    "availability.grant_removed": "An agreement about free time was ended",
    "availability.granted": "Somebody was allowed to ask when you are free",
    "calendar.deleted": "A calendar was put aside",
    "calendar.deletions_confirmed": "Deletions that had been held back were confirmed",
    "calendar.restored": "A calendar was taken back",
    "client.deleted": "A client was deleted",
    "client.restored": "A client was taken back",
    "connection.connected": "An account was connected",
    "connection.disconnected": "An account was disconnected",
    "data.exported": "Your data was taken away as a file",
    "feed.created": "A private feed was made",
    "feed.revoked": "A private feed was revoked",
    "session.ended": "A device was signed out from elsewhere",
    "session.refused": "A sign-in was refused",
    "session.revoked_on_reuse": "A device was signed out, because a copy of its token was used",
    "session.signed_in": "A device was signed in",
    "session.signed_out": "A device was signed out",
    "user.changed": "Settings were changed",
    "user.password_changed": "The password was changed",
    "user.registered": "You registered",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A signed-in device.

    Attributes:
        session: As stored.
        current: Whether it is the one in front of the page.
    """

    session: LoginSession
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsView:
    """What the page shows besides the forms' own values.

    Attributes:
        given: Who may ask when the person is free.
        received: Whom the person may ask.
        devices: This one first, then the latest first.
    """

    given: Sequence[AvailabilityGrant]
    received: Sequence[AvailabilityGrant]
    devices: Sequence[Device]


def load_settings_view(accounts: Accounts, user_id: UUID, session_id: UUID) -> SettingsView:
    """Load what the page shows to one person on one device."""
    return SettingsView(
        given=accounts.sharing.list(user_id, Direction.GIVEN, limit=MANY_GRANTS),
        received=accounts.sharing.list(user_id, Direction.RECEIVED, limit=MANY_GRANTS),
        devices=_load_devices(accounts, user_id, session_id),
    )


def _load_devices(accounts: Accounts, user_id: UUID, session_id: UUID) -> list[Device]:
    """Load this device and the latest other ones.

    A program that signs in for each of its runs has many sessions, so this device may be further
    down than the latest: it is looked for until it is found.
    """
    current: list[Device] = []
    others: list[Device] = []
    after: tuple[datetime, UUID] | None = None
    while not current:
        page = accounts.sessions.list(
            user_id, after=after, limit=MANY_DEVICES + 1, latest_first=True
        )
        for one in page:
            device = Device(session=one, current=one.id == session_id)
            (current if device.current else others).append(device)
        if len(page) <= MANY_DEVICES:
            break
        after = (page[-1].created_at, page[-1].id)
    return [*current, *others[:MANY_DEVICES]]


def values_of(user: User) -> dict[str, str]:
    """Return what the text fields show before anything is typed."""
    settings = user.conflict_settings
    return {
        "name": user.name,
        "time_zone": user.time_zone,
        "minimum_overlap_minutes": str(settings.minimum_overlap_minutes),
        "buffer_minutes": str(settings.buffer_minutes),
        "travel_minutes": str(settings.travel_minutes),
    }


def choices_of(user: User) -> frozenset[str]:
    """Return the names of the boxes that are ticked before anything is changed."""
    settings = user.conflict_settings
    boxes = {"tentative_blocks": user.tentative_blocks, "all_day": settings.all_day_conflicts}
    return frozenset(settings.types) | {name for name, on in boxes.items() if on}


def describe_line(line: AuditLine) -> str:
    """Say in words what a line of the audit log tells."""
    words = _ACTIONS.get(line.action, line.action.replace(".", " ").replace("_", " "))
    return f"{words}{_more_of(line.detail)}."


def _more_of(detail: Mapping[str, object]) -> str:
    names = {kind.value: name for kind, name in PROVIDER_NAMES.items()}
    name = names.get(str(detail.get("provider")))
    return "" if name is None else f" ({name})"
