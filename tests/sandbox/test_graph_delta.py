"""What a delta link tells and does not tell: Graph's quirks, one by one."""

from datetime import timedelta

import pytest
import requests

from calendar_manager.sandbox.control_client import ControlClient, GraphControl
from tests.sandbox.graph_api import (
    IMMUTABLE,
    PERSON,
    VIEW,
    GraphApi,
    Json,
    all_day,
    at,
    counted,
    kinds,
    repeat,
    starts,
    timed,
)

pytestmark = pytest.mark.unit

WEEKLY = repeat("2026-03-02", "weekly", daysOfWeek=["monday"])


@pytest.fixture
def graph(control: ControlClient) -> GraphControl:
    control.graph.add_account(PERSON, name="Ana Lee")
    return control.graph


@pytest.fixture
def api(control: ControlClient, graph: GraphControl, web: requests.Session) -> GraphApi:
    del graph
    return GraphApi(control, web)


def make(graph: GraphControl, *bodies: Json) -> list[str]:
    return [str(row["id"]) for row in graph.create_events(PERSON, bodies)]


def make_series(graph: GraphControl, **fields: str) -> str:
    body = timed("2026-03-02T09:00:00", "2026-03-02T10:00:00", recurrence=WEEKLY, **fields)
    return make(graph, body)[0]


def move(start: str, end: str) -> Json:
    return {"start": at(start), "end": at(end)}


def test_the_first_round_has_singles_whole_and_occurrences_bare(
    api: GraphApi, graph: GraphControl
) -> None:
    make(graph, timed("2026-03-03T12:00:00", "2026-03-03T13:00:00", subject="Lunch"))
    master = make_series(graph, subject="Standup")
    rows, _ = api.baseline()
    assert kinds(rows) == [*["occurrence"] * 5, "seriesMaster", "singleInstance"]
    bare = next(row for row in rows if row["type"] == "occurrence")
    assert set(bare) == {
        "@odata.type",
        "@odata.etag",
        "id",
        "type",
        "seriesMasterId",
        "start",
        "end",
    }
    assert bare["seriesMasterId"] == master
    assert bare["start"]["dateTime"].endswith(".0000000")
    whole = next(row for row in rows if row["type"] == "singleInstance")
    assert whole["subject"] == "Lunch"


def test_an_occurrence_has_the_same_id_bare_whole_and_as_an_exception(
    api: GraphApi, graph: GraphControl
) -> None:
    master = make_series(graph, subject="Standup")
    rows, link = api.baseline()
    first = min(
        (r for r in rows if r["type"] == "occurrence"), key=lambda r: r["start"]["dateTime"]
    )
    whole = api.get(f"me/events/{first['id']}")
    assert (whole["type"], whole["subject"]) == ("occurrence", "Standup")
    assert whole["originalStart"] == "2026-03-02T08:00:00Z"
    graph.mutate(PERSON, "edit", str(first["id"]), changes={"subject": "Moved"})
    rows, _ = api.follow(link)
    assert kinds(rows) == ["exception", "seriesMaster"]
    exception = next(row for row in rows if row["type"] == "exception")
    assert (exception["id"], exception["subject"]) == (first["id"], "Moved")
    assert exception["seriesMasterId"] == master


def test_nothing_new_is_one_empty_page(api: GraphApi, graph: GraphControl) -> None:
    make_series(graph)
    _, link = api.baseline()
    body = api.get(link)
    assert body["value"] == []
    assert "@odata.deltaLink" in body


def test_links_are_absolute_and_opaque_and_repeatable(api: GraphApi, graph: GraphControl) -> None:
    make_series(graph)
    api.prefer = f"{IMMUTABLE}, odata.maxpagesize=2"
    body = api.get("me/calendarView/delta", **VIEW)
    link = body["@odata.nextLink"]
    assert link.startswith(api.base + "me/calendarView/delta?$skiptoken=")
    assert len(body["value"]) == 2
    assert api.get(link) == api.get(link)
    _, delta = api.follow(link)
    assert "?$deltatoken=" in delta
    assert "2026-03" not in delta
    assert api.follow(delta)[0] == api.follow(delta)[0] == []


def test_the_window_is_frozen_in_the_link(
    api: GraphApi, graph: GraphControl, control: ControlClient
) -> None:
    _, link = api.baseline()
    control.advance_clock(60 * 24 * 3600)
    api.token = graph.issue_tokens(PERSON).access_token
    make(graph, timed("2026-04-02T12:00:00", "2026-04-02T13:00:00"))
    make(graph, timed("2026-03-30T12:00:00", "2026-03-30T13:00:00", subject="Inside"))
    rows, link = api.follow(link, startDateTime="2026-04-01T00:00:00Z")
    assert [row.get("subject") for row in rows if "subject" in row] == ["Inside"]


def test_what_is_made_or_changed_outside_the_window_comes_as_removed(
    api: GraphApi, graph: GraphControl
) -> None:
    (known,) = make(graph, timed("2026-05-01T12:00:00", "2026-05-01T13:00:00"))
    rows, link = api.baseline()
    assert rows == []
    (new,) = make(graph, timed("2026-06-01T12:00:00", "2026-06-01T13:00:00"))
    graph.mutate(PERSON, "edit", known, changes={"subject": "Still outside"})
    rows, link = api.follow(link)
    assert {row["id"] for row in rows} == {known, new}
    assert all(row["@removed"] == {"reason": "deleted"} for row in rows)
    graph.change_graph_settings(foreign_tombstones=False)
    graph.mutate(PERSON, "edit", known, changes={"subject": "Once more"})
    assert api.follow(link)[0] == []


def test_an_event_moved_out_of_the_window_and_back(api: GraphApi, graph: GraphControl) -> None:
    (event,) = make(graph, timed("2026-03-03T12:00:00", "2026-03-03T13:00:00"))
    _, link = api.baseline()
    away = move("2026-09-03T12:00:00", "2026-09-03T13:00:00")
    graph.mutate(PERSON, "edit", event, changes=away)
    rows, link = api.follow(link)
    assert [(row["id"], "@removed" in row) for row in rows] == [(event, True)]
    assert api.get(f"me/events/{event}")["start"]["dateTime"].startswith("2026-09-03")
    graph.mutate(PERSON, "edit", event, changes=move("2026-03-04T12:00:00", "2026-03-04T13:00:00"))
    rows, _ = api.follow(link)
    assert [(row["id"], row["type"]) for row in rows] == [(event, "singleInstance")]


def test_a_deleted_event_is_removed_and_one_made_and_deleted_between_is_not_told(
    api: GraphApi, graph: GraphControl
) -> None:
    (event,) = make(graph, timed("2026-03-03T12:00:00", "2026-03-03T13:00:00"))
    _, link = api.baseline()
    (brief,) = make(graph, timed("2026-03-04T12:00:00", "2026-03-04T13:00:00"))
    for one in (event, brief):
        graph.mutate(PERSON, "delete", one)
    rows, _ = api.follow(link)
    assert [row["id"] for row in rows] == [event]
    assert api.error("GET", f"me/events/{event}") == (404, "ErrorItemNotFound")


def test_a_deleted_occurrence_leaves_no_tombstone_but_its_master_appears(
    api: GraphApi, graph: GraphControl
) -> None:
    master = make_series(graph)
    _, link = api.baseline()
    graph.mutate(PERSON, "delete_one", master, original_start="2026-03-09T09:00:00+01:00")
    rows, link = api.follow(link)
    assert [(row["id"], row["type"]) for row in rows] == [(master, "seriesMaster")]
    left = api.listed(f"me/events/{master}/instances", **VIEW)
    assert len(left) == 4
    assert "2026-03-09T08:00" not in starts(left)
    graph.change_graph_settings(occurrence_tombstones=True)
    graph.mutate(PERSON, "delete_one", master, original_start="2026-03-16T09:00:00+01:00")
    rows, _ = api.follow(link)
    assert kinds(rows) == ["removed", "seriesMaster"]


def test_one_moved_occurrence_comes_alone_with_its_master(
    api: GraphApi, graph: GraphControl
) -> None:
    master = make_series(graph, subject="Standup")
    _, link = api.baseline()
    changes = move("2026-03-10T15:00:00", "2026-03-10T16:00:00")
    start = "2026-03-09T09:00:00+01:00"
    graph.mutate(PERSON, "edit_one", master, original_start=start, changes=changes)
    rows, _ = api.follow(link)
    assert kinds(rows) == ["exception", "seriesMaster"]
    exception = next(row for row in rows if row["type"] == "exception")
    assert exception["start"]["dateTime"].startswith("2026-03-10T14:00")
    assert exception["originalStart"] == "2026-03-09T08:00:00Z"
    assert exception["subject"] == "Standup"


def test_an_occurrence_moved_out_of_the_window_is_removed(
    api: GraphApi, graph: GraphControl
) -> None:
    master = make_series(graph)
    _, link = api.baseline()
    start = "2026-03-30T09:00:00+02:00"
    changes = move("2026-04-20T09:00:00", "2026-04-20T10:00:00")
    graph.mutate(PERSON, "edit_one", master, original_start=start, changes=changes)
    rows, link = api.follow(link)
    assert kinds(rows) == ["removed", "seriesMaster"]
    changes = move("2026-03-29T09:00:00", "2026-03-29T10:00:00")
    graph.mutate(PERSON, "edit_one", master, original_start=start, changes=changes)
    rows, _ = api.follow(link)
    assert kinds(rows) == ["exception", "seriesMaster"]


def test_an_exception_changed_outside_the_window_is_a_false_removal(
    api: GraphApi, graph: GraphControl
) -> None:
    master = make_series(graph)
    _, link = api.baseline()
    start = "2026-06-01T09:00:00+02:00"
    graph.mutate(PERSON, "edit_one", master, original_start=start, changes={"subject": "Far"})
    rows, _ = api.follow(link)
    assert kinds(rows) == ["removed", "seriesMaster"]


def test_a_changed_master_brings_every_occurrence_again(api: GraphApi, graph: GraphControl) -> None:
    master = make_series(graph)
    _, link = api.baseline()
    graph.mutate(PERSON, "edit", master, changes={"subject": "Renamed"})
    rows, _ = api.follow(link)
    assert kinds(rows) == [*["occurrence"] * 5, "seriesMaster"]


def test_a_deleted_series_removes_its_master_and_what_was_in_the_window(
    api: GraphApi, graph: GraphControl
) -> None:
    master = make_series(graph)
    rows, link = api.baseline()
    known = {row["id"] for row in rows}
    graph.mutate(PERSON, "delete", master)
    removed, _ = api.follow(link)
    assert {row["id"] for row in removed} == known
    assert all("@removed" in row for row in removed)


def test_this_and_following_ends_the_series_and_begins_another(
    api: GraphApi, graph: GraphControl
) -> None:
    master = make_series(graph, subject="Standup", showAs="oof")
    _, link = api.baseline()
    start = "2026-03-16T09:00:00+01:00"
    changes = {"subject": "Later", **move("2026-03-16T11:00:00", "2026-03-16T12:00:00")}
    ended, begun = graph.mutate(
        PERSON, "edit_following", master, original_start=start, changes=changes
    )
    assert ended["recurrence"]["range"]["endDate"] == "2026-03-15"
    assert (begun["subject"], begun["showAs"]) == ("Later", "oof")
    assert begun["id"] != master
    assert begun["iCalUId"] != ended["iCalUId"]
    rows, _ = api.follow(link)
    assert kinds(rows) == [*["occurrence"] * 3, "seriesMaster", "seriesMaster"]
    assert starts(api.listed("me/calendarView", **VIEW)) == [
        "2026-03-02T08:00",
        "2026-03-09T08:00",
        "2026-03-16T10:00",
        "2026-03-23T10:00",
        "2026-03-30T09:00",
    ]


def test_a_numbered_series_keeps_its_number_when_it_is_split(
    api: GraphApi, graph: GraphControl
) -> None:
    body = timed("2026-03-02T09:00:00", "2026-03-02T10:00:00")
    (master,) = make(graph, {**body, "recurrence": counted(repeat("2026-03-02"), 5)})
    split = "2026-03-05T09:00:00+01:00"
    _, begun = graph.mutate(
        PERSON, "edit_following", master, original_start=split, changes={"subject": "Rest"}
    )
    assert begun["recurrence"]["range"]["numberOfOccurrences"] == 2
    assert len(api.listed("me/calendarView", **VIEW)) == 5
    (shorter,) = graph.mutate(
        PERSON, "delete_following", master, original_start="2026-03-03T09:00:00+01:00"
    )
    assert shorter["recurrence"]["range"]["endDate"] == "2026-03-02"
    assert len(api.listed("me/calendarView", **VIEW)) == 3


def test_a_new_time_or_pattern_resets_exceptions_and_a_new_end_keeps_them(
    api: GraphApi, graph: GraphControl
) -> None:
    master = make_series(graph)
    graph.mutate(
        PERSON,
        "edit_one",
        master,
        original_start="2026-03-09T09:00:00+01:00",
        changes={"subject": "Own"},
    )
    graph.mutate(PERSON, "delete_one", master, original_start="2026-03-16T09:00:00+01:00")
    shorter = {**WEEKLY, "range": {**WEEKLY["range"], "type": "endDate", "endDate": "2026-03-25"}}
    graph.mutate(PERSON, "edit", master, changes={"recurrence": shorter})
    rows = api.listed("me/calendarView", **VIEW)
    assert kinds(rows) == ["exception", "occurrence", "occurrence"]
    graph.mutate(PERSON, "edit", master, changes=move("2026-03-02T10:00:00", "2026-03-02T11:00:00"))
    rows = api.listed("me/calendarView", **VIEW)
    assert kinds(rows) == ["occurrence"] * 4


def test_another_pattern_resets_exceptions_that_it_would_still_hold(
    api: GraphApi, graph: GraphControl
) -> None:
    master = make_series(graph)
    start = "2026-03-09T09:00:00+01:00"
    graph.mutate(PERSON, "edit_one", master, original_start=start, changes={"subject": "Own"})
    graph.mutate(PERSON, "delete_one", master, original_start="2026-03-16T09:00:00+01:00")
    graph.mutate(PERSON, "edit", master, changes={"recurrence": repeat("2026-03-02")})
    rows = api.listed("me/calendarView", **VIEW)
    assert kinds(rows) == ["occurrence"] * 30


def test_a_series_that_becomes_single_removes_its_occurrences(
    api: GraphApi, graph: GraphControl
) -> None:
    master = make_series(graph)
    _, link = api.baseline()
    graph.mutate(PERSON, "edit", master, changes={"recurrence": None})
    rows, _ = api.follow(link)
    assert kinds(rows) == [*["removed"] * 5, "singleInstance"]


def test_editing_all_overwrites_what_exceptions_had_of_their_own(graph: GraphControl) -> None:
    master = make_series(graph)
    changes: Json = {"subject": "Own", "showAs": "free"}
    start = "2026-03-09T09:00:00+01:00"
    graph.mutate(PERSON, "edit_one", master, original_start=start, changes=changes)
    graph.mutate(PERSON, "edit", master, changes={"subject": "All but one"})
    exception = next(row for row in graph.truth(PERSON) if row["type"] == "exception")
    assert exception["subject"] == "Own"
    graph.mutate(PERSON, "edit_all", master, changes={"subject": "All"})
    exception = next(row for row in graph.truth(PERSON) if row["type"] == "exception")
    assert (exception["subject"], exception["showAs"]) == ("All", "free")


def test_a_cancelled_meeting_stays_listed(api: GraphApi, graph: GraphControl) -> None:
    boss = {"emailAddress": {"address": "boss@client.example", "name": "Boss"}}
    body = timed("2026-03-03T12:00:00", "2026-03-03T13:00:00", subject="Review")
    (event,) = make(graph, {**body, "organizer": boss})
    _, link = api.baseline()
    graph.mutate(PERSON, "cancel", event)
    ((row), *others), _ = api.follow(link)
    assert not others
    assert (row["isCancelled"], row["showAs"]) == (True, "free")
    assert row["subject"] == "Canceled: Review"


def test_pages_may_be_empty_and_rows_may_come_twice_and_again(
    api: GraphApi, graph: GraphControl, control: ControlClient
) -> None:
    (quiet,) = make(graph, timed("2026-03-03T12:00:00", "2026-03-03T13:00:00"))
    master = make_series(graph)
    control.change_settings(page_size=2, empty_page_every=2)
    graph.change_graph_settings(duplicate_probability=1.0, replay_probability=1.0)
    body = api.get("me/calendarView/delta", **VIEW)
    sizes = [len(body["value"])]
    while "@odata.nextLink" in body:
        body = api.get(body["@odata.nextLink"])
        sizes.append(len(body["value"]))
    assert sizes == [2, 0] * 6 + [2]
    graph.mutate(PERSON, "edit", master, changes={"subject": "Changed"})
    rows, _ = api.follow(body["@odata.deltaLink"])
    assert [row["id"] for row in rows].count(master) == 2
    assert [row["id"] for row in rows].count(quiet) == 2


def test_the_order_of_rows_means_nothing_and_hangs_on_the_seed(
    api: GraphApi, graph: GraphControl
) -> None:
    make_series(graph)
    make(graph, timed("2026-03-03T12:00:00", "2026-03-03T13:00:00"))
    orders = set()
    for seed in range(4):
        graph.change_graph_settings(order_seed=seed)
        first, second = api.baseline()[0], api.baseline()[0]
        assert first == second
        orders.add(tuple(row["id"] for row in first))
    assert len(orders) > 1


@pytest.mark.parametrize("link", ["delta", "next"])
def test_expired_links_are_410_with_a_place_to_begin_anew(
    api: GraphApi, graph: GraphControl, link: str
) -> None:
    make_series(graph)
    _, delta = api.baseline()
    api.prefer = "odata.maxpagesize=1"
    pending = api.get("me/calendar/calendarView/delta", **VIEW)["@odata.nextLink"]
    graph.expire_delta_tokens(PERSON)
    answer = api.send("GET", delta if link == "delta" else pending)
    assert answer.status_code == 410
    assert answer.json()["error"]["code"] == "SyncStateNotFound"
    rows, _ = api.follow(answer.headers["Location"])
    assert len(rows) == 6


def test_expired_links_can_answer_404_and_tokens_can_age(
    api: GraphApi, graph: GraphControl, control: ControlClient
) -> None:
    _, link = api.baseline()
    graph.expire_delta_tokens(PERSON, "primary", answer="not_found")
    assert api.error("GET", link) == (404, "SyncStateNotFound")
    _, link = api.baseline()
    graph.change_graph_settings(delta_token_seconds=600)
    assert api.follow(link)[0] == []
    control.advance_clock(600)
    assert api.error("GET", link) == (410, "SyncStateNotFound")


@pytest.mark.parametrize(
    "name", ["$select", "$filter", "$expand", "$orderby", "$search", "$top", "$skip", "$count"]
)
def test_query_options_are_refused(api: GraphApi, name: str) -> None:
    answer = api.error("GET", "me/calendarView/delta", params={**VIEW, name: "1"})
    assert answer == (400, "ErrorInvalidUrlQuery")


def test_the_window_is_mandatory_and_tokens_belong_to_their_calendar(
    api: GraphApi, graph: GraphControl
) -> None:
    assert api.error("GET", "me/calendarView/delta") == (400, "ErrorInvalidRequest")
    _, link = api.baseline()
    other = graph.add_calendar(PERSON, "Other")["id"]
    token = link.partition("=")[2]
    path = f"me/calendars/{other}/calendarView/delta"
    foreign = api.error("GET", path, params={"$deltatoken": token})
    assert foreign == (400, "ErrorInvalidUrlQuery")
    broken = api.error("GET", path, params={"$deltatoken": "abc"})
    assert broken == (400, "ErrorInvalidUrlQuery")
    graph.remove_calendar(PERSON, other)
    assert api.error("GET", path, params=VIEW) == (404, "ErrorItemNotFound")


def test_preferences_hold_for_one_call_only(api: GraphApi, graph: GraphControl) -> None:
    make(graph, timed("2026-03-03T12:00:00", "2026-03-03T13:00:00"))
    make(graph, all_day("2026-03-05", "2026-03-06"))
    api.prefer = f'{IMMUTABLE}, outlook.timezone="W. Europe Standard Time", odata.maxpagesize=1'
    first = api.get("me/calendarView/delta", **VIEW)
    api.prefer = ""
    second = api.get(first["@odata.nextLink"])
    rows = first["value"] + second["value"]
    assert rows[0]["start"]["timeZone"] == "W. Europe Standard Time"
    assert rows[1]["start"]["timeZone"] == "UTC"
    known = {row["id"] for row in graph.truth(PERSON)}
    assert [row["id"] in known for row in rows] == [True, False]
    assert api.get(f"me/events/{rows[1]['id']}")["id"] == rows[1]["id"]


def test_changes_on_calendars_are_told_apart(api: GraphApi, graph: GraphControl) -> None:
    other = str(graph.add_calendar(PERSON, "Other")["id"])
    _, main = api.baseline()
    _, beside = api.baseline(f"me/calendars/{other}")
    body = timed("2026-03-03T12:00:00", "2026-03-03T13:00:00")
    graph.create_events(PERSON, [body], other)
    assert api.follow(main)[0] == []
    assert len(api.follow(beside)[0]) == 1


def test_windows_are_half_open_and_all_day_events_lie_in_utc(
    api: GraphApi, graph: GraphControl
) -> None:
    ends = timed("2026-03-01T00:00:00", "2026-03-02T00:00:00", "UTC")
    begins = timed("2026-03-03T00:00:00", "2026-03-04T00:00:00", "UTC")
    point = timed("2026-03-02T00:00:00", "2026-03-02T00:00:00", "UTC", subject="Point")
    day = all_day("2026-03-02", "2026-03-03", subject="Day")
    make(graph, ends, begins, point, day)
    window = {"startDateTime": "2026-03-02T00:00:00Z", "endDateTime": "2026-03-03T00:00:00"}
    rows, _ = api.baseline(**window)
    assert {row["subject"] for row in rows} == {"Point", "Day"}


def test_links_survive_the_access_token(
    api: GraphApi, graph: GraphControl, control: ControlClient
) -> None:
    _, link = api.baseline()
    control.advance_clock(timedelta(hours=2).total_seconds())
    assert api.error("GET", link) == (401, "InvalidAuthenticationToken")
    api.token = graph.issue_tokens(PERSON).access_token
    assert api.follow(link)[0] == []
