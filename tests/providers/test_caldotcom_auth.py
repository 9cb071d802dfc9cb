"""Connecting, keeping and leaving a Cal.com account, against a scripted Cal.com."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from calendar_manager.domain.accounts import Tokens
from calendar_manager.providers.base import Grant, ProviderAuth
from calendar_manager.providers.caldotcom import CalDotComSettings
from calendar_manager.providers.caldotcom.auth import ASKED_SCOPES, SCOPES, CalDotComAuth
from calendar_manager.providers.errors import (
    ConnectRefusedError,
    ConsentLostError,
    ProviderError,
    ProviderNotConfiguredError,
    RetryLaterError,
)
from tests.providers.caldotcom_stub import NOW, Stub, refusal, run_stub
from tests.providers.google_stub import Answer

pytestmark = pytest.mark.unit

REDIRECT = "http://localhost:8000/api/auth/callback/caldotcom"
MEMORY = {"code_verifier": "v" * 43}
TOKENS = Tokens(
    access_token="old-access",
    refresh_token="old-refresh",
    expires_at=NOW,
    scopes=frozenset(SCOPES),
)
KEY = Tokens(access_token="cal_key", refresh_token=None, expires_at=None, scopes=frozenset())


@pytest.fixture
def stub() -> Iterator[Stub]:
    with run_stub() as stub:
        yield stub


def make_auth(url: str, **fields: str | None) -> CalDotComAuth:
    settings = CalDotComSettings(
        client_id="our-client",
        client_secret="our-secret",
        token_url=f"{url}/token",
        api_url=f"{url}/v2/",
    )
    return CalDotComAuth(replace(settings, **fields))  # type: ignore[arg-type]  # Texts only.


@pytest.fixture
def auth(stub: Stub) -> CalDotComAuth:
    return make_auth(stub.url)


def granted(**fields: object) -> Answer:
    answer = {
        "access_token": "new-access",
        "refresh_token": "new-refresh",
        "token_type": "bearer",
        "expires_in": 1800,
        **fields,
    }
    return Answer({name: value for name, value in answer.items() if value is not None})


def exchange(auth: CalDotComAuth, **parameters: str) -> Grant:
    return auth.exchange(
        parameters=parameters or {"code": "the-code", "state": "s"},
        memory=MEMORY,
        redirect_uri=REDIRECT,
        now=NOW,
    )


def form_of(stub: Stub, number: int = 0) -> dict[str, str]:
    return {name: values[0] for name, values in stub.requests[number].form.items()}


class TestConsent:
    def test_person_is_sent_to_the_consent_page_with_everything_it_needs(self) -> None:
        auth: ProviderAuth = CalDotComAuth(
            CalDotComSettings(client_id="our-client", client_secret="our-secret")
        )
        request = auth.authorization(state="the-state", redirect_uri=REDIRECT)
        parts = urlsplit(request.url)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == (
            "https://app.cal.com/auth/oauth2/authorize"
        )
        verifier = request.memory["code_verifier"]
        digest = hashlib.sha256(verifier.encode()).digest()
        assert {name: values[0] for name, values in parse_qs(parts.query).items()} == {
            "client_id": "our-client",
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": "BOOKING_READ SCHEDULE_READ PROFILE_READ SCHEDULE_WRITE",
            "state": "the-state",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        assert 43 <= len(verifier) <= 128
        for secret in ("our-secret", verifier):
            assert secret not in request.url
            assert secret not in repr(request)

    def test_each_request_has_a_verifier_of_its_own(self) -> None:
        auth = make_auth("http://127.0.0.1:1")
        made = [auth.authorization(state="s", redirect_uri=REDIRECT).memory for _ in range(2)]
        assert made[0] != made[1]

    def test_account_cannot_be_suggested(self) -> None:
        auth = make_auth("http://127.0.0.1:1")
        request = auth.authorization(state="s", redirect_uri=REDIRECT, login_hint="me@example.test")
        assert "me%40example" not in request.url

    def test_installation_without_a_client_says_so(self) -> None:
        auth = make_auth("http://127.0.0.1:1", client_id=None, client_secret=None)
        with pytest.raises(ProviderNotConfiguredError, match="API key"):
            auth.authorization(state="s", redirect_uri=REDIRECT)

    def test_secret_stays_out_of_what_is_printed(self) -> None:
        assert "our-secret" not in repr(CalDotComSettings(client_secret="our-secret"))


class TestExchange:
    def test_code_becomes_a_grant(self, auth: CalDotComAuth, stub: Stub) -> None:
        stub.script.append(granted())
        assert exchange(auth) == Grant(
            "7",
            "ida@example.test",
            Tokens(
                access_token="new-access",
                refresh_token="new-refresh",
                expires_at=NOW + timedelta(seconds=1800),
                scopes=frozenset(ASKED_SCOPES),
            ),
        )
        assert [one.path for one in stub.requests] == ["/token", "/v2/me"]
        assert form_of(stub) == {
            "grant_type": "authorization_code",
            "code": "the-code",
            "code_verifier": MEMORY["code_verifier"],
            "redirect_uri": REDIRECT,
            "client_id": "our-client",
            "client_secret": "our-secret",
        }
        assert stub.requests[1].headers["authorization"] == "Bearer new-access"

    def test_public_client_sends_no_secret(self, stub: Stub) -> None:
        stub.script.append(granted())
        exchange(make_auth(stub.url, client_secret=None))
        assert "client_secret" not in form_of(stub)
        assert form_of(stub)["client_id"] == "our-client"

    def test_older_builds_put_the_tokens_into_an_envelope(
        self, auth: CalDotComAuth, stub: Stub
    ) -> None:
        tokens = {"access_token": "new-access", "refresh_token": "r", "expires_in": 1800}
        stub.script.append(Answer({"status": "success", "data": tokens}))
        assert exchange(auth).tokens.refresh_token == "r"

    def test_account_without_an_address_is_known_by_its_id(
        self, auth: CalDotComAuth, stub: Stub
    ) -> None:
        stub.profile = Answer({"status": "success", "data": {"id": 7}})
        stub.script.append(granted())
        assert exchange(auth).account == "7"

    @pytest.mark.parametrize("expires_in", [None, "1800", 1.5])
    def test_token_of_unknown_life_has_no_expiry(
        self, expires_in: object, auth: CalDotComAuth, stub: Stub
    ) -> None:
        stub.script.append(granted(expires_in=expires_in))
        assert exchange(auth).tokens.expires_at is None

    @pytest.mark.parametrize("separator", [" ", ","])
    def test_granted_scopes_are_taken_over(
        self, separator: str, auth: CalDotComAuth, stub: Stub
    ) -> None:
        stub.script.append(granted(scope=separator.join([*SCOPES, "BOOKING_WRITE"])))
        assert exchange(auth).tokens.scopes == {*SCOPES, "BOOKING_WRITE"}

    def test_missing_scope_is_named(self, auth: CalDotComAuth, stub: Stub) -> None:
        stub.script.append(granted(scope="PROFILE_READ"))
        with pytest.raises(ConnectRefusedError, match="BOOKING_READ, SCHEDULE_READ") as caught:
            exchange(auth)
        assert caught.value.reason == "scopeMissing"

    def test_grant_without_refresh_token_is_refused(self, auth: CalDotComAuth, stub: Stub) -> None:
        stub.script.append(granted(refresh_token=None))
        with pytest.raises(ConnectRefusedError, match="no lasting access"):
            exchange(auth)

    @pytest.mark.parametrize(
        ("parameters", "words"),
        [
            ({"error": "access_denied"}, "not allowed on Cal.com's page"),
            ({"error": "access_denied", "code": "the-code"}, "not allowed on Cal.com's page"),
            ({"error": "invalid_scope"}, "lacks scopes"),
            ({"error": "unauthorized_client"}, "not approved"),
            ({"error": "odd", "error_description": "Odd thing"}, r"odd \(Odd thing\)"),
            ({"state": "s"}, "no code"),
            ({"code": ""}, "no code"),
        ],
    )
    def test_denied_consent_is_answered_in_words_and_asks_nothing(
        self, parameters: dict[str, str], words: str, auth: CalDotComAuth, stub: Stub
    ) -> None:
        with pytest.raises(ConnectRefusedError, match=words):
            exchange(auth, **parameters)
        assert stub.requests == []

    def test_consent_page_in_trouble_means_retry_later(self, auth: CalDotComAuth) -> None:
        with pytest.raises(RetryLaterError):
            exchange(auth, error="server_error")

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (Answer({"error": "invalid_grant"}, 400), "already used"),
            (Answer({"error": "invalid_client"}, 401), "client id and secret"),
            (Answer({"error": "invalid_request"}, 400), "invalid_request"),
            (refusal(400, "BadRequestException", "invalid_grant"), "already used"),
            (refusal(401, "UnauthorizedException", "invalid_client"), "client id and secret"),
        ],
    )
    def test_refused_code_is_final(
        self, answer: Answer, words: str, auth: CalDotComAuth, stub: Stub
    ) -> None:
        stub.script.append(answer)
        with pytest.raises(ConnectRefusedError, match=words):
            exchange(auth)
        assert len(stub.requests) == 1

    def test_profile_closed_to_us_refuses_the_connection(
        self, auth: CalDotComAuth, stub: Stub
    ) -> None:
        stub.script.append(granted())
        stub.profile = refusal(403, "FORBIDDEN", "insufficient_scope")
        with pytest.raises(ConnectRefusedError, match="whose account"):
            exchange(auth)

    def test_profile_in_trouble_means_retry_later(self, auth: CalDotComAuth, stub: Stub) -> None:
        stub.script.append(granted())
        stub.profile = refusal(429, "TOO_MANY_REQUESTS", Retry_After="5")
        with pytest.raises(RetryLaterError):
            exchange(auth)


class TestKeys:
    def test_key_becomes_a_grant(self, auth: CalDotComAuth, stub: Stub) -> None:
        assert auth.connect_with_key(" cal_key\n", now=NOW) == Grant("7", "ida@example.test", KEY)
        (request,) = stub.requests
        assert request.path == "/v2/me"
        assert request.headers["authorization"] == "Bearer cal_key"

    def test_prefix_of_a_key_says_nothing(self, auth: CalDotComAuth) -> None:
        assert auth.connect_with_key("own-prefix!~", now=NOW).tokens.access_token == "own-prefix!~"

    def test_key_needs_no_oauth_client(self, stub: Stub) -> None:
        auth = make_auth(stub.url, client_id=None, client_secret=None)
        assert auth.connect_with_key("cal_key", now=NOW).tokens == KEY

    @pytest.mark.parametrize("status", [401, 403])
    def test_wrong_key_is_refused_in_words(
        self, status: int, auth: CalDotComAuth, stub: Stub
    ) -> None:
        stub.profile = refusal(status, "UNAUTHORIZED", "Invalid API key")
        with pytest.raises(ConnectRefusedError, match="does not accept this API key") as caught:
            auth.connect_with_key("cal_wrong", now=NOW)
        assert "cal_wrong" not in str(caught.value)

    @pytest.mark.parametrize(
        "key", ["", "  ", "cal key", "cal\r\nX-Evil: 1", "schlüssel", "k" * 2000]
    )
    def test_what_cannot_be_a_key_is_not_even_sent(
        self, key: str, auth: CalDotComAuth, stub: Stub
    ) -> None:
        with pytest.raises(ConnectRefusedError, match="does not accept this API key"):
            auth.connect_with_key(key, now=NOW)
        assert stub.requests == []

    @pytest.mark.parametrize("data", [None, {}, [], {"id": None, "email": "ida@example.test"}])
    def test_key_that_opens_no_account_is_refused(
        self, data: object, auth: CalDotComAuth, stub: Stub
    ) -> None:
        stub.profile = Answer({"status": "success", "data": data})
        with pytest.raises(ConnectRefusedError):
            auth.connect_with_key("cal_key", now=NOW)

    def test_cal_com_in_trouble_means_retry_later(self, auth: CalDotComAuth, stub: Stub) -> None:
        stub.profile = Answer(b"<html>", 503)
        with pytest.raises(RetryLaterError):
            auth.connect_with_key("cal_key", now=NOW)

    def test_key_is_never_refreshed(self, auth: CalDotComAuth, stub: Stub) -> None:
        with pytest.raises(ConsentLostError, match="new key"):
            auth.refresh(KEY, now=NOW)
        assert stub.requests == []


class TestRefresh:
    def test_every_refresh_brings_a_new_pair(self, auth: CalDotComAuth, stub: Stub) -> None:
        stub.script.append(granted())
        assert auth.refresh(TOKENS, now=NOW) == Tokens(
            access_token="new-access",
            refresh_token="new-refresh",
            expires_at=NOW + timedelta(seconds=1800),
            scopes=TOKENS.scopes,
        )
        assert form_of(stub) == {
            "grant_type": "refresh_token",
            "refresh_token": "old-refresh",
            "client_id": "our-client",
            "client_secret": "our-secret",
        }

    def test_refresh_token_is_kept_when_none_comes_back(
        self, auth: CalDotComAuth, stub: Stub
    ) -> None:
        stub.script.append(granted(refresh_token=None, scope="BOOKING_READ"))
        fresh = auth.refresh(TOKENS, now=NOW)
        assert fresh.refresh_token == "old-refresh"
        assert fresh.scopes == {"BOOKING_READ"}

    @pytest.mark.parametrize(
        "answer",
        [
            Answer({"error": "invalid_grant", "error_description": "invalid_refresh_token"}, 400),
            refusal(400, "BadRequestException", "invalid_grant"),
        ],
        ids=["rfc", "envelope"],
    )
    def test_refused_refresh_means_that_the_consent_is_lost(
        self, answer: Answer, auth: CalDotComAuth, stub: Stub
    ) -> None:
        stub.script.append(answer)
        with pytest.raises(ConsentLostError, match="Connect the account again"):
            auth.refresh(TOKENS, now=NOW)

    @pytest.mark.parametrize(
        "answer", [Answer({"error": "invalid_client"}, 401), Answer({"status": "error"}, 400)]
    )
    def test_trouble_of_our_own_is_not_the_persons_fault(
        self, answer: Answer, auth: CalDotComAuth, stub: Stub
    ) -> None:
        stub.script.append(answer)
        with pytest.raises(ProviderError) as caught:
            auth.refresh(TOKENS, now=NOW)
        assert type(caught.value) is ProviderError

    def test_nothing_can_be_revoked_so_forgetting_is_enough(
        self, auth: CalDotComAuth, stub: Stub
    ) -> None:
        auth.revoke(TOKENS)
        auth.revoke(KEY)
        assert stub.requests == []


TROUBLE = {
    "server error": Answer(b"<html>", 502),
    "too many": Answer({"error": "slow_down"}, 429, {"Retry-After": "7"}),
    "passing": Answer({"error": "server_error"}, 400),
    "not JSON": Answer(b"<html>"),
    "not an object": Answer(b"[]"),
    "no token": Answer({}),
    "empty envelope": Answer({"status": "success", "data": {}}),
    "cut off": Answer({"access_token": "new"}, cut=5),
    "reset": Answer({"access_token": "new"}, cut=5, reset=True),
    "moved": Answer(b"", 302, {"Location": "/elsewhere"}),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble_at_the_token_endpoint_means_retry_later(
    trouble: str, auth: CalDotComAuth, stub: Stub
) -> None:
    stub.script.extend([TROUBLE[trouble]] * 2)
    with pytest.raises(RetryLaterError) as caught:
        exchange(auth)
    with pytest.raises(RetryLaterError):
        auth.refresh(TOKENS, now=NOW)
    assert "secret" not in str(caught.value)
    assert caught.value.retry_after == (timedelta(seconds=7) if trouble == "too many" else None)


def test_unreachable_token_endpoint_means_retry_later_and_tells_no_secret() -> None:
    with run_stub() as stub:
        url = stub.url
    with pytest.raises(RetryLaterError) as caught:
        make_auth(url).refresh(TOKENS, now=NOW)
    for secret in ("our-secret", "old-refresh"):
        assert secret not in str(caught.value)
