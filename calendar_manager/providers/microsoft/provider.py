"""Microsoft 365 as a provider: accounts opened for reading, and the factory that makes them."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from calendar_manager.domain.accounts import ProviderKind, RemoteCalendar, Tokens
from calendar_manager.domain.changes import ChangePage, FindSeries, know_no_series
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import (
    ChannelHandle,
    ChannelRequest,
    Gate,
    OpenedChannel,
    ProviderAuth,
    Quota,
    Rate,
    always_open,
)
from calendar_manager.providers.errors import (
    CursorExpiredError,
    PositionExpiredError,
    ProviderError,
)
from calendar_manager.providers.microsoft.auth import MicrosoftAuth, find_username
from calendar_manager.providers.microsoft.channels import (
    close_subscription,
    extend_subscription,
    open_subscription,
)
from calendar_manager.providers.microsoft.client import MAX_EVENTS_PER_PAGE, GraphClient
from calendar_manager.providers.microsoft.cursor import freeze_window, is_outlived, read_cursor
from calendar_manager.providers.microsoft.fields import read_list
from calendar_manager.providers.microsoft.links import Trail
from calendar_manager.providers.microsoft.normalize import (
    NORMALIZER_VERSION,
    normalize_calendar,
)
from calendar_manager.providers.microsoft.position import ReadPosition, read_position
from calendar_manager.providers.microsoft.reading import CalendarRead, ReadKind
from calendar_manager.providers.microsoft.settings import MicrosoftSettings


class MicrosoftCalendarProvider:
    """One Microsoft account, open for reading.

    Args:
        client: The line to Graph; closed with the provider.
        account: The account's address in lower case, None when it is not known.
    """

    def __init__(self, client: GraphClient, *, account: str | None = None) -> None:
        self._client = client
        self._account = account

    def pull_calendars(self) -> Sequence[RemoteCalendar]:
        """List every calendar of the account, those shared with it included."""
        calendars: list[RemoteCalendar] = []
        trail, link = Trail(), None
        while True:
            page = self._client.pull_calendars(link)
            entries = map(normalize_calendar, read_list(page.get("value")))
            calendars.extend(calendar for calendar in entries if calendar is not None)
            link = trail.turn(page.get("@odata.nextLink"))
            if link is None:
                return calendars

    def pull_changes(
        self,
        provider_calendar_id: str,
        *,
        cursor: str | None,
        window: Span,
        find_series: FindSeries = know_no_series,
        position: str | None = None,
    ) -> Iterator[ChangePage]:
        """Read what changed, page by page, holding one page at a time.

        The window of the first read stays frozen in its cursor. It was chosen wider than needed,
        and the cursor counts as expired before ``window`` slides out of it; calendars do so on
        different days.

        See :meth:`calendar_manager.providers.base.CalendarProvider.pull_changes`.
        """
        if cursor is not None:
            kind, start = ReadKind.INCREMENTAL, self._go_on(provider_calendar_id, cursor, window)
        elif position is not None:
            kind, start = ReadKind.RESUMED, self._resume(provider_calendar_id, position, window)
        else:
            kind, start = ReadKind.FULL, self._begin(provider_calendar_id, window)
        read = CalendarRead(
            self._client,
            provider_calendar_id,
            kind=kind,
            start=start,
            account=self._account,
            find_series=find_series,
        )
        yield from read.pages()

    def open_channel(self, provider_calendar_id: str, request: ChannelRequest) -> OpenedChannel:
        """Subscribe to a calendar; Graph calls our address before this returns.

        See :meth:`calendar_manager.providers.base.ChannelProvider.open_channel`.
        """
        return open_subscription(self._client, provider_calendar_id, request)

    def extend_channel(self, channel: ChannelHandle, *, now: datetime) -> OpenedChannel | None:
        """Give a subscription another end, which reauthorizes it as well.

        See :meth:`calendar_manager.providers.base.ChannelProvider.extend_channel`.
        """
        return extend_subscription(self._client, channel, now)

    def close_channel(self, channel: ChannelHandle) -> None:
        """Delete a subscription; one that is already gone is a success."""
        close_subscription(self._client, channel)

    def close(self) -> None:
        """Let go of the connection to Microsoft."""
        self._client.close()

    def _begin(self, calendar_id: str, window: Span) -> ReadPosition:
        frozen = freeze_window(window)
        link = self._client.addresses.delta(calendar_id, frozen)
        return ReadPosition(link=link, window=frozen)

    def _go_on(self, calendar_id: str, cursor: str, window: Span) -> ReadPosition:
        """Return where an incremental read begins.

        Raises:
            CursorExpiredError: The cursor cannot be used any more.
        """
        end = read_cursor(cursor)
        start = ReadPosition(link=end.link, window=end.window)
        self._check(start, calendar_id, window, CursorExpiredError)
        return start

    def _resume(self, calendar_id: str, position: str, window: Span) -> ReadPosition:
        """Return where a full read goes on that broke off.

        Raises:
            PositionExpiredError: The position cannot be used any more.
        """
        start = read_position(position)
        self._check(start, calendar_id, window, PositionExpiredError)
        return start

    def _check(
        self, start: ReadPosition, calendar_id: str, window: Span, expired: type[ProviderError]
    ) -> None:
        if not self._client.addresses.is_inside(start.link):
            # Microsoft Graph was configured to be elsewhere since.
            raise expired("What was kept leads to another place.", reason="foreignLink")
        if is_outlived(start.window, window, calendar_id):
            raise expired("The window of what was kept is too old.", reason="window")


class Microsoft:
    """The factory of both sides of Microsoft 365.

    Args:
        settings: The registered application and where Microsoft is.
        events_per_page: How many events to ask for at once.
    """

    def __init__(
        self, settings: MicrosoftSettings, *, events_per_page: int = MAX_EVENTS_PER_PAGE
    ) -> None:
        self._settings = settings
        self._events_per_page = events_per_page
        self._auth = MicrosoftAuth(settings)

    @property
    def kind(self) -> ProviderKind:
        """Microsoft 365."""
        return ProviderKind.MICROSOFT

    @property
    def normalizer_version(self) -> int:
        """The version of :mod:`calendar_manager.providers.microsoft.normalize`."""
        return NORMALIZER_VERSION

    @property
    def reads_window(self) -> bool:
        """A calendar view has a window."""
        return True

    @property
    def accounts_open_at_once(self) -> int | None:
        """Four, because Exchange answers so many requests of one mailbox at once.

        An open account asks one at a time.
        """
        return 4

    @property
    def quota(self) -> Quota:
        """Ten thousand in ten minutes to each mailbox."""
        return Quota(Rate(10_000, timedelta(minutes=10)))

    @property
    def auth(self) -> ProviderAuth:
        """How Microsoft accounts are connected."""
        return self._auth

    def open(self, tokens: Tokens, *, gate: Gate = always_open) -> MicrosoftCalendarProvider:
        """Open one account for reading; no network."""
        client = GraphClient(
            self._settings.graph_url,
            tokens.access_token,
            gate=gate,
            events_per_page=self._events_per_page,
        )
        return MicrosoftCalendarProvider(client, account=find_username(tokens))
