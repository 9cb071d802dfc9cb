"""Hours of clients over HTTP, as JSON and CSV."""

import pytest
from sqlalchemy import Engine, text

from calendar_manager.bootstrap import Services
from calendar_manager.domain.events import (
    EventStatus,
    Response,
    Transparency,
)
from tests.api.callers import Person as Caller
from tests.api.callers import expect_problem
from tests.api.client_desk import WEEK, Desk, open_desk
from tests.factories import (
    make_event,
)

pytestmark = pytest.mark.store


@pytest.fixture
def desk(services: Services, mara: Caller) -> Desk:
    return open_desk(services, mara)


def test_hours_count_each_meeting_once_and_leave_out_what_takes_no_time(desk: Desk) -> None:
    other = desk.add_calendar()
    client_id = desk.client(
        rate=60, currency="EUR", rules=[{"kind": "title", "pattern": "acme", "project": "Site"}]
    )
    copy = {"ical_uid": "same@test"}
    desk.save(
        make_event("acme", "03-03 09:00", "03-03 10:30", **copy),
        make_event("acme declined", "03-03 11:00", "03-03 12:00", my_response=Response.DECLINED),
        make_event("acme off", "03-03 11:00", "03-03 12:00", status=EventStatus.CANCELLED),
        make_event(
            "acme free", "03-03 11:00", "03-03 12:00", transparency=Transparency.TRANSPARENT
        ),
        make_event("acme maybe", "03-03 10:00", "03-03 11:00", status=EventStatus.TENTATIVE),
        make_event("acme all day", "03-04", "03-05"),
        make_event("somebody else", "03-04 11:00", "03-04 12:00"),
        make_event("acme no length", "03-04 11:00", "03-04 11:00"),
    )
    # The copy hides its title, so no rule knows it, and it is the same meeting nevertheless.
    desk.save(make_event("busy", "03-03 09:00", "03-03 10:30", **copy), calendar=other)
    answer = desk.hours(client_id, period="day")
    row = {
        "meetings": 2,
        "minutes": 150,
        "distinct_minutes": 120,
        "amount": "150.00",
    }
    assert answer["total"] == row
    assert answer["items"] == [
        {"start": "2026-03-03", "end": "2026-03-04", "project": "Site", **row}
    ]
    assert (answer["period"], answer["time_zone"]) == ("day", "Europe/Berlin")
    assert (answer["rate"], answer["currency"]) == ("60.00", "EUR")
    assert desk.hours(client_id, include_all_day=True)["total"]["minutes"] == 150 + 1440


def test_of_the_copies_of_a_meeting_the_strongest_answer_counts(
    desk: Desk, clean_database: Engine
) -> None:
    other = desk.add_calendar()
    a, b = desk.client("a"), desk.client("b", rules=[{"kind": "title", "pattern": "call"}])
    with clean_database.begin() as connection:
        connection.execute(
            text("UPDATE calendars SET client_id = :client WHERE id = :id"),
            {"client": a, "id": other.id},
        )
    first = make_event("call", "03-03 09:00", "03-03 10:00", ical_uid="same@test")
    second = make_event("hidden", "03-03 09:00", "03-03 10:00", ical_uid="same@test")
    desk.save(first)
    (copy,) = desk.save(second, calendar=other)
    told = [desk.hours(one)["total"]["minutes"] for one in (a, b)]
    assert told == [0, 60]
    desk.assign(copy, client_id=a)
    told = [desk.hours(one)["total"]["minutes"] for one in (a, b)]
    assert told == [60, 0]
    desk.assign(copy, client_id=None)
    told = [desk.hours(one)["total"]["minutes"] for one in (a, b)]
    assert told == [0, 0]


def test_hours_are_divided_in_the_clients_zone_unless_another_is_asked(desk: Desk) -> None:
    client_id = desk.client(
        time_zone="America/New_York", rules=[{"kind": "title", "pattern": "call"}]
    )
    desk.save(make_event("call", "03-04 04:00", "03-04 06:00"))
    days = [(one["start"], one["minutes"]) for one in desk.hours(client_id, period="day")["items"]]
    assert days == [("2026-03-03", 60), ("2026-03-04", 60)]
    answer = desk.hours(client_id, period="day", tz="Europe/Berlin")
    assert [(one["start"], one["minutes"]) for one in answer["items"]] == [("2026-03-04", 120)]
    assert answer["start"] == "2026-03-02T00:00:00+01:00"


def test_hours_come_as_csv_in_which_nothing_is_a_formula(desk: Desk) -> None:
    name = '=HYPERLINK("http://evil.test")'
    client_id = desk.client(
        name,
        rate="100",
        currency="EUR",
        rules=[{"kind": "title", "pattern": "call", "project": "@SUM(A1)"}],
    )
    desk.save(make_event("call", "03-03 09:00", "03-03 09:20"))
    path = f"/api/clients/{client_id}/hours"
    answer = desk.person.get(path, params=WEEK | {"format": "csv", "period": "week"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.text == (
        "client,project,start,end,meetings,minutes,distinct_minutes,rate,amount,currency\r\n"
        '"\'=HYPERLINK(""http://evil.test"")",\'@SUM(A1),2026-03-02,2026-03-09,1,20,20,'
        "100.00,33.33,EUR\r\n"
    )
    headers = desk.person.bearer | {"Accept": "text/csv"}
    asked = desk.person.http.get(path, params=WEEK | {"period": "week"}, headers=headers)
    assert asked.text == answer.text
    both = desk.person.http.get(path, params=WEEK | {"format": "json"}, headers=headers)
    assert both.json()["total"]["minutes"] == 20


def test_hours_refuse_what_cannot_be_asked(desk: Desk) -> None:
    client_id = desk.client()
    path = f"/api/clients/{client_id}/hours"
    for query, field in (
        ({"end": "2026-03-01"}, "end"),
        ({"end": "2036-03-01"}, "end"),
        ({"period": "year"}, "period"),
        ({"tz": "Berlin"}, "tz"),
        ({"format": "xml"}, "format"),
    ):
        answer = desk.person.get(path, params=WEEK | query)
        expect_problem(answer, 422, "validation_failed", field)


def test_a_deleted_calendars_hours_do_not_count(desk: Desk) -> None:
    client_id = desk.client(rules=[{"kind": "calendar", "pattern": str(desk.calendar.id)}])
    desk.save(make_event("x", "03-03 09:00", "03-03 10:00"))
    assert desk.hours(client_id)["total"]["minutes"] == 60
    desk.person.delete(f"/api/calendars/{desk.calendar.id}")
    assert desk.hours(client_id)["total"]["minutes"] == 0
