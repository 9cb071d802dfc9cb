"""Schedules, event types, slots and out-of-office entries of the sandbox's Cal.com."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import requests

from calendar_manager.sandbox.control_client import CaldotcomControl, ControlClient, ControlError
from tests.sandbox.caldotcom_sandbox_api import HOST, CaldotcomApi, Json, at, open_account, text

pytestmark = pytest.mark.unit


@pytest.fixture
def api(control: ControlClient, web: requests.Session) -> CaldotcomApi:
    return open_account(control, web)


@pytest.fixture
def caldotcom(control: ControlClient, api: CaldotcomApi) -> CaldotcomControl:
    del api
    return control.caldotcom


def hours(days: list[str], start: str, end: str) -> Json:
    return {"days": days, "startTime": start, "endTime": end}


def override(on: str, start: str, end: str) -> Json:
    return {"date": on, "startTime": start, "endTime": end}


# Schedules


def test_a_new_account_has_one_default_schedule(api: CaldotcomApi) -> None:
    (only,) = api.get("schedules")
    weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
    assert only["availability"] == [hours(weekdays, "09:00", "17:00")]
    assert (only["isDefault"], only["timeZone"], only["overrides"]) == (True, "Europe/Berlin", [])
    assert api.get("schedules/default") == only
    assert api.get("me")["defaultScheduleId"] == only["id"]


def test_arrays_replace_what_is_there_and_an_empty_one_clears_it(api: CaldotcomApi) -> None:
    made = api.post("schedules", {"name": "Export", "timeZone": "Europe/Rome", "isDefault": False})
    path = f"schedules/{made['id']}"
    assert made["availability"][0]["startTime"] == "09:00"
    first, second = (
        override("2026-03-03", "10:00", "11:00"),
        override("2026-03-03", "14:00", "15:00"),
    )
    shown = api.ok("PATCH", path, json={"overrides": [first, second]})
    assert shown["overrides"] == [first, second]
    assert shown["availability"] == made["availability"]
    monday = hours(["Monday"], "08:00", "12:00")
    shown = api.ok("PATCH", path, json={"availability": [monday], "name": "New"})
    assert (shown["availability"], shown["name"]) == ([monday], "New")
    assert shown["overrides"] == [first, second]
    shown = api.ok("PATCH", path, json={"availability": [], "overrides": []})
    assert (shown["availability"], shown["overrides"]) == ([], [])
    assert api.get(path) == shown


def test_a_wrong_patch_changes_nothing(api: CaldotcomApi) -> None:
    (before,) = api.get("schedules")
    for wrong in (
        {"overrides": [override("2026-03-32", "10:00", "11:00")]},
        {"overrides": [override("2026-03-03", "9:00", "11:00")]},
        {"overrides": [override("2026-03-03", "12:00", "11:00")]},
        {"availability": [hours(["Mon"], "08:00", "12:00")]},
        {"availability": [hours(["Monday"], "08:00", "24:00")]},
        {"availability": [hours(["Monday"], "08:00", "08:00")]},
        {"timeZone": "Mars/Base"},
        {"isDefault": "yes"},
    ):
        status, _ = api.refused(
            "PATCH", f"schedules/{before['id']}", json={"name": "Changed", **wrong}
        )
        assert status == 400
    assert api.get("schedules") == [before]


def test_the_default_moves_and_cannot_be_deleted(api: CaldotcomApi) -> None:
    (first,) = api.get("schedules")
    second = api.post("schedules", {"name": "New", "timeZone": "UTC", "isDefault": True})
    assert [one["isDefault"] for one in api.get("schedules")] == [False, True]
    assert api.refused("DELETE", f"schedules/{second['id']}")[0] == 400
    api.ok("DELETE", f"schedules/{first['id']}")
    assert api.refused("GET", f"schedules/{first['id']}")[0] == 404
    assert api.refused("GET", "schedules/none")[0] == 404


def test_schedules_of_others_are_theirs(api: CaldotcomApi, caldotcom: CaldotcomControl) -> None:
    other = caldotcom.add_account("other@example.com")
    path = f"schedules/{other['defaultScheduleId']}"
    assert api.refused("GET", path)[0] == 403
    assert api.refused("PATCH", path, json={"name": "Mine"})[0] == 403


# Event types


def test_event_types_are_listed_for_their_owner_and_for_everyone(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    caldotcom.add_event_type(HOST, "Secret", hidden=True)
    assert [one["slug"] for one in api.get("event-types")] == ["15min", "30min", "secret"]
    newest = api.get("event-types", sortCreatedAt="desc")
    assert [one["slug"] for one in newest] == ["secret", "30min", "15min"]
    api.token = None
    shown = api.get("event-types", username="freelancer")
    assert [one["slug"] for one in shown] == ["15min", "30min"]
    (one,) = api.get("event-types", username="freelancer", eventSlug="30min")
    assert one["bookingUrl"] == "https://cal.com/freelancer/30min"
    assert api.get("event-types") == []


def test_event_types_are_made_and_changed(api: CaldotcomApi) -> None:
    body = {"title": "Workshop", "slug": "workshop", "lengthInMinutes": 90}
    made = api.post("event-types", body)
    path = f"event-types/{made['id']}"
    schedule = api.post("schedules", {"name": "Export", "timeZone": "UTC", "isDefault": False})
    changed = api.ok("PATCH", path, json={"scheduleId": schedule["id"], "lengthInMinutes": 60})
    assert (changed["scheduleId"], changed["lengthInMinutes"]) == (schedule["id"], 60)
    assert api.get(path) == changed
    assert api.refused("POST", "event-types", json=body)[0] == 400
    assert api.refused("PATCH", path, json={"slug": "30min"})[0] == 400
    assert api.refused("PATCH", path, json={"scheduleId": 1})[0] == 404
    assert api.get(path) == changed


# Slots


def slots(api: CaldotcomApi, start: str, end: str, **query: str) -> dict[str, list[str]]:
    days = api.get(
        "slots", start=start, end=end, eventTypeSlug="30min", username="freelancer", **query
    )
    return {on: [one["start"][11:] for one in found] for on, found in days.items()}


def test_slots_are_the_schedule_s_hours_in_the_zone_asked_for(api: CaldotcomApi) -> None:
    api.token = None
    in_utc = slots(api, "2026-03-03", "2026-03-03")
    assert list(in_utc) == ["2026-03-03"]
    assert (in_utc["2026-03-03"][0], in_utc["2026-03-03"][-1]) == ("08:00:00.000Z", "15:30:00.000Z")
    at_home = slots(api, "2026-03-03", "2026-03-03", timeZone="Europe/Berlin")
    assert at_home["2026-03-03"][0] == "09:00:00.000+01:00"
    assert slots(api, "2026-03-07", "2026-03-08") == {}


def test_bookings_and_absences_take_slots_away(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    caldotcom.book(HOST, at(3, 10), length_minutes=60)
    caldotcom.book(HOST, at(3, 12), status="pending")
    caldotcom.mutate(HOST, "cancel", caldotcom.book(HOST, at(3, 13))[0]["uid"])
    caldotcom.add_ooo(HOST, at(4, 0), at(4, 0))
    free = slots(api, "2026-03-03", "2026-03-04")
    assert list(free) == ["2026-03-03"]
    every = {f"{hour:02}:{minute:02}:00.000Z" for hour in range(8, 16) for minute in (0, 30)}
    assert every - set(free["2026-03-03"]) == {"10:00:00.000Z", "10:30:00.000Z"}


def test_overrides_replace_the_weekday_and_equal_times_are_a_day_off(api: CaldotcomApi) -> None:
    (schedule,) = api.get("schedules")
    rows = [
        override("2026-03-03", "14:00", "15:00"),
        override("2026-03-03", "10:00", "10:30"),
        override("2026-03-04", "00:00", "00:00"),
        override("2026-03-07", "10:00", "11:00"),
    ]
    api.ok("PATCH", f"schedules/{schedule['id']}", json={"overrides": rows})
    found = slots(api, "2026-03-03", "2026-03-08")
    assert found["2026-03-03"] == ["09:00:00.000Z", "13:00:00.000Z", "13:30:00.000Z"]
    assert "2026-03-04" not in found
    assert found["2026-03-07"] == ["09:00:00.000Z", "09:30:00.000Z"]


def test_slots_keep_the_wall_clock_over_a_clock_change(api: CaldotcomApi) -> None:
    found = slots(api, "2026-03-27", "2026-03-30")
    berlin = ZoneInfo("Europe/Berlin")
    for on in ("2026-03-27", "2026-03-30"):
        first = datetime.fromisoformat(f"{on}T{found[on][0]}").astimezone(berlin)
        assert first.hour == 9


def test_a_seated_time_stays_free_until_its_seats_are_taken(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    course = caldotcom.add_event_type(HOST, "Course", seats=2)
    query = {"eventTypeId": course["id"], "start": text(3, 10), "end": text(3, 10)}
    for number, free in ((1, True), (2, False)):
        email = f"{number}@client.example"
        caldotcom.book(HOST, at(3, 10), event_type="course", attendee_email=email)
        assert bool(api.get("slots", **query)) is free


# Out of office


def test_absences_span_whole_days_in_utc(api: CaldotcomApi) -> None:
    body = {"start": text(5, 15), "end": text(6, 9), "reason": "vacation", "notes": "Sea"}
    made = api.post("me/ooo", body)
    assert made == {
        "id": made["id"],
        "uuid": made["uuid"],
        "userId": api.get("me")["id"],
        "start": "2026-03-05T00:00:00.000Z",
        "end": "2026-03-06T23:59:59.999Z",
        "reason": "vacation",
        "notes": "Sea",
    }
    assert api.get("me/ooo") == [made]


def test_absences_are_changed_and_deleted(api: CaldotcomApi) -> None:
    made = api.post("me/ooo", {"start": text(5, 0), "end": text(5, 0)})
    assert made["reason"] == "unspecified"
    path = f"me/ooo/{made['id']}"
    changed = api.ok("PATCH", path, json={"reason": "sick", "notes": "Flu"})
    assert changed == {**made, "reason": "sick", "notes": "Flu"}
    moved = api.ok("PATCH", path, json={"start": text(9, 0), "end": text(10, 0)})
    assert (moved["start"][:10], moved["end"][:10]) == ("2026-03-09", "2026-03-10")
    assert api.ok("DELETE", path) == moved
    assert api.get("me/ooo") == []
    assert api.refused("DELETE", path)[0] == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"start": text(5, 0)}, 400),
        ({"start": text(6, 0), "end": text(5, 0)}, 400),
        ({"start": "2026-03-05", "end": "2026-03-06"}, 400),
        ({"start": text(5, 0), "end": text(6, 0), "reason": "party"}, 400),
        ({"start": text(3, 12), "end": text(3, 13)}, 409),
    ],
)
def test_wrong_absences_are_refused(api: CaldotcomApi, body: Json, status: int) -> None:
    made = api.post("me/ooo", {"start": text(3, 0), "end": text(3, 0)})
    assert api.refused("POST", "me/ooo", json=body)[0] == status
    assert api.refused("PATCH", f"me/ooo/{made['id']}", json={"start": text(5, 0)})[0] == 400
    assert api.get("me/ooo") == [made]


def test_absences_are_paged_and_sorted(
    control: ControlClient, api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    for day in (9, 5, 7):
        caldotcom.add_ooo(HOST, at(day, 0), at(day, 0))
    days = [one["start"][8:10] for one in api.get("me/ooo")]
    assert days == ["05", "07", "09"]
    shown = api.get("me/ooo", take=2, skip=1, sortEnd="desc")
    assert [one["start"][8:10] for one in shown] == ["07", "05"]
    assert api.refused("GET", "me/ooo", params={"take": 251})[0] == 400
    control.change_settings(page_size=1)
    assert len(api.get("me/ooo")) == 1


def test_older_builds_have_no_absences(control: ControlClient, api: CaldotcomApi) -> None:
    control.caldotcom.change_caldotcom_settings(out_of_office=False)
    assert api.refused("GET", "me/ooo") == (404, "Cannot GET /v2/me/ooo")
    assert api.refused("POST", "me/ooo", json={}) == (404, "Cannot POST /v2/me/ooo")


def test_control_changes_absences_as_a_person_does(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    made = caldotcom.add_ooo(HOST, at(5, 0), at(6, 0), reason="travel", notes="Rome")
    changed = caldotcom.change_ooo(HOST, made["id"], notes="Naples")
    assert caldotcom.truth(HOST).ooo == api.get("me/ooo") == [changed]
    assert changed["notes"] == "Naples"
    caldotcom.remove_ooo(HOST, made["id"])
    assert caldotcom.truth(HOST).ooo == []
    with pytest.raises(ControlError, match="404"):
        caldotcom.remove_ooo(HOST, made["id"])
