"""A typed client of the sandbox's control API, for tests, the demo and benchmarks.

The paths and bodies behind the methods are described in ``calendar_manager.sandbox.control``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, cast
from urllib.parse import quote

from calendar_manager.sandbox.caldotcom_control_client import CaldotcomControl
from calendar_manager.sandbox.consent_walk import ConsentPageError, approve_consent
from calendar_manager.sandbox.control_calls import (
    ChangedSettings,
    ControlError,
    FaultKind,
    FaultOptions,
    JsonObject,
    LoggedRequest,
    NotifyingProvider,
    SandboxControl,
    SeedReport,
)
from calendar_manager.sandbox.default_client import CLIENT_ID, CLIENT_SECRET
from calendar_manager.sandbox.graph_control_client import GraphControl
from calendar_manager.sandbox.postman import Delivery, NotificationMode

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "CaldotcomControl",
    "ChangedSettings",
    "ConsentPageError",
    "ControlClient",
    "ControlError",
    "Delivery",
    "FaultKind",
    "FaultOptions",
    "GraphControl",
    "JsonObject",
    "LoggedRequest",
    "MutationKind",
    "NotificationMode",
    "NotifyingProvider",
    "SeedReport",
    "TokenPair",
    "approve_consent",
]

MutationKind = Literal[
    "create",
    "edit",
    "edit_one",
    "edit_following",
    "edit_all",
    "delete",
    "delete_one",
    "delete_following",
    "respond",
]


@dataclass(frozen=True)
class TokenPair:
    """Tokens issued without a consent page; ``expires_in`` in seconds, ``scope`` space-joined."""

    access_token: str
    refresh_token: str
    expires_in: int
    scope: str


class ControlClient(SandboxControl):
    """Drives one sandbox over HTTP: what concerns it as a whole, and its Google.

    Args:
        base_url: Such as ``http://127.0.0.1:40123``.
        session: The HTTP session to use; by default one of its own.
    """

    @property
    def graph(self) -> GraphControl:
        """The same sandbox's Microsoft, over the same HTTP session."""
        return GraphControl(self.base_url, self._session)

    def microsoft_settings(self) -> dict[str, str]:
        """Return the environment that points the product at this sandbox's Microsoft."""
        return self.graph.microsoft_settings()

    @property
    def caldotcom(self) -> CaldotcomControl:
        """The same sandbox's Cal.com, over the same HTTP session."""
        return CaldotcomControl(self.base_url, self._session)

    def caldotcom_settings(self) -> dict[str, str]:
        """Return the environment that points the product at this sandbox's Cal.com."""
        return self.caldotcom.caldotcom_settings()

    def google_settings(self) -> dict[str, str]:
        """Return the environment that points the product at this sandbox's Google."""
        google = f"{self.base_url}/google"
        return {
            "GOOGLE_CLIENT_ID": CLIENT_ID,
            "GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
            "GOOGLE_AUTH_URL": f"{google}/o/oauth2/v2/auth",
            "GOOGLE_TOKEN_URL": f"{google}/token",
            "GOOGLE_REVOKE_URL": f"{google}/revoke",
            "GOOGLE_API_URL": f"{google}/calendar/v3/",
        }

    # Google accounts and calendars

    def register_client(
        self, client_id: str, client_secret: str, redirect_uris: Sequence[str]
    ) -> None:
        """Register or replace an OAuth client; no URIs means any loopback address."""
        body = {
            "client_id": client_id,
            "client_secret": client_secret,
            "redirect_uris": list(redirect_uris),
        }
        self._call("POST", "/clients", body)

    def add_account(
        self,
        email: str,
        *,
        name: str = "",
        time_zone: str = "Europe/Berlin",
        calendars: Sequence[Mapping[str, Any]] = (),
    ) -> JsonObject:
        """Create an account with its primary calendar (whose id is the address).

        Args:
            email: The address; lower case is kept.
            name: Shown on the consent page.
            time_zone: IANA zone of the primary calendar.
            calendars: More calendars, each as the arguments of ``add_calendar``.

        Returns:
            ``{"email", "name", "sub", "calendars": [calendarList entries]}``.
        """
        body = {
            "email": email,
            "name": name,
            "time_zone": time_zone,
            "calendars": [dict(calendar) for calendar in calendars],
        }
        return cast("JsonObject", self._call("POST", "/accounts", body))

    def add_calendar(
        self,
        email: str,
        summary: str,
        *,
        calendar_id: str | None = None,
        time_zone: str | None = None,
        access_role: str = "owner",
        selected: bool = True,
        hidden: bool = False,
    ) -> JsonObject:
        """Put a calendar on the account's list and return its calendarList entry.

        An existing ``calendar_id`` of another account is shared with this one.
        """
        body = {
            "summary": summary,
            "calendar_id": calendar_id,
            "time_zone": time_zone,
            "access_role": access_role,
            "selected": selected,
            "hidden": hidden,
        }
        return cast("JsonObject", self._call("POST", f"{_account(email)}/calendars", body))

    def change_calendar(
        self, email: str, calendar_id: str, changes: Mapping[str, Any]
    ) -> JsonObject:
        """Change calendarList fields (``selected``, ``accessRole``, ``summary``, ``timeZone``…)."""
        return cast("JsonObject", self._call("PATCH", _calendar(email, calendar_id), dict(changes)))

    def remove_calendar(self, email: str, calendar_id: str) -> None:
        """Take a calendar off the account's list; its own calendars are deleted for good."""
        self._call("DELETE", _calendar(email, calendar_id))

    def issue_tokens(
        self, email: str, scopes: Collection[str] | None = None, client_id: str = CLIENT_ID
    ) -> TokenPair:
        """Issue tokens without a consent page; no scopes means the product's usual ones."""
        body = {"scopes": list(scopes) if scopes is not None else None, "client_id": client_id}
        return TokenPair(**self._call("POST", f"{_account(email)}/tokens", body))

    def expire_access_tokens(self, email: str) -> None:
        """Make every access token of the account answer 401; refresh tokens stay good."""
        self._call("POST", f"{_account(email)}/tokens/expire")

    def revoke_grants(self, email: str) -> None:
        """Take back the account's consent: refreshing answers ``invalid_grant``."""
        self._call("POST", f"{_account(email)}/tokens/revoke")

    def expire_sync_tokens(self, email: str, calendar_id: str | None = None) -> None:
        """Make sync tokens answer 410: one calendar's, or all and the calendar list's."""
        body = {"calendar_id": calendar_id}
        self._call("POST", f"{_account(email)}/sync-tokens/expire", body)

    # Google events

    def seed_ics(
        self,
        email: str,
        ics_text: str,
        *,
        calendar_id: str = "primary",
        default_time_zone: str | None = None,
        own_addresses: Collection[str] = (),
        monday: date | None = None,
    ) -> SeedReport:
        """Load an iCalendar text into a calendar; a bad component costs only itself.

        Args:
            email: The account.
            ics_text: The text of the file.
            calendar_id: The calendar; ``primary`` by default.
            default_time_zone: IANA zone for what the text leaves open; else the calendar's.
            own_addresses: The owner's addresses inside the text, besides ``email``: attendees with
                one of them are ``self``.
            monday: Shift all times so that the text's first week begins here.
        """
        body = {
            "ics": ics_text,
            "default_time_zone": default_time_zone,
            "own_addresses": list(own_addresses),
            "monday": monday.isoformat() if monday else None,
        }
        answer = self._call("POST", f"{_calendar(email, calendar_id)}/seed", body)
        return SeedReport(answer["loaded"], answer["rejected"], tuple(answer["problems"]))

    def seed_packaged(
        self, email: str, name: str, *, calendar_id: str = "primary", monday: date | None = None
    ) -> SeedReport:
        """As ``seed_ics`` with a packaged file of ``sandbox/seeds``, such as ``freelancer``."""
        body = {"packaged": name, "monday": monday.isoformat() if monday else None}
        answer = self._call("POST", f"{_calendar(email, calendar_id)}/seed", body)
        return SeedReport(answer["loaded"], answer["rejected"], tuple(answer["problems"]))

    def create_events(
        self, email: str, bodies: Sequence[Mapping[str, Any]], calendar_id: str = "primary"
    ) -> list[JsonObject]:
        """Insert Event resources in one call, sending at most one notification."""
        body = {"items": [dict(item) for item in bodies]}
        answer = self._call("POST", f"{_calendar(email, calendar_id)}/events", body)
        return cast("list[JsonObject]", answer["items"])

    def mutate(
        self,
        email: str,
        kind: MutationKind,
        event_id: str = "",
        *,
        calendar_id: str = "primary",
        original_start: str | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> list[JsonObject]:
        """Change events as a person does in Google's own pages; one change, one stamp.

        Args:
            email: The account.
            kind: ``edit_following`` and ``delete_following`` truncate the series at
                ``original_start``; ``edit_all`` also overwrites the exceptions; ``respond`` sets
                ``changes["responseStatus"]`` of the own attendee.
            event_id: The single event or master; unused by ``create``.
            calendar_id: The calendar.
            original_start: RFC 3339 date-time or date of the instance, where one is meant.
            changes: Fields of an Event resource.

        Returns:
            The rows that the next incremental list delivers for it.
        """
        body = {
            "kind": kind,
            "event_id": event_id,
            "original_start": original_start,
            "changes": dict(changes or {}),
        }
        answer = self._call("POST", f"{_calendar(email, calendar_id)}/mutations", body)
        return cast("list[JsonObject]", answer["items"])

    def truth(self, email: str, calendar_id: str = "primary") -> list[JsonObject]:
        """Return the calendar's masters, singles and exceptions, cancelled exceptions included."""
        answer = self._call("GET", f"{_calendar(email, calendar_id)}/events")
        return cast("list[JsonObject]", answer["items"])

    def truth_instances(
        self, email: str, start_at: datetime, end_at: datetime, calendar_id: str = "primary"
    ) -> list[JsonObject]:
        """Return the live instances that overlap ``[start_at, end_at)``, by start."""
        query = {"start": start_at.isoformat(), "end": end_at.isoformat()}
        answer = self._call("GET", f"{_calendar(email, calendar_id)}/events", query=query)
        return cast("list[JsonObject]", answer["items"])

    # Push channels

    def channels(self) -> list[JsonObject]:
        """Return the live push channels: id, resourceId, address, token, expiration, calendar."""
        return cast("list[JsonObject]", self._call("GET", "/channels")["items"])

    def notify(self, email: str, calendar_id: str = "primary") -> None:
        """Send an ``exists`` notification although nothing changed."""
        self._call("POST", f"{_calendar(email, calendar_id)}/notify")


def _account(email: str) -> str:
    return f"/accounts/{quote(email, safe='@')}"


def _calendar(email: str, calendar_id: str) -> str:
    return f"{_account(email)}/calendars/{quote(calendar_id, safe='@')}"
