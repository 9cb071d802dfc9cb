"""The installation as administrators see it, and as nobody else does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from calendar_manager.api.paging import encode_cursor
from calendar_manager.bootstrap import Services
from calendar_manager.domain.users import Role
from calendar_manager.sandbox.control_client import ControlClient
from tests.api.callers import Person, expect_problem
from tests.api.full_person import MARK, FullPerson, fill

pytestmark = pytest.mark.store

LISTS = ("users", "connections", "failures", "audit")
ROUTES = [
    ("GET", "/api/admin/overview"),
    *(("GET", f"/api/admin/{name}") for name in LISTS),
    ("POST", f"/api/admin/connections/{UUID(int=7)}/sync"),
]


@pytest.fixture
def admin(sign_up: Callable[..., Person], services: Services) -> Person:
    person = sign_up("ada@example.com")
    make_admin(services, person)
    return person


@pytest.fixture
def full(
    mara: Person, services: Services, google: ControlClient, work: Callable[[], None]
) -> FullPerson:
    return fill(mara, services=services, google=google, work=work)


def make_admin(services: Services, person: Person) -> None:
    with services.store.begin() as uow:
        uow.users.save_role(UUID(person.id), Role.ADMIN)


def fail_a_job(services: Services, *, minutes_ago: int = 1) -> None:
    """Let the latest sync job have failed, with a sentence that a provider wrote."""
    at = services.clock() - timedelta(minutes=minutes_ago)
    with services.store.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE sync_jobs SET status = 'failed', finished_at = :at,"
                " error = :error, error_reason = 'rateLimitExceeded'"
            ),
            {"at": at, "error": f"Google says no to {MARK}"},
        )


def items(admin: Person, name: str, **asked: Any) -> list[dict[str, Any]]:
    answer = admin.get(f"/api/admin/{name}", params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_strangers_have_to_sign_in(http: httpx.Client, method: str, path: str) -> None:
    expect_problem(http.request(method, path), 401, "not_authenticated")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_for_everybody_else_there_is_nothing(mara: Person, method: str, path: str) -> None:
    answer = mara.http.request(method, path, headers=mara.bearer)
    expect_problem(answer, 404, "not_found")


def test_a_demoted_administrator_is_locked_out_at_once(admin: Person, services: Services) -> None:
    assert admin.get("/api/admin/overview").status_code == 200
    with services.store.begin() as uow:
        uow.users.save_role(UUID(admin.id), Role.USER)
    expect_problem(admin.get("/api/admin/overview"), 404, "not_found")


def test_nobody_is_made_an_administrator_over_http(mara: Person, http: httpx.Client) -> None:
    mara.patch("/api/auth/me", json={"role": "admin"})
    registered = http.post(
        "/api/auth/register",
        json={
            "email": "eve@example.com",
            "password": "correct horse battery",
            "name": "Eve",
            "time_zone": "UTC",
            "role": "admin",
        },
    )
    assert registered.status_code in {201, 422}
    expect_problem(mara.get("/api/admin/users"), 404, "not_found")


def test_no_answer_holds_a_title_an_attendee_or_a_secret(
    admin: Person, full: FullPerson, services: Services
) -> None:
    fail_a_job(services)
    for name in ("overview", *LISTS):
        answer = admin.get(f"/api/admin/{name}")
        assert answer.status_code == 200, answer.text
        shown = answer.text.lower()
        # What somebody signs in with and is called stands in the list of people, by design.
        if name == "users":
            shown = shown.replace(f"mara {MARK}", "").replace(full.person.email, "")
        for secret in full.secrets:
            assert secret.lower() not in shown, f"{name}: {secret}"
        assert "token" not in shown.replace("token_expires_at", "").replace("soonest_token_end", "")


def test_people_are_listed_with_what_they_have(admin: Person, full: FullPerson) -> None:
    people = {one["email"]: one for one in items(admin, "users")}
    mara = people[full.person.email]
    assert (mara["id"], mara["role"], mara["connections"]) == (full.person.id, "user", 2)
    assert mara["last_sign_in_at"] > mara["created_at"]
    assert people["ada@example.com"]["role"] == "admin"


def test_connections_are_listed_by_their_state(
    admin: Person, full: FullPerson, services: Services
) -> None:
    listed = {one["id"]: one for one in items(admin, "connections", status="active")}
    active = listed[full.ids["connection_id"]]
    assert active["user_id"] == full.person.id
    assert active["last_synced_at"]
    assert active["token_expires_at"]
    assert items(admin, "connections", status="needs_reauth") == []
    with services.store.engine.begin() as connection:
        connection.execute(
            text("UPDATE connections SET status = 'needs_reauth', reason_code = 'revoked'")
        )
    broken = items(admin, "connections", status="needs_reauth")
    assert {one["id"] for one in broken} == set(listed)
    assert {one["reason_code"] for one in broken} == {"revoked"}
    assert items(admin, "connections", status="active") == []


def test_failures_are_told_by_their_reason(
    admin: Person, full: FullPerson, services: Services
) -> None:
    fail_a_job(services)
    failure = items(admin, "failures")[0]
    assert failure["reason"] == "rateLimitExceeded"
    assert (failure["provider"], failure["user_id"]) == ("google", full.person.id)
    reasons = admin.get("/api/admin/overview").json()["failure_reasons"]
    assert [one["reason"] for one in reasons] == ["rateLimitExceeded"]
    fail_a_job(services, minutes_ago=60 * 25)
    overview = admin.get("/api/admin/overview").json()
    assert overview["failure_reasons"] == [], "older than a day"
    assert overview["recent_failures"]


def test_the_overview_counts_everything(admin: Person, full: FullPerson) -> None:
    overview = admin.get("/api/admin/overview").json()
    assert overview["users"] == 2
    connections = {one["provider"]: one for one in overview["connections"]}
    assert set(connections) == {"google", "caldotcom"}
    assert (connections["google"]["status"], connections["google"]["count"]) == ("active", 1)
    providers = {one["provider"]: one for one in overview["providers"]}
    assert providers["google"]["connections"] == 1
    assert providers["google"]["calendars"] == {"ok": 2}
    assert providers["google"]["lag_seconds"] == 0
    assert overview["open_conflicts"] == 0, "the one there is was ignored"
    assert overview["processes"] == {
        "redis": True,
        "workers": 0,
        "beat": False,
        "heartbeat": False,
    }
    assert set(overview["queues"]) == {"sync.urgent", "sync", "maintenance"}


def test_the_audit_log_is_narrowed_down(admin: Person, full: FullPerson) -> None:
    connected = items(admin, "audit", action="connection.connected")
    assert [line["user_id"] for line in connected] == [full.person.id]
    ours = items(admin, "audit", user_id=admin.id)
    assert {line["user_id"] for line in ours} == {admin.id}
    assert items(admin, "audit", action="nothing.such") == []
    for wrong in ({"action": "x" * 101}, {"action": "a;b"}, {"user_id": "me"}):
        answer = admin.get("/api/admin/audit", params=wrong)
        expect_problem(answer, 422, "validation_failed", *wrong)


def test_the_log_outlives_a_person(admin: Person, otto: Person) -> None:
    assert otto.delete("/api/auth/me").status_code in {200, 204}
    actions = [line["action"] for line in items(admin, "audit", user_id=otto.id)]
    assert "user.erased" in actions


def test_lists_come_in_pages(
    admin: Person, full: FullPerson, otto: Person, services: Services
) -> None:
    fail_a_job(services)
    for name in LISTS:
        whole = [one["id"] for one in items(admin, name, limit=200)]
        paged: list[str] = []
        cursor: str | None = None
        while True:
            asked = {"limit": 1} if cursor is None else {"limit": 1, "cursor": cursor}
            page = admin.get(f"/api/admin/{name}", params=asked).json()
            paged += [one["id"] for one in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        # Each question may add a line to the log; none may be missing.
        assert [one for one in paged if one in whole] == whole, name
        assert len(set(paged)) == len(paged), name
    beyond = encode_cursor((services.clock() - timedelta(days=9999), uuid4()))
    assert items(admin, "users", cursor=beyond) == []


def test_a_sync_of_somebodys_connection_is_asked_for_and_audited(
    admin: Person, full: FullPerson, count: Callable[[str], int]
) -> None:
    before = count("sync_jobs")
    path = f"/api/admin/connections/{full.ids['connection_id']}/sync"
    answer = admin.post(path)
    assert answer.status_code == 202, answer.text
    assert len(answer.json()["job_ids"]) == 2
    assert count("sync_jobs") == before + 2
    (line,) = items(admin, "audit", action="admin.sync_requested")
    assert (line["user_id"], line["subject"]) == (admin.id, full.ids["connection_id"])
    assert line["detail"] == {"calendars": 2, "of_user": full.person.id}


def test_a_sync_of_what_cannot_be_read_is_refused(
    admin: Person, full: FullPerson, services: Services
) -> None:
    expect_problem(
        admin.post(f"/api/admin/connections/{uuid4()}/sync"), 404, "connection_not_found"
    )
    with services.store.engine.begin() as connection:
        connection.execute(text("UPDATE connections SET status = 'needs_reauth'"))
    path = f"/api/admin/connections/{full.ids['connection_id']}/sync"
    expect_problem(admin.post(path), 409, "nothing_to_sync")
    assert items(admin, "audit", action="admin.sync_requested") == []
