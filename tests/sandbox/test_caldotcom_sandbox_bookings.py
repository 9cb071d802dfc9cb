"""Bookings as guests and hosts make and change them, through the API and through control."""

import pytest
import requests

from calendar_manager.sandbox.control_client import CaldotcomControl, ControlClient, ControlError
from tests.sandbox.caldotcom_sandbox_api import (
    GUEST,
    HOST,
    NOW,
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


def starts(bookings: list[Json]) -> list[str]:
    return [one["start"] for one in bookings]


def new_booking(start: str, slug: str = "30min", **fields: object) -> Json:
    attendee = {"name": "Gil Guest", "email": GUEST, "timeZone": "America/New_York"}
    who = {"eventTypeSlug": slug, "username": "freelancer"}
    return {"start": start, "attendee": attendee, **who, **fields}


# Making


def test_a_guest_s_booking_names_host_guest_and_link(api: CaldotcomApi) -> None:
    made = api.post("bookings", new_booking(text(3, 10), guests=["second@client.example"]))
    assert made["title"] == "30 min meeting between Fria Lanser and Gil Guest"
    assert (made["start"], made["end"]) == ("2026-03-03T10:00:00.000Z", "2026-03-03T10:30:00.000Z")
    assert (made["status"], made["duration"]) == ("accepted", 30)
    (host,), (guest,) = made["hosts"], made["attendees"]
    assert (host["email"], host["timeZone"]) == (HOST, "Europe/Berlin")
    assert (guest["email"], guest["timeZone"]) == (GUEST, "America/New_York")
    assert made["guests"] == ["second@client.example"]
    assert made["location"] == made["meetingUrl"] == f"https://app.cal.com/video/{made['uid']}"
    assert made["icsUid"] == f"{made['uid']}@Cal.com"
    assert api.get(f"bookings/{made['uid']}") == made
    assert "rescheduledToUid" not in made
    assert "cancellationReason" not in made


def test_a_taken_or_past_time_cannot_be_booked_through_the_api(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    api.post("bookings", new_booking(text(3, 10)))
    taken = "User either already has booking at this time or is not available"
    assert api.refused("POST", "bookings", json=new_booking(text(3, 10, 15))) == (400, taken)
    # Touching is not overlapping.
    assert api.post("bookings", new_booking(text(3, 10, 30)))
    past = "Attempting to book a meeting in the past."
    assert api.refused("POST", "bookings", json=new_booking(text(2, 7))) == (400, past)
    assert caldotcom.book(HOST, at(3, 10))


@pytest.mark.parametrize("start", ["2026-03-03T10:00:00", "2026-03-03T10:00:00+01:00", "soon"])
def test_a_start_must_be_written_in_utc(api: CaldotcomApi, start: str) -> None:
    assert api.refused("POST", "bookings", json=new_booking(start))[0] == 400


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ({"type": "attendeeDefined", "location": "Café"}, "Café"),
        ({"type": "attendeePhone", "phone": "+49301"}, "+49301"),
        ({"type": "integration", "integration": "google-meet"}, "integrations:google-meet"),
        ("https://meet.example/1", "https://meet.example/1"),
        ({"type": "integration", "integration": "cal-video"}, "https://app.cal.com/video/"),
    ],
)
def test_locations_come_in_many_forms(api: CaldotcomApi, location: object, shown: str) -> None:
    made = api.post("bookings", new_booking(text(3, 10), location=location))
    assert made["location"].startswith(shown)


def test_control_books_whatever_is_said(caldotcom: CaldotcomControl) -> None:
    (made,) = caldotcom.book(
        HOST,
        at(1, 10),
        event_type="15min",
        length_minutes=50,
        attendee_email="Gil.Guest@client.example",
        title="Offer",
        location="Berlin",
        ics_uid="abc@google.com",
        status="pending",
    )
    shown = {name: made[name] for name in ("title", "location", "icsUid", "status", "duration")}
    assert shown == {
        "title": "Offer",
        "location": "Berlin",
        "icsUid": "abc@google.com",
        "status": "pending",
        "duration": 50,
    }
    (guest,) = made["attendees"]
    assert (guest["email"], guest["name"]) == ("gil.guest@client.example", "Gil Guest")


# Confirming, declining, cancelling


def test_pending_bookings_are_confirmed_or_declined(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    caldotcom.add_event_type(HOST, "Talk", requires_confirmation=True)
    first, second = (
        api.post("bookings", new_booking(text(3, hour), "talk"))["uid"] for hour in (10, 12)
    )
    assert {one["status"] for one in truth(caldotcom).values()} == {"pending"}
    assert api.post(f"bookings/{first}/confirm")["status"] == "accepted"
    assert api.post(f"bookings/{second}/decline", {"reason": "no"})["status"] == "rejected"
    for kind in ("confirm", "decline"):
        assert api.refused("POST", f"bookings/{second}/{kind}")[0] == 400


def test_cancelling_says_who_and_why_and_happens_once(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    uid = api.post("bookings", new_booking(text(3, 10)))["uid"]
    cancelled = api.post(f"bookings/{uid}/cancel", {"cancellationReason": "Will travel"})
    assert (cancelled["status"], cancelled["cancellationReason"]) == ("cancelled", "Will travel")
    assert cancelled["cancelledByEmail"] == HOST
    status, message = api.refused("POST", f"bookings/{uid}/cancel", json={})
    assert (status, "has been cancelled already" in message) == (400, True)
    (other,) = caldotcom.book(HOST, at(3, 12), attendee_email=GUEST)
    (shown,) = caldotcom.mutate(HOST, "cancel", other["uid"], reason="ill")
    assert shown["cancelledByEmail"] == GUEST


def test_absence_is_noted_for_host_and_guest(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    uid = api.post("bookings", new_booking(text(3, 10)))["uid"]
    body = {"host": True, "attendees": [{"email": GUEST, "absent": True}]}
    shown = api.post(f"bookings/{uid}/mark-absent", body)
    assert (shown["absentHost"], shown["attendees"][0]["absent"]) == (True, True)
    (back,) = caldotcom.mutate(HOST, "mark_absent", uid, absent=False)
    assert (back["absentHost"], back["attendees"][0]["absent"]) == (False, True)
    (again,) = caldotcom.mutate(HOST, "mark_absent", uid, attendee_email=GUEST, absent=False)
    assert again["attendees"][0]["absent"] is False


def test_every_change_moves_updated_at_and_nothing_else_does(
    control: ControlClient, api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    uid = api.post("bookings", new_booking(text(3, 10)))["uid"]
    other = caldotcom.book(HOST, at(4, 10))[0]
    control.advance_clock(3600)
    api.get(f"bookings/{uid}")
    caldotcom.mutate(HOST, "cancel", uid)
    changed = truth(caldotcom)
    assert changed[uid]["updatedAt"] > "2026-03-02T09:00"
    assert changed[uid]["createdAt"] < "2026-03-02T08:01"
    assert changed[other["uid"]] == other


# Moving


def test_rescheduling_makes_a_new_uid_and_cancels_the_old(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    old = api.post("bookings", new_booking(text(3, 10)))
    body = {"start": text(4, 14), "reschedulingReason": "ill", "rescheduledBy": GUEST}
    new = api.post(f"bookings/{old['uid']}/reschedule", body)
    assert new["uid"] != old["uid"]
    assert new["id"] != old["id"]
    assert (new["start"], new["duration"]) == ("2026-03-04T14:00:00.000Z", 30)
    assert (new["rescheduledFromUid"], new["status"]) == (old["uid"], "accepted")
    assert (new["reschedulingReason"], new["rescheduledByEmail"]) == ("ill", GUEST)
    # One meeting in the connected calendar: its iCalendar UID stays, its own link does not.
    assert new["icsUid"] == old["icsUid"]
    assert new["location"].endswith(new["uid"])
    left = api.get(f"bookings/{old['uid']}")
    assert (left["status"], left["rescheduledToUid"]) == ("cancelled", new["uid"])
    assert left["rescheduledByEmail"] == GUEST
    assert "cancellationReason" not in left
    assert starts(list(truth(caldotcom).values())) == [old["start"], new["start"]]


def test_what_is_over_or_moved_cannot_be_moved(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    first, second = (caldotcom.book(HOST, at(3, hour))[0]["uid"] for hour in (10, 12))
    caldotcom.mutate(HOST, "cancel", first)
    caldotcom.mutate(HOST, "reschedule", second, start=text(4, 10))
    for uid in (first, second):
        answer = api.refused("POST", f"bookings/{uid}/reschedule", json={"start": text(5, 10)})
        assert answer[0] == 400
        assert "because it has been cancelled" in answer[1]
    past = {"start": text(1, 10)}
    (third,) = caldotcom.book(HOST, at(6, 10))
    assert api.refused("POST", f"bookings/{third['uid']}/reschedule", json=past)[0] == 400


def test_moving_wants_confirmation_unless_the_host_moves(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    caldotcom.add_event_type(HOST, "Talk", requires_confirmation=True)
    uid = api.post("bookings", new_booking(text(3, 10), "talk"))["uid"]
    api.post(f"bookings/{uid}/confirm")
    by_guest = api.post(f"bookings/{uid}/reschedule", {"start": text(4, 10)})
    assert by_guest["status"] == "pending"
    body = {"start": text(5, 10), "rescheduledBy": HOST}
    by_host = api.post(f"bookings/{by_guest['uid']}/reschedule", body)
    assert by_host["status"] == "accepted"


def test_a_host_s_request_leaves_null_until_the_guest_picks_a_time(
    api: CaldotcomApi, caldotcom: CaldotcomControl
) -> None:
    (old,) = caldotcom.book(HOST, at(3, 10))
    (asked,) = caldotcom.mutate(HOST, "request_reschedule", old["uid"], reason="can't")
    assert (asked["status"], asked["rescheduledToUid"]) == ("cancelled", None)
    assert (asked["cancelledByEmail"], asked["cancellationReason"]) == (HOST, "can't")
    new, left = caldotcom.mutate(HOST, "reschedule", old["uid"], start=text(5, 9))
    assert (new["status"], new["rescheduledFromUid"]) == ("accepted", old["uid"])
    assert left["rescheduledToUid"] == new["uid"]
    again = api.refused("POST", f"bookings/{old['uid']}/reschedule", json={"start": text(6, 9)})
    assert again[0] == 400


# Recurring


@pytest.fixture
def series(api: CaldotcomApi, caldotcom: CaldotcomControl) -> list[Json]:
    caldotcom.add_event_type(HOST, "Series", recurrences=5)
    body = new_booking(text(20, 15), "series", recurrenceCount=4)
    made: list[Json] = api.post("bookings", body)
    return made


def test_a_recurring_booking_is_one_booking_per_occurrence(
    api: CaldotcomApi, series: list[Json]
) -> None:
    assert len({one["uid"] for one in series}) == 4
    (recurring_uid,) = {one["recurringBookingUid"] for one in series}
    assert api.get(f"bookings/{recurring_uid}") == series
    assert api.get(f"bookings/{series[2]['uid']}") == series[2]
    assert [one["uid"] for one in api.bookings(status="recurring")] == [
        one["uid"] for one in series
    ]


def test_recurrences_keep_the_wall_clock_of_the_guest(series: list[Json]) -> None:
    # 11 in New York, whose summer time has begun on the 8th already; Berlin's begins on the 29th.
    assert [one[5:16] for one in starts(series)] == [
        "03-20T15:00",
        "03-27T15:00",
        "04-03T15:00",
        "04-10T15:00",
    ]


def test_recurrences_in_the_guest_s_zone_cross_its_clock_change(
    caldotcom: CaldotcomControl,
) -> None:
    caldotcom.add_event_type(HOST, "Series", recurrences=2)
    made = caldotcom.book(HOST, at(25, 9), event_type="series", attendee_time_zone="Europe/Berlin")
    assert [one[5:16] for one in starts(made)] == ["03-25T09:00", "04-01T08:00"]


def test_more_recurrences_than_the_event_type_has_are_400(
    api: CaldotcomApi, series: list[Json]
) -> None:
    del series
    body = new_booking(text(24, 15), "series", recurrenceCount=6)
    assert api.refused("POST", "bookings", json=body)[0] == 400
    single = new_booking(text(24, 15), recurrenceCount=2)
    assert api.refused("POST", "bookings", json=single)[0] == 400


def test_one_occurrence_this_and_later_or_all_to_come_are_cancelled(
    control: ControlClient, api: CaldotcomApi, caldotcom: CaldotcomControl, series: list[Json]
) -> None:
    uids = [one["uid"] for one in series]
    assert api.post(f"bookings/{uids[3]}/cancel")["uid"] == uids[3]
    body = {"cancelSubsequentBookings": True}
    cancelled = api.post(f"bookings/{uids[2]}/cancel", body)
    assert [one["uid"] for one in cancelled] == [uids[2]]
    control.set_clock(at(21, 0))
    rest = api.post(f"bookings/{series[0]['recurringBookingUid']}/cancel")
    # The first one is over by then and stays what it was.
    assert [one["uid"] for one in rest] == [uids[1]]
    assert [truth(caldotcom)[uid]["status"] for uid in uids] == ["accepted", *["cancelled"] * 3]
    nothing_left = f"bookings/{series[0]['recurringBookingUid']}/cancel"
    assert api.refused("POST", nothing_left, json={})[0] == 400


def test_control_cancels_the_same_ways(caldotcom: CaldotcomControl, series: list[Json]) -> None:
    uids = [one["uid"] for one in series]
    later = caldotcom.mutate(HOST, "cancel_subsequent", uids[2])
    assert [one["uid"] for one in later] == uids[2:]
    rest = caldotcom.mutate(HOST, "cancel_all", series[0]["recurringBookingUid"])
    assert [one["uid"] for one in rest] == uids[:2]
    (single,) = caldotcom.book(HOST, at(3, 10))
    with pytest.raises(ControlError, match="not a recurring one"):
        caldotcom.mutate(HOST, "cancel_all", single["uid"])


def test_a_moved_occurrence_stays_in_its_series(
    api: CaldotcomApi, caldotcom: CaldotcomControl, series: list[Json]
) -> None:
    new, old = caldotcom.mutate(HOST, "reschedule", series[1]["uid"], start=text(28, 9))
    assert new["recurringBookingUid"] == series[1]["recurringBookingUid"]
    shown = api.get(f"bookings/{new['recurringBookingUid']}")
    assert [one["uid"] for one in shown][1:3] == [old["uid"], new["uid"]]


def test_the_truth_includes_what_the_account_attends(caldotcom: CaldotcomControl) -> None:
    caldotcom.add_account("other@example.com")
    (booking,) = caldotcom.book("other@example.com", at(3, 10), attendee_email=HOST)
    assert list(truth(caldotcom)) == [booking["uid"]]
    assert caldotcom.truth("other@example.com").bookings == [booking]


def test_the_moved_clock_stamps_bookings(caldotcom: CaldotcomControl) -> None:
    (made,) = caldotcom.book(HOST, at(3, 10))
    assert made["createdAt"] == made["updatedAt"]
    assert made["updatedAt"].startswith(NOW.strftime("%Y-%m-%dT%H:%M"))
