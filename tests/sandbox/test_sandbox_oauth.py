"""The consent page, codes, tokens and revocation, as a browser and an application meet them."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from jose import jwt

from calendar_manager.sandbox.control_client import (
    CLIENT_ID,
    CLIENT_SECRET,
    ConsentPageError,
    ControlClient,
    approve_consent,
)
from tests.sandbox.sandbox_api import EMAIL, Json

pytestmark = pytest.mark.unit

CALLBACK = "http://127.0.0.1:9/api/auth/callback/google"
EVENTS_SCOPE = "https://www.googleapis.com/auth/calendar.events"
LIST_SCOPE = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
EMAIL_SCOPE = "https://www.googleapis.com/auth/userinfo.email"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()[:-1]


def authorization_url(control: ControlClient, **changes: str | None) -> str:
    query: dict[str, str | None] = {
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": f"openid email {EVENTS_SCOPE} {LIST_SCOPE}",
        "state": "opaque state",
        "access_type": "offline",
        "prompt": "consent",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "nonce": "once",
        **changes,
    }
    given = {name: value for name, value in query.items() if value is not None}
    return f"{control.google_settings()['GOOGLE_AUTH_URL']}?{urlencode(given)}"


def walk(control: ControlClient, web: requests.Session, **changes: str | None) -> dict[str, str]:
    location = approve_consent(web, authorization_url(control, **changes), EMAIL)
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def redeem(control: ControlClient, web: requests.Session, **fields: str) -> requests.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **fields,
    }
    given = {name: value for name, value in form.items() if value}
    return web.post(control.google_settings()["GOOGLE_TOKEN_URL"], data=given, timeout=30)


def refresh(control: ControlClient, web: requests.Session, token: str) -> requests.Response:
    fields = {"grant_type": "refresh_token", "refresh_token": token}
    return redeem(control, web, redirect_uri="", code_verifier="", **fields)


def test_consent_gives_a_code_for_tokens_of_the_chosen_account(
    control: ControlClient, account: Json, web: requests.Session
) -> None:
    control.add_account("other@example.com")
    answer = walk(control, web, login_hint="other@example.com")
    assert answer["state"] == "opaque state"
    tokens = redeem(control, web, code=answer["code"]).json()
    assert set(tokens["scope"].split()) == {"openid", EMAIL_SCOPE, EVENTS_SCOPE, LIST_SCOPE}
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3599
    assert tokens["refresh_token"]
    keys = web.get(f"{control.base_url}/google/oauth2/v3/certs", timeout=30).json()
    claims = jwt.decode(
        tokens["id_token"],
        keys,
        algorithms=["RS256"],
        audience=CLIENT_ID,
        issuer="https://accounts.google.com",
        access_token=tokens["access_token"],
    )
    assert claims["email"] == EMAIL
    assert claims["sub"] == account["sub"]
    assert claims["nonce"] == "once"


def test_the_page_offers_every_account_and_preselects_the_hinted_one(
    control: ControlClient, account: Json, web: requests.Session
) -> None:
    del account
    control.add_account("other@example.com")
    page = web.get(authorization_url(control, login_hint="other@example.com"), timeout=30).text
    assert f'value="{EMAIL}">' in page
    assert 'value="other@example.com" checked>' in page


def test_denying_redirects_with_the_error_and_no_code(
    control: ControlClient, account: Json, web: requests.Session
) -> None:
    del account
    location = approve_consent(web, authorization_url(control), EMAIL, deny=True)
    assert parse_qs(urlsplit(location).query) == {
        "state": ["opaque state"],
        "error": ["access_denied"],
    }


def test_an_unticked_scope_is_missing_from_the_grant(
    control: ControlClient, account: Json, web: requests.Session
) -> None:
    del account
    location = approve_consent(web, authorization_url(control), EMAIL, untick=[LIST_SCOPE])
    code = parse_qs(urlsplit(location).query)["code"][0]
    tokens = redeem(control, web, code=code).json()
    assert LIST_SCOPE not in tokens["scope"].split()
    url = control.google_settings()["GOOGLE_API_URL"] + "users/me/calendarList"
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    answer = web.get(url, headers=headers, timeout=30)
    assert answer.status_code == 403
    assert answer.json()["error"]["errors"][0]["reason"] == "insufficientPermissions"
    assert answer.json()["error"]["status"] == "PERMISSION_DENIED"


def test_earlier_scopes_come_along_when_asked_for(
    control: ControlClient, account: Json, web: requests.Session
) -> None:
    del account
    walk(control, web, scope=LIST_SCOPE)
    answer = walk(control, web, scope=EVENTS_SCOPE, include_granted_scopes="true")
    tokens = redeem(control, web, code=answer["code"]).json()
    assert set(tokens["scope"].split()) == {LIST_SCOPE, EVENTS_SCOPE}


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"redirect_uri": "https://evil.example/callback"}, 400, "redirect_uri_mismatch"),
        ({"response_type": "token"}, 400, "unsupported_response_type"),
        ({"scope": None}, 400, "invalid_request"),
        ({"scope": "https://www.googleapis.com/auth/no.such"}, 400, "invalid_scope"),
        ({"code_challenge_method": "S999"}, 400, "invalid_request"),
    ],
)
def test_a_wrong_request_ends_on_the_error_page(
    control: ControlClient,
    account: Json,
    web: requests.Session,
    changes: dict[str, str | None],
    status: int,
    error: str,
) -> None:
    del account
    page = web.get(authorization_url(control, **changes), timeout=30, allow_redirects=False)
    assert page.status_code == status
    assert f"<code>{error}</code>" in page.text
    with pytest.raises(ConsentPageError, match=str(status)):
        approve_consent(web, authorization_url(control, **changes), EMAIL)


def test_a_registered_redirect_is_compared_exactly(
    control: ControlClient, account: Json, web: requests.Session
) -> None:
    del account
    control.register_client(CLIENT_ID, CLIENT_SECRET, [CALLBACK])
    assert walk(control, web)["code"]
    with pytest.raises(ConsentPageError, match="redirect_uri_mismatch"):
        walk(control, web, redirect_uri=f"{CALLBACK}/")


@pytest.mark.parametrize(
    "fields",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"redirect_uri": "http://127.0.0.1:9/other"},
        {"code": "4/0made-up"},
    ],
)
def test_a_code_with_anything_wrong_is_refused_as_google_does(
    control: ControlClient, account: Json, web: requests.Session, fields: dict[str, str]
) -> None:
    del account
    code = walk(control, web)["code"]
    answer = redeem(control, web, **{"code": code, **fields})
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": "Bad Request"}


def test_a_code_works_once_and_only_for_ten_minutes(
    control: ControlClient, account: Json, web: requests.Session
) -> None:
    del account
    code = walk(control, web)["code"]
    assert redeem(control, web, code=code).ok
    assert redeem(control, web, code=code).json()["error"] == "invalid_grant"
    late = walk(control, web)["code"]
    control.advance_clock(601)
    assert redeem(control, web, code=late).json()["error"] == "invalid_grant"


def test_a_wrong_secret_is_401(
    control: ControlClient, account: Json, web: requests.Session
) -> None:
    del account
    code = walk(control, web)["code"]
    answer = redeem(control, web, code=code, client_secret="wrong")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_refresh_token_comes_only_of_a_real_offline_consent(
    control: ControlClient, account: Json, web: requests.Session
) -> None:
    del account

    def gives_refresh_token(**changes: str | None) -> bool:
        code = walk(control, web, **changes)["code"]
        return "refresh_token" in redeem(control, web, code=code).json()

    assert gives_refresh_token(prompt=None)
    assert not gives_refresh_token(prompt=None)
    assert not gives_refresh_token(access_type="online")
    assert gives_refresh_token(prompt="consent")


def test_refreshing_gives_an_access_token_and_no_new_refresh_token(
    control: ControlClient, account: Json, web: requests.Session
) -> None:
    del account
    pair = control.issue_tokens(EMAIL)
    answer = refresh(control, web, pair.refresh_token).json()
    assert answer["access_token"] != pair.access_token
    assert "refresh_token" not in answer
    assert answer["scope"] == pair.scope


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_the_grant(
    control: ControlClient, account: Json, web: requests.Session, which: str
) -> None:
    del account
    pair = control.issue_tokens(EMAIL)
    url = control.google_settings()["GOOGLE_REVOKE_URL"]
    assert web.post(url, data={"token": getattr(pair, which)}, timeout=30).json() == {}
    assert refresh(control, web, pair.refresh_token).json() == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }
    again = web.post(url, data={"token": pair.refresh_token}, timeout=30)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")


def test_an_expired_access_token_is_401_and_the_refresh_token_lives(
    control: ControlClient, account: Json, web: requests.Session
) -> None:
    del account
    pair = control.issue_tokens(EMAIL)
    url = control.google_settings()["GOOGLE_API_URL"] + "users/me/calendarList"

    def status(token: str) -> int:
        return web.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code

    assert status(pair.access_token) == 200
    control.advance_clock(3600)
    assert status(pair.access_token) == 401
    fresh = refresh(control, web, pair.refresh_token).json()["access_token"]
    assert status(fresh) == 200
    control.expire_access_tokens(EMAIL)
    assert status(fresh) == 401
    control.revoke_grants(EMAIL)
    assert refresh(control, web, pair.refresh_token).json()["error"] == "invalid_grant"


def test_the_oldest_of_too_many_refresh_tokens_dies(
    control: ControlClient, account: Json, web: requests.Session
) -> None:
    del account
    pairs: list[Any] = [control.issue_tokens(EMAIL) for _ in range(101)]
    assert refresh(control, web, pairs[0].refresh_token).json()["error"] == "invalid_grant"
    assert refresh(control, web, pairs[1].refresh_token).ok
