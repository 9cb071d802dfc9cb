"""Versions that a build does not know, refusals and broken lines."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.caldotcom import CalDotComVersions
from calendar_manager.providers.caldotcom.client import CalDotComClient
from calendar_manager.providers.caldotcom.provider import CalDotComProvider
from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    ConsentLostError,
    CursorExpiredError,
    ProviderError,
    RetryLaterError,
)
from tests.providers.caldotcom_reading import FULL, WINDOW, Forgiving, ids, pull
from tests.providers.caldotcom_stub import (
    Stub,
    booking,
    counted,
    open_provider,
    refusal,
    run_stub,
)
from tests.providers.google_stub import Answer

pytestmark = pytest.mark.unit


@pytest.fixture
def stub() -> Iterator[Stub]:
    with run_stub() as stub:
        yield stub


@pytest.fixture
def provider(stub: Stub) -> Iterator[CalendarProvider]:
    provider = open_provider(stub.url)
    yield provider
    provider.close()


class TestVersions:
    @pytest.mark.parametrize("version", ["2024-08-13", "2026-02-25", "2099-01-01", None])
    def test_version_is_the_settings(self, version: str | None, stub: Stub) -> None:
        stub.version = version
        stub.script.append(counted())
        provider = open_provider(stub.url, version=version)
        pull(provider)
        provider.close()
        sent = {one.headers.get("cal-api-version") for one in stub.requests if one.query}
        assert version in sent

    def test_profile_and_absences_have_versions_of_their_own(self, stub: Stub) -> None:
        stub.problems = Forgiving("me")
        stub.script.append(counted())
        versions = CalDotComVersions(me="2030-01-01", out_of_office="2030-02-02")
        client = CalDotComClient(stub.api_url, "key", versions=versions)
        provider = CalDotComProvider(client, bookings_version=versions.bookings)
        pull(provider)
        provider.close()
        sent = {one.path: one.headers.get("cal-api-version") for one in stub.requests}
        assert sent == {
            "/v2/me": "2030-01-01",
            "/v2/bookings": "2024-08-13",
            "/v2/me/ooo": "2030-02-02",
        }

    @pytest.mark.parametrize(
        "answer",
        [
            refusal(400, "BAD_REQUEST", "Unsupported cal-api-version"),
            refusal(404, "NotFoundException", "Cannot GET /v2/bookings"),
            Answer({"status": "success", "data": {"bookings": [], "nextCursor": None}}),
        ],
        ids=["refused", "no-route", "older-shape"],
    )
    def test_wrong_version_names_the_setting(
        self, answer: Answer, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.append(answer)
        with pytest.raises(ProviderError) as caught:
            pull(provider)
        assert not isinstance(caught.value, RetryLaterError | CursorExpiredError)
        for words in ("CALCOM_BOOKINGS_VERSION", "version 2024-08-13", "CALCOM_API_URL"):
            assert words in str(caught.value)


LAST = json.dumps(
    {"status": "success", "data": [booking("a")], "pagination": {"hasNextPage": False}}
).encode()
BROKEN = {
    "server error": Answer(b"<html>oops</html>", 503),
    "request timeout": Answer(b"", 408),
    "body cut off": Answer(LAST, cut=20),
    "connection reset": Answer(LAST, cut=20, reset=True),
    "nothing at all": Answer(LAST, cut=0, reset=True),
    "not JSON": Answer(b"<html>captive portal</html>"),
    "not an object": Answer(b"[]"),
    "not text": Answer(b"\xff\xfe{"),
    "bad compression": Answer(b"no gzip", headers={"Content-Encoding": "gzip"}),
    "bottomless nesting": Answer(b"[" * 100_000),
}


class TestTrouble:
    @pytest.mark.parametrize("trouble", BROKEN)
    def test_brief_trouble_is_tried_again_at_once(
        self, trouble: str, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.extend([BROKEN[trouble], Answer(LAST)])
        (only,) = pull(provider)
        assert ids(only.changes) == ["a"]
        assert stub.asked("bookings") == [FULL, FULL]

    @pytest.mark.parametrize("trouble", ["server error", "connection reset"])
    def test_lasting_trouble_ends_in_retry_later(
        self, trouble: str, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.extend([BROKEN[trouble]] * 3)
        with pytest.raises(RetryLaterError):
            pull(provider)
        assert len(stub.asked("bookings")) == 3

    def test_trouble_between_pages_gives_no_cursor(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.extend([counted(booking("a"), more=True), refusal(429, "TOO_MANY_REQUESTS")])
        pages = provider.pull_changes("bookings", cursor=None, window=WINDOW)
        assert next(pages).cursor is None
        with pytest.raises(RetryLaterError):
            next(pages)

    def test_pause_is_reported_and_not_slept(self, stub: Stub, provider: CalendarProvider) -> None:
        stub.script.append(refusal(429, "TOO_MANY_REQUESTS", Retry_After="90", X_Request_Id="r1"))
        with pytest.raises(RetryLaterError) as caught:
            pull(provider)
        assert caught.value.retry_after == timedelta(seconds=90)
        assert caught.value.request_id == "r1"
        assert len(stub.asked("bookings")) == 1

    def test_rejected_token_is_reported_and_never_refreshed_here(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.profile = refusal(401, "UNAUTHORIZED")
        with pytest.raises(AccessTokenRejectedError):
            pull(provider)
        assert len(stub.requests) == 1

    def test_missing_scope_is_told_in_cal_coms_words(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        words = "insufficient_scope: token does not have the required scopes."
        stub.script.append(refusal(403, "FORBIDDEN", words))
        with pytest.raises(ConsentLostError, match="insufficient_scope") as caught:
            pull(provider)
        assert "Connect it again" in str(caught.value)

    def test_error_in_an_answer_of_success_is_an_error(
        self, stub: Stub, provider: CalendarProvider
    ) -> None:
        stub.script.append(refusal(200, "INTERNAL", "Something broke"))
        with pytest.raises(ProviderError, match="Something broke"):
            pull(provider)

    def test_redirect_is_not_followed(self, stub: Stub, provider: CalendarProvider) -> None:
        stub.script.append(Answer(b"", 302, {"Location": "/v2/me"}))
        with pytest.raises(ProviderError):
            pull(provider)
        assert len(stub.requests) == 2

    def test_unreachable_server_ends_in_retry_later(self) -> None:
        with run_stub() as stub:
            url = stub.url
        provider = open_provider(url)
        with pytest.raises(RetryLaterError) as caught:
            provider.pull_calendars()
        assert caught.value.reason == "connection"
        assert "cal_secret" not in str(caught.value)
        provider.close()

    def test_silent_server_is_given_up_after_the_timeout(self, stub: Stub) -> None:
        # The answer promises more than it sends and keeps the line open.
        stub.profile = Answer(b"{", headers={"Content-Length": "100000"})
        client = CalDotComClient(
            stub.api_url,
            "key",
            versions=CalDotComVersions(),
            timeout=timedelta(seconds=0.2),
        )
        with pytest.raises(RetryLaterError) as caught:
            client.pull_profile()
        assert caught.value.reason == "timeout"
        assert len(stub.requests) == 1
        client.close()

    def test_answer_without_measure_is_given_up(
        self, stub: Stub, provider: CalendarProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limit = "calendar_manager.providers.caldotcom.client._BODY_LIMIT_BYTES"
        monkeypatch.setattr(limit, 1000)
        stub.script.append(Answer(b"[" + b" " * 200_000 + b"]"))
        with pytest.raises(RetryLaterError) as caught:
            pull(provider)
        assert caught.value.reason == "tooLong"

    def test_own_token_wins_over_an_entry_for_the_host(
        self, stub: Stub, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login eve password hers\n", encoding="utf-8")
        monkeypatch.setenv("NETRC", str(netrc))
        provider = open_provider(stub.url)
        provider.pull_calendars()
        provider.close()
        assert stub.requests[0].headers["authorization"] == "Bearer cal_secret"

    def test_address_may_lack_its_trailing_slash(self, stub: Stub) -> None:
        client = CalDotComClient(stub.api_url.rstrip("/"), "key", versions=CalDotComVersions())
        client.pull_profile()
        client.close()
        assert stub.requests[0].path == "/v2/me"
