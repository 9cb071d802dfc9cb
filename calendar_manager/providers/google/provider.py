"""Google as a provider: accounts opened for reading and watching, and the factory of them."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from calendar_manager.domain.accounts import ProviderKind, RemoteCalendar, Tokens
from calendar_manager.domain.changes import ChangePage, FindSeries, know_no_series
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import (
    CalendarProvider,
    ChannelHandle,
    ChannelRequest,
    Gate,
    OpenedChannel,
    ProviderAuth,
    Quota,
    Rate,
    always_open,
)
from calendar_manager.providers.errors import PositionExpiredError, RetryLaterError
from calendar_manager.providers.google.auth import GoogleAuth
from calendar_manager.providers.google.channels import read_channel, write_request, write_stop
from calendar_manager.providers.google.client import GoogleClient
from calendar_manager.providers.google.failures import ChannelGoneError
from calendar_manager.providers.google.fields import read_list, read_text
from calendar_manager.providers.google.normalize import (
    NORMALIZER_VERSION,
    normalize_calendar,
    normalize_event,
)
from calendar_manager.providers.google.position import (
    TOKEN_LIMIT,
    read_position,
    write_position,
)
from calendar_manager.providers.google.settings import GoogleSettings

MAX_EVENTS_PER_PAGE = 2500
"""The most that ``events.list`` gives."""

_ZONE_LIMIT = 255


class GoogleCalendarProvider:
    """One Google account, open for reading and watching.

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
            if not tokens.turn(read_text(page.get("nextPageToken"), limit=TOKEN_LIMIT)):
                return calendars

    def pull_changes(
        self,
        provider_calendar_id: str,
        *,
        cursor: str | None,
        window: Span,  # noqa: ARG002  The protocol's; Google's sync tokens need no window.
        find_series: FindSeries = know_no_series,  # noqa: ARG002  Google names the masters itself.
        position: str | None = None,
    ) -> Iterator[ChangePage]:
        """Read what changed, page by page, holding one page at a time.

        See :meth:`calendar_manager.providers.base.CalendarProvider.pull_changes`.
        """
        resumed = None
        if cursor is None and position is not None:
            resumed = read_position(provider_calendar_id, position)
        tokens = _PageTokens(resumed)
        while True:
            page, following = self._pull_page(
                provider_calendar_id, cursor, tokens.current, resuming=tokens.resuming
            )
            more = tokens.turn(following)
            if not more and page.cursor is None:
                raise tokens.complain("Google ended the list without a sync token", "noSyncToken")
            yield page
            if not more:
                return

    def _pull_page(
        self, calendar_id: str, sync_token: str | None, page_token: str | None, *, resuming: bool
    ) -> tuple[ChangePage, str | None]:
        """Return one page and the token of the following one."""
        page = self._client.pull_events(
            calendar_id,
            sync_token=sync_token,
            page_token=page_token,
            max_results=self._events_per_page,
            resuming=resuming,
        )
        zone = read_text(page.get("timeZone"), limit=_ZONE_LIMIT)
        changes = tuple(
            normalize_event(item, calendar_time_zone=zone) for item in read_list(page.get("items"))
        )
        following = read_text(page.get("nextPageToken"), limit=TOKEN_LIMIT)
        # Only the last page may carry a cursor; one read earlier would lose the pages after it.
        cursor = None if following else read_text(page.get("nextSyncToken"), limit=TOKEN_LIMIT)
        full = sync_token is None
        position = write_position(calendar_id, following) if full and following else None
        return ChangePage(changes, cursor, position), following

    def open_channel(self, provider_calendar_id: str, request: ChannelRequest) -> OpenedChannel:
        """Have Google call us whenever a calendar changes.

        See :meth:`calendar_manager.providers.base.ChannelProvider.open_channel`. An id works once:
        after any error the next request needs another, because Google may have heard this one.
        """
        answer = self._client.open_channel(provider_calendar_id, write_request(request))
        return read_channel(answer, request)

    def extend_channel(
        self,
        channel: ChannelHandle,  # noqa: ARG002  The protocol's.
        *,
        now: datetime,  # noqa: ARG002  The protocol's.
    ) -> OpenedChannel | None:
        """Return None: at Google a channel cannot be renewed, only followed by another."""
        return None

    def close_channel(self, channel: ChannelHandle) -> None:
        """Have Google call no more; a channel that is already gone is a success.

        See :meth:`calendar_manager.providers.base.ChannelProvider.close_channel`. Messages that
        are under way may still arrive.
        """
        if channel.resource_id is None:
            # Google confirmed none, and stops none by its own id alone. Should it have opened one
            # nevertheless, that ends by itself within a week.
            return
        with suppress(ChannelGoneError):
            self._client.close_channel(write_stop(channel, channel.resource_id))

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

    def open(self, tokens: Tokens, *, gate: Gate = always_open) -> CalendarProvider:
        """Open one account; no network."""
        client = GoogleClient(self._settings.api_url, tokens.access_token, gate=gate)
        return GoogleCalendarProvider(client, events_per_page=self._events_per_page)


class _PageTokens:
    """Walks from page to page and notices when the way leads in a circle.

    Args:
        resumed: The token of the page at which a read goes on that broke off; None begins anew.
    """

    def __init__(self, resumed: str | None = None) -> None:
        self.current = resumed
        self.resuming = resumed is not None
        self._seen = set() if resumed is None else {resumed}

    def turn(self, following: str | None) -> bool:
        """Go to the following page; False when there is none.

        Raises:
            RetryLaterError: The page was already read, so the list would never end.
            PositionExpiredError: The same, at the page where the read was resumed.
        """
        if not following:
            return False
        if following in self._seen:
            raise self.complain("Google repeats a page of the list", "pageRepeated")
        self._seen.add(following)
        self.current = following
        self.resuming = False
        return True

    def complain(self, message: str, reason: str) -> RetryLaterError | PositionExpiredError:
        """Return the error of a list that does not go on as it should.

        Another try would find the same at the page where this one was resumed, so that the list
        has to be asked for anew.
        """
        kind = PositionExpiredError if self.resuming else RetryLaterError
        return kind(message, reason=reason)
