"""The sandbox's deltas against recorded answers of the real service, row for row."""

import json
from pathlib import Path
from typing import Any

import pytest

from calendar_manager.sandbox.control_client import ControlClient
from tests.sandbox.sandbox_api import EMAIL, Api, timed

pytestmark = pytest.mark.unit

RECORDED = Path(__file__).parent.parent / "wire" / "google" / "incremental"
Json = dict[str, Any]

# These differ by nature: stamps, addresses and links.
VOLATILE = {"etag", "updated", "created", "htmlLink", "creator", "organizer", "iCalUID"}


def read_recorded(beginning: str) -> Json:
    (path,) = RECORDED.glob(f"{beginning}*.json")
    recorded: Json = json.loads(path.read_text(encoding="utf-8"))
    return recorded


def series(recorded_row: Json, **fields: Any) -> Json:
    kept: Json = {
        name: recorded_row[name]
        for name in ("id", "summary", "start", "end", "recurrence")
        if name in recorded_row
    }
    return {**kept, **fields}


def stable(rows: list[Json]) -> list[Json]:
    return [{n: v for n, v in row.items() if n not in VOLATILE} for row in rows]


def field_names(rows: list[Json]) -> list[list[str]]:
    return [sorted(row) for row in rows]


def assert_like_recorded(rows: list[Json], recorded: Json) -> None:
    assert stable(rows) == stable(recorded["items"])
    assert field_names(rows) == field_names(recorded["items"])
    stamps = {row["etag"] for row in rows}
    recorded_stamps = {row["etag"] for row in recorded["items"]}
    assert len(stamps) == len(recorded_stamps)


def test_creating_a_series_delivers_its_master_alone(control: ControlClient, api: Api) -> None:
    recorded = read_recorded("recurring_create")
    _, token = api.listed()
    control.mutate(EMAIL, "create", changes=series(recorded["items"][0]))
    page = api.get("calendars/primary/events", syncToken=token)
    assert_like_recorded(page["items"], recorded)
    assert sorted(page) == sorted(recorded)


def test_editing_one_instance_delivers_master_and_exception(
    control: ControlClient, api: Api
) -> None:
    recorded = read_recorded("recurring_edit_single__single.instance-2")
    master, exception = recorded["items"]
    control.mutate(EMAIL, "create", changes=series(master))
    _, token = api.listed()
    patch = {name: exception[name] for name in ("summary", "description", "start", "end")}
    answer = api.send("PATCH", f"calendars/primary/events/{exception['id']}", json=patch)
    assert answer.status_code == 200, answer.text
    rows, _ = api.listed(syncToken=token)
    assert_like_recorded(rows, recorded)


def test_editing_a_third_instance_delivers_every_exception_again(
    control: ControlClient, api: Api
) -> None:
    recorded = read_recorded("recurring_edit_single__single.instance-3")
    master, *exceptions = recorded["items"]
    control.mutate(EMAIL, "create", changes=series(master))
    token = ""
    for exception in exceptions:
        _, token = api.listed()
        path = f"calendars/primary/events/{exception['id']}"
        assert api.send("PATCH", path, json={"summary": exception["summary"]}).ok
    rows, _ = api.listed(syncToken=token)
    assert_like_recorded(rows, recorded)


@pytest.mark.parametrize("case", ["delete.single__", "delete.single-2__"])
def test_deleting_one_instance_delivers_master_and_bare_exception(
    control: ControlClient, api: Api, case: str
) -> None:
    recorded = read_recorded(f"recurring_delete_single__{case}")
    master, exception = recorded["items"]
    control.mutate(EMAIL, "create", changes=series(master))
    _, token = api.listed()
    answer = api.send("DELETE", f"calendars/primary/events/{exception['id']}")
    assert answer.status_code == 204
    rows, _ = api.listed(syncToken=token)
    assert_like_recorded(rows, recorded)


@pytest.mark.parametrize("case", ["all-1", "all-2"])
def test_deleting_a_series_delivers_its_bare_id(
    control: ControlClient, api: Api, case: str
) -> None:
    recorded = read_recorded(f"recurring_delete_all__{case}")
    body = timed(
        "2025-03-24T07:30:00-05:00",
        "2025-03-24T08:15:00-05:00",
        id=recorded["items"][0]["id"],
        recurrence=["RRULE:FREQ=DAILY"],
    )
    control.mutate(EMAIL, "create", changes=body)
    control.mutate(EMAIL, "delete_one", body["id"], original_start="2025-03-26T07:30:00-05:00")
    _, token = api.listed()
    assert api.send("DELETE", f"calendars/primary/events/{body['id']}").status_code == 204
    rows, _ = api.listed(syncToken=token)
    assert_like_recorded(rows, recorded)


def test_truncating_keeps_an_exception_that_still_belongs(control: ControlClient, api: Api) -> None:
    recorded = read_recorded("recurring_delete_this-and-following__delete.this-and-following__")
    master, exception = recorded["items"]
    before = {"recurrence": ["RRULE:FREQ=DAILY;UNTIL=20250401T045959Z"]}
    control.mutate(EMAIL, "create", changes=series(master) | before)
    original = exception["originalStartTime"]["dateTime"]
    control.mutate(EMAIL, "delete_one", master["id"], original_start=original)
    _, token = api.listed()
    control.mutate(
        EMAIL, "delete_following", master["id"], original_start="2025-03-27T08:00:00-05:00"
    )
    rows, _ = api.listed(syncToken=token)
    assert_like_recorded(rows, recorded)


def test_truncating_leaves_only_the_id_of_an_exception_outside(
    control: ControlClient, api: Api
) -> None:
    recorded = read_recorded("recurring_delete_this-and-following__delete.this-and-following-2")
    master, _ = recorded["items"]
    control.mutate(EMAIL, "create", changes=series(master) | {"recurrence": ["RRULE:FREQ=DAILY"]})
    control.mutate(EMAIL, "delete_one", master["id"], original_start="2025-03-28T10:00:00-05:00")
    _, token = api.listed()
    control.mutate(
        EMAIL, "delete_following", master["id"], original_start="2025-03-26T10:00:00-05:00"
    )
    rows, _ = api.listed(syncToken=token)
    assert_like_recorded(rows, recorded)


@pytest.mark.parametrize(
    "case",
    [
        "recurring_edit_this-and-following__this-and-following-1",
        "recurring_edit_this-and-following__this-and-following-2",
        "recurring_edit_this-and-following__this-and-following-3",
        "recurring_edit_this-and-following__this-and-following-4",
        "recurring_edit_this-and-following-v2__this-and-following-1",
    ],
)
def test_splitting_a_series_delivers_both_halves(
    control: ControlClient, api: Api, case: str
) -> None:
    recorded = read_recorded(case)
    master, *exceptions, following = recorded["items"]
    control.mutate(
        EMAIL, "create", changes=series(master) | {"recurrence": following["recurrence"]}
    )
    if master["sequence"]:
        # The recorded series had been moved once before.
        moved = {"start": {**master["start"], "dateTime": "2025-01-01T01:00:00-06:00"}}
        control.mutate(EMAIL, "edit", master["id"], changes=moved)
        control.mutate(EMAIL, "edit", master["id"], changes={"start": master["start"]})
        # Two moves counted twice; the recording shows one.
        master["sequence"] += 1
        following["sequence"] += 1
    for one in exceptions:
        names = ("summary", "description", "start", "end")
        changes = {name: one[name] for name in names if name in one}
        original = one["originalStartTime"]["dateTime"]
        control.mutate(EMAIL, "edit_one", master["id"], original_start=original, changes=changes)
    _, token = api.listed()
    changes = {name: following[name] for name in ("summary", "description") if name in following}
    control.mutate(
        EMAIL,
        "edit_following",
        master["id"],
        original_start=following["start"]["dateTime"],
        changes=changes,
    )
    rows, _ = api.listed(syncToken=token)
    if "description" in master:
        changed = {"description": master["description"]}
        rows = [{**row, **changed} if row["id"] == master["id"] else row for row in rows]
    assert_like_recorded(rows, recorded)
    assert rows[-1]["iCalUID"] == recorded["items"][-1]["iCalUID"]
    assert rows[-1]["created"] == rows[0]["created"]


def test_splitting_at_another_time_begins_a_series_of_its_own(
    control: ControlClient, api: Api
) -> None:
    recorded = read_recorded("recurring_edit_this-and-following-v2__this-and-following-0")
    master, following = recorded["items"]
    control.mutate(EMAIL, "create", changes=series(master) | {"recurrence": ["RRULE:FREQ=DAILY"]})
    _, token = api.listed()
    names = ("summary", "description", "start", "end")
    control.mutate(
        EMAIL,
        "edit_following",
        master["id"],
        original_start="2025-04-01T08:00:00-05:00",
        changes={name: following[name] for name in names},
    )
    rows, _ = api.listed(syncToken=token)
    following["id"] = rows[1]["id"]
    assert "_R" not in rows[1]["id"]
    assert_like_recorded(rows, recorded)


def test_editing_all_overwrites_the_exceptions(control: ControlClient, api: Api) -> None:
    recorded = read_recorded("recurring_edit_all__all-1")
    master, exception, _ = recorded["items"]
    control.mutate(EMAIL, "create", changes=series(master) | {"summary": "Dishes"})
    original = exception["originalStartTime"]["dateTime"]
    control.mutate(
        EMAIL, "edit_one", master["id"], original_start=original, changes={"summary": "Only one"}
    )
    _, token = api.listed()
    changes = {"summary": master["summary"], "description": master.get("description", "")}
    control.mutate(EMAIL, "edit_all", master["id"], changes=changes)
    rows, _ = api.listed(syncToken=token)
    assert [row["summary"] for row in rows] == [master["summary"]] * 2
    assert [row["id"] for row in rows] == [master["id"], exception["id"]]


@pytest.mark.parametrize(
    ("file", "query"),
    [
        ("error__error.invalidSyncToken", "expired"),
        ("error__error.google.invalidValue", "malformed"),
    ],
)
def test_sync_token_errors_have_the_recorded_bodies(
    control: ControlClient, api: Api, file: str, query: str
) -> None:
    recorded = read_recorded(file)
    _, token = api.listed()
    if query == "expired":
        control.expire_sync_tokens(EMAIL, "primary")
    else:
        token = "not-a-token"
    answer = api.send("GET", "calendars/primary/events", params={"syncToken": token})
    body = answer.json()
    if query == "malformed":
        # The recording names no parameter; the sandbox does.
        del body["error"]["errors"][0]["locationType"], body["error"]["errors"][0]["location"]
    assert answer.status_code == recorded["status"]
    assert body == recorded["body"]
