"""Cal.com's bookings become ours, and nothing of theirs can break us."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from calendar_manager.domain.accounts import AccessRole, RemoteCalendar
from calendar_manager.domain.busy import Busy, busy_of
from calendar_manager.domain.changes import Deleted, Rejected, Upserted
from calendar_manager.domain.events import (
    Attendee,
    Event,
    EventKind,
    EventStatus,
    Person,
    Response,
)
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.caldotcom.normalize import (
    ADDRESS_LIMIT,
    DESCRIPTION_LIMIT,
    ID_LIMIT,
    TITLE_LIMIT,
    make_calendar,
    normalize_booking,
)
from calendar_manager.providers.caldotcom.people import Account, read_account

pytestmark = pytest.mark.unit

WIRE = Path(__file__).parents[1] / "wire" / "caldotcom"
IDA = Account(user_id="7", email="ida@example.test", time_zone="Europe/Berlin")
# Half an hour from 09:00 in Berlin on the Monday after the clocks changed.
HALF_PAST = datetime(2026, 3, 30, 7, 30, tzinfo=UTC)
SLOT = Span(datetime(2026, 3, 30, 7, tzinfo=UTC), HALF_PAST)
TUESDAY = Span(datetime(2026, 3, 31, 7, tzinfo=UTC), datetime(2026, 3, 31, 7, 30, tzinfo=UTC))
CREATED = datetime(2026, 3, 20, 10, 0, 1, tzinfo=UTC)

ME = Attendee(
    email="ida@example.test",
    name="Ida Freelance",
    response=Response.ACCEPTED,
    organizer=True,
    is_self=True,
)
BOB = Attendee(email="bob@client.test", name="Bob Client", response=Response.ACCEPTED)
ANN = Attendee(email="ann@client.test", name="Ann Client", response=Response.ACCEPTED)
EVE = Attendee(email="eve@example.test", name="Eve", response=Response.ACCEPTED, organizer=True)
ME_AMONG_ATTENDEES = replace(ME, organizer=False)
TITLE = "30 min between Ida Freelance and Bob Client"


def wire(folder: str, name: str) -> dict[str, Any]:
    return dict(json.loads((WIRE / folder / f"{name}.json").read_text(encoding="utf-8")))


def event_of(item: object, account: Account = IDA) -> Event:
    change = normalize_booking(item, account=account)
    assert isinstance(change, Upserted), change
    return change.event


def expected(uid: str, **fields: Any) -> Event:
    values: dict[str, Any] = {
        "when": SLOT,
        "time_zone": "Europe/Berlin",
        "title": TITLE,
        "ical_uid": f"{uid}@Cal.com",
        "my_response": Response.ACCEPTED,
        "meeting_url": f"https://app.cal.com/video/{uid}",
        "organizer": Person("ida@example.test", "Ida Freelance"),
        "attendees": (ME, BOB),
        "provider_updated_at": CREATED,
    }
    return Event(provider_event_id=uid, kind=EventKind.SINGLE, **{**values, **fields})


EVES = {"organizer": Person("eve@example.test", "Eve")}
CANCELLED = EventStatus.CANCELLED
UNANSWERED = {
    "status": EventStatus.TENTATIVE,
    "my_response": Response.NEEDS_ACTION,
    "attendees": (replace(ME, response=Response.NEEDS_ACTION), BOB),
}
BOOKINGS = {
    "plain": expected("plain"),
    "pending": expected("pending", **UNANSWERED, meeting_url=None),
    "cancelled": expected("cancelled", status=CANCELLED),
    "rejected": expected(
        "rejected",
        status=CANCELLED,
        my_response=Response.DECLINED,
        attendees=(replace(ME, response=Response.DECLINED), BOB),
    ),
    "rescheduled_away": expected("before", status=CANCELLED, ical_uid="moved@Cal.com"),
    "rescheduled_here": expected("after", when=TUESDAY, ical_uid="moved@Cal.com"),
    "reschedule_requested_by_the_host": expected("asked", status=CANCELLED),
    "recurring_occurrence": expected("weekly2", ical_uid="weekly@Cal.com"),
    "seats": expected("seats", attendees=(ME, BOB, ANN)),
    "seats_hidden": expected("hidden", **EVES, attendees=(EVE,), my_response=None),
    "booked_by_me": expected("mine", **EVES, attendees=(EVE, ME_AMONG_ATTENDEES)),
    "second_host_among_the_attendees": expected(
        "team", **EVES, attendees=(EVE, BOB, ME_AMONG_ATTENDEES)
    ),
    "guests": expected("guests", attendees=(ME, BOB, Attendee(email="cleo@client.test"))),
    "in_person": expected("inperson", location="Torstr. 1, Berlin", meeting_url=None),
    "did_not_show_up": expected("noshow"),
    "address_marked_by_a_platform": expected("platform"),
}
NOBODY = {"organizer": None, "my_response": None}
ODD = {
    "accepted_yet_rescheduled": expected("stale", status=CANCELLED),
    "rescheduled_to_itself": expected("self"),
    "status_unknown": expected("unknown"),
    "status_in_capitals": expected("capitals", **UNANSWERED),
    "awaiting_host": expected("instant", status=EventStatus.TENTATIVE),
    "host_is_gone": expected("orphan", **NOBODY, attendees=(BOB,)),
    "no_hosts": expected("nohosts", **NOBODY, attendees=(BOB,)),
    "host_without_a_name_is_me": expected(
        "bare", organizer=None, attendees=(BOB, replace(ME, email=None, name=None))
    ),
    "end_missing": expected("noend"),
    "times_without_offset": expected("naive"),
    "times_with_offset": expected("offset"),
    "zone_unknown": expected("nowhere"),
    "zone_of_the_host_differs": expected("travelling", time_zone="Asia/Tokyo"),
    "title_missing": expected("untitled", title="30min"),
    "everything_null": expected(
        "nulls",
        **NOBODY,
        title="",
        ical_uid=None,
        meeting_url=None,
        attendees=(),
        provider_updated_at=None,
    ),
    "script_for_a_link": expected("script", location="javascript:alert(1)", meeting_url=None),
    "link_only_in_the_old_field": expected("oldlink", meeting_url="https://meet.example.test/old"),
    "nul_and_lone_surrogate": expected("dirty", title="ABC"),
    "attendees_without_addresses": expected(
        "private",
        attendees=(ME, Attendee(email=None, name="Somebody", response=Response.ACCEPTED)),
    ),
    "zero_length": expected("zero", when=Span(SLOT.start, SLOT.start)),
}
REJECTED = {
    "rejected_no_uid": (None, "no uid"),
    "rejected_uid_of_an_absence": (None, "begins with 'ooo:'"),
    "rejected_no_start": ("nostart", "no start"),
    "rejected_no_end_and_no_duration": ("endless", "no end"),
    "rejected_ends_before_it_starts": ("inverted", "before it starts"),
    "rejected_date_for_a_time": ("dates", "no start"),
    "rejected_year_1": ("year1", "in the year 1"),
    "rejected_year_9999": ("year9999", "in the year 9999"),
}
FOREIGN = {"of_a_colleague"}


def test_every_payload_is_expected_to_become_something() -> None:
    def names(folder: str) -> set[str]:
        return {path.stem for path in (WIRE / folder).glob("*.json")}

    assert names("bookings") == BOOKINGS.keys() | FOREIGN
    assert names("odd") == ODD.keys() | REJECTED.keys()


@pytest.mark.parametrize("name", BOOKINGS)
def test_booking_becomes_an_event(name: str) -> None:
    assert event_of(wire("bookings", name)) == BOOKINGS[name]


@pytest.mark.parametrize("name", ODD)
def test_odd_booking_becomes_an_event(name: str) -> None:
    assert event_of(wire("odd", name)) == ODD[name]


@pytest.mark.parametrize("name", REJECTED)
def test_unreadable_booking_is_refused_in_words(name: str) -> None:
    change = normalize_booking(wire("odd", name), account=IDA)
    uid, words = REJECTED[name]
    assert isinstance(change, Rejected)
    assert change.provider_event_id == uid
    assert words in change.reason


@pytest.mark.parametrize(
    ("folder", "name", "busy"),
    [
        ("bookings", "plain", Busy.BUSY),
        ("bookings", "pending", Busy.TENTATIVE),
        ("bookings", "cancelled", Busy.FREE),
        ("bookings", "rejected", Busy.FREE),
        ("bookings", "rescheduled_away", Busy.FREE),
        ("bookings", "rescheduled_here", Busy.BUSY),
        ("bookings", "reschedule_requested_by_the_host", Busy.FREE),
        ("bookings", "seats_hidden", Busy.BUSY),
        ("bookings", "booked_by_me", Busy.BUSY),
        ("odd", "accepted_yet_rescheduled", Busy.FREE),
        ("odd", "status_unknown", Busy.BUSY),
        ("odd", "awaiting_host", Busy.TENTATIVE),
    ],
)
def test_booking_takes_the_time_that_its_status_says(folder: str, name: str, busy: Busy) -> None:
    assert busy_of(event_of(wire(folder, name))) is busy


def test_booking_of_a_colleague_is_not_ours_and_leaves_when_it_was() -> None:
    item = wire("bookings", "of_a_colleague")
    assert normalize_booking(item, account=IDA) == Deleted("foreign")


@pytest.mark.parametrize(
    "account",
    [
        Account(user_id=None, email=None, time_zone=None),
        Account(user_id="7", email=None, time_zone=None),
    ],
)
def test_booking_is_only_somebody_elses_when_we_know_who_we_are(account: Account) -> None:
    assert event_of(wire("bookings", "of_a_colleague"), account).provider_event_id == "foreign"


@pytest.mark.parametrize("hidden", ["hosts", "attendees"])
def test_booking_in_which_somebody_is_hidden_may_be_ours(hidden: str) -> None:
    item = wire("bookings", "of_a_colleague")
    item[hidden] = [*item[hidden], {"name": "Somebody"}]
    assert event_of(item).provider_event_id == "foreign"


def test_host_is_known_by_id_whatever_the_address() -> None:
    item = wire("bookings", "plain")
    item["hosts"][0] |= {"email": "ida@other.test", "displayEmail": "ida@other.test"}
    event = event_of(item)
    assert event.my_response is Response.ACCEPTED
    assert event.organizer == Person("ida@other.test", "Ida Freelance")


def test_moved_booking_shares_its_uid_with_what_it_was_moved_from() -> None:
    before, after = (event_of(wire("bookings", f"rescheduled_{end}")) for end in ("away", "here"))
    assert before.ical_uid == after.ical_uid is not None
    assert before.provider_event_id != after.provider_event_id
    assert [busy_of(before), busy_of(after)] == [Busy.FREE, Busy.BUSY]


def test_seat_that_moved_away_leaves_the_others_where_they_are() -> None:
    # The new booking names the old one, which stands for the seats that are left.
    old, new = wire("bookings", "seats"), wire("bookings", "seats")
    new |= {"uid": "one-seat", "rescheduledFromUid": "seats", "attendees": old["attendees"][:1]}
    old["attendees"] = old["attendees"][1:]
    assert [busy_of(event_of(one)) for one in (old, new)] == [Busy.BUSY, Busy.BUSY]


def test_long_texts_are_cut_and_long_addresses_dropped() -> None:
    item = wire("bookings", "plain")
    item |= {"title": "t" * 9_000, "description": "d" * 90_000, "location": "l" * 9_000}
    item["meetingUrl"] = "https://example.test/" + "x" * ADDRESS_LIMIT
    event = event_of(item)
    assert (len(event.title), event.meeting_url) == (TITLE_LIMIT, None)
    assert len(event.description or "") == DESCRIPTION_LIMIT
    assert len(event.location or "") == ADDRESS_LIMIT


def test_long_uid_is_refused() -> None:
    item = {**wire("bookings", "plain"), "uid": "ü" * ID_LIMIT}
    change = normalize_booking(item, account=IDA)
    assert isinstance(change, Rejected)
    assert "longer than" in change.reason


def test_no_show_and_mere_touch_leave_the_fingerprint() -> None:
    item = wire("bookings", "plain")
    touched = {**item, "updatedAt": "2026-03-21T10:00:00.000Z", "rating": 5, "absentHost": True}
    assert event_of(item).fingerprint == event_of(touched).fingerprint


@pytest.mark.parametrize("value", [10**19, 0.5, True, [], {}, "x", "", "5", -1, 0, 10**9])
def test_duration_stands_in_for_the_end_only_when_it_makes_sense(value: object) -> None:
    item = {**wire("odd", "end_missing"), "duration": value}
    assert isinstance(normalize_booking(item, account=IDA), Rejected)


@pytest.mark.parametrize(
    ("profile", "account"),
    [
        ({"id": 7, "email": "Ida@Example.test", "timeZone": "Europe/Berlin"}, IDA),
        ({"id": "7", "email": " ida@example.test", "timeZone": "Europe/Berlin"}, IDA),
        ({"id": 7, "timeZone": "Mars/Olympus"}, Account(user_id="7", email=None, time_zone=None)),
        ({"id": True, "email": 5}, Account(user_id=None, email=None, time_zone=None)),
        (None, Account(user_id=None, email=None, time_zone=None)),
        (["x"], Account(user_id=None, email=None, time_zone=None)),
    ],
)
def test_profile_tells_who_we_are(profile: object, account: Account) -> None:
    assert read_account(profile) == account


def test_account_is_one_calendar() -> None:
    assert make_calendar(IDA) == RemoteCalendar(
        provider_calendar_id="bookings",
        name="Cal.com bookings",
        time_zone="Europe/Berlin",
        color=None,
        primary=True,
        access_role=AccessRole.READER,
        selected=True,
    )
