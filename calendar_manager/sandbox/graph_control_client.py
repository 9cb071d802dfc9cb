"""A typed client of the control API of the sandbox's Microsoft, for tests, demo and benchmarks.

The paths and bodies behind the methods are those of ``calendar_manager.sandbox.graph.control``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, TypedDict, Unpack, cast
from urllib.parse import quote

from calendar_manager.sandbox.control_calls import JsonObject, SandboxControl, SeedReport
from calendar_manager.sandbox.graph.default_client import CLIENT_ID, CLIENT_SECRET

GraphMutationKind = Literal[
    "create",
    "edit",
    "edit_one",
    "edit_following",
    "edit_all",
    "delete",
    "delete_one",
    "delete_following",
    "respond",
    "cancel",
]
LifecycleEvent = Literal["reauthorizationRequired", "subscriptionRemoved", "missed"]


class ChangedGraphSettings(TypedDict, total=False):
    """The settings of the sandbox's Graph; ``sandbox.graph.settings`` describes them."""

    concurrent_requests: int
    answer_seconds: float
    old_refresh_token_seconds: int | None
    admin_consent: Literal["not_needed", "access_denied", "consent_required"]
    delta_token_seconds: int | None
    occurrence_tombstones: bool
    foreign_tombstones: bool
    replay_probability: float
    duplicate_probability: float
    order_seed: int
    ical_uid: Literal["series", "occurrence"]
    subscription_max_minutes: int


@dataclass(frozen=True)
class GraphTokens:
    """Tokens issued without a consent page; ``expires_in`` in seconds, ``scope`` space-joined.

    ``client_info`` is what msal builds its account key from: base64url of ``uid`` and ``utid``.
    """

    access_token: str
    refresh_token: str
    id_token: str
    client_info: str
    expires_in: int
    scope: str


class GraphControl(SandboxControl):
    """Drives the Microsoft part of one sandbox over HTTP.

    ``calendar_id`` is a Graph calendar id or ``primary`` for the mailbox's default calendar.
    ``event_id`` may be of either id type; what is returned carries immutable ids and UTC times.

    Args:
        base_url: Such as ``http://127.0.0.1:40123``.
        session: The HTTP session to use; by default one of its own.
    """

    def microsoft_settings(self) -> dict[str, str]:
        """Return the environment that points the product at this sandbox's Microsoft."""
        return {
            "MICROSOFT_CLIENT_ID": CLIENT_ID,
            "MICROSOFT_CLIENT_SECRET": CLIENT_SECRET,
            "MICROSOFT_TENANT_ID": "common",
            "MICROSOFT_AUTHORITY": f"{self.base_url}/microsoft",
            "MICROSOFT_GRAPH_URL": f"{self.base_url}/graph/v1.0/",
        }

    def change_graph_settings(self, **changes: Unpack[ChangedGraphSettings]) -> JsonObject:
        """Change the settings that are given and return all of them."""
        body = cast("JsonObject", changes)
        return cast("JsonObject", self._call("PATCH", "/graph/settings", body))

    # Accounts and calendars

    def register_client(
        self, client_id: str, client_secret: str, redirect_uris: Sequence[str]
    ) -> None:
        """Register or replace an application; no URIs means any loopback address."""
        body = {
            "client_id": client_id,
            "client_secret": client_secret,
            "redirect_uris": list(redirect_uris),
        }
        self._call("POST", "/graph/clients", body)

    def add_account(
        self,
        email: str,
        *,
        name: str = "",
        tenant: str | None = None,
        time_zone: str = "Europe/Berlin",
        calendars: Sequence[Mapping[str, Any]] = (),
    ) -> JsonObject:
        """Create an account with its mailbox and default calendar.

        Args:
            email: The address; lower case is kept.
            name: Shown on the consent page.
            tenant: The tenant's GUID; None derives one from the address's domain, ``consumers``
                makes a personal account.
            time_zone: IANA zone of the mailbox.
            calendars: More calendars, each as the arguments of ``add_calendar``.

        Returns:
            ``{"email", "name", "oid", "tid", "calendars": [Graph calendars]}``.
        """
        body = {
            "email": email,
            "name": name,
            "tenant": tenant,
            "time_zone": time_zone,
            "calendars": [dict(calendar) for calendar in calendars],
        }
        return cast("JsonObject", self._call("POST", "/graph/accounts", body))

    def add_calendar(
        self,
        email: str,
        name: str,
        *,
        color: str = "auto",
        can_edit: bool = True,
        owner: str | None = None,
    ) -> JsonObject:
        """Add a calendar to the mailbox and return it.

        With another ``owner`` (an address) it is a calendar shared with this account.
        """
        body = {"name": name, "color": color, "can_edit": can_edit, "owner": owner}
        return cast("JsonObject", self._call("POST", f"{_account(email)}/calendars", body))

    def change_calendar(
        self, email: str, calendar_id: str, changes: Mapping[str, Any]
    ) -> JsonObject:
        """Change a calendar's ``name``, ``color`` or ``canEdit`` and return it."""
        return cast("JsonObject", self._call("PATCH", _calendar(email, calendar_id), dict(changes)))

    def remove_calendar(self, email: str, calendar_id: str) -> None:
        """Delete a calendar with its events; the default calendar cannot be deleted."""
        self._call("DELETE", _calendar(email, calendar_id))

    # Tokens

    def issue_tokens(
        self, email: str, scopes: Collection[str] | None = None, client_id: str = CLIENT_ID
    ) -> GraphTokens:
        """Issue tokens without a consent page; no scopes means the product's usual ones."""
        body = {"scopes": list(scopes) if scopes is not None else None, "client_id": client_id}
        return GraphTokens(**self._call("POST", f"{_account(email)}/tokens", body))

    def expire_access_tokens(self, email: str) -> None:
        """Make every access token of the account answer 401; refresh tokens stay good."""
        self._call("POST", f"{_account(email)}/tokens/expire")

    def revoke_grants(self, email: str) -> None:
        """Take back the account's consent: refreshing answers ``invalid_grant``."""
        self._call("POST", f"{_account(email)}/tokens/revoke")

    def require_interaction(self, email: str) -> None:
        """Make refreshing answer ``interaction_required`` until the next consent."""
        self._call("POST", f"{_account(email)}/tokens/interaction")

    def expire_delta_tokens(
        self,
        email: str,
        calendar_id: str | None = None,
        *,
        answer: Literal["gone", "not_found"] = "gone",
    ) -> None:
        """Make delta and next links of one calendar, or of all, too old.

        Args:
            email: The account.
            calendar_id: The calendar; None for all.
            answer: ``gone`` answers 410 with a ``Location``; ``not_found`` a 404 with the code
                ``SyncStateNotFound``.
        """
        body = {"calendar_id": calendar_id, "answer": answer}
        self._call("POST", f"{_account(email)}/delta-tokens/expire", body)

    # Events

    def seed_ics(
        self,
        email: str,
        ics_text: str,
        *,
        calendar_id: str = "primary",
        default_time_zone: str | None = None,
        monday: date | None = None,
    ) -> SeedReport:
        """Load an iCalendar text into a calendar; what Outlook cannot hold costs only itself.

        Rules that Graph's patterns cannot say are rejected with a problem each.

        Args:
            email: The account.
            ics_text: The text of the file.
            calendar_id: The calendar.
            default_time_zone: IANA zone for what the text leaves open; else the mailbox's.
            monday: Shift all times so that the text's first week begins here.
        """
        body = {
            "ics": ics_text,
            "default_time_zone": default_time_zone,
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
        """Create events from Graph bodies in one call and return them.

        Besides what ``POST /me/events`` takes, a body may set what only Outlook itself sets:
        ``organizer``, ``responseStatus``, ``isCancelled``, ``iCalUId``, ``onlineMeeting``,
        ``originalStartTimeZone`` and ``originalEndTimeZone``.
        """
        body = {"items": [dict(item) for item in bodies]}
        answer = self._call("POST", f"{_calendar(email, calendar_id)}/events", body)
        return cast("list[JsonObject]", answer["items"])

    def mutate(
        self,
        email: str,
        kind: GraphMutationKind,
        event_id: str = "",
        *,
        calendar_id: str = "primary",
        original_start: str | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> list[JsonObject]:
        """Change events as a person does in Outlook.

        Args:
            email: The account.
            kind: ``edit`` patches a single event, a master or the instance at ``original_start``
                (as ``edit_one`` does); ``edit_all`` also overwrites exceptions; ``edit_following``
                and ``delete_following`` end the series before ``original_start``, the former goes
                on with a new one; ``respond`` sets ``changes["response"]``, such as ``declined``;
                ``cancel`` is the organizer calling the meeting off: it stays, cancelled.
            event_id: The single event, master or instance; unused by ``create``.
            calendar_id: The calendar.
            original_start: ISO 8601 instant or date at which the instance first stood.
            changes: Fields of a Graph event, as for ``create_events``.

        Returns:
            The masters, singles and exceptions that the change left behind; none for a deletion.
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
        """Return the calendar's masters, singles and exceptions, whole, in no special order."""
        answer = self._call("GET", f"{_calendar(email, calendar_id)}/events")
        return cast("list[JsonObject]", answer["items"])

    def truth_instances(
        self, email: str, start_at: datetime, end_at: datetime, calendar_id: str = "primary"
    ) -> list[JsonObject]:
        """Return the singles, occurrences and exceptions that overlap ``[start_at, end_at)``.

        Each is whole, with its ``originalStart`` where it has one; cancelled ones are among them,
        since Graph goes on listing them. All-day events lie where their own zone puts them.
        """
        query = {"start": start_at.isoformat(), "end": end_at.isoformat()}
        answer = self._call("GET", f"{_calendar(email, calendar_id)}/events", query=query)
        return cast("list[JsonObject]", answer["items"])

    # Subscriptions

    def subscriptions(self) -> list[JsonObject]:
        """Return the live subscriptions of every account, as Graph shows them."""
        return cast("list[JsonObject]", self._call("GET", "/graph/subscriptions")["items"])

    def send_lifecycle(self, subscription_id: str, event: LifecycleEvent) -> None:
        """Send a lifecycle notification; ``subscriptionRemoved`` removes the subscription too."""
        path = f"/graph/subscriptions/{quote(subscription_id)}/lifecycle"
        self._call("POST", path, {"event": event})

    def flush_graph_notifications(self) -> None:
        """Wait until every notification that is due has been attempted."""
        self._call("POST", "/graph/notifications/flush")


def _account(email: str) -> str:
    return f"/graph/accounts/{quote(email, safe='@')}"


def _calendar(email: str, calendar_id: str) -> str:
    return f"{_account(email)}/calendars/{quote(calendar_id, safe='')}"
