"""Keeping and leaving a Microsoft account, and the line to its sign-in service."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from calendar_manager.domain.accounts import Tokens
from calendar_manager.providers.errors import (
    ConsentLostError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.providers.microsoft.auth import MicrosoftAuth, find_username
from calendar_manager.providers.microsoft.sign_in import SignInLine
from tests.providers.google_stub import Answer
from tests.providers.graph_stub import GraphStub, run_graph_stub
from tests.providers.microsoft_tokens import (
    NOW,
    connect,
    discovery,
    granted,
    make_auth,
    refusal,
)

pytestmark = pytest.mark.unit


@pytest.fixture
def stub() -> Iterator[GraphStub]:
    with run_graph_stub() as stub:
        yield stub


@pytest.fixture
def auth(stub: GraphStub) -> MicrosoftAuth:
    return make_auth(stub)


class TestRefresh:
    def test_rotated_refresh_token_is_kept(self, stub: GraphStub, auth: MicrosoftAuth) -> None:
        first = connect(stub, auth).tokens
        stub.script.append(granted(access_token="a2", refresh_token="r2", expires_in="600"))
        second = auth.refresh(first, now=NOW)
        stub.script.append(granted(access_token="a3", refresh_token=None))
        third = auth.refresh(second, now=NOW)
        stub.script.append(granted(access_token="a4"))
        # Another process knows nothing but what was stored.
        stub.script.appendleft(discovery(stub))
        fourth = make_auth(stub).refresh(third, now=NOW)
        assert [one.access_token for one in (second, third, fourth)] == ["a2", "a3", "a4"]
        assert second.expires_at == NOW + timedelta(minutes=10)
        sent = [one.form["refresh_token"] for one in stub.requests if "refresh_token" in one.form]
        assert sent == [["new-refresh"], ["r2"], ["r2"]]
        assert second.scopes == first.scopes
        assert find_username(fourth) == "ada@contoso.test"

    def test_refresh_is_asked_for_even_while_the_access_token_lives(
        self, stub: GraphStub, auth: MicrosoftAuth
    ) -> None:
        tokens = connect(stub, auth).tokens
        for number in range(3):
            stub.script.append(granted(access_token=f"a{number}"))
            assert auth.refresh(tokens, now=NOW).access_token == f"a{number}"

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (refusal(50173), "password was changed"),
            (refusal(700082), "not used for so long"),
            (refusal(50057), "disabled"),
            (refusal(65001, suberror="consent_required"), "administrator"),
            (refusal(50076, "interaction_required"), "second factor"),
            (refusal(65001, "consent_required"), "administrator"),
            (refusal(4711), "withdrawn"),
        ],
    )
    def test_lost_consent_says_why_and_what_to_do(
        self, stub: GraphStub, auth: MicrosoftAuth, answer: Answer, words: str
    ) -> None:
        tokens = connect(stub, auth).tokens
        stub.script.append(answer)
        with pytest.raises(ConsentLostError, match=words) as caught:
            auth.refresh(tokens, now=NOW)
        assert str(caught.value).endswith("Connect the account again.")

    @pytest.mark.parametrize("number", [7000215, 7000222, 700016])
    def test_fault_of_the_installation_does_not_cost_the_connection(
        self, stub: GraphStub, auth: MicrosoftAuth, number: int
    ) -> None:
        tokens = connect(stub, auth).tokens
        stub.script.append(refusal(number, "invalid_client", 401))
        with pytest.raises(ProviderError, match="MICROSOFT_CLIENT") as caught:
            auth.refresh(tokens, now=NOW)
        assert type(caught.value) is ProviderError

    def test_refusal_that_nobody_knows_is_final_for_now(
        self, stub: GraphStub, auth: MicrosoftAuth
    ) -> None:
        tokens = connect(stub, auth).tokens
        stub.script.append(refusal(1, "invalid_scope"))
        with pytest.raises(ProviderError) as caught:
            auth.refresh(tokens, now=NOW)
        assert type(caught.value) is ProviderError

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(b"oops", 500),
            Answer(b"slow down", 429, {"Retry-After": "30"}),
            Answer({"error": "temporarily_unavailable"}, 400),
            Answer(b"<html>"),
            Answer(b"{}", cut=0),
            refusal(50196),
            refusal(90033),
            refusal(90055, "interaction_required"),
            granted(access_token=None),
            granted(access_token="a", client_info="?"),
        ],
    )
    def test_trouble_means_retry_later_and_is_over_when_it_is_over(
        self, stub: GraphStub, auth: MicrosoftAuth, answer: Answer
    ) -> None:
        """Msal would keep such an answer for a while and give it again."""
        tokens = connect(stub, auth).tokens
        stub.script.append(answer)
        with pytest.raises(RetryLaterError) as caught:
            auth.refresh(tokens, now=NOW)
        assert (caught.value.retry_after == timedelta(seconds=30)) is (answer.status == 429)
        stub.script.append(granted(access_token="fresh"))
        assert auth.refresh(tokens, now=NOW).access_token == "fresh"

    @pytest.mark.parametrize("cache", [None, "", "nonsense", "[]", "{}", '{"Account": {}}'])
    def test_cache_without_a_token_is_lost_consent(
        self, stub: GraphStub, auth: MicrosoftAuth, cache: str | None
    ) -> None:
        if cache and cache.startswith("{"):
            stub.script.append(discovery(stub))
        tokens = Tokens(access_token="a", refresh_token=cache, expires_at=NOW, scopes=frozenset())
        with pytest.raises(ConsentLostError):
            auth.refresh(tokens, now=NOW)
        assert find_username(tokens) is None

    def test_cache_whose_refresh_token_is_gone_is_lost_consent(
        self, stub: GraphStub, auth: MicrosoftAuth
    ) -> None:
        tokens = connect(stub, auth).tokens
        content = json.loads(tokens.refresh_token or "")
        del content["RefreshToken"]
        with pytest.raises(ConsentLostError):
            auth.refresh(replace(tokens, refresh_token=json.dumps(content)), now=NOW)

    def test_forgetting_needs_no_network(self, stub: GraphStub, auth: MicrosoftAuth) -> None:
        tokens = connect(stub, auth).tokens
        asked = len(stub.requests)
        auth.revoke(tokens)
        auth.revoke(tokens)
        assert len(stub.requests) == asked


class TestLine:
    @pytest.mark.parametrize(
        "authority",
        [
            "http://login.microsoftonline.com/common",
            "http://10.0.0.1/common",
            "http://127.0.0.1.evil.test/common",
            "ftp://127.0.0.1/common",
            "login.microsoftonline.com/common",
        ],
    )
    def test_plain_http_is_for_loopback_only(self, authority: str) -> None:
        with pytest.raises(ValueError, match="https"):
            SignInLine(authority)

    @pytest.mark.parametrize(
        "authority", ["http://127.0.0.1:8/c", "http://localhost:8/c", "http://[::1]:8/c"]
    )
    def test_loopback_is_shown_to_msal_as_https(self, authority: str) -> None:
        line = SignInLine(authority)
        assert line.authority == authority.replace("http:", "https:")
        assert line.to_browser(f"{line.authority}/authorize") == f"{authority}/authorize"
        assert line.to_browser("https://elsewhere.test/") == "https://elsewhere.test/"

    def test_https_is_never_touched(self) -> None:
        line = SignInLine("https://login.microsoftonline.com/common")
        assert line.authority == "https://login.microsoftonline.com/common"
        for url in (f"{line.authority}/authorize", "http://login.microsoftonline.com/common"):
            assert line.to_browser(url) == url
