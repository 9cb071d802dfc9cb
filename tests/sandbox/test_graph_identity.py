"""Signing in at the sandbox's Microsoft, with msal itself as the client where it is one."""

import base64
import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msal
import pytest
import requests
from jose import jwt

from calendar_manager.sandbox.control_client import (
    ConsentPageError,
    ControlClient,
    GraphControl,
    approve_consent,
)
from calendar_manager.sandbox.graph.default_client import CLIENT_ID, CLIENT_SECRET
from tests.sandbox.graph_api import PERSON, Json

pytestmark = pytest.mark.unit

REDIRECT = "http://127.0.0.1:9/callback"
SCOPES = ["Calendars.ReadWrite", "User.Read"]
ALL_SCOPES = "openid profile offline_access Calendars.ReadWrite User.Read"


class LoopbackHttp:
    """An HTTP client for msal, which insists on https, that asks the sandbox over http."""

    def __init__(self, session: requests.Session) -> None:
        self._session = session

    def get(self, url: str, **options: Any) -> requests.Response:
        answer = self._session.get(self._plain(url), timeout=30, **options)
        if url.endswith("openid-configuration"):
            answer._content = answer.content.replace(b'"http://', b'"https://')
        return answer

    def post(self, url: str, **options: Any) -> requests.Response:
        return self._session.post(self._plain(url), timeout=30, **options)

    def close(self) -> None:
        """The session belongs to the test."""

    @staticmethod
    def _plain(url: str) -> str:
        return url.replace("https://", "http://", 1)


@pytest.fixture
def graph(control: ControlClient) -> GraphControl:
    control.graph.add_account(PERSON, name="Ana Lee")
    return control.graph


@pytest.fixture
def authority(graph: GraphControl) -> str:
    return f"{graph.microsoft_settings()['MICROSOFT_AUTHORITY']}/common"


@pytest.fixture
def app(authority: str, web: requests.Session) -> Any:
    return msal.ConfidentialClientApplication(
        CLIENT_ID,
        client_credential=CLIENT_SECRET,
        authority=authority.replace("http://", "https://"),
        instance_discovery=False,
        http_client=LoopbackHttp(web),
        token_cache=msal.SerializableTokenCache(),
    )


def sign_in(app: Any, web: requests.Session, **options: Any) -> tuple[Json, Json]:
    """A flow and the parameters that come back from the consent page."""
    with pytest.warns(UserWarning, match="form_post"):
        flow = app.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT)
    url = flow["auth_uri"].replace("https://", "http://", 1)
    location = approve_consent(web, url, PERSON, **options)
    assert location.startswith(REDIRECT)
    return flow, dict(parse_qsl(urlsplit(location).query))


def connect(app: Any, web: requests.Session) -> Json:
    flow, answer = sign_in(app, web)
    tokens: Json = app.acquire_token_by_auth_code_flow(flow, answer)
    assert "error" not in tokens, tokens
    return tokens


def send(authority: str, web: requests.Session, **form: str) -> tuple[int, Json]:
    """A plain request to the token endpoint."""
    known = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    answer = web.post(f"{authority}/oauth2/v2.0/token", data=known | form, timeout=30)
    body: Json = answer.json()
    return answer.status_code, body


def refresh(authority: str, web: requests.Session, token: str, **form: str) -> tuple[int, Json]:
    return send(authority, web, grant_type="refresh_token", refresh_token=token, **form)


def ask_code(authority: str, web: requests.Session, **query: str) -> str:
    """The authorization URL, walked through; the code that comes of it."""
    fields = {
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": ALL_SCOPES,
        **query,
    }
    url = requests.Request("GET", f"{authority}/oauth2/v2.0/authorize", params=fields).prepare().url
    location = approve_consent(web, str(url), PERSON)
    return parse_qs(urlsplit(location).query)["code"][0]


def redeem(authority: str, web: requests.Session, code: str, **form: str) -> tuple[int, Json]:
    fields = {"grant_type": "authorization_code", "redirect_uri": REDIRECT, "code": code}
    return send(authority, web, **{**fields, **form})


def test_msal_connects_and_knows_the_account(
    app: Any, web: requests.Session, graph: GraphControl
) -> None:
    tokens = connect(app, web)
    claims = tokens["id_token_claims"]
    assert claims["preferred_username"] == PERSON
    assert claims["name"] == "Ana Lee"
    assert claims["aud"] == CLIENT_ID
    assert claims["iss"].endswith(f"/microsoft/{claims['tid']}/v2.0")
    (account,) = app.get_accounts()
    assert account["home_account_id"] == f"{claims['oid']}.{claims['tid']}"
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    me = web.get(graph.microsoft_settings()["MICROSOFT_GRAPH_URL"] + "me", headers=headers)
    assert me.json()["id"] == claims["oid"]
    assert me.json()["userPrincipalName"] == PERSON


def test_msal_refreshes_and_keeps_the_rotated_token(
    app: Any, web: requests.Session, graph: GraphControl, control: ControlClient
) -> None:
    connect(app, web)
    (account,) = app.get_accounts()
    before = json.loads(app.token_cache.serialize())["RefreshToken"]
    graph.expire_access_tokens(PERSON)
    control.clear_requests()
    tokens = app.acquire_token_silent_with_error(SCOPES, account, force_refresh=True)
    assert tokens["token_type"] == "Bearer"
    assert control.count_requests(r"/oauth2/v2\.0/token", "POST") == 1
    after = json.loads(app.token_cache.serialize())["RefreshToken"]
    assert [t["secret"] for t in before.values()] != [t["secret"] for t in after.values()]


@pytest.mark.parametrize("seconds", [0, 60, None])
def test_a_used_refresh_token_dies_when_the_settings_say(
    authority: str,
    web: requests.Session,
    graph: GraphControl,
    control: ControlClient,
    seconds: int | None,
) -> None:
    graph.change_graph_settings(old_refresh_token_seconds=seconds)
    old = graph.issue_tokens(PERSON).refresh_token
    status, first = refresh(authority, web, old)
    assert status == 200
    assert first["refresh_token"] != old
    again, _ = refresh(authority, web, old)
    assert again == (400 if seconds == 0 else 200)
    control.advance_clock(61)
    late, body = refresh(authority, web, old)
    assert late == (200 if seconds is None else 400)
    if seconds is not None:
        assert (body["error"], body["error_codes"]) == ("invalid_grant", [70008])
    assert refresh(authority, web, first["refresh_token"])[0] == 200


def test_errors_have_microsofts_form(
    authority: str, web: requests.Session, graph: GraphControl
) -> None:
    token = graph.issue_tokens(PERSON).refresh_token
    graph.revoke_grants(PERSON)
    status, body = refresh(authority, web, token)
    assert status == 400
    assert set(body) == {
        "error",
        "error_description",
        "error_codes",
        "timestamp",
        "trace_id",
        "correlation_id",
        "error_uri",
    }
    assert body["error"] == "invalid_grant"
    assert body["error_codes"] == [50173]
    assert body["error_description"].startswith("AADSTS50173: The provided grant has expired")
    assert f"Correlation ID: {body['correlation_id']}" in body["error_description"]
    assert f"Timestamp: {body['timestamp']}" in body["error_description"]


def test_interaction_is_required_until_the_next_consent(
    app: Any, web: requests.Session, graph: GraphControl, authority: str
) -> None:
    connect(app, web)
    (account,) = app.get_accounts()
    graph.require_interaction(PERSON)
    refused = app.acquire_token_silent_with_error(SCOPES, account, force_refresh=True)
    assert refused["error"] == "interaction_required"
    assert refused["suberror"] == "basic_action"
    assert json.loads(refused["claims"])
    connect(app, web)
    assert "access_token" in app.acquire_token_silent_with_error(
        SCOPES, account, force_refresh=True
    )
    token = graph.issue_tokens(PERSON, ["User.Read"], "other").refresh_token
    assert refresh(authority, web, token)[1]["error_codes"] == [70000]


def test_scopes_that_nobody_allowed_need_consent(
    authority: str, web: requests.Session, graph: GraphControl
) -> None:
    token = graph.issue_tokens(PERSON, ["offline_access", "User.Read"]).refresh_token
    assert refresh(authority, web, token, scope="User.Read offline_access")[0] == 200
    _, body = refresh(authority, web, token, scope="https://graph.microsoft.com/Calendars.Read")
    assert (body["error"], body["suberror"]) == ("invalid_grant", "consent_required")
    assert body["error_codes"] == [65001]
    _, body = refresh(authority, web, token, scope="Mail.Read")
    assert body["error"] == "invalid_scope"


def test_denying_redirects_with_the_error(app: Any, web: requests.Session) -> None:
    flow, answer = sign_in(app, web, deny=True)
    assert answer["error"] == "access_denied"
    assert answer["error_subcode"] == "cancel"
    assert answer["error_description"].startswith("AADSTS65004")
    refused = app.acquire_token_by_auth_code_flow(flow, answer)
    assert refused["error"] == "access_denied"


@pytest.mark.parametrize(
    ("mode", "number"), [("access_denied", "AADSTS90094"), ("consent_required", "AADSTS65001")]
)
def test_a_tenant_can_ask_for_an_admin(
    app: Any, web: requests.Session, graph: GraphControl, mode: Any, number: str
) -> None:
    graph.change_graph_settings(admin_consent=mode)
    _, answer = sign_in(app, web)
    assert answer["error"] == mode
    assert number in answer["error_description"]
    assert "code" not in answer


def test_codes_are_bound_to_everything_and_good_once(
    authority: str, web: requests.Session, control: ControlClient, graph: GraphControl
) -> None:
    def numbers(answer: tuple[int, Json]) -> list[int]:
        codes: list[int] = answer[1]["error_codes"]
        return codes

    code = ask_code(authority, web)
    wrong = "http://127.0.0.1:9/elsewhere"
    assert numbers(redeem(authority, web, code, redirect_uri=wrong)) == [50011]
    assert numbers(redeem(authority, web, code, client_secret="wrong")) == [7000215]
    assert numbers(redeem(authority, web, code, client_id="nobody")) == [700016]
    status, tokens = redeem(authority, web, code, client_info="1")
    assert status == 200
    assert numbers(redeem(authority, web, code)) == [54005]
    padded = tokens["client_info"] + "=="
    account = graph.add_account("second@client.example")
    assert json.loads(base64.urlsafe_b64decode(padded))["utid"] == account["tid"]
    assert "client_info" not in redeem(authority, web, ask_code(authority, web))[1]
    code = ask_code(authority, web)
    control.advance_clock(601)
    assert numbers(redeem(authority, web, code)) == [70008]
    assert numbers(redeem(authority, web, "made-up")) == [70000]
    assert numbers(redeem(authority, web, "")) == [900144]
    assert numbers(send(authority, web, grant_type="password")) == [70003]


def test_a_proof_key_is_checked(authority: str, web: requests.Session) -> None:
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    pair = {"code_challenge": challenge, "code_challenge_method": "S256"}
    code = ask_code(authority, web, **pair)
    for wrong in ({}, {"code_verifier": "x" * 43}):
        assert redeem(authority, web, code, **wrong)[1]["error_codes"] == [501481]
    assert redeem(authority, web, code, code_verifier=verifier)[0] == 200


def test_without_offline_access_there_is_no_refresh_token(
    authority: str, web: requests.Session
) -> None:
    _, tokens = redeem(authority, web, ask_code(authority, web, scope="User.Read"))
    assert "refresh_token" not in tokens
    assert "id_token" not in tokens
    assert tokens["scope"] == "User.Read"


def test_id_tokens_are_signed_and_carry_the_nonce(
    authority: str, web: requests.Session, graph: GraphControl
) -> None:
    configuration = web.get(f"{authority}/v2.0/.well-known/openid-configuration").json()
    assert "{tenantid}" in configuration["issuer"]
    assert configuration["token_endpoint"] == f"{authority}/oauth2/v2.0/token"
    keys = web.get(configuration["jwks_uri"]).json()
    code = ask_code(authority, web, nonce="once", scope=f"{ALL_SCOPES} email")
    _, tokens = redeem(authority, web, code)
    claims = jwt.decode(tokens["id_token"], keys, "RS256", audience=CLIENT_ID)
    assert claims["nonce"] == "once"
    assert claims["email"] == PERSON
    assert claims["iss"] == configuration["issuer"].replace("{tenantid}", claims["tid"])


def test_tenants_only_offer_their_own_accounts(
    authority: str, web: requests.Session, graph: GraphControl
) -> None:
    other = graph.add_account("bea@other.example")
    home = graph.add_account("cy@outlook.example", tenant="consumers")
    assert home["tid"] == "9188040d-6c67-4c5b-b112-36a304b66dad"

    def offered(tenant: str) -> set[str]:
        base = authority.removesuffix("common")
        with pytest.raises(ConsentPageError) as refused:
            approve_consent(
                web,
                f"{base}{tenant}/oauth2/v2.0/authorize?client_id={CLIENT_ID}&response_type=code"
                f"&redirect_uri={REDIRECT}&scope=User.Read",
                "nobody@nowhere.example",
            )
        return {one for one in (PERSON, other["email"], home["email"]) if one in str(refused.value)}

    assert offered("common") == {PERSON, other["email"], home["email"]}
    assert offered("organizations") == {PERSON, other["email"]}
    assert offered("consumers") == {home["email"]}
    assert offered(other["tid"]) == {other["email"]}


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"client_id": "nobody"}, "AADSTS700016"),
        ({"redirect_uri": "https://evil.example/"}, "AADSTS50011"),
        ({"response_type": "token"}, "AADSTS700054"),
        ({"scope": "Mail.Read"}, "AADSTS70011"),
        ({"scope": ""}, "AADSTS900144"),
        ({"code_challenge_method": "S512"}, "AADSTS501471"),
        ({"response_mode": "form_post"}, "AADSTS700057"),
    ],
)
def test_bad_requests_end_on_the_error_page(
    authority: str, web: requests.Session, changes: dict[str, str], number: str
) -> None:
    with pytest.raises(ConsentPageError, match=number):
        ask_code(authority, web, **changes)


def test_registered_redirects_are_compared_exactly(
    authority: str, web: requests.Session, graph: GraphControl
) -> None:
    graph.register_client("app", "secret", ["https://app.example/back"])
    query = {"client_id": "app", "redirect_uri": "https://app.example/back"}
    code = ask_code(authority, web, **query)
    fields = {**query, "client_secret": "secret"}
    assert redeem(authority, web, code, **fields)[0] == 200
    with pytest.raises(ConsentPageError, match="AADSTS50011"):
        ask_code(authority, web, **{**query, "redirect_uri": "https://app.example/back/"})


def test_signing_out_leads_back(authority: str, web: requests.Session) -> None:
    page = web.get(f"{authority}/oauth2/v2.0/logout", timeout=30)
    assert "signed out" in page.text
    query = {"post_logout_redirect_uri": REDIRECT}
    away = web.get(
        f"{authority}/oauth2/v2.0/logout", params=query, allow_redirects=False, timeout=30
    )
    assert away.headers["Location"] == REDIRECT


def test_an_account_cannot_be_added_twice(graph: GraphControl) -> None:
    with pytest.raises(Exception, match="409"):
        graph.add_account(PERSON.upper())
