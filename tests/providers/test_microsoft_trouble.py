"""Refusals, broken lines and answers without measure of Microsoft Graph."""

import gzip
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.providers.base import CalendarProvider, Gate
from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    CalendarGoneError,
    RetryLaterError,
)
from calendar_manager.providers.microsoft import Microsoft, MicrosoftSettings
from calendar_manager.providers.microsoft.client import GraphClient
from calendar_manager.providers.microsoft.normalize import NORMALIZER_VERSION
from calendar_manager.providers.microsoft.provider import (
    MicrosoftCalendarProvider,
)
from tests.providers.google_stub import Answer
from tests.providers.graph_items import bare, page, whole
from tests.providers.graph_scenes import (
    MONDAY,
    QUOTED,
    TOKENS,
    ids,
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
    factory = Microsoft(settings)
    assert (factory.kind, factory.normalizer_version) == (
        ProviderKind.MICROSOFT,
        NORMALIZER_VERSION,
    )
    provider = factory.open(TOKENS)
    yield provider
    provider.close()


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

    def test_page_that_is_too_long_is_asked_for_with_fewer_events(
        self, stub: GraphStub, provider: CalendarProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "calendar_manager.providers.microsoft.client._BODY_LIMIT_BYTES", 100_000
        )
        stub.prefer = ""
        stub.script += [
            too_long(),
            too_long(),
            Answer(page(whole("one", MONDAY), next=stub.link(QUOTED, skiptoken="s"))),
            last_page(stub, whole("two", MONDAY)),
        ]
        assert ids(pull(provider)) == [("upserted", "one"), ("upserted", "two")]
        asked = [request.headers["prefer"].partition(",")[0] for request in stub.requests]
        assert asked == [f"odata.maxpagesize={size}" for size in (500, 50, 5, 5)]

    def test_answer_without_measure_is_given_up(
        self, stub: GraphStub, provider: CalendarProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "calendar_manager.providers.microsoft.client._BODY_LIMIT_BYTES", 100_000
        )
        stub.prefer = ""
        stub.script += [too_long()] * 4
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


class TestGate:
    def test_every_attempt_of_every_request_passes_the_gate(self, stub: GraphStub) -> None:
        passed: list[int] = []
        provider = open_account(stub, lambda: passed.append(len(stub.requests)))
        stub.script += [
            Answer(b"<html>oops</html>", 503),
            last_page(stub, bare("s-0", "s", MONDAY)),
            *series_answers(weeks=[0]),
            Answer(page()),
        ]
        pull(provider)
        provider.pull_calendars()
        provider.close()
        assert passed == [0, 1, 2, 3, 4]

    def test_closed_gate_is_not_knocked_at_again(self, stub: GraphStub) -> None:
        closed = RetryLaterError("Enough", reason="quota", retry_after=timedelta(seconds=7))
        knocks: list[int] = []

        def gate() -> None:
            knocks.append(1)
            raise closed

        provider = open_account(stub, gate)
        with pytest.raises(RetryLaterError) as caught:
            pull(provider)
        provider.close()
        assert caught.value is closed
        assert (knocks, stub.requests) == ([1], [])


def open_account(stub: GraphStub, gate: Gate) -> CalendarProvider:
    settings = MicrosoftSettings(client_id="id", client_secret="secret", graph_url=stub.graph_url)
    return Microsoft(settings).open(TOKENS, gate=gate)


def too_long() -> Answer:
    body = json.dumps(page(whole("one", MONDAY, subject="x" * 200_000))).encode()
    return Answer(gzip.compress(body), headers={"Content-Encoding": "gzip"})
