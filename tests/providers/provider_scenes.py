"""A calendar's copy, and the events and edits of the contract's scenes."""

import random
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from calendar_manager.domain.accounts import Tokens
from calendar_manager.domain.changes import (
    ChangePage,
    Deleted,
    GroupRead,
    RemoteChange,
    SeriesRead,
    Upserted,
)
from calendar_manager.domain.events import Event, EventKind, EventStatus
from calendar_manager.domain.occurrences import materialize
from calendar_manager.domain.times import find_zone
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import CalendarProvider, Grant, ProviderFactory
from tests.providers.provider_bench import Bench, FullBench

# A Monday; the series cross the end of daylight saving time on 25 October.
MONDAY = datetime.fromisoformat("2026-10-12T09:00:00+02:00")
REDIRECT = "http://127.0.0.1:8000/api/auth/callback/any"
WEEK = timedelta(weeks=1)
HOUR = timedelta(hours=1)


def weekly(day: int) -> datetime:
    """Return the start of an occurrence, nine o'clock in Berlin in either half of the year."""
    start = MONDAY + day * WEEK
    return start if day < 2 else start.replace(tzinfo=UTC) - HOUR


class Copy:
    """A calendar's copy as the sync engine would keep it, in a dictionary."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.instances: dict[str, str] = {}
        self.cursor: str | None = None

    def find_series(self, instance_ids: Collection[str]) -> Mapping[str, str]:
        """Tell to which series instances belong."""
        return {one: self.instances[one] for one in instance_ids if one in self.instances}

    def take(self, pages: Iterable[ChangePage]) -> int:
        """Apply every page and return how many left the copy different; the last has the cursor."""
        count = 0
        cursor: str | None = None
        for page in pages:
            assert cursor is None, "a page follows the one with the cursor"
            cursor = page.cursor
            for change in page.changes:
                before = dict(self.events)
                self._apply(change)
                count += self.events != before
        assert cursor is not None, "the last page has no cursor"
        self.cursor = cursor
        return count

    def _apply(self, change: RemoteChange) -> None:
        match change:
            case Upserted():
                self.events[change.event.provider_event_id] = change.event
            case Deleted():
                self._drop(change.provider_event_id)
            case GroupRead():
                for key in [key for key in self.events if key.startswith(change.prefix)]:
                    del self.events[key]
                self.events |= {event.provider_event_id: event for event in change.events}
            case SeriesRead() if not change.rejections:
                self._drop(change.master.provider_event_id)
                for event in (change.master, *change.overrides):
                    self.events[event.provider_event_id] = event
                series_id = change.master.provider_event_id
                self.instances |= dict.fromkeys(change.instance_ids, series_id)
            case _:
                raise AssertionError(change)

    def _drop(self, event_id: str) -> None:
        gone = {event_id} | {
            key for key, event in self.events.items() if event.series_id == event_id
        }
        for key in gone:
            self.events.pop(key, None)
        self.instances = {
            key: series for key, series in self.instances.items() if series != event_id
        }

    def starts(self, event_id: str) -> dict[datetime, datetime]:
        """When the occurrences of an event begin, by when they first were to begin."""
        master = self.events[event_id]
        overrides = [event for event in self.events.values() if event.series_id == event_id]
        return {
            occurrence.original_start: occurrence.span.start
            for event in (master, *overrides)
            for occurrence in materialize(event, overrides, WINDOW, find_zone("UTC")).occurrences
        }

    @property
    def titles(self) -> list[str]:
        """The titles of what was not cancelled, sorted."""
        live = (one for one in self.events.values() if one.status is not EventStatus.CANCELLED)
        return sorted(one.title for one in live)

    @property
    def fingerprints(self) -> dict[str, str]:
        """The content of every event."""
        return {key: event.fingerprint for key, event in self.events.items()}


WINDOW = Span(datetime(2026, 9, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
"""The span that matters, for providers that want one."""


def is_usable(tokens: Tokens, factory: ProviderFactory) -> bool:
    """Tell whether the tokens list calendars."""
    provider = factory.open(tokens)
    try:
        return bool(provider.pull_calendars())
    finally:
        provider.close()


def edit_at_random(
    draw: random.Random, bench: FullBench, copy: Copy, number: int, touched: set[str]
) -> str:
    """Make one edit that a person could make, and return what it touched.

    A series is touched once between two reads, for the copy does not know yet what is left of it.
    """
    series = sorted(
        key
        for key, event in copy.events.items()
        if event.kind is EventKind.MASTER and key not in touched and _later(copy, key)
    )
    if not series or draw.random() < 0.4:
        rule = draw.choice([None, "RRULE:FREQ=WEEKLY"])
        return bench.create(f"Event {number}", MONDAY, rule=rule)
    chosen = draw.choice(series)
    occurrence = draw.choice(_later(copy, chosen))
    match draw.choice(["rename", "delete", "move", "cancel", "split", "cut"]):
        case "rename":
            bench.rename(chosen, f"Renamed {number}")
        case "delete":
            bench.delete(chosen)
        case "move":
            bench.move_one(chosen, occurrence, occurrence + HOUR)
        case "cancel":
            bench.cancel_one(chosen, occurrence)
        case "split":
            bench.rename_following(chosen, occurrence, f"Split {number}")
        case _:
            bench.cut_off(chosen, occurrence)
    return chosen


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - The sandbox runs on the system's clock.


def connect(bench: Bench, **consent: object) -> Grant:
    auth = bench.factory.auth
    request = auth.authorization(state="state-1", redirect_uri=REDIRECT)
    parameters = bench.consent(request.url, **consent)  # type: ignore[arg-type]  # Passed on.
    assert parameters["state"] == "state-1"
    return auth.exchange(
        parameters=parameters, memory=request.memory, redirect_uri=REDIRECT, now=now()
    )


def read(provider: CalendarProvider, bench: Bench, copy: Copy) -> Copy:
    """Read everything into an empty copy."""
    copy.take(provider.pull_changes(bench.calendar, cursor=None, window=WINDOW))
    return copy


def follow(provider: CalendarProvider, bench: Bench, copy: Copy) -> Copy:
    """Go on from the copy's cursor and hold the result against a full read."""
    copy.take(
        provider.pull_changes(
            bench.calendar, cursor=copy.cursor, window=WINDOW, find_series=copy.find_series
        )
    )
    assert copy.fingerprints == read(provider, bench, Copy()).fingerprints
    return copy


def _later(copy: Copy, series_id: str) -> list[datetime]:
    """Return the occurrences of a series that can still be edited, by their first starts."""
    starts = copy.starts(series_id)
    return [start for start in map(weekly, range(3, 10)) if start in starts]
