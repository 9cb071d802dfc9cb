"""The address that takes codes and refresh tokens and gives tokens.

https://cal.com/docs/api-reference/v2/oauth2/exchange-authorization-code-or-refresh-token-for-tokens
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import requests

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.providers.caldotcom.failures import find_request_id, read_retry_after
from calendar_manager.providers.caldotcom.fields import read_mapping, read_text
from calendar_manager.providers.caldotcom.settings import CalDotComSettings
from calendar_manager.providers.call_log import ProviderCall
from calendar_manager.providers.errors import RetryLaterError

_TIMEOUT_SECONDS = (5.0, 20.0)
_TOKEN_LIMIT = 65_536
_TEXT_LIMIT = 300
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500
_PASSING_ERRORS = frozenset({"server_error", "temporarily_unavailable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAnswer:
    """What the token endpoint said (RFC 6749, sections 5.1 and 5.2).

    Attributes:
        access_token: Empty when there is an error.
        refresh_token: None when none came along.
        expires_in: The access token's life in seconds; None when it does not say.
        scope: The granted scopes, space-joined; None when it does not say, as Cal.com does not.
        error: The error's code, such as ``invalid_grant``; None on success.
        description: The error's text, for developers.
    """

    access_token: str = field(default="", repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_in: int | None = None
    scope: str | None = None
    error: str | None = None
    description: str = ""


class TokenEndpoint:
    """Posts to Cal.com's token endpoint as this application.

    Every call has a session of its own, because sessions are not made for several threads. There
    are no retries: a code works once, and a repeated refresh could burn a rotated token.
    """

    def __init__(self, settings: CalDotComSettings) -> None:
        self._settings = settings

    def post(self, form: Mapping[str, str]) -> TokenAnswer:
        """Ask the token endpoint.

        Raises:
            RetryLaterError: It cannot answer now, or its answer cannot be read.
        """
        client = {
            "client_id": self._settings.client_id or "",
            "client_secret": self._settings.client_secret,
        }
        given = {name: value for name, value in {**client, **form}.items() if value is not None}
        response = _send(self._settings.token_url, given)
        answer = _read_object(response)
        error, description = _read_error(answer)
        if error in _PASSING_ERRORS:
            raise RetryLaterError(f"Cal.com cannot answer: {error}", reason=error or "unknown")
        if error is not None:
            return TokenAnswer(error=error, description=description)
        # Builds from before 2026 put the tokens into their usual envelope.
        tokens = read_mapping(answer.get("data")) or answer
        access_token = read_text(tokens.get("access_token"), limit=_TOKEN_LIMIT)
        if not response.ok or access_token is None:
            raise RetryLaterError(
                f"Cal.com's token endpoint answered {response.status_code} without a token",
                reason="invalidBody",
            )
        expires_in = tokens.get("expires_in")
        return TokenAnswer(
            access_token=access_token,
            refresh_token=read_text(tokens.get("refresh_token"), limit=_TOKEN_LIMIT),
            expires_in=expires_in if isinstance(expires_in, int) else None,
            scope=read_text(tokens.get("scope"), limit=_TOKEN_LIMIT),
        )


def _send(url: str, form: Mapping[str, str]) -> requests.Response:
    call = ProviderCall(ProviderKind.CALDOTCOM, "POST", "oauth/token")
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
            f"Cal.com's token endpoint cannot be reached ({type(error).__name__})",
            reason="connection",
        ) from error


def _expect_service(response: requests.Response) -> None:
    status = response.status_code
    if status == _TOO_MANY_REQUESTS or status >= _SERVER_ERRORS:
        headers = {name.lower(): value for name, value in response.headers.items()}
        raise RetryLaterError(
            f"Cal.com's token endpoint answered {status}",
            reason=str(status),
            request_id=find_request_id(headers),
            retry_after=read_retry_after(headers),
        )


def _read_object(response: requests.Response) -> Mapping[str, object]:
    try:
        answer: object = response.json()
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise RetryLaterError(
            f"Cal.com's token endpoint answered {response.status_code} without JSON",
            reason="invalidBody",
        )
    return answer


def _read_error(answer: Mapping[str, object]) -> tuple[str | None, str]:
    """Return the code and the text of an error, in OAuth's form or in Cal.com's older one."""
    error = answer.get("error")
    enveloped = read_mapping(error)
    if enveloped:
        # There the message is OAuth's code, and the code is the name of an exception.
        error = enveloped.get("message") or enveloped.get("code")
    code = read_text(error, limit=_TEXT_LIMIT)
    if code is None and answer.get("status") == "error":
        code = "unknown"
    description = read_text(answer.get("error_description"), limit=_TEXT_LIMIT)
    return code, description or "no description"
