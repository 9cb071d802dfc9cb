"""The agenda over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import insert

from calendar_manager.api.schemas.events import EventDetailOut
from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.events import (
    Attendee,
    Event,
    EventKind,
    EventStatus,
    Person,
    Response,
)
from calendar_manager.domain.timespan import Span
from calendar_manager.store.tables import ClientRow
from tests.api.callers import Person as Caller
from tests.api.callers import expect_problem
from tests.api.conftest import Clock
from tests.factories import (
    NOW,
    WINDOW,
    add_calendar,
    add_connection,
    at,
    count_statements,
    make_event,
    save_events,
    span,
)

pytestmark = pytest.mark.store

WEEK = {"start": "2026-03-02", "end": "2026-03-09"}


@dataclass
class Desk:
    """A signed-in user with one calendar."""

    services: Services
    person: Caller
    calendar: Calendar

    def save(self, *events: Event, window: Span = WINDOW) -> list[str]:
        with self.services.store.begin() as uow:
            return [str(one) for one in save_events(uow, self.calendar, *events, window=window)]

    def ask(self, **query: Any) -> Any:
        answer = self.person.get("/api/events", params=WEEK | query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def titles(self, **query: Any) -> list[str]:
        return [item["title"] for item in self.ask(**query)["items"]]


@pytest.fixture
def make_desk(
    services: Services, sign_up: Callable[..., Caller], clock: Clock
) -> Callable[..., Desk]:
    """Signs people in, and then lets it be the Monday morning of the factories."""

    def make_desk(email: str = "mara@example.com", **columns: Any) -> Desk:
        clock.offset = timedelta(0)
        person = sign_up(email)
        clock.offset = NOW - clock()
        with services.store.begin() as uow:
            connection = add_connection(uow, UUID(person.id))
            return Desk(services, person, add_calendar(uow, connection, **columns))

    return make_desk


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


def test_a_timed_event_has_every_field_of_the_contract(desk: Desk) -> None:
    (event_id,) = desk.save(
        make_event(
            "review",
            "03-03 09:00",
            "03-03 10:00",
            ical_uid="uid@client",
            location="Mitte",
            meeting_url="https://meet.example.com/x",
            description="figures",
            my_response=Response.ACCEPTED,
            organizer=Person("jo@client.test", "Jo"),
            attendees=(Attendee(email="mara@example.com", name="Mara", is_self=True),),
        )
    )
    (item,) = desk.ask()["items"]
    UUID(item.pop("occurrence_id"))
    assert item == {
        "id": event_id,
        "calendar_id": str(desk.calendar.id),
        "title": "review",
        "start": "2026-03-03T10:00:00+01:00",
        "end": "2026-03-03T11:00:00+01:00",
        "all_day": False,
        "time_zone": "Europe/Berlin",
        "status": "confirmed",
        "busy": True,
        "my_response": "accepted",
        "location": "Mitte",
        "meeting_url": "https://meet.example.com/x",
        "organizer": {"email": "jo@client.test", "name": "Jo"},
        "attendees": [
            {
                "email": "mara@example.com",
                "name": "Mara",
                "response": "needs-action",
                "optional": False,
                "organizer": False,
                "me": True,
                "resource": False,
            }
        ],
        "recurring": False,
        "ical_uid": "uid@client",
        "client_id": None,
    }


def test_an_all_day_event_has_dates_and_a_declined_one_is_not_busy(desk: Desk) -> None:
    desk.save(make_event("trip", "03-03", "03-05", my_response=Response.DECLINED))
    (item,) = desk.ask()["items"]
    assert (item["start"], item["end"], item["all_day"]) == ("2026-03-03", "2026-03-05", True)
    assert item["busy"] is False


def test_a_series_is_expanded_and_shares_one_id(desk: Desk) -> None:
    daily = make_event("daily", "03-02 09:00", "03-02 09:15", recurrence=("RRULE:FREQ=DAILY",))
    (event_id,) = desk.save(daily)
    items = desk.ask()["items"]
    assert {item["id"] for item in items} == {event_id}
    assert len({item["occurrence_id"] for item in items}) == 7
    assert all(item["recurring"] for item in items)
    # Berlin springs forward on 29 March: the wall clock stays, the offset does not.
    days = desk.ask(start="2026-03-28", end="2026-03-30")["items"]
    assert [item["start"] for item in days] == [
        "2026-03-28T10:00:00+01:00",
        "2026-03-29T10:00:00+02:00",
    ]


def test_times_and_dates_are_read_and_told_in_the_zone_that_is_named(desk: Desk) -> None:
    desk.save(make_event("late", "03-03 23:30", "03-04 00:30"))
    utc = desk.ask(start="2026-03-03", end="2026-03-04", tz="UTC")["items"]
    assert [item["start"] for item in utc] == ["2026-03-03T23:30:00Z"]
    assert desk.titles(start="2026-03-03", end="2026-03-04") == []
    tokyo = desk.ask(start="2026-03-04", end="2026-03-05", tz="Asia/Tokyo")["items"]
    assert [item["start"] for item in tokyo] == ["2026-03-04T08:30:00+09:00"]


@pytest.mark.parametrize(
    "start",
    [
        "2026-03-03T10:00:00+01:00",
        "2026-03-03T09:00:00.000Z",
        "2026-03-03t09:00Z",
        "2026-03-03 10:00:00 01:00",
    ],
)
def test_instants_are_taken_with_any_offset_even_an_unescaped_one(desk: Desk, start: str) -> None:
    desk.save(
        make_event("before", "03-03 08:00", "03-03 09:00"),
        make_event("after", "03-03 09:00", "03-03 10:00"),
    )
    assert desk.titles(start=start) == ["after"]


def test_pages_follow_each_other_to_the_end(desk: Desk) -> None:
    desk.save(
        *(make_event(str(hour), f"03-03 {hour:02}:00", f"03-03 {hour:02}:30") for hour in range(5))
    )
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = desk.ask(limit=2, **cursor)
        seen += [item["title"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == ["0", "1", "2", "3", "4"]


def test_filters_narrow_the_list(desk: Desk) -> None:
    with desk.services.store.begin() as uow:
        user_id = UUID(desk.person.id)
        other = add_calendar(uow, add_connection(uow, user_id), name="Other")
        client = uow.session.scalars(
            insert(ClientRow).values(user_id=user_id, name="Acme").returning(ClientRow.id)
        ).one()
        save_events(uow, other, make_event("other", "03-03 09:00", "03-03 10:00"))
    desk.save(
        make_event("review", "03-04 09:00", "03-04 10:00", description="figures"),
        make_event("copy", "03-05 09:00", "03-05 10:00", mirror=True),
    )
    both = [str(other.id), str(desk.calendar.id)]
    assert desk.titles() == ["other", "review"]
    assert desk.titles(calendar_id=str(other.id)) == ["other"]
    assert desk.titles(calendar_id=both) == ["other", "review"]
    assert desk.titles(q="FIGURES") == ["review"]
    assert desk.titles(q="") == ["other", "review"]
    assert desk.titles(client_id=str(client)) == []
    assert desk.titles(include="mirrors") == ["other", "review", "copy"]
    told = desk.ask(include="description,mirrors", q="figures")["items"]
    assert [item["description"] for item in told] == ["figures"]


def test_beyond_the_horizon_series_go_on(desk: Desk) -> None:
    desk.save(make_event("weekly", "03-02 09:00", "03-02 10:00", recurrence=("RRULE:FREQ=WEEKLY",)))
    items = desk.ask(start="2031-01-01", end="2031-02-01")["items"]
    assert len(items) == 4
    assert all(datetime.fromisoformat(item["start"]).weekday() == 0 for item in items)


def test_an_event_is_shown_whole(desk: Desk) -> None:
    daily = make_event(
        "daily",
        "03-02 09:00",
        "03-02 09:15",
        recurrence=("RRULE:FREQ=DAILY;COUNT=3",),
        description="standup",
    )
    moved = Event(
        provider_event_id="moved",
        kind=EventKind.OVERRIDE,
        when=span("03-03 12:00", "03-03 12:15"),
        series_id=daily.provider_event_id,
        original_start=at("03-03 09:00"),
        title="daily, later",
    )
    master_id, override_id = desk.save(daily, moved)
    master = desk.person.get(f"/api/events/{master_id}").json()
    assert master["occurrence_id"] is None
    assert (master["kind"], master["recurrence"]) == ("master", ["RRULE:FREQ=DAILY;COUNT=3"])
    assert (master["start"], master["description"]) == ("2026-03-02T10:00:00+01:00", "standup")
    override = desk.person.get(f"/api/events/{override_id}", params={"tz": "UTC"}).json()
    listed = {item["title"]: item["occurrence_id"] for item in desk.ask()["items"]}
    assert override["occurrence_id"] == listed["daily, later"]
    assert override["original_start"] == "2026-03-03T09:00:00Z"
    EventDetailOut.model_validate(override)


def test_nobody_sees_anothers_events(make_desk: Callable[..., Desk]) -> None:
    mara, otto = make_desk("mara@example.com"), make_desk("otto@example.com")
    (event_id,) = mara.save(make_event("secret", "03-03 09:00", "03-03 10:00"))
    assert otto.titles() == []
    expect_problem(otto.person.get(f"/api/events/{event_id}"), 404, "event_not_found")
    foreign = {"calendar_id": str(mara.calendar.id)}
    expect_problem(otto.person.get("/api/events", params=WEEK | foreign), 404, "calendar_not_found")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"start": "2026-03-09", "end": "2026-03-02"}, "end"),
        ({"start": "2026-03-02", "end": "2026-03-02"}, "end"),
        ({"start": "2026-03-02", "end": "2027-03-04"}, "end"),
        ({"start": "2026-03-02T09:00:00"}, "start"),
        ({"start": "2026-02-30"}, "start"),
        ({"start": "2026-03-02T25:00:00Z"}, "start"),
        ({"start": "1767225600"}, "start"),
        ({"start": "today"}, "start"),
        ({"start": ""}, "start"),
        ({"start": "0001-01-01T00:00:00+10:00"}, "start"),
        ({"end": "9999-12-31T23:59:59-10:00"}, "end"),
        ({"tz": "Mars/Olympus"}, "tz"),
        ({"tz": "../../etc/passwd"}, "tz"),
        ({"calendar_id": "work"}, "calendar_id.0"),
        ({"client_id": "acme"}, "client_id"),
        ({"q": "x" * 201}, "q"),
        ({"q": "a\x00b"}, "q"),
        ({"include": "everything"}, "include"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
    ],
)
def test_bad_questions_are_refused_by_their_field(
    desk: Desk, query: dict[str, str], field: str
) -> None:
    answer = desk.person.get("/api/events", params=WEEK | query)
    expect_problem(answer, 422, "validation_failed", field)


def test_what_is_missing_is_named(desk: Desk) -> None:
    expect_problem(desk.person.get("/api/events"), 422, "validation_failed", "start", "end")
    expect_problem(desk.person.get("/api/events/x"), 422, "validation_failed", "event_id")


def test_unknown_ids_are_404(desk: Desk) -> None:
    for query, code in (
        ({"calendar_id": str(uuid4())}, "calendar_not_found"),
        ({"client_id": str(uuid4())}, "client_not_found"),
    ):
        expect_problem(desk.person.get("/api/events", params=WEEK | query), 404, code)
    expect_problem(desk.person.get(f"/api/events/{uuid4()}"), 404, "event_not_found")


def test_who_is_not_signed_in_learns_nothing(desk: Desk) -> None:
    answer = httpx.get(f"{desk.person.base_url}/api/events", params=WEEK)
    expect_problem(answer, 401, "not_authenticated")


def test_statements_do_not_grow_with_the_page(desk: Desk) -> None:
    desk.save(make_event("x", "03-03 09:00", "03-03 10:00", status=EventStatus.TENTATIVE))
    with count_statements(desk.services.store.engine) as few:
        desk.ask()
    desk.save(
        *(make_event(f"{hour}", f"03-03 {hour:02}:00", f"03-03 {hour:02}:30") for hour in range(20))
    )
    with count_statements(desk.services.store.engine) as many:
        assert len(desk.ask()["items"]) == 21
    assert len(many) == len(few)
