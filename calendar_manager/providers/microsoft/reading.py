"""One read of one calendar, page by page, from where it begins to its cursor.

A round of delta pages names single events in full, and of series no more than that something
about them changed: occurrences come bare, and deleted ones may leave no trace. So a round
gathers the series that it touches, and when it ends each of them is read anew, once and with all
its instances. Read earlier, a change later in the same round could be missed.
"""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from enum import Enum

from calendar_manager.domain.changes import (
    ChangePage,
    Deleted,
    FindSeries,
    Rejected,
    RemoteChange,
    SeriesRead,
)
from calendar_manager.providers.errors import PositionExpiredError, ProviderError, RetryLaterError
from calendar_manager.providers.microsoft.client import GraphClient
from calendar_manager.providers.microsoft.cursor import DeltaCursor
from calendar_manager.providers.microsoft.failures import Asked, EventUnavailableError
from calendar_manager.providers.microsoft.fields import read_list, read_mapping, read_text
from calendar_manager.providers.microsoft.links import LINK_LIMIT, Trail
from calendar_manager.providers.microsoft.position import ReadPosition
from calendar_manager.providers.microsoft.rounds import sort_out
from calendar_manager.providers.microsoft.series import (
    is_master,
    normalize_former_series,
    normalize_series,
)
from calendar_manager.providers.microsoft.wire import GraphEventsPage

SERIES_PER_PAGE = 20
"""How many series, each with all its exceptions, one page of ours holds at most."""

EVENTS_PER_PAGE = 500
"""With how many events, exceptions included, a page of series is full."""

MAX_INSTANCES = 20_000
"""More instances than a series of Outlook's can have in any window: one a day for 54 years."""


class ReadKind(Enum):
    """What a read is for, with what its first request and its later ones are about."""

    FULL = (Asked.BASELINE, Asked.BASELINE_PAGE)
    RESUMED = (Asked.RESUMED, Asked.BASELINE_PAGE)
    INCREMENTAL = (Asked.DELTA, Asked.DELTA)


class CalendarRead:
    """One read of one calendar, holding one page at a time.

    Args:
        client: The line to Graph.
        calendar_id: Which calendar.
        kind: What the read is for.
        start: Where it begins.
        account: The account's address in lower case, None when it is not known.
        find_series: Tells to which series instances belong that were read before.
    """

    def __init__(
        self,
        client: GraphClient,
        calendar_id: str,
        *,
        kind: ReadKind,
        start: ReadPosition,
        account: str | None,
        find_series: FindSeries,
    ) -> None:
        self._client = client
        self._calendar_id = calendar_id
        self._kind = kind
        self._start = start
        self._account = account
        self._find_series = find_series
        # Of a position that leads to trouble again and again there is no good end but a new read.
        self._trouble: type[ProviderError] = (
            PositionExpiredError if kind is ReadKind.RESUMED else RetryLaterError
        )

    def pages(self) -> Iterator[ChangePage]:
        """Read on to the end; only the last page has the cursor."""
        end = self._start if self._start.round_ended else (yield from self._pull_round())
        yield from self._pull_series(end)

    def _pull_round(self) -> Generator[ChangePage, None, ReadPosition]:
        """Read the pages of the round and return where the series begin."""
        here = self._start
        asked, asked_later = self._kind.value
        series = dict.fromkeys(here.series)
        trail = replace(here.trail)
        while True:
            page = self._client.pull_delta(here.link, asked)
            found = sort_out(
                read_list(page.get("value")),
                self._find_series,
                self._account,
                full=self._kind is not ReadKind.INCREMENTAL,
            )
            series |= dict.fromkeys(found.series)
            following = trail.turn(page.get("@odata.nextLink"), self._trouble)
            ended = following is None
            link = following or self._read_delta_link(page)
            here = replace(
                here,
                link=self._client.addresses.check(link),
                round_ended=ended,
                series=tuple(series),
                trail=trail,
            )
            yield self._make_page(found.changes, here)
            if ended:
                return here
            asked = asked_later

    def _read_delta_link(self, page: GraphEventsPage) -> str:
        link = read_text(page.get("@odata.deltaLink"), limit=LINK_LIMIT)
        if link is None:
            raise self._trouble(
                "Microsoft ended the list without a delta link", reason="noDeltaLink"
            )
        return link

    def _pull_series(self, end: ReadPosition) -> Iterator[ChangePage]:
        """Read the series that are left anew, a few to a page."""
        left = deque(end.series)
        while left:
            changes: list[RemoteChange] = []
            events = 0
            while left and len(changes) < SERIES_PER_PAGE and events < EVENTS_PER_PAGE:
                change = self._read_one_series(left.popleft())
                events += 1 + (len(change.overrides) if isinstance(change, SeriesRead) else 0)
                changes.append(change)
            yield self._make_page(changes, replace(end, series=tuple(left)))

    def _make_page(self, changes: Sequence[RemoteChange], here: ReadPosition) -> ChangePage:
        """Return a page that ends here; the last one has the cursor."""
        if here.round_ended and not here.series:
            return ChangePage(tuple(changes), DeltaCursor(here.link, here.window).write())
        keeps = self._kind is not ReadKind.INCREMENTAL
        return ChangePage(tuple(changes), position=here.write() if keeps else None)

    def _read_one_series(self, series_id: str) -> RemoteChange:
        window, account = self._start.window, self._account
        try:
            master = read_mapping(self._client.pull_event(self._calendar_id, series_id))
        except EventUnavailableError as error:
            return Deleted(series_id) if error.gone else Rejected(series_id, str(error))
        if not is_master(master):
            return normalize_former_series(
                master, series_id=series_id, window=window, account=account
            )
        try:
            instances = self._pull_instances(series_id)
        except EventUnavailableError as error:
            # If the series went in between, the next round will say so.
            return Rejected(series_id, str(error))
        if len(instances) > MAX_INSTANCES:
            return Rejected(series_id, f"it has more than {MAX_INSTANCES} instances")
        return normalize_series(
            master, instances, series_id=series_id, window=window, account=account
        )

    def _pull_instances(self, series_id: str) -> list[object]:
        """Read the instances of a series, of too many only some."""
        instances: list[object] = []
        trail, link = Trail(), None
        while len(instances) <= MAX_INSTANCES:
            page = self._client.pull_instances(series_id, self._start.window, link)
            instances.extend(read_list(page.get("value")))
            link = trail.turn(page.get("@odata.nextLink"))
            if link is None:
                break
        return instances
