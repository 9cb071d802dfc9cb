"""OAuth clients, authorization codes, access and refresh tokens, and API keys, as Cal.com has them.

Source: https://cal.com/docs/api-reference/v2/oauth
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from calendar_manager.sandbox.caldotcom.default_client import CLIENT_ID, CLIENT_SECRET
from calendar_manager.sandbox.caldotcom.settings import CaldotcomSettings
from calendar_manager.sandbox.settings import SandboxSettings

API_KEY_PREFIX = "cal_"
"""How API keys begin."""

SCOPES = {
    "EVENT_TYPE_READ": "View event types",
    "EVENT_TYPE_WRITE": "Create, edit, and delete event types",
    "BOOKING_READ": "View bookings",
    "BOOKING_WRITE": "Create, edit, and delete bookings",
    "SCHEDULE_READ": "View availability",
    "SCHEDULE_WRITE": "Create, edit, and delete availability",
    "APPS_READ": "View connected apps",
    "APPS_WRITE": "Connect and disconnect apps",
    "PROFILE_READ": "View personal info",
    "PROFILE_WRITE": "Edit personal info",
}
"""The scopes of a single person's account, with what the consent page says of each."""

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class OAuthClient:
    """A registered application; without a secret it is a public one, which must use PKCE.

    Without redirect URIs any loopback address will do.
    """

    client_id: str
    client_secret: str | None
    redirect_uris: frozenset[str]
    scopes: frozenset[str]

    def allows(self, redirect_uri: str) -> bool:
        """Tell whether the application may be redirected to, by exact comparison."""
        if self.redirect_uris:
            return redirect_uri in self.redirect_uris
        parts = urlsplit(redirect_uri)
        return parts.scheme in {"http", "https"} and parts.hostname in _LOOPBACK


@dataclass(frozen=True)
class Grant:
    """What one account allowed one client."""

    email: str
    client_id: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class _Code:
    grant: Grant
    redirect_uri: str
    challenge: str | None
    expires_at: datetime


@dataclass(frozen=True)
class _AccessToken:
    grant: Grant
    expires_at: datetime


class GrantBook:
    """Every client, code, token and API key of the sandbox's Cal.com.

    Args:
        clock: Gives the present instant, aware.
        settings: Life of access tokens.
        shared: Life of codes.
    """

    def __init__(
        self, clock: Callable[[], datetime], settings: CaldotcomSettings, shared: SandboxSettings
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._shared = shared
        self.clear()

    def clear(self) -> None:
        """Forget everything but the client that is there from the start."""
        self.clients: dict[str, OAuthClient] = {}
        self.register(CLIENT_ID, CLIENT_SECRET, (), None)
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, _AccessToken] = {}
        self._refresh: dict[str, Grant] = {}
        self._keys: dict[str, str] = {}

    def register(
        self,
        client_id: str,
        client_secret: str | None,
        redirect_uris: Iterable[str],
        scopes: Iterable[str] | None,
    ) -> None:
        """Register or replace a client; no scopes means every one."""
        granted = frozenset(SCOPES if scopes is None else scopes)
        self.clients[client_id] = OAuthClient(
            client_id, client_secret, frozenset(redirect_uris), granted
        )

    def issue_code(self, grant: Grant, redirect_uri: str, challenge: str | None) -> str:
        """Return a single-use code."""
        text = secrets.token_hex(32)
        expires_at = self._clock() + timedelta(seconds=self._shared.code_seconds)
        self._codes[text] = _Code(grant, redirect_uri, challenge, expires_at)
        return text

    def redeem_code(
        self, text: str, client_id: str, redirect_uri: str, verifier: str | None
    ) -> Grant | None:
        """Return what the code grants and use it up; None when anything about it is wrong."""
        code = self._codes.pop(text, None)
        if (
            code is None
            or code.expires_at <= self._clock()
            or code.grant.client_id != client_id
            or code.redirect_uri != redirect_uri
            or not _proves(code.challenge, verifier)
        ):
            return None
        return code.grant

    def issue_pair(self, grant: Grant) -> tuple[str, str, int]:
        """Return a new access token, a new refresh token and the former's life in seconds."""
        access_token, refresh_token = _make_token("access"), _make_token("refresh")
        seconds = self._settings.access_token_seconds
        expires_at = self._clock() + timedelta(seconds=seconds)
        self._access[access_token] = _AccessToken(grant, expires_at)
        self._refresh[refresh_token] = grant
        return access_token, refresh_token, seconds

    def redeem_refresh(self, token: str, client_id: str) -> Grant | None:
        """Return what a live refresh token of this client grants; it dies with its use."""
        grant = self._refresh.get(token)
        if grant is None or grant.client_id != client_id:
            return None
        del self._refresh[token]
        return grant

    def find_access(self, token: str) -> Grant | None:
        """Return the grant of a live access token."""
        access = self._access.get(token)
        return access.grant if access and access.expires_at > self._clock() else None

    def create_key(self, email: str) -> str:
        """Return a new API key of the account."""
        key = f"{API_KEY_PREFIX}live_{secrets.token_hex(16)}"
        self._keys[key] = email
        return key

    def find_key_owner(self, key: str) -> str | None:
        """Return the address of the account that an API key belongs to."""
        return self._keys.get(key)

    def revoke_keys(self, email: str) -> None:
        """Delete the account's API keys."""
        self._keys = {key: owner for key, owner in self._keys.items() if owner != email}

    def revoke_grants(self, email: str) -> None:
        """Take back all that the account allowed."""
        self._access = {t: a for t, a in self._access.items() if a.grant.email != email}
        self._refresh = {t: g for t, g in self._refresh.items() if g.email != email}
        self._codes = {t: c for t, c in self._codes.items() if c.grant.email != email}

    def expire_access(self, email: str) -> None:
        """Let every access token of the account expire now."""
        self._access = {t: a for t, a in self._access.items() if a.grant.email != email}


def _make_token(kind: str) -> str:
    return f"sandbox.{kind}.{secrets.token_urlsafe(32)}"


def _proves(challenge: str | None, verifier: str | None) -> bool:
    """Tell whether the verifier belongs to the S256 challenge (RFC 7636, section 4.6)."""
    if challenge is None:
        return verifier is None
    if verifier is None:
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return secrets.compare_digest(expected, challenge)
