"""OAuth clients, authorization codes, access and refresh tokens, as Google rules them.

Source: https://developers.google.com/identity/protocols/oauth2/web-server
"""

import base64
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from calendar_manager.sandbox.default_client import CLIENT_ID, CLIENT_SECRET
from calendar_manager.sandbox.settings import SandboxSettings

LIVE_REFRESH_TOKENS = 100
"""More live refresh tokens per account and client than this, and the oldest dies silently."""

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class OAuthClient:
    """A registered application; without redirect URIs any loopback address will do."""

    client_id: str
    client_secret: str
    redirect_uris: frozenset[str]

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
class Code:
    """An authorization code's terms."""

    grant: Grant
    redirect_uri: str
    challenge: str | None
    challenge_method: str
    nonce: str | None
    offline: bool
    expires_at: datetime


@dataclass(frozen=True)
class AccessToken:
    """An access token's terms."""

    grant: Grant
    expires_at: datetime


class GrantBook:
    """Every client, code and token of the sandbox.

    Args:
        clock: Gives the present instant, aware.
        settings: Token lives.
    """

    def __init__(self, clock: Callable[[], datetime], settings: SandboxSettings) -> None:
        self._clock = clock
        self._settings = settings
        self.clear()

    def clear(self) -> None:
        """Forget everything but the client that is there from the start."""
        self.clients = {CLIENT_ID: OAuthClient(CLIENT_ID, CLIENT_SECRET, frozenset())}
        self._codes: dict[str, Code] = {}
        self._access: dict[str, AccessToken] = {}
        self._refresh: OrderedDict[str, Grant] = OrderedDict()
        self._consents: dict[tuple[str, str], frozenset[str]] = {}

    def register(self, client_id: str, client_secret: str, redirect_uris: Iterable[str]) -> None:
        """Register or replace a client."""
        self.clients[client_id] = OAuthClient(client_id, client_secret, frozenset(redirect_uris))

    def consented(self, email: str, client_id: str) -> frozenset[str]:
        """Return the scopes that the account has allowed the client so far."""
        return self._consents.get((email, client_id), frozenset())

    def issue_code(self, code: Code, *, fresh_consent: bool) -> str:
        """Record the consent and return a single-use code.

        A refresh token comes of it only for offline access on a real consent: the account's first
        for this client, or one asked for with ``prompt=consent``.
        """
        key = (code.grant.email, code.grant.client_id)
        real = fresh_consent or key not in self._consents
        self._consents[key] = self.consented(*key) | code.grant.scopes
        text = f"4/0sandbox-{secrets.token_urlsafe(24)}"
        self._codes[text] = replace(
            code,
            offline=code.offline and real,
            expires_at=self._clock() + timedelta(seconds=self._settings.code_seconds),
        )
        return text

    def redeem_code(
        self, text: str, client_id: str, redirect_uri: str, verifier: str | None
    ) -> Code | None:
        """Return the code's terms and use it up; None when anything about it is wrong."""
        code = self._codes.pop(text, None)
        if (
            code is None
            or code.expires_at <= self._clock()
            or code.grant.client_id != client_id
            or code.redirect_uri != redirect_uri
            or not _proves(code, verifier)
        ):
            return None
        return code

    def issue_access(self, grant: Grant) -> tuple[str, int]:
        """Return a new access token and its life in seconds."""
        token = f"ya29.sandbox-{secrets.token_urlsafe(32)}"
        seconds = self._settings.access_token_seconds
        self._access[token] = AccessToken(grant, self._clock() + timedelta(seconds=seconds))
        return token, seconds

    def issue_refresh(self, grant: Grant) -> str:
        """Return a new refresh token; the oldest of too many dies."""
        token = f"1//sandbox-{secrets.token_urlsafe(32)}"
        self._refresh[token] = grant
        key = (grant.email, grant.client_id)
        self._consents[key] = self.consented(*key) | grant.scopes
        siblings = [t for t, g in self._refresh.items() if (g.email, g.client_id) == key]
        for oldest in siblings[:-LIVE_REFRESH_TOKENS]:
            del self._refresh[oldest]
        return token

    def find_refresh(self, token: str, client_id: str) -> Grant | None:
        """Return the grant of a live refresh token of this client."""
        grant = self._refresh.get(token)
        return grant if grant and grant.client_id == client_id else None

    def find_access(self, token: str) -> Grant | None:
        """Return the grant of a live access token."""
        access = self._access.get(token)
        return access.grant if access and access.expires_at > self._clock() else None

    def revoke(self, token: str) -> bool:
        """Take back the consent behind an access or refresh token; False when it is unknown."""
        grant = self._refresh.get(token) or self.find_access(token)
        if grant is None:
            return False
        self.revoke_grants(grant.email, grant.client_id)
        return True

    def revoke_grants(self, email: str, client_id: str | None = None) -> None:
        """Take back what the account allowed: one client, or all."""

        def hit(grant: Grant) -> bool:
            return grant.email == email and client_id in {None, grant.client_id}

        self._access = {t: a for t, a in self._access.items() if not hit(a.grant)}
        self._refresh = OrderedDict((t, g) for t, g in self._refresh.items() if not hit(g))
        self._codes = {t: c for t, c in self._codes.items() if not hit(c.grant)}
        self._consents = {
            key: scopes
            for key, scopes in self._consents.items()
            if key[0] != email or client_id not in {None, key[1]}
        }

    def expire_access(self, email: str) -> None:
        """Let every access token of the account expire now."""
        self._access = {t: a for t, a in self._access.items() if a.grant.email != email}


def _proves(code: Code, verifier: str | None) -> bool:
    """Tell whether the verifier belongs to the code's PKCE challenge (RFC 7636, section 4.6)."""
    if code.challenge is None:
        return verifier is None
    if verifier is None:
        return False
    if code.challenge_method == "plain":
        return secrets.compare_digest(verifier, code.challenge)
    digest = hashlib.sha256(verifier.encode()).digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return secrets.compare_digest(expected, code.challenge)
