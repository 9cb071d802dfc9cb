"""A calendar's copy, and the events and edits of the contract's scenes."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from calendar_manager.domain.accounts import Tokens
from calendar_manager.domain.changes import ChangePage, Deleted, Upserted
from calendar_manager.domain.events import Event, EventKind, EventStatus
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import ProviderFactory
from tests.providers.provider_bench import Bench

# A Monday; the series cross the end of daylight saving time on 25 October.
MONDAY = datetime.fromisoformat("2026-10-12T09:00:00+02:00")
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
        self.cursor: str | None = None

    def take(self, pages: Iterable[ChangePage]) -> int:
        """Apply every page and return the number of changes; the last page brings the cursor."""
        count = 0
        cursor: str | None = None
        for page in pages:
            assert cursor is None, "a page follows the one with the cursor"
            cursor = page.cursor
            count += len(page.changes)
            for change in page.changes:
                assert isinstance(change, Upserted | Deleted), change
                if isinstance(change, Upserted):
                    self.events[change.event.provider_event_id] = change.event
                else:
                    self._drop(change.provider_event_id)
        assert cursor is not None, "the last page has no cursor"
        self.cursor = cursor
        return count

    def _drop(self, event_id: str) -> None:
        gone = {event_id} | {
            key for key, event in self.events.items() if event.series_id == event_id
        }
        for key in gone:
            self.events.pop(key, None)

    @property
    def titles(self) -> list[str]:
        """The titles of what was not cancelled, sorted."""
        live = (one for one in self.events.values() if one.status is not EventStatus.CANCELLED)
        return sorted(one.title for one in live)

    @property
    def fingerprints(self) -> dict[str, str]:
        """The content of every event."""
        return {key: event.fingerprint for key, event in self.events.items()}


WINDOW = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
"""The span that matters, for providers that want one."""


def is_usable(tokens: Tokens, factory: ProviderFactory) -> bool:
    """Tell whether the tokens list calendars."""
    provider = factory.open(tokens)
    try:
        return bool(provider.pull_calendars())
    finally:
        provider.close()


def edit_at_random(
    draw: random.Random, bench: Bench, copy: Copy, number: int, touched: set[str]
) -> str:
    """Make one edit that a person could make, and return what it touched.

    A series is touched once between two reads, for the copy does not know yet what is left of it.
    """
    series = sorted(
        key
        for key, event in copy.events.items()
        if event.kind is EventKind.MASTER
        and "UNTIL" not in event.recurrence[0]
        and key not in touched
    )
    if not series or draw.random() < 0.4:
        rule = draw.choice([None, "RRULE:FREQ=WEEKLY"])
        return bench.create(f"Event {number}", MONDAY, rule=rule)
    chosen, occurrence = draw.choice(series), weekly(draw.randint(3, 9))
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
