"""Keeping and leaving a Google account, against a scripted Google."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from calendar_manager.domain.accounts import Tokens
from calendar_manager.providers.errors import ConsentLostError, ProviderError, RetryLaterError
from calendar_manager.providers.google.auth import EVENTS_SCOPE, GoogleAuth
from calendar_manager.providers.google.settings import GoogleSettings
from tests.providers.google_stub import Answer, Stub, run_stub
from tests.providers.google_tokens import NOW, TOKENS, exchange, granted, make_auth

pytestmark = pytest.mark.unit

RECORDED = Path(__file__).parents[1] / "wire" / "google" / "incremental"


@pytest.fixture
def stub() -> Iterator[Stub]:
    with run_stub() as stub:
        yield stub


@pytest.fixture
def auth(stub: Stub) -> GoogleAuth:
    return make_auth(stub)


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


@pytest.mark.parametrize(
    ("error", "description", "reason", "words"),
    [
        ("invalid_grant", "reauth related error (invalid_rapt)", "invalid_rapt", "organization"),
        ("invalid_grant", "Bad Request", "invalid_grant", "six months"),
        ("admin_policy_enforced", "Blocked", "admin_policy_enforced", "administrator"),
        ("access_denied", "Account restricted", "access_denied", "administrator"),
        ("org_internal", "Restricted", "org_internal", "own organization"),
    ],
)
def test_lost_consent_is_told_by_its_cause(
    error: str, description: str, reason: str, words: str, auth: GoogleAuth, stub: Stub
) -> None:
    stub.script.append(Answer({"error": error, "error_description": description}, 400))
    with pytest.raises(ConsentLostError, match=words) as caught:
        auth.refresh(TOKENS, now=NOW)
    assert caught.value.reason == reason


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
    "too many by its words": Answer({"error": "rate_limit_exceeded"}, 403),
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
