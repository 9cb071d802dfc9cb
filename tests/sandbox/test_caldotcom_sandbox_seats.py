"""Seated bookings: many guests, one booking, a seat for each."""

import pytest
import requests

from calendar_manager.sandbox.control_client import CaldotcomControl, ControlClient, ControlError
from tests.sandbox.caldotcom_sandbox_api import (
    GUEST,
    HOST,
    CaldotcomApi,
    Json,
    at,
    open_account,
    text,
)

pytestmark = pytest.mark.unit


@pytest.fixture
def api(control: ControlClient, web: requests.Session) -> CaldotcomApi:
    return open_account(control, web)


@pytest.fixture
def caldotcom(control: ControlClient, api: CaldotcomApi) -> CaldotcomControl:
    del api
    return control.caldotcom


def truth(caldotcom: CaldotcomControl) -> dict[str, Json]:
    return {one["uid"]: one for one in caldotcom.truth(HOST).bookings}


def new_booking(start: str) -> Json:
    attendee = {"name": "Gil Guest", "email": GUEST, "timeZone": "America/New_York"}
    who = {"eventTypeSlug": "course", "username": "freelancer"}
    return {"start": start, "attendee": attendee, **who}


@pytest.fixture
def course(caldotcom: CaldotcomControl) -> Json:
    caldotcom.add_event_type(HOST, "Course", seats=3)
    made: Json = {}
    for name in ("ada", "bob"):
        (made,) = caldotcom.book(
            HOST, at(5, 10), event_type="course", attendee_email=f"{name}@client.example"
        )
    return made


def seats(booking: Json) -> dict[str, str]:
    return {one["email"].split("@")[0]: one["seatUid"] for one in booking["attendees"]}


def test_guests_of_one_time_share_a_booking_and_have_a_seat_each(
    api: CaldotcomApi, course: Json
) -> None:
    made = api.post("bookings", new_booking(text(5, 10)))
    assert made["uid"] == course["uid"]
    assert len(set(seats(made).values())) == 3
    assert made["seatUid"] == seats(made)["guest"]
    by_seat = api.get(f"bookings/by-seat/{made['seatUid']}")
    assert by_seat["uid"] == course["uid"]
    attendee = {"name": "Late", "email": "late@client.example", "timeZone": "UTC"}
    full = {**new_booking(text(5, 10)), "attendee": attendee}
    assert api.refused("POST", "bookings", json=full)[0] == 400


def test_a_seat_is_cancelled_alone_and_the_last_one_cancels_the_booking(
    api: CaldotcomApi, caldotcom: CaldotcomControl, course: Json
) -> None:
    path, seat = f"bookings/{course['uid']}/cancel", seats(course)
    left = api.post(path, {"seatUid": seat["ada"]})
    assert (left["status"], list(seats(left))) == ("accepted", ["bob"])
    assert api.refused("POST", path, json={"seatUid": seat["ada"]})[0] == 400
    (over,) = caldotcom.mutate(HOST, "remove_seat", course["uid"], seat_uid=seat["bob"])
    assert (over["status"], list(seats(over))) == ("cancelled", ["bob"])


def test_all_seats_together_are_the_host_s_to_move_and_cancel(
    api: CaldotcomApi, course: Json
) -> None:
    path, key = f"bookings/{course['uid']}", api.token
    wishes: dict[str, Json] = {"reschedule": {"start": text(6, 10)}, "cancel": {}}
    api.token = None
    for kind, body in wishes.items():
        status, message = api.refused("POST", f"{path}/{kind}", json=body)
        assert (status, message[:19]) == (400, "seatUid is required")
    api.token = key
    assert api.post(f"{path}/reschedule", wishes["reschedule"])["uid"] == course["uid"]
    assert api.post(f"{path}/cancel")["status"] == "cancelled"


def test_control_adds_a_seat(caldotcom: CaldotcomControl, course: Json) -> None:
    email = "cleo@client.example"
    (booking,) = caldotcom.mutate(HOST, "add_seat", course["uid"], attendee_email=email)
    assert list(seats(booking)) == ["ada", "bob", "cleo"]
    with pytest.raises(ControlError, match="full"):
        caldotcom.mutate(HOST, "add_seat", course["uid"], attendee_email=f"d{email}")
    with pytest.raises(ControlError, match="Already signed up"):
        caldotcom.mutate(HOST, "add_seat", course["uid"], attendee_email=email)


def test_a_seat_moves_alone_and_keeps_its_uid(
    api: CaldotcomApi, caldotcom: CaldotcomControl, course: Json
) -> None:
    seat = seats(course)
    body = {"start": text(6, 10), "seatUid": seat["ada"]}
    moved = api.post(f"bookings/{course['uid']}/reschedule", body)
    assert moved["uid"] != course["uid"]
    assert (moved["seatUid"], list(seats(moved))) == (seat["ada"], ["ada"])
    assert list(seats(truth(caldotcom)[course["uid"]])) == ["bob"]
    joined = api.post(
        f"bookings/{course['uid']}/reschedule", {"start": text(6, 10), "seatUid": seat["bob"]}
    )
    assert (joined["uid"], list(seats(joined))) == (moved["uid"], ["ada", "bob"])
    assert truth(caldotcom)[course["uid"]]["status"] == "cancelled"


def test_a_whole_seated_booking_moves_without_a_new_uid(
    caldotcom: CaldotcomControl, course: Json
) -> None:
    (moved,) = caldotcom.mutate(HOST, "reschedule", course["uid"], start=text(6, 10), by=HOST)
    assert (moved["uid"], moved["start"][:16]) == (course["uid"], "2026-03-06T10:00")
    assert seats(moved) == seats(course)
    (other,) = caldotcom.book(HOST, at(7, 10), event_type="course")
    into, left = caldotcom.mutate(HOST, "reschedule", other["uid"], start=text(6, 10), by=HOST)
    assert (into["uid"], list(seats(into))) == (course["uid"], ["ada", "bob", "guest"])
    assert (left["uid"], left["status"]) == (other["uid"], "cancelled")


def test_recurring_seated_bookings_are_cancelled_one_by_one(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    caldotcom.add_event_type(HOST, "Both", seats=2, recurrences=2)
    first, second = caldotcom.book(HOST, at(5, 10), event_type="both")
    told = "Recurring seated bookings have to be cancelled one by one."
    path = f"bookings/{first['recurringBookingUid']}/cancel"
    assert api.refused("POST", path, json={}) == (400, told)
    path = f"bookings/{first['uid']}/cancel"
    assert api.refused("POST", path, json={"cancelSubsequentBookings": True}) == (400, told)
    assert api.post(path)["status"] == "cancelled"
    assert truth(caldotcom)[second["uid"]]["status"] == "accepted"


def test_seats_are_hidden_from_strangers_where_the_event_type_says_so(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    hidden = {"seatsPerTimeSlot": 2, "showAttendeeInfo": False, "showAvailabilityCount": True}
    body = {"title": "Quiet", "slug": "quiet", "lengthInMinutes": 30, "seats": hidden}
    api.post("event-types", body)
    (made,) = caldotcom.book(HOST, at(5, 10), event_type="quiet")
    path = f"bookings/{made['uid']}"
    assert len(api.get(path)["attendees"]) == 1
    api.token = None
    assert api.get(path)["attendees"] == []
