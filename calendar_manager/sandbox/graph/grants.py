"""Applications, authorization codes, access and refresh tokens, as the identity platform rules.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from calendar_manager.sandbox.graph.default_client import CLIENT_ID, CLIENT_SECRET
from calendar_manager.sandbox.graph.settings import GraphSettings
from calendar_manager.sandbox.settings import SandboxSettings

KNOWN_SCOPES = frozenset(
    {
        "openid",
        "profile",
        "email",
        "offline_access",
        "User.Read",
        "MailboxSettings.Read",
        "Calendars.ReadBasic",
        "Calendars.Read",
        "Calendars.Read.Shared",
        "Calendars.ReadWrite",
        "Calendars.ReadWrite.Shared",
    }
)
"""Every scope that the sandbox can grant."""

USUAL_SCOPES = frozenset(
    {"openid", "profile", "offline_access", "User.Read", "Calendars.ReadWrite"}
)
"""What tokens may do when nothing is asked."""

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Application:
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
    """What one account allowed one application."""

    email: str
    client_id: str
    scopes: frozenset[str]
    issued_at: datetime


@dataclass(frozen=True)
class Code:
    """An authorization code's terms."""

    grant: Grant
    redirect_uri: str
    challenge: str | None
    challenge_method: str
    nonce: str | None
    expires_at: datetime
    redeemed: bool = False

    def proven_by(self, verifier: str | None) -> bool:
        """Tell whether a verifier belongs to the challenge (RFC 7636, section 4.6)."""
        if self.challenge is None or verifier is None:
            return self.challenge is None and verifier is None
        if self.challenge_method == "plain":
            return secrets.compare_digest(verifier, self.challenge)
        digest = hashlib.sha256(verifier.encode()).digest()
        expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return secrets.compare_digest(expected, self.challenge)


@dataclass(frozen=True)
class Token:
    """An access or refresh token's terms; without an end a refresh token lives until revoked."""

    grant: Grant
    expires_at: datetime | None
    revoked_at: datetime | None = None


class GrantBook:
    """Every application, code and token of the sandbox's Microsoft.

    Args:
        clock: Gives the present instant, aware.
        settings: Token lives.
        graph_settings: What becomes of a refresh token that was used.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        settings: SandboxSettings,
        graph_settings: GraphSettings,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._graph_settings = graph_settings
        self.clear()

    def clear(self) -> None:
        """Forget everything but the application that is there from the start."""
        self.applications = {CLIENT_ID: Application(CLIENT_ID, CLIENT_SECRET, frozenset())}
        self.interaction_required: set[str] = set()
        self._codes: dict[str, Code] = {}
        self._access: dict[str, Token] = {}
        self._refresh: dict[str, Token] = {}
        self._consents: dict[tuple[str, str], frozenset[str]] = {}

    def register(self, client_id: str, client_secret: str, redirect_uris: Iterable[str]) -> None:
        """Register or replace an application."""
        application = Application(client_id, client_secret, frozenset(redirect_uris))
        self.applications[client_id] = application

    def consented(self, email: str, client_id: str) -> frozenset[str]:
        """Return the scopes that the account has allowed the application so far."""
        return self._consents.get((email, client_id), frozenset())

    def make_grant(self, email: str, client_id: str, scopes: frozenset[str]) -> Grant:
        """Record a consent and return it; a new sign-in satisfies a required interaction."""
        key = (email, client_id)
        self._consents[key] = self.consented(*key) | scopes
        self.interaction_required.discard(email)
        return Grant(email, client_id, scopes, self._clock())

    def issue_code(self, code: Code) -> str:
        """Return a new single-use code with these terms but for its life."""
        text = f"0.sandbox-{secrets.token_urlsafe(48)}"
        expires_at = self._clock() + timedelta(seconds=self._settings.code_seconds)
        self._codes[text] = replace(code, expires_at=expires_at)
        return text

    def find_code(self, text: str) -> Code | None:
        """Return a code's terms, whether it is still good or not."""
        return self._codes.get(text)

    def redeem(self, text: str) -> None:
        """Use a code up."""
        self._codes[text] = replace(self._codes[text], redeemed=True)

    def issue_access(self, grant: Grant) -> tuple[str, int]:
        """Return a new access token and its life in seconds."""
        token = f"EwSandbox.{secrets.token_urlsafe(48)}"
        seconds = self._settings.access_token_seconds
        self._access[token] = Token(grant, self._clock() + timedelta(seconds=seconds))
        return token, seconds

    def issue_refresh(self, grant: Grant) -> str:
        """Return a new refresh token."""
        token = f"0.Sandbox-{secrets.token_urlsafe(64)}"
        self._refresh[token] = Token(grant, None)
        return token

    def find_refresh(self, text: str) -> Token | None:
        """Return a refresh token's terms, whether it is still good or not."""
        return self._refresh.get(text)

    def retire_refresh(self, text: str) -> None:
        """Let a refresh token that was used live on only as long as the settings say."""
        seconds, token = self._graph_settings.old_refresh_token_seconds, self._refresh[text]
        if seconds is None or token.expires_at is not None:
            return
        expires_at = self._clock() + timedelta(seconds=seconds)
        self._refresh[text] = replace(token, expires_at=expires_at)

    def find_access(self, text: str) -> Token | None:
        """Return an access token's terms, whether it is still good or not."""
        return self._access.get(text)

    def is_live(self, token: Token) -> bool:
        """Tell whether a token is neither expired nor revoked."""
        expired = token.expires_at is not None and token.expires_at <= self._clock()
        return token.revoked_at is None and not expired

    def revoke_grants(self, email: str) -> None:
        """Take back what the account allowed: its refresh tokens and its consents.

        Access tokens live on until they expire, as at Microsoft.
        """
        now_at = self._clock()
        for text, token in self._refresh.items():
            if token.grant.email == email and token.revoked_at is None:
                self._refresh[text] = replace(token, revoked_at=now_at)
        self._codes = {t: c for t, c in self._codes.items() if c.grant.email != email}
        self._consents = {k: scopes for k, scopes in self._consents.items() if k[0] != email}

    def expire_access(self, email: str) -> None:
        """Let every access token of the account expire now."""
        now_at = self._clock()
        for text, token in self._access.items():
            if token.grant.email == email:
                self._access[text] = replace(token, expires_at=now_at)
