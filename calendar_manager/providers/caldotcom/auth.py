"""Connecting a Cal.com account: OAuth 2.0 with PKCE, or an API key.

https://cal.com/docs/api-reference/v2/oauth
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn
from urllib.parse import urlencode

from calendar_manager.domain.accounts import Tokens
from calendar_manager.providers.base import AuthorizationRequest, Grant
from calendar_manager.providers.caldotcom.client import CalDotComClient
from calendar_manager.providers.caldotcom.people import read_account
from calendar_manager.providers.caldotcom.settings import CalDotComSettings
from calendar_manager.providers.caldotcom.token_endpoint import TokenAnswer, TokenEndpoint
from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    ConnectRefusedError,
    ConsentLostError,
    ProviderError,
    ProviderNotConfiguredError,
    RetryLaterError,
)

SCOPES = ("BOOKING_READ", "SCHEDULE_READ", "PROFILE_READ")
"""Without these nothing can be read."""

ASKED_SCOPES = (*SCOPES, "SCHEDULE_WRITE")
"""The last one is for exporting free time alone; a person who refuses it can still connect."""
"""What we ask for: bookings, out-of-office entries, which are part of schedules, and who it is."""

# Printable ASCII without blanks: all that a header can carry. The prefix of a key is a setting
# of each installation, so it says nothing.
_API_KEY = re.compile(r"[!-~]{1,1024}\Z")
_DENIALS = {
    "access_denied": "Access was not allowed on Cal.com's page. Nothing was connected.",
    "invalid_scope": "This application's OAuth client at Cal.com lacks scopes that are needed: "
    f"{', '.join(ASKED_SCOPES)}.",
    "unauthorized_client": "Cal.com has not approved this application's OAuth client.",
}
_PASSING_DENIALS = frozenset({"server_error", "temporarily_unavailable"})
_CLIENT_ERRORS = frozenset({"invalid_client", "unauthorized_client"})
_CONSENT_LOST = (
    "Cal.com no longer accepts our access to this account. Access was withdrawn, or it was not "
    "used for too long. Connect the account again."
)
_KEY_LOST = (
    "Cal.com no longer accepts the API key of this account. It was deleted or has expired. "
    "Connect the account again with a new key."
)
_LOST_ERRORS = frozenset({"invalid_grant", "access_denied"})


class CalDotComAuth:
    """Connects and refreshes; safe to share between threads.

    Args:
        settings: The registered application, if any, and where Cal.com is.
    """

    def __init__(self, settings: CalDotComSettings) -> None:
        self._settings = settings
        self._endpoint = TokenEndpoint(settings)

    def authorization(
        self,
        *,
        state: str,
        redirect_uri: str,
        login_hint: str | None = None,  # noqa: ARG002  The protocol's; see below.
    ) -> AuthorizationRequest:
        """Make the request for consent; pure, no network.

        Cal.com demands ``scope`` and compares ``redirect_uri`` letter by letter. It has no way to
        suggest an account, so a ``login_hint`` is left out: the account is the one that is signed
        in to Cal.com.

        Raises:
            ProviderNotConfiguredError: This installation has no OAuth client at Cal.com.
        """
        client_id = self._settings.client_id
        if client_id is None:
            raise ProviderNotConfiguredError(
                "This installation has no OAuth client at Cal.com. Connect with an API key.",
                reason="notConfigured",
            )
        verifier = secrets.token_urlsafe(64)
        digest = hashlib.sha256(verifier.encode("ascii")).digest()
        query = {
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": " ".join(ASKED_SCOPES),
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"),
            "code_challenge_method": "S256",
        }
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
            _refuse_denial(parameters.get("error", ""), parameters.get("error_description", ""))
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
        missing = [scope for scope in SCOPES if scope not in tokens.scopes]
        if missing:
            raise ConnectRefusedError(
                f"Cal.com did not grant everything that is needed. Connect again and leave "
                f"everything ticked; {', '.join(missing)} was missing.",
                reason="scopeMissing",
            )
        if tokens.refresh_token is None:
            raise ConnectRefusedError(
                "Cal.com gave no lasting access. Connect again.", reason="refreshTokenMissing"
            )
        refusal = "Cal.com does not let us see whose account this is. Connect again."
        return self._identify(tokens, refusal)

    def connect_with_key(
        self,
        api_key: str,
        *,
        now: datetime,  # noqa: ARG002  As exchange has it; a key tells no end of its life.
    ) -> Grant:
        """Turn an API key into a grant, after asking Cal.com whose it is.

        A key is an access token that nobody can refresh. It ends when the person deletes it, or
        on a day that Cal.com does not tell.

        Args:
            api_key: As Cal.com's settings show it once; blanks around it do no harm.
            now: The present.

        Raises:
            ConnectRefusedError: Cal.com does not accept the key; final.
            RetryLaterError: Cal.com cannot answer now.
        """
        key = api_key.strip()
        refusal = (
            "Cal.com does not accept this API key. Copy it anew from Cal.com under Settings, "
            "Developer, API keys."
        )
        if not _API_KEY.match(key):
            raise ConnectRefusedError(refusal, reason="malformedKey")
        tokens = Tokens(access_token=key, refresh_token=None, expires_at=None, scopes=frozenset())
        return self._identify(tokens, refusal)

    def refresh(self, tokens: Tokens, *, now: datetime) -> Tokens:
        """Get the next access token; every refresh brings a new refresh token, too.

        An API key cannot be refreshed, so this is only asked for when it was rejected.

        See :meth:`calendar_manager.providers.base.ProviderAuth.refresh`.
        """
        if tokens.refresh_token is None:
            raise ConsentLostError(_KEY_LOST, reason="keyRejected")
        answer = self._endpoint.post(
            {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        )
        if answer.error in _LOST_ERRORS:
            raise ConsentLostError(_CONSENT_LOST, reason=answer.error)
        if answer.error is not None:
            raise ProviderError(
                f"Cal.com refused to refresh the access: {answer.error} ({answer.description})",
                reason=answer.error,
            )
        fresh = _read_tokens(answer, now)
        return replace(
            fresh,
            refresh_token=fresh.refresh_token or tokens.refresh_token,
            scopes=fresh.scopes if answer.scope is not None else tokens.scopes,
        )

    def revoke(self, tokens: Tokens) -> None:
        """Do nothing: Cal.com has no address that takes a grant back.

        Forgetting the tokens is all that we can do. An access token ends after half an hour by
        itself; the refresh token and an API key live on until the person removes the application
        or the key in Cal.com's settings.
        """

    def _identify(self, tokens: Tokens, refusal: str) -> Grant:
        """Ask whose account the tokens open.

        Raises:
            ConnectRefusedError: With the given text, when the tokens open none.
        """
        client = CalDotComClient(
            self._settings.api_url, tokens.access_token, versions=self._settings.versions
        )
        try:
            account = read_account(client.pull_profile().data)
        except (AccessTokenRejectedError, ConsentLostError) as error:
            raise ConnectRefusedError(
                refusal, reason=error.reason, request_id=error.request_id
            ) from error
        finally:
            client.close()
        if account.user_id is None:
            raise ConnectRefusedError(refusal, reason="accountUnknown")
        return Grant(account.user_id, account.email or account.user_id, tokens)


def _read_tokens(answer: TokenAnswer, now: datetime) -> Tokens:
    granted = " ".join(ASKED_SCOPES) if answer.scope is None else answer.scope
    return Tokens(
        access_token=answer.access_token,
        refresh_token=answer.refresh_token,
        expires_at=(
            None if answer.expires_in is None else now + timedelta(seconds=answer.expires_in)
        ),
        # A server may leave the scope out when it granted what was asked (RFC 6749, 5.1).
        scopes=frozenset(granted.replace(",", " ").split()),
    )


def _refuse_denial(error: str, description: str) -> NoReturn:
    if error in _PASSING_DENIALS:
        raise RetryLaterError("Cal.com cannot answer at the moment.", reason=error)
    if not error:
        raise ConnectRefusedError("Cal.com sent no code back. Connect again.", reason="codeMissing")
    detail = f"{error[:100]} ({description[:100]})" if description else error[:100]
    text = _DENIALS.get(error, f"Cal.com refused the connection: {detail}.")
    raise ConnectRefusedError(text, reason=error[:100])


def _refuse_exchange(error: str, description: str) -> NoReturn:
    if error == "invalid_grant":
        text = "Cal.com's code was already used or is too old. Connect again."
    elif error in _CLIENT_ERRORS:
        text = "Cal.com does not accept this installation's client id and secret."
    else:
        text = f"Cal.com refused the connection: {error} ({description})."
    raise ConnectRefusedError(text, reason=error)
