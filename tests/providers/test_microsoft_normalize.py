"""Graph's events and calendars become ours, and nothing of theirs can break us."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from calendar_manager.domain.accounts import AccessRole, RemoteCalendar
from calendar_manager.domain.busy import Busy, busy_of
from calendar_manager.domain.changes import Rejected, Upserted
from calendar_manager.domain.events import (
    Attendee,
    Event,
    EventKind,
    EventStatus,
    EventType,
    Person,
    Response,
    Transparency,
    Visibility,
)
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.providers.microsoft.normalize import (
    ADDRESS_LIMIT,
    DESCRIPTION_LIMIT,
    TITLE_LIMIT,
    normalize_calendar,
    normalize_event,
)
from tests.providers.graph_items import whole
from tests.providers.graph_spec import find_answer_problems

pytestmark = pytest.mark.unit

ODD = Path(__file__).parents[1] / "wire" / "microsoft" / "odd"
ME = "ada@contoso.test"
# 09:00 and 10:00 in Berlin on 28 March 2026, the day before the clocks change.
NINE = datetime(2026, 3, 28, 8, tzinfo=UTC)
NINE_TO_TEN = Span(NINE, NINE + timedelta(hours=1))
ADA = Person(ME, "Ada")
GRACE = Person("grace@client.test", "Grace")


def odd(name: str) -> dict[str, Any]:
    return dict(json.loads((ODD / f"{name}.json").read_text(encoding="utf-8")))


def event_of(item: object) -> Event:
    change = normalize_event(item, account=ME)
    assert isinstance(change, Upserted), change
    return change.event


def single(event_id: str, when: Span | DateSpan = NINE_TO_TEN, **fields: Any) -> Event:
    values = {
        "time_zone": "Europe/Berlin" if isinstance(when, Span) else None,
        "ical_uid": f"uid-{event_id}",
        "organizer": ADA,
        "etag": f'W/"{event_id}"',
        "provider_updated_at": datetime(2026, 1, 5, 8, 0, 0, 123456, tzinfo=UTC),
        **fields,
    }
    return Event(provider_event_id=event_id, kind=EventKind.SINGLE, when=when, **values)


def days(first: int, end: int) -> DateSpan:
    return DateSpan(date(2026, 3, first), date(2026, 3, end))


SUMMER = Span(datetime(2026, 7, 1, 13, tzinfo=UTC), datetime(2026, 7, 1, 14, tzinfo=UTC))
EXPECTED = {
    "all_day_end_exclusive": single("allday1", days(28, 31), title="Trade fair"),
    "all_day_ends_on_its_start": single("allday2", days(28, 29), title="Imported"),
    "all_day_in_another_zone": single("allday3", days(28, 29), title="Shown in another zone"),
    "times_not_in_utc": single("wall1", SUMMER, title="Zone not obeyed"),
    "seven_digits_of_fractions": single(
        "fraction1", Span(NINE.replace(microsecond=123456), NINE_TO_TEN.end), title="Seven digits"
    ),
    "free": single("free1", title="Lunch", transparency=Transparency.TRANSPARENT),
    "tentative": single(
        "tentative1",
        title="Maybe",
        status=EventStatus.TENTATIVE,
        my_response=Response.NEEDS_ACTION,
    ),
    "out_of_office": single("oof1", title="Away", event_type=EventType.OUT_OF_OFFICE),
    "working_elsewhere": single("elsewhere1", title="Home", event_type=EventType.WORKING_LOCATION),
    "show_as_unknown": single("unknown1", title="Who knows"),
    "cancelled_by_the_organizer": single(
        "cancelled1",
        title="Canceled: Review",
        status=EventStatus.CANCELLED,
        transparency=Transparency.TRANSPARENT,
        my_response=Response.ACCEPTED,
    ),
    "meeting_of_my_own": single(
        "mine1",
        title="Mine",
        my_response=Response.ACCEPTED,
        location="Room 5",
        meeting_url="https://teams.microsoft.com/l/meetup-join/19%3ameeting",
        description="Agenda:\r\nEverything",
        attendees=(
            Attendee(
                email=ME, name="Ada", response=Response.ACCEPTED, organizer=True, is_self=True
            ),
            Attendee(email=GRACE.email, name="Grace", response=Response.TENTATIVE),
            Attendee(email="linus@client.test", name="Linus", optional=True),
            Attendee(
                email="room5@contoso.test",
                name="Room 5",
                response=Response.ACCEPTED,
                resource=True,
            ),
        ),
    ),
    "invitation_declined": single(
        "invited1",
        title="Theirs",
        visibility=Visibility.PRIVATE,
        meeting_url="https://join.example.test/42",
        organizer=GRACE,
        my_response=Response.DECLINED,
        attendees=(
            Attendee(email=ME, name="Ada", response=Response.DECLINED, is_self=True),
            Attendee(email=GRACE.email, name="Grace", response=Response.ACCEPTED, organizer=True),
        ),
    ),
    "no_answer_asked_for": single("none1", title="Imported"),
    "personal": single("personal1", title="Dentist", visibility=Visibility.PRIVATE),
    "custom_time_zone": single("custom1", title="Old Outlook", time_zone=None),
    "everything_null": Event(provider_event_id="nulls1", kind=EventKind.SINGLE, when=NINE_TO_TEN),
    "nearly_nothing": Event(
        provider_event_id="little1", kind=EventKind.SINGLE, when=Span(NINE, NINE)
    ),
    "nul_and_half_a_pair": single("nul1", title="Nul and half "),
    "meeting_address_is_no_link": single("script1", title="Click me"),
    "exchange_uid_of_an_occurrence": single(
        "uid1",
        title="Uid",
        ical_uid="040000008200E00074C5B7101A82E00800000000B0B64D8F2C9DDC010000000000000000"
        "100000005F3A1B2C4D5E6F708192A3B4C5D6E7F8",
    ),
}
REJECTED = {
    "ends_before_it_starts": ("bad1", "before it starts"),
    "no_start": ("bad2", "it has no start"),
    "year_1": ("bad3", "its start is in the year 1"),
    "year_9999": ("bad4", "its end is in the year 9999"),
    "time_in_words": ("bad5", "cannot be read"),
    "times_in_an_unknown_zone": ("bad6", "unknown time zone 'Customized Time Zone'"),
    "id_too_long": (None, "no id that can be stored"),
    "no_id": (None, "no id that can be stored"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_odd_event_is_read_as_what_it_means(name: str) -> None:
    assert event_of(odd(name)) == EXPECTED[name]


@pytest.mark.parametrize("name", REJECTED)
def test_unreadable_event_costs_itself_and_says_why(name: str) -> None:
    event_id, reason = REJECTED[name]
    change = normalize_event(odd(name), account=ME)
    assert isinstance(change, Rejected)
    assert change.provider_event_id == event_id
    assert reason in change.reason


def test_every_odd_event_is_expected_and_possible() -> None:
    names = {path.stem for path in ODD.glob("*.json")}
    assert names == EXPECTED.keys() | REJECTED.keys()
    problems = {name: find_answer_problems(odd(name), "event") for name in names}
    assert {name: found for name, found in problems.items() if found} == {}


@pytest.mark.parametrize(
    ("fields", "busy"),
    [
        ({"showAs": "busy"}, Busy.BUSY),
        ({"showAs": "unknown"}, Busy.BUSY),
        ({"showAs": "free"}, Busy.FREE),
        ({"showAs": "workingElsewhere"}, Busy.FREE),
        ({"showAs": "oof"}, Busy.BUSY),
        ({"showAs": "tentative"}, Busy.TENTATIVE),
        ({"isCancelled": True}, Busy.FREE),
        ({"isOrganizer": False, "responseStatus": {"response": "declined"}}, Busy.FREE),
        ({"isOrganizer": False, "responseStatus": {"response": "notResponded"}}, Busy.TENTATIVE),
        (
            {"isOrganizer": False, "responseStatus": {"response": "tentativelyAccepted"}},
            Busy.TENTATIVE,
        ),
        ({"isOrganizer": False, "responseStatus": {"response": "none"}}, Busy.BUSY),
        ({"isOrganizer": False, "responseStatus": None}, Busy.BUSY),
    ],
)
def test_time_is_taken_as_outlook_shows_it(fields: dict[str, Any], busy: Busy) -> None:
    assert busy_of(event_of(whole("one", NINE, **fields))) is busy


def test_organizer_among_the_attendees_is_not_added_again() -> None:
    host = {"type": "required", "emailAddress": {"name": "Ada", "address": "ADA@contoso.test"}}
    guest = {"type": "required", "emailAddress": {"name": "G", "address": "g@client.test"}}
    event = event_of(whole("one", NINE, attendees=[host, guest]))
    assert [(one.email, one.organizer, one.is_self) for one in event.attendees] == [
        (ME, True, True),
        ("g@client.test", False, False),
    ]


def test_long_texts_are_cut_and_long_addresses_dropped() -> None:
    event = event_of(
        whole(
            "long",
            NINE,
            subject="t" * 5_000,
            bodyPreview="d" * 50_000,
            onlineMeeting={"joinUrl": "https://x.test/" + "a" * ADDRESS_LIMIT},
        )
    )
    assert len(event.title) == TITLE_LIMIT
    assert len(event.description or "") == DESCRIPTION_LIMIT
    assert event.meeting_url is None


def test_version_marks_alone_do_not_make_an_event_another() -> None:
    one = event_of(whole("one", NINE))
    marks: dict[str, Any] = {
        "@odata.etag": "W/2",
        "changeKey": "2",
        "lastModifiedDateTime": "2026-02-01T00:00:00Z",
    }
    assert event_of(whole("one", NINE, **marks)).fingerprint == one.fingerprint
    assert event_of(whole("one", NINE, subject="Other")).fingerprint != one.fingerprint


CALENDAR = {
    "id": "cal",
    "name": "Calendar",
    "color": "auto",
    "hexColor": "",
    "isDefaultCalendar": True,
    "canShare": True,
    "canEdit": True,
    "owner": {"name": "Ada", "address": ME},
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        (
            {"isDefaultCalendar": False, "canShare": False, "hexColor": "#0078D4"},
            {"primary": False, "access_role": AccessRole.WRITER, "color": "#0078d4"},
        ),
        (
            {"canShare": False, "canEdit": False, "hexColor": "a6d1f5"},
            {"access_role": AccessRole.READER, "color": "#a6d1f5"},
        ),
        ({"name": None, "hexColor": "red"}, {"name": "cal"}),
        ({"canShare": None, "canEdit": None}, {"access_role": AccessRole.READER}),
    ],
)
def test_calendar_is_read(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    item = {**CALENDAR, **fields}
    assert find_answer_problems(item, "calendar") == []
    values: dict[str, Any] = {
        "provider_calendar_id": "cal",
        "name": "Calendar",
        "time_zone": None,
        "color": None,
        "primary": True,
        "access_role": AccessRole.OWNER,
        "selected": True,
        **expected,
    }
    assert normalize_calendar(item) == RemoteCalendar(**values)


def test_calendar_without_an_id_is_none() -> None:
    assert normalize_calendar({"name": "No id"}) is None
    assert normalize_calendar("text") is None
