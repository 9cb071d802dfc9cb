"""Registering, signing in, staying signed in, signing out."""

import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwk, jwt
from jose.utils import base64url_encode
from sqlalchemy import Engine, text

from tests.api.callers import PASSWORD, Person, escaped_json, expect_problem
from tests.api.conftest import JWT_SECRET, Clock

pytestmark = pytest.mark.store

NEW = {
    "email": "new@example.com",
    "password": PASSWORD,
    "name": "New",
    "time_zone": "Europe/Berlin",
}


def test_registering_answers_the_user_without_signing_them_in(http: httpx.Client) -> None:
    answer = http.post("/api/auth/register", json=NEW)
    assert answer.status_code == 201
    body = answer.json()
    assert {key: body[key] for key in ("email", "name", "time_zone")} == {
        "email": "new@example.com",
        "name": "New",
        "time_zone": "Europe/Berlin",
    }
    assert body["settings"] == {
        "tentative_blocks": True,
        "conflict_types": ["back_to_back", "overlap", "travel"],
        "minimum_overlap_minutes": 0,
        "conflict_buffer_minutes": 0,
        "travel_minutes": 0,
        "all_day_conflicts": False,
    }
    assert "set-cookie" not in answer.headers
    assert "password" not in answer.text


def test_the_password_is_kept_as_argon2id_only(http: httpx.Client, clean_database: Engine) -> None:
    http.post("/api/auth/register", json=NEW)
    with clean_database.connect() as connection:
        row = connection.execute(text("SELECT * FROM users")).mappings().one()
    assert row["password_hash"].startswith("$argon2id$")
    assert not any(PASSWORD in str(value) for value in row.values())


@pytest.mark.parametrize(
    "email",
    ["me@demo.test", "me@host.example", "me@nas.lan", "jürgen@exämple.de", "A.B+c@Example.COM"],
)
def test_addresses_of_home_and_test_networks_are_accepted(http: httpx.Client, email: str) -> None:
    assert http.post("/api/auth/register", json={**NEW, "email": email}).status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nobody"),
        ("email", "two@@example.com"),
        ("email", "me@localhost"),
        ("email", "a\u0000b@example.com"),
        ("email", ""),
        ("email", 7),
        ("email", None),
        ("password", "short"),
        ("password", "x" * 201),
        ("password", "\ud800" * 12),
        ("name", ""),
        ("name", "   "),
        ("name", "x" * 201),
        ("name", "a\u0000b"),
        ("name", "a\ud800b"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "europe/berlin"),
        ("time_zone", ""),
        ("time_zone", "../../etc/passwd"),
        ("time_zone", "UTC\u0000"),
    ],
)
def test_bad_input_names_the_field(http: httpx.Client, field: str, value: Any) -> None:
    answer = http.post("/api/auth/register", **escaped_json({**NEW, field: value}))
    problem = expect_problem(answer, 422, "validation_failed", field)
    assert [error["field"] for error in problem["errors"]] == [field]


def test_all_bad_fields_are_named_at_once(http: httpx.Client) -> None:
    body = {"email": "x", "password": "hunter2", "name": "", "time_zone": "z"}
    answer = http.post("/api/auth/register", json=body)
    expect_problem(answer, 422, "validation_failed", "email", "password", "name", "time_zone")
    assert "hunter2" not in answer.text, "what was entered is never repeated"


def test_missing_and_unknown_fields_are_named(http: httpx.Client) -> None:
    answer = http.post("/api/auth/register", json={"email": "a@example.com", "role": "admin"})
    expect_problem(answer, 422, "validation_failed", "password", "name", "time_zone", "role")


def test_an_address_is_taken_whatever_its_case(http: httpx.Client, mara: Person) -> None:
    answer = http.post("/api/auth/register", json={**NEW, "email": "MARA@example.COM"})
    expect_problem(answer, 409, "email_taken")


def test_two_registrations_at_once_make_one_user(
    base_url: str, count: Callable[[str], int]
) -> None:
    statuses = _at_once(
        [lambda: httpx.post(f"{base_url}/api/auth/register", json=NEW, timeout=30)] * 4
    )
    assert sorted(statuses) == [201, 409, 409, 409]
    assert count("users") == 1


def test_signing_in_gives_tokens_and_a_guarded_cookie(http: httpx.Client, mara: Person) -> None:
    answer = http.post("/api/auth/login", json={"email": "Mara@Example.com", "password": PASSWORD})
    body = answer.json()
    assert body["token_type"] == "bearer"
    assert body["expires_in"] == 15 * 60
    cookies = answer.headers.get_list("set-cookie")
    session = next(line for line in cookies if line.startswith("calendar_manager_session="))
    assert "HttpOnly" in session
    assert "SameSite=lax" in session
    assert "Path=/" in session
    assert "Secure" not in session, "this installation is reached by http"
    claims = jwt.get_unverified_claims(body["access_token"])
    assert {"iss", "aud", "sub", "sid", "iat", "exp", "jti", "type"} <= set(claims)
    assert jwt.get_unverified_header(body["access_token"])["alg"] == "HS256"


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("mara@example.com", "wrong password"),
        ("nobody@example.com", PASSWORD),
        ("mara@example.com", ""),
    ],
)
def test_a_wrong_login_does_not_tell_what_is_wrong(
    http: httpx.Client, mara: Person, email: str, password: str
) -> None:
    answer = http.post("/api/auth/login", **escaped_json({"email": email, "password": password}))
    problem = expect_problem(answer, 401, "invalid_credentials")
    assert problem["detail"] == "The e-mail address or the password is wrong."
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_signing_in_with_outdated_parameters_renews_the_hash(
    http: httpx.Client, mara: Person, clean_database: Engine
) -> None:
    old = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    with clean_database.begin() as connection:
        connection.execute(text("UPDATE users SET password_hash = :hash"), {"hash": old})
    login = {"email": mara.email, "password": PASSWORD}
    assert http.post("/api/auth/login", json=login).status_code == 200
    with clean_database.connect() as connection:
        stored = connection.scalar(text("SELECT password_hash FROM users"))
    assert "t=1" in str(stored)
    assert http.post("/api/auth/login", json=login).status_code == 200


def test_refreshing_rotates_both_tokens(http: httpx.Client, mara: Person) -> None:
    first = mara.tokens
    answer = http.post("/api/auth/refresh", json={"refresh_token": first["refresh_token"]})
    second = answer.json()
    assert answer.status_code == 200
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    mara.tokens = second
    assert mara.get("/api/auth/me").status_code == 200


def test_a_refresh_token_that_comes_back_ends_the_session(http: httpx.Client, mara: Person) -> None:
    stolen = mara.tokens["refresh_token"]
    fresh = http.post("/api/auth/refresh", json={"refresh_token": stolen}).json()
    expect_problem(
        http.post("/api/auth/refresh", json={"refresh_token": stolen}), 401, "session_ended"
    )
    rightful = {"refresh_token": fresh["refresh_token"]}
    expect_problem(http.post("/api/auth/refresh", json=rightful), 401, "session_ended")
    mara.tokens = fresh
    expect_problem(mara.get("/api/auth/me"), 401, "session_ended")


def test_of_two_refreshes_at_once_only_one_wins(base_url: str, mara: Person) -> None:
    body = {"refresh_token": mara.tokens["refresh_token"]}
    statuses = _at_once(
        [lambda: httpx.post(f"{base_url}/api/auth/refresh", json=body, timeout=30)] * 4
    )
    assert sorted(statuses) == [200, 401, 401, 401]


def test_an_access_token_does_not_refresh(http: httpx.Client, mara: Person) -> None:
    body = {"refresh_token": mara.tokens["access_token"]}
    expect_problem(http.post("/api/auth/refresh", json=body), 401, "token_invalid")
    assert mara.get("/api/auth/me").status_code == 200, "a mere mistake ends nothing"


def test_a_refresh_token_lets_nobody_in(http: httpx.Client, mara: Person) -> None:
    headers = {"Authorization": f"Bearer {mara.tokens['refresh_token']}"}
    expect_problem(http.get("/api/auth/me", headers=headers), 401, "token_invalid")


def test_an_unused_session_runs_out(http: httpx.Client, mara: Person, clock: Clock) -> None:
    clock.advance(timedelta(days=31))
    body = {"refresh_token": mara.tokens["refresh_token"]}
    expect_problem(http.post("/api/auth/refresh", json=body), 401, "token_expired")


def test_a_session_in_use_lives_on(http: httpx.Client, mara: Person, clock: Clock) -> None:
    for _ in range(3):
        clock.advance(timedelta(days=20))
        body = {"refresh_token": mara.tokens["refresh_token"]}
        answer = http.post("/api/auth/refresh", json=body)
        assert answer.status_code == 200
        mara.tokens = answer.json()
    assert mara.get("/api/auth/me").status_code == 200


def test_an_expired_access_token_says_so(mara: Person, clock: Clock) -> None:
    clock.advance(timedelta(minutes=15))
    answer = mara.get("/api/auth/me")
    expect_problem(answer, 401, "token_expired")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_signing_out_ends_every_token_of_the_session_at_once(
    http: httpx.Client, mara: Person
) -> None:
    assert mara.post("/api/auth/logout").status_code == 204
    expect_problem(mara.get("/api/auth/me"), 401, "session_ended")
    body = {"refresh_token": mara.tokens["refresh_token"]}
    expect_problem(http.post("/api/auth/refresh", json=body), 401, "session_ended")


def test_signing_out_leaves_other_devices_alone(http: httpx.Client, mara: Person) -> None:
    login = http.post("/api/auth/login", json={"email": mara.email, "password": PASSWORD})
    mara.post("/api/auth/logout")
    headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
    assert http.get("/api/auth/me", headers=headers).status_code == 200


def test_nobody_gets_in_without_a_token(http: httpx.Client) -> None:
    answer = http.get("/api/auth/me")
    expect_problem(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="calendar-manager"'


def _forge(mara: Person, secret: str = JWT_SECRET, **changes: Any) -> str:
    claims = {**jwt.get_unverified_claims(mara.tokens["access_token"]), **changes}
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, secret, algorithm="HS256")


def _swap_payload(mara: Person) -> str:
    head, _, signature = mara.tokens["access_token"].split(".")
    return f"{head}.{_forge(mara, sub='0' * 32).split('.')[1]}.{signature}"


def _unsigned(mara: Person) -> str:
    head = base64url_encode(b'{"alg":"none","typ":"JWT"}').decode()
    return f"{head}.{mara.tokens['access_token'].split('.')[1]}."


def _with_algorithm(mara: Person, name: str) -> str:
    """Name another algorithm, and sign as if it were the pinned one."""
    head = base64url_encode(f'{{"alg":"{name}","typ":"JWT"}}'.encode()).decode()
    signed = f"{head}.{mara.tokens['access_token'].split('.')[1]}"
    signature = hmac.digest(JWT_SECRET.encode(), signed.encode(), "sha256")
    return f"{signed}.{base64url_encode(signature).decode()}"


def _own_key(mara: Person) -> str:
    """Sign with a key pair of one's own, and bring the public key along (RFC 7515, 4.1.3)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    claims = jwt.get_unverified_claims(mara.tokens["access_token"])
    public = jwk.construct(private, "RS256").public_key().to_dict()
    return jwt.encode(claims, private, algorithm="RS256", headers={"jwk": public})


FORGERIES: dict[str, Callable[[Person], str]] = {
    "not a token": lambda mara: "abc",
    "two parts": lambda mara: "a.b",
    "empty parts": lambda mara: "..",
    "another key": lambda mara: _forge(mara, "b" * 40),
    "wrong audience": lambda mara: _forge(mara, aud="somewhere-else"),
    "no audience": lambda mara: _forge(mara, aud=None),
    "wrong issuer": lambda mara: _forge(mara, iss="somebody-else"),
    "no issuer": lambda mara: _forge(mara, iss=None),
    "no expiry": lambda mara: _forge(mara, exp=None),
    "endless expiry": lambda mara: _forge(mara, exp="never"),
    "no session": lambda mara: _forge(mara, sid=None),
    "a subject that is no id": lambda mara: _forge(mara, sub="1 OR 1=1"),
    "another type": lambda mara: _forge(mara, type="browser"),
    "no type": lambda mara: _forge(mara, type=None),
    "a changed payload": _swap_payload,
    "no algorithm": _unsigned,
    "no algorithm in odd letters": lambda mara: _with_algorithm(mara, "nOnE"),
    "no algorithm, well signed": lambda mara: _with_algorithm(mara, "none"),
    "RS256 with our secret for its key": lambda mara: _with_algorithm(mara, "RS256"),
    "RS256 with a key that it brings along": _own_key,
    "another algorithm": lambda mara: jwt.encode(
        jwt.get_unverified_claims(mara.tokens["access_token"]), JWT_SECRET, algorithm="HS512"
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_tokens_let_nobody_in(http: httpx.Client, mara: Person, forgery: str) -> None:
    headers = {"Authorization": f"Bearer {FORGERIES[forgery](mara)}"}
    expect_problem(http.get("/api/auth/me", headers=headers), 401, "token_invalid")


def test_an_honestly_made_token_passes_the_same_way(http: httpx.Client, mara: Person) -> None:
    headers = {"Authorization": f"Bearer {_forge(mara)}"}
    assert http.get("/api/auth/me", headers=headers).status_code == 200


def test_a_token_for_another_users_session_lets_nobody_in(
    http: httpx.Client, mara: Person, otto: Person
) -> None:
    headers = {"Authorization": f"Bearer {_forge(mara, sub=otto.id)}"}
    expect_problem(http.get("/api/auth/me", headers=headers), 401, "session_ended")


@pytest.mark.parametrize("scheme", ["Basic", "Token", "bearer2"])
def test_other_schemes_are_no_way_in(http: httpx.Client, mara: Person, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {mara.tokens['access_token']}"}
    expect_problem(http.get("/api/auth/me", headers=headers), 401, "not_authenticated")


def _at_once(calls: list[Callable[[], httpx.Response]]) -> list[int]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [answer.status_code for answer in pool.map(lambda call: call(), calls)]
