"""Who may ask when somebody is free: giving, listing and ending grants over HTTP."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Engine, text

from calendar_manager.accounts import sharing
from calendar_manager.api.schemas.sharing import GrantOut
from calendar_manager.bootstrap import Services
from tests.api.callers import Person, expect_problem

pytestmark = pytest.mark.store

GRANTS = "/api/availability/grants"
RANGE = {"start": "2026-03-03", "end": "2026-03-04"}

Count = Callable[[str], int]


def give(giver: Person, email: str) -> dict[str, Any]:
    answer = giver.post(GRANTS, json={"email": email})
    assert answer.status_code == 201, answer.text
    grant: dict[str, Any] = answer.json()
    GrantOut.model_validate(grant)
    return grant


def listed(person: Person, **query: Any) -> list[dict[str, Any]]:
    answer = person.get(GRANTS, params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def received(person: Person) -> list[dict[str, Any]]:
    return listed(person, direction="received")


def may_ask(asker: Person, about: Person) -> bool:
    status = asker.get("/api/availability", params=RANGE | {"user_id": about.id}).status_code
    assert status in {200, 404}
    return status == 200


def test_both_see_a_grant_from_their_side(mara: Person, otto: Person) -> None:
    grant = give(mara, otto.email)
    assert grant == {
        "id": grant["id"],
        "user": {"id": None, "name": None, "email": otto.email},
        "direction": "given",
        "created_at": grant["created_at"],
    }
    assert listed(mara) == listed(mara, direction="given") == [grant]
    assert received(otto) == [
        grant
        | {
            "user": {"id": mara.id, "name": "Mara", "email": mara.email},
            "direction": "received",
        }
    ]
    assert received(mara) == listed(otto) == []


def test_a_grant_lets_one_ask_about_the_other_and_not_the_reverse(
    mara: Person, otto: Person
) -> None:
    assert not may_ask(otto, mara)
    give(mara, otto.email)
    assert may_ask(otto, mara)
    assert not may_ask(mara, otto)


def test_an_answer_does_not_tell_whether_anybody_has_the_address(
    mara: Person, otto: Person
) -> None:
    known, unknown = give(mara, otto.email), give(mara, "nobody@example.com")
    for grant in (known, unknown):
        del grant["id"], grant["created_at"]
        assert grant["user"].pop("email").endswith("@example.com")
    assert known == unknown
    first, second = listed(mara)
    assert first.keys() == second.keys()
    assert first["user"].keys() == second["user"].keys()
    assert {first["user"]["id"], second["user"]["id"]} == {None}


def test_whoever_registers_later_gets_nothing_until_it_is_given_again(
    mara: Person, sign_up: Callable[..., Person], clean_database: Engine
) -> None:
    waiting = give(mara, "Late@Example.com")
    late = sign_up("late@example.com")
    assert received(late) == []
    assert not may_ask(late, mara)
    expect_problem(late.delete(f"{GRANTS}/{waiting['id']}"), 404, "grant_not_found")
    assert give(mara, "late@example.com") == waiting
    assert may_ask(late, mara)
    assert [one["id"] for one in received(late)] == [waiting["id"]]
    assert actions(clean_database) == ["availability.granted"] * 2


def test_an_address_that_changes_hands_takes_no_grant_along(
    mara: Person, otto: Person, sign_up: Callable[..., Person]
) -> None:
    give(mara, otto.email)
    assert otto.delete("/api/auth/me").status_code == 204
    assert listed(mara) == []
    stranger = sign_up(otto.email)
    assert not may_ask(stranger, mara)


def test_giving_twice_changes_nothing(
    mara: Person, otto: Person, clean_database: Engine, count: Count
) -> None:
    grant = give(mara, otto.email)
    assert give(mara, otto.email) == give(mara, f" {otto.email.upper()} ") == grant
    assert count("availability_grants") == 1
    assert actions(clean_database) == ["availability.granted"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "mara@example.com"}, "email"),
        ({"email": "MARA@Example.com"}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
        ({"email": None}, "email"),
        ({"email": "a\u0000b@example.com"}, "email"),
        ({"email": "otto@example.com", "name": "Otto"}, "name"),
        ({}, "email"),
    ],
)
def test_what_cannot_be_given_is_refused(
    mara: Person, body: dict[str, Any], field: str, count: Count
) -> None:
    expect_problem(mara.post(GRANTS, json=body), 422, "validation_failed", field)
    assert count("availability_grants") == 0


def test_there_are_not_endlessly_many(
    mara: Person, monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    monkeypatch.setattr(sharing, "MANY_GRANTS", 2)
    for name in ("a", "b"):
        give(mara, f"{name}@example.com")
    refused = mara.post(GRANTS, json={"email": "c@example.com"})
    expect_problem(refused, 422, "validation_failed", "email")
    give(mara, "a@example.com")
    assert count("availability_grants") == 2


def test_lists_come_in_pages(mara: Person, otto: Person, sign_up: Callable[..., Person]) -> None:
    given = [give(mara, f"{name}@example.com")["id"] for name in ("a", "b", "otto", "c")]
    ina = sign_up("ina@example.com")
    give(ina, otto.email)
    for person, direction, expected in (
        (mara, "given", given),
        (otto, "received", [one["id"] for one in received(otto)]),
    ):
        pages: list[list[str]] = []
        cursor = None
        while cursor is not None or not pages:
            query = {"direction": direction, "limit": 1} | ({"cursor": cursor} if cursor else {})
            page = person.get(GRANTS, params=query).json()
            pages.append([one["id"] for one in page["items"]])
            cursor = page["next_cursor"]
        assert pages == [[one] for one in expected]
    assert [one["user"]["email"] for one in received(otto)] == [mara.email, ina.email]
    expect_problem(mara.get(GRANTS, params={"direction": "up"}), 422, "validation_failed")
    expect_problem(mara.get(GRANTS, params={"cursor": "x"}), 422, "validation_failed", "cursor")


@pytest.mark.parametrize("side", ["giver", "receiver"])
def test_either_of_the_two_ends_it_at_once(
    mara: Person, otto: Person, clean_database: Engine, side: str
) -> None:
    grant = give(mara, otto.email)
    assert may_ask(otto, mara)
    who = mara if side == "giver" else otto
    assert who.delete(f"{GRANTS}/{grant['id']}").status_code == 204
    assert not may_ask(otto, mara)
    assert listed(mara) == received(otto) == []
    expect_problem(who.delete(f"{GRANTS}/{grant['id']}"), 404, "grant_not_found")
    with clean_database.connect() as connection:
        lines = connection.execute(
            text(
                "SELECT user_id, subject, action, detail FROM audit_log WHERE action LIKE 'avail%'"
                " ORDER BY created_at"
            )
        ).all()
    assert [tuple(line) for line in lines] == [
        (UUID(mara.id), grant["id"], "availability.granted", {}),
        (
            UUID(who.id),
            grant["id"],
            "availability.grant_removed",
            {"direction": "given" if side == "giver" else "received"},
        ),
    ]


def test_nobody_else_can_end_it(mara: Person, otto: Person, sign_up: Callable[..., Person]) -> None:
    grant = give(mara, otto.email)
    ina = sign_up("ina@example.com")
    expect_problem(ina.delete(f"{GRANTS}/{grant['id']}"), 404, "grant_not_found")
    expect_problem(ina.delete(f"{GRANTS}/{uuid4()}"), 404, "grant_not_found")
    expect_problem(ina.delete(f"{GRANTS}/x"), 422, "validation_failed", "grant_id")
    assert may_ask(otto, mara)
    assert not may_ask(ina, mara)


@pytest.mark.parametrize("leaver", ["giver", "receiver"])
def test_who_leaves_takes_grants_along(
    mara: Person, otto: Person, count: Count, leaver: str
) -> None:
    give(mara, otto.email)
    left = mara if leaver == "giver" else otto
    assert left.delete("/api/auth/me").status_code == 204
    assert count("availability_grants") == 0
    stays = otto if leaver == "giver" else mara
    assert listed(stays) == received(stays) == []


def test_who_is_not_signed_in_learns_nothing(mara: Person, otto: Person) -> None:
    grant = give(mara, otto.email)
    url = f"{mara.base_url}{GRANTS}"
    expect_problem(httpx.get(url), 401, "not_authenticated")
    answer = httpx.post(url, json={"email": otto.email})
    expect_problem(answer, 401, "not_authenticated")
    expect_problem(httpx.delete(f"{url}/{grant['id']}"), 401, "not_authenticated")


def test_two_who_give_to_each_other_do_not_wait_for_one_another(
    services: Services, mara: Person, otto: Person
) -> None:
    """Each holds the own row when asking for the other's, which would be a deadlock."""
    both, store = threading.Barrier(2, timeout=10), services.store
    failures: list[Exception] = []

    def swap(giver: Person, receiver: Person) -> None:
        try:
            with store.begin() as uow:
                assert uow.availability_grants.lock_giver(UUID(giver.id))
                both.wait()
                found = uow.availability_grants.find_grantee(receiver.email)
                uow.availability_grants.give(UUID(giver.id), receiver.email, found)
        except Exception as error:  # noqa: BLE001 - a thread's error is told to the test.
            failures.append(error)

    threads = [threading.Thread(target=swap, args=pair) for pair in ((mara, otto), (otto, mara))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failures == []
    assert may_ask(mara, otto)
    assert may_ask(otto, mara)


def actions(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(
            connection.scalars(
                text("SELECT action FROM audit_log WHERE action LIKE 'availability.%' ORDER BY 1")
            )
        )
