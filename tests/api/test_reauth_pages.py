"""What a person sees, and can do, when an account has to be connected again."""

import socket
from collections.abc import Iterator
from html import unescape
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine

from calendar_manager.api.app import create_app
from calendar_manager.bootstrap import Services, build_services
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.web.deps import build_accounts
from tests.api.callers import Person
from tests.api.conftest import Clock, QuickPasswords, address_of, listen, make_settings, serve
from tests.api.test_pages import browser, sign_in, token_of

pytestmark = pytest.mark.store

ACCOUNT = "mara@example.com"
__all__ = ["browser"]


@pytest.fixture
def own_listener() -> socket.socket:
    return listen()


@pytest.fixture
def services(
    clean_database: Engine,
    clean_redis: str,
    database_url: str,
    google: ControlClient,
    clock: Clock,
    own_listener: socket.socket,
) -> Iterator[Services]:
    """The parts of an installation that reads the sandbox's Google and Cal.com."""
    settings = make_settings(
        database_url,
        clean_redis,
        google,
        CALCOM_API_URL=google.caldotcom_settings()["CALCOM_API_URL"],
        FRONTEND_URL=address_of(own_listener),
    )
    services = build_services(settings, clock=clock)
    yield services
    services.store.engine.dispose()
    services.redis.close()


@pytest.fixture
def base_url(services: Services, own_listener: socket.socket) -> Iterator[str]:
    app = create_app(services)
    app.state.accounts = build_accounts(services, passwords=QuickPasswords())
    with serve(app, own_listener) as url:
        yield url


def condemn(services: Services, connection: str, reason: str, code: str) -> None:
    with services.store.begin() as uow:
        assert uow.connections.mark_needs_reauth(UUID(connection), reason, reason_code=code)


def test_the_page_tells_what_happened_and_what_to_do(
    mara: Person, google: ControlClient, services: Services, browser: httpx.Client
) -> None:
    connection = mara.connected(ACCOUNT)
    sign_in(browser)
    assert "Connect again" not in browser.get("/connections").text
    condemn(services, connection["id"], "Ended <b>today</b>.", "test_mode_expired")
    page = browser.get("/connections").text
    assert "Has to be connected again" in page
    assert "Ended &lt;b&gt;today&lt;/b&gt;." in page
    assert "publishes the application in the Google Cloud console" in unescape(page)
    assert '<a class="button" href="/api/auth/connect/google">Connect again</a>' in page


def test_a_refused_key_is_replaced_on_the_page(
    mara: Person, google: ControlClient, services: Services, browser: httpx.Client
) -> None:
    google.caldotcom.add_account(ACCOUNT)
    key = google.caldotcom.create_api_key(ACCOUNT)
    answer = mara.post("/api/auth/connect/caldotcom", json={"api_key": key})
    assert answer.status_code == 200, answer.text
    connection = answer.json()["connection"]
    google.caldotcom.revoke_api_keys(ACCOUNT)
    condemn(services, connection["id"], "The key was deleted.", "key_rejected")
    sign_in(browser)
    page = browser.get("/connections").text
    assert "Connect again</a>" not in page
    form = {"csrf_token": token_of(page), "api_key": key, "connection": connection["id"]}
    refused = browser.post("/connections/caldotcom/key", data=form)
    assert refused.status_code == 502
    assert "does not accept" in unescape(refused.text)
    form["api_key"] = google.caldotcom.create_api_key(ACCOUNT)
    assert browser.post("/connections/caldotcom/key", data={"api_key": key}).status_code == 403
    accepted = browser.post("/connections/caldotcom/key", data=form)
    assert accepted.status_code == 303
    assert accepted.headers["location"] == "/connections?done=connected"
    (shown,) = mara.get("/api/connections").json()["items"]
    assert (shown["id"], shown["status"]) == (connection["id"], "active")


def test_the_api_tells_what_happened_and_what_to_do(
    mara: Person, google: ControlClient, services: Services
) -> None:
    connection = mara.connected(ACCOUNT)
    condemn(services, connection["id"], "The organization has to agree.", "admin_consent")
    (shown,) = mara.get("/api/connections").json()["items"]
    assert shown["status"] == "needs_reauth"
    assert shown["reason"] == "The organization has to agree."
    assert shown["reason_code"] == "admin_consent"
    assert "Google Workspace administrator" in shown["advice"]
    assert shown["reconnect_url"] == "/api/auth/connect/google"
    mara.connected(ACCOUNT)
    (shown,) = mara.get("/api/connections").json()["items"]
    assert shown["status"] == "active"
    told = ("reason", "reason_code", "advice", "reconnect_url")
    assert [shown[field] for field in told] == [None] * 4
