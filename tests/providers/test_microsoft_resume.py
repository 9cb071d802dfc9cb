"""A full read that broke off goes on behind its last page, in another process, without a loss."""

import json
from collections import deque
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from calendar_manager.domain.changes import ChangePage
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.errors import (
    CalendarGoneError,
    PositionExpiredError,
    RetryLaterError,
)
from calendar_manager.providers.microsoft import Microsoft, MicrosoftSettings
from calendar_manager.providers.microsoft.cursor import freeze_window
from calendar_manager.providers.microsoft.links import Trail
from calendar_manager.providers.microsoft.position import (
    POSITION_VERSION,
    ReadPosition,
    read_position,
)
from calendar_manager.sandbox.server import SandboxThread
from tests.providers.google_stub import Answer
from tests.providers.graph_histories import ME, STEP, STEPS, Person, Store, open_account, truth
from tests.providers.graph_items import bare, page, whole
from tests.providers.graph_scenes import (
    CALENDAR,
    MONDAY,
    QUOTED,
    TOKENS,
    WINDOW,
    changes,
    cursor_of,
    last_page,
    pull,
    refusal,
    series_answers,
)
from tests.providers.graph_stub import GraphStub, run_graph_stub

pytestmark = pytest.mark.unit


@pytest.fixture
def stub() -> Iterator[GraphStub]:
    with run_graph_stub() as stub:
        yield stub


@pytest.fixture
def provider(stub: GraphStub) -> Iterator[CalendarProvider]:
    settings = MicrosoftSettings(client_id="id", client_secret="secret", graph_url=stub.graph_url)
    provider = Microsoft(settings).open(TOKENS)
    yield provider
    provider.close()


@pytest.fixture
def one_series_per_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calendar_manager.providers.microsoft.reading.SERIES_PER_PAGE", 1)


def resume(provider: CalendarProvider, position: str | None) -> list[ChangePage]:
    return list(provider.pull_changes(CALENDAR, cursor=None, window=WINDOW, position=position))


def round_answers(stub: GraphStub) -> list[Answer]:
    """Three pages with two series among single events."""
    return [
        Answer(
            page(
                whole("one", MONDAY),
                bare("s-0", "s", MONDAY),
                next=stub.link(QUOTED, skiptoken="1"),
            )
        ),
        Answer(page(whole("two", MONDAY), next=stub.link(QUOTED, skiptoken="2"))),
        last_page(stub, bare("t-0", "t", MONDAY), bare("s-1", "s", MONDAY)),
    ]


def position_of(stub: GraphStub, **fields: Any) -> str:
    frozen = freeze_window(WINDOW)
    described = ReadPosition(link=stub.link(QUOTED, skiptoken="2"), window=frozen).write()
    return json.dumps({**json.loads(described), **fields})


class TestPositions:
    @pytest.mark.usefixtures("one_series_per_page")
    @pytest.mark.parametrize("kept", [1, 2, 3, 4])
    def test_pieces_are_what_an_uninterrupted_read_is(
        self, stub: GraphStub, provider: CalendarProvider, kept: int
    ) -> None:
        series = [series_answers("s", [0]), series_answers("t", [0])]
        stub.script += [*round_answers(stub), *series[0], *series[1]]
        whole_read = pull(provider)
        assert [one.position is None for one in whole_read] == [False] * 4 + [True]
        assert [one.cursor is None for one in whole_read] == [True] * 4 + [False]
        rest = [*round_answers(stub)[kept:], *(series[0] if kept < 4 else []), *series[1]]
        stub.script += rest
        pieces = whole_read[:kept] + resume(provider, whole_read[kept - 1].position)
        assert changes(pieces) == changes(whole_read)
        assert pieces[-1].cursor == whole_read[-1].cursor

    def test_position_holds_links_and_ids_and_no_event(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script += round_answers(stub)[:1]
        pages = provider.pull_changes(CALENDAR, cursor=None, window=WINDOW)
        written = json.loads(next(pages).position or "")
        assert written.pop("mark")
        assert written == {
            "version": POSITION_VERSION,
            "link": stub.link(QUOTED, skiptoken="1"),
            "start": "2026-10-01T00:00:00+00:00",
            "end": "2027-01-01T00:00:00+00:00",
            "round_ended": False,
            "series": ["s"],
            "pages": 1,
        }

    def test_incremental_read_has_none(self, stub: GraphStub, provider: CalendarProvider) -> None:
        stub.script += [
            *round_answers(stub),
            *series_answers("s", [0]),
            *series_answers("t", [0]),
        ]
        assert {one.position for one in pull(provider, cursor_of(stub))} == {None}

    def test_cursor_goes_before_a_position(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script.append(last_page(stub))
        list(
            provider.pull_changes(
                CALENDAR, cursor=cursor_of(stub), window=WINDOW, position="anything"
            )
        )
        assert stub.requests[0].query == {"$deltatoken": ["d1"]}

    def test_position_survives_as_text(self) -> None:
        for ended in (False, True):
            position = ReadPosition(
                link="https://graph.test/v1.0/me?$skiptoken=x",
                window=freeze_window(WINDOW),
                round_ended=ended,
                series=("s", "t"),
                trail=Trail(7, "abc"),
            )
            assert read_position(position.write()) == position


class TestUselessPositions:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "nonsense",
            "[]",
            "{}",
            "[" * 100_000,
            '{"version": 1, "link": "x"}',
        ],
    )
    def test_what_is_no_position_has_expired(
        self, stub: GraphStub, provider: CalendarProvider, text: str
    ) -> None:
        with pytest.raises(PositionExpiredError) as caught:
            resume(provider, text)
        assert (caught.value.reason, stub.requests) == ("unreadable", [])

    @pytest.mark.parametrize(
        "fields",
        [
            {"version": POSITION_VERSION + 1},
            {"link": 7},
            {"start": "2026-01-01T00:00:00"},
            {"end": "2020-01-01T00:00:00Z"},
            {"series": ["s", 7]},
            {"round_ended": None},
            {"round_ended": True},
            {"pages": "1"},
        ],
    )
    def test_damaged_position_has_expired(
        self, stub: GraphStub, provider: CalendarProvider, fields: dict[str, Any]
    ) -> None:
        with pytest.raises(PositionExpiredError) as caught:
            resume(provider, position_of(stub, **fields))
        assert (caught.value.reason, stub.requests) == ("unreadable", [])

    @pytest.mark.parametrize("series", [[], ["s"]])
    def test_position_of_another_place_has_expired(
        self, stub: GraphStub, provider: CalendarProvider, series: list[str]
    ) -> None:
        link = "https://graph.evil.test/v1.0/me/calendarView/delta?$skiptoken=x"
        position = position_of(stub, link=link, series=series, round_ended=bool(series))
        with pytest.raises(PositionExpiredError) as caught:
            resume(provider, position)
        assert (caught.value.reason, stub.requests) == ("foreignLink", [])

    def test_position_whose_window_slid_too_far_has_expired(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        position = position_of(stub, start="2026-09-01T00:00:00Z", end="2026-12-02T00:00:00Z")
        with pytest.raises(PositionExpiredError) as caught:
            resume(provider, position)
        assert (caught.value.reason, stub.requests) == ("window", [])

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (410, "SyncStateNotFound"),
            (404, "syncStateNotFound"),
            (400, "ErrorInvalidUrlQuery"),
            (410, "unknown"),
        ],
    )
    def test_position_that_graph_forgot_has_expired(
        self, stub: GraphStub, provider: CalendarProvider, status: int, code: str
    ) -> None:
        stub.script.append(refusal(status, code))
        with pytest.raises(PositionExpiredError) as caught:
            resume(provider, position_of(stub))
        assert (caught.value.reason, caught.value.request_id) == (code, "1137f277")

    def test_calendar_that_went_meanwhile_is_gone(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script.append(refusal(404, "ErrorItemNotFound"))
        with pytest.raises(CalendarGoneError):
            resume(provider, position_of(stub))

    def test_round_forgotten_behind_a_position_begins_anew_at_last(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script += [*round_answers(stub)[:1], *[refusal(410, "SyncStateNotFound")] * 2]
        pages = provider.pull_changes(CALENDAR, cursor=None, window=WINDOW)
        position = next(pages).position
        with pytest.raises(RetryLaterError):
            next(pages)
        with pytest.raises(PositionExpiredError):
            resume(provider, position)

    def test_list_without_an_end_begins_anew(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script.append(Answer(page(whole("one", MONDAY))))
        with pytest.raises(PositionExpiredError) as caught:
            resume(provider, position_of(stub))
        assert caught.value.reason == "noDeltaLink"


class TestCircles:
    def test_circle_is_noticed_across_pieces(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script += [
            Answer(page(next=stub.link(QUOTED, skiptoken=str(number % 3)))) for number in range(7)
        ]
        position = None
        for _ in range(6):
            pages = provider.pull_changes(CALENDAR, cursor=None, window=WINDOW, position=position)
            position = next(pages).position
        with pytest.raises(PositionExpiredError) as caught:
            resume(provider, position)
        assert caught.value.reason == "pageRepeated"

    @given(lead=st.integers(0, 40), circle=st.integers(1, 40))
    def test_circle_is_noticed_before_three_times_its_length(self, lead: int, circle: int) -> None:
        trail = Trail()
        with pytest.raises(RetryLaterError):
            deque(walk(trail, lead, circle), maxlen=0)
        assert trail.pages < 3 * max(lead, circle) + 1

    @given(pages=st.integers(0, 300))
    def test_straight_way_is_no_circle(self, pages: int) -> None:
        trail = Trail()
        links = [f"https://graph.test/{number}" for number in range(pages)]
        assert [trail.turn(link) for link in links] == links
        assert trail.turn(None) is None


def walk(trail: Trail, lead: int, circle: int) -> Iterator[str | None]:
    """A way that after some pages leads in a circle."""
    for page_number in count():
        round_about = lead + (page_number - lead) % circle
        yield trail.turn(f"https://graph.test/{min(page_number, round_about)}")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxThread]:
    with SandboxThread() as sandbox:
        yield sandbox


PIECES = st.lists(
    st.tuples(st.integers(1, 4), st.lists(STEP, max_size=4)),
    max_size=6,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=STEPS, pieces=PIECES, chance=st.sampled_from([0.0, 0.5]))
@example(
    before=[("create_series", n, 12 + n, 9) for n in range(4)],
    pieces=[(1, [("delete", 1, 0, 0)]), (2, [("edit_all", 2, 0, 0)]), (1, [("unrepeat", 1, 0, 0)])],
    chance=0.0,
)
@pytest.mark.usefixtures("one_series_per_page")
def test_pieces_and_an_incremental_read_end_with_the_truth(
    sandbox: SandboxThread,
    before: list[tuple[str, int, int, int]],
    pieces: list[tuple[int, list[tuple[str, int, int, int]]]],
    chance: float,
) -> None:
    sandbox.control.reset()
    graph = sandbox.control.graph
    graph.add_account(ME, time_zone="Europe/Berlin")
    graph.change_graph_settings(replay_probability=chance, duplicate_probability=chance)
    person, store = Person(graph), Store()
    calendar = ""
    for step in before:
        act(person, step)
    for pages, steps in pieces:
        provider = open_account(sandbox, events_per_page=2)
        calendar = provider.pull_calendars()[0].provider_calendar_id
        if store.cursor is None:
            store.read(provider, calendar, pages)
        provider.close()
        for step in steps:
            act(person, step)
    provider = open_account(sandbox, events_per_page=2)
    calendar = provider.pull_calendars()[0].provider_calendar_id
    store.read(provider, calendar)
    store.read(provider, calendar)
    assert store.rows() == truth(graph)
    assert store.fingerprints() == Store().read(provider, calendar).fingerprints()
    provider.close()


def act(person: Person, step: tuple[str, int, int, int]) -> None:
    if step[0] != "sync":
        person.act(*step)


def test_sandbox_forgets_rounds_and_the_read_begins_anew(sandbox: SandboxThread) -> None:
    sandbox.control.reset()
    graph = sandbox.control.graph
    graph.add_account(ME, time_zone="Europe/Berlin")
    person = Person(graph)
    for day in range(20, 26):
        person.act("create", 1, day, 9)
    provider = open_account(sandbox, events_per_page=2)
    calendar = provider.pull_calendars()[0].provider_calendar_id
    store = Store().read(provider, calendar, 1)
    assert store.position
    graph.expire_delta_tokens(ME)
    with pytest.raises(PositionExpiredError):
        store.read(provider, calendar)
    provider.close()
