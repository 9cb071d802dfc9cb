"""Pages, sync tokens and what single-event lists deliver."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calendar_manager.sandbox.control_client import ControlClient
from tests.sandbox.sandbox_api import EMAIL, EVENTS, Api, Json, timed

pytestmark = pytest.mark.unit

WHOLE_YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def at(day: int, hour: int = 9, **fields: Any) -> Json:
    return timed(f"2026-03-{day:02}T{hour:02}:00:00", f"2026-03-{day:02}T{hour:02}:30:00", **fields)


def weekly(event_id: str, **fields: Any) -> Json:
    return at(2, id=event_id, recurrence=["RRULE:FREQ=WEEKLY"], **fields)


def test_the_sync_token_stands_on_the_last_page_only(api: Api, control: ControlClient) -> None:
    control.create_events(EMAIL, [at(day) for day in range(1, 8)])
    pages = api.pages(EVENTS, maxResults=3)
    assert [len(page["items"]) for page in pages] == [3, 3, 1]
    assert ["nextSyncToken" in page for page in pages] == [False, False, True]
    assert api.listed(maxResults=3, syncToken=pages[-1]["nextSyncToken"])[0] == []


def test_pages_can_be_short_and_empty_and_still_lose_nothing(
    api: Api, control: ControlClient
) -> None:
    made = control.create_events(EMAIL, [at(day) for day in range(1, 8)])
    control.change_settings(page_size=2, empty_page_every=2)
    pages = api.pages(EVENTS)
    assert [len(page["items"]) for page in pages] == [2, 0, 2, 0, 2, 0, 1]
    assert [row["id"] for page in pages for row in page["items"]] == [row["id"] for row in made]


def test_a_page_is_at_most_2500_rows_and_250_when_nothing_is_asked(
    api: Api, control: ControlClient
) -> None:
    control.create_events(EMAIL, [at(1) for _ in range(2501)])
    assert len(api.get(EVENTS)["items"]) == 250
    assert [len(page["items"]) for page in api.pages(EVENTS, maxResults=9999)] == [2500, 1]


def test_changes_between_pages_come_with_the_next_delta(api: Api, control: ControlClient) -> None:
    made = control.create_events(EMAIL, [at(day) for day in range(1, 5)])
    first = api.get(EVENTS, maxResults=2)
    control.mutate(EMAIL, "delete", made[0]["id"])
    control.mutate(EMAIL, "edit", made[3]["id"], changes={"summary": "Late change"})
    second = api.get(EVENTS, maxResults=2, pageToken=first["nextPageToken"])
    assert [row["id"] for row in second["items"]] == [made[2]["id"], made[3]["id"]]
    delta, _ = api.listed(maxResults=2, syncToken=second["nextSyncToken"])
    assert [row["id"] for row in delta] == [made[0]["id"], made[3]["id"]]


def test_a_page_can_be_asked_for_again(api: Api, control: ControlClient) -> None:
    control.create_events(EMAIL, [at(day) for day in range(1, 5)])
    token = api.get(EVENTS, maxResults=2)["nextPageToken"]
    pages = [api.get(EVENTS, maxResults=2, pageToken=token)["items"] for _ in range(2)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    "query",
    [
        {"iCalUID": "a@b"},
        {"orderBy": "updated"},
        {"privateExtendedProperty": "a=b"},
        {"sharedExtendedProperty": "a=b"},
        {"q": "word"},
        {"timeMin": "2026-01-01T00:00:00Z"},
        {"timeMax": "2027-01-01T00:00:00Z"},
        {"updatedMin": "2026-01-01T00:00:00Z"},
        {"showDeleted": "false"},
        {"singleEvents": "true"},
        {"maxResults": "7"},
        {"eventTypes": "default"},
        {"timeZone": "Asia/Tokyo"},
    ],
)
def test_a_sync_token_goes_with_the_parameters_of_its_first_call_only(
    api: Api, query: dict[str, str]
) -> None:
    _, token = api.listed()
    answer = api.error("GET", EVENTS, params={"syncToken": token, **query})
    assert answer == (400, "invalid")
    assert api.listed(syncToken=token, showDeleted="true")[0] == []


def test_a_windowed_first_list_gives_a_token_that_is_not_windowed(
    api: Api, control: ControlClient
) -> None:
    control.create_events(EMAIL, [at(1), at(20)])
    window = {"timeMin": "2026-03-10T00:00:00Z", "timeMax": "2026-03-30T00:00:00Z"}
    rows, token = api.listed(**window)
    assert len(rows) == 1
    control.create_events(EMAIL, [at(2)])
    assert len(api.listed(syncToken=token)[0]) == 1


def test_page_tokens_belong_to_their_query(api: Api, control: ControlClient) -> None:
    control.create_events(EMAIL, [at(day) for day in range(1, 5)])
    token = api.get(EVENTS, maxResults=2)["nextPageToken"]
    wrong = {"pageToken": token, "maxResults": 3}
    assert api.error("GET", EVENTS, params=wrong) == (400, "invalid")
    made_up = {"pageToken": "bm9uZQ==", "maxResults": 2}
    assert api.error("GET", EVENTS, params=made_up) == (400, "invalid")


def test_a_token_of_another_calendar_is_400_and_an_expired_one_410(
    api: Api, control: ControlClient
) -> None:
    other = control.add_calendar(EMAIL, "Other")["id"]
    foreign = api.get(f"calendars/{other}/events")["nextSyncToken"]
    assert api.error("GET", EVENTS, params={"syncToken": foreign}) == (400, "invalid")
    _, token = api.listed()
    control.expire_sync_tokens(EMAIL)
    answer = api.error("GET", EVENTS, params={"syncToken": token})
    assert answer == (410, "fullSyncRequired")
    assert api.listed()[1] != token


def test_the_calendar_list_has_a_sync_token_of_its_own(api: Api, control: ControlClient) -> None:
    path = "users/me/calendarList"
    token = api.get(path)["nextSyncToken"]
    made = control.add_calendar(EMAIL, "Work")["id"]
    control.change_calendar(EMAIL, made, {"selected": False, "accessRole": "reader"})
    page = api.get(path, syncToken=token)
    (row,) = page["items"]
    assert (row["summary"], row["accessRole"], "selected" in row) == ("Work", "reader", False)
    control.remove_calendar(EMAIL, made)
    (gone,) = api.get(path, syncToken=page["nextSyncToken"])["items"]
    assert (gone["id"], gone["deleted"]) == (made, True)
    assert [row["id"] for row in api.get(path)["items"]] == [EMAIL]
    control.expire_sync_tokens(EMAIL)
    expired = api.error("GET", path, params={"syncToken": token})
    assert expired == (410, "fullSyncRequired")


def test_hidden_and_weak_calendars_are_listed_on_demand(api: Api, control: ControlClient) -> None:
    control.add_calendar(EMAIL, "Hidden", hidden=True)
    control.add_calendar(EMAIL, "Read", access_role="reader")

    def names(**query: str) -> list[str]:
        return [row["summary"] for row in api.get("users/me/calendarList", **query)["items"]]

    assert names() == [EMAIL, "Read"]
    assert names(showHidden="true") == [EMAIL, "Hidden", "Read"]
    assert names(minAccessRole="owner") == [EMAIL]


def test_one_touched_series_delivers_every_instance_to_single_event_lists(
    api: Api, control: ControlClient
) -> None:
    control.mutate(EMAIL, "create", changes=weekly("week1", summary="Old"))
    rows, token = api.listed(singleEvents="true", maxResults=2500)
    assert len(rows) > 700
    control.mutate(EMAIL, "edit", "week1", changes={"summary": "New"})
    delta, _ = api.listed(singleEvents="true", maxResults=2500, syncToken=token)
    assert len(delta) == len(rows)
    assert {row["summary"] for row in delta} == {"New"}


def test_lost_instances_are_cancelled_in_single_event_deltas(
    api: Api, control: ControlClient
) -> None:
    body = at(2, id="week1", recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"])
    control.mutate(EMAIL, "create", changes=body)
    _, token = api.listed(singleEvents="true")
    control.mutate(EMAIL, "delete_following", "week1", original_start="2026-03-16T09:00:00-05:00")
    delta, token = api.listed(singleEvents="true", syncToken=token)
    assert [(row["id"], row["status"]) for row in delta] == [
        ("week1_20260302T150000Z", "confirmed"),
        ("week1_20260309T140000Z", "confirmed"),
        ("week1_20260316T140000Z", "cancelled"),
        ("week1_20260323T140000Z", "cancelled"),
    ]
    control.mutate(EMAIL, "delete", "week1")
    delta, _ = api.listed(singleEvents="true", syncToken=token)
    assert {row["status"] for row in delta} == {"cancelled"}
    assert {"week1_20260302T150000Z", "week1_20260309T140000Z"} <= {row["id"] for row in delta}


def test_order_and_filters(api: Api, control: ControlClient) -> None:
    control.create_events(
        EMAIL,
        [
            at(9, summary="Later Acme"),
            at(3, summary="Sooner", description="for acme"),
            at(4, eventType="outOfOffice", summary="Away"),
            at(5, extendedProperties={"private": {"mirror": "1"}}, summary="Mirror"),
        ],
    )

    def names(**query: Any) -> list[str]:
        return [row["summary"] for row in api.get(EVENTS, **query)["items"]]

    assert names(singleEvents="true", orderBy="startTime")[0] == "Sooner"
    assert api.error("GET", EVENTS, params={"orderBy": "startTime"}) == (400, "invalid")
    assert names(q="ACME") == ["Later Acme", "Sooner"]
    assert names(eventTypes=["outOfOffice", "focusTime"]) == ["Away"]
    assert names(privateExtendedProperty="mirror=1") == ["Mirror"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["create", "edit", "edit_one", "delete", "delete_one", "split", "cut"]),
        st.integers(0, 5),
        st.integers(0, 9),
        st.booleans(),
    ),
    max_size=12,
)


@given(steps=STEPS)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_client_that_applies_deltas_ends_with_the_truth(
    api: Api, control: ControlClient, steps: list[tuple[str, int, int, bool]]
) -> None:
    calendar = control.add_calendar(EMAIL, "Fresh")["id"]
    path = f"calendars/{calendar}/events"
    copy: dict[str, Json] = {}
    token = api.get(path)["nextSyncToken"]
    for number, (kind, which, week, sync) in enumerate(steps):
        change_calendar(control, calendar, kind, which, week, number)
        if sync:
            token = apply_delta(api, path, token, copy)
    apply_delta(api, path, token, copy)
    assert copy == {row["id"]: row for row in control.truth(EMAIL, calendar)}
    full = api.pages(path)
    assert copy == {row["id"]: row for page in full for row in page["items"]}


def change_calendar(
    control: ControlClient, calendar: str, kind: str, which: int, week: int, number: int
) -> None:
    truth = control.truth(EMAIL, calendar)
    masters = [row for row in truth if "recurrence" in row]
    if kind == "create" or not masters:
        body = weekly(f"series{number:03}") | {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=10"]}
        control.mutate(EMAIL, "create", calendar_id=calendar, changes=body)
        return
    master = masters[which % len(masters)]
    kinds = {"split": "edit_following", "cut": "delete_following"}
    starts = [
        row["start"]["dateTime"]
        for row in control.truth_instances(EMAIL, *WHOLE_YEAR, calendar)
        if row.get("recurringEventId") == master["id"]
        and row["start"] == row.get("originalStartTime")
    ]
    if not starts:
        return
    original = None if kind in {"edit", "delete"} else starts[week % len(starts)]
    changes = {"summary": f"Change {number}"} if "edit" in kind or kind == "split" else None
    control.mutate(
        EMAIL,
        kinds.get(kind, kind),  # type: ignore[arg-type]  # Drawn from the literal's own values.
        master["id"],
        calendar_id=calendar,
        original_start=original,
        changes=changes,
    )


def apply_delta(api: Api, path: str, token: str, copy: dict[str, Json]) -> str:
    page = api.get(path, syncToken=token)
    for row in page["items"]:
        if row["status"] == "cancelled" and "recurringEventId" not in row:
            copy.pop(row["id"], None)
            for other in [o for o in copy.values() if o.get("recurringEventId") == row["id"]]:
                del copy[other["id"]]
        else:
            copy[row["id"]] = row
    assert "nextPageToken" not in page
    next_token: str = page["nextSyncToken"]
    return next_token
