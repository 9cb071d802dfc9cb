"""The password, the signed-in devices, and the lines of the audit log."""

import itertools
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from calendar_manager.accounts.attempts import PASSWORD as PASSWORD_LIMIT
from calendar_manager.sandbox.control_client import ControlClient
from tests.api.callers import PASSWORD, Person, expect_problem

pytestmark = pytest.mark.store

NEW = "a much better passphrase"


def another_device(mara: Person) -> dict[str, str]:
    """Sign in once more; return the headers of that device."""
    login = {"email": mara.email, "password": PASSWORD}
    tokens = mara.http.post("/api/auth/login", json=login).json()
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def change(mara: Person, current: str = PASSWORD, new: str = NEW) -> httpx.Response:
    body = {"current_password": current, "new_password": new}
    return mara.post("/api/auth/password", json=body)


def test_a_new_password_replaces_the_old_one(http: httpx.Client, mara: Person) -> None:
    assert change(mara).status_code == 204
    old = {"email": mara.email, "password": PASSWORD}
    expect_problem(http.post("/api/auth/login", json=old), 401, "invalid_credentials")
    assert http.post("/api/auth/login", json={**old, "password": NEW}).status_code == 200


def test_a_new_password_signs_every_other_device_out(http: httpx.Client, mara: Person) -> None:
    elsewhere = another_device(mara)
    assert change(mara).status_code == 204
    expect_problem(http.get("/api/auth/me", headers=elsewhere), 401, "session_ended")
    assert mara.get("/api/auth/me").status_code == 200
    refreshed = http.post("/api/auth/refresh", json={"refresh_token": mara.tokens["refresh_token"]})
    assert refreshed.status_code == 200


def test_another_users_devices_stay(mara: Person, otto: Person) -> None:
    assert change(mara).status_code == 204
    assert otto.get("/api/auth/me").status_code == 200


def test_the_new_password_is_kept_as_argon2id_only(mara: Person, clean_database: Engine) -> None:
    change(mara)
    with clean_database.connect() as connection:
        row = connection.execute(text("SELECT * FROM users")).mappings().one()
    assert row["password_hash"].startswith("$argon2id$")
    assert NEW not in str(dict(row))


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        ("a wrong password", NEW, "current_password"),
        ("", NEW, "current_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, "x" * 201, "new_password"),
        (PASSWORD, None, "new_password"),
        (None, NEW, "current_password"),
    ],
)
def test_a_refused_change_names_the_field_and_changes_nothing(
    http: httpx.Client, mara: Person, current: Any, new: Any, field: str
) -> None:
    elsewhere = another_device(mara)
    expect_problem(change(mara, current, new), 422, "validation_failed", field)
    assert http.get("/api/auth/me", headers=elsewhere).status_code == 200
    login = {"email": mara.email, "password": PASSWORD}
    assert http.post("/api/auth/login", json=login).status_code == 200


def test_changing_it_often_is_no_guessing(mara: Person) -> None:
    passwords = [PASSWORD, *(f"password number {n}" for n in range(PASSWORD_LIMIT.amount + 1))]
    for current, new in itertools.pairwise(passwords):
        assert change(mara, current, new).status_code == 204


def test_devices_are_listed_and_signed_out_one_by_one(http: httpx.Client, mara: Person) -> None:
    elsewhere = another_device(mara)
    listed = mara.get("/api/auth/sessions").json()["items"]
    assert [item["current"] for item in listed] == [True, False]
    assert mara.delete(f"/api/auth/sessions/{listed[1]['id']}").status_code == 204
    expect_problem(http.get("/api/auth/me", headers=elsewhere), 401, "session_ended")
    assert [item["id"] for item in mara.get("/api/auth/sessions").json()["items"]] == [
        listed[0]["id"]
    ]
    expect_problem(mara.delete(f"/api/auth/sessions/{listed[1]['id']}"), 404, "session_not_found")


def test_devices_come_in_pages(mara: Person) -> None:
    for _ in range(2):
        another_device(mara)
    first = mara.get("/api/auth/sessions", params={"limit": 2}).json()
    rest = mara.get(
        "/api/auth/sessions", params={"limit": 2, "cursor": first["next_cursor"]}
    ).json()
    assert len({item["id"] for item in first["items"] + rest["items"]}) == 3
    assert rest["next_cursor"] is None


def test_another_users_device_is_not_there(mara: Person, otto: Person) -> None:
    session = otto.get("/api/auth/sessions").json()["items"][0]["id"]
    expect_problem(mara.delete(f"/api/auth/sessions/{session}"), 404, "session_not_found")
    assert otto.get("/api/auth/me").status_code == 200


def actions(person: Person) -> list[str]:
    return [line["action"] for line in person.get("/api/auth/audit").json()["items"]]


def test_the_audit_log_tells_a_person_what_was_done(
    http: httpx.Client, mara: Person, otto: Person, google: ControlClient
) -> None:
    login = {"email": mara.email, "password": "a wrong password"}
    http.post("/api/auth/login", json=login)
    another_device(mara)
    connection = mara.connected(mara.email)
    mara.post("/api/auth/disconnect/google", json={"connection_id": connection["id"]})
    change(mara)
    assert actions(mara) == [
        "user.password_changed",
        "connection.disconnected",
        "connection.connected",
        "session.signed_in",
        "session.refused",
        "session.signed_in",
        "user.registered",
    ]
    assert actions(otto) == ["session.signed_in", "user.registered"]


def test_the_audit_log_comes_in_pages(mara: Person) -> None:
    for _ in range(3):
        another_device(mara)
    found: list[str] = []
    cursor: str | None = None
    while True:
        after = {} if cursor is None else {"cursor": cursor}
        page = mara.get("/api/auth/audit", params={"limit": 2, **after}).json()
        found += [line["id"] for line in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(found) == len(set(found)) == 5


def test_a_line_names_its_request(mara: Person) -> None:
    headers = {**mara.bearer, "X-Request-ID": "the-feed-request"}
    mara.http.post("/api/availability/feed", headers=headers)
    line = mara.get("/api/auth/audit").json()["items"][0]
    assert (line["action"], line["request_id"]) == ("feed.created", "the-feed-request")


def test_a_sign_in_that_races_a_new_password_does_not_survive_it(
    http: httpx.Client, mara: Person, services: Any, served: Any
) -> None:
    """A password checked before the change lets nobody in after it."""
    accounts = served[0].state.accounts
    passwords = accounts.sessions._passwords
    matches = passwords.matches
    done: list[int] = []

    def change_in_between(password: str, password_hash: str | None) -> bool:
        fits: bool = matches(password, password_hash)
        if not done:
            done.append(1)
            assert change(mara).status_code == 204
        return fits

    passwords.matches = change_in_between
    try:
        login = {"email": mara.email, "password": PASSWORD}
        answer = http.post("/api/auth/login", json=login)
    finally:
        del passwords.matches
    expect_problem(answer, 401, "invalid_credentials")
    assert len(mara.get("/api/auth/sessions").json()["items"]) == 1


def test_every_page_of_lines_belongs_to_the_asker(
    mara: Person, sign_up: Callable[..., Person]
) -> None:
    others = [sign_up(f"person{number}@example.com") for number in range(3)]
    shown = {line["id"] for line in mara.get("/api/auth/audit").json()["items"]}
    for other in others:
        assert not shown & {line["id"] for line in other.get("/api/auth/audit").json()["items"]}
