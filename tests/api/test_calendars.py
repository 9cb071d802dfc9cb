"""Calendars: settings, deleting and restoring, and asking for a sync."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from calendar_manager.bootstrap import Services
from calendar_manager.sandbox.control_client import ControlClient
from tests.api.callers import Person, expect_problem
from tests.api.conftest import Clock

pytestmark = pytest.mark.store

ACCOUNT = "mara@example.com"
Count = Callable[[str], int]
Work = Callable[[], None]


@pytest.fixture
def calendar(mara: Person, google: ControlClient, work: Work) -> dict[str, Any]:
    """Mara's primary calendar, read once."""
    mara.connected(ACCOUNT)
    work()
    items = mara.get("/api/calendars").json()["items"]
    found: dict[str, Any] = next(item for item in items if item["primary"])
    return found


def find(person: Person, calendar: dict[str, Any]) -> dict[str, Any]:
    items = person.get("/api/calendars").json()["items"]
    found: dict[str, Any] = next(item for item in items if item["id"] == calendar["id"])
    return found


def test_a_calendar_has_the_fields_of_the_contract(calendar: dict[str, Any]) -> None:
    assert {
        "id",
        "connection_id",
        "provider",
        "provider_calendar_id",
        "name",
        "time_zone",
        "color",
        "primary",
        "access_role",
        "sync_enabled",
        "blocks_availability",
        "all_day_blocks",
        "unreadable_policy",
        "last_synced_at",
        "status",
        "error",
    } <= set(calendar)
    assert calendar["primary"] is True
    assert calendar["provider_calendar_id"] == ACCOUNT
    assert calendar["status"] == "ok"
    assert calendar["last_synced_via"] == "poll"
    assert calendar["last_synced_at"]


def test_settings_change_one_by_one(mara: Person, calendar: dict[str, Any]) -> None:
    path = f"/api/calendars/{calendar['id']}"
    changes = {"unreadable_policy": "block", "color": "#00ff7F"}
    changed = mara.patch(path, json=changes)
    assert changed.status_code == 200
    assert changed.json() == {**calendar, **changes}
    assert find(mara, calendar) == changed.json()
    assert mara.patch(path, json={}).json() == changed.json()


@pytest.mark.parametrize(
    ("changes", "looks"),
    [
        ({"blocks_availability": False}, True),
        ({"all_day_blocks": False}, True),
        ({"sync_enabled": False}, True),
        ({"color": "#000000"}, False),
        ({"blocks_availability": True}, False),
    ],
)
def test_conflicts_are_looked_for_again_only_when_the_answer_may_change(
    mara: Person,
    calendar: dict[str, Any],
    services: Services,
    changes: dict[str, Any],
    *,
    looks: bool,
) -> None:
    assert mara.patch(f"/api/calendars/{calendar['id']}", json=changes).status_code == 200
    assert services.redis.llen("sync.urgent") == int(looks)


def test_switching_sync_on_starts_a_run(
    mara: Person, calendar: dict[str, Any], count: Count
) -> None:
    path = f"/api/calendars/{calendar['id']}"
    jobs = count("sync_jobs")
    mara.patch(path, json={"sync_enabled": False})
    assert count("sync_jobs") == jobs
    mara.patch(path, json={"sync_enabled": True})
    newest = mara.get("/api/sync-jobs").json()["items"][0]
    assert (newest["calendar_id"], newest["status"]) == (calendar["id"], "queued")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"unreadable_policy": "panic"}, "unreadable_policy"),
        ({"unreadable_policy": None}, "unreadable_policy"),
        ({"color": "red"}, "color"),
        ({"color": "#12345\u0000"}, "color"),
        ({"sync_enabled": "perhaps"}, "sync_enabled"),
        ({"name": "Mine"}, "name"),
        ({"user_id": str(uuid4())}, "user_id"),
    ],
)
def test_bad_settings_name_the_field_and_change_nothing(
    mara: Person, calendar: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    answer = mara.patch(f"/api/calendars/{calendar['id']}", json=changes)
    expect_problem(answer, 422, "validation_failed", field)
    assert find(mara, calendar) == calendar


def test_a_deleted_calendar_is_gone_and_can_be_restored(
    mara: Person, google: ControlClient, calendar: dict[str, Any], services: Services
) -> None:
    path = f"/api/calendars/{calendar['id']}"
    assert mara.delete(path).status_code == 204
    assert services.redis.llen("sync.urgent") == 1, "conflicts with it are to end"
    names = [item["name"] for item in mara.get("/api/calendars").json()["items"]]
    assert names == ["Side projects"]
    deleted = mara.get("/api/calendars", params={"deleted": "true"}).json()["items"]
    assert [item["id"] for item in deleted] == [calendar["id"]]
    for call, target in ((mara.patch, path), (mara.post, f"{path}/sync"), (mara.delete, path)):
        options: dict[str, Any] = {"json": {}} if call == mara.patch else {}
        expect_problem(call(target, **options), 404, "calendar_not_found")

    restored = mara.post(f"{path}/restore")
    assert restored.status_code == 200
    assert restored.json()["id"] == calendar["id"]
    newest = mara.get("/api/sync-jobs").json()["items"][0]
    assert (newest["calendar_id"], newest["status"]) == (calendar["id"], "queued")
    expect_problem(mara.post(f"{path}/restore"), 404, "calendar_not_found")


def test_syncing_answers_with_a_job_and_tells_the_workers(
    mara: Person, calendar: dict[str, Any], services: Services, work: Work
) -> None:
    answer = mara.post(f"/api/calendars/{calendar['id']}/sync")
    assert answer.status_code == 202
    job = answer.json()
    assert (job["kind"], job["trigger"], job["status"]) == ("incremental", "manual", "queued")
    assert services.redis.llen("sync.urgent") == 1
    again = mara.post(f"/api/calendars/{calendar['id']}/sync").json()
    assert again["id"] == job["id"], "one that waits already is enough"
    work()
    done = mara.get(f"/api/sync-jobs/{job['id']}").json()
    assert done["status"] == "succeeded"
    assert find(mara, calendar)["last_synced_via"] == "manual"


def test_a_full_sync_reads_everything_anew(mara: Person, calendar: dict[str, Any]) -> None:
    path = f"/api/calendars/{calendar['id']}/sync"
    waiting = mara.post(path).json()
    full = mara.post(path, params={"full": "true"}).json()
    assert (full["id"], full["kind"]) == (waiting["id"], "full"), "it strengthens the waiting one"


def test_a_calendar_that_is_not_read_cannot_be_synced(
    mara: Person, calendar: dict[str, Any], services: Services
) -> None:
    path = f"/api/calendars/{calendar['id']}"
    mara.patch(path, json={"sync_enabled": False})
    expect_problem(mara.post(f"{path}/sync"), 409, "sync_disabled")
    mara.patch(path, json={"sync_enabled": True})
    with services.store.begin() as uow:
        uow.connections.mark_needs_reauth(UUID(calendar["connection_id"]), "Connect it again.")
    expect_problem(mara.post(f"{path}/sync"), 409, "needs_reauth")
    shown = find(mara, calendar)
    assert (shown["status"], shown["error"]) == ("failing", "Connect it again.")


def test_a_copy_that_missed_three_turns_is_stale(
    mara: Person, calendar: dict[str, Any], clock: Clock
) -> None:
    clock.advance(timedelta(minutes=10))
    assert find(mara, calendar)["status"] == "ok"
    clock.advance(timedelta(minutes=36))
    mara.tokens = mara.http.post(
        "/api/auth/refresh", json={"refresh_token": mara.tokens["refresh_token"]}
    ).json()
    assert find(mara, calendar)["status"] == "stale"


def test_calendars_come_in_pages(mara: Person, google: ControlClient) -> None:
    for number in range(4):
        google.add_calendar(ACCOUNT, f"Calendar {number}")
    mara.connected(ACCOUNT)
    whole = [item["id"] for item in mara.get("/api/calendars").json()["items"]]
    assert len(whole) == 6
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 4}
    while True:
        page = mara.get("/api/calendars", params=query).json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == whole


def test_calendars_of_others_are_not_found(
    mara: Person, otto: Person, calendar: dict[str, Any]
) -> None:
    path = f"/api/calendars/{calendar['id']}"
    assert otto.get("/api/calendars").json()["items"] == []
    expect_problem(otto.patch(path, json={"color": "#000000"}), 404, "calendar_not_found")
    expect_problem(otto.delete(path), 404, "calendar_not_found")
    expect_problem(otto.post(f"{path}/sync"), 404, "calendar_not_found")
    mara.delete(path)
    expect_problem(otto.post(f"{path}/restore"), 404, "calendar_not_found")
    assert otto.get("/api/calendars", params={"deleted": "true"}).json()["items"] == []


@pytest.mark.parametrize("calendar_id", ["1", "primary", "0" * 40])
def test_an_id_that_is_none_is_named(mara: Person, calendar_id: str) -> None:
    answer = mara.patch(f"/api/calendars/{calendar_id}", json={})
    expect_problem(answer, 422, "validation_failed", "calendar_id")
