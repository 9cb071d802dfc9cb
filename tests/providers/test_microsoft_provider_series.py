"""Series are read anew whenever a round touches them, and never shown as one event."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.domain.changes import (
    SeriesRead,
)
from calendar_manager.domain.events import EventKind
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.microsoft import Microsoft, MicrosoftSettings
from calendar_manager.providers.microsoft.normalize import NORMALIZER_VERSION
from calendar_manager.providers.microsoft.reading import EVENTS_PER_PAGE, SERIES_PER_PAGE
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
from tests.providers.graph_scenes import (
    FROZEN,
    MONDAY,
    QUOTED,
    TOKENS,
    WEEKS,
    Book,
    changes,
    cursor_of,
    ids,
    last_page,
    pull,
    refusal,
    series_answers,
)
from tests.providers.graph_stub import GraphStub, run_graph_stub

pytestmark = pytest.mark.unit

DAY = timedelta(days=1)


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

    def test_page_of_series_is_full_with_many_exceptions(
        self, stub: GraphStub, provider: CalendarProvider
    ) -> None:
        many = [
            changed(f"a-{n}", "a", MONDAY + n * DAY, MONDAY + n * DAY + HOUR)
            for n in range(EVENTS_PER_PAGE)
        ]
        stub.script += [
            last_page(stub, bare("a-0", "a", MONDAY), bare("b-0", "b", MONDAY)),
            Answer(weekly("a", MONDAY, "monday")),
            Answer(page(*many)),
            *series_answers("b", [0]),
        ]
        pages = pull(provider)
        assert [len(one.changes) for one in pages] == [0, 1, 1]
        assert ids(pages) == [("read", "a"), ("read", "b")]

    def test_series_without_measure_costs_itself(
        self, stub: GraphStub, provider: CalendarProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("calendar_manager.providers.microsoft.reading.MAX_INSTANCES", 3)
        four = [occurrence(f"a-{n}", "a", WEEKS[n]) for n in range(4)]
        following = f"{stub.graph_url}me/events/a/instances?$skiptoken=4"
        stub.script += [
            last_page(stub, bare("a-0", "a", MONDAY), bare("b-0", "b", MONDAY)),
            Answer(weekly("a", MONDAY, "monday")),
            Answer(page(*four, next=following)),
            *series_answers("b", [0]),
        ]
        assert ids(pull(provider)) == [("rejected", "a"), ("read", "b")]
