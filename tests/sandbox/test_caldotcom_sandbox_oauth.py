"""Cal.com's consent page, codes, rotating tokens and API keys."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from calendar_manager.sandbox.caldotcom.default_client import CLIENT_ID, CLIENT_SECRET
from calendar_manager.sandbox.control_client import (
    ConsentPageError,
    ControlClient,
    approve_consent,
)
from tests.sandbox.caldotcom_sandbox_api import HOST, CaldotcomApi, Json, open_account

pytestmark = pytest.mark.unit

CALLBACK = "http://127.0.0.1:9/api/auth/callback/caldotcom"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()[:-1]


@pytest.fixture
def api(control: ControlClient, web: requests.Session) -> CaldotcomApi:
    return open_account(control, web)


def authorization_url(control: ControlClient, **changes: str | None) -> str:
    query: dict[str, str | None] = {
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "BOOKING_READ PROFILE_READ",
        "state": "opaque state",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    given = {name: value for name, value in query.items() if value is not None}
    return f"{control.caldotcom_settings()['CALCOM_AUTH_URL']}?{urlencode(given)}"


def walk(
    control: ControlClient, web: requests.Session, *, deny: bool = False, **changes: str | None
) -> dict[str, str]:
    location = approve_consent(web, authorization_url(control, **changes), HOST, deny=deny)
    assert location.startswith(CALLBACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def ask(control: ControlClient, web: requests.Session, **fields: str | None) -> requests.Response:
    form = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **fields}
    given = {name: value for name, value in form.items() if value is not None}
    url = control.caldotcom_settings()["CALCOM_TOKEN_URL"]
    return web.post(url, data=given, timeout=30)


def redeem(
    control: ControlClient, web: requests.Session, code: str, **fields: str | None
) -> requests.Response:
    terms = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code": code}
    return ask(control, web, **{**terms, "code_verifier": VERIFIER, **fields})


def refresh(control: ControlClient, web: requests.Session, token: str) -> requests.Response:
    return ask(control, web, grant_type="refresh_token", refresh_token=token)


def problem(answer: requests.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["error"], body["error_description"]


def test_consent_leads_to_a_pair_of_tokens_with_the_scopes_asked_for(
    control: ControlClient, web: requests.Session, api: CaldotcomApi
) -> None:
    answer = walk(control, web)
    assert answer.keys() == {"code", "state"}
    assert answer["state"] == "opaque state"
    tokens = redeem(control, web, answer["code"]).json()
    assert tokens.keys() == {
        "access_token",
        "refresh_token",
        "token_type",
        "expires_in",
        "scope",
    }
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 1800)
    assert tokens["scope"] == "BOOKING_READ PROFILE_READ"
    api.token = tokens["access_token"]
    assert api.get("me")["email"] == HOST


def test_scopes_may_be_separated_by_commas(
    control: ControlClient, web: requests.Session, api: CaldotcomApi
) -> None:
    del api
    code = walk(control, web, scope="BOOKING_READ,SCHEDULE_READ")["code"]
    assert redeem(control, web, code).json()["scope"] == "BOOKING_READ SCHEDULE_READ"


def test_a_denial_comes_back_as_access_denied(
    control: ControlClient, web: requests.Session, api: CaldotcomApi
) -> None:
    del api
    denied = walk(control, web, deny=True)
    assert denied == {"error": "access_denied", "state": "opaque state"}


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({"client_id": "unknown"}, 401, "client_not_found"),
        ({"redirect_uri": "https://evil.example/"}, 400, "redirect_uri_mismatch"),
        ({"scope": None}, 400, "scope parameter is required"),
        ({"scope": " "}, 400, "scope parameter is required"),
    ],
)
def test_what_cannot_be_redirected_ends_on_an_error_page(
    control: ControlClient,
    web: requests.Session,
    api: CaldotcomApi,
    changes: dict[str, str | None],
    status: int,
    told: str,
) -> None:
    del api
    url = authorization_url(control, **changes)
    with pytest.raises(ConsentPageError, match=f"{status}: .*{told}"):
        approve_consent(web, url, HOST)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"scope": "EVERYTHING"}, "Requested scope is not a recognized scope"),
        ({"response_type": "token"}, "response_type must be code"),
        ({"code_challenge_method": "plain"}, "code_challenge_method must be S256"),
    ],
)
def test_other_wrong_requests_are_redirected_with_the_error(
    control: ControlClient,
    web: requests.Session,
    api: CaldotcomApi,
    changes: dict[str, str],
    told: str,
) -> None:
    del api
    url = authorization_url(control, **changes)
    answer = web.get(url, allow_redirects=False, timeout=30)
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query == {
        "error": ["invalid_request"],
        "error_description": [told],
        "state": ["opaque state"],
    }


def test_a_client_s_own_redirects_and_scopes_are_exact(
    control: ControlClient, web: requests.Session, api: CaldotcomApi
) -> None:
    del api
    control.caldotcom.register_client("narrow", "secret", [CALLBACK], ["BOOKING_READ"])
    assert "code" in walk(control, web, client_id="narrow", scope="BOOKING_READ")
    with pytest.raises(ConsentPageError, match="redirect_uri_mismatch"):
        walk(control, web, client_id="narrow", redirect_uri=f"{CALLBACK}/")
    url = authorization_url(control, client_id="narrow")
    answer = web.get(url, allow_redirects=False, timeout=30)
    assert "exceeds+the+client%27s" in answer.headers["Location"]


def test_a_public_client_must_use_pkce_and_needs_no_secret(
    control: ControlClient, web: requests.Session, api: CaldotcomApi
) -> None:
    del api
    control.caldotcom.register_client("public", None, [CALLBACK])
    url = authorization_url(control, client_id="public", code_challenge=None)
    answer = web.get(url, allow_redirects=False, timeout=30)
    assert "code_challenge+required" in answer.headers["Location"]
    code = walk(control, web, client_id="public")["code"]
    assert redeem(control, web, code, client_id="public", client_secret=None).ok


@pytest.mark.parametrize(
    "fields",
    [
        {"code": "made up"},
        {"redirect_uri": f"{CALLBACK}/other"},
        {"code_verifier": "w" * 43},
        {"code_verifier": None},
    ],
)
def test_a_code_holds_on_its_own_terms_only(
    control: ControlClient, web: requests.Session, api: CaldotcomApi, fields: dict[str, Any]
) -> None:
    del api
    code = walk(control, web)["code"]
    refused = redeem(control, web, **{"code": code, **fields})
    assert problem(refused) == (400, "invalid_grant", "code_invalid_or_expired")


def test_a_code_holds_once_and_not_for_long(
    control: ControlClient, web: requests.Session, api: CaldotcomApi
) -> None:
    del api
    code = walk(control, web)["code"]
    assert redeem(control, web, code).ok
    again = redeem(control, web, code)
    assert problem(again) == (400, "invalid_grant", "code_invalid_or_expired")
    late = walk(control, web)["code"]
    control.advance_clock(601)
    assert redeem(control, web, late).status_code == 400


def test_each_refresh_gives_a_new_pair_and_kills_the_old_refresh_token(
    control: ControlClient, web: requests.Session, api: CaldotcomApi
) -> None:
    del api
    first = control.caldotcom.issue_tokens(HOST, ["BOOKING_READ"])
    second = refresh(control, web, first.refresh_token).json()
    assert second["refresh_token"] != first.refresh_token
    assert second["access_token"] != first.access_token
    assert second["scope"] == "BOOKING_READ"
    refused = refresh(control, web, first.refresh_token)
    assert problem(refused) == (400, "invalid_grant", "invalid_refresh_token")
    assert refresh(control, web, second["refresh_token"]).ok


def test_another_client_cannot_use_up_a_refresh_token(
    control: ControlClient, web: requests.Session, api: CaldotcomApi
) -> None:
    del api
    control.caldotcom.register_client("other", "its secret")
    token = control.caldotcom.issue_tokens(HOST).refresh_token
    fields = {"client_id": "other", "client_secret": "its secret", "refresh_token": token}
    refused = ask(control, web, grant_type="refresh_token", **fields)
    assert problem(refused) == (400, "invalid_grant", "invalid_refresh_token")
    assert refresh(control, web, token).ok


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"client_id": None}, (400, "invalid_request", "client_id is required")),
        ({"client_id": "unknown"}, (401, "invalid_client", "client_not_found")),
        ({"client_secret": "wrong"}, (401, "invalid_client", "invalid_client_credentials")),
        ({"client_secret": "größer"}, (401, "invalid_client", "invalid_client_credentials")),
        ({"refresh_token": None}, (400, "invalid_request", "refresh_token is required")),
        (
            {"grant_type": "password"},
            (
                400,
                "invalid_request",
                "grant_type must be 'authorization_code' or 'refresh_token'",
            ),
        ),
    ],
)
def test_the_token_endpoint_says_what_is_wrong(
    control: ControlClient, web: requests.Session, fields: Json, told: tuple[int, str, str]
) -> None:
    asked = {"grant_type": "refresh_token", "refresh_token": "none", **fields}
    assert problem(ask(control, web, **asked)) == told


def test_the_token_endpoint_takes_json_too(
    control: ControlClient, web: requests.Session, api: CaldotcomApi
) -> None:
    del api
    body = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "grant_type": "refresh_token",
        "refresh_token": control.caldotcom.issue_tokens(HOST).refresh_token,
    }
    url = control.caldotcom_settings()["CALCOM_TOKEN_URL"]
    assert web.post(url, json=body, timeout=30).ok
    headers = {"Content-Type": "application/json"}
    broken = web.post(url, data="{", headers=headers, timeout=30)
    assert problem(broken) == (400, "invalid_request", "The body is not JSON")


def test_access_tokens_end_after_half_an_hour_or_on_demand(
    control: ControlClient, web: requests.Session, api: CaldotcomApi
) -> None:
    pair = control.caldotcom.issue_tokens(HOST)
    api.token = pair.access_token
    control.advance_clock(1790)
    assert api.get("me")
    control.advance_clock(11)
    assert api.refused("GET", "me")[0] == 401
    api.token = refresh(control, web, pair.refresh_token).json()["access_token"]
    assert api.get("me")
    control.caldotcom.expire_access_tokens(HOST)
    assert api.refused("GET", "me") == (401, "Invalid Access Token.")


def test_a_revoked_grant_ends_both_tokens_but_no_api_key(
    control: ControlClient, web: requests.Session, api: CaldotcomApi
) -> None:
    pair = control.caldotcom.issue_tokens(HOST)
    control.caldotcom.revoke_grants(HOST)
    refused = refresh(control, web, pair.refresh_token)
    assert problem(refused) == (400, "invalid_grant", "invalid_refresh_token")
    assert api.get("me")
    api.token = pair.access_token
    assert api.refused("GET", "me")[0] == 401


def test_a_revoked_api_key_answers_401(control: ControlClient, api: CaldotcomApi) -> None:
    assert str(api.token).startswith("cal_")
    control.caldotcom.revoke_api_keys(HOST)
    assert api.refused("GET", "me") == (401, "Your api key is not valid")
