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

from calendar_manager.providers.errors import RetryLaterError
from calendar_manager.providers.google.failures import Asked, BriefTroubleError, classify_refusal
from calendar_manager.providers.google.wire import GoogleCalendarListPage, GoogleEventsPage

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
    """Asks for pages and turns every failure into one of ``providers/errors.py``.

    Not shared between threads, because httplib2 is not.

    Args:
        api_url: The root of the Calendar API, version included.
        access_token: Sent with every request; refreshing it is the caller's business.
        timeout: The longest silence on the line.
    """

    def __init__(
        self, api_url: str, access_token: str, *, timeout: timedelta = _DEFAULT_TIMEOUT
    ) -> None:
        self._http = AuthorizedHttp(
            Credentials(token=access_token),  # type: ignore[no-untyped-call]  # google-auth's own.
            # Pages of events alike compress beyond the library's default limit of a hundredfold.
            http=httplib2.Http(
                timeout=timeout.total_seconds(),
                decode_limit_ratio=0,
                decode_limit_hard=_DECODED_LIMIT_BYTES,
            ),
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
    ) -> GoogleEventsPage:
        """Ask for one page of a calendar's events, masters and exceptions unexpanded.

        With a sync token Google forbids every filter and ``showDeleted=false``, and wants all
        other parameters as on the first call, so there are no filters on any call. Cancelled
        exceptions come along nevertheless
        (https://developers.google.com/workspace/calendar/api/v3/reference/events/list).

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
            calendar=True, sync_token=sync_token is not None, page_token=page_token is not None
        )
        return cast("GoogleEventsPage", self._ask(request, asked))

    def close(self) -> None:
        """Close the connection."""
        self._service.close()

    def _ask(self, request: "HttpRequest", asked: Asked) -> dict[str, Any]:
        retrying = Retrying(
            retry=retry_if_exception_type(BriefTroubleError),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random(_SHORTEST_WAIT.total_seconds(), _LONGEST_WAIT.total_seconds()),
            reraise=True,
        )
        return retrying(self._ask_once, request, asked)

    def _ask_once(self, request: "HttpRequest", asked: Asked) -> dict[str, Any]:
        try:
            answer: object = request.execute(num_retries=0)
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
        if not isinstance(answer, dict):
            # The library passes a body that is not JSON on as text, as after a cut connection.
            raise BriefTroubleError("Google's answer is not a JSON object", reason="invalidBody")
        return answer

    def _hang_up(self) -> None:
        """Drop the connection, on which the rest of a late answer might still arrive."""
        self._http.close()
