"""Throttling, faults and broken tokens, in Graph's and the identity platform's forms."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from calendar_manager.sandbox.control_client import ControlClient, ControlError, GraphControl
from tests.sandbox.graph_api import PERSON, GraphApi

pytestmark = pytest.mark.unit


@pytest.fixture
def graph(control: ControlClient) -> GraphControl:
    control.graph.add_account(PERSON)
    return control.graph


@pytest.fixture
def api(control: ControlClient, graph: GraphControl, web: requests.Session) -> GraphApi:
    del graph
    return GraphApi(control, web)


def burst(api: GraphApi, count: int) -> list[requests.Response]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: api.send("GET", "me/calendars"), range(count)))


def test_a_mailbox_takes_four_requests_at_once(api: GraphApi, graph: GraphControl) -> None:
    graph.change_graph_settings(answer_seconds=0.5)
    answers = burst(api, 6)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 429, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["Retry-After"] == "1"
    error = refused.json()["error"]
    assert error["code"] == "ApplicationThrottled"
    assert "MailboxConcurrency" in error["message"]
    assert error["innerError"]["request-id"] == refused.headers["request-id"]
    assert {answer.status_code for answer in burst(api, 4)} == {200}
    graph.change_graph_settings(concurrent_requests=0)
    assert {answer.status_code for answer in burst(api, 6)} == {200}


def test_another_mailbox_is_not_held_up(
    api: GraphApi, graph: GraphControl, control: ControlClient, web: requests.Session
) -> None:
    graph.add_account("bea@client.example")
    graph.change_graph_settings(answer_seconds=0.5, concurrent_requests=1)
    other = GraphApi(control, web, "bea@client.example")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda one: one.send("GET", "me/calendars"), (api, other)))
    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize(
    ("kind", "options", "status", "code"),
    [
        ("too_many_requests", {"retry_after": 7}, 429, "TooManyRequests"),
        ("server_error", {}, 500, "UnknownError"),
        ("quota_403", {}, 403, "ErrorAccessDenied"),
        ("status", {"status": 410}, 410, "SyncStateNotFound"),
        ("status", {"status": 504}, 504, "GatewayTimeout"),
        (
            "status",
            {"status": 503, "reason": "MailboxConcurrency", "retry_after": 7},
            503,
            "ApplicationThrottled",
        ),
        ("status", {"status": 404, "reason": "syncStateNotFound"}, 404, "syncStateNotFound"),
    ],
)
def test_faults_have_graphs_form(
    api: GraphApi,
    control: ControlClient,
    kind: Any,
    options: dict[str, Any],
    status: int,
    code: str,
) -> None:
    control.add_fault(kind, path="/graph/", times=1, **options)
    answer = api.send("GET", "me/calendars")
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["innerError"]["request-id"] == answer.headers["request-id"]
    assert answer.headers.get("Retry-After") == ("7" if "retry_after" in options else None)
    assert api.send("GET", "me/calendars").ok


def test_faults_at_the_token_endpoint_have_its_form(
    control: ControlClient, graph: GraphControl, web: requests.Session
) -> None:
    url = f"{graph.microsoft_settings()['MICROSOFT_AUTHORITY']}/common/oauth2/v2.0/token"
    control.add_fault("server_error", path="/token", times=1)
    answer = web.post(url, timeout=30)
    assert answer.status_code == 500
    assert answer.json()["error"] == "temporarily_unavailable"
    control.add_fault("status", path="/token", times=1, status=400, reason="invalid_grant")
    assert web.post(url, timeout=30).json()["error"] == "invalid_grant"
    assert web.post(url, timeout=30).json()["error"] == "invalid_request"


def test_other_paths_keep_their_own_form(control: ControlClient, web: requests.Session) -> None:
    control.add_fault("server_error", times=1)
    answer = web.get(control.google_settings()["GOOGLE_API_URL"], timeout=30)
    assert answer.json()["error"]["errors"][0]["reason"] == "backendError"


def test_tokens_expire_and_strangers_have_none(
    api: GraphApi, graph: GraphControl, web: requests.Session
) -> None:
    graph.revoke_grants(PERSON)
    assert api.send("GET", "me").ok
    graph.expire_access_tokens(PERSON)
    answer = api.send("GET", "me")
    assert answer.status_code == 401
    assert "expired" in answer.json()["error"]["message"]
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert web.get(api.base + "me", timeout=30).json()["error"]["code"] == (
        "InvalidAuthenticationToken"
    )


def test_the_callers_request_id_comes_back(api: GraphApi) -> None:
    mine = {"client-request-id": "3f5c6f4e-0000-4000-8000-000000000001"}
    for path in ("me", "nowhere"):
        answer = api.send("GET", path, headers=mine)
        assert answer.headers["client-request-id"] == mine["client-request-id"]


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_broken_json_is_400(api: GraphApi, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert api.error("POST", "me/events", data=body, headers=headers) == (400, "BadRequest")


def test_settings_are_checked_and_reset_forgets(control: ControlClient) -> None:
    graph = control.graph
    graph.add_account(PERSON)
    with pytest.raises(ControlError, match="422"):
        graph.change_graph_settings(replay_probability=2)
    assert graph.change_graph_settings(order_seed=3)["order_seed"] == 3
    control.reset()
    assert graph.change_graph_settings()["order_seed"] == 0
    graph.add_account(PERSON)


def test_the_control_client_leads_to_graph(control: ControlClient) -> None:
    settings = control.microsoft_settings()
    assert settings["MICROSOFT_TENANT_ID"] == "common"
    assert settings["MICROSOFT_AUTHORITY"] == f"{control.base_url}/microsoft"
    assert settings["MICROSOFT_GRAPH_URL"] == f"{control.base_url}/graph/v1.0/"
    with GraphControl(control.base_url) as graph:
        assert graph.microsoft_settings() == settings
