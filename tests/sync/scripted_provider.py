"""A calendar provider in memory, with Google's habits and a script for its bad days."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from calendar_manager.domain.accounts import ProviderKind, RemoteCalendar, Tokens
from calendar_manager.domain.changes import (
    ChangePage,
    Deleted,
    FindSeries,
    RemoteChange,
    Upserted,
    know_no_series,
)
from calendar_manager.domain.events import Event
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import (
    AuthorizationRequest,
    CalendarProvider,
    Gate,
    Grant,
    ProviderAuth,
    Quota,
    Rate,
    always_open,
)
from calendar_manager.providers.errors import (
    CursorExpiredError,
    PositionExpiredError,
    RetryLaterError,
)

PLENTY = Quota(Rate(1_000_000, timedelta(minutes=1)))


@dataclass
class Trouble:
    """What goes wrong in the reads to come; each befalls one read.

    Attributes:
        lost_page: Before which page the line breaks.
        retry_after: What the provider then asks for.
        repeated_page: Which page comes twice.
        cut_short: Whether the read ends half-way, without a cursor.
        between_pages: What happens elsewhere after the first page.
    """

    lost_page: int | None = None
    retry_after: timedelta | None = None
    repeated_page: int | None = None
    cut_short: bool = False
    between_pages: Callable[[], None] | None = None


@dataclass
class ScriptedSource:
    """What the provider has: events by id, and a log of the last change to each.

    Attributes:
        random: Chooses sizes of pages and the order inside them.
        events: The living events, cancelled overrides of living series included.
        log: When each id last changed, deleted ones included; a smaller number is earlier.
        removed: Ids that were deleted at least once.
        now: The number of the last change.
        oldest: Cursors and positions before this number are forgotten.
        vanished: Whether full lists come back empty although nothing was deleted.
        trouble: What goes wrong in the next read.
        reads: How many reads there were.
    """

    random: Random
    events: dict[str, Event] = field(default_factory=dict)
    log: dict[str, int] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    now: int = 0
    oldest: int = 0
    oldest_position: int = 0
    vanished: bool = False
    trouble: Trouble = field(default_factory=Trouble)
    reads: int = 0

    def put(self, event: Event) -> None:
        """Create or change an event."""
        self.events[event.provider_event_id] = event
        self._note(event.provider_event_id)

    def remove(self, event_id: str) -> None:
        """Delete a single event or an override, or a series with all its overrides."""
        for key in [key for key, event in self.events.items() if event.series_id == event_id]:
            self._drop(key)
        self._drop(event_id)

    def forget_cursors(self) -> None:
        """Let every cursor given so far expire."""
        self.now += 1
        self.oldest = self.now

    def forget_positions(self) -> None:
        """Let every place in a list given so far expire."""
        self.now += 1
        self.oldest_position = self.now

    def _drop(self, event_id: str) -> None:
        del self.events[event_id]
        self.removed.add(event_id)
        self._note(event_id)

    def _note(self, event_id: str) -> None:
        self.now += 1
        self.log[event_id] = self.now

    def pull(self, cursor: str | None, position: str | None, gate: Gate) -> Iterator[ChangePage]:
        """Answer one read."""
        self.reads += 1
        trouble, self.trouble = self.trouble, Trouble()
        pages = self._list(position) if cursor is None else self._news(cursor)
        if trouble.between_pages is not None:
            # Answers that were long on their way are old when they arrive.
            pages = iter(list(pages))
        for number, page in enumerate(pages):
            gate()
            if number == trouble.lost_page:
                raise RetryLaterError("The line broke.", retry_after=trouble.retry_after)
            if trouble.cut_short and page.cursor is not None:
                return
            if number == trouble.repeated_page:
                yield replace(page, cursor=None)
            yield page
            if number == 0 and trouble.between_pages is not None:
                trouble.between_pages()

    def _news(self, cursor: str) -> Iterator[ChangePage]:
        """What changed since a cursor; a change in mid-read comes again with the next."""
        since = int(cursor)
        if since < self.oldest:
            raise CursorExpiredError("The cursor is forgotten.", reason="expired")
        end = str(self.now)
        changed = [key for key, number in self.log.items() if number > since]
        self.random.shuffle(changed)
        while True:
            page, changed = self._cut(changed)
            yield ChangePage(self._render(page), None if changed else end)
            if not changed:
                return

    def _list(self, position: str | None) -> Iterator[ChangePage]:
        """Everything in the order of the ids; the cursor tells of what came in mid-read."""
        began, after = (str(self.now), "") if position is None else position.split("/", 1)
        if int(began) < self.oldest_position:
            raise PositionExpiredError("The place is forgotten.", reason="expired")
        while True:
            left = sorted(key for key in self.events if key > after and not self.vanished)
            page, left = self._cut(left)
            after = page[-1] if page else after
            place = f"{began}/{after}" if left else None
            yield ChangePage(self._render(page), None if left else began, place)
            if not left:
                return

    def _cut(self, keys: list[str]) -> tuple[list[str], list[str]]:
        size = self.random.randint(1, 4)
        return keys[:size], keys[size:]

    def _render(self, keys: Sequence[str]) -> tuple[RemoteChange, ...]:
        shuffled = self.random.sample(list(keys), len(keys))
        return tuple(
            Upserted(self.events[key]) if key in self.events else Deleted(key) for key in shuffled
        )


class ScriptedAuth:
    """Gives an hour at a time; nobody connects this way."""

    def authorization(
        self, *, state: str, redirect_uri: str, login_hint: str | None = None
    ) -> AuthorizationRequest:
        raise NotImplementedError

    def exchange(
        self,
        *,
        parameters: Mapping[str, str],
        memory: Mapping[str, str],
        redirect_uri: str,
        now: datetime,
    ) -> Grant:
        raise NotImplementedError

    def refresh(self, tokens: Tokens, *, now: datetime) -> Tokens:
        return replace(tokens, expires_at=now + timedelta(hours=1))

    def revoke(self, tokens: Tokens) -> None:
        """Succeed: there is nothing to give back."""


class ScriptedFactory:
    """Opens the scripted source as if it were Google's."""

    kind = ProviderKind.GOOGLE
    normalizer_version = 1
    reads_window = False
    accounts_open_at_once = None
    quota = PLENTY
    auth: ProviderAuth = ScriptedAuth()

    def __init__(self, source: ScriptedSource) -> None:
        self.source = source

    def open(self, tokens: Tokens, *, gate: Gate = always_open) -> CalendarProvider:
        return ScriptedProvider(self.source, gate)


class ScriptedProvider:
    """The scripted source, open for reading."""

    def __init__(self, source: ScriptedSource, gate: Gate) -> None:
        self._source = source
        self._gate = gate

    def pull_calendars(self) -> Sequence[RemoteCalendar]:
        return []

    def pull_changes(
        self,
        provider_calendar_id: str,
        *,
        cursor: str | None,
        window: Span,
        find_series: FindSeries = know_no_series,
        position: str | None = None,
    ) -> Iterator[ChangePage]:
        return self._source.pull(cursor, position, self._gate)

    def close(self) -> None:
        """Succeed: nothing is open."""
