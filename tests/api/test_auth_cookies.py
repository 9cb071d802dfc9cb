"""Browsers: the session cookie, and the CSRF token that changes need with it."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import Engine

from calendar_manager.api.app import create_app
from calendar_manager.bootstrap import build_services
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.web.deps import build_accounts
from tests.api.callers import PASSWORD, Person, expect_problem
from tests.api.conftest import Clock, QuickPasswords, listen, make_settings, serve

pytestmark = pytest.mark.store

SESSION = "calendar_manager_session"
CSRF = "calendar_manager_csrf"


@pytest.fixture
def browser(base_url: str, mara: Person) -> Iterator[httpx.Client]:
    """A browser in which Mara is signed in."""
    with httpx.Client(base_url=base_url, timeout=30) as client:
        login = client.post("/api/auth/login", json={"email": mara.email, "password": PASSWORD})
        assert login.status_code == 200
        yield client


def test_the_cookie_lets_a_browser_read(browser: httpx.Client, mara: Person) -> None:
    assert browser.get("/api/auth/me").json()["id"] == mara.id


def test_a_change_needs_the_csrf_token_as_a_header(browser: httpx.Client) -> None:
    body = {"name": "New"}
    expect_problem(browser.patch("/api/auth/me", json=body), 403, "csrf_failed")
    header = {"X-CSRF-Token": browser.cookies[CSRF]}
    assert browser.patch("/api/auth/me", json=body, headers=header).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/api/auth/me", "/api/auth/logout"])
def test_no_change_goes_through_without_it(
    browser: httpx.Client, mara: Person, method: str, path: str
) -> None:
    answer = browser.request(method, path)
    assert answer.status_code in {403, 405}
    assert browser.get("/api/auth/me").status_code == 200


def test_the_csrf_token_of_another_session_does_not_count(
    browser: httpx.Client, base_url: str, otto: Person
) -> None:
    with httpx.Client(base_url=base_url, timeout=30) as other:
        other.post("/api/auth/login", json={"email": otto.email, "password": PASSWORD})
        header = {"X-CSRF-Token": other.cookies[CSRF]}
    expect_problem(browser.patch("/api/auth/me", json={}, headers=header), 403, "csrf_failed")


@pytest.mark.parametrize("token", ["", "x", "0" * 64, "ü"])
def test_a_made_up_csrf_token_does_not_count(browser: httpx.Client, token: str) -> None:
    header = {b"X-CSRF-Token": token.encode("latin-1")}
    expect_problem(browser.patch("/api/auth/me", json={}, headers=header), 403, "csrf_failed")


def test_a_planted_csrf_cookie_does_not_count(browser: httpx.Client) -> None:
    browser.cookies.set(CSRF, "planted")
    header = {"X-CSRF-Token": "planted"}
    expect_problem(browser.patch("/api/auth/me", json={}, headers=header), 403, "csrf_failed")


def test_a_bearer_token_needs_no_csrf_token(browser: httpx.Client, mara: Person) -> None:
    answer = browser.patch("/api/auth/me", json={"name": "New"}, headers=mara.bearer)
    assert answer.status_code == 200


def test_a_bad_bearer_token_is_not_helped_by_a_cookie(browser: httpx.Client) -> None:
    answer = browser.get("/api/auth/me", headers={"Authorization": "Bearer nonsense"})
    expect_problem(answer, 401, "token_invalid")
    answer = browser.get("/api/auth/me", headers={"Authorization": "Basic bWFyYTp4"})
    expect_problem(answer, 401, "not_authenticated")


def test_the_cookies_token_is_no_bearer_token(browser: httpx.Client, http: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {browser.cookies[SESSION]}"}
    expect_problem(http.get("/api/auth/me", headers=headers), 401, "token_invalid")


def test_an_access_token_is_no_session_cookie(http: httpx.Client, mara: Person) -> None:
    headers = {"Cookie": f"{SESSION}={mara.tokens['access_token']}"}
    expect_problem(http.get("/api/auth/me", headers=headers), 401, "token_invalid")


def test_a_browser_stays_signed_in_longer_than_an_access_token(
    browser: httpx.Client, clock: Clock
) -> None:
    clock.advance(timedelta(days=29))
    assert browser.get("/api/auth/me").status_code == 200
    clock.advance(timedelta(days=2))
    expect_problem(browser.get("/api/auth/me"), 401, "token_expired")


def test_signing_out_clears_the_cookies_and_ends_the_session(browser: httpx.Client) -> None:
    kept = f"{SESSION}={browser.cookies[SESSION]}"
    header = {"X-CSRF-Token": browser.cookies[CSRF]}
    assert browser.post("/api/auth/logout", headers=header).status_code == 204
    assert SESSION not in browser.cookies
    assert CSRF not in browser.cookies
    answer = browser.get("/api/auth/me", headers={"Cookie": kept})
    expect_problem(answer, 401, "session_ended")


def test_cookies_never_travel_by_http_when_people_come_by_https(
    database_url: str, redis_url: str, clean_database: Engine, google: ControlClient, mara: Person
) -> None:
    settings = make_settings(
        database_url, redis_url, google, FRONTEND_URL="https://calendar.example.com"
    )
    services = build_services(settings)
    app = create_app(services)
    app.state.accounts = build_accounts(services, passwords=QuickPasswords())
    headers = {"Host": "calendar.example.com"}
    login = {"email": mara.email, "password": PASSWORD}
    with serve(app, listen()) as url, httpx.Client(base_url=url, headers=headers) as client:
        answers = [client.post("/api/auth/login", json=login), client.get("/login")]
        token = answers[0].json()["access_token"]
        answers.append(
            client.get(
                "/api/auth/connect/google",
                headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            )
        )
    services.store.engine.dispose()
    services.redis.close()
    cookies = [line for answer in answers for line in answer.headers.get_list("set-cookie")]
    assert len(cookies) == 4
    assert all("Secure" in line for line in cookies)


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("calendar.example.com", "https://calendar.example.com"),
        ("api.example.com", "https://api.example.com"),
        ("evil.example.net", "https://api.example.com"),
    ],
)
def test_a_consent_ends_at_the_address_where_it_began(
    database_url: str,
    redis_url: str,
    clean_database: Engine,
    google: ControlClient,
    mara: Person,
    host: str,
    base: str,
) -> None:
    """Its cookie belongs to that host; an invented one leads to none but a configured address."""
    settings = make_settings(
        database_url,
        redis_url,
        google,
        FRONTEND_URL="https://calendar.example.com",
        PUBLIC_URL="https://api.example.com",
    )
    services = build_services(settings)
    app = create_app(services)
    with serve(app, listen()) as url:
        answer = httpx.get(
            f"{url}/api/auth/connect/google",
            headers={**mara.bearer, "Host": host, "Accept": "application/json"},
        )
    services.store.engine.dispose()
    services.redis.close()
    address = httpx.URL(answer.json()["authorization_url"])
    assert address.params["redirect_uri"] == f"{base}/api/auth/callback/google"
