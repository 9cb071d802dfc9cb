"""Cal.com as a provider: accounts opened for reading, and the factory that makes them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta

from calendar_manager.domain.accounts import ProviderKind, RemoteCalendar, Tokens
from calendar_manager.domain.changes import (
    ChangePage,
    FindSeries,
    RemoteChange,
    know_no_series,
)
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.providers.base import (
    ChannelHandle,
    ChannelRequest,
    Gate,
    OpenedChannel,
    Quota,
    Rate,
    always_open,
)
from calendar_manager.providers.caldotcom.absences import pull_entries, push_absences
from calendar_manager.providers.caldotcom.auth import CalDotComAuth
from calendar_manager.providers.caldotcom.channels import WebhookDesk
from calendar_manager.providers.caldotcom.client import CalDotComClient
from calendar_manager.providers.caldotcom.cursor import Mark, format_cursor, read_cursor
from calendar_manager.providers.caldotcom.failures import BadRequestError, PageAgedError
from calendar_manager.providers.caldotcom.fields import read_list
from calendar_manager.providers.caldotcom.normalize import (
    CALENDAR_ID,
    NORMALIZER_VERSION,
    make_calendar,
    normalize_booking,
    read_updated_at,
)
from calendar_manager.providers.caldotcom.out_of_office import normalize_out_of_office
from calendar_manager.providers.caldotcom.people import read_account
from calendar_manager.providers.caldotcom.position import (
    Position,
    format_position,
    read_position,
)
from calendar_manager.providers.caldotcom.schedules import push_schedule
from calendar_manager.providers.caldotcom.settings import CalDotComSettings
from calendar_manager.providers.caldotcom.walk import (
    BOOKINGS_PER_PAGE,
    BookingWalk,
    LostWayError,
    find_start,
)
from calendar_manager.providers.errors import CalendarGoneError, PositionExpiredError


class CalDotComProvider:
    """One Cal.com account, open for reading, which also calls us and keeps a schedule of ours.

    Args:
        client: The line to Cal.com; closed with the provider.
        bookings_version: The version of the bookings endpoint that the client asks for.
        bookings_per_page: How many bookings to ask for at once.
    """

    def __init__(
        self,
        client: CalDotComClient,
        *,
        bookings_version: str | None,
        bookings_per_page: int = BOOKINGS_PER_PAGE,
    ) -> None:
        self._client = client
        self._webhooks = WebhookDesk(client)
        self._bookings_version = bookings_version
        self._bookings_per_page = bookings_per_page

    def pull_calendars(self) -> Sequence[RemoteCalendar]:
        """List the one calendar that stands for the account."""
        return [make_calendar(read_account(self._client.pull_profile().data))]

    def pull_changes(
        self,
        provider_calendar_id: str,
        *,
        cursor: str | None,
        window: Span,  # noqa: ARG002  The protocol's; see below.
        find_series: FindSeries = know_no_series,  # noqa: ARG002  Cal.com has no series.
        position: str | None = None,
    ) -> Iterator[ChangePage]:
        """Read what changed, page by page, holding one page at a time.

        A full read asks for bookings of all times: its end sweeps what was not seen, and one that
        left out the past would delete what an incremental read had brought. An incremental read
        asks for what changed since the watermark, with an overlap. Out-of-office entries have no
        time of change, so each read brings all of them, on its last page.

        See :meth:`calendar_manager.providers.base.CalendarProvider.pull_changes`.
        """
        if provider_calendar_id != CALENDAR_ID:
            raise CalendarGoneError("Cal.com has no such calendar.", reason="notFound")
        mark = None if cursor is None else read_cursor(cursor)
        resumed = None if position is None or mark is not None else read_position(position)
        profile = self._client.pull_profile()
        account = read_account(profile.data)
        at = self._find_beginning(mark, resumed, now=profile.sent_at)
        before = mark or Mark(watermark=None, baseline_at=at.began_at)
        walk = BookingWalk(
            at.place,
            resumed=resumed is not None,
            after=before.after,
            per_page=self._bookings_per_page,
        )
        seen = at.seen
        while True:
            with _knowing(resumed):
                answer = self._client.pull_bookings(walk.query)
                rows = read_list(answer.data)
                goes_on = walk.turn(rows, answer.pagination)
            seen = max(filter(None, [seen, *map(read_updated_at, rows)]), default=None)
            changes = tuple(normalize_booking(row, account=account) for row in rows)
            if not goes_on:
                break
            at = replace(at, place=walk.place, seen=seen)
            yield ChangePage(changes, position=format_position(at) if mark is None else None)
        entries = pull_entries(self._client)
        absences: tuple[RemoteChange, ...] = ()
        if entries is not None:
            absences = normalize_out_of_office(entries, time_zone=account.time_zone)
        after = before.advanced(seen, began_at=at.began_at)
        yield ChangePage((*changes, *absences), format_cursor(after))

    def _find_beginning(
        self, mark: Mark | None, resumed: Position | None, *, now: datetime | None
    ) -> Position:
        """Return where a read begins.

        Raises:
            CursorExpiredError: The mark is too old.
            PositionExpiredError: The read that broke off cannot be gone on with.
        """
        if mark is not None:
            mark.check_age(now)
        if resumed is not None:
            resumed.check(now=now, bookings_version=self._bookings_version)
            return resumed
        return Position(
            place=find_start(self._bookings_version),
            began_at=now,
            seen=None,
            bookings_version=self._bookings_version,
        )

    def open_channel(self, provider_calendar_id: str, request: ChannelRequest) -> OpenedChannel:
        """Have Cal.com call us whenever a booking changes; there is no first message.

        See :meth:`calendar_manager.providers.base.ChannelProvider.open_channel`, and
        :meth:`calendar_manager.providers.caldotcom.channels.WebhookDesk.open_channel` for what
        earlier attempts may have left behind.
        """
        if provider_calendar_id != CALENDAR_ID:
            raise CalendarGoneError("Cal.com has no such calendar.", reason="notFound")
        return self._webhooks.open_channel(request)

    def extend_channel(
        self,
        channel: ChannelHandle,
        *,
        now: datetime,  # noqa: ARG002  The protocol's; webhooks have no end.
    ) -> OpenedChannel | None:
        """Make sure that a webhook is still there and active.

        See :meth:`calendar_manager.providers.base.ChannelProvider.extend_channel`.
        """
        return self._webhooks.check_channel(channel)

    def close_channel(self, channel: ChannelHandle) -> None:
        """Have Cal.com call no more; a webhook that is already gone is a success."""
        self._webhooks.close_channel(channel)

    def push_schedule(self, body: Mapping[str, object], *, schedule_id: str | None) -> str:
        """Have Cal.com keep a schedule of ours.

        See :meth:`calendar_manager.providers.base.ScheduleProvider.push_schedule`.
        """
        return push_schedule(self._client, body, schedule_id=schedule_id)

    def push_absences(self, wanted: Collection[DateSpan], *, today: date) -> None:
        """Have Cal.com say that the person is away.

        See :meth:`calendar_manager.providers.base.ScheduleProvider.push_absences`.
        """
        push_absences(self._client, wanted, today=today)

    def close(self) -> None:
        """Let go of the connection to Cal.com."""
        self._client.close()


@contextmanager
def _knowing(resumed: Position | None) -> Iterator[None]:
    """Say so when it is the place where a read broke off that leads nowhere.

    Raises:
        PositionExpiredError: Cal.com does not know the place any more, or has changed too much
            behind it. Only beginning anew leads on from there.
    """
    try:
        yield
    except (BadRequestError, PageAgedError, LostWayError) as error:
        if resumed is None:
            raise
        raise PositionExpiredError(str(error), reason=error.reason) from error


class CalDotCom:
    """The factory of both sides of Cal.com.

    Args:
        settings: The registered application, if any, and where Cal.com is.
        bookings_per_page: How many bookings to ask for at once.
    """

    def __init__(
        self, settings: CalDotComSettings, *, bookings_per_page: int = BOOKINGS_PER_PAGE
    ) -> None:
        self._settings = settings
        self._bookings_per_page = bookings_per_page
        self._auth = CalDotComAuth(settings)

    @property
    def kind(self) -> ProviderKind:
        """Cal.com."""
        return ProviderKind.CALDOTCOM

    @property
    def normalizer_version(self) -> int:
        """The version of :mod:`calendar_manager.providers.caldotcom.normalize`."""
        return NORMALIZER_VERSION

    @property
    def reads_window(self) -> bool:
        """Every booking is listed."""
        return False

    @property
    def accounts_open_at_once(self) -> int | None:
        """Cal.com counts requests, not connections."""
        return None

    @property
    def quota(self) -> Quota:
        """A hundred and twenty a minute to a key."""
        return Quota(Rate(120, timedelta(minutes=1)))

    @property
    def auth(self) -> CalDotComAuth:
        """How Cal.com accounts are connected, by API key as well."""
        return self._auth

    def open(self, tokens: Tokens, *, gate: Gate = always_open) -> CalDotComProvider:
        """Open one account for reading; no network.

        Args:
            tokens: Of the account.
            gate: To be passed before each request.
        """
        versions = self._settings.versions
        client = CalDotComClient(
            self._settings.api_url, tokens.access_token, versions=versions, gate=gate
        )
        return CalDotComProvider(
            client,
            bookings_version=versions.bookings,
            bookings_per_page=self._bookings_per_page,
        )
