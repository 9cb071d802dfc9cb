"""Trying too often: to sign in, to register, to refresh, to read a feed."""

import dataclasses
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine, text

from calendar_manager.accounts.attempts import (
    FEED,
    FEED_ADDRESS,
    PREFIX,
    REFRESH_ACCOUNT,
    REGISTER_ACCOUNT,
    REGISTER_ADDRESS,
    SIGN_IN_ACCOUNT,
    SIGN_IN_ADDRESS,
)
from calendar_manager.accounts.attempts import PASSWORD as PASSWORD_LIMIT
from calendar_manager.api.app import create_app
from calendar_manager.bootstrap import Services
from calendar_manager.web.deps import build_accounts
from tests.api.callers import PASSWORD, Person, expect_problem
from tests.api.conftest import QuickPasswords, listen, serve

pytestmark = pytest.mark.store

HOME, ELSEWHERE = "203.0.113.7", "198.51.100.9"


def sign_in(
    http: httpx.Client, email: str, password: str = PASSWORD, address: str = ELSEWHERE
) -> httpx.Response:
    return http.post(
        "/api/auth/login",
        json={"email": email, "password": password},
        headers={"X-Forwarded-For": address},
    )


def guess(http: httpx.Client, email: str, times: int, address: str = ELSEWHERE) -> None:
    for _ in range(times):
        answer = sign_in(http, email, "a wrong password", address)
        expect_problem(answer, 401, "invalid_credentials")


def expect_refusal(answer: httpx.Response, at_most: int) -> None:
    expect_problem(answer, 429, "too_many_requests")
    assert 1 <= int(answer.headers["Retry-After"]) <= at_most


def test_guessing_at_one_account_ends_soon(http: httpx.Client, mara: Person) -> None:
    for number in range(SIGN_IN_ACCOUNT.amount):
        guess(http, mara.email, 1, f"198.51.100.{number}")
    expect_refusal(sign_in(http, mara.email), SIGN_IN_ACCOUNT.get_expiry())
    refused = sign_in(http, "MARA@example.com", "a wrong password")
    expect_problem(refused, 429, "too_many_requests")


def test_guessing_does_not_keep_the_owner_out(http: httpx.Client, mara: Person) -> None:
    """Who signed in from an address before still can, while strangers guess elsewhere."""
    assert sign_in(http, mara.email, address=HOME).status_code == 200
    guess(http, mara.email, SIGN_IN_ACCOUNT.amount)
    expect_refusal(sign_in(http, mara.email), SIGN_IN_ACCOUNT.get_expiry())
    assert sign_in(http, mara.email, address=HOME).status_code == 200
    assert mara.get("/api/auth/me").status_code == 200, "open sessions go on"


def test_a_known_address_may_not_guess_for_ever_either(http: httpx.Client, mara: Person) -> None:
    assert sign_in(http, mara.email, address=HOME).status_code == 200
    guess(http, mara.email, SIGN_IN_ACCOUNT.amount, HOME)
    expect_problem(sign_in(http, mara.email, address=HOME), 429, "too_many_requests")
    assert sign_in(http, mara.email, address=ELSEWHERE).status_code == 200


def test_signing_in_lets_the_account_begin_anew(http: httpx.Client, mara: Person) -> None:
    for _ in range(3):
        guess(http, mara.email, SIGN_IN_ACCOUNT.amount - 1)
        assert sign_in(http, mara.email).status_code == 200


def test_an_account_that_does_not_exist_is_limited_the_same(
    http: httpx.Client, mara: Person
) -> None:
    guess(http, "nobody@example.com", SIGN_IN_ACCOUNT.amount)
    expect_problem(sign_in(http, "nobody@example.com"), 429, "too_many_requests")
    assert sign_in(http, mara.email).status_code == 200


def test_guessing_at_many_accounts_from_one_address_ends(http: httpx.Client, mara: Person) -> None:
    for number in range(SIGN_IN_ADDRESS.amount):
        guess(http, f"somebody{number}@example.com", 1)
    expect_refusal(sign_in(http, mara.email), SIGN_IN_ADDRESS.get_expiry())
    assert sign_in(http, mara.email, address=HOME).status_code == 200


def test_the_addresses_of_one_ipv6_site_count_as_one(http: httpx.Client, mara: Person) -> None:
    for number in range(SIGN_IN_ADDRESS.amount):
        guess(http, f"somebody{number}@example.com", 1, f"2001:db8:0:1::{number + 1:x}")
    expect_problem(
        sign_in(http, mara.email, address="2001:db8:0:1::ffff"), 429, "too_many_requests"
    )
    assert sign_in(http, mara.email, address="2001:db8:0:2::1").status_code == 200


def test_successes_do_not_count_against_an_address(http: httpx.Client, mara: Person) -> None:
    for _ in range(SIGN_IN_ADDRESS.amount + 5):
        assert sign_in(http, mara.email).status_code == 200


def test_registering_is_limited_by_address(http: httpx.Client) -> None:
    def register(number: int, address: str) -> httpx.Response:
        body = {"email": f"new{number}@example.com", "password": PASSWORD, "name": "N"}
        return http.post(
            "/api/auth/register",
            json={**body, "time_zone": "UTC"},
            headers={"X-Forwarded-For": address},
        )

    for number in range(REGISTER_ADDRESS.amount):
        assert register(number, ELSEWHERE).status_code == 201
    expect_refusal(register(100, ELSEWHERE), REGISTER_ADDRESS.get_expiry())
    assert register(101, HOME).status_code == 201


def test_asking_whether_an_address_is_registered_is_limited(
    http: httpx.Client, mara: Person
) -> None:
    body = {"email": mara.email, "password": PASSWORD, "name": "N", "time_zone": "UTC"}
    codes = [
        http.post(
            "/api/auth/register", json=body, headers={"X-Forwarded-For": f"198.51.100.{number}"}
        ).json()["code"]
        for number in range(REGISTER_ACCOUNT.amount + 1)
    ]
    # Mara's own registration was the first one.
    assert codes.count("email_taken") == REGISTER_ACCOUNT.amount - 1
    assert codes[-1] == "too_many_requests"


def test_refreshing_is_limited_by_user(http: httpx.Client, mara: Person) -> None:
    for _ in range(REFRESH_ACCOUNT.amount):
        answer = http.post(
            "/api/auth/refresh", json={"refresh_token": mara.tokens["refresh_token"]}
        )
        assert answer.status_code == 200
        mara.tokens = answer.json()
    answer = http.post("/api/auth/refresh", json={"refresh_token": mara.tokens["refresh_token"]})
    expect_refusal(answer, REFRESH_ACCOUNT.get_expiry())
    assert mara.get("/api/auth/me").status_code == 200


def test_a_feed_is_limited_by_token_and_address(http: httpx.Client, mara: Person) -> None:
    path = httpx.URL(mara.post("/api/availability/feed").json()["url"]).path
    for _ in range(FEED.amount):
        assert http.get(path).status_code == 200
    expect_refusal(http.get(path), FEED.get_expiry())
    assert http.get(path, headers={"X-Forwarded-For": HOME}).status_code == 200


def test_guessing_at_feeds_is_limited_and_stops_no_reader(http: httpx.Client, mara: Person) -> None:
    path = httpx.URL(mara.post("/api/availability/feed").json()["url"]).path
    for number in range(FEED_ADDRESS.amount):
        expect_problem(http.get(f"/feeds/{number}.ics"), 404, "feed_not_found")
    expect_refusal(http.get("/feeds/another.ics"), FEED_ADDRESS.get_expiry())
    assert http.get(path).status_code == 200


def test_guessing_the_password_in_an_open_session_ends(mara: Person) -> None:
    body = {"current_password": "a wrong password", "new_password": "another good one"}
    for _ in range(PASSWORD_LIMIT.amount):
        expect_problem(
            mara.post("/api/auth/password", json=body), 422, "validation_failed", "current_password"
        )
    rightful = {**body, "current_password": PASSWORD}
    expect_refusal(mara.post("/api/auth/password", json=rightful), PASSWORD_LIMIT.get_expiry())


def test_the_sign_in_page_says_the_same(http: httpx.Client, base_url: str, mara: Person) -> None:
    guess(http, mara.email, SIGN_IN_ACCOUNT.amount, "127.0.0.1")
    with httpx.Client(base_url=base_url) as browser:
        page = browser.get("/login").text
        token = page.split('name="csrf_token" value="')[1].split('"')[0]
        form = {"email": mara.email, "password": PASSWORD, "csrf_token": token}
        answer = browser.post("/login", data=form)
    assert answer.status_code == 429
    assert "That was too often. Try again in " in answer.text
    assert PASSWORD not in answer.text


def test_redis_learns_neither_addresses_nor_accounts(
    http: httpx.Client, mara: Person, services: Services
) -> None:
    sign_in(http, mara.email, address=HOME)
    guess(http, mara.email, 1, HOME)
    kept = b" ".join(_dump(services.redis))
    assert PREFIX.encode() in kept
    for secret in (mara.email, HOME, mara.id, PASSWORD):
        assert secret.encode() not in kept


def test_without_redis_people_still_get_in(
    services: Services, clean_database: Engine, mara: Person
) -> None:
    with Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0)) as nowhere:
        app = create_app(dataclasses.replace(services, redis=nowhere))
        app.state.accounts = build_accounts(app.state.services, passwords=QuickPasswords())
        with serve(app, listen()) as url, httpx.Client(base_url=url) as http:
            assert sign_in(http, mara.email).status_code == 200
            guess(http, mara.email, SIGN_IN_ACCOUNT.amount + 1)
            assert sign_in(http, mara.email).status_code == 200
        app.state.answers.close()


def test_failed_sign_ins_are_noted_without_an_address(
    http: httpx.Client, mara: Person, clean_database: Engine, count: Callable[[str], int]
) -> None:
    guess(http, mara.email, 1)
    guess(http, "nobody@example.com", 1)
    with clean_database.connect() as connection:
        rows = connection.execute(
            text("SELECT * FROM audit_log WHERE action = 'session.refused' ORDER BY created_at")
        ).all()
    assert [str(row.user_id) for row in rows] == [mara.id, "None"]
    assert "@" not in str(rows)


def _dump(redis: Redis) -> list[bytes]:
    """Return every key of Redis with all that it holds."""
    found: list[bytes] = []
    held: Any
    for key in redis.scan_iter():
        match redis.type(key):
            case b"list":
                held = redis.lrange(key, 0, -1)
            case b"zset":
                held = redis.zrange(key, 0, -1)
            case _:
                held = [redis.get(key)]
        found += [key, *held]
    return found
