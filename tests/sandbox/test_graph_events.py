"""Calendars and events as Graph's own endpoints write and show them."""

from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from calendar_manager.sandbox.control_client import ControlClient, ControlError, GraphControl
from tests.sandbox.graph_api import (
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

LUNCH = timed("2026-03-03T12:00:00", "2026-03-03T13:00:00", subject="Lunch")
DAILY = timed("2026-03-02T09:00:00", "2026-03-02T10:00:00", recurrence=repeat("2026-03-02"))
BOSS = {"emailAddress": {"address": "boss@client.example", "name": "Boss"}}


@pytest.fixture
def graph(control: ControlClient) -> GraphControl:
    control.graph.add_account(PERSON, name="Ana Lee")
    return control.graph


@pytest.fixture
def api(control: ControlClient, graph: GraphControl, web: requests.Session) -> GraphApi:
    del graph
    return GraphApi(control, web)


def test_a_created_event_has_what_outlook_gives_it(api: GraphApi) -> None:
    made = api.post("me/events", LUNCH)
    assert made["start"] == {"dateTime": "2026-03-03T11:00:00.0000000", "timeZone": "UTC"}
    assert made["originalStartTimeZone"] == "W. Europe Standard Time"
    assert (made["type"], made["showAs"], made["sensitivity"]) == (
        "singleInstance",
        "busy",
        "normal",
    )
    assert made["isOrganizer"] is True
    assert made["responseStatus"] == {"response": "organizer", "time": "0001-01-01T00:00:00Z"}
    assert made["organizer"]["emailAddress"] == {"name": "Ana Lee", "address": PERSON}
    assert api.get(f"me/events/{made['id']}") == made
    assert api.get(f"me/calendar/events/{made['id']}") == made


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("W. Europe Standard Time", "2026-03-03T12:00:00.0000000"),
        ("America/New_York", "2026-03-03T06:00:00.0000000"),
        ("UTC", "2026-03-03T11:00:00.0000000"),
    ],
)
def test_times_are_shown_in_the_zone_asked_for(api: GraphApi, asked: str, shown: str) -> None:
    made = api.post("me/events", LUNCH)
    api.prefer = f'outlook.timezone="{asked}", IdType="ImmutableId"'
    answer = api.send("GET", f"me/events/{made['id']}")
    assert answer.json()["start"] == {"dateTime": shown, "timeZone": asked}
    assert f'outlook.timezone="{asked}"' in answer.headers["Preference-Applied"]


def test_zones_without_a_windows_name_keep_their_own(api: GraphApi) -> None:
    made = api.post("me/events", timed("2026-07-03T12:00:00", "2026-07-03T13:00:00", "Asia/Gaza"))
    assert made["originalStartTimeZone"] == "Asia/Gaza"
    unknown = timed("2026-07-03T12:00:00", "2026-07-03T13:00:00", "Mars/Base")
    refused = (400, "TimeZoneNotSupportedException")
    assert api.error("POST", "me/events", json=unknown) == refused
    headers = {"Prefer": 'outlook.timezone="Mars"'}
    assert api.error("GET", "me/events", headers=headers) == refused


@pytest.mark.parametrize("zone", ["UTC", "Pacific Standard Time", "Tokyo Standard Time"])
def test_all_day_events_are_midnight_to_midnight_in_every_zone(api: GraphApi, zone: str) -> None:
    made = api.post("me/events", all_day("2026-03-05", "2026-03-07", "Europe/Berlin"))
    api.prefer = f'outlook.timezone="{zone}", IdType="ImmutableId"'
    shown = api.get(f"me/events/{made['id']}")
    assert shown["isAllDay"] is True
    assert shown["start"] == {"dateTime": "2026-03-05T00:00:00.0000000", "timeZone": zone}
    assert shown["end"] == {"dateTime": "2026-03-07T00:00:00.0000000", "timeZone": zone}


@pytest.mark.parametrize(
    "changes",
    [
        {"start": at("2026-03-05T01:00:00")},
        {"end": at("2026-03-05T00:00:00")},
        {"end": at("2026-03-06T00:00:00", "UTC")},
    ],
)
def test_all_day_events_that_are_no_days_are_refused(api: GraphApi, changes: Json) -> None:
    body = {**all_day("2026-03-05", "2026-03-06"), **changes}
    assert api.error("POST", "me/events", json=body) == (400, "ErrorPropertyValidationFailure")


def test_times_in_a_gap_move_forward(api: GraphApi) -> None:
    made = api.post("me/events", timed("2026-03-29T02:30:00", "2026-03-29T04:00:00"))
    assert made["start"]["dateTime"].startswith("2026-03-29T01:30")
    assert made["end"]["dateTime"].startswith("2026-03-29T02:00")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"subject": "No times"}, "ErrorPropertyValidationFailure"),
        (timed("2026-03-03T12:00:00", "2026-03-03T11:00:00"), "ErrorPropertyValidationFailure"),
        (timed("noon", "2026-03-03T13:00:00"), "ErrorPropertyValidationFailure"),
        (timed("0001-01-01T00:00:00", "2026-03-03T13:00:00"), "ErrorPropertyValidationFailure"),
        ({**LUNCH, "showAs": "asleep"}, "RequestBodyRead"),
        ({**LUNCH, "surprise": 1}, "RequestBodyRead"),
        ({**DAILY, "recurrence": repeat("2026-03-01")}, "ErrorPropertyValidationFailure"),
        ({**DAILY, "recurrence": repeat("2026-03-02", "weekly")}, "ErrorPropertyValidationFailure"),
        (
            {**DAILY, "recurrence": counted(repeat("2026-03-02"), 0)},
            "ErrorPropertyValidationFailure",
        ),
        (
            {
                **DAILY,
                "recurrence": {
                    "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["friday"]},
                    "range": {
                        "type": "endDate",
                        "startDate": "2026-03-02",
                        "endDate": "2026-03-05",
                    },
                },
            },
            "ErrorRecurrenceHasNoOccurrence",
        ),
    ],
)
def test_unacceptable_events_are_400(api: GraphApi, body: Json, code: str) -> None:
    assert api.error("POST", "me/events", json=body) == (400, code)
    assert api.listed("me/events") == []


def test_read_only_properties_are_taken_and_ignored(api: GraphApi) -> None:
    made = api.post("me/events", {**LUNCH, "iCalUId": "mine", "isCancelled": True, "id": "mine"})
    assert made["iCalUId"] != "mine"
    assert made["isCancelled"] is False
    changed = api.patch(f"me/events/{made['id']}", {**made, "subject": "Dinner"})
    assert changed["subject"] == "Dinner"
    assert changed["start"] == made["start"]


def test_a_repeated_transaction_makes_no_second_event(api: GraphApi) -> None:
    body = {**LUNCH, "transactionId": "once"}
    first, second = api.post("me/events", body), api.post("me/events", body)
    assert first == second
    assert first["transactionId"] == "once"
    other = {**body, "subject": "Another"}
    assert api.error("POST", "me/events", json=other) == (409, "ErrorDuplicateTransactionId")
    assert len(api.listed("me/events")) == 1
    change = {"transactionId": "twice"}
    assert api.error("PATCH", f"me/events/{first['id']}", json=change)[0] == 400


def test_writes_can_insist_on_a_version(api: GraphApi) -> None:
    made = api.post("me/events", LUNCH)
    path = f"me/events/{made['id']}"
    api.patch(path, {"subject": "Dinner"})
    stale = {"If-Match": made["@odata.etag"]}
    conflict = (412, "ErrorIrresolvableConflict")
    assert api.error("PATCH", path, json={"subject": "Tea"}, headers=stale) == conflict
    assert api.error("DELETE", path, headers=stale) == conflict
    fresh = {"If-Match": api.get(path)["@odata.etag"]}
    assert api.send("DELETE", path, headers=fresh).status_code == 204
    assert api.error("GET", path) == (404, "ErrorItemNotFound")


def test_both_ids_name_the_same_event_and_case_matters(api: GraphApi) -> None:
    made = api.post("me/events", LUNCH)
    api.prefer = ""
    ordinary = api.listed("me/events")[0]["id"]
    assert ordinary != made["id"]
    assert api.get(f"me/events/{ordinary}") == api.get(f"me/events/{made['id']}")
    swapped = ordinary.swapcase()
    assert api.error("GET", f"me/events/{swapped}")[1] == "ErrorInvalidIdMalformed"
    changed = ordinary[:40] + ordinary[40:].swapcase()
    assert api.error("GET", f"me/events/{changed}")[0] in {400, 404}


def test_a_patched_occurrence_becomes_an_exception_and_a_deleted_one_goes(api: GraphApi) -> None:
    master = api.post("me/events", {**DAILY, "subject": "Standup"})
    rows = api.listed(f"me/events/{master['id']}/instances", **VIEW)
    assert len(rows) == 30
    first, second = rows[0], rows[1]
    changed = api.patch(f"me/events/{first['id']}", {"subject": "Own", "showAs": "free"})
    assert (changed["type"], changed["id"]) == ("exception", first["id"])
    assert changed["seriesMasterId"] == master["id"]
    assert changed["iCalUId"] == master["iCalUId"]
    assert api.send("DELETE", f"me/events/{second['id']}").status_code == 204
    rows = api.listed(f"me/events/{master['id']}/instances", **VIEW)
    assert len(rows) == 29
    assert kinds(rows).count("exception") == 1
    assert api.error("GET", f"me/events/{second['id']}") == (404, "ErrorItemNotFound")
    repeated = {"recurrence": repeat("2026-03-02")}
    assert api.error("PATCH", f"me/events/{first['id']}", json=repeated)[0] == 400


def test_instances_belong_to_masters_and_want_a_range(api: GraphApi) -> None:
    single = api.post("me/events", LUNCH)
    path = f"me/events/{single['id']}/instances"
    assert api.error("GET", path, params=VIEW) == (400, "ErrorInvalidRequest")
    master = api.post("me/events", DAILY)
    path = f"me/events/{master['id']}/instances"
    assert api.error("GET", path) == (400, "ErrorInvalidRequest")
    inverted = {"startDateTime": VIEW["endDateTime"], "endDateTime": VIEW["startDateTime"]}
    assert api.error("GET", path, params=inverted)[0] == 400
    ancient = {"startDateTime": "0001-01-01", "endDateTime": "0001-02-01"}
    assert api.error("GET", path, params=ancient) == (400, "ErrorInvalidParameter")
    long = {"startDateTime": "2020-01-01", "endDateTime": "2026-01-01"}
    assert api.error("GET", path, params=long)[0] == 400


def test_an_ical_uid_is_one_for_the_series_or_one_for_each_occurrence(
    api: GraphApi, graph: GraphControl
) -> None:
    master = api.post("me/events", DAILY)
    rows = api.listed("me/calendarView", **VIEW)
    assert {row["iCalUId"] for row in rows} == {master["iCalUId"]}
    graph.change_graph_settings(ical_uid="occurrence")
    rows = api.listed("me/calendarView", **VIEW)
    assert len({row["iCalUId"] for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("action", "response", "shown"),
    [
        ("accept", "accepted", "busy"),
        ("tentativelyAccept", "tentativelyAccepted", "tentative"),
        ("decline", "declined", "free"),
    ],
)
def test_invitations_are_answered(
    api: GraphApi, graph: GraphControl, action: str, response: str, shown: str
) -> None:
    me = {"emailAddress": {"address": PERSON, "name": "Ana"}, "type": "required"}
    (made,) = graph.create_events(PERSON, [{**LUNCH, "organizer": BOSS, "attendees": [me]}])
    assert made["responseStatus"]["response"] == "notResponded"
    assert made["isOrganizer"] is False
    body = {"comment": "", "sendResponse": True}
    api.post(f"me/events/{made['id']}/{action}", body, status=202)
    after = api.get(f"me/events/{made['id']}")
    assert (after["responseStatus"]["response"], after["showAs"]) == (response, shown)
    assert after["attendees"][0]["status"]["response"] == response
    assert api.error("POST", f"me/events/{made['id']}/cancel", json={})[0] == 400


def test_organizers_cancel_and_do_not_answer(api: GraphApi) -> None:
    made = api.post("me/events", LUNCH)
    path = f"me/events/{made['id']}"
    assert api.error("POST", f"{path}/accept", json={}) == (400, "ErrorInvalidRequest")
    api.post(f"{path}/cancel", {"Comment": "Ill"}, status=202)
    assert api.error("GET", path) == (404, "ErrorItemNotFound")


def test_one_occurrence_can_be_declined(api: GraphApi, graph: GraphControl) -> None:
    (master,) = graph.create_events(PERSON, [{**DAILY, "organizer": BOSS}])
    first = api.listed(f"me/events/{master['id']}/instances", **VIEW)[0]
    api.post(f"me/events/{first['id']}/decline", {}, status=202)
    rows = graph.truth(PERSON)
    assert [(row["type"], row["responseStatus"]["response"]) for row in rows] == [
        ("seriesMaster", "notResponded"),
        ("exception", "declined"),
    ]


def test_online_meetings_locations_bodies_and_categories(api: GraphApi) -> None:
    made = api.post(
        "me/events",
        {
            **LUNCH,
            "isOnlineMeeting": True,
            "body": {"contentType": "text", "content": "A < B\nnext"},
            "location": {"displayName": "Room 1"},
            "categories": ["Client"],
        },
    )
    assert made["onlineMeeting"]["joinUrl"].startswith("https://teams.microsoft.com/")
    assert made["onlineMeetingProvider"] == "teamsForBusiness"
    assert made["body"] == {"contentType": "html", "content": "A &lt; B<br>next"}
    assert made["locations"][0]["displayName"] == "Room 1"
    changed = api.patch(f"me/events/{made['id']}", {"location": None, "categories": None})
    assert changed["location"]["displayName"] == ""
    assert (changed["locations"], changed["categories"]) == ([], [])
    api.prefer = 'outlook.body-content-type="text"'
    assert api.get(f"me/events/{made['id']}")["body"]["contentType"] == "text"


def test_extended_properties_show_on_request_only(api: GraphApi) -> None:
    stamp = {"id": "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name Origin", "value": "us"}
    made = api.post("me/events", {**LUNCH, "singleValueExtendedProperties": [stamp]})
    path = f"me/events/{made['id']}"
    assert "singleValueExtendedProperties" not in made
    expand = f"singleValueExtendedProperties($filter=id eq '{stamp['id']}')"
    assert api.get(path, **{"$expand": expand})["singleValueExtendedProperties"] == [stamp]
    assert api.error("GET", path, params={"$expand": "attachments"})[0] == 400


def test_calendars_are_made_changed_and_deleted(api: GraphApi) -> None:
    made = api.post("me/calendars", {"name": "Work", "color": "lightTeal"})
    path = f"me/calendars/{made['id']}"
    assert api.error("POST", "me/calendars", json={"name": "Work"}) == (409, "ErrorFolderExists")
    assert api.patch(path, {"name": "Client", "owner": {}})["name"] == "Client"
    api.post(f"{path}/events", LUNCH)
    assert [row["name"] for row in api.listed("me/calendars")] == ["Calendar", "Client"]
    assert api.get("me/calendar")["isDefaultCalendar"] is True
    assert api.listed("me/events") == []
    event = api.listed(f"{path}/events")[0]["id"]
    default = api.get("me/calendar")["id"]
    elsewhere = f"me/calendars/{default}/events/{event}"
    assert api.error("GET", elsewhere) == (404, "ErrorItemNotFound")
    assert api.send("DELETE", path).status_code == 204
    assert api.error("GET", f"me/events/{event}") == (404, "ErrorItemNotFound")
    assert api.error("DELETE", f"me/calendars/{default}") == (400, "ErrorCannotDeleteObject")
    assert api.error("GET", "me/calendars/nonsense") == (400, "ErrorInvalidIdMalformed")


def test_a_calendar_shared_for_reading_cannot_be_written(
    api: GraphApi, graph: GraphControl
) -> None:
    shared = graph.add_calendar(PERSON, "Team", owner="boss@client.example", can_edit=False)
    assert (shared["canEdit"], shared["canShare"]) == (False, False)
    assert shared["owner"]["address"] == "boss@client.example"
    path = f"me/calendars/{shared['id']}"
    denied = (403, "ErrorAccessDenied")
    assert api.error("POST", f"{path}/events", json=LUNCH) == denied
    (made,) = graph.create_events(PERSON, [LUNCH], shared["id"])
    assert len(api.listed(f"{path}/calendarView", **VIEW)) == 1
    assert made["organizer"]["emailAddress"]["address"] == "boss@client.example"
    assert api.error("PATCH", f"me/events/{made['id']}", json={"subject": "x"}) == denied
    assert api.error("DELETE", f"me/events/{made['id']}") == denied
    assert api.error("PATCH", path, json={"name": "x"}) == denied
    graph.change_calendar(PERSON, shared["id"], {"canEdit": True})
    assert api.patch(path, {"name": "Ours"})["name"] == "Ours"


def test_lists_are_paged_chosen_ordered_and_filtered(api: GraphApi) -> None:
    for day in range(1, 13):
        span = timed(f"2026-03-{day:02}T12:00:00", f"2026-03-{day:02}T13:00:00")
        api.post("me/events", {**span, "subject": f"Lunch {day % 3}"})
    api.prefer = ""
    page = api.get("me/calendarView", **VIEW, **{"$count": "true"})
    assert (len(page["value"]), page["@odata.count"]) == (10, 12)
    rest = api.get(page["@odata.nextLink"])
    assert len(rest["value"]) == 2
    assert "@odata.nextLink" not in rest
    query = {"$select": "subject", "$orderby": "start/dateTime desc", "$top": "1", "$skip": "1"}
    ((row),) = api.get("me/events", **query)["value"]
    assert set(row) == {"@odata.etag", "id", "subject"}
    assert row["subject"] == "Lunch 2"
    chosen = {"$filter": "subject eq 'Lunch 0' and start/dateTime ge '2026-03-05'"}
    assert len(api.listed("me/events", **chosen)) == 3
    for wrong in ({"$filter": "startswith(subject,'L')"}, {"$top": "x"}, {"$apply": "x"}):
        assert api.error("GET", "me/events", params=wrong) == (400, "BadRequest")


def test_the_mailbox_says_its_zone_to_those_who_may_ask(api: GraphApi, graph: GraphControl) -> None:
    assert api.error("GET", "me/mailboxSettings") == (403, "ErrorAccessDenied")
    api.token = graph.issue_tokens(PERSON, ["MailboxSettings.Read"]).access_token
    assert api.get("me/mailboxSettings")["timeZone"] == "W. Europe Standard Time"
    assert api.error("GET", "me") == (403, "ErrorAccessDenied")
    assert api.error("GET", "me/calendars") == (403, "ErrorAccessDenied")
    api.token = graph.issue_tokens(PERSON, ["Calendars.Read"]).access_token
    assert len(api.listed("me/calendars")) == 1
    assert api.error("POST", "me/events", json=LUNCH) == (403, "ErrorAccessDenied")


def test_packaged_and_own_calendars_can_be_seeded(api: GraphApi, graph: GraphControl) -> None:
    monday = datetime(2026, 3, 2, tzinfo=UTC).date()
    report = graph.seed_packaged(PERSON, "freelancer", monday=monday)
    assert report.loaded > 10
    assert report.problems == ()
    count = len(graph.truth(PERSON))
    graph.seed_packaged(PERSON, "freelancer", monday=monday)
    assert len(graph.truth(PERSON)) == count
    with pytest.raises(ControlError, match="no packaged seed"):
        graph.seed_packaged(PERSON, "nothing")


ICS = """BEGIN:VCALENDAR
BEGIN:VEVENT
UID:one
SUMMARY:Third Tuesday
DTSTART;TZID=W. Europe Standard Time:20260317T180000
DTEND;TZID=W. Europe Standard Time:20260317T193000
RRULE:FREQ=MONTHLY;BYDAY=3TU;COUNT=4
EXDATE;TZID=W. Europe Standard Time:20260421T180000
ORGANIZER:mailto:boss@client.example
ATTENDEE;PARTSTAT=ACCEPTED:mailto:ana@client.example
END:VEVENT
BEGIN:VEVENT
UID:one
RECURRENCE-ID;TZID=W. Europe Standard Time:20260519T180000
DTSTART;TZID=W. Europe Standard Time:20260520T180000
DTEND;TZID=W. Europe Standard Time:20260520T193000
SUMMARY:Fourth Wednesday
END:VEVENT
BEGIN:VEVENT
UID:two
SUMMARY:Odd hours
DTSTART:20260302T090000Z
DTEND:20260302T100000Z
RRULE:FREQ=HOURLY;INTERVAL=7
END:VEVENT
BEGIN:VEVENT
UID:three
SUMMARY:Holiday
DTSTART;VALUE=DATE:20260305
TRANSP:TRANSPARENT
CLASS:PRIVATE
END:VEVENT
END:VCALENDAR
"""


def test_an_icalendar_text_becomes_outlook_items(graph: GraphControl) -> None:
    report = graph.seed_ics(PERSON, ICS)
    assert (report.loaded, report.rejected) == (3, 1)
    assert "Odd hours" in report.problems[0]
    rows = {row["subject"]: row for row in graph.truth(PERSON)}
    series = rows["Third Tuesday"]
    assert series["iCalUId"] == "one"
    assert series["recurrence"]["pattern"]["index"] == "third"
    assert series["responseStatus"]["response"] == "accepted"
    assert rows["Fourth Wednesday"]["type"] == "exception"
    holiday = rows["Holiday"]
    assert (holiday["isAllDay"], holiday["showAs"]) == (True, "free")
    assert holiday["sensitivity"] == "private"
    span = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 8, 1, tzinfo=UTC))
    assert starts(graph.truth_instances(PERSON, *span)) == [
        "2026-03-05T00:00",
        "2026-03-17T17:00",
        "2026-05-20T16:00",
        "2026-06-16T16:00",
    ]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("edit", {"event_id": "nonsense"}),
        ("edit_one", {}),
        ("delete_one", {"original_start": "2026-03-02T09:30:00+01:00"}),
        ("edit", {"original_start": "yesterday"}),
        ("create", {"changes": {"subject": "No times"}}),
    ],
)
def test_impossible_edits_are_refused(
    graph: GraphControl, kind: Any, options: dict[str, Any]
) -> None:
    (master,) = graph.create_events(PERSON, [DAILY])
    fields = {"event_id": master["id"], **options}
    with pytest.raises(ControlError, match=r"40[04]"):
        graph.mutate(PERSON, kind, **fields)
    assert len(graph.truth(PERSON)) == 1
