"""What an event refuses to be, and when two reads of it count as the same."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from calendar_manager.domain.errors import InvalidEventError
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
    original_start_key,
)
from calendar_manager.domain.timespan import DateSpan, Span

pytestmark = pytest.mark.unit

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = Span(START, START + timedelta(hours=1))
DAY = DateSpan(date(2026, 3, 2), date(2026, 3, 3))
WEEKLY = ("RRULE:FREQ=WEEKLY",)

SINGLE = Event(provider_event_id="e1", kind=EventKind.SINGLE, when=HOUR)
MASTER = Event(provider_event_id="m1", kind=EventKind.MASTER, when=HOUR, recurrence=WEEKLY)
OVERRIDE = Event(
    provider_event_id="o1",
    kind=EventKind.OVERRIDE,
    when=HOUR,
    series_id="m1",
    original_start=START,
)


@pytest.mark.parametrize(
    ("event", "changes", "reason"),
    [
        (OVERRIDE, {"series_id": None}, "needs its series"),
        (OVERRIDE, {"original_start": None}, "needs its series"),
        (SINGLE, {"series_id": "m1"}, "only an override"),
        (MASTER, {"original_start": START}, "only an override"),
        (SINGLE, {"when": None}, "lack its times"),
        (SINGLE, {"when": None, "status": EventStatus.CANCELLED}, "lack its times"),
        (OVERRIDE, {"when": None}, "lack its times"),
        (MASTER, {"recurrence": ()}, "recurrence lines"),
        (SINGLE, {"recurrence": WEEKLY}, "recurrence lines"),
        (OVERRIDE, {"recurrence": WEEKLY}, "recurrence lines"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(
    event: Event, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidEventError, match=reason):
        replace(event, **changes)


def test_a_cancelled_override_may_lack_its_times() -> None:
    cancelled = replace(OVERRIDE, when=None, status=EventStatus.CANCELLED)
    assert not cancelled.all_day


def test_an_original_start_is_kept_in_utc_and_a_date_stays_a_date() -> None:
    east = timezone(timedelta(hours=9))
    made = replace(OVERRIDE, original_start=START.astimezone(east))
    assert isinstance(made.original_start, datetime)
    assert made.original_start.tzinfo is UTC
    assert made == OVERRIDE
    assert replace(OVERRIDE, original_start=date(2026, 3, 2)).original_start == date(2026, 3, 2)


def test_an_event_with_dates_is_all_day() -> None:
    assert replace(SINGLE, when=DAY).all_day
    assert not SINGLE.all_day


def test_an_instant_names_itself_and_a_date_its_midnight_in_utc() -> None:
    east = timezone(timedelta(hours=9))
    assert original_start_key(START.astimezone(east)) == START
    assert original_start_key(START.astimezone(east)).tzinfo is UTC
    assert original_start_key(date(2026, 3, 2)) == datetime(2026, 3, 2, tzinfo=UTC)


CHANGES: dict[str, Any] = {
    "provider_event_id": "e2",
    "when": Span(START, START + timedelta(minutes=50)),
    "time_zone": "Europe/Berlin",
    "title": "Moved",
    "ical_uid": "uid@example.com",
    "status": EventStatus.TENTATIVE,
    "transparency": Transparency.TRANSPARENT,
    "event_type": EventType.FOCUS_TIME,
    "visibility": Visibility.PRIVATE,
    "my_response": Response.DECLINED,
    "location": "Room 1",
    "meeting_url": "https://meet.example.com/1",
    "description": "Bring \N{HOT BEVERAGE} and \ud800 half a character",
    "organizer": Person("boss@example.com"),
    "attendees": (Attendee(email="me@example.com", is_self=True),),
    "mirror": True,
}
UNNOTICED: dict[str, Any] = {
    "etag": '"2"',
    "sequence": 2,
    "provider_updated_at": START,
}
OF_OTHER_KINDS = {"kind", "series_id", "original_start", "recurrence"}


def test_the_lists_of_fields_below_are_complete() -> None:
    names = {field.name for field in fields(Event)}
    assert names == CHANGES.keys() | UNNOTICED.keys() | OF_OTHER_KINDS


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_a_person_notices_changes_the_fingerprint(name: str) -> None:
    assert replace(SINGLE, **{name: CHANGES[name]}).fingerprint != SINGLE.fingerprint


@pytest.mark.parametrize("name", UNNOTICED)
def test_a_change_that_nobody_notices_leaves_the_fingerprint(name: str) -> None:
    assert replace(SINGLE, **{name: UNNOTICED[name]}).fingerprint == SINGLE.fingerprint


def test_another_rule_and_another_original_start_change_the_fingerprint() -> None:
    daily = replace(MASTER, recurrence=("RRULE:FREQ=DAILY",))
    later = replace(OVERRIDE, original_start=START + timedelta(days=7))
    on_a_date = replace(OVERRIDE, original_start=START.date())
    assert len({event.fingerprint for event in (MASTER, daily, OVERRIDE, later, on_a_date)}) == 5


@pytest.mark.parametrize(
    ("event", "beginning"),
    [
        (SINGLE, "ed5c289d87547ad1"),
        (MASTER, "cc9869dfb30acb41"),
        (OVERRIDE, "9c1d696ecc31a421"),
        (replace(SINGLE, **CHANGES), "f29874b97506a060"),
        (replace(SINGLE, when=DAY), "d75505be9827a996"),
    ],
)
def test_the_fingerprints_that_are_stored_already_stay_valid(event: Event, beginning: str) -> None:
    # Were one different, every event would be written anew by the next full read.
    assert event.fingerprint.startswith(beginning)


def test_the_zone_in_which_an_instant_is_written_leaves_the_fingerprint() -> None:
    east = timezone(timedelta(hours=9))
    moved = Span(HOUR.start.astimezone(east), HOUR.end.astimezone(east))
    assert replace(SINGLE, when=moved).fingerprint == SINGLE.fingerprint


def test_midnight_utc_and_its_date_have_different_fingerprints() -> None:
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    timed = replace(SINGLE, when=Span(midnight, midnight + timedelta(days=1)))
    assert timed.fingerprint != replace(SINGLE, when=DAY).fingerprint
