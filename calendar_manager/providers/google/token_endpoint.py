"""The two addresses that take tokens: one exchanges them, one revokes them.

https://developers.google.com/identity/protocols/oauth2/web-server#exchange-authorization-code
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import requests

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.providers.call_log import ProviderCall
from calendar_manager.providers.errors import RetryLaterError
from calendar_manager.providers.google.failures import read_retry_after
from calendar_manager.providers.google.fields import read_mapping, read_text
from calendar_manager.providers.google.settings import GoogleSettings

_TIMEOUT_SECONDS = (5.0, 20.0)
_TOKEN_LIMIT = 65_536
_TEXT_LIMIT = 300
_TOO_MANY_REQUESTS = 429
_PASSING_ERRORS = frozenset(
    {"server_error", "temporarily_unavailable", "internal_failure", "rate_limit_exceeded"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAnswer:
    """What the token endpoint said (RFC 6749, sections 5.1 and 5.2).

    Attributes:
        access_token: Empty when there is an error.
        refresh_token: None when none came along.
        expires_in: The access token's life in seconds; None when it does not say.
        scope: The granted scopes, space-joined; None when it does not say.
        id_token: The OpenID Connect identity, None when none came along.
        error: The error's code, such as ``invalid_grant``; None on success.
        description: The error's text, for developers.
    """

    access_token: str = field(default="", repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_in: int | None = None
    scope: str | None = None
    id_token: str | None = field(default=None, repr=False)
    error: str | None = None
    description: str = ""


class TokenEndpoint:
    """Posts to Google's token and revocation endpoints as this application.

    Every call has a session of its own, because sessions are not made for several threads. There
    are no retries: a code works once, and a repeated refresh could burn a rotated token.
    """

    def __init__(self, settings: GoogleSettings) -> None:
        self._settings = settings

    def post(self, form: Mapping[str, str]) -> TokenAnswer:
        """Ask the token endpoint.

        Raises:
            RetryLaterError: It cannot answer now, or its answer cannot be read.
        """
        client = {
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret,
        }
        response = _send("oauth.token", self._settings.token_url, {**client, **form})
        answer = _read_object(response)
        error = read_text(answer.get("error"), limit=_TEXT_LIMIT)
        if error in _PASSING_ERRORS:
            raise RetryLaterError(f"Google cannot answer: {error}", reason=error or "unknown")
        if error is not None:
            description = read_text(answer.get("error_description"), limit=_TEXT_LIMIT)
            return TokenAnswer(error=error, description=description or "no description")
        access_token = read_text(answer.get("access_token"), limit=_TOKEN_LIMIT)
        if not response.ok or access_token is None:
            raise RetryLaterError(
                f"Google's token endpoint answered {response.status_code} without a token",
                reason="invalidBody",
            )
        expires_in = answer.get("expires_in")
        return TokenAnswer(
            access_token=access_token,
            refresh_token=read_text(answer.get("refresh_token"), limit=_TOKEN_LIMIT),
            expires_in=expires_in if isinstance(expires_in, int) else None,
            scope=read_text(answer.get("scope"), limit=_TOKEN_LIMIT),
            id_token=read_text(answer.get("id_token"), limit=_TOKEN_LIMIT),
        )

    def revoke(self, token: str) -> str | None:
        """Revoke a token and the whole grant behind it; return the error's code, if any.

        Raises:
            RetryLaterError: The endpoint cannot answer now.
        """
        response = _send("oauth.revoke", self._settings.revoke_url, {"token": token})
        if response.ok:
            return None
        return read_text(_read_object(response).get("error"), limit=_TEXT_LIMIT) or "unknown"


def _send(endpoint: str, url: str, form: Mapping[str, str]) -> requests.Response:
    call = ProviderCall(ProviderKind.GOOGLE, "POST", endpoint)
    with call.request():
        response = _post(url, form)
        call.status = response.status_code
        _expect_service(response)
    return response


def _post(url: str, form: Mapping[str, str]) -> requests.Response:
    try:
        with requests.Session() as session:
            return session.post(url, data=form, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        # The exception's text may quote the request, so only its kind is told.
        raise RetryLaterError(
            f"Google's token endpoint cannot be reached ({type(error).__name__})",
            reason="connection",
        ) from error


def _expect_service(response: requests.Response) -> None:
    if response.status_code == _TOO_MANY_REQUESTS or response.status_code >= 500:  # noqa: PLR2004  The class of server errors.
        headers = {name.lower(): value for name, value in response.headers.items()}
        raise RetryLaterError(
            f"Google's token endpoint answered {response.status_code}",
            reason=str(response.status_code),
            retry_after=read_retry_after(headers),
        )


def _read_object(response: requests.Response) -> Mapping[str, object]:
    try:
        answer: object = response.json()
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise RetryLaterError(
            f"Google's token endpoint answered {response.status_code} without JSON",
            reason="invalidBody",
        )
    return read_mapping(answer)
