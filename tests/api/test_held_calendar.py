from collections.abc import Callable

from calendar_manager.sandbox.control_client import ControlClient
from tests.api.callers import Person, expect_problem

ACCOUNT = "mara@example.com"


def seed(google: ControlClient) -> list[str]:
    events = google.create_events(
        ACCOUNT,
        [
            {
                "summary": f"E{day}",
                "start": {"date": f"2027-01-{day:02}"},
                "end": {"date": f"2027-01-{day + 1:02}"},
            }
            for day in range(1, 13)
        ],
    )
    return [str(event["id"]) for event in events]


def test_a_held_calendar_shows_why_and_goes_on_when_its_person_says_so(
    mara: Person, otto: Person, google: ControlClient, work: Callable[[], None]
) -> None:
    ids = seed(google)
    mara.connected(ACCOUNT)
    work()
    (calendar,) = [one for one in mara.get("/api/calendars").json()["items"] if one["primary"]]
    confirm = f"/api/calendars/{calendar['id']}/confirm-deletions"
    assert calendar["held"] is None
    expect_problem(mara.post(confirm), 409, "calendar_not_held")
    for event_id in ids:
        google.mutate(ACCOUNT, "delete", event_id)
    google.expire_sync_tokens(ACCOUNT)
    mara.post(f"/api/calendars/{calendar['id']}/sync")
    work()
    (held,) = [one for one in mara.get("/api/calendars").json()["items"] if one["primary"]]
    assert held["status"] == "held"
    assert held["held"]["deletions"] == 12
    assert "12 of 12" in held["error"]
    (job,) = mara.get("/api/sync-jobs?status=held").json()["items"]
    assert job["error"] == held["error"]
    expect_problem(otto.post(confirm), 404, "calendar_not_found")
    answer = mara.post(confirm)
    assert answer.status_code == 202
    assert answer.json()["kind"] == "full"
    work()
    (after,) = [one for one in mara.get("/api/calendars").json()["items"] if one["primary"]]
    assert (after["status"], after["held"]) == ("ok", None)
    done = mara.get(f"/api/sync-jobs/{answer.json()['id']}").json()
    assert done["counts"]["deleted"] == 12
    assert done["events"] == 12
    assert done["events_per_second"] > 0
