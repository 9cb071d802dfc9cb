"""Whatever happens at Cal.com, and whenever, the copy ends up as Cal.com is."""

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_manager.domain.busy import Busy, busy_of
from calendar_manager.domain.changes import ChangePage, Deleted, GroupRead, Upserted
from calendar_manager.domain.events import Event
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.caldotcom.normalize import normalize_booking
from calendar_manager.providers.caldotcom.out_of_office import normalize_out_of_office
from calendar_manager.providers.errors import CursorExpiredError, RetryLaterError
from tests.providers.caldotcom_stub import open_provider, serve
from tests.providers.caldotcom_world import HOUR, IDA, World
from tests.providers.google_stub import Answer, Request

pytestmark = pytest.mark.unit

WINDOW = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
BUILDS: list[dict[str, Any]] = [
    {},
    {"counts": False},
    {"ordered": False},
    {"ordered": False, "counts": False},
    {"version": "2026-05-01"},
]


class Place:
    """Where the world of the running example is served."""

    def __init__(self) -> None:
        self.world = World(random.Random(0))
        self.url = ""

    def take(self, request: Request) -> Answer:
        return self.world.take(request)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    place = Place()
    with serve(place.take, lambda: place.world.date) as url:
        place.url = url
        yield place


class Copy:
    """An account's copy as the sync engine would keep it, in a dictionary."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.cursor: str | None = None
        self.full_reads = 0

    def follow(self, provider: CalendarProvider) -> None:
        """Go on from the cursor; begin anew without one, or when it has expired."""
        try:
            self._read(provider)
        except CursorExpiredError:
            self.cursor = None
            self._read(provider)

    def _read(self, provider: CalendarProvider) -> None:
        full = self.cursor is None
        seen: set[str] = set()
        for page in provider.pull_changes("bookings", cursor=self.cursor, window=WINDOW):
            seen |= self._apply(page)
            if page.cursor is not None:
                self.cursor = page.cursor
        if full:
            self.full_reads += 1
            self.events = {key: event for key, event in self.events.items() if key in seen}

    def _apply(self, page: ChangePage) -> set[str]:
        seen: set[str] = set()
        for change in page.changes:
            if isinstance(change, Upserted):
                self.events[change.event.provider_event_id] = change.event
                seen.add(change.event.provider_event_id)
            elif isinstance(change, Deleted):
                self.events.pop(change.provider_event_id, None)
            elif isinstance(change, GroupRead):
                self._take_group(change)
                seen |= {event.provider_event_id for event in change.events}
            else:
                pytest.fail(f"{change}")
        return seen

    def _take_group(self, group: GroupRead) -> None:
        self.events = {
            key: event for key, event in self.events.items() if not key.startswith(group.prefix)
        }
        self.events |= {event.provider_event_id: event for event in group.events}


def truth_of(world: World) -> dict[str, Event]:
    """Return what a copy has to hold."""
    changes = [normalize_booking(row, account=IDA) for row in world.bookings.values()]
    (group,) = normalize_out_of_office(world.absences.values(), time_zone=IDA.time_zone)
    assert isinstance(group, GroupRead)
    events = [change.event for change in changes if isinstance(change, Upserted)]
    return {event.provider_event_id: event for event in (*events, *group.events)}


@settings(max_examples=40, deadline=None)
@given(
    build=st.sampled_from(BUILDS),
    per_page=st.integers(2, 7),
    rounds=st.integers(1, 5),
    seed=st.integers(0, 2**32),
)
def test_any_history_read_while_it_happens_leaves_the_truth(
    place: Place, build: dict[str, Any], per_page: int, rounds: int, seed: int
) -> None:
    world = place.world = World(random.Random(seed), **build)
    provider = open_provider(place.url, version=world.version, per_page=per_page)
    copy = Copy()
    for _ in range(rounds):
        for _ in range(world.draw.randint(0, 12)):
            world.happen()
        if world.draw.random() < 0.5:
            world.happen_at_once()
        # Two bookings a page and a change at every request can be too much; it is for later.
        with suppress(RetryLaterError):
            copy.follow(provider)
        world.clock += world.draw.choice([timedelta(0), timedelta(minutes=1), HOUR, 9 * HOUR])
    world.busy = 0.0
    copy.follow(provider)
    provider.close()
    assert world.problems == []
    assert copy.events == truth_of(world)
    # No time is taken twice: what was moved away is free.
    moved = [uid for uid, row in world.bookings.items() if "rescheduledToUid" in row]
    assert all(busy_of(copy.events[uid]) is Busy.FREE for uid in moved if uid in copy.events)


def test_booking_that_nobody_tells_is_gone_leaves_within_a_day(place: Place) -> None:
    world = place.world = World(random.Random(1), busy=0.0)
    provider = open_provider(place.url)
    copy = Copy()
    world.book()
    world.book()
    copy.follow(provider)
    gone = min(world.bookings)
    del world.bookings[gone]
    copy.follow(provider)
    assert gone in copy.events
    world.clock += 24 * HOUR
    copy.follow(provider)
    provider.close()
    assert copy.events.keys() == set(world.bookings)
    assert copy.full_reads == 2


def test_read_that_finds_nothing_new_changes_nothing(place: Place) -> None:
    world = place.world = World(random.Random(2), busy=0.0)
    provider = open_provider(place.url)
    copy = Copy()
    for _ in range(30):
        world.happen()
    copy.follow(provider)
    before, cursor = dict(copy.events), copy.cursor
    copy.follow(provider)
    provider.close()
    assert (copy.events, copy.cursor) == (before, cursor)
