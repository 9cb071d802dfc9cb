"""One account's line to Microsoft Graph, through requests.

Exchange serves four requests of an application to one mailbox at once and answers a fifth with
``429`` or ``503 MailboxConcurrency`` (https://learn.microsoft.com/graph/throttling-limits). One
open account asks for one thing after the other, so it never takes more than one of the four;
workers that read several calendars of one account share the rest through the limiter of the
layer that starts them. What comes through nevertheless is put back for as long as Graph asks.
"""

import json
import logging
from datetime import timedelta
from typing import cast

import requests
from requests.auth import AuthBase
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random
from urllib3.exceptions import ReadTimeoutError

from calendar_manager.domain.timespan import Span
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

_BODY_LIMIT_BYTES = 256 * 2**20
_CHUNK_BYTES = 2**16
_ATTEMPTS = 3
_SHORTEST_WAIT = timedelta(milliseconds=100)
_LONGEST_WAIT = timedelta(milliseconds=700)
_CONNECT_TIMEOUT = timedelta(seconds=5)
_DEFAULT_TIMEOUT = timedelta(seconds=30)

_logger = logging.getLogger(__name__)


class GraphClient:
    """Asks for pages and turns every failure into one of ``providers/errors.py``.

    Not shared between threads, because the session is not made for it.

    Args:
        graph_url: The root of Microsoft Graph, version included.
        access_token: Sent with every request; refreshing it is the caller's business.
        events_per_page: What a page of changes shall hold.
        timeout: The longest silence on the line.
    """

    def __init__(
        self,
        graph_url: str,
        access_token: str,
        *,
        events_per_page: int = MAX_EVENTS_PER_PAGE,
        timeout: timedelta = _DEFAULT_TIMEOUT,
    ) -> None:
        self.addresses = GraphAddresses(graph_url)
        self._timeout = (
            min(_CONNECT_TIMEOUT, timeout).total_seconds(),
            timeout.total_seconds(),
        )
        self._session = requests.Session()
        # A plain header would give way to what a .netrc file says of the host.
        self._session.auth = _BearerAuth(access_token)
        self._session.headers.update(
            {
                "Accept": "application/json",
                # Delta queries want the same preferences on every call of a round, and the links
                # do not carry them.
                "Prefer": f'odata.maxpagesize={events_per_page}, outlook.timezone="UTC", '
                'IdType="ImmutableId"',
            }
        )

    def pull_calendars(self, link: str | None) -> GraphCalendarsPage:
        """Ask for the account's calendars, or for a later page of them by its link.

        Raises:
            ProviderError: As :class:`~calendar_manager.providers.base.CalendarProvider` says.
        """
        url = self.addresses.calendars() if link is None else self.addresses.check(link)
        return cast("GraphCalendarsPage", self._ask(url, Asked.CALENDARS))

    def pull_delta(self, link: str, asked: Asked) -> GraphEventsPage:
        """Ask for a page of what changed in a calendar.

        Raises:
            ProviderError: As :class:`~calendar_manager.providers.base.CalendarProvider` says.
        """
        return cast("GraphEventsPage", self._ask(self.addresses.check(link), asked))

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

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _ask(self, url: str, asked: Asked) -> dict[str, object]:
        retrying = Retrying(
            retry=retry_if_exception_type(BriefTroubleError),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random(_SHORTEST_WAIT.total_seconds(), _LONGEST_WAIT.total_seconds()),
            reraise=True,
        )
        return retrying(self._ask_once, url, asked)

    def _ask_once(self, url: str, asked: Asked) -> dict[str, object]:
        try:
            # Redirects are not followed: the access token is for the configured place only.
            with self._session.get(
                url, timeout=self._timeout, allow_redirects=False, stream=True
            ) as response:
                body = _read_body(response)
        except requests.RequestException as error:
            raise _classify_broken_line(error) from error
        if response.status_code != requests.codes.ok:
            raise _refuse(response, body, asked)
        try:
            answer: object = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise BriefTroubleError(
                "Microsoft's answer cannot be read", reason="invalidBody"
            ) from error
        if not isinstance(answer, dict):
            raise BriefTroubleError("Microsoft's answer is no JSON object", reason="invalidBody")
        return answer


class _BearerAuth(AuthBase):
    """The access token as RFC 6750, section 2.1, sends it."""

    def __init__(self, access_token: str) -> None:
        self._access_token = access_token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._access_token}"
        return request


def _read_body(response: requests.Response) -> bytes:
    """Return the whole body, unpacked, unless it is without measure.

    Raises:
        RetryLaterError: It is longer than any page of ours can be.
        requests.RequestException: It ended too early.
    """
    body = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > _BODY_LIMIT_BYTES:
            raise RetryLaterError("Microsoft's answer is too long", reason="tooLong")
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
