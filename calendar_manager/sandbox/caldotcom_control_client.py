"""A typed client of the control API of the sandbox's Cal.com, for tests, demo and benchmarks.

The paths and bodies behind the methods are those of ``calendar_manager.sandbox.caldotcom.control``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict, Unpack, cast
from urllib.parse import quote

from calendar_manager.sandbox.caldotcom.default_client import CLIENT_ID, CLIENT_SECRET
from calendar_manager.sandbox.control_calls import JsonObject, SandboxControl

BookingMutation = Literal[
    "confirm",
    "decline",
    "cancel",
    "cancel_subsequent",
    "cancel_all",
    "reschedule",
    "request_reschedule",
    "add_seat",
    "remove_seat",
    "mark_absent",
]
OooReason = Literal["unspecified", "vacation", "travel", "sick", "public_holiday"]


class ChangedCaldotcomSettings(TypedDict, total=False):
    """The settings of the sandbox's Cal.com; ``sandbox.caldotcom.settings`` describes them."""

    access_token_seconds: int
    booking_pages: Literal["asked", "offset"]
    cursor_anchors: bool
    unversioned: Literal["reject", "older_shape"]
    out_of_office: bool
    requests_per_minute: int
    send_retry_after: bool
    late_commit_seconds: float


class EventTypeOptions(TypedDict, total=False):
    """The options of a new event type.

    Attributes:
        slug: Its part of the booking link; by default made of the title.
        length_minutes: How long bookings are (30).
        seats: Guests per booking, each with a seat of their own; None: one guest, no seats.
        recurrences: How many weekly bookings one guest's booking makes; None: just one.
        requires_confirmation: Whether bookings stay pending until the host confirms them.
        schedule_id: The schedule to look at; the default one without it.
        hidden: Whether it is kept off the public page.
    """

    slug: str
    length_minutes: int
    seats: int | None
    recurrences: int | None
    requires_confirmation: bool
    schedule_id: int | None
    hidden: bool


class NewBooking(TypedDict, total=False):
    """The options of a booking made by a guest.

    Attributes:
        event_type: The slug of the event type (``30min``).
        length_minutes: By default that of the event type.
        attendee_email: Who books (``guest@example.com``).
        attendee_name: By default made of the address.
        attendee_time_zone: IANA zone (UTC).
        guests: More addresses that the guest brings along.
        title: By default as Cal.com makes it of event type, host and guest.
        description: The guest's notes.
        location: Link or place; by default a Cal Video link.
        ics_uid: The iCalendar UID under which a connected calendar holds the meeting; by default
            one of Cal.com's own.
        status: By default what the event type's confirmation policy says.
        recurrences: Fewer bookings than the event type's recurrence makes.
    """

    event_type: str
    length_minutes: int | None
    attendee_email: str
    attendee_name: str | None
    attendee_time_zone: str
    guests: Sequence[str]
    title: str | None
    description: str
    location: str | None
    ics_uid: str | None
    status: Literal["accepted", "pending"] | None
    recurrences: int | None


class BookingChange(TypedDict, total=False):
    """The options of ``mutate``.

    Attributes:
        start: The new start of ``reschedule``, ISO 8601 in UTC.
        by: The address of who does it; by default the host's for ``request_reschedule`` and
            ``decline``, else the first guest's.
        reason: Why.
        attendee_email: The guest of ``add_seat``, or the one whom ``mark_absent`` is about; without
            it ``mark_absent`` is about the host.
        attendee_name: The name that goes with it.
        absent: False takes ``mark_absent`` back.
        seat_uid: The seat of ``remove_seat``, or the one that ``reschedule`` moves.
    """

    start: str
    by: str
    reason: str
    attendee_email: str
    attendee_name: str
    absent: bool
    seat_uid: str


class OooChange(TypedDict, total=False):
    """The fields of an out-of-office entry; ``start`` and ``end`` ISO 8601 in UTC."""

    start: str
    end: str
    notes: str
    reason: OooReason


@dataclass(frozen=True)
class CaldotcomTokens:
    """Tokens issued without a consent page; ``expires_in`` in seconds, ``scope`` space-joined."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int
    scope: str


@dataclass(frozen=True)
class CaldotcomTruth:
    """All that an account has: bookings and out-of-office entries, as the API shows them.

    Bookings are those hosted and those attended, of every status, by start.
    """

    bookings: list[JsonObject]
    ooo: list[JsonObject]


class CaldotcomControl(SandboxControl):
    """Drives the Cal.com part of one sandbox over HTTP.

    Bookings are returned as the API of 2024-08-13 shows them to their host.

    Args:
        base_url: Such as ``http://127.0.0.1:40123``.
        session: The HTTP session to use; by default one of its own.
    """

    def caldotcom_settings(self) -> dict[str, str]:
        """Return the environment that points the product at this sandbox's Cal.com."""
        caldotcom = f"{self.base_url}/calcom"
        return {
            "CALCOM_CLIENT_ID": CLIENT_ID,
            "CALCOM_CLIENT_SECRET": CLIENT_SECRET,
            "CALCOM_AUTH_URL": f"{caldotcom}/auth/oauth2/authorize",
            "CALCOM_TOKEN_URL": f"{caldotcom}/v2/auth/oauth2/token",
            "CALCOM_API_URL": f"{caldotcom}/v2/",
        }

    def change_caldotcom_settings(self, **changes: Unpack[ChangedCaldotcomSettings]) -> JsonObject:
        """Change the settings that are given and return all of them."""
        body = cast("JsonObject", changes)
        return cast("JsonObject", self._call("PATCH", "/caldotcom/settings", body))

    # Accounts, keys and tokens

    def register_client(
        self,
        client_id: str,
        client_secret: str | None,
        redirect_uris: Sequence[str] = (),
        scopes: Collection[str] | None = None,
    ) -> None:
        """Register or replace an OAuth client.

        Args:
            client_id: Its id.
            client_secret: Its secret; None makes it a public client, for which PKCE is mandatory.
            redirect_uris: Where it may redirect, to the letter; none means any loopback address.
            scopes: What it may ask for; None means everything.
        """
        body = {
            "client_id": client_id,
            "client_secret": client_secret,
            "redirect_uris": list(redirect_uris),
            "scopes": list(scopes) if scopes is not None else None,
        }
        self._call("POST", "/caldotcom/clients", body)

    def add_account(
        self,
        email: str,
        *,
        name: str = "",
        time_zone: str = "Europe/Berlin",
        username: str | None = None,
    ) -> JsonObject:
        """Create an account with the default schedule and the event types ``15min`` and ``30min``.

        Args:
            email: The address; lower case is kept.
            name: By default made of the address.
            time_zone: IANA zone of the account and its schedule (Monday to Friday, 9 to 17).
            username: By default the address's first part.

        Returns:
            ``{"id", "email", "name", "username", "timeZone", "defaultScheduleId", "eventTypes":
            [event types]}``.
        """
        body = {"email": email, "name": name, "time_zone": time_zone, "username": username}
        return cast("JsonObject", self._call("POST", "/caldotcom/accounts", body))

    def add_event_type(
        self, email: str, title: str, **options: Unpack[EventTypeOptions]
    ) -> JsonObject:
        """Add an event type and return it."""
        body = {"title": title, **options}
        return cast("JsonObject", self._call("POST", f"{_account(email)}/event-types", body))

    def create_api_key(self, email: str) -> str:
        """Create an API key, ``cal_…``, that may do everything and never expires."""
        return str(self._call("POST", f"{_account(email)}/api-keys")["api_key"])

    def revoke_api_keys(self, email: str) -> None:
        """Delete the account's API keys: they answer 401 from now on."""
        self._call("DELETE", f"{_account(email)}/api-keys")

    def issue_tokens(
        self, email: str, scopes: Collection[str] | None = None, client_id: str = CLIENT_ID
    ) -> CaldotcomTokens:
        """Issue tokens without a consent page; no scopes means every one."""
        body = {"scopes": list(scopes) if scopes is not None else None, "client_id": client_id}
        return CaldotcomTokens(**self._call("POST", f"{_account(email)}/tokens", body))

    def expire_access_tokens(self, email: str) -> None:
        """Make every access token of the account answer 401; refresh tokens stay good."""
        self._call("POST", f"{_account(email)}/tokens/expire")

    def revoke_grants(self, email: str) -> None:
        """Take back the account's consent: refreshing answers ``invalid_grant``."""
        self._call("POST", f"{_account(email)}/tokens/revoke")

    # Bookings

    def book(
        self, email: str, start_at: datetime, **options: Unpack[NewBooking]
    ) -> list[JsonObject]:
        """Book as a guest does; neither hours nor other bookings stand in the way.

        A booking of a seated event type at a time that has one already takes another seat there.

        Args:
            email: The host's account.
            start_at: When it (the first one) starts, aware.
            options: What else there is to say.

        Returns:
            The booking, or all of a recurring one.
        """
        body = {"start": start_at.isoformat(), **options}
        return cast("list[JsonObject]", self._call("POST", f"{_account(email)}/bookings", body))

    def mutate(
        self, email: str, kind: BookingMutation, uid: str, **changes: Unpack[BookingChange]
    ) -> list[JsonObject]:
        """Change a booking as its host or a guest does on Cal.com's own pages.

        Args:
            email: The host's account.
            kind: ``cancel_subsequent`` cancels a recurrence and those after it, ``cancel_all`` all
                that are still to come. ``reschedule`` makes a booking with a new uid and cancels
                the old one; a whole seated booking keeps its uid and moves. It also answers a
                ``request_reschedule``, by which the host cancels and asks for another time.
            uid: The booking's; for ``cancel_all`` also the recurring one's.
            changes: What else there is to say.

        Returns:
            The bookings that the change touched, as they are now.
        """
        path = f"{_account(email)}/bookings/{quote(uid, safe='')}/{kind}"
        body = cast("JsonObject", changes)
        return cast("list[JsonObject]", self._call("POST", path, body))

    def truth(self, email: str) -> CaldotcomTruth:
        """Return all that the account has."""
        return CaldotcomTruth(**self._call("GET", f"{_account(email)}/truth"))

    # Out of office

    def add_ooo(
        self,
        email: str,
        start_at: datetime,
        end_at: datetime,
        *,
        reason: OooReason = "unspecified",
        notes: str | None = None,
    ) -> JsonObject:
        """Add an out-of-office entry and return it; it spans whole days in UTC."""
        body: Mapping[str, Any] = {
            "start": _in_utc(start_at),
            "end": _in_utc(end_at),
            "reason": reason,
            **({"notes": notes} if notes is not None else {}),
        }
        return cast("JsonObject", self._call("POST", f"{_account(email)}/ooo", body))

    def change_ooo(self, email: str, ooo_id: int, **changes: Unpack[OooChange]) -> JsonObject:
        """Change an out-of-office entry and return it; ``start`` and ``end`` go together."""
        path = f"{_account(email)}/ooo/{ooo_id}"
        return cast("JsonObject", self._call("PATCH", path, cast("JsonObject", changes)))

    def remove_ooo(self, email: str, ooo_id: int) -> None:
        """Remove an out-of-office entry."""
        self._call("DELETE", f"{_account(email)}/ooo/{ooo_id}")

    # Webhooks

    def webhooks(self) -> list[JsonObject]:
        """Return every account's webhooks, as Cal.com shows them to their owner."""
        return cast("list[JsonObject]", self._call("GET", "/caldotcom/webhooks")["items"])


def _account(email: str) -> str:
    return f"/caldotcom/accounts/{quote(email, safe='@')}"


def _in_utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
