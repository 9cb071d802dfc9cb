"""Microsoft 365 as a provider: accounts opened for reading, and the factory that makes them.

A round of delta pages names single events in full, and of series no more than that something
about them changed: occurrences come bare, and deleted ones may leave no trace. So a round
gathers the series that it touches, and when it ends each of them is read anew, once and with all
its instances. Read earlier, a change later in the same round could be missed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from calendar_manager.domain.accounts import ProviderKind, RemoteCalendar, Tokens
from calendar_manager.domain.changes import (
    ChangePage,
    Deleted,
    FindSeries,
    Rejected,
    RemoteChange,
    know_no_series,
)
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import (
    CalendarProvider,
    Gate,
    ProviderAuth,
    Quota,
    Rate,
    always_open,
)
from calendar_manager.providers.errors import CursorExpiredError, RetryLaterError
from calendar_manager.providers.microsoft.auth import MicrosoftAuth, find_username
from calendar_manager.providers.microsoft.client import MAX_EVENTS_PER_PAGE, GraphClient
from calendar_manager.providers.microsoft.cursor import (
    LINK_LIMIT,
    DeltaCursor,
    freeze_window,
    is_outlived,
    read_cursor,
)
from calendar_manager.providers.microsoft.failures import Asked, EventUnavailableError
from calendar_manager.providers.microsoft.fields import read_list, read_mapping, read_text
from calendar_manager.providers.microsoft.normalize import (
    ID_LIMIT,
    NORMALIZER_VERSION,
    normalize_calendar,
    normalize_event,
    read_event_id,
)
from calendar_manager.providers.microsoft.series import (
    is_master,
    normalize_former_series,
    normalize_series,
)
from calendar_manager.providers.microsoft.settings import MicrosoftSettings

SERIES_PER_PAGE = 20
"""How many series, each with all its exceptions, one page of ours holds."""

_MEMBER_TYPES = frozenset({"occurrence", "exception"})


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
        links = _Links()
        while True:
            page = self._client.pull_calendars(links.current)
            entries = map(normalize_calendar, read_list(page.get("value")))
            calendars.extend(calendar for calendar in entries if calendar is not None)
            if not links.turn(page.get("@odata.nextLink")):
                return calendars

    def pull_changes(
        self,
        provider_calendar_id: str,
        *,
        cursor: str | None,
        window: Span,
        find_series: FindSeries = know_no_series,
        position: str | None = None,  # noqa: ARG002  Taken up with resumable reads.
    ) -> Iterator[ChangePage]:
        """Read what changed, page by page, holding one page at a time.

        The window of the first read stays frozen in its cursor. It was chosen wider than needed,
        and the cursor counts as expired before ``window`` slides out of it; calendars do so on
        different days.

        See :meth:`calendar_manager.providers.base.CalendarProvider.pull_changes`.
        """
        start = self._start(provider_calendar_id, cursor, window)
        touched: dict[str, None] = {}
        links = _Links(start.link)
        asked = Asked.BASELINE if cursor is None else Asked.DELTA
        while True:
            page = self._client.pull_delta(links.current or start.link, asked)
            found = _sort_out(
                read_list(page.get("value")), find_series, self._account, full=cursor is None
            )
            touched |= dict.fromkeys(found.series)
            if not links.turn(page.get("@odata.nextLink")):
                break
            yield ChangePage(tuple(found.changes))
            asked = Asked.BASELINE_PAGE if cursor is None else Asked.DELTA
        link = read_text(page.get("@odata.deltaLink"), limit=LINK_LIMIT)
        if link is None:
            raise RetryLaterError(
                "Microsoft ended the list without a delta link", reason="noDeltaLink"
            )
        end = DeltaCursor(self._client.addresses.check(link), start.window).write()
        if not touched:
            yield ChangePage(tuple(found.changes), end)
            return
        yield ChangePage(tuple(found.changes))
        yield from self._read_series(provider_calendar_id, touched, start.window, end)

    def close(self) -> None:
        """Let go of the connection to Microsoft."""
        self._client.close()

    def _start(self, calendar_id: str, cursor: str | None, window: Span) -> DeltaCursor:
        """Return where to go on, or where to begin.

        Raises:
            CursorExpiredError: The cursor cannot be used any more.
        """
        if cursor is None:
            frozen = freeze_window(window)
            return DeltaCursor(self._client.addresses.delta(calendar_id, frozen), frozen)
        start = read_cursor(cursor)
        if not self._client.addresses.is_inside(start.link):
            # Microsoft Graph was configured to be elsewhere since.
            raise CursorExpiredError("The cursor leads to another place.", reason="foreignLink")
        if is_outlived(start.window, window, calendar_id):
            raise CursorExpiredError("The cursor's window is too old.", reason="window")
        return start

    def _read_series(
        self, calendar_id: str, series_ids: Collection[str], window: Span, end: str
    ) -> Iterator[ChangePage]:
        """Read series anew, a few to a page; the last page has the cursor."""
        left = iter(series_ids)
        for first in range(0, len(series_ids), SERIES_PER_PAGE):
            changes = tuple(
                self._read_one_series(calendar_id, series_id, window)
                for series_id in islice(left, SERIES_PER_PAGE)
            )
            is_last = first + SERIES_PER_PAGE >= len(series_ids)
            yield ChangePage(changes, end if is_last else None)

    def _read_one_series(self, calendar_id: str, series_id: str, window: Span) -> RemoteChange:
        try:
            master = read_mapping(self._client.pull_event(calendar_id, series_id))
        except EventUnavailableError as error:
            return Deleted(series_id) if error.gone else Rejected(series_id, str(error))
        if not is_master(master):
            return normalize_former_series(
                master, series_id=series_id, window=window, account=self._account
            )
        try:
            instances = self._pull_instances(series_id, window)
        except EventUnavailableError as error:
            # If the series went in between, the next round will say so.
            return Rejected(series_id, str(error))
        return normalize_series(
            master, instances, series_id=series_id, window=window, account=self._account
        )

    def _pull_instances(self, series_id: str, window: Span) -> list[object]:
        instances: list[object] = []
        links = _Links()
        while True:
            page = self._client.pull_instances(series_id, window, links.current)
            instances.extend(read_list(page.get("value")))
            if not links.turn(page.get("@odata.nextLink")):
                return instances


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

    def open(self, tokens: Tokens, *, gate: Gate = always_open) -> CalendarProvider:  # noqa: ARG002
        """Open one account for reading; no network."""
        client = GraphClient(
            self._settings.graph_url, tokens.access_token, events_per_page=self._events_per_page
        )
        return MicrosoftCalendarProvider(client, account=find_username(tokens))


@dataclass(slots=True)
class _Found:
    """What one page of a round says.

    Attributes:
        changes: Of events that are no part of a series, in Graph's order.
        series: The ids of the series that have to be read anew.
    """

    changes: list[RemoteChange] = field(default_factory=list)
    series: list[str] = field(default_factory=list)


def _sort_out(
    items: Sequence[object], find_series: FindSeries, account: str | None, *, full: bool
) -> _Found:
    """Tell single events from what touches a series.

    Graph says ``@removed`` of instances as of single events, and also of what merely left the
    window; we know from earlier reads which series it speaks of. An event that was a series and
    recurs no more is known in the same way; a full read leaves that to the sweep at its end.
    """
    found = _Found()
    entries = [read_mapping(item) for item in items]
    unclear = [
        event_id
        for event_id, entry in zip(map(read_event_id, entries), entries, strict=True)
        if event_id is not None and ("@removed" in entry or not (full or _is_of_series(entry)))
    ]
    known = find_series(unclear) if unclear else {}
    for item, entry in zip(items, entries, strict=True):
        _sort_one(item, entry, known, account, found)
    return found


def _sort_one(
    item: object,
    entry: Mapping[str, object],
    known: Mapping[str, str],
    account: str | None,
    found: _Found,
) -> None:
    event_id = read_event_id(entry)
    if event_id is None:
        found.changes.append(normalize_event(item, account=account))
    elif "@removed" in entry:
        if event_id in known:
            found.series.append(known[event_id])
        else:
            found.changes.append(Deleted(event_id))
    elif is_master(entry):
        found.series.append(event_id)
    elif _is_of_series(entry):
        series_id = read_text(entry.get("seriesMasterId"), limit=ID_LIMIT)
        if series_id is None:
            found.changes.append(Rejected(event_id, "it does not say to which series it belongs"))
        else:
            found.series.append(series_id)
    else:
        if event_id in known:
            found.series.append(known[event_id])
        if known.get(event_id) != event_id:
            found.changes.append(normalize_event(item, account=account))


def _is_of_series(entry: Mapping[str, object]) -> bool:
    return (
        is_master(entry)
        or entry.get("type") in _MEMBER_TYPES
        or bool(read_text(entry.get("seriesMasterId"), limit=ID_LIMIT))
    )


class _Links:
    """Walks from page to page and notices when the way leads in a circle.

    Args:
        first: The link of the first page, None when it is none of Graph's.
    """

    def __init__(self, first: str | None = None) -> None:
        self.current = first
        self._seen = {first}

    def turn(self, following: object) -> bool:
        """Go to the following page; False when there is none.

        Raises:
            RetryLaterError: The page was already read, so the list would never end.
        """
        link = read_text(following, limit=LINK_LIMIT)
        if link is None:
            return False
        if link in self._seen:
            raise RetryLaterError("Microsoft repeats a page of the list", reason="pageRepeated")
        self._seen.add(link)
        self.current = link
        return True
