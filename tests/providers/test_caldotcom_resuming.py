"""Full reads of Cal.com that break off: gone on with, nothing is lost; refused, begun anew."""

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_manager.domain.changes import ChangePage, GroupRead
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.caldotcom.position import (
    Position,
    format_position,
    read_position,
)
from calendar_manager.providers.caldotcom.walk import BookingWalk, Place
from calendar_manager.providers.errors import (
    CursorExpiredError,
    PositionExpiredError,
    RetryLaterError,
)
from calendar_manager.sandbox.server import SandboxThread
from tests.providers.caldotcom_reading import FULL, WINDOW, at, ids, pull, watermark_of
from tests.providers.caldotcom_sandbox import HOST, NOW, add_account, open_account
from tests.providers.caldotcom_stub import NOW as STUB_NOW
from tests.providers.caldotcom_stub import (
    Stub,
    booking,
    counted,
    followed,
    open_provider,
    refusal,
    run_stub,
    serve,
)
from tests.providers.caldotcom_world import HOUR, World
from tests.providers.google_stub import Answer
from tests.providers.test_caldotcom_histories import BUILDS, Copy, truth_of
from tests.providers.test_caldotcom_histories import Place as Server

pytestmark = pytest.mark.unit

ROWS = [booking(str(number), updatedAt=at(number)) for number in range(30)]


@pytest.fixture
def stub() -> Iterator[Stub]:
    with run_stub() as stub:
        yield stub


@pytest.fixture
def provider(stub: Stub) -> Iterator[CalendarProvider]:
    provider = open_provider(stub.url)
    yield provider
    provider.close()


def begin(stub: Stub, provider: CalendarProvider, *answers: Answer) -> list[ChangePage]:
    """Read as many pages as there are answers, and break off."""
    stub.script.extend(answers)
    pages = provider.pull_changes("bookings", cursor=None, window=WINDOW)
    return [next(pages) for _ in answers]


def resume(provider: CalendarProvider, position: str | None) -> list[ChangePage]:
    assert position is not None
    return list(provider.pull_changes("bookings", cursor=None, window=WINDOW, position=position))


class TestPositions:
    def test_every_page_of_a_full_read_but_the_last_has_one(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.extend([counted(*ROWS[:20], more=True), counted(*ROWS[18:])])
        first, last = pull(provider)
        assert first.position is not None
        assert last.position is None
        assert len(first.position) < 2_000

    def test_incremental_read_has_none(self, stub: Stub, provider: CalendarProvider) -> None:
        stub.script.extend([counted(ROWS[0]), counted(*ROWS[:20], more=True), counted(*ROWS[18:])])
        cursor = pull(provider)[-1].cursor
        assert [page.position for page in pull(provider, cursor)] == [None, None]

    def test_read_goes_on_behind_it(self, stub: Stub, provider: CalendarProvider) -> None:
        (page,) = begin(stub, provider, counted(*ROWS[:20], more=True))
        stub.script.append(counted(*ROWS[18:]))
        (last,) = resume(provider, page.position)
        assert ids(last.changes) == [str(number) for number in range(18, 30)]
        assert stub.asked("bookings") == [FULL, {**FULL, "skip": "18"}]
        assert isinstance(last.changes[-1], GroupRead)

    def test_cursor_at_the_end_begins_where_the_read_began(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        (page,) = begin(stub, provider, counted(*ROWS[:20], more=True))
        later = STUB_NOW + HOUR
        stub.date = format_datetime(later, usegmt=True)
        changed = booking("x", updatedAt="2026-04-01T12:30:00.000Z")
        stub.script.append(counted(*ROWS[18:20], changed))
        pages = resume(provider, page.position)
        assert watermark_of(pages) == STUB_NOW.isoformat()
        assert json.loads(pages[-1].cursor or "")["baseline_at"] == STUB_NOW.isoformat()

    def test_greatest_change_before_the_break_counts(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        (page,) = begin(stub, provider, counted(*ROWS[:20], more=True))
        stub.script.append(counted(ROWS[19], ROWS[18], booking("old", updatedAt=at(0))))
        assert watermark_of(resume(provider, page.position)) == "2026-03-20T10:19:00+00:00"

    def test_page_that_no_longer_joins_on_is_asked_for_further_back(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        (page,) = begin(stub, provider, counted(*ROWS[:20], more=True))
        # Twenty bookings have changed since: what stood behind the break moved up.
        moved = [booking(str(number), updatedAt=at(40)) for number in range(18)]
        stub.script.extend(
            [counted(*moved), counted(*ROWS[18:], *moved[:8], more=True), counted(*moved[6:])]
        )
        pages = resume(provider, page.position)
        assert [one["skip"] for one in stub.asked("bookings")[1:]] == ["18", "0", "18"]
        assert set(map(str, range(18, 30))) <= set(ids(pages[1].changes))

    def test_single_row_has_to_join_on_after_a_break(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        (page,) = begin(stub, provider, counted(ROWS[0], more=True))
        stub.script.append(counted(ROWS[1], ROWS[2]))
        (last,) = resume(provider, page.position)
        # Without it "1", which has moved up to where "0" was, would be passed over.
        assert stub.asked("bookings")[1]["skip"] == "0"
        assert ids(last.changes) == ["1", "2"]

    def test_cursor_of_cal_com_s_own_is_followed_from_there(self, stub: Stub) -> None:
        stub.version = "2026-05-01"
        provider = open_provider(stub.url, version="2026-05-01")
        (page,) = begin(stub, provider, followed(booking("a"), cursor="c1"))
        stub.script.extend([followed(booking("b"), cursor="c2"), followed(booking("c"))])
        assert [ids(one.changes) for one in resume(provider, page.position)] == [["b"], ["c"]]
        asked = [one.get("cursor") for one in stub.asked("bookings")]
        assert asked == [None, "c1", "c2"]
        provider.close()


class TestExpiry:
    @pytest.mark.parametrize(
        "position",
        [
            "",
            "nonsense",
            "[]",
            "{}",
            '{"version": 2}',
            '{"version": 1}',
            "[" * 100_000,
        ],
    )
    def test_nonsense_is_refused_without_a_request(
        self, position: str, stub: Stub, provider: CalendarProvider
    ) -> None:
        with pytest.raises(PositionExpiredError):
            resume(provider, position)
        assert stub.requests == []

    @given(data=st.data())
    def test_spoilt_position_is_refused_or_sound(self, data: st.DataObject) -> None:
        place = Place(by_cursor=False, unfiltered=False, skip=18, page=frozenset({"a", "b"}))
        whole = Position(place=place, began_at=STUB_NOW, seen=None, bookings_version="2024-08-13")
        assert read_position(format_position(whole)) == whole
        fields = json.loads(format_position(whole))
        part = fields["place"] if data.draw(st.booleans()) else fields
        name = data.draw(st.sampled_from(sorted(part)))
        part[name] = data.draw(st.none() | st.integers() | st.text() | st.just([5]) | st.just({}))
        with suppress(PositionExpiredError):
            read = read_position(json.dumps(fields))
            walk = BookingWalk(read.place, resumed=True, after=None)
            assert all(isinstance(value, str) for value in walk.query.values())
            assert read_position(format_position(read)) == read

    def test_read_that_began_a_day_ago_begins_anew(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        (page,) = begin(stub, provider, counted(*ROWS[:20], more=True))
        stub.date = format_datetime(STUB_NOW + timedelta(days=1), usegmt=True)
        with pytest.raises(PositionExpiredError):
            resume(provider, page.position)

    def test_read_of_another_version_begins_anew(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        (page,) = begin(stub, provider, counted(*ROWS[:20], more=True))
        stub.version = "2026-05-01"
        newer = open_provider(stub.url, version="2026-05-01")
        with pytest.raises(PositionExpiredError):
            resume(newer, page.position)
        newer.close()

    def test_cursor_of_cal_com_s_own_that_aged_means_beginning_anew(self, stub: Stub) -> None:
        stub.version = "2026-05-01"
        provider = open_provider(stub.url, version="2026-05-01")
        (page,) = begin(stub, provider, followed(booking("a"), cursor="c1"))
        stub.script.append(refusal(400, "BAD_REQUEST", "Invalid cursor"))
        with pytest.raises(PositionExpiredError):
            resume(provider, page.position)
        provider.close()

    def test_place_that_is_refused_means_beginning_anew(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        (page,) = begin(stub, provider, counted(*ROWS[:20], more=True))
        stub.script.append(refusal(400, "BAD_REQUEST", "skip is too great"))
        with pytest.raises(PositionExpiredError):
            resume(provider, page.position)

    def test_list_in_which_nothing_is_found_again_means_beginning_anew(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        (page,) = begin(stub, provider, counted(*ROWS[:2], more=True))
        place = json.loads(page.position or "")
        place["place"]["skip"] = 1_000
        strange = counted(booking("x"), booking("y"), more=True)
        stub.script.extend([strange] * 11)
        with pytest.raises(PositionExpiredError):
            resume(provider, json.dumps(place))

    def test_passing_trouble_does_not_cost_the_position(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        (page,) = begin(stub, provider, counted(*ROWS[:20], more=True))
        stub.script.append(refusal(429, "TOO_MANY_REQUESTS"))
        with pytest.raises(RetryLaterError):
            resume(provider, page.position)
        stub.script.append(counted(*ROWS[18:]))
        assert len(resume(provider, page.position)) == 1


class ResumingCopy(Copy):
    """A copy whose full reads break off after any page and are gone on with later.

    Args:
        draw: Decides after which.
    """

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        self.draw = draw
        self.position: str | None = None
        self.seen: set[str] = set()
        self.breaks = 0

    def read_piece(self, provider: CalendarProvider) -> bool:
        """Read some pages of a full read; tell whether it came to its end."""
        reading = provider.pull_changes(
            "bookings", cursor=None, window=WINDOW, position=self.position
        )
        try:
            for page in reading:
                self.seen |= self._apply(page)
                self.position = page.position
                if page.cursor is not None:
                    self.cursor = page.cursor
                    self.events = {
                        key: event for key, event in self.events.items() if key in self.seen
                    }
                    return True
                if self.draw.random() < 0.5:
                    break
        except PositionExpiredError:
            self.position = None
            self.seen.clear()
        except RetryLaterError:
            pass
        self.breaks += 1
        return False


@pytest.fixture(scope="module")
def place() -> Iterator[Server]:
    place = Server()
    with serve(place.take, lambda: place.world.date) as url:
        place.url = url
        yield place


@settings(max_examples=60, deadline=None)
@given(build=st.sampled_from(BUILDS), per_page=st.integers(2, 7), seed=st.integers(0, 2**32))
def test_full_read_in_pieces_and_what_changed_since_are_the_truth(
    place: Server, build: dict[str, Any], per_page: int, seed: int
) -> None:
    world = place.world = World(random.Random(seed), **{"busy": 0.2, **build})
    for _ in range(world.draw.randint(5, 40)):
        world.happen()
        # Old changes are not within the overlap of the read that follows.
        world.clock += world.draw.choice([timedelta(0), HOUR])
    copy = ResumingCopy(world.draw)
    complete = False
    while not complete and copy.breaks < 60:
        provider = open_provider(place.url, version=world.version, per_page=per_page)
        complete = copy.read_piece(provider)
        provider.close()
        for _ in range(world.draw.randint(0, 6)):
            world.happen()
        world.clock += world.draw.choice([timedelta(0), timedelta(minutes=1), HOUR])
    world.busy = 0.0
    provider = open_provider(place.url, version=world.version, per_page=per_page)
    copy.follow(provider)
    fresh = Copy()
    fresh.follow(provider)
    provider.close()
    assert world.problems == []
    assert copy.events == fresh.events == truth_of(world)


def test_gate_is_passed_before_every_request_and_shuts_before_the_next() -> None:
    with SandboxThread() as server:
        control = server.control
        add_account(control)
        control.caldotcom.book(HOST, NOW + HOUR)
        passed: list[int] = []
        provider = open_account(control, gate=lambda: passed.append(1))
        control.add_fault("server_error", path="/bookings", times=1)
        list(provider.pull_changes("bookings", cursor=None, window=WINDOW))
        assert len(passed) == control.count_requests("/calcom/v2/") == 4
        provider.close()

        def shut() -> None:
            raise RetryLaterError("used up", reason="budget", retry_after=HOUR)

        control.clear_requests()
        provider = open_account(control, gate=shut)
        for call in (
            provider.pull_calendars,
            lambda: list(provider.pull_changes("bookings", cursor=None, window=WINDOW)),
        ):
            with pytest.raises(RetryLaterError, match="used up") as caught:
                call()
            assert (caught.value.reason, caught.value.retry_after) == ("budget", HOUR)
        assert control.count_requests("/calcom/") == 0
        provider.close()


def test_sandbox_s_clock_brings_the_re_baseline_and_dates_of_pauses() -> None:
    with SandboxThread() as server:
        control = server.control
        add_account(control)
        control.caldotcom.book(HOST, NOW + HOUR)
        provider = open_account(control)
        *_, last = pull(provider)
        assert json.loads(last.cursor or "")["baseline_at"].startswith("2026-03-02T08:00:0")
        control.advance_clock(timedelta(hours=23, minutes=59).total_seconds())
        *_, last = pull(provider, last.cursor)
        control.advance_clock(120)
        with pytest.raises(CursorExpiredError) as caught:
            pull(provider, last.cursor)
        assert caught.value.reason == "baselineTooOld"
        *_, last = pull(provider)
        assert json.loads(last.cursor or "")["baseline_at"].startswith("2026-03-03T08:01:0")
        now = control.advance_clock(0)
        until = format_datetime(now + timedelta(seconds=90), usegmt=True)
        control.add_fault("too_many_requests", path="/bookings", retry_after=until)
        with pytest.raises(RetryLaterError) as delayed:
            pull(provider, last.cursor)
        assert delayed.value.retry_after is not None
        assert abs(delayed.value.retry_after - timedelta(seconds=90)) < timedelta(seconds=10)
        provider.close()
