"""Google's events become ours, and nothing of theirs can break us."""

import json
import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from calendar_manager.domain.changes import Deleted, Rejected, Upserted
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
from calendar_manager.providers.google.normalize import (
    ADDRESS_LIMIT,
    DESCRIPTION_LIMIT,
    ID_LIMIT,
    RECURRENCE_LIMIT,
    TITLE_LIMIT,
    normalize_event,
)

pytestmark = pytest.mark.unit

WIRE = Path(__file__).parents[1] / "wire" / "google"
RECORDED = sorted((WIRE / "incremental").glob("recurring_*.json"))
BERLIN = "Europe/Berlin"
# 09:00 and 10:00 in Berlin on 28 March 2026, the day before the clocks change.
NINE_TO_TEN = Span(datetime(2026, 3, 28, 8, tzinfo=UTC), datetime(2026, 3, 28, 9, tzinfo=UTC))
MONDAY = Span(datetime(2026, 1, 5, 8, tzinfo=UTC), datetime(2026, 1, 5, 9, tzinfo=UTC))
SUMMER = Span(datetime(2026, 7, 1, 7, tzinfo=UTC), datetime(2026, 7, 1, 8, tzinfo=UTC))
AFTERNOON = Span(datetime(2026, 3, 31, 13, tzinfo=UTC), datetime(2026, 3, 31, 14, tzinfo=UTC))
ORIGINAL = datetime(2026, 3, 30, 7, tzinfo=UTC)
MEET = "https://meet.google.com/aaa-bbbb-ccc"


def odd(name: str) -> dict[str, Any]:
    return dict(json.loads((WIRE / "odd" / f"{name}.json").read_text(encoding="utf-8")))


def event_of(item: object, zone: str | None = BERLIN) -> Event:
    change = normalize_event(item, calendar_time_zone=zone)
    assert isinstance(change, Upserted), change
    return change.event


def single(
    event_id: str,
    when: Span | DateSpan = NINE_TO_TEN,
    **fields: Any,
) -> Event:
    zone = BERLIN if isinstance(when, Span) else None
    values = {"time_zone": zone, "kind": EventKind.SINGLE, **fields}
    return Event(provider_event_id=event_id, when=when, **values)


def days(first: int, end: int) -> DateSpan:
    return DateSpan(date(2026, 3, first), date(2026, 3, end))


def override(
    event_id: str,
    when: Span | DateSpan | None,
    **fields: Any,
) -> Event:
    values = {"series_id": "master", "original_start": ORIGINAL, **fields}
    return Event(provider_event_id=event_id, kind=EventKind.OVERRIDE, when=when, **values)


NAMED = "master_20260330T070000Z"
CANCELLED = override(NAMED, None, status=EventStatus.CANCELLED)
EXPECTED = {
    "all_day_end_exclusive": single(
        "allday1", days(28, 31), title="Trade fair", ical_uid="allday1@google.com"
    ),
    "all_day_without_end": single("allday2", days(28, 29), title="No end"),
    "all_day_ends_on_its_start": single("allday3", days(28, 29), title="Imported"),
    "timed_without_end": single(
        "timed1", Span(NINE_TO_TEN.start, NINE_TO_TEN.start), title="Reminder"
    ),
    "end_time_unspecified": single("timed2", title="Open end"),
    "wall_clock_in_its_own_zone": single(
        "wall1",
        Span(datetime(2026, 7, 1, 13, tzinfo=UTC), datetime(2026, 7, 1, 14, tzinfo=UTC)),
        title="No offset",
        time_zone="America/New_York",
    ),
    "wall_clock_in_the_calendars_zone": single("wall2", SUMMER, title="Neither offset nor zone"),
    "zone_differs_from_offset": single(
        "zone1",
        Span(datetime(2026, 1, 5, 0, tzinfo=UTC), datetime(2026, 1, 5, 1, tzinfo=UTC)),
        title="Series made in Tokyo",
        kind=EventKind.MASTER,
        recurrence=("RRULE:FREQ=WEEKLY",),
        time_zone="Asia/Tokyo",
    ),
    "zone_unknown": single(
        "zone2",
        Span(datetime(2026, 1, 5, 4, tzinfo=UTC), datetime(2026, 1, 5, 5, tzinfo=UTC)),
        title="Customized zone",
        kind=EventKind.MASTER,
        recurrence=("RRULE:FREQ=DAILY",),
    ),
    "moved_exception": override(
        NAMED,
        AFTERNOON,
        title="Moved",
        time_zone=BERLIN,
        ical_uid="master@google.com",
        sequence=2,
    ),
    "cancelled_exception": CANCELLED,
    "cancelled_all_day_exception": override(
        "master_20260330",
        None,
        original_start=date(2026, 3, 30),
        status=EventStatus.CANCELLED,
    ),
    "cancelled_exception_named_by_its_id_only": CANCELLED,
    "cancelled_exception_with_broken_times": CANCELLED,
    "timed_exception_of_an_all_day_series": override(
        "master_20260330",
        Span(datetime(2026, 3, 30, 10, tzinfo=UTC), datetime(2026, 3, 30, 12, tzinfo=UTC)),
        original_start=date(2026, 3, 30),
        title="Shortened",
        time_zone=BERLIN,
    ),
    "recurrence_with_a_stray_dtstart": single(
        "rule1",
        MONDAY,
        title="Old client",
        kind=EventKind.MASTER,
        recurrence=(
            "RRULE:FREQ=WEEKLY;BYDAY=MO",
            "EXDATE;TZID=Europe/Berlin:20260112T090000",
            "RDATE;TZID=Europe/Berlin:20260114T090000",
            "EXRULE:FREQ=MONTHLY",
        ),
    ),
    "declined_by_me": single(
        "guest1",
        title="Invitation",
        my_response=Response.DECLINED,
        organizer=Person("boss@client.example", "Boss"),
        attendees=(
            Attendee(email="boss@client.example", response=Response.ACCEPTED, organizer=True),
            Attendee(
                email="me@example.test", response=Response.DECLINED, optional=True, is_self=True
            ),
            Attendee(
                email="room@resource.calendar.google.com",
                name="Room 1",
                response=Response.ACCEPTED,
                resource=True,
            ),
            Attendee(email=None, name="Hidden"),
        ),
    ),
    "organizer_is_me_without_attendees": single(
        "own1", title="Deep work", organizer=Person("me@example.test")
    ),
    "out_of_office": single(
        "ooo1",
        Span(datetime(2026, 3, 27, 23, tzinfo=UTC), datetime(2026, 3, 28, 23, tzinfo=UTC)),
        title="Holiday",
        event_type=EventType.OUT_OF_OFFICE,
        visibility=Visibility.PUBLIC,
    ),
    "focus_time": single("focus1", title="Focus", event_type=EventType.FOCUS_TIME),
    "working_location": single(
        "home1",
        days(28, 29),
        title="Home",
        event_type=EventType.WORKING_LOCATION,
        visibility=Visibility.PUBLIC,
        transparency=Transparency.TRANSPARENT,
    ),
    "birthday": single(
        "birthday1",
        DateSpan(date(1815, 12, 10), date(1815, 12, 11)),
        title="Ada",
        kind=EventKind.MASTER,
        recurrence=("RRULE:FREQ=YEARLY",),
        event_type=EventType.BIRTHDAY,
        transparency=Transparency.TRANSPARENT,
    ),
    "from_gmail": single("gmail1", title="Flight LH 1", visibility=Visibility.PRIVATE),
    "free_busy_only": single("busy1", visibility=Visibility.PRIVATE, etag='"1"'),
    "video_conference": single(
        "video1", title="Call", location="Zoom", meeting_url="https://zoom.example/j/1"
    ),
    "hangout_only": single("video2", title="Call", meeting_url=MEET),
    "our_mirror": single("mirror1", title="Busy", mirror=True),
    "nul_and_lone_surrogate": single("nul1", title="ABC 😀"),
    "unknown_words_everywhere": single("future1", title="From the future", sequence=2**31 - 1),
}
REJECTED = {
    "rejected_inverted": "before it starts",
    "rejected_inverted_days": "before they start",
    "rejected_date_and_time_mixed": "the other a time",
    "rejected_time_and_date_mixed": "the other a time",
    "rejected_no_start": "no start",
    "rejected_year_1": "year 1",
    "rejected_year_9999": "year 9999",
    "rejected_malformed_time": "cannot be read",
    "rejected_exception_without_its_name": "which occurrence",
    "rejected_exception_named_by_no_date": "which occurrence",
    "rejected_no_id": "no id",
}
DELETED = {
    "cancelled_single": "gone1",
    "cancelled_exception_without_its_name": "gone2",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_odd_event_is_read_as_it_is_meant(name: str) -> None:
    assert event_of(odd(name)) == EXPECTED[name]


@pytest.mark.parametrize("name", REJECTED)
def test_unreadable_event_costs_only_itself(name: str) -> None:
    item = odd(name)
    change = normalize_event(item, calendar_time_zone=BERLIN)
    assert isinstance(change, Rejected)
    assert change.provider_event_id == item.get("id")
    assert REJECTED[name] in change.reason


@pytest.mark.parametrize("name", DELETED)
def test_other_cancelled_events_are_deletions(name: str) -> None:
    assert normalize_event(odd(name), calendar_time_zone=BERLIN) == Deleted(DELETED[name])


def test_every_odd_payload_has_its_expectation() -> None:
    names = {path.stem for path in (WIRE / "odd").glob("*.json")}
    assert names == EXPECTED.keys() | REJECTED.keys() | DELETED.keys()


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_answer_is_read_whole(path: Path) -> None:
    page = json.loads(path.read_text(encoding="utf-8"))
    for item in page["items"]:
        change = normalize_event(item, calendar_time_zone=page["timeZone"])
        if item["status"] == "cancelled" and "recurringEventId" not in item:
            assert change == Deleted(item["id"])
            continue
        assert isinstance(change, Upserted)
        event = change.event
        assert event.recurrence == tuple(item.get("recurrence", ()))
        assert event.series_id == item.get("recurringEventId")
        if isinstance(event.original_start, datetime):
            # Google itself writes the original start into the id, in UTC.
            name = event.original_start.strftime("%Y%m%dT%H%M%SZ")
            assert event.provider_event_id == f"{event.series_id}_{name}"
        if event.status is not EventStatus.CANCELLED:
            assert event.time_zone == "America/Chicago"
            assert isinstance(event.when, Span)
            assert event.when.start == datetime.fromisoformat(item["start"]["dateTime"])
            assert event.title == item["summary"]
            assert event.ical_uid == item["iCalUID"]


def test_unchanged_event_keeps_its_fingerprint_when_only_its_stamps_move() -> None:
    item = odd("moved_exception")
    touched = {**item, "etag": '"2"', "updated": "2026-01-01T00:00:00Z"}
    changed = {**item, "summary": "Moved again"}
    assert event_of(touched).fingerprint == event_of(item).fingerprint
    assert event_of(changed).fingerprint != event_of(item).fingerprint


@pytest.mark.parametrize(
    ("offset", "zone"),
    [
        ("+05:00", "Etc/GMT-5"),
        ("-03:00", "Etc/GMT+3"),
        ("Z", "Etc/UTC"),
        ("+14:00", "Etc/GMT-14"),
        ("+05:30", None),
    ],
)
def test_unknown_zone_in_a_calendar_without_zone_becomes_the_fixed_offset(
    offset: str, zone: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    item = odd("zone_unknown")
    item["start"]["dateTime"] = f"2026-01-05T09:00:00{offset}"
    item["end"]["dateTime"] = f"2026-01-05T10:00:00{offset}"
    with caplog.at_level(logging.WARNING):
        event = event_of(item, zone=None)
    assert event.time_zone == zone
    assert isinstance(event.when, Span)
    assert event.when.start == datetime.fromisoformat(item["start"]["dateTime"])
    assert "Customized Time Zone" in caplog.text


def test_fixed_offset_zone_has_the_offset_that_it_stands_for() -> None:
    item = odd("zone_unknown")
    event = event_of(item, zone="Mars/Olympus")
    assert event.time_zone is not None
    start = datetime.fromisoformat(item["start"]["dateTime"])
    assert start.astimezone(ZoneInfo(event.time_zone)).utcoffset() == timedelta(hours=5)


def test_wall_clock_without_any_zone_is_rejected() -> None:
    change = normalize_event(odd("wall_clock_in_the_calendars_zone"), calendar_time_zone=None)
    assert change == Rejected(
        "wall2",
        "its start '2026-07-01T09:00:00' cannot be read: it has neither an offset nor a known zone",
    )


def test_wall_clock_in_the_gap_moves_forward_by_the_gap() -> None:
    item = odd("wall_clock_in_the_calendars_zone")
    item["start"]["dateTime"], item["end"]["dateTime"] = (
        "2026-03-29T02:30:00",
        "2026-03-29T04:00:00",
    )
    assert event_of(item).when == Span(
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC)
    )


def test_giant_texts_are_cut() -> None:
    item = odd("hangout_only")
    item |= {"summary": "t" * 10_000, "description": "d" * 10_000_000, "iCalUID": "u" * 5_000}
    item["hangoutLink"] = "https://meet.google.com/" + "x" * ADDRESS_LIMIT
    event = event_of(item)
    assert len(event.title) == TITLE_LIMIT
    assert len(event.description or "") == DESCRIPTION_LIMIT
    assert len(event.ical_uid or "") == ID_LIMIT
    assert event.meeting_url is None


def test_giant_recurrence_and_id_are_rejected() -> None:
    item = odd("zone_differs_from_offset")
    item["recurrence"].append("EXDATE:" + ",".join(["20260105T000000Z"] * RECURRENCE_LIMIT))
    change = normalize_event(item, calendar_time_zone=BERLIN)
    assert isinstance(change, Rejected)
    assert "recurrence" in change.reason
    assert normalize_event({"id": "x" * 2000}, calendar_time_zone=BERLIN) == Rejected(
        None, f"its id is longer than {ID_LIMIT} bytes"
    )


@pytest.mark.parametrize("status", ["tentative", "confirmed", None])
def test_status_is_kept(status: str | None) -> None:
    item = {**odd("focus_time"), "status": status}
    assert event_of(item).status.value == (status or "confirmed")
