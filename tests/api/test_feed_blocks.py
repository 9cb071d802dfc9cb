"""What a private busy feed tells, and what it does not."""

import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import pytest
from sqlalchemy import Engine, text

from calendar_manager.bootstrap import Services
from calendar_manager.domain.events import (
    Attendee,
    Event,
    EventStatus,
    EventType,
    Response,
    Transparency,
)
from calendar_manager.domain.events import Person as Organizer
from calendar_manager.domain.timespan import Span, merge_spans, subtract_spans
from tests.api.callers import Person
from tests.api.conftest import Clock
from tests.api.feed_desk import Desk, open_desk, read
from tests.factories import (
    at,
    delete_events,
    make_event,
    span,
)

pytestmark = pytest.mark.store


@pytest.fixture
def desk(services: Services, sign_up: Callable[..., Person], clock: Clock) -> Desk:
    return open_desk(services, sign_up, clock, "mara@example.com")


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Kolkata"])
def server_zone(request: pytest.FixtureRequest) -> Iterator[str]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def test_what_blocks_is_what_blocks_availability(desk: Desk) -> None:
    desk.save(
        make_event("late", "03-03 10:00", "03-03 11:00"),
        make_event("touching", "03-03 11:00", "03-03 12:00"),
        make_event("inside", "03-03 10:15", "03-03 10:30"),
        make_event("nothing", "03-03 15:00", "03-03 15:00"),
        make_event("free", "03-04 10:00", "03-04 11:00", transparency=Transparency.TRANSPARENT),
        make_event("declined", "03-04 12:00", "03-04 13:00", my_response=Response.DECLINED),
        make_event("maybe", "03-05 10:00", "03-05 11:00", status=EventStatus.TENTATIVE),
        make_event("trip", "03-06", "03-08"),
        make_event("home", "03-09", "03-10", event_type=EventType.WORKING_LOCATION),
        make_event("parts", "03-10 10:00", "03-10 11:00", ical_uid="one"),
    )
    desk.add().save(make_event("parts", "03-10 10:00", "03-10 11:00", ical_uid="one"))
    desk.add(blocks_availability=False).save(make_event("x", "03-11 10:00", "03-11 11:00"))
    desk.add(sync_enabled=False).save(make_event("x", "03-12 10:00", "03-12 11:00"))
    path = desk.make()
    maybe = span("03-05 10:00", "03-05 11:00")
    expected = {
        span("03-03 10:00", "03-03 12:00"),
        maybe,
        span("03-05 23:00", "03-07 23:00"),
        span("03-10 10:00", "03-10 11:00"),
    }
    assert set(desk.blocks(path)) == expected
    desk.person.patch("/api/auth/me", json={"settings": {"tentative_blocks": False}})
    assert set(desk.blocks(path)) == expected - {maybe}


@pytest.mark.parametrize(("policy", "blocked"), [("block", True), ("warn", False)])
def test_a_calendar_that_cannot_be_read_blocks_as_in_availability(
    desk: Desk,
    policy: str,
    blocked: bool,  # noqa: FBT001 - a parameter of the test.
) -> None:
    desk.rule()
    desk.save(make_event("call", "03-03 08:30", "03-03 09:00"))
    desk.add(failures=2, unreadable_policy=policy)
    found = set(desk.blocks(desk.make()))
    whole = span("02-28 23:00", "05-01 22:00")
    assert found == ({whole} if blocked else {span("03-03 08:30", "03-03 09:00")})
    answer = desk.person.get(
        "/api/availability", params={"start": "2026-03-03", "end": "2026-03-04"}
    )
    assert (answer.json()["windows"] == []) is blocked


def test_a_calendar_that_never_blocks_does_not_block_by_being_unreadable(desk: Desk) -> None:
    desk.save(make_event("call", "03-03 08:30", "03-03 09:00"))
    desk.add(failures=2, unreadable_policy="block", blocks_availability=False)
    assert set(desk.blocks(desk.make())) == {span("03-03 08:30", "03-03 09:00")}


@pytest.mark.parametrize(("horizon", "days"), [(1, 60), (90, 90), (365, 180)])
def test_a_feed_reaches_from_yesterday_to_the_horizon(desk: Desk, horizon: int, days: int) -> None:
    desk.rule(horizon_days=horizon)
    end = datetime(2026, 3, 3, tzinfo=UTC) + timedelta(days=days)
    last = end - timedelta(hours=2)  # The end of the last day, in the summer time of Berlin.
    if days == 60:
        assert last == at("05-01 22:00")
    spans = {
        "over": span("02-28 22:00", "02-28 23:00"),
        "yesterday": span("02-28 22:30", "02-28 23:30"),
        "last": Span(last - timedelta(minutes=1), last + timedelta(hours=3)),
        "beyond": Span(last + timedelta(hours=4), last + timedelta(hours=5)),
    }
    desk.save(
        *(
            replace(make_event(title, "03-03 08:00", "03-03 09:00"), when=when)
            for title, when in spans.items()
        )
    )
    assert set(desk.blocks(desk.make())) == {spans["yesterday"], spans["last"]}


def test_the_days_of_a_clock_change_are_as_long_as_they_are(desk: Desk) -> None:
    desk.save(
        make_event("short day", "03-29", "03-30"),
        make_event(
            "every day",
            "03-27 08:00",
            "03-27 09:00",
            recurrence=("RRULE:FREQ=DAILY;COUNT=5",),
        ),
    )
    assert set(desk.blocks(desk.make())) == {
        span("03-27 08:00", "03-27 09:00"),
        span("03-28 08:00", "03-28 09:00"),
        span("03-28 23:00", "03-29 22:00"),
        span("03-30 07:00", "03-30 08:00"),
        span("03-31 07:00", "03-31 08:00"),
    }


def test_the_zone_of_the_server_changes_nothing(desk: Desk, server_zone: str) -> None:
    desk.save(
        make_event("holiday", "03-29", "03-30"),
        make_event("call", "03-10 08:30", "03-10 09:00", recurrence=("RRULE:FREQ=WEEKLY;COUNT=4",)),
    )
    path = desk.make()
    elsewhere = desk.fetch(path)
    os.environ["TZ"] = "Pacific/Kiritimati"
    time.tzset()
    here = desk.fetch(path)
    assert here.content == elsewhere.content, server_zone
    assert here.headers["ETag"] == elsewhere.headers["ETag"]
    assert span("03-28 23:00", "03-29 22:00") in read(here.content)


def test_parts_of_a_second_are_busy(desk: Desk) -> None:
    part = timedelta(microseconds=250_000)
    whole = span("03-03 08:30", "03-03 09:00")
    event = make_event("call", "03-03 08:30", "03-03 09:00")
    desk.save(replace(event, when=Span(whole.start + part, whole.end + part)))
    assert set(desk.blocks(desk.make())) == {
        Span(whole.start, whole.end + timedelta(seconds=1)),
    }


def test_a_deleted_meeting_is_gone_at_once(desk: Desk) -> None:
    event = make_event("call", "03-03 08:30", "03-03 09:00")
    desk.save(event)
    path = desk.make()
    assert desk.blocks(path)
    with desk.services.store.begin() as uow:
        delete_events(uow, desk.calendar, event)
    assert not desk.blocks(path)
    assert icalendar.Calendar.from_ical(desk.fetch(path).content)["VERSION"] == "2.0"


def test_nothing_is_told_but_that_it_is_busy(desk: Desk, clean_database: Engine) -> None:
    secrets: dict[str, Any] = {
        "title": "Merger with Initech",
        "location": "Room 101",
        "description": "bring the contract",
        "meeting_url": "https://meet.example.com/secret",
        "ical_uid": "original-uid@example.com",
    }
    organizer = Organizer("boss@initech.example", "Bill Lumbergh")
    guest = Attendee(email="peter@initech.example", name="Peter Gibbons")
    event = make_event("", "03-03 08:30", "03-03 09:00")
    weekly = make_event("", "03-04 08:30", "03-04 09:00", recurrence=("RRULE:FREQ=WEEKLY",))
    desk.save(
        replace(event, **secrets, organizer=organizer, attendees=(guest,)),
        replace(weekly, **secrets, organizer=organizer, attendees=(guest,)),
    )
    path = desk.make()
    assert len(desk.blocks(path)) == 10
    content = desk.fetch(path).text
    hidden = ["initech", "lumbergh", "peter", "rrule", "attendee", "mara", "work", desk.person.id]
    for word in (*secrets.values(), *hidden):
        assert word.lower() not in content.lower(), word
    assert str(desk.calendar.id) not in content
    with clean_database.connect() as connection:
        ids = connection.scalars(text("SELECT id FROM events UNION SELECT id FROM occurrences"))
        assert not any(str(one) in content for one in ids)


@pytest.mark.parametrize("seed", range(8))
def test_a_feed_is_what_availability_leaves_out(desk: Desk, seed: int) -> None:
    desk.rule()
    chance = random.Random(seed)
    other = desk.add(all_day_blocks=False)
    # The last week of winter time and the first of summer time.
    week = Span(at("03-24 00:00"), at("04-03 00:00"))
    for owner in (desk, other):
        owner.save(*(_invent(chance, week) for _ in range(chance.randint(0, 25))))
    answer = desk.person.get(
        "/api/availability",
        params={"start": week.start.isoformat(), "end": week.end.isoformat(), "duration": 30},
    ).json()
    free = [
        Span(datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"]))
        for one in answer["windows"]
    ]
    told = [part for one in desk.blocks(desk.make()) if (part := one.intersection(week))]
    assert merge_spans(told) == subtract_spans([week], free)


def _invent(chance: random.Random, week: Span) -> Event:
    """Return any event that lies in a stretch of time, at least in part."""
    start = week.start + timedelta(minutes=5 * chance.randrange(-100, 2_800))
    length = timedelta(minutes=5 * chance.choice([0, 1, 3, 6, 12, 12, 18, 24, 300]))
    event = make_event(
        "any",
        *(("03-24 08:00", "03-24 09:00") if chance.random() < 0.8 else ("03-28", "03-30")),
        status=chance.choice(list(EventStatus)),
        transparency=chance.choices(list(Transparency), [4, 1])[0],
        event_type=chance.choices(list(EventType), [9, 1, 1, 1, 1])[0],
        my_response=chance.choice([None, *Response]),
        recurrence=("RRULE:FREQ=DAILY;COUNT=3",) if chance.random() < 0.2 else (),
    )
    return (
        replace(event, when=Span(start, start + length)) if isinstance(event.when, Span) else event
    )
