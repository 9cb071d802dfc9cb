"""Connecting, refreshing and leaving a Microsoft account, against a scripted sign-in service."""

import base64
import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from calendar_manager.domain.accounts import Tokens
from calendar_manager.providers.errors import (
    ConnectRefusedError,
    ConsentLostError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.providers.microsoft.auth import MicrosoftAuth, find_username
from calendar_manager.providers.microsoft.sign_in import SignInLine
from tests.providers.google_stub import Answer
from tests.providers.graph_stub import GraphStub, run_graph_stub
from tests.providers.microsoft_tokens import (
    CLIENT,
    FULL,
    NOW,
    OID,
    PATH,
    REDIRECT,
    TID,
    begin,
    connect,
    discovery,
    finish,
    granted,
    make_auth,
    refresh_token_in,
    refusal,
)

pytestmark = pytest.mark.unit

SCOPES = {"Calendars.Read", "Calendars.Read.Shared", "User.Read"}


@pytest.fixture
def stub() -> Iterator[GraphStub]:
    with run_graph_stub() as stub:
        yield stub


@pytest.fixture
def auth(stub: GraphStub) -> MicrosoftAuth:
    return make_auth(stub)


class TestAuthorization:
    def test_person_is_sent_to_the_consent_page_with_everything_it_needs(
        self, stub: GraphStub, auth: MicrosoftAuth
    ) -> None:
        stub.script.append(discovery(stub))
        request = begin(auth)
        address, _, _ = request.url.partition("?")
        assert address == f"{stub.url}{PATH}oauth2/v2.0/authorize"
        query = {n: values[0] for n, values in parse_qs(urlsplit(request.url).query).items()}
        flow = json.loads(request.memory["flow"])
        digest = hashlib.sha256(flow["code_verifier"].encode()).digest()
        assert query == {
            "client_id": CLIENT,
            "response_type": "code",
            "redirect_uri": REDIRECT,
            "scope": " ".join(sorted({"offline_access", "openid", "profile", *SCOPES})),
            "state": "the-state",
            "prompt": "select_account",
            "nonce": query["nonce"],
            "client_info": "1",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        assert "our-secret" not in request.url
        assert flow["code_verifier"] not in repr(request) + request.url

    def test_known_account_is_not_asked_to_choose(
        self, stub: GraphStub, auth: MicrosoftAuth
    ) -> None:
        stub.script.append(discovery(stub))
        request = auth.authorization(
            state="s", redirect_uri=REDIRECT, login_hint="ada@contoso.test"
        )
        query = parse_qs(urlsplit(request.url).query)
        assert query["login_hint"] == ["ada@contoso.test"]
        assert "prompt" not in query

    def test_sign_in_service_is_asked_once_where_its_pages_are(
        self, stub: GraphStub, auth: MicrosoftAuth
    ) -> None:
        stub.script.append(discovery(stub))
        assert begin(auth).memory != begin(auth).memory
        assert [one.path for one in stub.requests] == [
            f"{PATH}v2.0/.well-known/openid-configuration"
        ]

    def test_service_in_trouble_means_retry_later(
        self, stub: GraphStub, auth: MicrosoftAuth
    ) -> None:
        stub.script.append(Answer(b"oops", 503, {"Retry-After": "7"}))
        with pytest.raises(RetryLaterError) as caught:
            begin(auth)
        assert caught.value.retry_after == timedelta(seconds=7)
        stub.script.append(discovery(stub))
        assert begin(auth).url

    def test_unknown_tenant_is_told_to_whoever_runs_the_installation(
        self, stub: GraphStub, auth: MicrosoftAuth
    ) -> None:
        stub.script.append(refusal(90002, "invalid_tenant"))
        with pytest.raises(ConnectRefusedError, match="MICROSOFT_TENANT_ID"):
            begin(auth)

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(b"<html>"),
            Answer(b"[]"),
            Answer({"token_endpoint": "https://x.test/token"}),
            Answer({"token_endpoint": 7, "authorization_endpoint": "https://x.test/a"}),
            Answer(
                {
                    "token_endpoint": "http://x.test/token",
                    "authorization_endpoint": "https://x.test/a",
                }
            ),
        ],
    )
    def test_unreadable_discovery_means_retry_later(
        self, stub: GraphStub, auth: MicrosoftAuth, answer: Answer
    ) -> None:
        stub.script.append(answer)
        with pytest.raises(RetryLaterError):
            begin(auth)


class TestExchange:
    def test_consent_gives_a_grant(self, stub: GraphStub, auth: MicrosoftAuth) -> None:
        grant = connect(stub, auth)
        assert grant.provider_account_id == f"{OID}.{TID}"
        assert grant.account == "ada@contoso.test"
        assert grant.tokens.access_token == "new-access"
        assert grant.tokens.expires_at == NOW + timedelta(seconds=4321)
        assert grant.tokens.scopes >= SCOPES
        assert refresh_token_in(grant.tokens.refresh_token) == "new-refresh"
        assert find_username(grant.tokens) == "ada@contoso.test"
        assert "new-refresh" not in repr(grant)

    def test_code_is_redeemed_with_its_verifier(self, stub: GraphStub, auth: MicrosoftAuth) -> None:
        stub.script.append(discovery(stub))
        request = begin(auth)
        stub.script.append(granted(request))
        finish(auth, request)
        asked = stub.requests[-1]
        assert (asked.method, asked.path) == ("POST", f"{PATH}oauth2/v2.0/token")
        form = {name: values[0] for name, values in asked.form.items()}
        flow = json.loads(request.memory["flow"])
        assert form["grant_type"] == "authorization_code"
        assert form["code"] == "the-code"
        assert form["code_verifier"] == flow["code_verifier"]
        assert form["redirect_uri"] == REDIRECT
        assert (form["client_id"], form["client_secret"]) == (CLIENT, "our-secret")
        assert set(form["scope"].split()) == {"offline_access", "openid", "profile", *SCOPES}

    def test_scopes_are_known_with_and_without_their_resource(
        self, stub: GraphStub, auth: MicrosoftAuth
    ) -> None:
        scope = f"{FULL}Calendars.Read {FULL}User.Read"
        assert connect(stub, auth, scope=scope).tokens.scopes == {"Calendars.Read", "User.Read"}

    def test_scopes_that_are_not_told_are_those_asked_for(
        self, stub: GraphStub, auth: MicrosoftAuth
    ) -> None:
        assert connect(stub, auth, scope=None).tokens.scopes == SCOPES

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"scope": "openid User.Read"}, "scopeMissing"),
            ({"refresh_token": None}, "refreshTokenMissing"),
            ({"claims": {"aud": "somebody else"}}, "invalidIdToken"),
            ({"claims": {"nonce": "another"}}, "invalidAnswer"),
            ({"id_token": "no.token"}, "invalidAnswer"),
            ({"id_token": None, "client_info": None}, "invalidIdToken"),
            ({"client_info": "?"}, "invalidAnswer"),
        ],
    )
    def test_grant_that_is_of_no_use_is_refused(
        self, stub: GraphStub, auth: MicrosoftAuth, fields: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(ConnectRefusedError) as caught:
            connect(stub, auth, **fields)
        assert caught.value.reason == reason

    def test_person_is_named_by_what_is_known(self, stub: GraphStub) -> None:
        for claims, name in (
            ({"preferred_username": None, "email": "A@b.test"}, "a@b.test"),
            ({"preferred_username": None, "upn": "c@d.test"}, "c@d.test"),
            ({"preferred_username": None}, f"{OID}.{TID}"),
        ):
            assert connect(stub, make_auth(stub), claims=claims).account == name

    @pytest.mark.parametrize("state", ["another", None])
    def test_answer_to_another_consent_is_refused_without_a_request(
        self, stub: GraphStub, auth: MicrosoftAuth, state: str | None
    ) -> None:
        stub.script.append(discovery(stub))
        request = begin(auth)
        parameters = {"code": "c"} if state is None else {"code": "c", "state": state}
        with pytest.raises(ConnectRefusedError):
            auth.exchange(
                parameters=parameters, memory=request.memory, redirect_uri=REDIRECT, now=NOW
            )
        with pytest.raises(ConnectRefusedError):
            auth.exchange(parameters=parameters, memory={}, redirect_uri=REDIRECT, now=NOW)
        assert len(stub.requests) == 1

    @pytest.mark.parametrize(
        ("parameters", "reason", "words"),
        [
            ({"error": "access_denied"}, "access_denied", "not allowed"),
            (
                {"error": "access_denied", "error_description": "AADSTS65004: User declined."},
                "access_denied",
                "not allowed",
            ),
            (
                {"error": "access_denied", "error_description": "AADSTS90094: Admin needed."},
                "consent_required",
                "Ask the administrator",
            ),
            ({"error": "consent_required"}, "consent_required", "Ask the administrator"),
            (
                {"error": "unauthorized_client", "error_description": "AADSTS50194: Single."},
                "unauthorized_client",
                "one organization only",
            ),
            ({"error": "odd", "error_description": "Words"}, "odd", "odd \\(Words\\)"),
        ],
    )
    def test_consent_that_was_not_given_is_refused_in_words(
        self,
        stub: GraphStub,
        auth: MicrosoftAuth,
        parameters: dict[str, str],
        reason: str,
        words: str,
    ) -> None:
        stub.script.append(discovery(stub))
        with pytest.raises(ConnectRefusedError, match=words) as caught:
            finish(auth, begin(auth), **parameters)
        assert caught.value.reason == reason

    def test_passing_trouble_on_the_consent_page_means_retry_later(
        self, stub: GraphStub, auth: MicrosoftAuth
    ) -> None:
        stub.script.append(discovery(stub))
        with pytest.raises(RetryLaterError):
            finish(auth, begin(auth), error="temporarily_unavailable")

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (refusal(70008), "too old"),
            (refusal(54005), "already used"),
            (refusal(501481), "Connect again"),
            (refusal(65001), "Ask the administrator"),
            (refusal(7000215, "invalid_client", 401), "secret's value, not its id"),
            (refusal(7000222, "invalid_client", 401), "has expired"),
            (refusal(1, "invalid_client", 401), "client id and secret"),
        ],
    )
    def test_code_that_is_refused_is_refused_in_words(
        self, stub: GraphStub, auth: MicrosoftAuth, answer: Answer, words: str
    ) -> None:
        stub.script.append(discovery(stub))
        request = begin(auth)
        stub.script.append(answer)
        with pytest.raises(ConnectRefusedError, match=words):
            finish(auth, request)

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(b"oops", 500),
            Answer(b"<html>portal</html>"),
            Answer(b"[]"),
            Answer({"token_type": "Bearer"}),
            Answer(b"{", cut=0),
        ],
    )
    def test_service_in_trouble_means_retry_later_and_the_code_is_sent_once(
        self, stub: GraphStub, auth: MicrosoftAuth, answer: Answer
    ) -> None:
        stub.script.append(discovery(stub))
        request = begin(auth)
        stub.script.append(answer)
        with pytest.raises(RetryLaterError):
            finish(auth, request)
        assert len(stub.requests) == 2

    def test_tokens_stay_out_of_the_log(
        self, stub: GraphStub, auth: MicrosoftAuth, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            connect(stub, auth)
            request = begin(auth)
            stub.script.append(Answer(b'{"access_token": "new-access"'))
            with pytest.raises(RetryLaterError):
                finish(auth, request)
        assert "new-access" not in caplog.text
        assert "new-refresh" not in caplog.text
        assert "our-secret" not in caplog.text


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
