"""Sync jobs: progress and history."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from calendar_manager.sandbox.control_client import ControlClient
from tests.api.callers import Person, expect_problem

pytestmark = pytest.mark.store

ACCOUNT = "mara@example.com"
Work = Callable[[], None]


@pytest.fixture
def jobs(mara: Person, google: ControlClient, work: Work) -> list[dict[str, Any]]:
    """Two first runs that are done, one of them over a calendar with events."""
    google.seed_packaged(ACCOUNT, "freelancer")
    mara.connected(ACCOUNT)
    work()
    found: list[dict[str, Any]] = mara.get("/api/sync-jobs").json()["items"]
    return found


def test_a_job_has_the_fields_of_the_contract(jobs: list[dict[str, Any]]) -> None:
    for job in jobs:
        assert {
            "id",
            "calendar_id",
            "kind",
            "trigger",
            "status",
            "pages",
            "counts",
            "error",
            "queued_at",
            "started_at",
            "finished_at",
        } <= set(job)
        assert set(job["counts"]) == {"created", "updated", "deleted", "unchanged", "rejected"}
        assert job["status"] == "succeeded"
        assert job["queued_at"] <= job["started_at"] <= job["finished_at"]
    assert max(job["counts"]["created"] for job in jobs) > 0


def test_a_job_can_be_asked_for(mara: Person, jobs: list[dict[str, Any]]) -> None:
    assert mara.get(f"/api/sync-jobs/{jobs[0]['id']}").json() == jobs[0]


def test_jobs_can_be_narrowed_down(mara: Person, jobs: list[dict[str, Any]]) -> None:
    calendar_id = jobs[0]["calendar_id"]
    waiting = mara.post(f"/api/calendars/{calendar_id}/sync").json()

    def ids(**query: str) -> set[str]:
        items = mara.get("/api/sync-jobs", params=query).json()["items"]
        return {item["id"] for item in items}

    assert ids(status="queued") == {waiting["id"]}
    assert ids(status="succeeded") == {job["id"] for job in jobs}
    assert ids(calendar_id=calendar_id) == {waiting["id"], jobs[0]["id"]}
    assert ids(calendar_id=calendar_id, status="failed") == set()


def test_jobs_come_newest_first_and_in_pages(
    mara: Person, jobs: list[dict[str, Any]], work: Work
) -> None:
    for _ in range(3):
        mara.post(f"/api/calendars/{jobs[0]['calendar_id']}/sync")
        work()
    whole = mara.get("/api/sync-jobs").json()["items"]
    assert len(whole) == 5
    queued = [job["queued_at"] for job in whole]
    assert queued == sorted(queued, reverse=True)
    first = mara.get("/api/sync-jobs", params={"limit": 3}).json()
    # A run that is asked for meanwhile must not shift the next page.
    mara.post(f"/api/calendars/{jobs[0]['calendar_id']}/sync")
    second = mara.get("/api/sync-jobs", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert first["items"] + second["items"] == whole
    assert second["next_cursor"] is None


def test_jobs_of_others_are_not_found(
    mara: Person, otto: Person, jobs: list[dict[str, Any]]
) -> None:
    assert otto.get("/api/sync-jobs").json()["items"] == []
    expect_problem(otto.get(f"/api/sync-jobs/{jobs[0]['id']}"), 404, "sync_job_not_found")
    expect_problem(otto.get(f"/api/sync-jobs/{uuid4()}"), 404, "sync_job_not_found")
    foreign = {"calendar_id": jobs[0]["calendar_id"]}
    expect_problem(otto.get("/api/sync-jobs", params=foreign), 404, "calendar_not_found")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "lost"}, "status"),
        ({"calendar_id": "mine"}, "calendar_id"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "many"}, "limit"),
    ],
)
def test_bad_filters_are_named(mara: Person, query: dict[str, str], field: str) -> None:
    answer = mara.get("/api/sync-jobs", params=query)
    expect_problem(answer, 422, "validation_failed", field)


def test_a_job_id_that_is_none_is_named(mara: Person) -> None:
    expect_problem(mara.get("/api/sync-jobs/first"), 422, "validation_failed", "job_id")
