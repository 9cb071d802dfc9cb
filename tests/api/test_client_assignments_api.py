"""Whom events belong to, over HTTP: by rules and by hand."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from calendar_manager.bootstrap import Services
from calendar_manager.domain.events import (
    Attendee,
    Event,
)
from tests.api.callers import Person as Caller
from tests.api.callers import expect_problem
from tests.api.client_desk import FULL, WEEK, Desk, daily, moved, open_desk
from tests.factories import (
    at,
    make_event,
    span,
)

pytestmark = pytest.mark.store


@pytest.fixture
def desk(services: Services, mara: Caller) -> Desk:
    return open_desk(services, mara)


def test_rules_are_applied_to_what_is_there_and_to_what_comes(desk: Desk) -> None:
    jo = Attendee(email="jo@client.example")
    desk.save(
        make_event("by domain", "03-03 09:00", "03-03 10:00", attendees=(jo,)),
        make_event("Sprint review", "03-03 11:00", "03-03 12:00"),
        make_event("lunch", "03-03 12:00", "03-03 13:00"),
        make_event("later", "03-04 12:00", "03-04 13:00"),
    )
    client_id = desk.client(**FULL)
    fresh = make_event("fresh sprint review", "03-05 09:00", "03-05 10:00")
    desk.save(fresh)
    expected = {
        "by domain": client_id,
        "Sprint review": client_id,
        "lunch": None,
        "later": None,
        "fresh sprint review": client_id,
    }
    assert dict(desk.owners()) == expected
    assert [title for title, _ in desk.owners(client_id=client_id)] == [
        "by domain",
        "Sprint review",
        "fresh sprint review",
    ]
    # The event changes, and then the rules do.
    desk.save(Event(**_content(fresh) | {"title": "holiday"}))
    assert dict(desk.owners())["holiday"] is None
    desk.patch_client(client_id, rules=[{"kind": "title", "pattern": "lunch"}])
    assert [title for title, _ in desk.owners(client_id=client_id)] == ["lunch"]


def test_what_a_person_says_wins_over_rules_and_can_be_taken_back(desk: Desk) -> None:
    ruled = desk.client("ruled", rules=[{"kind": "title", "pattern": "call"}])
    other = desk.client("other")
    (event_id,) = desk.save(make_event("call", "03-03 09:00", "03-03 10:00"))
    assert desk.assign(event_id, client_id=other, project="P") == {
        "event_id": event_id,
        "original_start": None,
        "client_id": other,
        "project": "P",
        "origin": "hand",
    }
    desk.patch_client(ruled, rules=[{"kind": "title", "pattern": "call*"}])
    assert desk.owners() == [("call", other)]
    assert desk.person.get(f"/api/events/{event_id}").json()["client_id"] == other
    desk.assign(event_id, client_id=None)
    desk.save(make_event("unrelated", "03-04 09:00", "03-04 10:00"))
    desk.patch_client(ruled, rules=[{"kind": "title", "pattern": "call"}])
    assert desk.owners()[0] == ("call", None)
    answer = desk.person.delete(f"/api/events/{event_id}/client").json()
    assert (answer["client_id"], answer["origin"]) == (ruled, "rule")
    assert desk.owners()[0] == ("call", ruled)


def test_one_occurrence_goes_before_its_series_also_when_it_is_moved_or_moved_back(
    desk: Desk,
) -> None:
    one, all_of_them = desk.client("one"), desk.client("all")
    series = daily()
    (event_id,) = desk.save(series)
    third = desk.agenda()[2]
    said = desk.assign(event_id, client_id=one, scope="event", occurrence_id=third["occurrence_id"])
    assert datetime.fromisoformat(said["original_start"]) == at("03-04 09:00")
    desk.assign(event_id, client_id=all_of_them, scope="series")
    in_order = [all_of_them, all_of_them, one, all_of_them]
    assert [client for _, client in desk.owners()] == in_order
    # The provider makes an event of its own of the third, and one of the fourth.
    third_moved = moved(series, "03-04 09:00", "03-04 15:00", "03-04 15:30")
    fourth = moved(series, "03-05 09:00", "03-05 15:00", "03-05 15:30")
    third_id, fourth_id = desk.save(third_moved, fourth)
    assert [client for _, client in desk.owners()] == in_order
    assert desk.person.get(f"/api/events/{third_id}").json()["client_id"] == one
    assert desk.person.get(f"/api/events/{fourth_id}").json()["client_id"] == all_of_them
    # Said of the override, it is said of the occurrence.
    assert desk.assign(fourth_id, client_id=None)["event_id"] == event_id
    assert [client for _, client in desk.owners()] == [all_of_them, all_of_them, one, None]
    assert [client for _, client in desk.owners(client_id=all_of_them)] == [all_of_them] * 2
    back = desk.assign(fourth_id, client_id=one, scope="series")
    assert (back["event_id"], back["original_start"]) == (event_id, None)
    desk.person.delete(f"/api/events/{fourth_id}/client")
    assert [client for _, client in desk.owners()] == [one] * 4


def test_an_override_has_its_own_rules_and_else_its_series(desk: Desk) -> None:
    a = desk.client("a", rules=[{"kind": "title", "pattern": "daily"}])
    b = desk.client("b", rules=[{"kind": "title", "pattern": "special"}])
    series = daily()
    desk.save(
        series,
        moved(series, "03-03 09:00", "03-03 10:00", "03-03 11:00", title="special"),
        moved(series, "03-04 09:00", "03-04 10:00", "03-04 11:00", title="nameless"),
    )
    assert [client for _, client in desk.owners()] == [a, b, a, a]
    assert [title for title, _ in desk.owners(client_id=a)] == ["daily", "nameless", "daily"]


def test_beyond_the_horizon_occurrences_are_named_by_their_start(desk: Desk) -> None:
    client_id, ruled = desk.client(), desk.client("r", rules=[{"kind": "title", "pattern": "d*"}])
    narrow = span("03-02 00:00", "03-04 00:00")
    far = desk.add_calendar(materialized_until=narrow.end, materialized_from=narrow.start)
    (event_id,) = desk.save(daily(), calendar=far, window=narrow)
    desk.assign(event_id, client_id=client_id, original_start="2026-03-05T09:00:00Z")
    wanted = [ruled, ruled, ruled, client_id]
    assert [client for _, client in desk.owners()] == wanted
    assert desk.hours(client_id)["total"]["minutes"] == 30
    assert desk.hours(ruled)["total"]["minutes"] == 90
    desk.person.delete(f"/api/clients/{ruled}")
    assert [client for _, client in desk.owners()] == [None, None, None, client_id]


def test_a_subject_that_does_not_fit_is_refused_by_its_field(desk: Desk) -> None:
    single, series = desk.save(make_event("x", "03-03 09:00", "03-03 10:00"), daily())
    occurrence = next(one for one in desk.agenda() if one["id"] == series)["occurrence_id"]
    start = "2026-03-03T09:00:00Z"
    for event_id, body, field in (
        (single, {"scope": "series"}, "scope"),
        (single, {"occurrence_id": occurrence}, "occurrence_id"),
        (single, {"original_start": "2026-03-03T08:00:00Z"}, "original_start"),
        (series, {}, "occurrence_id"),
        (series, {"occurrence_id": str(uuid4())}, "occurrence_id"),
        (series, {"original_start": "2026-03-03T09:01:00Z"}, "original_start"),
        (series, {"original_start": "0001-01-01T00:00:00Z"}, "original_start"),
        (series, {"original_start": "2026-03-03T09:00:00"}, "original_start"),
        (series, {"original_start": start, "occurrence_id": occurrence}, "original_start"),
        (series, {"original_start": start, "scope": "series"}, "original_start"),
        (series, {"scope": "all"}, "scope"),
    ):
        answer = desk.person.patch(
            f"/api/events/{event_id}/client", json={"client_id": None, **body}
        )
        expect_problem(answer, 422, "validation_failed", field)
    answer = desk.person.patch(f"/api/events/{single}/client", json={})
    expect_problem(answer, 422, "validation_failed", "client_id")


def test_an_all_day_occurrence_is_named_by_its_date(desk: Desk) -> None:
    client_id = desk.client()
    (event_id,) = desk.save(
        make_event("duty", "03-02", "03-03", recurrence=("RRULE:FREQ=DAILY;COUNT=3",))
    )
    desk.assign(event_id, client_id=client_id, original_start="2026-03-03")
    assert [client for _, client in desk.owners()] == [None, client_id, None]


def test_a_deleted_client_shows_nowhere_until_it_is_restored(
    desk: Desk, clean_database: Engine
) -> None:
    gone = desk.client("gone", rules=[{"kind": "title", "pattern": "call"}])
    rest = desk.client("rest", rules=[{"kind": "title", "pattern": "call*"}])
    by_hand, _ = desk.save(
        make_event("by hand", "03-03 09:00", "03-03 10:00"),
        make_event("call", "03-03 10:00", "03-03 11:00"),
    )
    desk.assign(by_hand, client_id=gone)
    with clean_database.begin() as connection:
        connection.execute(text("UPDATE calendars SET client_id = :id"), {"id": gone})
    desk.save(make_event("of the calendar", "03-03 11:00", "03-03 12:00"))
    before = [("by hand", gone), ("call", gone), ("of the calendar", gone)]
    assert desk.owners() == before
    path = f"/api/clients/{gone}"
    assert desk.person.delete(path).status_code == 204
    assert [client for _, client in desk.owners()] == [None, None, None]
    desk.reassign()
    assert [client for _, client in desk.owners()] == [None, rest, None]
    expect_problem(desk.person.get(path), 404, "client_not_found")
    expect_problem(desk.person.delete(path), 404, "client_not_found")
    expect_problem(
        desk.person.get("/api/events", params=WEEK | {"client_id": gone}), 404, "client_not_found"
    )
    listed = desk.person.get("/api/clients", params={"deleted": True}).json()["items"]
    assert [one["id"] for one in listed] == [gone]
    assert desk.person.post(f"{path}/restore").status_code == 200
    desk.reassign()
    assert desk.owners() == before


def _content(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__dataclass_fields__}
