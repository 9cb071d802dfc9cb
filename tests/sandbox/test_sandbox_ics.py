"""Seeding from iCalendar: the corpus, the oddities, the packaged week, the shift."""

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import icalendar
import pytest
import recurring_ical_events

from calendar_manager.sandbox.app import Sandbox
from calendar_manager.sandbox.clock import read_system_clock
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.google.calendar import Calendar
from calendar_manager.sandbox.google.instances import Window, live_instances
from calendar_manager.sandbox.google.seeding import SeedResult, seed_calendar
from calendar_manager.sandbox.ics_seed import read_ics
from calendar_manager.sandbox.ics_shift import shift_to_week
from calendar_manager.sandbox.seeds import load_seed
from tests.sandbox.sandbox_api import EMAIL, Json

pytestmark = pytest.mark.unit

CORPUS = Path(__file__).parent.parent / "ics"
FILES = sorted(path for path in CORPUS.rglob("*") if path.suffix in {".ics", ".txt", ".xml"})
FOLDERS = sorted({path.parent.name for path in FILES})
SECONDS_PER_FILE = 10


def load(text: str | bytes, zone: str = "Europe/Berlin") -> tuple[Calendar, SeedResult]:
    sandbox = Sandbox(read_system_clock)
    sandbox.google.add_account(EMAIL, "", zone)
    calendar = sandbox.google.calendars[EMAIL]
    return calendar, seed_calendar(sandbox.google, calendar, read_ics(text, zone))


def rows(text: str, zone: str = "Europe/Berlin") -> list[Json]:
    calendar, result = load(text, zone)
    assert result.rejected == 0, result.problems
    return [row.render(zone) for row in calendar.rows.values()]


def event(*lines: str, uid: str = "1@example.com") -> str:
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT"])


def calendar_text(*events: str, headers: tuple[str, ...] = ()) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *headers, *events, "END:VCALENDAR", ""])


def test_the_corpus_is_whole() -> None:
    assert len(FILES) > 600


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_file_of_the_corpus_crashes_or_hangs(folder: str) -> None:
    window = Window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
    loaded = 0
    for path in FILES:
        if path.parent.name == folder:
            began = time.monotonic()
            calendar, result = load(path.read_bytes())
            live_instances(calendar, window)
            live_instances(calendar, Window())
            assert time.monotonic() - began < SECONDS_PER_FILE, path
            assert bool(result.rejected) <= bool(result.problems), path
            loaded += result.loaded
    assert loaded > 0


@pytest.mark.parametrize(
    "name",
    [
        "ical4j/valid_EstoniaHolidays.ics",
        "ical4j/valid_THFC.ics",
        "ical4j/valid_BCP321928.ics",
        "ical4j/valid_EXDATE.ics",
        "allenporter-ical/examples_testdata_apple_ical.ics",
        "allenporter-ical/examples_testdata_recurring_with_single_change.ics",
    ],
)
def test_real_feeds_have_the_instances_that_another_reader_finds(name: str) -> None:
    text = (CORPUS / name).read_text(encoding="utf-8")
    calendar, _ = load(text, "UTC")
    lower, upper = datetime(1995, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    found = {
        (str(row.body.get("summary", "")), read_start(row.render("UTC")["start"]))
        for row in live_instances(calendar, Window(lower, upper))
    }
    parsed: Any = icalendar.Calendar.from_ical(text)
    expected = {
        (str(one.get("SUMMARY", "")).strip(), normalize(one["DTSTART"].dt))
        for one in recurring_ical_events.of(parsed).between(lower, upper)
    }
    assert found == expected
    assert len(found) > 1


def read_start(value: Json) -> date:
    if "date" in value:
        return date.fromisoformat(value["date"])
    return datetime.fromisoformat(value["dateTime"]).astimezone(UTC)


def normalize(moment: date) -> date:
    if not isinstance(moment, datetime):
        return moment
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


@pytest.mark.parametrize(
    ("tzid", "zone"),
    [
        ("Europe/Paris", "Europe/Paris"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("/mozilla.org/20050126_1/America/New_York", "America/New_York"),
        ("Mars/Base", "Asia/Tokyo"),
        ('"Quoted: zone"', "Asia/Tokyo"),
        ("Eastern", "America/Detroit"),
    ],
)
def test_zones_are_found_in_order(tzid: str, zone: str) -> None:
    named = "BEGIN:VTIMEZONE\r\nTZID:Eastern\r\nX-LIC-LOCATION:America/Detroit\r\nEND:VTIMEZONE"
    text = calendar_text(
        named,
        event(f"DTSTART;TZID={tzid}:20260302T090000"),
        headers=("X-WR-TIMEZONE:Asia/Tokyo",),
    )
    (row,) = rows(text)
    assert row["start"]["timeZone"] == zone


def test_floating_times_take_the_feeds_zone_then_the_default() -> None:
    floating = event("DTSTART:20260302T090000")
    (with_feed,) = rows(calendar_text(floating, headers=("X-WR-TIMEZONE:Asia/Tokyo",)))
    (without,) = rows(calendar_text(floating))
    assert with_feed["start"]["timeZone"] == "Asia/Tokyo"
    assert without["start"] == {
        "dateTime": "2026-03-02T09:00:00+01:00",
        "timeZone": "Europe/Berlin",
    }


def test_a_bad_component_costs_only_itself() -> None:
    text = calendar_text(
        event("DTSTART:20260302T090000Z", "SUMMARY:Good", uid="1"),
        event("DTSTART:not-a-date", uid="2"),
        event("DTSTART:20260302T090000Z", "DTEND:20260301T090000Z", uid="3"),
        event("DTSTART:20260302T090000Z", "RRULE:FREQ=SOMETIMES", "SUMMARY:Odd", uid="4"),
        "BEGIN:VEVENT\r\nGARBAGE WITHOUT COLON\r\nDTSTART:20260303T090000Z\r\nEND:VEVENT",
        "BEGIN:VEVENT\r\nDTSTART:20260304T090000Z",
    )
    calendar, result = load(text)
    assert (result.loaded, result.rejected) == (2, 4)
    assert len(result.problems) == 4
    assert len(calendar.rows) == 2


def test_overrides_become_exceptions_and_lonely_ones_events() -> None:
    text = calendar_text(
        event(
            "DTSTART;TZID=Europe/Berlin:20260302T090000",
            "DTEND;TZID=Europe/Berlin:20260302T093000",
            "RRULE:FREQ=WEEKLY;COUNT=4",
            "EXDATE;TZID=Europe/Berlin:20260309T090000",
            "SUMMARY:Series",
        ),
        event(
            "RECURRENCE-ID;TZID=Europe/Berlin:20260316T090000",
            "DTSTART;TZID=Europe/Berlin:20260316T140000",
            "SUMMARY:Moved",
        ),
        event(
            "RECURRENCE-ID:20260323T080000Z",
            "DTSTART:20260323T080000Z",
            "STATUS:CANCELLED",
        ),
        event("RECURRENCE-ID:20260101T080000Z", "DTSTART:20260101T080000Z", uid="2@example.com"),
    )
    master, moved, cancelled, lonely = (
        sorted(rows(text), key=lambda row: "iCalUID" not in row)[:2]
        + [row for row in rows(text) if row["status"] == "cancelled"]
        + [row for row in rows(text) if row.get("iCalUID") == "2@example.com"]
    )
    assert master["recurrence"] == [
        "RRULE:FREQ=WEEKLY;COUNT=4",
        "EXDATE;TZID=Europe/Berlin:20260309T090000",
    ]
    assert moved["id"] == f"{master['id']}_20260316T080000Z"
    assert moved["summary"] == "Moved"
    assert cancelled["originalStartTime"]["dateTime"] == "2026-03-23T09:00:00+01:00"
    assert "recurringEventId" not in lonely


def test_fields_come_over() -> None:
    (row,) = rows(
        calendar_text(
            event(
                "DTSTART;VALUE=DATE:20260302",
                "SUMMARY:Fair\\, day one",
                "LOCATION:Hall 4",
                "TRANSP:TRANSPARENT",
                "STATUS:TENTATIVE",
                "CLASS:PRIVATE",
                "SEQUENCE:3",
                "ORGANIZER:mailto:boss@client.example",
                f"ATTENDEE;PARTSTAT=DECLINED;CN=Me:mailto:{EMAIL}",
                "ATTENDEE;PARTSTAT=DELEGATED:mailto:other@client.example",
                "BEGIN:VALARM\r\nDESCRIPTION:Not the event's\r\nEND:VALARM",
            )
        )
    )
    assert row["start"] == {"date": "2026-03-02"}
    assert row["end"] == {"date": "2026-03-03"}
    assert row["summary"] == "Fair, day one"
    assert (row["transparency"], row["status"], row["visibility"], row["sequence"]) == (
        "transparent",
        "tentative",
        "private",
        3,
    )
    assert row["organizer"] == {"email": "boss@client.example"}
    assert row["attendees"] == [
        {"email": EMAIL, "displayName": "Me", "responseStatus": "declined", "self": True},
        {"email": "other@client.example", "responseStatus": "needsAction"},
    ]
    assert "description" not in row


def test_seeding_twice_updates_the_same_events(control: ControlClient, account: Json) -> None:
    del account
    text = calendar_text(event("DTSTART:20260302T090000Z", "SUMMARY:First"))
    assert control.seed_ics(EMAIL, text).loaded == 1
    control.seed_ics(EMAIL, text.replace("First", "Second"), own_addresses=["x@example.com"])
    assert [row["summary"] for row in control.truth(EMAIL)] == ["Second"]


def test_the_packaged_week_lies_in_the_week_asked_for(
    control: ControlClient, account: Json
) -> None:
    del account
    monday = date(2027, 3, 29)
    report = control.seed_packaged(EMAIL, "freelancer", monday=monday)
    assert report.loaded > 20
    assert report.problems == ()
    lower = datetime.combine(monday, datetime.min.time(), UTC)
    week = control.truth_instances(EMAIL, lower, lower + timedelta(days=7))
    assert len(week) > 15
    assert {row["start"].get("date", "2027-04-03") for row in week} <= {
        "2027-04-03",
        "2027-04-04",
    }
    assert control.seed_packaged(EMAIL, "apple_export").loaded == 8
    holidays = [row for row in control.truth(EMAIL) if row.get("summary") == "Tag der Arbeit"]
    assert holidays[0]["start"] == {"date": "2025-05-01"}


def test_shifting_moves_every_date_of_an_event_by_whole_weeks() -> None:
    text = load_seed("freelancer")
    shifted = shift_to_week(text, date(2026, 1, 19))
    calendar, _ = load(text)
    moved, _ = load(shifted)
    lower = datetime(2026, 1, 5, tzinfo=UTC)

    def shape(shown: Calendar, begin: datetime) -> list[tuple[str, timedelta]]:
        found = live_instances(shown, Window(begin, begin + timedelta(days=5)))
        return [
            (
                str(row.body["summary"]),
                datetime.fromisoformat(row.body["start"]["dateTime"]) - begin,
            )
            for row in found
            if "dateTime" in row.body["start"]
        ]

    assert shape(calendar, lower) == shape(moved, lower + timedelta(days=14))
    assert "EXDATE;TZID=Europe/Berlin:20260120T091500" in shifted
    assert "RECURRENCE-ID;TZID=Europe/Berlin:20260122T091500" in shifted
