"""Several people together over HTTP: what is right, and what nobody may learn."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis

from calendar_manager.api.schemas.availability import AvailabilityOut
from calendar_manager.api.schemas.common_availability import CommonAvailabilityOut
from calendar_manager.bootstrap import Services
from tests.api.callers import Person, expect_problem
from tests.api.conftest import Clock
from tests.api.feed_desk import Desk, open_desk
from tests.factories import count_statements, make_event

pytestmark = pytest.mark.store

PATH = "/api/availability"
TUESDAY = {"start": "2026-03-03", "end": "2026-03-04"}
OFFICE = [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}]


@pytest.fixture
def mara_desk(services: Services, sign_up: Callable[..., Person], clock: Clock) -> Desk:
    """Mara, who asks, with office hours in Berlin."""
    desk = open_desk(services, sign_up, clock, "mara@example.com")
    desk.rule(weekly=OFFICE)
    return desk


@pytest.fixture
def otto_desk(services: Services, sign_up: Callable[..., Person], clock: Clock) -> Desk:
    """Otto, who lets Mara ask, with office hours in New York."""
    desk = open_desk(services, sign_up, clock, "otto@example.com")
    desk.rule(time_zone="America/New_York", weekly=OFFICE)
    let(desk)
    return desk


def let(desk: Desk, email: str = "mara@example.com") -> str:
    answer = desk.person.post(f"{PATH}/grants", json={"email": email})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def ask(asker: Desk, *people: Desk, **query: Any) -> Any:
    asked = TUESDAY | {"duration": 60} | query | {"user_id": [one.person.id for one in people]}
    answer = asker.person.get(PATH, params=asked)
    assert answer.status_code == 200, answer.text
    CommonAvailabilityOut.model_validate_json(answer.content)
    return answer.json()


def starts(answer: Any) -> list[str]:
    return [one["start"] for one in answer["slots"]]


def test_two_in_different_zones_with_different_rules(mara_desk: Desk, otto_desk: Desk) -> None:
    otto_desk.save(make_event("call", "03-03 14:30", "03-03 15:00"))
    answer = ask(mara_desk, mara_desk, otto_desk)
    assert answer["time_zone"] == "Europe/Berlin"
    assert answer["windows"] == [
        {"start": "2026-03-03T15:00:00+01:00", "end": "2026-03-03T15:30:00+01:00"},
        {"start": "2026-03-03T16:00:00+01:00", "end": "2026-03-03T17:00:00+01:00"},
    ]
    assert answer["slots"] == [
        {
            "start": "2026-03-03T16:00:00+01:00",
            "end": "2026-03-03T17:00:00+01:00",
            "people": [mara_desk.person.id, otto_desk.person.id],
        }
    ]


def test_slots_stand_on_the_clock_of_whoever_asks(mara_desk: Desk, otto_desk: Desk) -> None:
    otto_desk.rule(time_zone="Asia/Kathmandu", weekly=OFFICE)
    answer = ask(mara_desk, otto_desk)
    # The office in Kathmandu opens at 03:15 UTC, and the grid of half hours is Berlin's.
    assert answer["windows"][0]["start"] == "2026-03-03T04:15:00+01:00"
    assert starts(answer)[0] == "2026-03-03T04:30:00+01:00"
    assert ask(mara_desk, otto_desk, tz="UTC")["windows"][0]["start"] == "2026-03-03T03:15:00+00:00"


def test_enough_of_several(
    mara_desk: Desk,
    otto_desk: Desk,
    services: Services,
    sign_up: Callable[..., Person],
    clock: Clock,
) -> None:
    ina_desk = open_desk(services, sign_up, clock, "ina@example.com")
    ina_desk.rule(weekly=[{"days": ["tue"], "start": "16:00", "end": "19:00"}])
    let(ina_desk)
    everybody = (mara_desk, otto_desk, ina_desk)
    mara, otto, ina = (desk.person.id for desk in everybody)
    by_number = {
        number: {
            one["start"][11:16]: set(one["people"])
            for one in ask(mara_desk, *everybody, at_least=number)["slots"]
        }
        for number in (1, 2, 3)
    }
    assert by_number[3] == {"16:00": {mara, otto, ina}}
    assert by_number[2] == by_number[3] | {
        "15:00": {mara, otto},
        "15:30": {mara, otto},
        "16:30": {otto, ina},
        "17:00": {otto, ina},
        "17:30": {otto, ina},
        "18:00": {otto, ina},
    }
    assert by_number[1]["09:00"] == {mara}
    assert by_number[1]["22:00"] == {otto}
    assert ask(mara_desk, *everybody)["slots"] == ask(mara_desk, *everybody, at_least=3)["slots"]


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        # New York puts its clocks forward on March 8th, Berlin on March 29th.
        ("2026-03-06", "2026-03-06T15:00:00+01:00", "2026-03-06T17:00:00+01:00"),
        ("2026-03-09", "2026-03-09T14:00:00+01:00", "2026-03-09T17:00:00+01:00"),
        ("2026-03-30", "2026-03-30T15:00:00+02:00", "2026-03-30T17:00:00+02:00"),
    ],
)
def test_clocks_that_change_on_different_days(
    mara_desk: Desk, otto_desk: Desk, day: str, first: str, last: str
) -> None:
    asked = {"start": f"{day}T00:00:00Z", "end": f"{day}T23:59:00Z"}
    answer = ask(mara_desk, mara_desk, otto_desk, **asked)
    assert answer["windows"] == [{"start": first, "end": last}]


def test_the_day_of_the_change_itself(mara_desk: Desk, otto_desk: Desk) -> None:
    night = [{"days": ["sun"], "start": "00:00", "end": "05:00"}]
    mara_desk.rule(weekly=night)
    # In New York it is Saturday evening until six in the morning of Berlin.
    saturday = [{"days": ["sat"], "start": "19:00", "end": "24:00"}]
    otto_desk.rule(time_zone="America/New_York", weekly=saturday)
    answer = ask(mara_desk, mara_desk, otto_desk, start="2026-03-29", end="2026-03-30")
    assert answer["windows"] == [
        {"start": "2026-03-29T00:00:00+01:00", "end": "2026-03-29T05:00:00+02:00"}
    ]
    # The clock skips from two to three, so the hour from 01:30 ends at 03:30.
    assert starts(answer) == [
        "2026-03-29T00:00:00+01:00",
        "2026-03-29T00:30:00+01:00",
        "2026-03-29T01:00:00+01:00",
        "2026-03-29T01:30:00+01:00",
        "2026-03-29T03:00:00+02:00",
        "2026-03-29T03:30:00+02:00",
        "2026-03-29T04:00:00+02:00",
    ]


def test_alone_by_name_is_as_alone(mara_desk: Desk) -> None:
    mara_desk.save(make_event("call", "03-03 09:00", "03-03 11:00"))
    together = ask(mara_desk, mara_desk, mara_desk)
    answer = mara_desk.person.get(PATH, params=TUESDAY | {"duration": 60})
    AvailabilityOut.model_validate_json(answer.content)
    alone = answer.json()
    me = mara_desk.person.id
    assert together["windows"] == alone["windows"]
    assert together["slots"] == [one | {"people": [me]} for one in alone["slots"]]
    assert together["freshness"] == [{"user_id": me} | one for one in alone["freshness"]]


def test_who_asks_counts_only_when_named(mara_desk: Desk, otto_desk: Desk) -> None:
    mara_desk.rule(weekly=[])
    assert ask(mara_desk, mara_desk, otto_desk)["windows"] == []
    answer = ask(mara_desk, otto_desk)
    assert [one["start"] for one in answer["windows"]] == ["2026-03-03T15:00:00+01:00"]
    assert [one["user_id"] for one in answer["freshness"]] == [otto_desk.person.id]


def test_without_a_grant_somebody_is_as_unknown_as_nobody(mara_desk: Desk, otto_desk: Desk) -> None:
    """Otto lets Mara ask, which does not let Otto ask about Mara."""
    bodies = []
    for person in (mara_desk.person.id, str(uuid4())):
        for people in ([person], [otto_desk.person.id, person]):
            answer = otto_desk.person.get(PATH, params=TUESDAY | {"user_id": people})
            bodies.append(expect_problem(answer, 404, "user_not_found"))
    assert all(body == bodies[0] for body in bodies)


def test_a_grant_that_is_revoked_ends_at_once(mara_desk: Desk, otto_desk: Desk) -> None:
    assert ask(mara_desk, mara_desk, otto_desk)["slots"]
    grant = let(otto_desk)
    assert otto_desk.person.delete(f"{PATH}/grants/{grant}").status_code == 204
    asked = TUESDAY | {"user_id": [mara_desk.person.id, otto_desk.person.id]}
    expect_problem(mara_desk.person.get(PATH, params=asked), 404, "user_not_found")
    let(otto_desk)
    assert ask(mara_desk, mara_desk, otto_desk)["slots"]


def test_of_others_one_learns_nothing_but_when(mara_desk: Desk, otto_desk: Desk) -> None:
    broken = otto_desk.add(name="Secret client", failures=2, unreadable_policy="block")
    broken.save(make_event("Secret meeting", "03-03 14:30", "03-03 15:00"))
    mine = mara_desk.add(name="Mara's own", failures=2)
    asked = TUESDAY | {"user_id": [mara_desk.person.id, otto_desk.person.id]}
    answer = mara_desk.person.get(PATH, params=asked)
    assert answer.json()["windows"] == []
    theirs = (broken.calendar, otto_desk.calendar)
    for secret in ("Secret", "block", "@", *(str(one.id) for one in theirs)):
        assert secret not in answer.text
    *own, other = answer.json()["freshness"]
    assert [one["name"] for one in own] == ["Work", "Mara's own"]
    assert {one["user_id"] for one in own} == {mara_desk.person.id}
    assert other == {
        "user_id": otto_desk.person.id,
        "calendar_id": None,
        "name": None,
        "complete_as_of": "2026-03-02T08:00:00+00:00",
        "via": None,
        "status": "failing",
        "policy": None,
        "within_max_age": None,
    }
    warned = [(one["user_id"], one["calendar_id"]) for one in answer.json()["warnings"]]
    assert warned == [
        (mara_desk.person.id, str(mine.calendar.id)),
        (otto_desk.person.id, None),
    ]


def test_kept_answers_serve_and_no_stale_one_survives_a_change(
    mara_desk: Desk, otto_desk: Desk, services: Services, clean_redis: str
) -> None:
    engine = services.store.engine
    with count_statements(engine) as cold:
        before = ask(mara_desk, mara_desk, otto_desk)
    with Redis.from_url(clean_redis) as redis:
        assert len(list(redis.scan_iter("calendar-manager:busy:*"))) == 2
    with count_statements(engine) as warm:
        assert ask(mara_desk, mara_desk, otto_desk) == before
    assert len(warm) < len(cold)
    otto_desk.save(make_event("call", "03-03 14:00", "03-03 15:30"))
    after = ask(mara_desk, mara_desk, otto_desk)
    assert [one["start"] for one in after["windows"]] == ["2026-03-03T16:30:00+01:00"]
    # What is loaded for one person is loaded for all of them at once.
    with count_statements(engine) as alone:
        ask(mara_desk, mara_desk)
    assert len(warm) == len(alone)
    # Otto's own question is the same one, so it hits the same answer.
    with count_statements(engine) as own:
        otto_desk.person.get(PATH, params=TUESDAY | {"tz": "Europe/Berlin"})
    assert not any("occurrences" in statement for statement in own)


def test_max_age_reads_the_calendars_of_whoever_asks(
    mara_desk: Desk, otto_desk: Desk, count: Callable[[str], int], clock: Clock
) -> None:
    clock.advance(timedelta(minutes=10))
    answer = ask(mara_desk, otto_desk, max_age=5, max_wait=0)
    assert count("sync_jobs") == 0
    assert [one["within_max_age"] for one in answer["freshness"]] == [False]
    assert ask(mara_desk, otto_desk, max_age=20)["freshness"][0]["within_max_age"] is True
    answer = ask(mara_desk, mara_desk, otto_desk, max_age=5, max_wait=0)
    assert count("sync_jobs") == 1
    assert [one["within_max_age"] for one in answer["freshness"]] == [False, False]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"at_least": 0}, "at_least"),
        ({"at_least": -1}, "at_least"),
        ({"at_least": 3}, "at_least"),
        ({"at_least": "most"}, "at_least"),
        ({"calendar_id": str(uuid4())}, "calendar_id"),
        ({"user_id": [str(uuid4()) for _ in range(21)]}, "user_id"),
        ({"user_id": "otto"}, "user_id.0"),
        ({"user_id": [], "at_least": 2}, "at_least"),
        ({"end": "2028-02-28", "step": 1}, "step"),
        ({"end": "2028-03-05"}, "end"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_field(
    mara_desk: Desk, otto_desk: Desk, query: dict[str, Any], field: str
) -> None:
    both = [mara_desk.person.id, otto_desk.person.id]
    answer = mara_desk.person.get(PATH, params=TUESDAY | {"user_id": both} | query)
    expect_problem(answer, 422, "validation_failed", field)


def test_naming_somebody_twice_does_not_make_two_of_them(mara_desk: Desk, otto_desk: Desk) -> None:
    twice = [otto_desk, otto_desk]
    assert {len(one["people"]) for one in ask(mara_desk, *twice)["slots"]} == {1}
    asked = TUESDAY | {"user_id": [one.person.id for one in twice], "at_least": 2}
    expect_problem(mara_desk.person.get(PATH, params=asked), 422, "validation_failed", "at_least")


def test_statements_grow_only_with_the_people(mara_desk: Desk, otto_desk: Desk) -> None:
    engine = mara_desk.services.store.engine
    with count_statements(engine) as few:
        ask(mara_desk, mara_desk, otto_desk)
    for _ in range(3):
        otto_desk.add()
    # Nothing that was kept may serve the second question.
    mara_desk.save(make_event("call", "03-03 10:00", "03-03 10:30"))
    numbers = range(20)
    otto_desk.save(*(make_event(f"{n}", f"03-03 {n:02}:00", f"03-03 {n:02}:30") for n in numbers))
    with count_statements(engine) as many:
        ask(mara_desk, mara_desk, otto_desk)
    assert len(many) == len(few)
