"""Refusals, broken lines and answers without measure of Microsoft Graph."""

import gzip
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.providers.base import CalendarProvider
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
from tests.providers.graph_items import (
    page,
    whole,
)
from tests.providers.graph_scenes import MONDAY, TOKENS, last_page, pull, refusal
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
