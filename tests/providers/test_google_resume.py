"""Full reads of Google that break off and go on, and the gate before every request."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_manager.domain.accounts import Tokens
from calendar_manager.domain.changes import ChangePage
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.errors import (
    CalendarGoneError,
    PositionExpiredError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.providers.google import Google, GoogleSettings
from calendar_manager.providers.google.client import GoogleClient
from calendar_manager.providers.google.position import read_position, write_position
from calendar_manager.providers.google.provider import GoogleCalendarProvider
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.server import SandboxThread
from tests.providers.google_stub import Answer, Stub, run_stub
from tests.providers.provider_bench import times
from tests.providers.provider_scenes import HOUR, MONDAY, Copy

pytestmark = pytest.mark.unit

CALENDAR = "freelancer@example.test"
WINDOW = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
TOKENS = Tokens(access_token="secret", refresh_token=None, expires_at=None, scopes=frozenset())


@pytest.fixture
def stub() -> Iterator[Stub]:
    with run_stub() as stub:
        yield stub


@pytest.fixture
def provider(stub: Stub) -> Iterator[CalendarProvider]:
    provider = GoogleCalendarProvider(GoogleClient(stub.api_url, "secret"))
    yield provider
    provider.close()


def pull(
    provider: CalendarProvider, *, cursor: str | None = None, position: str | None = None
) -> Iterator[ChangePage]:
    return provider.pull_changes(CALENDAR, cursor=cursor, window=WINDOW, position=position)


def page(**tokens: str) -> Answer:
    return Answer({"kind": "calendar#events", "items": [], **tokens})


def refusal(status: int, reason: str) -> Answer:
    error = {"code": status, "message": "Words", "errors": [{"reason": reason}]}
    return Answer({"error": error}, status)


class TestPositions:
    def test_every_page_of_a_full_read_but_the_last_has_one(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.extend(
            [page(nextPageToken="p2"), page(nextPageToken="p3"), page(nextSyncToken="s1")]
        )
        first, second, last = pull(provider)
        assert [read_position(CALENDAR, str(one.position)) for one in (first, second)] == [
            "p2",
            "p3",
        ]
        assert (last.position, last.cursor) == (None, "s1")

    def test_incremental_read_has_none(self, stub: Stub, provider: CalendarProvider) -> None:
        stub.script.extend([page(nextPageToken="p2"), page(nextSyncToken="s2")])
        assert [one.position for one in pull(provider, cursor="s1")] == [None, None]

    def test_resumed_read_asks_for_the_following_page_at_once(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.extend([page(nextPageToken="p4"), page(nextSyncToken="s1")])
        pages = list(pull(provider, position=write_position(CALENDAR, "p3")))
        assert [request.parameters["pageToken"] for request in stub.requests] == ["p3", "p4"]
        assert [one.cursor for one in pages] == [None, "s1"]

    @pytest.mark.parametrize(
        "position",
        [
            "",
            "p2",
            "null",
            "[]",
            "{}",
            "[" * 100_000,
            json.dumps({"form": 2, "calendar": CALENDAR, "page": "p2"}),
            json.dumps({"form": 1, "calendar": CALENDAR, "page": ""}),
            json.dumps({"form": 1, "calendar": CALENDAR, "page": 7}),
            write_position("other@example.test", "p2"),
        ],
    )
    def test_unreadable_position_is_expired_without_asking_google(
        self, position: str, stub: Stub, provider: CalendarProvider
    ) -> None:
        with pytest.raises(PositionExpiredError):
            next(pull(provider, position=position))
        assert stub.requests == []

    @given(st.text(min_size=1).filter(lambda text: text.strip() and "\0" not in text))
    def test_any_token_comes_back_as_it_was(self, token: str) -> None:
        assert read_position(CALENDAR, write_position(CALENDAR, token)) == token

    def test_position_is_ignored_where_there_is_a_cursor(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.append(page(nextSyncToken="s2"))
        position = write_position(CALENDAR, "p2")
        assert [one.cursor for one in pull(provider, cursor="s1", position=position)] == ["s2"]
        assert "pageToken" not in stub.requests[0].parameters

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (refusal(400, "invalid"), PositionExpiredError),
            (refusal(410, "updatedMinTooLongAgo"), PositionExpiredError),
            (refusal(410, "fullSyncRequired"), PositionExpiredError),
            (page(nextPageToken="p2"), PositionExpiredError),
            (page(), PositionExpiredError),
            (refusal(404, "notFound"), CalendarGoneError),
            (refusal(403, "rateLimitExceeded"), RetryLaterError),
            (refusal(400, "backendError"), RetryLaterError),
        ],
    )
    def test_refusal_of_the_page_where_a_read_is_resumed(
        self,
        answer: Answer,
        expected: type[ProviderError],
        stub: Stub,
        provider: CalendarProvider,
    ) -> None:
        stub.script.append(answer)
        if b"backendError" in answer.payload:
            stub.script.extend([answer] * 2)
        with pytest.raises(expected):
            list(pull(provider, position=write_position(CALENDAR, "p2")))

    @pytest.mark.parametrize("answer", [refusal(400, "invalid"), page(nextPageToken="p2"), page()])
    def test_trouble_at_a_later_page_is_tried_again_from_its_position(
        self, answer: Answer, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.extend([page(nextPageToken="p3"), answer])
        pages = pull(provider, position=write_position(CALENDAR, "p2"))
        kept = next(pages).position
        with pytest.raises(RetryLaterError):
            next(pages)
        stub.script.append(page(nextSyncToken="s1"))
        assert [one.cursor for one in pull(provider, position=kept)] == ["s1"]
        assert stub.requests[-1].parameters["pageToken"] == "p3"


class TestGate:
    def test_it_is_passed_before_every_request(self, stub: Stub) -> None:
        passed: list[int] = []
        provider = self.open(stub, lambda: passed.append(len(stub.requests)))
        stub.script.extend(
            [
                page(nextPageToken="p2"),
                refusal(503, "backendError"),
                refusal(503, "backendError"),
                page(nextSyncToken="s1"),
                Answer({"items": []}),
            ]
        )
        assert len(list(pull(provider))) == 2
        provider.pull_calendars()
        provider.close()
        assert passed == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize("requests", [0, 1, 2])
    def test_closed_gate_ends_the_read_with_its_own_error(self, requests: int, stub: Stub) -> None:
        error = RetryLaterError("later", reason="budget", retry_after=timedelta(seconds=9))

        def gate() -> None:
            if len(stub.requests) == requests:
                raise error

        stub.script.extend([refusal(503, "backendError"), page(nextPageToken="p2")][:requests])
        provider = self.open(stub, gate)
        with pytest.raises(RetryLaterError) as caught:
            list(pull(provider))
        assert caught.value is error
        assert len(stub.requests) == requests
        provider.close()

    def test_redirect_is_not_followed_past_it(self, stub: Stub, provider: CalendarProvider) -> None:
        stub.script.append(Answer(b"", 302, {"Location": f"{stub.api_url}elsewhere"}))
        with pytest.raises(ProviderError):
            list(pull(provider))
        assert len(stub.requests) == 1

    @staticmethod
    def open(stub: Stub, gate: Callable[[], None]) -> CalendarProvider:
        settings = GoogleSettings(client_id="id", client_secret="secret", api_url=stub.api_url)
        return Google(settings).open(TOKENS, gate=gate)


class Calendar:
    """The sandbox's calendar of one example, and whoever reads it."""

    def __init__(self, control: ControlClient, *, events: int, page_size: int) -> None:
        control.reset()
        control.add_account(CALENDAR)
        self._control = control
        self._page_size = page_size
        self._token = control.issue_tokens(CALENDAR).access_token
        self._live: list[str] = []
        self._number = 0
        for _ in range(events):
            self.edit(0)

    def open(self) -> CalendarProvider:
        """Open it anew, as another worker would."""
        client = GoogleClient(self._control.google_settings()["GOOGLE_API_URL"], self._token)
        return GoogleCalendarProvider(client, events_per_page=self._page_size)

    def edit(self, choice: int) -> None:
        """Create an event, or change or delete one of those that are there."""
        self._number += 1
        kind, which = choice % 4, choice // 4
        if kind == 0 or not self._live:
            rule = {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=9"]} if choice % 5 == 1 else {}
            body = {"summary": f"Event {self._number}", **times(MONDAY), **rule}
            (row,) = self._control.create_events(CALENDAR, [body])
            self._live.append(str(row["id"]))
            return
        event_id = self._live[which % len(self._live)]
        if kind == 1:
            self._live.remove(event_id)
            self._control.mutate(CALENDAR, "delete", event_id)
        else:
            moved: Mapping[str, object] = times(MONDAY + self._number * HOUR)
            changes = {"summary": f"Changed {self._number}"} if kind == 2 else moved
            self._control.mutate(CALENDAR, "edit_all", event_id, changes=changes)

    def read(self, position: str | None = None) -> list[ChangePage]:
        """Read everything, or what is behind a position, without a break."""
        with closing(self.open()) as provider:
            return list(pull(provider, position=position))

    def read_in_pieces(self, pieces: list[tuple[int, list[int]]]) -> list[ChangePage]:
        """Read everything, but break off and edit: behind how many pages, and what."""
        pages: list[ChangePage] = []
        for length, edits in pieces:
            with closing(self.open()) as provider:
                reading = pull(provider, position=pages[-1].position if pages else None)
                for _ in range(length):
                    pages.append(next(reading))
                    if pages[-1].cursor is not None:
                        return pages
            for edit in edits:
                self.edit(edit)
        return pages + self.read(pages[-1].position if pages else None)


class TestSandbox:
    """Pieces unite to what one read would have given."""

    @pytest.fixture(scope="class")
    @staticmethod
    def control() -> Iterator[ControlClient]:
        with SandboxThread() as server:
            yield server.control

    @pytest.mark.parametrize("page_size", [1, 2, 3])
    def test_read_can_be_resumed_behind_every_page(
        self, page_size: int, control: ControlClient
    ) -> None:
        calendar = Calendar(control, events=7, page_size=page_size)
        control.change_settings(empty_page_every=3)
        whole = calendar.read()
        assert len(whole) > 7 // page_size
        for done, last in enumerate(whole[:-1], start=1):
            rest = calendar.read(last.position)
            assert [one.changes for one in whole[:done] + rest] == [one.changes for one in whole]
            assert rest[-1].cursor == whole[-1].cursor
            assert [one.position for one in rest] == [one.position for one in whole[done:]]

    def test_position_that_google_forgot_is_expired(self, control: ControlClient) -> None:
        calendar = Calendar(control, events=5, page_size=2)
        position = calendar.read()[0].position
        forgetful = Calendar(control, events=5, page_size=2)
        with pytest.raises(PositionExpiredError):
            forgetful.read(position)

    @given(
        events=st.integers(0, 12),
        page_size=st.integers(1, 4),
        pieces=st.lists(
            st.tuples(st.integers(1, 3), st.lists(st.integers(0, 400), max_size=3)), max_size=4
        ),
        later=st.lists(st.integers(0, 400), max_size=4),
    )
    @settings(max_examples=40)
    def test_pieces_and_the_incremental_read_after_them_lead_to_the_truth(
        self,
        control: ControlClient,
        events: int,
        page_size: int,
        pieces: list[tuple[int, list[int]]],
        later: list[int],
    ) -> None:
        calendar = Calendar(control, events=events, page_size=page_size)
        copy, truth = Copy(), Copy()
        copy.take(calendar.read_in_pieces(pieces))
        for edit in later:
            calendar.edit(edit)
        with closing(calendar.open()) as provider:
            copy.take(pull(provider, cursor=copy.cursor))
            truth.take(pull(provider))
        assert copy.fingerprints == truth.fingerprints
