"""One account's line to Microsoft Graph, through requests.

Exchange serves four requests of an application to one mailbox at once and answers a fifth with
``429`` or ``503 MailboxConcurrency`` (https://learn.microsoft.com/graph/throttling-limits). One
open account asks for one thing after the other, so it never takes more than one of the four;
workers that read several calendars of one account share the rest through the limiter of the
layer that starts them. What comes through nevertheless is put back for as long as Graph asks.
"""

import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, cast

import requests
from requests.auth import AuthBase
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random
from urllib3.exceptions import ReadTimeoutError

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import Gate, always_open
from calendar_manager.providers.call_log import ProviderCall
from calendar_manager.providers.errors import ProviderError, RetryLaterError
from calendar_manager.providers.microsoft.addresses import GraphAddresses
from calendar_manager.providers.microsoft.failures import (
    Asked,
    BriefTroubleError,
    classify_refusal,
)
from calendar_manager.providers.microsoft.wire import (
    GraphCalendarsPage,
    GraphEvent,
    GraphEventsPage,
)

MAX_EVENTS_PER_PAGE = 500
"""What we ask a page of changes to hold; Graph may well send fewer."""

_FEWER = 10
_BODY_LIMIT_BYTES = 64 * 2**20
_CHUNK_BYTES = 2**16
_ATTEMPTS = 3
_SHORTEST_WAIT = timedelta(milliseconds=100)
_LONGEST_WAIT = timedelta(milliseconds=700)
_CONNECT_TIMEOUT = timedelta(seconds=5)
_DEFAULT_TIMEOUT = timedelta(seconds=30)

_SUCCESSES = range(200, 300)

_logger = logging.getLogger(__name__)


class GraphClient:
    """Asks for pages and turns every failure into one of ``providers/errors.py``.

    Not shared between threads, because the session is not made for it.

    Args:
        graph_url: The root of Microsoft Graph, version included.
        access_token: Sent with every request; refreshing it is the caller's business.
        gate: Passed before each request, those that are tried again included.
        events_per_page: What a page of changes shall hold.
        timeout: The longest silence on the line.
    """

    def __init__(
        self,
        graph_url: str,
        access_token: str,
        *,
        gate: Gate = always_open,
        events_per_page: int = MAX_EVENTS_PER_PAGE,
        timeout: timedelta = _DEFAULT_TIMEOUT,
    ) -> None:
        self.addresses = GraphAddresses(graph_url)
        self._gate = gate
        self._events_per_page = events_per_page
        self._timeout = (
            min(_CONNECT_TIMEOUT, timeout).total_seconds(),
            timeout.total_seconds(),
        )
        self._session = requests.Session()
        # A plain header would give way to what a .netrc file says of the host.
        self._session.auth = _BearerAuth(access_token)
        self._session.headers["Accept"] = "application/json"

    def pull_calendars(self, link: str | None) -> GraphCalendarsPage:
        """Ask for the account's calendars, or for a later page of them by its link.

        Raises:
            ProviderError: As :class:`~calendar_manager.providers.base.CalendarProvider` says.
        """
        url = self.addresses.calendars() if link is None else self.addresses.check(link)
        return cast("GraphCalendarsPage", self._ask(url, Asked.CALENDARS))

    def pull_delta(self, link: str, asked: Asked) -> GraphEventsPage:
        """Ask for a page of what changed in a calendar.

        A delta query cannot leave the bodies of events out. Where they make a page too long, the
        account's pages hold fewer events from then on.

        Raises:
            ProviderError: As :class:`~calendar_manager.providers.base.CalendarProvider` says.
        """
        while True:
            try:
                return cast("GraphEventsPage", self._ask(self.addresses.check(link), asked))
            except AnswerTooLongError:
                if self._events_per_page == 1:
                    raise
                self._events_per_page = max(1, self._events_per_page // _FEWER)

    def pull_event(self, calendar_id: str, event_id: str) -> GraphEvent:
        """Ask for one event of one calendar.

        Raises:
            EventUnavailableError: It is gone from the calendar, or closed to us.
            ProviderError: As :class:`~calendar_manager.providers.base.CalendarProvider` says.
        """
        url = self.addresses.event(calendar_id, event_id)
        return cast("GraphEvent", self._ask(url, Asked.EVENT))

    def pull_instances(self, series_id: str, window: Span, link: str | None) -> GraphEventsPage:
        """Ask for the instances of a series, or for a later page of them by its link.

        Raises:
            EventUnavailableError: They are gone, or closed to us.
            ProviderError: As :class:`~calendar_manager.providers.base.CalendarProvider` says.
        """
        url = (
            self.addresses.instances(series_id, window)
            if link is None
            else self.addresses.check(link)
        )
        return cast("GraphEventsPage", self._ask(url, Asked.EVENT))

    def write(
        self,
        method: Literal["POST", "PATCH", "DELETE"],
        url: str,
        asked: Asked,
        body: Mapping[str, object] | None = None,
    ) -> Mapping[str, object]:
        """Change something and return what Graph answers, nothing for ``204``.

        A POST is sent once only: when the line breaks nobody knows whether it was carried out.

        Raises:
            ProviderError: As :func:`~calendar_manager.providers.microsoft.failures
                .classify_refusal` says.
        """
        if method == "POST":
            return self._ask_once(self._follow(method, url), url, asked, body)
        return self._ask(url, asked, method, body)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _ask(
        self,
        url: str,
        asked: Asked,
        method: str = "GET",
        body: Mapping[str, object] | None = None,
    ) -> dict[str, object]:
        retrying = Retrying(
            retry=retry_if_exception_type(BriefTroubleError),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random(_SHORTEST_WAIT.total_seconds(), _LONGEST_WAIT.total_seconds()),
            reraise=True,
        )
        return retrying(self._ask_once, self._follow(method, url), url, asked, body)

    def _follow(self, method: str, url: str) -> ProviderCall:
        return ProviderCall(ProviderKind.MICROSOFT, method, self.addresses.name_endpoint(url))

    def _ask_once(
        self, call: ProviderCall, url: str, asked: Asked, body: Mapping[str, object] | None
    ) -> dict[str, object]:
        self._gate()
        with call.request():
            return self._send(call, url, asked, body)

    def _send(
        self, call: ProviderCall, url: str, asked: Asked, body: Mapping[str, object] | None
    ) -> dict[str, object]:
        try:
            # Redirects are not followed: the access token is for the configured place only.
            with self._session.request(
                call.method,
                url,
                json=body,
                headers={"Prefer": self._preferences},
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                call.status = response.status_code
                answer = _read_body(response)
        except requests.RequestException as error:
            raise _classify_broken_line(error) from error
        if response.status_code not in _SUCCESSES:
            raise _refuse(response, answer, asked)
        if response.status_code == requests.codes.no_content:
            return {}
        return _parse(answer)

    @property
    def _preferences(self) -> str:
        """What delta queries want on every call of a round, for the links do not carry it."""
        return (
            f'odata.maxpagesize={self._events_per_page}, outlook.timezone="UTC", '
            'IdType="ImmutableId"'
        )


class AnswerTooLongError(RetryLaterError):
    """An answer is longer than what we can take in at once."""


class _BearerAuth(AuthBase):
    """The access token as RFC 6750, section 2.1, sends it."""

    def __init__(self, access_token: str) -> None:
        self._access_token = access_token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._access_token}"
        return request


def _parse(answer: bytes) -> dict[str, object]:
    try:
        parsed: object = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise BriefTroubleError(
            "Microsoft's answer cannot be read", reason="invalidBody"
        ) from error
    if not isinstance(parsed, dict):
        raise BriefTroubleError("Microsoft's answer is no JSON object", reason="invalidBody")
    return parsed


def _read_body(response: requests.Response) -> bytes:
    """Return the whole body, unpacked, unless it is without measure.

    Raises:
        AnswerTooLongError: It is longer than a page of ours may be.
        requests.RequestException: It ended too early.
    """
    body = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > _BODY_LIMIT_BYTES:
            raise AnswerTooLongError("Microsoft's answer is too long", reason="tooLong")
    return bytes(body)


def _classify_broken_line(error: requests.RequestException) -> RetryLaterError:
    """Tell silence, of which one wait is enough, from a line that broke."""
    causes = [error, *error.args]
    if any(isinstance(cause, requests.Timeout | ReadTimeoutError) for cause in causes):
        return RetryLaterError("Microsoft did not answer in time", reason="timeout")
    # The exception's text may quote the address, in which tokens are, so only its kind is told.
    return BriefTroubleError(
        f"The line to Microsoft broke ({type(error).__name__})", reason="connection"
    )


def _refuse(response: requests.Response, body: bytes, asked: Asked) -> ProviderError:
    headers = {name.lower(): value for name, value in response.headers.items()}
    refusal = classify_refusal(response.status_code, headers, body, asked=asked)
    _logger.warning(
        "Microsoft Graph refused %s with %d, %s (request-id %s)",
        asked.value,
        response.status_code,
        refusal.reason,
        refusal.request_id,
    )
    return refusal
