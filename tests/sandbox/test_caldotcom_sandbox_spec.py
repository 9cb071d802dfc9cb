"""What the sandbox's Cal.com sends and accepts, against the official description."""

from copy import deepcopy
from typing import Any

import jsonschema
import pytest
import requests

from calendar_manager.sandbox.control_client import CaldotcomControl, ControlClient
from tests.sandbox.caldotcom_sandbox_api import (
    GUEST,
    HOST,
    CaldotcomApi,
    Json,
    at,
    open_account,
    text,
)
from tests.sandbox.caldotcom_sandbox_spec import (
    MISTAKEN,
    broken_by_own_example,
    check,
    needs_description,
    operation,
    request_schema,
    response_schema,
)

pytestmark = [pytest.mark.unit, needs_description]


@pytest.fixture
def api(control: ControlClient, web: requests.Session) -> CaldotcomApi:
    return open_account(control, web)


@pytest.fixture
def caldotcom(control: ControlClient) -> CaldotcomControl:
    return control.caldotcom


def checked(api: CaldotcomApi, method: str, path: str, shape: str, **options: Any) -> Any:
    """Send, and check the answer against the schema of its path and status."""
    answer = api.send(method, path, **options)
    assert answer.ok, answer.text
    check(answer.json(), response_schema(method, shape, answer.status_code))
    return answer.json().get("data")


BOOKING = "/v2/bookings/{bookingUid}"


def test_every_kind_of_booking_fits_its_schema(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    caldotcom.add_event_type(HOST, "Series", recurrences=3)
    caldotcom.add_event_type(HOST, "Course", seats=3)
    caldotcom.add_event_type(HOST, "Talk", requires_confirmation=True)
    caldotcom.add_event_type(HOST, "Seated series", seats=2, recurrences=2)
    (moved,) = caldotcom.book(HOST, at(3, 10), guests=["second@client.example"])
    series = caldotcom.book(HOST, at(4, 10), event_type="series")
    (course,) = caldotcom.book(HOST, at(5, 10), event_type="course")
    (talk,) = caldotcom.book(HOST, at(6, 10), event_type="talk")
    (other,) = caldotcom.book(HOST, at(6, 12), event_type="talk")
    seated = caldotcom.book(HOST, at(9, 10), event_type="seated-series")
    caldotcom.mutate(HOST, "reschedule", moved["uid"], start=text(3, 12), reason="ill")
    caldotcom.mutate(HOST, "cancel", series[1]["uid"], reason="away")
    caldotcom.mutate(HOST, "decline", talk["uid"])
    shown = checked(api, "GET", "bookings", "/v2/bookings")
    assert {one["status"] for one in shown} == {"accepted", "pending", "cancelled", "rejected"}
    found = [moved, series[0], course, talk, other, seated[0]]
    for uid in [one["uid"] for one in found] + [series[0]["recurringBookingUid"]]:
        checked(api, "GET", f"bookings/{uid}", BOOKING)
    assert len(checked(api, "GET", f"bookings/{seated[0]['recurringBookingUid']}", BOOKING)) == 2
    seat = course["attendees"][0]["seatUid"]
    checked(api, "GET", f"bookings/by-seat/{seat}", "/v2/bookings/by-seat/{seatUid}")
    bodies: dict[str, Json] = {"confirm": {}, "mark-absent": {"host": True}}
    for kind, body in bodies.items():
        checked(api, "POST", f"bookings/{other['uid']}/{kind}", f"{BOOKING}/{kind}", json=body)


def test_what_answers_bookings_and_their_changes_fits(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    slugs = {"single": {}, "series": {"recurrences": 2}, "course": {"seats": 4}}
    slugs["both"] = {"seats": 2, "recurrences": 2}
    for day, (title, options) in enumerate(slugs.items(), 4):
        made = caldotcom.add_event_type(HOST, title, **options)  # type: ignore[arg-type]  # The options differ by kind.
        body = new_booking(text(day, 10), made["id"])
        check(body, request_schema("POST", "/v2/bookings"))
        data = checked(api, "POST", "bookings", "/v2/bookings", json=body)
        first = data[0] if isinstance(data, list) else data
        path = f"bookings/{first['uid']}"
        move = {"start": text(day, 14)}
        if "seatUid" in first:
            move["seatUid"] = first["seatUid"]
        check(move, request_schema("POST", f"{BOOKING}/reschedule"))
        new = checked(api, "POST", f"{path}/reschedule", f"{BOOKING}/reschedule", json=move)
        cancel = {"cancellationReason": "away"}
        if "seatUid" in new:
            cancel["seatUid"] = new["seatUid"]
        check(cancel, request_schema("POST", f"{BOOKING}/cancel"))
        checked(api, "POST", f"bookings/{new['uid']}/cancel", f"{BOOKING}/cancel", json=cancel)


def new_booking(start: str, event_type_id: int) -> Json:
    attendee = {"name": "Gil Guest", "email": GUEST, "timeZone": "America/New_York"}
    return {"start": start, "eventTypeId": event_type_id, "attendee": attendee}


def test_only_the_null_of_a_requested_reschedule_goes_against_the_schema(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    (booking,) = caldotcom.book(HOST, at(3, 10))
    caldotcom.mutate(HOST, "request_reschedule", booking["uid"], reason="another time")
    body = api.send("GET", f"bookings/{booking['uid']}").json()
    with pytest.raises(jsonschema.ValidationError):
        check(body, response_schema("GET", BOOKING, 200))
    assert body["data"].pop("rescheduledToUid", "missing") is None
    check(body, response_schema("GET", BOOKING, 200))


def test_everything_else_that_is_sent_fits(api: CaldotcomApi, caldotcom: CaldotcomControl) -> None:
    checked(api, "GET", "me", "/v2/me")
    caldotcom.add_event_type(HOST, "Series", recurrences=3)
    caldotcom.add_event_type(HOST, "Course", seats=3, requires_confirmation=True)
    for one in checked(api, "GET", "event-types", "/v2/event-types"):
        shape = "/v2/event-types/{eventTypeId}"
        checked(api, "GET", f"event-types/{one['id']}", shape)
        checked(api, "PATCH", f"event-types/{one['id']}", shape, json={"hidden": True})
    checked(api, "POST", "event-types", "/v2/event-types", json=EVENT_TYPE)
    schedule = checked(api, "POST", "schedules", "/v2/schedules", json=SCHEDULE)
    path, shape = f"schedules/{schedule['id']}", "/v2/schedules/{scheduleId}"
    checked(api, "GET", "schedules", "/v2/schedules")
    checked(api, "GET", "schedules/default", "/v2/schedules/default")
    checked(api, "GET", path, shape)
    checked(api, "PATCH", path, shape, json={"overrides": []})
    checked(api, "DELETE", path, shape)


def test_slots_have_the_shape_of_the_description_s_examples(api: CaldotcomApi) -> None:
    (thirty,) = (one for one in api.get("event-types") if one["slug"] == "30min")
    query = {"eventTypeId": thirty["id"], "start": "2026-03-03", "end": "2026-03-03"}
    answer = operation("GET", "/v2/slots")["responses"]["200"]["content"]["application/json"]
    for wanted, example in zip(("time", "range"), answer["schema"]["oneOf"], strict=True):
        days = api.get("slots", format=wanted, **query)
        known = next(iter(example["example"]["data"].values()))[0]
        assert days["2026-03-03"][0].keys() == known.keys()


def test_the_schema_check_can_fail(api: CaldotcomApi, caldotcom: CaldotcomControl) -> None:
    caldotcom.book(HOST, at(3, 10))
    body = api.send("GET", "bookings").json()
    schema = response_schema("GET", "/v2/bookings", 200)
    for spoil in ({"surprise": 1}, {"start": 5}, {"status": "confirmed"}):
        spoilt = deepcopy(body)
        spoilt["data"][0].update(spoil)
        with pytest.raises(jsonschema.ValidationError):
            check(spoilt, schema)


@pytest.mark.parametrize("place", MISTAKEN)
def test_the_description_is_corrected_only_where_its_own_example_breaks_it(place: str) -> None:
    assert MISTAKEN[place] in broken_by_own_example(place)


# What the sandbox accepts

EVENT_TYPE: Json = {
    "title": "Workshop",
    "slug": "workshop",
    "lengthInMinutes": 90,
    "description": "All morning",
    "hidden": False,
    "seats": {"seatsPerTimeSlot": 4, "showAttendeeInfo": True, "showAvailabilityCount": True},
    "recurrence": {"interval": 1, "occurrences": 3, "frequency": "weekly"},
    "confirmationPolicy": {"type": "always", "blockUnconfirmedBookingsInBooker": True},
}
SCHEDULE: Json = {
    "name": "Export",
    "timeZone": "Europe/Rome",
    "isDefault": False,
    "availability": [{"days": ["Monday", "Sunday"], "startTime": "08:00", "endTime": "15:30"}],
    "overrides": [{"date": "2026-05-20", "startTime": "12:00", "endTime": "13:00"}],
}
LEFT_OUT = {
    "bookings": set(),
    "event-types": {"usernames", "orgSlug", "orgId"},
    "slots": {"organizationSlug", "teamSlug", "usernames", "bookingUidToReschedule"},
    "schedules": set(),
    "webhooks": set(),
}
"""Parameters that concern teams and organizations, or that nobody needed yet."""

SAMPLES = {
    "status": "upcoming,past",
    "eventTypeIds": "1,2",
    "take": "10",
    "skip": "5",
    "start": "2026-03-03",
    "end": "2026-03-04",
    "duration": "30",
    "timeZone": "Europe/Rome",
    "username": "freelancer",
    "format": "range",
}


def sample(parameter: Json) -> str:
    name, schema = parameter["name"], parameter["schema"]
    if name in SAMPLES:
        return SAMPLES[str(name)]
    if name.startswith(("after", "before")):
        return text(3, 10)
    return str(schema["enum"][0]) if "enum" in schema else "1"


@pytest.mark.parametrize("path", LEFT_OUT)
def test_exactly_the_documented_parameters_are_accepted(api: CaldotcomApi, path: str) -> None:
    documented = [
        one for one in operation("GET", f"/v2/{path}")["parameters"] if one["in"] == "query"
    ]
    samples = {one["name"]: sample(one) for one in documented}
    assert samples.keys() >= LEFT_OUT[path]
    accepted = {name: value for name, value in samples.items() if name not in LEFT_OUT[path]}
    for name in (*LEFT_OUT[path], "surprise"):
        status, message = api.refused("GET", path, params={**accepted, name: "1"})
        assert (status, message) == (400, f"property {name} should not exist")
    answer = api.send("GET", path, params=accepted)
    # No event type has the number 1.
    assert answer.status_code == (404 if path == "slots" else 200), answer.text


ATTENDEE: Json = {
    "name": "Gil Guest",
    "email": GUEST,
    "timeZone": "America/New_York",
    "phoneNumber": "+4930123456",
    "language": "de",
}
BODIES: dict[tuple[str, str], Json] = {
    ("POST", "/v2/bookings"): {
        "start": text(3, 10),
        "attendee": ATTENDEE,
        "eventTypeSlug": "30min",
        "username": "freelancer",
        "guests": ["second@client.example"],
        "location": {"type": "attendeePhone", "phone": "+37120993151"},
        "metadata": {"key": "value"},
        "lengthInMinutes": 45,
        "bookingFieldsResponses": {"notes": "About the offer"},
    },
    ("POST", "/v2/schedules"): SCHEDULE,
    ("PATCH", "/v2/schedules/{scheduleId}"): SCHEDULE,
    ("POST", "/v2/event-types"): EVENT_TYPE,
    ("POST", "/v2/webhooks"): {
        "subscriberUrl": "https://app.example/hook",
        "triggers": ["BOOKING_CREATED", "OOO_CREATED"],
        "active": True,
        "secret": "s3cret",
        "payloadTemplate": "{}",
        "version": "2021-10-20",
    },
}


@pytest.mark.parametrize(("method", "shape"), BODIES)
def test_bodies_that_the_description_refuses_are_refused(
    api: CaldotcomApi, method: str, shape: str
) -> None:
    body, schema = BODIES[method, shape], request_schema(method, shape)
    schedule = api.get("schedules")[0]["id"]
    path = shape.removeprefix("/v2/").replace("{scheduleId}", str(schedule))
    check(body, schema)
    answer = api.send(method, path, json=body)
    assert answer.ok, answer.text
    refused = 0
    for wrong in spoil(body):
        try:
            check(wrong, schema)
        except jsonschema.ValidationError:
            status, message = api.refused(method, path, json=wrong)
            # The good body has taken time and slug, which is no refusal of what is wrong here.
            assert status == 400, wrong
            assert "already" not in message, wrong
            refused += 1
    assert refused > 10


def spoil(body: Json) -> list[Json]:
    """The body with each field, at any depth, missing, of another type, and with one too many."""
    found = [{**body, "surprise": 1}]
    for name, value in body.items():
        found.append({key: one for key, one in body.items() if key != name})
        found.append({**body, name: 5 if not isinstance(value, int) else "five"})
        found.append({**body, name: None})
        if isinstance(value, dict) and name not in {"metadata", "bookingFieldsResponses"}:
            found += [{**body, name: inner} for inner in spoil(value)]
        if isinstance(value, list) and isinstance(value[0], dict):
            found += [{**body, name: [inner]} for inner in spoil(value[0])]
    return found
