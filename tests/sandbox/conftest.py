"""One sandbox server for the folder, emptied before each test, and Google's own client on it."""

from collections.abc import Iterator
from typing import Any

import google.oauth2.credentials
import google_auth_httplib2
import httplib2
import pytest
import requests
from googleapiclient.discovery import build

from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.server import SandboxThread
from tests.sandbox.sandbox_api import EMAIL, Api, Json


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[SandboxThread]:
    with SandboxThread() as server:
        yield server


@pytest.fixture
def control(sandbox_server: SandboxThread) -> ControlClient:
    sandbox_server.control.reset()
    return sandbox_server.control


@pytest.fixture
def account(control: ControlClient) -> Json:
    return control.add_account(EMAIL, name="Fria Lanser", time_zone="America/Chicago")


@pytest.fixture
def web() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.fixture
def api(control: ControlClient, account: Json, web: requests.Session) -> Api:
    del account
    return Api(control, web)


@pytest.fixture
def google_client(control: ControlClient, account: Json) -> Iterator[Any]:
    del account
    token = control.issue_tokens(EMAIL).access_token
    credentials = google.oauth2.credentials.Credentials(token)  # type: ignore[no-untyped-call]  # google-auth has no types.
    transport = httplib2.Http(timeout=30)
    http = google_auth_httplib2.AuthorizedHttp(credentials, http=transport)
    client = build(
        "calendar",
        "v3",
        http=http,
        static_discovery=True,
        client_options={"api_endpoint": control.google_settings()["GOOGLE_API_URL"]},
    )
    yield client
    client.close()
    transport.close()
