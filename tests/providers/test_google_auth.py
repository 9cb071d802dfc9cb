"""Connecting, refreshing and leaving a Google account, against a scripted Google."""

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from google_stub import Answer, Stub, run_stub
from jose import jwt

from calendar_manager.domain.accounts import Tokens
from calendar_manager.providers.base import Grant
from calendar_manager.providers.errors import (
    ConnectRefusedError,
    ConsentLostError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.providers.google.auth import (
    CALENDAR_LIST_SCOPE,
    EVENTS_SCOPE,
    SCOPES,
    GoogleAuth,
)
from calendar_manager.providers.google.settings import GoogleSettings

pytestmark = pytest.mark.unit

RECORDED = Path(__file__).parents[1] / "wire" / "google" / "incremental"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
REDIRECT = "http://localhost:8000/api/auth/callback/google"
MEMORY = {"code_verifier": "v" * 43}
USERINFO = "https://www.googleapis.com/auth/userinfo.email"
GRANTED = f"openid {USERINFO} {EVENTS_SCOPE} {CALENDAR_LIST_SCOPE}"
CLAIMS = {
    "iss": "https://accounts.google.com",
    "aud": "our-client",
    "sub": "10769150350006150715113082367",
    "email": "Me@Example.test",
    "exp": int((NOW + timedelta(hours=1)).timestamp()),
    "iat": int(NOW.timestamp()),
    "at_hash": "not checked",
}
TOKENS = Tokens(
    access_token="old-access",
    refresh_token="old-refresh",
    expires_at=NOW,
    scopes=frozenset(GRANTED.split()),
)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with run_stub() as stub:
        yield stub


@pytest.fixture
def auth(stub: Stub) -> GoogleAuth:
    return GoogleAuth(
        GoogleSettings(
            client_id="our-client",
            client_secret="our-secret",
            token_url=f"{stub.url}/token",
            revoke_url=f"{stub.url}/revoke",
        )
    )


def sign(**claims: object) -> str:
    """Sign with a key that nobody knows: the signature is not what is checked."""
    given = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    return str(jwt.encode(given, "unknown", algorithm="HS256"))


def granted(**fields: object) -> Answer:
    answer = {
        "access_token": "new-access",
        "expires_in": 3599,
        "refresh_token": "new-refresh",
        "scope": GRANTED,
        "token_type": "Bearer",
        "id_token": sign(),
        **fields,
    }
    return Answer({name: value for name, value in answer.items() if value is not None})


def exchange(auth: GoogleAuth, **parameters: str) -> Grant:
    return auth.exchange(
        parameters=parameters or {"code": "the-code", "state": "s"},
        memory=MEMORY,
        redirect_uri=REDIRECT,
        now=NOW,
    )


def test_person_is_sent_to_the_consent_page_with_everything_it_needs() -> None:
    auth = GoogleAuth(GoogleSettings(client_id="our-client", client_secret="our-secret"))
    request = auth.authorization(state="the-state", redirect_uri=REDIRECT)
    parts = urlsplit(request.url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == (
        "https://accounts.google.com/o/oauth2/v2/auth"
    )
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    verifier = request.memory["code_verifier"]
    digest = hashlib.sha256(verifier.encode()).digest()
    assert query == {
        "client_id": "our-client",
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": f"openid email {EVENTS_SCOPE} {CALENDAR_LIST_SCOPE}",
        "state": "the-state",
        "access_type": "offline",
        "include_granted_scopes": "true",
        "prompt": "select_account consent",
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    assert 43 <= len(verifier) <= 128
    assert "our-secret" not in request.url
    assert verifier not in request.url
    assert verifier not in repr(request)


def test_each_request_has_a_verifier_of_its_own() -> None:
    auth = GoogleAuth(GoogleSettings(client_id="our-client", client_secret="our-secret"))
    made = [auth.authorization(state="s", redirect_uri=REDIRECT).memory for _ in range(2)]
    assert made[0] != made[1]


def test_login_hint_replaces_the_choice_of_an_account() -> None:
    auth = GoogleAuth(GoogleSettings(client_id="our-client", client_secret="our-secret"))
    request = auth.authorization(
        state="s", redirect_uri=REDIRECT, login_hint="me+work@example.test"
    )
    query = parse_qs(urlsplit(request.url).query)
    assert query["login_hint"] == ["me+work@example.test"]
    assert query["prompt"] == ["consent"]


def test_code_becomes_a_grant(auth: GoogleAuth, stub: Stub) -> None:
    stub.script.append(granted())
    assert exchange(auth) == Grant(
        "10769150350006150715113082367",
        "me@example.test",
        Tokens(
            access_token="new-access",
            refresh_token="new-refresh",
            expires_at=NOW + timedelta(seconds=3599),
            scopes=frozenset(GRANTED.split()),
        ),
    )
    (request,) = stub.requests
    assert {name: values[0] for name, values in request.form.items()} == {
        "grant_type": "authorization_code",
        "code": "the-code",
        "code_verifier": MEMORY["code_verifier"],
        "redirect_uri": REDIRECT,
        "client_id": "our-client",
        "client_secret": "our-secret",
    }


def test_account_without_a_told_address_is_known_by_its_id(auth: GoogleAuth, stub: Stub) -> None:
    stub.script.append(granted(id_token=sign(email=None)))
    assert exchange(auth).account == CLAIMS["sub"]


@pytest.mark.parametrize("expires_in", [None, "3599", 1.5])
def test_token_of_unknown_life_has_no_expiry(
    expires_in: object, auth: GoogleAuth, stub: Stub
) -> None:
    stub.script.append(granted(expires_in=expires_in))
    assert exchange(auth).tokens.expires_at is None


def test_missing_scope_field_means_what_was_asked(auth: GoogleAuth, stub: Stub) -> None:
    stub.script.append(granted(scope=None))
    assert exchange(auth).tokens.scopes == frozenset(SCOPES)


@pytest.mark.parametrize(
    "scopes",
    [
        "calendar",
        "calendar.readonly",
        "calendar.events calendar.calendarlist",
    ],
)
def test_wider_consent_given_earlier_is_enough(scopes: str, auth: GoogleAuth, stub: Stub) -> None:
    full = " ".join(f"https://www.googleapis.com/auth/{name}" for name in scopes.split())
    stub.script.append(granted(scope=f"openid {full}"))
    assert exchange(auth).tokens.refresh_token == "new-refresh"


@pytest.mark.parametrize(
    ("scope", "boxes"),
    [
        (f"openid {USERINFO} {EVENTS_SCOPE}", ["list of Google calendars"]),
        (f"openid {USERINFO} {CALENDAR_LIST_SCOPE}", ["View events"]),
        (f"openid {USERINFO}", ["View events", "list of Google calendars"]),
    ],
)
@pytest.mark.parametrize("revoked", [Answer({}), Answer(b"", 503)], ids=["revoked", "failing"])
def test_unticked_scope_is_named_and_the_rest_given_back(
    scope: str, boxes: list[str], revoked: Answer, auth: GoogleAuth, stub: Stub
) -> None:
    stub.script.extend([granted(scope=scope), revoked])
    with pytest.raises(ConnectRefusedError) as caught:
        exchange(auth)
    assert all(box in str(caught.value) for box in boxes)
    assert str(caught.value).count('"') == 2 * len(boxes)
    assert stub.requests[-1].path == "/revoke"
    assert stub.requests[-1].form == {"token": ["new-refresh"]}


def test_grant_without_refresh_token_is_refused_with_the_way_out(
    auth: GoogleAuth, stub: Stub
) -> None:
    stub.script.append(granted(refresh_token=None))
    with pytest.raises(ConnectRefusedError, match="Remove this application"):
        exchange(auth)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"error": "access_denied"}, "not allowed on Google's page"),
        ({"error": "access_denied", "code": "the-code"}, "not allowed on Google's page"),
        ({"error": "admin_policy_enforced"}, "administrator"),
        ({"error": "org_internal"}, "organization"),
        ({"error": "disallowed_useragent"}, "disallowed_useragent"),
        ({"state": "s"}, "no code"),
        ({"code": ""}, "no code"),
    ],
)
def test_denied_consent_is_answered_in_words_and_asks_nothing_of_google(
    parameters: dict[str, str], words: str, auth: GoogleAuth, stub: Stub
) -> None:
    with pytest.raises(ConnectRefusedError, match=words):
        exchange(auth, **parameters)
    assert stub.requests == []


def test_consent_page_in_trouble_means_retry_later(auth: GoogleAuth) -> None:
    with pytest.raises(RetryLaterError):
        exchange(auth, error="temporarily_unavailable")


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (400, "invalid_grant", "already used"),
        (400, "redirect_uri_mismatch", "Authorized redirect URIs"),
        (401, "invalid_client", "client id and secret"),
        (400, "invalid_request", "invalid_request"),
    ],
)
def test_refused_code_is_final(
    status: int, error: str, words: str, auth: GoogleAuth, stub: Stub
) -> None:
    stub.script.append(Answer({"error": error, "error_description": "Bad Request"}, status))
    with pytest.raises(ConnectRefusedError, match=words) as caught:
        exchange(auth)
    assert caught.value.reason == error
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    "id_token",
    [
        None,
        "",
        "x.y",
        "a.b.c",
        sign(aud="another-client"),
        sign(aud=None),
        sign(iss="https://evil.example"),
        sign(iss=None),
        sign(sub=None),
        sign(sub=" "),
        sign(exp=None),
        sign(exp=int((NOW - timedelta(minutes=6)).timestamp())),
    ],
    ids=[
        "missing",
        "empty",
        "two-parts",
        "garbage",
        "other-audience",
        "no-audience",
        "other-issuer",
        "no-issuer",
        "no-subject",
        "blank-subject",
        "no-expiry",
        "expired",
    ],
)
def test_identity_that_cannot_be_trusted_is_refused(
    id_token: str | None, auth: GoogleAuth, stub: Stub
) -> None:
    stub.script.append(granted(id_token=id_token))
    with pytest.raises(ConnectRefusedError, match="proof of identity"):
        exchange(auth)


def test_expiry_of_the_identity_is_held_against_the_given_present(
    auth: GoogleAuth, stub: Stub
) -> None:
    # Long past on every real clock, yet good at the injected present.
    past = datetime(2001, 1, 1, tzinfo=UTC)
    stub.script.append(granted(id_token=sign(exp=int(past.timestamp()) + 60, iat=0)))
    grant = auth.exchange(parameters={"code": "c"}, memory=MEMORY, redirect_uri=REDIRECT, now=past)
    assert grant.provider_account_id == CLAIMS["sub"]


def test_refresh_keeps_the_refresh_token_when_none_comes_back(auth: GoogleAuth, stub: Stub) -> None:
    stub.script.append(granted(refresh_token=None, id_token=None, scope=None))
    assert auth.refresh(TOKENS, now=NOW) == Tokens(
        access_token="new-access",
        refresh_token="old-refresh",
        expires_at=NOW + timedelta(seconds=3599),
        scopes=TOKENS.scopes,
    )
    form = {name: values[0] for name, values in stub.requests[0].form.items()}
    assert form == {
        "grant_type": "refresh_token",
        "refresh_token": "old-refresh",
        "client_id": "our-client",
        "client_secret": "our-secret",
    }


def test_refresh_takes_a_rotated_refresh_token_over(auth: GoogleAuth, stub: Stub) -> None:
    stub.script.append(granted(refresh_token="rotated", scope=EVENTS_SCOPE))
    fresh = auth.refresh(TOKENS, now=NOW)
    assert fresh.refresh_token == "rotated"
    assert fresh.scopes == frozenset({EVENTS_SCOPE})


def test_recorded_invalid_grant_means_that_the_consent_is_lost(
    auth: GoogleAuth, stub: Stub
) -> None:
    text = (RECORDED / "error__error.google.invalidGrant.json").read_text(encoding="utf-8")
    recorded: dict[str, Any] = json.loads(text)
    stub.script.append(Answer(recorded["body"], recorded["status"]))
    with pytest.raises(ConsentLostError) as caught:
        auth.refresh(TOKENS, now=NOW)
    message = str(caught.value)
    for cause in ("withdrawn", "six months", "too many", "seven days", "Connect the account"):
        assert cause in message


def test_account_without_refresh_token_has_lost_its_consent(auth: GoogleAuth, stub: Stub) -> None:
    bare = Tokens(access_token="a", refresh_token=None, expires_at=None, scopes=frozenset())
    with pytest.raises(ConsentLostError):
        auth.refresh(bare, now=NOW)
    assert stub.requests == []


def test_our_own_wrong_secret_is_not_the_persons_fault(auth: GoogleAuth, stub: Stub) -> None:
    stub.script.append(Answer({"error": "invalid_client"}, 401))
    with pytest.raises(ProviderError) as caught:
        auth.refresh(TOKENS, now=NOW)
    assert type(caught.value) is ProviderError


TROUBLE = {
    "server error": Answer(b"<html>", 502),
    "too many": Answer({"error": "rate_limit_exceeded"}, 429, {"Retry-After": "7"}),
    "passing": Answer({"error": "internal_failure"}, 400),
    "not JSON": Answer(b"<html>"),
    "not an object": Answer(b"[]"),
    "no token": Answer({}),
    "cut off": Answer({"access_token": "new"}, cut=5),
    "reset": Answer({"access_token": "new"}, cut=5, reset=True),
    "moved": Answer(b"", 302, {"Location": "/elsewhere"}),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble_at_the_token_endpoint_means_retry_later(
    trouble: str, auth: GoogleAuth, stub: Stub
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
    auth = GoogleAuth(
        GoogleSettings(client_id="c", client_secret="our-secret", token_url=f"{url}/token")
    )
    with pytest.raises(RetryLaterError) as caught:
        auth.refresh(TOKENS, now=NOW)
    assert "our-secret" not in str(caught.value)
    assert "old-refresh" not in str(caught.value)


def test_revoke_gives_the_whole_grant_back(auth: GoogleAuth, stub: Stub) -> None:
    stub.script.append(Answer({}))
    auth.revoke(TOKENS)
    assert stub.requests[0].form == {"token": ["old-refresh"]}


def test_revoke_without_refresh_token_takes_the_access_token(auth: GoogleAuth, stub: Stub) -> None:
    stub.script.append(Answer({}))
    auth.revoke(Tokens(access_token="a", refresh_token=None, expires_at=None, scopes=frozenset()))
    assert stub.requests[0].form == {"token": ["a"]}


def test_revoking_what_is_gone_is_a_success(auth: GoogleAuth, stub: Stub) -> None:
    stub.script.append(Answer({"error": "invalid_token"}, 400))
    auth.revoke(TOKENS)


def test_revocation_that_fails_is_told(auth: GoogleAuth, stub: Stub) -> None:
    stub.script.extend([Answer(b"", 500), Answer({"error": "invalid_request"}, 400)])
    with pytest.raises(RetryLaterError):
        auth.revoke(TOKENS)
    with pytest.raises(ProviderError) as caught:
        auth.revoke(TOKENS)
    assert type(caught.value) is ProviderError
