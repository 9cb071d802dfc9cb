"""Connecting, refreshing and leaving a Microsoft account, against a scripted sign-in service."""

import base64
import hashlib
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from calendar_manager.providers.errors import (
    ConnectRefusedError,
    RetryLaterError,
)
from calendar_manager.providers.microsoft.auth import MicrosoftAuth, find_username
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
