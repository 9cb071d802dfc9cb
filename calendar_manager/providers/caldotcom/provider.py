"""Cal.com as a provider: accounts opened for reading, and the factory that makes them."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from calendar_manager.domain.accounts import ProviderKind, RemoteCalendar, Tokens
from calendar_manager.domain.changes import (
    ChangePage,
    FindSeries,
    RemoteChange,
    know_no_series,
)
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import CalendarProvider, Gate, Quota, Rate, always_open
from calendar_manager.providers.caldotcom.auth import CalDotComAuth
from calendar_manager.providers.caldotcom.client import CalDotComClient
from calendar_manager.providers.caldotcom.fields import read_list
from calendar_manager.providers.caldotcom.normalize import (
    CALENDAR_ID,
    NORMALIZER_VERSION,
    make_calendar,
    normalize_booking,
    read_row_id,
    read_updated_at,
)
from calendar_manager.providers.caldotcom.out_of_office import normalize_out_of_office
from calendar_manager.providers.caldotcom.people import read_account
from calendar_manager.providers.caldotcom.position import (
    Position,
    format_position,
    read_position,
)
from calendar_manager.providers.caldotcom.settings import CalDotComSettings
from calendar_manager.providers.caldotcom.walk import BOOKINGS_PER_PAGE, BookingWalk
from calendar_manager.providers.errors import CalendarGoneError

OUT_OF_OFFICE_PER_PAGE = 250
"""The most that ``/me/ooo`` gives."""


class CalDotComProvider:
    """One Cal.com account, open for reading.

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
        position: str | None = None,  # noqa: ARG002  Taken up with resumable reads.
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
        mark = None if cursor is None else read_position(cursor)
        profile = self._client.pull_profile()
        began_at = profile.sent_at
        account = read_account(profile.data)
        if mark is None:
            mark = Position(watermark=None, baseline_at=began_at)
        else:
            mark.check_age(began_at)
        walk = BookingWalk(
            version=self._bookings_version,
            after=mark.after,
            per_page=self._bookings_per_page,
        )
        seen: datetime | None = None
        while True:
            answer = self._client.pull_bookings(walk.query)
            rows = read_list(answer.data)
            seen = max(filter(None, [seen, *map(read_updated_at, rows)]), default=None)
            changes = tuple(normalize_booking(row, account=account) for row in rows)
            if not walk.turn(rows, answer.pagination):
                break
            yield ChangePage(changes)
        absences = self._pull_out_of_office(account.time_zone)
        mark = mark.advanced(seen, began_at=began_at)
        yield ChangePage((*changes, *absences), format_position(mark))

    def _pull_out_of_office(self, time_zone: str | None) -> tuple[RemoteChange, ...]:
        """Return all absences; nothing at all where Cal.com is too old to tell them.

        There is no word on whether more follow, and what is missing would be deleted, so the end
        is where nothing new comes.
        """
        entries: dict[str | None, object] = {}
        skip = 0
        while True:
            answer = self._client.pull_out_of_office(take=OUT_OF_OFFICE_PER_PAGE, skip=skip)
            if answer is None:
                return ()
            rows = read_list(answer.data)
            fresh = {read_row_id(row): row for row in rows}
            if not fresh.keys() - entries.keys():
                return normalize_out_of_office(entries.values(), time_zone=time_zone)
            entries.update(fresh)
            if answer.pagination.get("hasNextPage") is False:
                return normalize_out_of_office(entries.values(), time_zone=time_zone)
            skip += len(rows)

    def close(self) -> None:
        """Let go of the connection to Cal.com."""
        self._client.close()


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

    def open(self, tokens: Tokens, *, gate: Gate = always_open) -> CalendarProvider:  # noqa: ARG002
        """Open one account for reading; no network."""
        versions = self._settings.versions
        client = CalDotComClient(self._settings.api_url, tokens.access_token, versions=versions)
        return CalDotComProvider(
            client,
            bookings_version=versions.bookings,
            bookings_per_page=self._bookings_per_page,
        )
