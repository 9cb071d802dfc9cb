"""Google as a provider: accounts opened for reading, and the factory that makes them."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from calendar_manager.domain.accounts import ProviderKind, RemoteCalendar, Tokens
from calendar_manager.domain.changes import ChangePage, FindSeries, know_no_series
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import (
    CalendarProvider,
    Gate,
    ProviderAuth,
    Quota,
    Rate,
    always_open,
)
from calendar_manager.providers.errors import RetryLaterError
from calendar_manager.providers.google.auth import GoogleAuth
from calendar_manager.providers.google.client import GoogleClient
from calendar_manager.providers.google.fields import read_list, read_text
from calendar_manager.providers.google.normalize import (
    NORMALIZER_VERSION,
    normalize_calendar,
    normalize_event,
)
from calendar_manager.providers.google.settings import GoogleSettings

MAX_EVENTS_PER_PAGE = 2500
"""The most that ``events.list`` gives."""

_TOKEN_LIMIT = 65_536


class GoogleCalendarProvider:
    """One Google account, open for reading.

    Args:
        client: The line to Google; closed with the provider.
        events_per_page: How many events to ask for at once, at most 2500.
    """

    def __init__(self, client: GoogleClient, *, events_per_page: int = MAX_EVENTS_PER_PAGE) -> None:
        self._client = client
        self._events_per_page = events_per_page

    def pull_calendars(self) -> Sequence[RemoteCalendar]:
        """List every calendar of the account, hidden ones included."""
        calendars: list[RemoteCalendar] = []
        tokens = _PageTokens()
        while True:
            page = self._client.pull_calendar_list(page_token=tokens.current)
            entries = map(normalize_calendar, read_list(page.get("items")))
            calendars.extend(calendar for calendar in entries if calendar is not None)
            if not tokens.turn(read_text(page.get("nextPageToken"), limit=_TOKEN_LIMIT)):
                return calendars

    def pull_changes(
        self,
        provider_calendar_id: str,
        *,
        cursor: str | None,
        window: Span,  # noqa: ARG002  The protocol's; Google's sync tokens need no window.
        find_series: FindSeries = know_no_series,  # noqa: ARG002  Google names the masters itself.
        position: str | None = None,  # noqa: ARG002  Taken up with resumable reads.
    ) -> Iterator[ChangePage]:
        """Read what changed, page by page, holding one page at a time.

        See :meth:`calendar_manager.providers.base.CalendarProvider.pull_changes`.
        """
        tokens = _PageTokens()
        while True:
            page, following = self._pull_page(provider_calendar_id, cursor, tokens.current)
            more = tokens.turn(following)
            if not more and page.cursor is None:
                raise RetryLaterError(
                    "Google ended the list without a sync token", reason="noSyncToken"
                )
            yield page
            if not more:
                return

    def _pull_page(
        self, calendar_id: str, sync_token: str | None, page_token: str | None
    ) -> tuple[ChangePage, str | None]:
        """Return one page and the token of the following one."""
        page = self._client.pull_events(
            calendar_id,
            sync_token=sync_token,
            page_token=page_token,
            max_results=self._events_per_page,
        )
        zone = read_text(page.get("timeZone"), limit=_TOKEN_LIMIT)
        changes = tuple(
            normalize_event(item, calendar_time_zone=zone) for item in read_list(page.get("items"))
        )
        following = read_text(page.get("nextPageToken"), limit=_TOKEN_LIMIT)
        # Only the last page may carry a cursor; one read earlier would lose the pages after it.
        cursor = None if following else read_text(page.get("nextSyncToken"), limit=_TOKEN_LIMIT)
        return ChangePage(changes, cursor), following

    def close(self) -> None:
        """Let go of the connection to Google."""
        self._client.close()


class Google:
    """The factory of both sides of Google.

    Args:
        settings: The registered application and where Google is.
        events_per_page: How many events to ask for at once, at most 2500.
    """

    def __init__(
        self, settings: GoogleSettings, *, events_per_page: int = MAX_EVENTS_PER_PAGE
    ) -> None:
        self._settings = settings
        self._events_per_page = events_per_page
        self._auth = GoogleAuth(settings)

    @property
    def kind(self) -> ProviderKind:
        """Google."""
        return ProviderKind.GOOGLE

    @property
    def normalizer_version(self) -> int:
        """The version of :mod:`calendar_manager.providers.google.normalize`."""
        return NORMALIZER_VERSION

    @property
    def reads_window(self) -> bool:
        """Google lists everything that a calendar has."""
        return False

    @property
    def accounts_open_at_once(self) -> int | None:
        """Google counts requests, not connections."""
        return None

    @property
    def quota(self) -> Quota:
        """Six hundred a minute to a user, ten thousand to a project."""
        return Quota(Rate(600, timedelta(minutes=1)), Rate(10_000, timedelta(minutes=1)))

    @property
    def auth(self) -> ProviderAuth:
        """How Google accounts are connected."""
        return self._auth

    def open(self, tokens: Tokens, *, gate: Gate = always_open) -> CalendarProvider:  # noqa: ARG002
        """Open one account for reading; no network."""
        client = GoogleClient(self._settings.api_url, tokens.access_token)
        return GoogleCalendarProvider(client, events_per_page=self._events_per_page)


class _PageTokens:
    """Walks from page to page and notices when the way leads in a circle."""

    def __init__(self) -> None:
        self.current: str | None = None
        self._seen: set[str] = set()

    def turn(self, following: str | None) -> bool:
        """Go to the following page; False when there is none.

        Raises:
            RetryLaterError: The page was already read, so the list would never end.
        """
        if not following:
            return False
        if following in self._seen:
            raise RetryLaterError("Google repeats a page of the list", reason="pageRepeated")
        self._seen.add(following)
        self.current = following
        return True
