"""Reading and writing events through raw requests and Google's own client."""

from typing import Any

import pytest
from googleapiclient.errors import HttpError

from calendar_manager.sandbox.control_client import ControlClient
from tests.sandbox.sandbox_api import EMAIL, EVENTS, Api, Json, timed

pytestmark = pytest.mark.unit

DAILY = timed(
    "2026-03-06T09:00:00-06:00",
    "2026-03-06T10:00:00-06:00",
    id="standup",
    summary="Daily",
    recurrence=["RRULE:FREQ=DAILY;COUNT=5"],
)


def test_googles_own_client_writes_reads_and_deletes(google_client: Any) -> None:
    events = google_client.events()
    made = events.insert(
        calendarId="primary", body=timed("2026-03-02T09:00:00", "2026-03-02T10:00:00")
    ).execute()
    assert made["organizer"] == {"email": EMAIL, "self": True}
    assert made["iCalUID"] == f"{made['id']}@google.com"
    patched = events.patch(
        calendarId=EMAIL, eventId=made["id"], body={"summary": "Changed"}
    ).execute()
    assert (patched["summary"], patched["sequence"]) == ("Changed", 0)
    moved = events.patch(
        calendarId=EMAIL,
        eventId=made["id"],
        body=timed("2026-03-02T11:00:00", "2026-03-02T12:00:00"),
    ).execute()
    assert moved["sequence"] == 1
    assert moved["etag"] != patched["etag"]
    assert events.delete(calendarId=EMAIL, eventId=made["id"]).execute() == ""
    gone = events.get(calendarId=EMAIL, eventId=made["id"]).execute()
    assert gone["status"] == "cancelled"
    with pytest.raises(HttpError) as raised:
        events.delete(calendarId=EMAIL, eventId=made["id"]).execute()
    assert raised.value.status_code == 410


def test_offsets_are_shown_in_the_calendars_zone_and_the_events_zone_stays(api: Api) -> None:
    made = api.post(
        EVENTS, timed("2026-07-01T10:00:00", "2026-07-01T11:00:00", zone="Europe/Berlin")
    )
    assert made["start"] == {
        "dateTime": "2026-07-01T03:00:00-05:00",
        "timeZone": "Europe/Berlin",
    }
    (shown,), _ = api.listed(timeZone="Asia/Tokyo")
    assert shown["start"] == {
        "dateTime": "2026-07-01T17:00:00+09:00",
        "timeZone": "Europe/Berlin",
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "required"),
        (timed("2026-03-02T09:00:00", "2026-03-02T08:00:00"), "timeRangeEmpty"),
        ({"start": {"date": "2026-03-02"}, "end": {"date": "2026-03-02"}}, "timeRangeEmpty"),
        (timed("2026-03-02T09:00:00", "2026-03-02T10:00:00", zone="Mars/Base"), "invalid"),
        (
            {
                "start": {"dateTime": "2026-03-02T09:00:00"},
                "end": {"dateTime": "2026-03-02T10:00:00"},
            },
            "required",
        ),
        (
            {
                "start": {"dateTime": "2026-03-02T09:00:00Z"},
                "end": {"dateTime": "2026-03-02T10:00:00Z"},
                "recurrence": ["RRULE:FREQ=DAILY"],
            },
            "required",
        ),
        ({**DAILY, "recurrence": ["RRULE:FREQ=SOMETIMES"]}, "invalid"),
        ({**DAILY, "recurrence": ["DTSTART:20260306T090000"]}, "invalid"),
        ({**DAILY, "id": "Not-Base-32"}, "invalid"),
        ({**DAILY, "iCalUID": "both@example.com"}, "invalid"),
        ({**DAILY, "colour": "red"}, "invalid"),
        ({**DAILY, "summary": 7}, "invalid"),
        ({**DAILY, "status": "cancelled"}, "invalid"),
        ({**DAILY, "transparency": "milky"}, "invalid"),
        ({**DAILY, "attendees": [{"displayName": "Nobody"}]}, "required"),
    ],
)
def test_unacceptable_bodies_are_400(api: Api, body: Json, reason: str) -> None:
    assert api.error("POST", EVENTS, json=body) == (400, reason)
    assert api.listed()[0] == []


def test_an_id_is_taken_for_good_even_when_its_event_is_deleted(api: Api) -> None:
    api.post(EVENTS, DAILY)
    assert api.error("POST", EVENTS, json=DAILY) == (409, "duplicate")
    api.send("DELETE", f"{EVENTS}/standup")
    assert api.error("POST", EVENTS, json=DAILY) == (409, "duplicate")


def test_if_match_guards_writes(api: Api) -> None:
    made = api.post(EVENTS, DAILY)
    stale = {"If-Match": made["etag"]}
    patched = api.send("PATCH", f"{EVENTS}/standup", json={"summary": "One"}, headers=stale)
    assert patched.status_code == 200
    for method in ("PATCH", "PUT", "DELETE"):
        answer = api.error(method, f"{EVENTS}/standup", json=DAILY, headers=stale)
        assert answer == (412, "conditionNotMet")
    fresh = {"If-None-Match": patched.json()["etag"]}
    assert api.send("GET", f"{EVENTS}/standup", headers=fresh).status_code == 304


def test_an_events_type_is_fixed_for_life(api: Api) -> None:
    api.post(EVENTS, DAILY)
    change = {**DAILY, "eventType": "outOfOffice"}
    for method in ("PATCH", "PUT"):
        assert api.error(method, f"{EVENTS}/standup", json=change) == (400, "invalid")


def test_put_replaces_what_it_does_not_name(api: Api) -> None:
    api.post(EVENTS, {**DAILY, "location": "Here"})
    body = timed("2026-03-06T09:00:00-06:00", "2026-03-06T10:00:00-06:00", summary="Single")
    replaced = api.send("PUT", f"{EVENTS}/standup", json=body).json()
    assert "location" not in replaced
    assert "recurrence" not in replaced
    assert replaced["iCalUID"] == "standup@google.com"


def test_import_keeps_a_foreign_uid_and_updates_on_repeat(api: Api) -> None:
    body = timed("2026-03-02T09:00:00", "2026-03-02T10:00:00", iCalUID="abc@outlook.example")
    organizer = {"organizer": {"email": "boss@client.example"}}
    first = api.post(f"{EVENTS}/import", {**body, **organizer})
    second = api.post(f"{EVENTS}/import", {**body, **organizer, "summary": "Again"})
    assert first["id"] == second["id"]
    assert second["iCalUID"] == "abc@outlook.example"
    assert second["organizer"] == {"email": "boss@client.example"}
    rows, _ = api.listed()
    assert [row["summary"] for row in rows] == ["Again"]


def test_instances_keep_wall_clock_time_over_the_change_of_clocks(api: Api) -> None:
    api.post(EVENTS, DAILY)
    items = api.get(f"{EVENTS}/standup/instances")["items"]
    assert [item["id"] for item in items] == [
        "standup_20260306T150000Z",
        "standup_20260307T150000Z",
        "standup_20260308T140000Z",
        "standup_20260309T140000Z",
        "standup_20260310T140000Z",
    ]
    assert items[2]["start"]["dateTime"] == "2026-03-08T09:00:00-05:00"
    assert {item["recurringEventId"] for item in items} == {"standup"}


def test_all_day_series_have_date_instances(api: Api) -> None:
    body = {
        "id": "feast",
        "start": {"date": "2026-03-06"},
        "end": {"date": "2026-03-08"},
        "recurrence": ["RRULE:FREQ=WEEKLY;UNTIL=20260320"],
    }
    api.post(EVENTS, body)
    items = api.get(f"{EVENTS}/feast/instances")["items"]
    assert [item["id"] for item in items] == [
        "feast_20260306",
        "feast_20260313",
        "feast_20260320",
    ]
    assert items[0]["end"] == {"date": "2026-03-08"}


def test_an_instance_is_addressed_by_its_original_start(api: Api) -> None:
    api.post(EVENTS, DAILY)
    instance = f"{EVENTS}/standup_20260307T150000Z"
    moved = timed("2026-03-07T15:00:00-06:00", "2026-03-07T16:00:00-06:00")
    patched = api.send("PATCH", instance, json=moved).json()
    assert patched["originalStartTime"]["dateTime"] == "2026-03-07T09:00:00-06:00"
    assert patched["sequence"] == 1
    assert api.get(instance)["start"]["dateTime"] == "2026-03-07T15:00:00-06:00"
    assert api.error("PATCH", f"{EVENTS}/standup_20260307T160000Z", json=moved)[0] == 404
    assert api.error("GET", f"{EVENTS}/standup_20260401T140000Z")[0] == 404


def test_a_cancelled_exception_stays_in_lists_of_series_and_leaves_single_ones(api: Api) -> None:
    api.post(EVENTS, DAILY)
    api.send("DELETE", f"{EVENTS}/standup_20260307T150000Z")
    rows, _ = api.listed()
    assert sorted(rows[1]) == [
        "etag",
        "id",
        "kind",
        "originalStartTime",
        "recurringEventId",
        "status",
    ]
    singles, _ = api.listed(singleEvents="true")
    assert len(singles) == 4
    shown, _ = api.listed(singleEvents="true", showDeleted="true")
    assert [row["status"] for row in shown].count("cancelled") == 1
    again = api.error("DELETE", f"{EVENTS}/standup_20260307T150000Z")
    assert again == (410, "deleted")
    revived = api.send("PATCH", f"{EVENTS}/standup_20260307T150000Z", json={"status": "confirmed"})
    assert revived.json()["summary"] == "Daily"


def test_a_full_list_carries_no_tombstones(api: Api) -> None:
    api.post(EVENTS, DAILY)
    api.send("DELETE", f"{EVENTS}/standup")
    assert api.listed()[0] == []
    (tombstone,) = api.listed(showDeleted="true")[0]
    assert sorted(tombstone) == ["etag", "id", "kind", "status"]


def test_time_bounds_take_the_end_and_the_start_exclusively(api: Api) -> None:
    api.post(EVENTS, timed("2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z", zone="UTC"))

    def count(lower: str, upper: str) -> int:
        return len(api.listed(timeMin=lower, timeMax=upper)[0])

    assert count("2026-03-02T09:59:59Z", "2026-03-02T11:00:00Z") == 1
    assert count("2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z") == 0
    assert count("2026-03-02T08:00:00Z", "2026-03-02T09:00:01Z") == 1
    assert count("2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z") == 0


def test_a_window_lists_a_series_with_an_instance_inside_it(api: Api) -> None:
    api.post(EVENTS, DAILY)
    window = {"timeMin": "2026-03-09T00:00:00Z", "timeMax": "2026-03-10T00:00:00Z"}
    assert [row["id"] for row in api.listed(**window)[0]] == ["standup"]
    singles, _ = api.listed(**window, singleEvents="true")
    assert [row["id"] for row in singles] == ["standup_20260309T140000Z"]
    later = {"timeMin": "2026-03-12T00:00:00Z", "timeMax": "2026-03-13T00:00:00Z"}
    assert api.listed(**later)[0] == []


def test_attendees_tell_which_one_is_me(api: Api, control: ControlClient) -> None:
    attendees = [{"email": EMAIL.upper()}, {"email": "ann@client.example"}]
    body = timed("2026-03-02T09:00:00", "2026-03-02T10:00:00", attendees=attendees)
    made = api.post(EVENTS, body)
    assert made["attendees"][0]["self"] is True
    assert "self" not in made["attendees"][1]
    control.mutate(EMAIL, "respond", made["id"], changes={"responseStatus": "declined"})
    (row,), _ = api.listed(maxAttendees=1)
    assert row["attendeesOmitted"] is True
    assert [one["responseStatus"] for one in row["attendees"]] == ["declined"]


def test_changing_a_master_reaches_exceptions_where_they_did_not_differ(api: Api) -> None:
    api.post(EVENTS, DAILY)
    api.send("PATCH", f"{EVENTS}/standup_20260307T150000Z", json={"summary": "Own name"})
    api.send("PATCH", f"{EVENTS}/standup", json={"summary": "New", "location": "There"})
    _, exception = api.listed()[0]
    assert (exception["summary"], exception["location"]) == ("Own name", "There")


def test_moving_a_master_leaves_exceptions_behind_as_bare_ids(api: Api) -> None:
    api.post(EVENTS, DAILY)
    api.send("PATCH", f"{EVENTS}/standup_20260307T150000Z", json={"summary": "Own name"})
    _, token = api.listed()
    moved = timed("2026-03-06T12:00:00-06:00", "2026-03-06T13:00:00-06:00")
    api.send("PATCH", f"{EVENTS}/standup", json=moved)
    rows, _ = api.listed(syncToken=token)
    assert [sorted(row) for row in rows[1:]] == [["etag", "id", "kind", "status"]]
    assert rows[1]["status"] == "cancelled"


def test_a_private_life_shows_bare_times_to_free_busy_readers(
    api: Api, control: ControlClient
) -> None:
    control.add_account("boss@example.com")
    control.create_events(
        "boss@example.com",
        [timed("2026-03-02T09:00:00", "2026-03-02T10:00:00", summary="Secret")],
    )
    control.add_calendar(EMAIL, "", calendar_id="boss@example.com", access_role="freeBusyReader")
    (row,) = api.get("calendars/boss@example.com/events")["items"]
    assert "summary" not in row
    assert row["visibility"] == "private"
    path = "calendars/boss@example.com/events"
    body = timed("2026-03-02T09:00:00", "2026-03-02T10:00:00")
    assert api.error("POST", path, json=body) == (403, "requiredAccessLevel")
    assert api.error("GET", "calendars/nobody@example.com/events") == (404, "notFound")


def test_moving_an_event_takes_it_off_one_calendar_and_puts_it_on_the_other(
    api: Api, control: ControlClient
) -> None:
    other = control.add_calendar(EMAIL, "Work", time_zone="Europe/Berlin")["id"]
    api.post(EVENTS, DAILY)
    api.send("DELETE", f"{EVENTS}/standup_20260307T150000Z")
    _, token = api.listed()
    moved = api.post(f"{EVENTS}/standup/move", {}, destination=other)
    assert moved["organizer"]["email"] == other
    rows, _ = api.listed(syncToken=token)
    assert [(row["id"], row["status"]) for row in rows] == [("standup", "cancelled")]
    there = api.get(f"calendars/{other}/events")["items"]
    assert [row["id"] for row in there] == ["standup", "standup_20260307T150000Z"]
    assert there[1]["originalStartTime"]["dateTime"] == "2026-03-07T16:00:00+01:00"


def test_free_busy_merges_and_leaves_out_what_does_not_block(
    api: Api, control: ControlClient
) -> None:
    declined = [{"email": EMAIL, "responseStatus": "declined"}]
    api.post(EVENTS, DAILY)
    for body in (
        timed("2026-03-06T09:30:00", "2026-03-06T11:00:00"),
        timed("2026-03-06T12:00:00", "2026-03-06T13:00:00", transparency="transparent"),
        timed("2026-03-06T14:00:00", "2026-03-06T15:00:00", attendees=declined),
    ):
        api.post(EVENTS, body)
    answer = api.post(
        "freeBusy",
        {
            "timeMin": "2026-03-06T00:00:00-06:00",
            "timeMax": "2026-03-07T00:00:00-06:00",
            "timeZone": "America/Chicago",
            "items": [{"id": "primary"}, {"id": "nobody@example.com"}],
        },
    )
    assert answer["calendars"]["primary"]["busy"] == [
        {"start": "2026-03-06T09:00:00-06:00", "end": "2026-03-06T11:00:00-06:00"}
    ]
    errors = answer["calendars"]["nobody@example.com"]["errors"]
    assert errors == [{"domain": "global", "reason": "notFound"}]
    assert control.truth(EMAIL)[0]["id"] == "standup"


def test_partial_answers_carry_what_fields_names(api: Api) -> None:
    api.post(EVENTS, DAILY)
    page = api.get(EVENTS, fields="nextPageToken,items(id,start/dateTime)")
    assert page == {
        "items": [{"id": "standup", "start": {"dateTime": "2026-03-06T09:00:00-06:00"}}]
    }
    assert api.error("GET", EVENTS, params={"fields": "items(id"}) == (400, "invalid")
