"""One account's line to the Calendar API, through google-api-python-client.

The library's own retries sleep for long and ignore ``Retry-After``, so they stay off; waiting is
the queue's business. Its batches leave the configured address, so they are never used.
"""

import http.client
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import httplib2
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from httplib2.decode import DecodeLimitError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.providers.base import Gate, always_open
from calendar_manager.providers.call_log import ProviderCall
from calendar_manager.providers.errors import RetryLaterError
from calendar_manager.providers.google.failures import Asked, BriefTroubleError, classify_refusal
from calendar_manager.providers.google.wire import (
    GoogleCalendarListPage,
    GoogleChannel,
    GoogleEventsPage,
)

if TYPE_CHECKING:
    from googleapiclient.http import HttpRequest

MAX_CALENDARS_PER_PAGE = 250
"""The most that ``calendarList.list`` gives."""

_DECODED_LIMIT_BYTES = 256 * 2**20
_ATTEMPTS = 3
_SHORTEST_WAIT = timedelta(milliseconds=100)
_LONGEST_WAIT = timedelta(milliseconds=700)
_DEFAULT_TIMEOUT = timedelta(seconds=30)


class GoogleClient:
    """Asks Google and turns every failure into one of ``providers/errors.py``.

    Not shared between threads, because httplib2 is not.

    Args:
        api_url: The root of the Calendar API, version included.
        access_token: Sent with every request; refreshing it is the caller's business.
        gate: Passed before every request, second tries included; what it raises comes through.
        timeout: The longest silence on the line.
    """

    def __init__(
        self,
        api_url: str,
        access_token: str,
        *,
        gate: Gate = always_open,
        timeout: timedelta = _DEFAULT_TIMEOUT,
    ) -> None:
        self._gate = gate
        # Pages of events alike compress beyond the library's default limit of a hundredfold.
        line = httplib2.Http(
            timeout=timeout.total_seconds(),
            decode_limit_ratio=0,
            decode_limit_hard=_DECODED_LIMIT_BYTES,
        )
        # The API never redirects, and what does would be asked without having passed the gate.
        line.follow_redirects = False
        self._http = AuthorizedHttp(
            Credentials(token=access_token),  # type: ignore[no-untyped-call]  # google-auth's own.
            http=line,
            # Without this list it would refresh behind our back, and lose a rotated token.
            refresh_status_codes=(),
        )
        self._service = build(
            "calendar",
            "v3",
            http=self._http,
            static_discovery=True,
            # The endpoint replaces the document's root and path at once.
            client_options={"api_endpoint": api_url},
        )

    def pull_calendar_list(self, *, page_token: str | None) -> GoogleCalendarListPage:
        """Ask for one page of the account's calendars, those hidden in Google's pages included.

        Raises:
            ProviderError: As :class:`~calendar_manager.providers.base.CalendarProvider` says.
        """
        request = self._service.calendarList().list(
            maxResults=MAX_CALENDARS_PER_PAGE, pageToken=page_token, showHidden=True
        )
        answer = self._ask(request, Asked(page_token=page_token is not None))
        return cast("GoogleCalendarListPage", answer)

    def pull_events(
        self,
        calendar_id: str,
        *,
        sync_token: str | None,
        page_token: str | None,
        max_results: int,
        resuming: bool = False,
    ) -> GoogleEventsPage:
        """Ask for one page of a calendar's events, masters and exceptions unexpanded.

        With a sync token Google forbids every filter and ``showDeleted=false``, and wants all
        other parameters as on the first call, so there are no filters on any call. Cancelled
        exceptions come along nevertheless
        (https://developers.google.com/workspace/calendar/api/v3/reference/events/list).

        Args:
            calendar_id: Which calendar.
            sync_token: Of the last complete read; None reads everything.
            page_token: Of the page, None for the first.
            max_results: How many events at most.
            resuming: Whether the page token was kept from a read that broke off.

        Raises:
            ProviderError: As :class:`~calendar_manager.providers.base.CalendarProvider` says.
        """
        request = self._service.events().list(
            calendarId=calendar_id,
            singleEvents=False,
            maxResults=max_results,
            syncToken=sync_token,
            pageToken=page_token,
        )
        asked = Asked(
            calendar=True,
            sync_token=sync_token is not None,
            page_token=page_token is not None,
            resuming=resuming,
        )
        return cast("GoogleEventsPage", self._ask(request, asked))

    def open_channel(self, calendar_id: str, channel: GoogleChannel) -> GoogleChannel:
        """Have a calendar's events watched, and return the channel with what Google adds.

        Raises:
            ProviderError: As :class:`~calendar_manager.providers.base.ChannelProvider` says.
        """
        request = self._service.events().watch(calendarId=calendar_id, body=channel)  # type: ignore[arg-type]  # The stubs want their own TypedDict, which the real package lacks.
        answer = self._ask(request, Asked(calendar=True, channel=True))
        return cast("GoogleChannel", answer)

    def close_channel(self, channel: GoogleChannel) -> None:
        """Stop a channel, named by its ``id`` and ``resourceId``.

        Raises:
            ChannelGoneError: Google knows no such channel, or no longer.
            ProviderError: As :class:`~calendar_manager.providers.base.ChannelProvider` says.
        """
        request = self._service.channels().stop(body=channel)  # type: ignore[arg-type]  # As above.
        # It answers without a body, which is no trouble here.
        _retrying()(self._send, request, Asked(channel=True), _follow(request))

    def close(self) -> None:
        """Close the connection."""
        self._service.close()

    def _ask(self, request: "HttpRequest", asked: Asked) -> dict[str, Any]:
        return _retrying()(self._read, request, asked, _follow(request))

    def _read(self, request: "HttpRequest", asked: Asked, call: ProviderCall) -> dict[str, Any]:
        answer = self._send(request, asked, call)
        if not isinstance(answer, dict):
            # The library passes a body that is not JSON on as text, as after a cut connection.
            raise BriefTroubleError("Google's answer is not a JSON object", reason="invalidBody")
        return answer

    def _send(self, request: "HttpRequest", asked: Asked, call: ProviderCall) -> object:
        """Send a request once; httplib2 alone repeats it, where a kept connection was closed."""
        self._gate()
        with call.request():
            return self._execute(request, asked)

    def _execute(self, request: "HttpRequest", asked: Asked) -> object:
        try:
            return request.execute(num_retries=0)
        except HttpError as error:
            raise classify_refusal(
                error.status_code, error.resp, error.content, asked=asked
            ) from error
        except DecodeLimitError as error:
            raise RetryLaterError("Google's answer is too long", reason="tooLong") from error
        except TimeoutError as error:
            self._hang_up()
            raise RetryLaterError("Google did not answer in time", reason="timeout") from error
        except (httplib2.HttpLib2Error, http.client.HTTPException, OSError) as error:
            self._hang_up()
            raise BriefTroubleError(
                f"The line to Google broke: {error!r}", reason="connection"
            ) from error
        except (ValueError, RecursionError) as error:
            raise BriefTroubleError(
                "Google's answer cannot be read", reason="invalidBody"
            ) from error

    def _hang_up(self) -> None:
        """Drop the connection, on which the rest of a late answer might still arrive."""
        self._http.close()


def _follow(request: "HttpRequest") -> ProviderCall:
    """Have a request logged under the name that Google gives to what it does."""
    call = ProviderCall(ProviderKind.GOOGLE, request.method, request.methodId or "unknown")

    def note_status(response: httplib2.Response) -> None:
        call.status = response.status

    request.add_response_callback(note_status)
    return call


def _retrying() -> Retrying:
    return Retrying(
        retry=retry_if_exception_type(BriefTroubleError),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random(_SHORTEST_WAIT.total_seconds(), _LONGEST_WAIT.total_seconds()),
        reraise=True,
    )
