"""One Microsoft account read over HTTP: rounds, series, links, requests and broken lines."""

import gzip
import json
import logging
import tracemalloc
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from calendar_manager.domain.accounts import AccessRole, ProviderKind, Tokens
from calendar_manager.domain.changes import (
    ChangePage,
    Deleted,
    GroupRead,
    Rejected,
    RemoteChange,
    SeriesRead,
    Upserted,
)
from calendar_manager.domain.events import EventKind
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    CalendarGoneError,
    CursorExpiredError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.providers.microsoft import Microsoft, MicrosoftSettings
from calendar_manager.providers.microsoft.client import GraphClient
from calendar_manager.providers.microsoft.normalize import NORMALIZER_VERSION
from calendar_manager.providers.microsoft.provider import (
    SERIES_PER_PAGE,
    MicrosoftCalendarProvider,
)
from tests.providers.google_stub import Answer
from tests.providers.graph_items import (
    HOUR,
    bare,
    changed,
    occurrence,
    page,
    removed,
    weekly,
    whole,
)
from tests.providers.graph_stub import GraphStub, run_graph_stub

pytestmark = pytest.mark.unit

WINDOW = Span(datetime(2026, 10, 3, tzinfo=UTC), datetime(2026, 12, 18, tzinfo=UTC))
FROZEN = {"startDateTime": ["2026-10-01T00:00:00Z"], "endDateTime": ["2027-01-01T00:00:00Z"]}
TOKENS = Tokens(access_token="secret", refresh_token=None, expires_at=None, scopes=frozenset())
CALENDAR = "AAMk/Cal=="
QUOTED = "AAMk%2FCal%3D%3D"
MONDAY = datetime(2026, 10, 12, 7, tzinfo=UTC)
WEEKS = [MONDAY + timedelta(weeks=n) + (HOUR if n > 1 else 0 * HOUR) for n in range(12)]


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


class Book:
    """Which instances belong to which series, as the store would know."""

    def __init__(self, **known: str) -> None:
        self.known = known
        self.asked: list[set[str]] = []

    def __call__(self, ids: Collection[str]) -> Mapping[str, str]:
        self.asked.append(set(ids))
        return {one: self.known[one] for one in ids if one in self.known}


def pull(
    provider: CalendarProvider, cursor: str | None = None, book: Book | None = None
) -> list[ChangePage]:
    pages = provider.pull_changes(
        CALENDAR, cursor=cursor, window=WINDOW, find_series=book or Book()
    )
    return list(pages)


def changes(pages: list[ChangePage]) -> list[RemoteChange]:
    return [change for one in pages for change in one.changes]


def ids(pages: list[ChangePage]) -> list[tuple[str, str | None]]:
    """What happened to which event."""
    found: list[tuple[str, str | None]] = []
    for change in changes(pages):
        match change:
            case Upserted():
                found.append(("upserted", change.event.provider_event_id))
            case SeriesRead():
                found.append(("read", change.master.provider_event_id))
            case Deleted():
                found.append(("deleted", change.provider_event_id))
            case Rejected():
                found.append(("rejected", change.provider_event_id))
            case GroupRead():
                found.append(("group", change.prefix))
    return found


def last_page(stub: GraphStub, *items: Mapping[str, Any], state: str = "d1") -> Answer:
    return Answer(page(*items, delta=stub.link(QUOTED, deltatoken=state)))


def cursor_of(stub: GraphStub, state: str = "d1", **window: str) -> str:
    frozen = {"start": "2026-10-01T00:00:00Z", "end": "2027-01-01T00:00:00Z", **window}
    return json.dumps({"link": stub.link(QUOTED, deltatoken=state), **frozen})


def series_answers(series_id: str = "s", weeks: list[int] | None = None) -> list[Answer]:
    """The master and its instances."""
    chosen = list(range(12)) if weeks is None else weeks
    instances = [occurrence(f"{series_id}-{n}", series_id, WEEKS[n]) for n in chosen]
    return [Answer(weekly(series_id, WEEKS[0], "monday")), Answer(page(*instances))]


def refusal(status: int, code: str, **headers: str) -> Answer:
    inner = {"date": "2026-11-20T12:00:00", "request-id": "1137f277"}
    body = {"error": {"code": code, "message": "Words", "innerError": inner}}
    return Answer(body, status, {"request-id": "1137f277", **headers})


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


class TestSeries:
    def test_series_is_read_once_and_at_the_end_of_the_round(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script += [
            Answer(
                page(
                    bare("s-0", "s", WEEKS[0]),
                    whole("one", MONDAY),
                    next=stub.link(QUOTED, skiptoken="p"),
                )
            ),
            last_page(stub, bare("s-1", "s", WEEKS[1]), weekly("s", WEEKS[0], "monday")),
            *series_answers(),
        ]
        pages = pull(provider)
        assert ids(pages) == [("upserted", "one"), ("read", "s")]
        assert [one.cursor is None for one in pages] == [True, True, False]
        assert stub.paths[2:] == [f"me/calendars/{QUOTED}/events/s", "me/events/s/instances"]
        instances = stub.requests[3].query
        assert {name: instances[name] for name in FROZEN} == FROZEN

    def test_master_is_never_an_event_of_its_own(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        """A series of 2012 must not show up in 2012 alone."""
        ghost = weekly("s", datetime(2012, 1, 2, 8, tzinfo=UTC), "monday")
        instances = [occurrence(f"s-{n}", "s", WEEKS[n]) for n in range(12)]
        stub.script += [last_page(stub, ghost), Answer(ghost), Answer(page(*instances))]
        (change,) = changes(pull(provider))
        assert isinstance(change, SeriesRead)
        assert change.master.kind is EventKind.MASTER
        assert change.instance_ids == {"s", *(f"s-{n}" for n in range(12))}

    def test_deletion_without_a_trace_is_seen_when_the_master_appears(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script += [
            last_page(stub, weekly("s", WEEKS[0], "monday")),
            *series_answers(weeks=[0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]),
        ]
        (change,) = changes(pull(provider, cursor_of(stub)))
        assert isinstance(change, SeriesRead)
        assert change.master.recurrence[1] == "EXDATE:20261102T080000Z"

    def test_removed_instance_leads_to_its_series(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script += [
            last_page(stub, removed("s-3"), removed("s-4"), removed("unknown")),
            *series_answers(weeks=[0, 1, 2]),
        ]
        book = Book(**{"s-3": "s", "s-4": "s"})
        assert ids(pull(provider, cursor_of(stub), book)) == [
            ("deleted", "unknown"),
            ("read", "s"),
        ]
        assert book.asked == [{"s-3", "s-4", "unknown"}]

    def test_removed_master_is_asked_about_before_it_is_believed(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        """Graph also says so of a series of which an instance outside the window changed."""
        stub.script += [last_page(stub, removed("s")), *series_answers()]
        assert ids(pull(provider, cursor_of(stub), Book(s="s"))) == [("read", "s")]
        stub.script += [last_page(stub, removed("s")), refusal(404, "ErrorItemNotFound")]
        assert ids(pull(provider, cursor_of(stub), Book(s="s"))) == [("deleted", "s")]

    def test_series_that_left_the_window_is_gone(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script += [last_page(stub, weekly("s", WEEKS[0], "monday")), *series_answers(weeks=[])]
        assert ids(pull(provider, cursor_of(stub))) == [("deleted", "s")]

    def test_series_that_became_a_single_event_loses_its_overrides(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        single = whole("s", MONDAY)
        stub.script += [last_page(stub, single), Answer(single)]
        (change,) = changes(pull(provider, cursor_of(stub), Book(s="s")))
        assert isinstance(change, SeriesRead)
        assert change.master.kind is EventKind.SINGLE
        assert change.overrides == ()

    def test_single_event_that_was_never_a_series_costs_no_request(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script.append(last_page(stub, whole("one", MONDAY)))
        book = Book()
        assert ids(pull(provider, cursor_of(stub), book)) == [("upserted", "one")]
        assert book.asked == [{"one"}]

    def test_exception_that_became_a_single_event_touches_its_series_too(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script += [last_page(stub, whole("s-3", MONDAY)), *series_answers(weeks=[0, 1])]
        assert ids(pull(provider, cursor_of(stub), Book(**{"s-3": "s"}))) == [
            ("upserted", "s-3"),
            ("read", "s"),
        ]

    def test_member_without_a_series_is_rejected(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        orphan = {**bare("o", "s", MONDAY), "seriesMasterId": None}
        stub.script.append(last_page(stub, orphan))
        assert ids(pull(provider)) == [("rejected", "o")]

    def test_series_closed_to_us_is_rejected_and_not_gone(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script += [
            last_page(stub, bare("a-0", "a", MONDAY), bare("b-0", "b", MONDAY)),
            refusal(403, "ErrorAccessDenied"),
            Answer(weekly("b", WEEKS[0], "monday")),
            refusal(404, "ErrorItemNotFound"),
        ]
        assert ids(pull(provider)) == [("rejected", "a"), ("rejected", "b")]

    def test_instances_are_read_to_their_last_page(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        moved = changed("s-5", "s", WEEKS[5], WEEKS[5] + HOUR)
        following = f"{stub.graph_url}me/events/s/instances?$skiptoken=10"
        first = [occurrence(f"s-{n}", "s", WEEKS[n]) for n in range(5)]
        second = [moved, *(occurrence(f"s-{n}", "s", WEEKS[n]) for n in range(6, 12))]
        stub.script += [
            last_page(stub, bare("s-0", "s", MONDAY)),
            Answer(weekly("s", WEEKS[0], "monday")),
            Answer(page(*first, next=following)),
            Answer(page(*second)),
        ]
        (change,) = changes(pull(provider))
        assert isinstance(change, SeriesRead)
        assert len(change.master.recurrence) == 1
        assert [one.original_start for one in change.overrides] == [WEEKS[5]]

    def test_many_series_come_a_few_to_a_page_and_the_cursor_last(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        names = [f"s{number}" for number in range(SERIES_PER_PAGE + 1)]
        stub.script.append(last_page(stub, *(bare(f"{one}-0", one, MONDAY) for one in names)))
        for one in names:
            stub.script += series_answers(one, [0])
        pages = pull(provider)
        assert [len(one.changes) for one in pages] == [0, SERIES_PER_PAGE, 1]
        assert [one.cursor is None for one in pages] == [True, True, False]


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


class TestTrouble:
    def test_rejected_access_token_is_reported_and_never_refreshed_here(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script.append(refusal(401, "InvalidAuthenticationToken"))
        with pytest.raises(AccessTokenRejectedError):
            pull(provider)

    def test_missing_calendar_is_gone_while_the_account_goes_on(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script += [refusal(404, "ErrorItemNotFound"), last_page(stub)]
        with pytest.raises(CalendarGoneError):
            pull(provider)
        assert pull(provider)[-1].cursor

    @pytest.mark.parametrize("status", [429, 503])
    def test_pause_is_reported_and_not_slept(
        self,
        stub: GraphStub,
        provider: CalendarProvider,
        status: int,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        stub.script.append(refusal(status, "MailboxConcurrency", **{"Retry-After": "90"}))
        with caplog.at_level(logging.WARNING), pytest.raises(RetryLaterError) as caught:
            pull(provider)
        assert caught.value.retry_after == timedelta(seconds=90)
        assert len(stub.requests) == 1
        assert "1137f277" in caplog.text
        assert "secret" not in caplog.text

    @pytest.mark.parametrize(
        "trouble",
        [
            Answer(b"<html>oops</html>", 503),
            Answer(b'{"value": [], "@odata.deltaLink"', cut=20),
            Answer(b"", headers={"Content-Length": "100"}, cut=0),
            Answer(b"<html>captive portal</html>"),
            Answer(b"[]"),
            Answer(b"\xff\xfe{"),
            Answer(b"no gzip", headers={"Content-Encoding": "gzip"}),
            Answer(b"[" * 100_000),
        ],
    )
    def test_brief_trouble_is_tried_again_at_once(
        self, stub: GraphStub, provider: CalendarProvider, trouble: Answer
    ) -> None:
        stub.script += [trouble, last_page(stub)]
        assert pull(provider)[-1].cursor
        assert len(stub.requests) == 2

    def test_lasting_trouble_ends_in_retry_later(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        stub.script += [Answer(b"<html>oops</html>", 500)] * 3
        with pytest.raises(RetryLaterError):
            pull(provider)
        assert len(stub.requests) == 3

    def test_unreachable_server_ends_in_retry_later(self) -> None:
        with run_graph_stub() as stub:
            url = stub.graph_url
        provider = MicrosoftCalendarProvider(GraphClient(url, "secret"))
        with pytest.raises(RetryLaterError) as caught:
            provider.pull_calendars()
        assert caught.value.reason == "connection"
        provider.close()

    def test_silent_server_is_given_up_after_the_timeout(self, stub: GraphStub) -> None:
        # The answer promises more than it sends and keeps the line open.
        stub.script.append(Answer(b"{}", headers={"Content-Length": "100000"}))
        client = GraphClient(stub.graph_url, "secret", timeout=timedelta(seconds=0.2))
        provider = MicrosoftCalendarProvider(client)
        with pytest.raises(RetryLaterError) as caught:
            pull(provider)
        assert caught.value.reason == "timeout"
        # What may still arrive on the old line must not be taken for the next answer.
        stub.script.append(last_page(stub))
        assert pull(provider)[-1].cursor
        provider.close()

    def test_answer_without_measure_is_given_up(
        self, stub: GraphStub, provider: CalendarProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "calendar_manager.providers.microsoft.client._BODY_LIMIT_BYTES", 100_000
        )
        packed = gzip.compress(
            json.dumps(page(whole("one", MONDAY, subject="x" * 200_000))).encode()
        )
        stub.script.append(Answer(packed, headers={"Content-Encoding": "gzip"}))
        with pytest.raises(RetryLaterError) as caught:
            pull(provider)
        assert caught.value.reason == "tooLong"

    def test_netrc_does_not_replace_the_access_token(
        self,
        stub: GraphStub,
        provider: CalendarProvider,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Any,
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login somebody password else\n")
        monkeypatch.setenv("NETRC", str(netrc))
        stub.script.append(last_page(stub))
        pull(provider)
        assert stub.requests[0].headers["authorization"] == "Bearer secret"


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
