"""Connecting, refreshing and leaving a Google account, against a scripted Google."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from calendar_manager.domain.accounts import Tokens
from calendar_manager.providers.base import Grant
from calendar_manager.providers.errors import (
    ConnectRefusedError,
    RetryLaterError,
)
from calendar_manager.providers.google.auth import (
    CALENDAR_LIST_SCOPE,
    EVENTS_SCOPE,
    SCOPES,
    GoogleAuth,
)
from calendar_manager.providers.google.settings import GoogleSettings
from tests.providers.google_stub import Answer, Stub, run_stub
from tests.providers.google_tokens import (
    CLAIMS,
    GRANTED,
    MEMORY,
    NOW,
    REDIRECT,
    USERINFO,
    exchange,
    granted,
    make_auth,
    sign,
)

pytestmark = pytest.mark.unit


@pytest.fixture
def stub() -> Iterator[Stub]:
    with run_stub() as stub:
        yield stub


@pytest.fixture
def auth(stub: Stub) -> GoogleAuth:
    return make_auth(stub)


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
