"""One Google account read over HTTP: pages, cursors, requests and broken lines."""

import gzip
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from calendar_manager.domain.accounts import ProviderKind, Tokens
from calendar_manager.domain.changes import ChangePage, Rejected, Upserted
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    CalendarGoneError,
    CursorExpiredError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.providers.google import Google, GoogleSettings
from calendar_manager.providers.google.client import GoogleClient
from calendar_manager.providers.google.normalize import NORMALIZER_VERSION
from calendar_manager.providers.google.provider import GoogleCalendarProvider
from tests.providers.google_stub import Answer, Stub, run_stub

pytestmark = pytest.mark.unit

RECORDED = Path(__file__).parents[1] / "wire" / "google" / "incremental"
WINDOW = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
TOKENS = Tokens(access_token="secret", refresh_token=None, expires_at=None, scopes=frozenset())
CALENDAR = "user/1@example.test"
EVENTS_PATH = "/calendar/v3/calendars/user%2F1%40example.test/events"


@pytest.fixture
def stub() -> Iterator[Stub]:
    with run_stub() as stub:
        yield stub


@pytest.fixture
def provider(stub: Stub) -> Iterator[CalendarProvider]:
    settings = GoogleSettings(client_id="id", client_secret="secret", api_url=stub.api_url)
    factory = Google(settings)
    assert (factory.kind, factory.normalizer_version) == (ProviderKind.GOOGLE, NORMALIZER_VERSION)
    provider = factory.open(TOKENS)
    yield provider
    provider.close()


def item(number: int, **fields: object) -> dict[str, object]:
    times = {"start": {"date": "2026-03-28"}, "end": {"date": "2026-03-29"}}
    return {"id": f"event{number}", "summary": f"Event {number}", **times, **fields}


def page(*items: object, **tokens: str) -> Answer:
    return Answer(
        {"kind": "calendar#events", "timeZone": "Europe/Berlin", "items": items, **tokens}
    )


def pull(provider: CalendarProvider, cursor: str | None = None) -> list[ChangePage]:
    return list(provider.pull_changes(CALENDAR, cursor=cursor, window=WINDOW))


def recorded(name: str) -> dict[str, Any]:
    return dict(json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8")))


def recorded_error(name: str) -> Answer:
    error = recorded(name)
    return Answer(error["body"], error["status"])


def test_full_read_asks_for_unexpanded_events_without_filters(
    stub: Stub, provider: CalendarProvider
) -> None:
    stub.script.extend(
        [
            page(item(1), nextPageToken="p2"),
            page(nextPageToken="p3"),
            page(item(2), nextSyncToken="s1"),
        ]
    )
    pages = pull(provider)
    assert [len(one.changes) for one in pages] == [1, 0, 1]
    assert [one.cursor for one in pages] == [None, None, "s1"]
    first = {"singleEvents": "false", "maxResults": "2500", "alt": "json"}
    assert [request.path for request in stub.requests] == [EVENTS_PATH] * 3
    assert [request.parameters for request in stub.requests] == [
        first,
        {**first, "pageToken": "p2"},
        {**first, "pageToken": "p3"},
    ]
    assert stub.requests[0].headers["authorization"] == "Bearer secret"


def test_incremental_read_repeats_the_first_calls_parameters(
    stub: Stub, provider: CalendarProvider
) -> None:
    stub.script.extend(
        [page(nextSyncToken="s1"), page(nextPageToken="p2"), page(nextSyncToken="s2")]
    )
    pull(provider)
    pages = pull(provider, cursor="s1")
    full, *incremental = (request.parameters for request in stub.requests)
    assert incremental == [
        {**full, "syncToken": "s1"},
        {**full, "syncToken": "s1", "pageToken": "p2"},
    ]
    assert [one.cursor for one in pages] == [None, "s2"]


def test_page_size_is_a_parameter(stub: Stub) -> None:
    stub.script.append(page(nextSyncToken="s1"))
    provider = GoogleCalendarProvider(GoogleClient(stub.api_url, "secret"), events_per_page=7)
    pull(provider)
    provider.close()
    assert stub.requests[0].parameters["maxResults"] == "7"


def test_sync_token_before_the_last_page_is_no_cursor(
    stub: Stub, provider: CalendarProvider
) -> None:
    stub.script.extend([page(nextPageToken="p2", nextSyncToken="early"), page(nextSyncToken="s1")])
    assert [one.cursor for one in pull(provider)] == [None, "s1"]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([page(item(1))], "noSyncToken"),
        ([page(nextPageToken="p2"), page(nextPageToken="p2")], "pageRepeated"),
    ],
)
def test_list_that_does_not_end_as_it_should_gives_no_cursor(
    stub: Stub, provider: CalendarProvider, answers: list[Answer], reason: str
) -> None:
    stub.script.extend(answers)
    pages: list[ChangePage] = []
    with pytest.raises(RetryLaterError) as caught:
        pages.extend(provider.pull_changes(CALENDAR, cursor=None, window=WINDOW))
    assert caught.value.reason == reason
    assert all(one.cursor is None for one in pages)


def test_unreadable_entries_cost_only_themselves(stub: Stub, provider: CalendarProvider) -> None:
    stub.script.append(page(item(1), None, "text", item(2, start={}), item(3), nextSyncToken="s1"))
    kinds = [type(change) for change in pull(provider)[0].changes]
    assert kinds == [Upserted, Rejected, Rejected, Rejected, Upserted]


def test_page_is_read_only_when_it_is_asked_for(stub: Stub, provider: CalendarProvider) -> None:
    stub.script.extend([page(item(1), nextPageToken="p2"), page(nextSyncToken="s1")])
    pages = provider.pull_changes(CALENDAR, cursor=None, window=WINDOW)
    assert stub.requests == []
    next(pages)
    assert len(stub.requests) == 1
    assert next(pages).cursor == "s1"


def test_memory_does_not_grow_with_the_number_of_pages(
    stub: Stub, provider: CalendarProvider
) -> None:
    def script(pages: int) -> None:
        body = [item(number, description="x" * 4_000) for number in range(100)]
        stub.script.extend(page(*body, nextPageToken=f"p{n}") for n in range(pages))
        stub.script.append(page(nextSyncToken="s1"))

    def peak() -> int:
        tracemalloc.start()
        for _ in provider.pull_changes(CALENDAR, cursor=None, window=WINDOW):
            pass
        high = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return high

    script(2)
    few = peak()
    script(20)
    assert peak() < 1.5 * few


def test_recorded_410_means_that_the_cursor_expired(stub: Stub, provider: CalendarProvider) -> None:
    stub.script.append(recorded_error("error__error.invalidSyncToken"))
    with pytest.raises(CursorExpiredError) as caught:
        pull(provider, cursor="old")
    assert caught.value.reason == "fullSyncRequired"


def test_recorded_400_means_that_the_cursor_expired_when_there_was_one(
    stub: Stub, provider: CalendarProvider
) -> None:
    stub.script.extend([recorded_error("error__error.google.invalidValue")] * 2)
    with pytest.raises(CursorExpiredError):
        pull(provider, cursor="nonsense")
    with pytest.raises(ProviderError) as caught:
        pull(provider)
    assert type(caught.value) is ProviderError


def test_cursor_that_expires_between_pages_ends_the_read(
    stub: Stub, provider: CalendarProvider
) -> None:
    stub.script.extend(
        [page(item(1), nextPageToken="p2"), recorded_error("error__error.invalidSyncToken")]
    )
    pages = provider.pull_changes(CALENDAR, cursor="s1", window=WINDOW)
    assert next(pages).cursor is None
    with pytest.raises(CursorExpiredError):
        next(pages)


def test_rejected_access_token_is_reported_and_never_refreshed_here(
    stub: Stub, provider: CalendarProvider
) -> None:
    challenge = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
    error = {"code": 401, "errors": [{"domain": "global", "reason": "authError"}]}
    stub.script.append(Answer({"error": error}, 401, {"WWW-Authenticate": challenge}))
    with pytest.raises(AccessTokenRejectedError):
        pull(provider)
    assert len(stub.requests) == 1


def test_missing_calendar_is_gone_while_the_account_goes_on(
    stub: Stub, provider: CalendarProvider
) -> None:
    error = {"code": 404, "message": "Not Found", "errors": [{"reason": "notFound"}]}
    stub.script.extend([Answer({"error": error}, 404), page(nextSyncToken="s1")])
    with pytest.raises(CalendarGoneError):
        pull(provider)
    assert pull(provider)[-1].cursor == "s1"


def test_pause_is_reported_and_not_slept(stub: Stub, provider: CalendarProvider) -> None:
    error = {"code": 403, "errors": [{"domain": "usageLimits", "reason": "rateLimitExceeded"}]}
    stub.script.append(Answer({"error": error}, 403, {"Retry-After": "90"}))
    with pytest.raises(RetryLaterError) as caught:
        pull(provider)
    assert caught.value.retry_after == timedelta(seconds=90)
    assert len(stub.requests) == 1


BODY = json.dumps({"items": [item(1)], "nextSyncToken": "s1"}).encode()
BROKEN = {
    "server error": Answer(b"<html>oops</html>", 503),
    "body cut off": Answer(BODY, cut=20),
    "connection reset": Answer(BODY, cut=20, reset=True),
    "nothing at all": Answer(BODY, cut=0, reset=True),
    "not JSON": Answer(b"<html>captive portal</html>"),
    "not an object": Answer(b"[]"),
    "not text": Answer(b"\xff\xfe{"),
    "bad compression": Answer(b"no gzip", headers={"Content-Encoding": "gzip"}),
    "bottomless nesting": Answer(b"[" * 100_000),
}


@pytest.mark.parametrize("trouble", BROKEN)
def test_brief_trouble_is_tried_again_at_once(
    trouble: str, stub: Stub, provider: CalendarProvider
) -> None:
    stub.script.extend([BROKEN[trouble], Answer(BODY)])
    (only,) = pull(provider)
    assert only.cursor == "s1"
    assert len(stub.requests) == 2


@pytest.mark.parametrize("trouble", ["server error", "connection reset"])
def test_lasting_trouble_ends_in_retry_later(
    trouble: str, stub: Stub, provider: CalendarProvider
) -> None:
    stub.script.extend([BROKEN[trouble]] * 3)
    with pytest.raises(RetryLaterError):
        pull(provider)
    assert len(stub.requests) == 3


def test_unreachable_server_ends_in_retry_later() -> None:
    with run_stub() as stub:
        url = stub.api_url
    provider = GoogleCalendarProvider(GoogleClient(url, "secret"))
    with pytest.raises(RetryLaterError) as caught:
        pull(provider)
    assert caught.value.reason == "connection"
    provider.close()


def test_silent_server_is_given_up_after_the_timeout(stub: Stub) -> None:
    # The answer promises more than it sends and keeps the line open.
    stub.script.append(Answer(BODY, headers={"Content-Length": "100000"}))
    provider = GoogleCalendarProvider(
        GoogleClient(stub.api_url, "secret", timeout=timedelta(seconds=0.2))
    )
    with pytest.raises(RetryLaterError) as caught:
        pull(provider)
    assert caught.value.reason == "timeout"
    # What may still arrive on the old line must not be taken for the next answer.
    stub.script.append(page(nextSyncToken="fresh"))
    assert pull(provider)[-1].cursor == "fresh"
    provider.close()


def test_page_of_events_alike_may_compress_well(stub: Stub, provider: CalendarProvider) -> None:
    body = json.dumps({"items": [item(1, description="x" * 12_000_000)], "nextSyncToken": "s1"})
    packed = gzip.compress(body.encode())
    assert len(body) > 100 * len(packed)
    stub.script.append(Answer(packed, headers={"Content-Encoding": "gzip"}))
    (change,) = pull(provider)[0].changes
    assert isinstance(change, Upserted)


def test_answer_without_measure_is_given_up(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calendar_manager.providers.google.client._DECODED_LIMIT_BYTES", 1000)
    body = json.dumps({"items": [item(1, description="x" * 2000)], "nextSyncToken": "s1"})
    packed = gzip.compress(body.encode())
    stub.script.append(Answer(packed, headers={"Content-Encoding": "gzip"}))
    provider = GoogleCalendarProvider(GoogleClient(stub.api_url, "secret"))
    with pytest.raises(RetryLaterError) as caught:
        pull(provider)
    assert caught.value.reason == "tooLong"
    provider.close()


def test_calendar_list_is_read_to_its_end(stub: Stub, provider: CalendarProvider) -> None:
    def entry(name: str, **fields: object) -> dict[str, object]:
        return {"id": name, "summary": name, "accessRole": "owner", **fields}

    stub.script.extend(
        [
            Answer({"items": [entry("a"), entry("b", deleted=True)], "nextPageToken": "p2"}),
            Answer({"nextPageToken": "p3"}),
            Answer({"items": [entry("c", hidden=True)], "nextSyncToken": "ignored"}),
        ]
    )
    assert [one.provider_calendar_id for one in provider.pull_calendars()] == ["a", "c"]
    first = {"maxResults": "250", "showHidden": "true", "alt": "json"}
    assert [request.path for request in stub.requests] == ["/calendar/v3/users/me/calendarList"] * 3
    assert [request.parameters for request in stub.requests] == [
        first,
        {**first, "pageToken": "p2"},
        {**first, "pageToken": "p3"},
    ]


def test_endpoint_may_lack_its_trailing_slash(stub: Stub) -> None:
    stub.script.append(page(nextSyncToken="s1"))
    provider = GoogleCalendarProvider(GoogleClient(stub.api_url.rstrip("/"), "secret"))
    assert pull(provider)[0].cursor == "s1"
    provider.close()
