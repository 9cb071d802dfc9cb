"""Connecting a Google account: OAuth 2.0 with PKCE, and the identity behind it.

https://developers.google.com/identity/protocols/oauth2/web-server
"""

import base64
import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn
from urllib.parse import urlencode

from calendar_manager.domain.accounts import Tokens
from calendar_manager.providers.base import AuthorizationRequest, Grant
from calendar_manager.providers.errors import (
    ConnectRefusedError,
    ConsentLostError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.providers.google.identity import read_identity
from calendar_manager.providers.google.settings import GoogleSettings
from calendar_manager.providers.google.token_endpoint import TokenAnswer, TokenEndpoint

EVENTS_SCOPE = "https://www.googleapis.com/auth/calendar.events.readonly"
CALENDAR_LIST_SCOPE = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
SCOPES = ("openid", "email", EVENTS_SCOPE, CALENDAR_LIST_SCOPE)
"""What we ask for: who it is, and the smallest pair of scopes that reads every calendar."""

_SCOPE_ROOT = "https://www.googleapis.com/auth/"
# Consent given earlier may be wider than what we ask for now, and is then as good.
_ENOUGH = {
    EVENTS_SCOPE: frozenset(
        {EVENTS_SCOPE}
        | {f"{_SCOPE_ROOT}{name}" for name in ("calendar.events", "calendar.readonly", "calendar")}
    ),
    CALENDAR_LIST_SCOPE: frozenset(
        {CALENDAR_LIST_SCOPE}
        | {
            f"{_SCOPE_ROOT}{name}"
            for name in ("calendar.calendarlist", "calendar.readonly", "calendar")
        }
    ),
}
# The words beside the boxes of Google's consent page, which the discovery document has, too.
_BOXES = {
    EVENTS_SCOPE: '"View events on all your calendars"',
    CALENDAR_LIST_SCOPE: '"See the list of Google calendars you\'re subscribed to"',
}
_DENIALS = {
    "access_denied": "Access was not allowed on Google's page. Nothing was connected.",
    "admin_policy_enforced": "The administrator of this Google Workspace does not allow this "
    "application.",
    "org_internal": "This application is open to accounts of its own organization only.",
}
_SESSION_OVER = "invalid_rapt"
_PASSING_DENIALS = frozenset({"server_error", "temporarily_unavailable"})
_CONSENT_LOST = (
    "Google no longer accepts our access to this account. Access was withdrawn, the password was "
    "changed, the account was not used for six months, too many newer connections replaced this "
    "one, or the application is in Google's testing mode, where access ends after seven days. "
    "Connect the account again."
)
_LOST_TEXTS = {
    "invalid_grant": _CONSENT_LOST,
    # Workspace's session control (https://support.google.com/a/answer/9368756).
    _SESSION_OVER: "This organization lets access to Google end from time to time, and it has "
    "ended. Connect the account again, and ask the administrator of this Google Workspace to trust "
    "this application, so that its access lasts.",
    "access_denied": "Google denies this application access to the account. Connect it again; if "
    "that fails, the administrator of the organization has to allow it.",
    "admin_policy_enforced": f"{_DENIALS['admin_policy_enforced']} Ask for it to be allowed, then "
    "connect the account again.",
    "org_internal": _DENIALS["org_internal"],
}
_GONE_ERRORS = frozenset({"invalid_token", "invalid_grant"})

_logger = logging.getLogger(__name__)


class GoogleAuth:
    """Connects, refreshes and revokes; safe to share between threads.

    Args:
        settings: The registered application and where Google is.
    """

    def __init__(self, settings: GoogleSettings) -> None:
        self._settings = settings
        self._endpoint = TokenEndpoint(settings)

    def authorization(
        self, *, state: str, redirect_uri: str, login_hint: str | None = None
    ) -> AuthorizationRequest:
        """Make the request for consent; pure, no network.

        ``prompt=consent`` makes sure of a refresh token even when the person consented before;
        without a hint the person also chooses the account, so that a second one can be connected.
        """
        verifier = secrets.token_urlsafe(64)
        digest = hashlib.sha256(verifier.encode("ascii")).digest()
        query = {
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": " ".join(SCOPES),
            "state": state,
            "access_type": "offline",
            "include_granted_scopes": "true",
            "prompt": "consent" if login_hint else "select_account consent",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"),
            "code_challenge_method": "S256",
        }
        if login_hint:
            query["login_hint"] = login_hint
        url = f"{self._settings.auth_url}?{urlencode(query)}"
        return AuthorizationRequest(url, {"code_verifier": verifier})

    def exchange(
        self,
        *,
        parameters: Mapping[str, str],
        memory: Mapping[str, str],
        redirect_uri: str,
        now: datetime,
    ) -> Grant:
        """Turn the parameters of the callback into a grant.

        See :meth:`calendar_manager.providers.base.ProviderAuth.exchange`.
        """
        code = parameters.get("code")
        if not code or "error" in parameters:
            _refuse_denial(parameters.get("error", ""))
        answer = self._endpoint.post(
            {
                "grant_type": "authorization_code",
                "code": code,
                "code_verifier": memory.get("code_verifier", ""),
                "redirect_uri": redirect_uri,
            }
        )
        if answer.error is not None:
            _refuse_exchange(answer.error, answer.description)
        tokens = _read_tokens(answer, now)
        missing = _find_missing_scopes(tokens.scopes)
        if missing:
            self._give_back(tokens)
            boxes = " and ".join(_BOXES[scope] for scope in missing)
            raise ConnectRefusedError(
                f"Google did not grant everything that is needed. Connect again and tick {boxes}.",
                reason="scopeMissing",
            )
        if tokens.refresh_token is None:
            raise ConnectRefusedError(
                "Google gave no lasting access. Remove this application at "
                "https://myaccount.google.com/connections and connect again.",
                reason="refreshTokenMissing",
            )
        identity = read_identity(answer.id_token, client_id=self._settings.client_id, now=now)
        return Grant(identity.subject, identity.email or identity.subject, tokens)

    def refresh(self, tokens: Tokens, *, now: datetime) -> Tokens:
        """Get the next access token; the refresh token is kept when none comes back.

        See :meth:`calendar_manager.providers.base.ProviderAuth.refresh`.
        """
        if tokens.refresh_token is None:
            raise ConsentLostError(_CONSENT_LOST, reason="refreshTokenMissing")
        answer = self._endpoint.post(
            {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        )
        if answer.error in _LOST_TEXTS:
            # Google tells this one from other lost grants in the description only.
            reason = _SESSION_OVER if _SESSION_OVER in answer.description else answer.error
            raise ConsentLostError(_LOST_TEXTS[reason], reason=reason)
        if answer.error is not None:
            raise ProviderError(
                f"Google refused to refresh the access: {answer.error} ({answer.description})",
                reason=answer.error,
            )
        fresh = _read_tokens(answer, now)
        return replace(
            fresh,
            refresh_token=fresh.refresh_token or tokens.refresh_token,
            scopes=fresh.scopes if answer.scope is not None else tokens.scopes,
        )

    def revoke(self, tokens: Tokens) -> None:
        """Give the grant back; a grant that is already gone is a success.

        See :meth:`calendar_manager.providers.base.ProviderAuth.revoke`.
        """
        error = self._endpoint.revoke(tokens.refresh_token or tokens.access_token)
        if error is not None and error not in _GONE_ERRORS:
            raise ProviderError(f"Google refused to revoke the access: {error}", reason=error)

    def _give_back(self, tokens: Tokens) -> None:
        """Revoke a grant that is of no use; the person is answered whether that works or not."""
        try:
            self.revoke(tokens)
        except ProviderError:
            _logger.warning("an incomplete Google grant could not be given back", exc_info=True)


def _read_tokens(answer: TokenAnswer, now: datetime) -> Tokens:
    granted = " ".join(SCOPES) if answer.scope is None else answer.scope
    return Tokens(
        access_token=answer.access_token,
        refresh_token=answer.refresh_token,
        expires_at=(
            None if answer.expires_in is None else now + timedelta(seconds=answer.expires_in)
        ),
        # A server may leave the scope out when it granted what was asked (RFC 6749, 5.1).
        scopes=frozenset(granted.split()),
    )


def _find_missing_scopes(granted: frozenset[str]) -> list[str]:
    return [scope for scope, enough in _ENOUGH.items() if not enough & granted]


def _refuse_denial(error: str) -> NoReturn:
    if error in _PASSING_DENIALS:
        raise RetryLaterError("Google cannot answer at the moment.", reason=error)
    if not error:
        raise ConnectRefusedError("Google sent no code back. Connect again.", reason="codeMissing")
    text = _DENIALS.get(error, f"Google refused the connection: {error[:100]}.")
    raise ConnectRefusedError(text, reason=error[:100])


def _refuse_exchange(error: str, description: str) -> NoReturn:
    if error == "invalid_grant":
        text = "Google's code was already used or is too old. Connect again."
    elif error == "redirect_uri_mismatch":
        text = (
            "The callback address is not registered for this application. Add it in the Google "
            "Cloud console under Credentials, Authorized redirect URIs."
        )
    elif error in {"invalid_client", "unauthorized_client", "deleted_client"}:
        text = "Google does not accept this installation's client id and secret."
    else:
        text = f"Google refused the connection: {error} ({description})."
    raise ConnectRefusedError(text, reason=error)
