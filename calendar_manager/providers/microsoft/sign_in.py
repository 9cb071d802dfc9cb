"""The line on which msal speaks with Microsoft's sign-in service.

msal takes any http client with ``get`` and ``post``. Ours sets time limits, keeps the service's
discovery document, and turns trouble into the errors of ``providers/errors.py`` before msal can
swallow the pause that the service asks for, or log an answer with tokens in it.

msal also takes nothing but https for an authority, in the setting as in the discovery document.
A stand-in on loopback speaks http, so for such an authority, and for no other, the line puts
``https`` into what msal reads and ``http`` into what it sends. TLS is never switched off.
"""

import ipaddress
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

import requests

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.providers.call_log import ProviderCall
from calendar_manager.providers.errors import ProviderError, RetryLaterError
from calendar_manager.providers.microsoft.failures import read_retry_after

DISCOVERY_LIFE = timedelta(days=1)
"""How long a discovery document is kept, as long as msal itself would."""

_DISCOVERY = "/.well-known/openid-configuration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint")
_TIMEOUT_SECONDS = (5.0, 20.0)
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500


@dataclass(frozen=True, slots=True)
class SignInAnswer:
    """An answer in the form in which msal reads one.

    Attributes:
        status_code: The HTTP status.
        text: The body, a JSON object.
        headers: The headers.
    """

    status_code: int
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)

    def raise_for_status(self) -> None:
        """Do nothing: what msal would raise for was raised before it got the answer."""


class SignInLine:
    """The http client that msal is given; safe to share between threads.

    Every call has a session of its own, because sessions are not made for several threads. There
    are no retries: a code works once, and a repeated refresh could burn a rotated token.

    Args:
        authority: The sign-in service as it was configured, the tenant included.

    Raises:
        ValueError: The authority is neither https nor http on loopback.
    """

    def __init__(self, authority: str) -> None:
        parts = urlsplit(authority)
        self._mapped = parts.scheme == "http" and _is_loopback(parts)
        if parts.scheme != "https" and not self._mapped:
            raise ValueError("Microsoft's authority has to be https, or http on loopback")
        self._real = f"{parts.scheme}://{parts.netloc}/"
        self._for_msal = f"https://{parts.netloc}/"
        self.authority = self._to_msal(authority)
        self._lock = threading.Lock()
        self._discovered: dict[str, tuple[float, SignInAnswer]] = {}

    def to_browser(self, url: str) -> str:
        """Return an address that msal made as one that really exists."""
        return self._to_real(url)

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> SignInAnswer:
        """Get a discovery document, from memory while it is young.

        Raises:
            ProviderError: There is no such tenant.
            RetryLaterError: The service cannot answer now.
        """
        now = time.monotonic()
        with self._lock:
            kept = self._discovered.get(url)
        if kept is not None and now - kept[0] < DISCOVERY_LIFE.total_seconds():
            return kept[1]
        answer = self._send("GET", url, params=params, headers=headers)
        if answer.status_code != requests.codes.ok:
            raise ProviderError(
                "Microsoft's sign-in does not know this installation's tenant. Check "
                "MICROSOFT_TENANT_ID and MICROSOFT_AUTHORITY.",
                reason="tenantUnknown",
            )
        if url.endswith(_DISCOVERY):
            answer = self._read_discovery(answer)
            with self._lock:
                self._discovered[url] = (now, answer)
        return answer

    def post(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> SignInAnswer:
        """Ask the token endpoint.

        Raises:
            RetryLaterError: It cannot answer now, or its answer cannot be read.
        """
        return self._send("POST", url, params=params, data=data, headers=headers)

    def close(self) -> None:
        """Do nothing: no session outlives its call."""

    def _send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        data: Mapping[str, str] | None = None,
    ) -> SignInAnswer:
        endpoint = "oauth2/token" if method == "POST" else "discovery"
        call = ProviderCall(ProviderKind.MICROSOFT, method, endpoint)
        with call.request():
            response = self._request(method, url, params=params, data=data, headers=headers)
            call.status = response.status_code
            _expect_service(response)
            if method == "POST" and not isinstance(_parse(response.text), dict):
                raise _unreadable()
        return SignInAnswer(response.status_code, response.text, dict(response.headers))

    def _request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        data: Mapping[str, str] | None,
    ) -> requests.Response:
        try:
            with requests.Session() as session:
                return session.request(
                    method,
                    self._to_real(url),
                    params=params,
                    data=data,
                    headers=headers,
                    timeout=_TIMEOUT_SECONDS,
                    allow_redirects=False,
                )
        except requests.RequestException as error:
            # The exception's text may quote the request, so only its kind is told.
            raise RetryLaterError(
                f"Microsoft's sign-in cannot be reached ({type(error).__name__})",
                reason="connection",
            ) from error

    def _read_discovery(self, answer: SignInAnswer) -> SignInAnswer:
        """Return a discovery document with the addresses that msal takes."""
        document = _parse(answer.text)
        if not isinstance(document, dict) or not all(
            isinstance(document.get(name), str) for name in _ENDPOINTS
        ):
            raise _unreadable()
        mapped = {
            name: self._to_msal(value) if isinstance(value, str) else value
            for name, value in document.items()
        }
        if not all(str(mapped[name]).startswith("https://") for name in _ENDPOINTS):
            raise _unreadable()
        return SignInAnswer(answer.status_code, json.dumps(mapped), answer.headers)

    def _to_msal(self, url: str) -> str:
        if self._mapped and url.startswith(self._real):
            return self._for_msal + url.removeprefix(self._real)
        return url

    def _to_real(self, url: str) -> str:
        if self._mapped and url.startswith(self._for_msal):
            return self._real + url.removeprefix(self._for_msal)
        return url


def _expect_service(response: requests.Response) -> None:
    status = response.status_code
    if status == _TOO_MANY_REQUESTS or status >= _SERVER_ERRORS:
        lowered = {name.lower(): value for name, value in response.headers.items()}
        raise RetryLaterError(
            f"Microsoft's sign-in answered {status}",
            reason=str(status),
            request_id=lowered.get("x-ms-request-id"),
            retry_after=read_retry_after(lowered),
        )


def _is_loopback(parts: SplitResult) -> bool:
    if parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _parse(text: str) -> object:
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed


def _unreadable() -> RetryLaterError:
    return RetryLaterError("Microsoft's sign-in gave an unreadable answer", reason="invalidBody")
