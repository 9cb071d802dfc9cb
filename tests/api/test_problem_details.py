"""Every error is a problem detail, every answer has its id, and nothing inside leaks out."""

import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text

from calendar_manager.api.app import create_app
from calendar_manager.api.errors import install_error_handlers
from calendar_manager.bootstrap import Services, build_services
from calendar_manager.domain.times import find_zone
from calendar_manager.sandbox.control_client import ControlClient
from tests.api.callers import Person, expect_problem
from tests.api.conftest import listen, make_settings, serve

pytestmark = pytest.mark.store

JSON = {"Content-Type": "application/json"}


def test_an_unknown_address_is_not_found(http: httpx.Client) -> None:
    for path in ("/api/nothing", "/nothing", "/api/calendars/", "/API/calendars"):
        expect_problem(http.get(path), 404, "not_found")


def test_a_wrong_method_says_which_are_right(http: httpx.Client) -> None:
    answer = http.put("/api/auth/me", json={})
    expect_problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"\xff\xfe", b'{"email": NaN', b"[" * 5000, b"nonsense", b'"\\ud800"'],
)
def test_a_body_that_is_no_json_object_says_so(http: httpx.Client, body: bytes) -> None:
    answer = http.post("/api/auth/login", content=body, headers=JSON)
    assert answer.status_code in {400, 422}
    assert answer.headers["Content-Type"] == "application/problem+json"
    if answer.status_code == 422:
        assert all(error["message"] for error in answer.json()["errors"])


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_body_of_another_kind_is_refused(http: httpx.Client, kind: str) -> None:
    """A form of another site can send these without asking first."""
    body = b'{"email": "a@example.com", "password": "x"}'
    answer = http.post("/api/auth/login", content=body, headers={"Content-Type": kind})
    expect_problem(answer, 422, "validation_failed", "body")


@pytest.mark.parametrize(
    ("query", "field"), [("tz=Mars/Olympus", "tz"), ("tz=UTC", "time_zone"), ("", "time_zone")]
)
def test_a_zone_that_a_use_case_does_not_know_goes_by_the_name_it_was_sent_with(
    query: str, field: str
) -> None:
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/zone")
    def look() -> str:
        return find_zone("Mars/Olympus").key

    with serve(app, listen()) as address:
        expect_problem(httpx.get(f"{address}/zone?{query}"), 422, "validation_failed", field)


def test_a_body_that_is_too_large_is_refused_by_its_declared_size(http: httpx.Client) -> None:
    answer = http.post("/api/auth/login", content=b" " * (1024 * 1024 + 1), headers=JSON)
    expect_problem(answer, 413, "body_too_large")


def test_a_body_that_is_too_large_is_refused_while_it_comes_in(http: httpx.Client) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 65536

    answer = http.post("/api/auth/login", content=pieces(), headers=JSON)
    expect_problem(answer, 413, "body_too_large")


def test_a_body_of_exactly_the_limit_is_read(http: httpx.Client) -> None:
    body = b'{"refresh_token": "x"}'
    answer = http.post(
        "/api/auth/refresh", content=body + b" " * (1024 * 1024 - len(body)), headers=JSON
    )
    expect_problem(answer, 401, "token_invalid")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%00",
        "ü",
        "e30",
        "W10",
        "WzEsMl0",
        "WyIyMDI2LTExLTIwIiwiYSJd",
        "WyIyMDI2LTExLTIwVDAwOjAwOjAwIiwiMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwIl0",
        "A" * 5000,
        "W1tbW1tbW1tbW1tbW1tbW1tb" * 400,
    ],
)
def test_a_broken_cursor_is_named(mara: Person, cursor: str) -> None:
    for path in ("/api/connections", "/api/calendars", "/api/sync-jobs"):
        answer = mara.get(path, params={"cursor": cursor})
        expect_problem(answer, 422, "validation_failed", "cursor")


PROTECTED = [
    ("GET", "/api/auth/me"),
    ("PATCH", "/api/auth/me"),
    ("DELETE", "/api/auth/me"),
    ("POST", "/api/auth/logout"),
    ("POST", "/api/auth/disconnect/google"),
    ("GET", "/api/connections"),
    ("GET", "/api/calendars"),
    ("PATCH", "/api/calendars/00000000-0000-0000-0000-000000000000"),
    ("DELETE", "/api/calendars/00000000-0000-0000-0000-000000000000"),
    ("POST", "/api/calendars/00000000-0000-0000-0000-000000000000/restore"),
    ("POST", "/api/calendars/00000000-0000-0000-0000-000000000000/sync"),
    ("GET", "/api/sync-jobs"),
    ("GET", "/api/sync-jobs/00000000-0000-0000-0000-000000000000"),
    ("GET", "/api/availability/feed"),
    ("POST", "/api/availability/feed"),
    ("DELETE", "/api/availability/feed"),
]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_nothing_of_anybodys_is_shown_without_a_login(
    http: httpx.Client, method: str, path: str
) -> None:
    options: dict[str, Any] = {"json": {}} if method == "PATCH" else {}
    answer = http.request(method, path, **options)
    expect_problem(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_every_route_of_the_api_is_protected_or_open_on_purpose(
    served: tuple[FastAPI, str],
) -> None:
    described = served[0].openapi()["paths"]
    open_routes = {
        (method.upper(), path)
        for path, methods in described.items()
        for method, operation in methods.items()
        if not operation.get("security")
    }
    assert open_routes == {
        ("POST", "/api/auth/register"),
        ("POST", "/api/auth/login"),
        ("POST", "/api/auth/refresh"),
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
        ("GET", "/health/detailed"),
        # Numbers without names; who may reach them is the network's business.
        ("GET", "/metrics"),
        # Providers prove themselves by the secret of their channel.
        ("GET", "/feeds/{token}.ics"),
        ("POST", "/webhooks/google"),
        ("POST", "/webhooks/microsoft"),
        ("POST", "/webhooks/microsoft/lifecycle"),
        ("POST", "/webhooks/caldotcom"),
    }


# The request's id


def test_a_sane_request_id_is_taken_over(http: httpx.Client) -> None:
    answer = http.get("/health/live", headers={"X-Request-ID": "build-42/step.7"})
    assert answer.headers["X-Request-ID"] == "build-42/step.7"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "<script>", 'a"b', "a;b"])
def test_another_one_is_replaced(http: httpx.Client, sent: str) -> None:
    first = http.get("/health/live", headers={"X-Request-ID": sent}).headers["X-Request-ID"]
    second = http.get("/health/live", headers={"X-Request-ID": sent}).headers["X-Request-ID"]
    assert first not in {sent, second}
    assert len(first) == 36


def test_errors_have_a_request_id_too(http: httpx.Client) -> None:
    headers = {"X-Request-ID": "mine"}
    for answer in (
        http.get("/nothing", headers=headers),
        http.get("/api/auth/me", headers=headers),
        http.post("/api/auth/login", content=b"{", headers=JSON | headers),
        http.post("/api/auth/login", content=b" " * 2_000_000, headers=JSON | headers),
    ):
        assert answer.headers["X-Request-ID"] == "mine"


def test_the_audit_log_names_the_request(mara: Person, clean_database: Engine) -> None:
    mara.http.post("/api/auth/logout", headers={**mara.bearer, "X-Request-ID": "the-one"})
    with clean_database.connect() as connection:
        request_id = connection.scalar(
            text("SELECT request_id FROM audit_log WHERE action = 'session.signed_out'")
        )
    assert request_id == "the-one"


# What is broken on our side


def test_a_failure_of_ours_says_nothing_about_our_insides(
    shared_services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    app = create_app(shared_services)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("the password is hunter2")

    with serve(app, listen()) as url:
        answer = httpx.get(f"{url}/broken", headers={"X-Request-ID": "find-me"})
    problem = expect_problem(answer, 500, "internal_error")
    assert "hunter2" not in answer.text
    assert "RuntimeError" not in str(problem)
    assert answer.headers["X-Request-ID"] == "find-me"
    logged = capsys.readouterr().out
    assert "find-me" in logged
    assert "RuntimeError" in logged


def test_a_database_that_is_away_is_told(redis_url: str, google: ControlClient) -> None:
    settings = make_settings("postgresql://nobody@127.0.0.1:1/nothing", redis_url, google)
    services = build_services(settings)
    with serve(create_app(services), listen()) as url:
        body = {"email": "a@example.com", "password": "x"}
        answer = httpx.post(f"{url}/api/auth/login", json=body)
    services.redis.close()
    expect_problem(answer, 503, "database_unavailable")
    assert answer.headers["Retry-After"] == "5"


# Headers


def test_browsers_are_told_what_our_answers_are_not_for(http: httpx.Client) -> None:
    for path in ("/login", "/api/auth/me", "/nothing", "/docs"):
        headers = http.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in http.get("/login").headers["Content-Security-Policy"]


def test_other_origins_get_no_permission(http: httpx.Client) -> None:
    answer = http.options(
        "/api/auth/me",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "PATCH"},
    )
    assert "access-control-allow-origin" not in answer.headers


# Logs


def test_logs_have_no_secrets_of_a_sign_in_or_a_consent(
    mara: Person, google: ControlClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = mara.connect("mara@example.com")
    assert answer.status_code == 200
    logged = capsys.readouterr().out
    assert "/api/auth/callback/google" in logged
    assert "code=" not in logged
    assert "state=" not in logged
    assert "eyJ" not in logged
    assert logging.getLogger("uvicorn.access").disabled
