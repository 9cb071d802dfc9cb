"""One Microsoft account read over HTTP: rounds, links, cursors and requests."""

import json
import tracemalloc
from collections.abc import Iterator

import pytest

from calendar_manager.domain.accounts import AccessRole, ProviderKind
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.errors import (
    CursorExpiredError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.providers.microsoft import Microsoft, MicrosoftSettings
from calendar_manager.providers.microsoft.normalize import NORMALIZER_VERSION
from tests.providers.google_stub import Answer
from tests.providers.graph_items import (
    page,
    whole,
)
from tests.providers.graph_scenes import (
    CALENDAR,
    FROZEN,
    MONDAY,
    QUOTED,
    TOKENS,
    WINDOW,
    Book,
    cursor_of,
    ids,
    last_page,
    pull,
    refusal,
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
    factory = Microsoft(settings)
    assert (factory.kind, factory.normalizer_version) == (
        ProviderKind.MICROSOFT,
        NORMALIZER_VERSION,
    )
    provider = factory.open(TOKENS)
    yield provider
    provider.close()


class TestRounds:
    def test_full_read_asks_for_a_wide_window_and_follows_the_links(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script += [
            Answer(page(whole("one", MONDAY), next=stub.link(QUOTED, skiptoken="a%2Fb"))),
            Answer(page(next=stub.link(QUOTED, skiptoken="empty"))),
            last_page(stub, whole("two", MONDAY)),
        ]
        pages = pull(provider)
        assert [len(one.changes) for one in pages] == [1, 0, 1]
        assert [one.cursor is None for one in pages] == [True, True, False]
        assert json.loads(pages[-1].cursor or "") == {
            "link": stub.link(QUOTED, deltatoken="d1"),
            "start": "2026-10-01T00:00:00+00:00",
            "end": "2027-01-01T00:00:00+00:00",
        }
        assert stub.paths == [f"me/calendars/{QUOTED}/calendarView/delta"] * 3
        assert [request.query for request in stub.requests] == [
            FROZEN,
            {"$skiptoken": ["a/b"]},
            {"$skiptoken": ["empty"]},
        ]
        assert {request.headers["authorization"] for request in stub.requests} == {"Bearer secret"}

    def test_incremental_read_goes_on_from_its_link_and_keeps_its_window(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script += [
            Answer(page(next=stub.link(QUOTED, skiptoken="s"))),
            last_page(stub, state="d2"),
        ]
        pages = pull(provider, cursor_of(stub))
        assert [request.query for request in stub.requests] == [
            {"$deltatoken": ["d1"]},
            {"$skiptoken": ["s"]},
        ]
        assert json.loads(pages[-1].cursor or "")["link"] == stub.link(QUOTED, deltatoken="d2")
        assert json.loads(pages[-1].cursor or "")["end"] == "2027-01-01T00:00:00+00:00"

    def test_nothing_new_is_one_request_and_one_page(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script.append(last_page(stub))
        book = Book()
        assert [one.changes for one in pull(provider, cursor_of(stub), book)] == [()]
        assert len(stub.requests) == 1
        assert book.asked == []

    def test_page_size_is_asked_for(self, stub: GraphStub) -> None:
        stub.script.append(last_page(stub))
        stub.prefer = 'odata.maxpagesize=7, outlook.timezone="UTC", IdType="ImmutableId"'
        settings = MicrosoftSettings(client_id="i", client_secret="s", graph_url=stub.graph_url)
        provider = Microsoft(settings, events_per_page=7).open(TOKENS)
        pull(provider)
        provider.close()

    def test_page_is_read_only_when_it_is_asked_for(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script += [
            Answer(page(whole("one", MONDAY), next=stub.link(QUOTED, skiptoken="s"))),
            last_page(stub),
        ]
        pages = provider.pull_changes(CALENDAR, cursor=None, window=WINDOW)
        assert stub.requests == []
        next(pages)
        assert len(stub.requests) == 1
        assert next(pages).cursor

    def test_duplicates_and_unreadable_entries_cost_nothing_else(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        one, broken = whole("one", MONDAY), {**whole("bad", MONDAY), "start": None}
        body = page(one, one, broken)
        stub.script.append(last_page(stub, *body["value"]))
        assert ids(pull(provider)) == [
            ("upserted", "one"),
            ("upserted", "one"),
            ("rejected", "bad"),
        ]

    @pytest.mark.parametrize("links", [[], ["again", "again"]])
    def test_round_that_does_not_end_as_it_should_gives_no_cursor(
        self, stub: GraphStub, provider: CalendarProvider, links: list[str]
    ) -> None:
        if links:
            stub.script += [Answer(page(next=stub.link(QUOTED, skiptoken=one))) for one in links]
        else:
            stub.script.append(Answer(page(whole("one", MONDAY))))
        with pytest.raises(RetryLaterError) as caught:
            pull(provider)
        assert caught.value.reason == ("pageRepeated" if links else "noDeltaLink")

    def test_memory_does_not_grow_with_the_number_of_pages(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        def script(pages: int) -> None:
            items = [whole(f"e{n}", MONDAY, bodyPreview="x" * 20_000) for n in range(12)]
            stub.script += [
                Answer(page(*items, next=stub.link(QUOTED, skiptoken=f"{pages}-{n}")))
                for n in range(pages)
            ]
            stub.script.append(last_page(stub))

        def peak() -> int:
            tracemalloc.start()
            for _ in provider.pull_changes(CALENDAR, cursor=None, window=WINDOW):
                pass
            high = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return high

        script(2)
        few = peak()
        script(8)
        assert peak() < 2 * few


class TestCursors:
    def test_window_that_slid_too_far_wants_a_fresh_baseline(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        old = cursor_of(stub, start="2026-09-01T00:00:00Z", end="2026-12-02T00:00:00Z")
        with pytest.raises(CursorExpiredError) as caught:
            pull(provider, old)
        assert caught.value.reason == "window"
        assert stub.requests == []

    def test_cursor_of_another_place_has_expired(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        cursor = cursor_of(stub).replace(stub.graph_url, "https://graph.microsoft.com/v1.0/")
        with pytest.raises(CursorExpiredError) as caught:
            pull(provider, cursor)
        assert caught.value.reason == "foreignLink"
        assert stub.requests == []

    @pytest.mark.parametrize(
        ("status", "code"), [(410, "SyncStateNotFound"), (400, "resyncRequired")]
    )
    def test_forgotten_cursor_has_expired(
        self, stub: GraphStub, provider: CalendarProvider, status: int, code: str
    ) -> None:
        location = f"{stub.graph_url}me/calendars/x/calendarView/delta?$deltatoken="
        stub.script.append(refusal(status, code, Location=location))
        with pytest.raises(CursorExpiredError) as caught:
            pull(provider, cursor_of(stub))
        assert (caught.value.reason, caught.value.request_id) == (code, "1137f277")

    def test_round_forgotten_half_way_of_a_full_read_begins_anew_later(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script += [
            Answer(page(next=stub.link(QUOTED, skiptoken="s"))),
            refusal(410, "SyncStateNotFound"),
        ]
        with pytest.raises(RetryLaterError):
            pull(provider)

    @pytest.mark.parametrize("kind", ["next", "delta"])
    def test_link_to_another_place_is_not_followed(
        self, stub: GraphStub, provider: CalendarProvider, kind: str
    ) -> None:
        link = {kind: "https://graph.evil.test/v1.0/me/calendarView/delta?$skiptoken=x"}
        stub.script.append(Answer(page(whole("one", MONDAY), **link)))
        with pytest.raises(ProviderError) as caught:
            pull(provider)
        assert caught.value.reason == "foreignLink"

    def test_redirect_is_not_followed(self, stub: GraphStub, provider: CalendarProvider) -> None:
        stub.script.append(Answer(b"", 302, {"Location": "https://graph.evil.test/"}))
        with pytest.raises(ProviderError):
            pull(provider)


class TestCalendars:
    def test_list_is_read_to_its_end(self, stub: GraphStub, provider: CalendarProvider) -> None:
        def entry(name: str, **fields: object) -> dict[str, object]:
            return {"id": name, "name": name.title(), "canShare": True, "canEdit": True, **fields}

        following = f"{stub.graph_url}me/calendars?$skiptoken=2"
        shared = entry("c", canShare=False, canEdit=False)
        stub.script += [
            Answer(page(entry("a", isDefaultCalendar=True), entry("b"), next=following)),
            Answer(page(shared)),
        ]
        calendars = provider.pull_calendars()
        assert [(one.provider_calendar_id, one.primary, one.access_role) for one in calendars] == [
            ("a", True, AccessRole.OWNER),
            ("b", False, AccessRole.OWNER),
            ("c", False, AccessRole.READER),
        ]
        assert [request.query for request in stub.requests] == [
            {"$top": ["500"]},
            {"$skiptoken": ["2"]},
        ]
