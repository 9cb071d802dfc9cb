"""Clients and assignments as the database has them."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, event, insert, select, text, update

from calendar_manager.domain.clients import ClientMatch, ClientRule, RuleKind
from calendar_manager.domain.events import Attendee, Event, EventKind, Person
from calendar_manager.scheduling.client_hours import load_budgets
from calendar_manager.store.agenda_entries import AgendaFilter
from calendar_manager.store.repositories.events import StoredEvent
from calendar_manager.store.tables import (
    CalendarRow,
    ClientRow,
    EventAssignmentRow,
    EventRow,
    UserRow,
)
from calendar_manager.store.unit_of_work import Store, UnitOfWork
from calendar_manager.sync.assigning import (
    PATIENCE,
    assign_changed,
    find_users_to_reassign,
    reassign_clients,
)
from tests.factories import (
    add_calendar,
    add_connection,
    add_user,
    at,
    count_statements,
    delete_events,
    explain,
    make_event,
    make_store,
    save_events,
    span,
)

pytestmark = pytest.mark.store

WEEK = span("03-02 00:00", "03-09 00:00")


class Office:
    """A user with a calendar."""

    def __init__(self, uow: UnitOfWork) -> None:
        self.user = add_user(uow)
        self.connection = add_connection(uow, self.user.id, account="mara@client.test")
        self.work = add_calendar(uow, self.connection, name="Work")

    def add_client(self, uow: UnitOfWork, *rules: ClientRule, **values: Any) -> UUID:
        return uow.clients.add(self.user.id, rules, **{"name": "Acme", **values})


def title(pattern: str, project: str | None = None) -> ClientRule:
    return ClientRule(kind=RuleKind.TITLE, pattern=pattern, project=project)


@pytest.fixture
def store(clean_database: Engine) -> Store:
    return make_store(clean_database)


@pytest.fixture
def office(store: Store) -> Office:
    with store.begin() as uow:
        return Office(uow)


def test_rules_keep_their_order_and_are_replaced_as_a_whole(store: Store, office: Office) -> None:
    with store.begin() as uow:
        client_id = office.add_client(uow, title("c"), title("a", "P"), title("b"))
        found = uow.clients.find(office.user.id, client_id)
        assert found is not None
        assert [(one.pattern, one.project) for one in found.rules] == [
            ("c", None),
            ("a", "P"),
            ("b", None),
        ]
        uow.clients.replace_rules(office.user.id, client_id, [title("b"), title("d")])
        found = uow.clients.find(office.user.id, client_id)
        assert found is not None
        assert [one.pattern for one in found.rules] == ["b", "d"]


def test_another_users_clients_are_never_there(store: Store, office: Office) -> None:
    with store.begin() as uow:
        other = Office(uow)
        theirs = other.add_client(uow, title("theirs"))
        (event_id,) = save_events(uow, other.work, make_event("x", "03-03 09:00", "03-03 10:00"))
        assert uow.clients.find(office.user.id, theirs) is None
        assert uow.clients.list(office.user.id) == []
        assert uow.clients.list_living(office.user.id) == frozenset()
        assert not uow.clients.load_matcher(office.user.id)
        uow.clients.change(office.user.id, theirs, name="stolen")
        uow.clients.replace_rules(office.user.id, theirs, [])
        assert uow.assignments.find_event(office.user.id, event_id) is None
        assert uow.assignments.list_traits(office.user.id, after=None, limit=5) == []
        assert uow.assignments.load_booked(office.user.id, [WEEK]) == []
    with store.begin() as uow:
        found = uow.clients.find(other.user.id, theirs)
    assert found is not None
    assert (found.name, len(found.rules)) == ("Acme", 1)


def test_the_rules_of_the_oldest_client_come_first_and_deleted_ones_rest(
    store: Store, office: Office
) -> None:
    with store.begin() as uow:
        first = office.add_client(uow, title("x"))
    with store.begin() as uow:
        second = office.add_client(uow, title("x"))
    with store.begin() as uow:
        save_events(uow, office.work, make_event("x", "03-03 09:00", "03-03 10:00"))
        ((_, _, traits),) = uow.assignments.list_traits(office.user.id, after=None, limit=5)
        assert uow.clients.load_matcher(office.user.id).find(traits) == ClientMatch(first, None)
        uow.clients.change(office.user.id, first, deleted_at=at("03-01 00:00"))
        assert uow.clients.load_matcher(office.user.id).find(traits) == ClientMatch(second, None)


def test_the_accounts_of_the_user_are_no_clients(store: Store, office: Office) -> None:
    domain = ClientRule(kind=RuleKind.ATTENDEE_DOMAIN, pattern="client.test")
    with store.begin() as uow:
        client_id = office.add_client(uow, domain)
        mine = make_event(
            "mine", "03-03 09:00", "03-03 10:00", organizer=Person("mara@client.test")
        )
        jo = Attendee(email="jo@client.test")
        theirs = make_event("theirs", "03-03 09:00", "03-03 10:00", attendees=(jo,))
        ids = save_events(uow, office.work, mine, theirs)
        uow.clients.request_reassign(office.user.id)
    reassign_clients(store, office.user.id)
    with store.begin() as uow:
        said = uow.assignments.load(ids)
    assert {key[0]: one.client_id for key, one in said.items()} == {ids[1]: client_id}


def test_applying_rules_touches_only_what_differs_and_nothing_said_by_hand(
    store: Store, office: Office
) -> None:
    with store.begin() as uow:
        a, b = office.add_client(uow), office.add_client(uow)
        one, two, three, by_hand = save_events(
            uow,
            office.work,
            *(make_event(str(n), "03-03 09:00", "03-03 10:00") for n in range(4)),
        )
        uow.assignments.save_by_hand(office.user.id, (by_hand, None), None, "P")
        match = ClientMatch(a, None)
        matches = dict.fromkeys((one, two, three, by_hand), match)
        assert uow.assignments.apply_rules(office.user.id, matches) == 3
        assert uow.assignments.apply_rules(office.user.id, matches) == 0
        changed = {one: ClientMatch(b, None), two: None, three: match, by_hand: None}
        assert uow.assignments.apply_rules(office.user.id, changed) == 2
        said = {
            key[0]: (x.client_id, x.project) for key, x in uow.assignments.load(matches).items()
        }
    assert said == {one: (b, None), three: (a, None), by_hand: (None, "P")}


def test_a_user_without_rules_costs_one_statement_and_nothing_changed_costs_none(
    store: Store, office: Office, clean_database: Engine
) -> None:
    call = make_event("call", "03-03 09:00", "03-03 10:00")
    with store.begin() as uow:
        (event_id,) = save_events(uow, office.work, call)
        with count_statements(clean_database) as idle:
            assign_changed(uow, office.user.id, office.work.id, [])
        with count_statements(clean_database) as without:
            assign_changed(uow, office.user.id, office.work.id, [StoredEvent(event_id, call)])
        office.add_client(uow, title("call"))
        many = [make_event(f"call {number}", "03-03 09:00", "03-03 10:00") for number in range(50)]
        ids = save_events(uow, office.work, *many)
        stored = [StoredEvent(*one) for one in zip(ids, many, strict=True)]
        with count_statements(clean_database) as some:
            assign_changed(uow, office.user.id, office.work.id, stored)
        assert len(uow.assignments.load(ids)) == 50
    assert (len(idle), len(without), len(some)) == (0, 1, 4)


def test_all_events_are_looked_at_in_batches_on_every_calendar(
    store: Store, office: Office
) -> None:
    with store.begin() as uow:
        other = add_calendar(uow, office.connection)
        client_id = office.add_client(uow, title("call"))
        ids = [
            event_id
            for calendar in (office.work, other)
            for event_id in save_events(
                uow,
                calendar,
                *(make_event(f"call {n}", "03-03 09:00", "03-03 10:00") for n in range(7)),
            )
        ]
        gone = make_event("call", "03-03 09:00", "03-03 10:00")
        save_events(uow, other, gone)
        delete_events(uow, other, gone)
        assert reassign_clients(store, office.user.id) == 0
        uow.clients.request_reassign(office.user.id)
    assert reassign_clients(store, office.user.id, batch=3) == 14
    assert reassign_clients(store, office.user.id, batch=3) == 0
    with store.begin() as uow:
        said = uow.assignments.load(ids)
        assert {one.client_id for one in said.values()} == {client_id}
        assert uow.clients.find_reassign(office.user.id) is None


def test_rules_that_change_meanwhile_stay_asked_for(store: Store, office: Office) -> None:
    with store.begin() as uow:
        uow.clients.request_reassign(office.user.id)
    with store.begin() as uow:
        asked_at = uow.clients.find_reassign(office.user.id)
        uow.clients.request_reassign(office.user.id)
        assert asked_at is not None
        assert not uow.clients.end_reassign(office.user.id, asked_at)
        assert uow.clients.find_reassign(office.user.id) is not None


def test_what_a_crash_left_unapplied_is_found_after_a_while(store: Store, office: Office) -> None:
    with store.begin() as uow:
        uow.clients.request_reassign(office.user.id)
    assert find_users_to_reassign(store) == []
    with store.begin() as uow:
        asked_at = uow.clients.find_reassign(office.user.id)
        assert asked_at is not None
        uow.session.execute(update(UserRow).values(reassign_asked_at=asked_at - 2 * PATIENCE))
    assert find_users_to_reassign(store) == [office.user.id]


def test_a_deleted_client_goes_for_good_after_a_while_and_rules_count_again(
    store: Store, office: Office
) -> None:
    with store.begin() as uow:
        gone, kept, fresh = (office.add_client(uow) for _ in range(3))
        uow.clients.replace_rules(office.user.id, kept, [title("call")])
        (event_id,) = save_events(
            uow, office.work, make_event("call", "03-03 09:00", "03-03 10:00")
        )
        uow.assignments.save_by_hand(office.user.id, (event_id, None), gone, None)
        uow.clients.change(office.user.id, gone, deleted_at=at("01-01 00:00"))
        uow.clients.change(office.user.id, fresh, deleted_at=at("02-28 00:00"))
        assert uow.clients.purge_deleted(before=at("02-01 00:00")) == 1
    assert reassign_clients(store, office.user.id) == 1
    with store.begin() as uow:
        assert uow.clients.find(office.user.id, gone, deleted=True) is None
        assert uow.clients.find(office.user.id, fresh, deleted=True) is not None
        assert uow.assignments.load([event_id])[event_id, None].client_id == kept


def test_a_sync_and_a_change_of_rules_never_miss_each_other(store: Store, office: Office) -> None:
    """The rules change while a page is written: one of the two waits, and the event is found."""
    call = make_event("call", "03-03 09:00", "03-03 10:00")
    locked, changed = threading.Event(), threading.Event()

    def change_rules() -> None:
        locked.wait(10)
        with store.begin() as uow:
            uow.clients.lock(office.user.id)
            office.add_client(uow, title("call"))
            uow.clients.request_reassign(office.user.id)
        changed.set()

    thread = threading.Thread(target=change_rules)
    thread.start()
    with store.begin() as uow:
        (event_id,) = save_events(uow, office.work, call)
        locked.set()
        # The change waits for this transaction, which laid out events.
        assert not changed.wait(0.3)
        assign_changed(uow, office.user.id, office.work.id, [StoredEvent(event_id, call)])
        assert uow.assignments.load([event_id]) == {}
    thread.join(10)
    assert changed.is_set()
    assert reassign_clients(store, office.user.id) == 1


def test_rules_are_never_applied_to_an_event_that_a_sync_is_changing(
    store: Store, office: Office
) -> None:
    before = make_event("old", "03-03 09:00", "03-03 10:00")
    after = replace(before, title="new")
    with store.begin() as uow:
        office.add_client(uow, title("old"))
        (event_id,) = save_events(uow, office.work, before)
        uow.clients.request_reassign(office.user.id)
    thread = threading.Thread(target=reassign_clients, args=(store, office.user.id))
    with store.begin() as uow:
        save_events(uow, office.work, after)
        assign_changed(uow, office.user.id, office.work.id, [StoredEvent(event_id, after)])
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join(10)
    with store.begin() as uow:
        assert uow.assignments.load([event_id]) == {}


def test_a_budget_counts_the_week_of_the_clients_own_zone(store: Store, office: Office) -> None:
    with store.begin() as uow:
        berlin = office.add_client(uow, title("call"), weekly_budget_minutes=600)
        tokyo = office.add_client(
            uow, title("gm"), weekly_budget_minutes=60, time_zone="Asia/Tokyo"
        )
        office.add_client(uow, title("none"))
        calls = [
            make_event("call", "03-03 09:00", "03-03 10:00"),
            make_event("call", "03-03 09:30", "03-03 10:30"),
            make_event("call", "03-04", "03-05"),
            # Sunday evening in Berlin is Monday morning in Tokyo.
            make_event("gm", "03-08 22:00", "03-08 23:00"),
            make_event("gm", "03-01 22:00", "03-01 23:30"),
        ]
        ids = save_events(uow, office.work, *calls)
        stored = [StoredEvent(*one) for one in zip(ids, calls, strict=True)]
        assign_changed(uow, office.user.id, office.work.id, stored)
        uses = load_budgets(uow, office.user, at("03-04 12:00"))
    told = {client.id: (use.booked, use.left) for client, use in uses}
    assert told == {
        berlin: (timedelta(minutes=90), timedelta(minutes=510)),
        tokyo: (timedelta(minutes=90), timedelta(minutes=-30)),
    }


MASTER = make_event("daily", "03-02 09:00", "03-02 09:30", recurrence=("RRULE:FREQ=DAILY;COUNT=4",))
OVERRIDE = Event(
    provider_event_id="override",
    kind=EventKind.OVERRIDE,
    when=span("03-03 15:00", "03-03 15:30"),
    series_id=MASTER.provider_event_id,
    original_start=at("03-03 09:00"),
    title="moved",
)
SINGLE = make_event("single", "03-04 12:00", "03-04 13:00")
ANSWER = st.none() | st.tuples(st.sampled_from(["hand", "rule"]), st.sampled_from([0, 1, 2, None]))
SAID = st.fixed_dictionaries(dict.fromkeys(("exact", "override", "master", "single"), ANSWER))
SERIES_BY_HAND = {"exact": None, "override": ("rule", 0), "master": ("hand", 1), "single": None}


@given(SAID, st.sampled_from([0, 1, 2, None]), st.sets(st.integers(0, 2), max_size=1))
@example(SERIES_BY_HAND, None, set())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whom_an_occurrence_belongs_to_is_what_the_order_of_answers_says(
    store: Store,
    said: dict[str, tuple[str, int | None] | None],
    fallback: int | None,
    dead: set[int],
) -> None:
    with store.begin() as uow:
        office = Office(uow)
        clients = [office.add_client(uow, name=str(number)) for number in range(3)]
        for number in dead:
            uow.clients.change(office.user.id, clients[number], deleted_at=at("03-01 00:00"))
        uow.session.execute(
            update(CalendarRow)
            .where(CalendarRow.id == office.work.id)
            .values(client_id=None if fallback is None else clients[fallback])
        )
        master, override, single = save_events(uow, office.work, MASTER, OVERRIDE, SINGLE)
        keys = {
            "exact": (master, at("03-03 09:00")),
            "override": (override, None),
            "master": (master, None),
            "single": (single, None),
        }
        answers = {
            where: answer
            for where, answer in said.items()
            if answer is not None
            and (answer[0] == "hand" or (where != "exact" and answer[1] is not None))
        }
        for where, (origin, named) in answers.items():
            uow.session.execute(
                insert(EventAssignmentRow).values(
                    user_id=office.user.id,
                    event_id=keys[where][0],
                    original_start=keys[where][1],
                    client_id=None if named is None else clients[named],
                    origin=origin,
                )
            )
        wanted = AgendaFilter(calendar_ids=[office.work.id])
        found = uow.agenda.list_entries(office.user.id, WEEK, wanted, limit=50)
        told = {entry.occurrence_id: entry.client_id for entry in found}
        orders = {"override": ["exact", "override", "master"], "single": ["single"]}
        for entry in found:
            places = orders.get({override: "override", single: "single"}.get(entry.event_id, ""))
            expected = _first(answers, places or ["master"], fallback)
            owner = None if expected is None or expected in dead else clients[expected]
            assert entry.client_id == owner
        booked = uow.assignments.load_booked(office.user.id, [WEEK])
        assert {one.occurrence_id: one.owner.client_id for one in booked} == told
        for number, client_id in enumerate(clients):
            if number not in dead:
                mine = AgendaFilter(calendar_ids=[office.work.id], client_id=client_id)
                listed = uow.agenda.list_entries(office.user.id, WEEK, mine, limit=50)
                assert {one.occurrence_id for one in listed} == {
                    key for key, told_id in told.items() if told_id == client_id
                }
        for event_id in (override, single):
            detail = uow.agenda.find_event(office.user.id, event_id)
            assert detail is not None
            assert detail.client_id == told[detail.occurrence_id or event_id]
        uow.session.execute(delete(EventRow))


def _first(
    answers: dict[str, tuple[str, int | None]], places: list[str], fallback: int | None
) -> int | None:
    """What a person said anywhere goes before what rules say anywhere."""
    for origin in ("hand", "rule"):
        for place in places:
            if place in answers and answers[place][0] == origin:
                return answers[place][1]
    return fallback


@pytest.mark.parametrize("reading", ["agenda", "hours", "events"])
def test_reads_stay_on_their_indexes_among_many_assignments(
    store: Store, office: Office, reading: str
) -> None:
    with store.begin() as uow:
        client_id = office.add_client(uow)
        save_events(uow, office.work, MASTER, OVERRIDE)
        uow.session.execute(text(MANY_EVENTS), {"calendar": office.work.id})
        uow.session.execute(text(MANY_OCCURRENCES))
        uow.session.execute(text(MANY_ASSIGNMENTS), {"client": client_id})
        uow.session.execute(text("ANALYZE events, occurrences, event_assignments, clients"))
    day = span("03-03 00:00", "03-04 00:00")
    seen: list[tuple[str, Any]] = []

    def note(*arguments: Any) -> None:
        seen.append((str(arguments[2]), arguments[3]))

    with store.begin() as uow:
        assert uow.session.scalar(select(ClientRow.id)) == client_id
        event.listen(uow.session.get_bind(), "before_cursor_execute", note)
        if reading == "agenda":
            wanted = AgendaFilter(calendar_ids=[office.work.id], client_id=client_id)
            uow.agenda.list_entries(office.user.id, day, wanted, limit=50)
        elif reading == "hours":
            uow.assignments.load_booked(office.user.id, [day])
        else:
            after = (office.work.id, "many 500")
            uow.assignments.list_traits(office.user.id, after=after, limit=100)
        event.remove(uow.session.get_bind(), "before_cursor_execute", note)
        ((statement, parameters),) = seen
        plan = explain(uow, statement, parameters)
    assert "Seq Scan on occurrences" not in plan
    assert "Seq Scan on event_assignments" not in plan
    assert ("ix_occurrences_user_id_span" in plan) is (reading != "events")
    if reading == "events":
        assert "uq_events_calendar_id_provider_event_id" in plan


MANY_EVENTS = """
    INSERT INTO events (id, user_id, calendar_id, provider_event_id, kind, start_at, end_at, title,
        recurrence, status, transparency, event_type, visibility, attendees, sequence, mirror,
        busy, fingerprint)
    SELECT gen_random_uuid(), c.user_id, c.id, 'many ' || number, 'single',
        '2026-03-01'::timestamptz + number * interval '1 h',
        '2026-03-01'::timestamptz + number * interval '1 h' + interval '30 min', 'x',
        '{}', 'confirmed', 'opaque', 'default', 'default', '[]', 0, false, 'busy', 'f'
    FROM calendars c, generate_series(1, 5000) AS number WHERE c.id = :calendar
"""
MANY_OCCURRENCES = """
    INSERT INTO occurrences
        (id, user_id, calendar_id, event_id, original_start, start_at, end_at, busy)
    SELECT gen_random_uuid(), user_id, calendar_id, id, start_at, start_at, end_at, 'busy'
    FROM events WHERE provider_event_id LIKE 'many %'
"""
MANY_ASSIGNMENTS = """
    INSERT INTO event_assignments (id, user_id, event_id, client_id, origin)
    SELECT gen_random_uuid(), user_id, id, :client, 'rule'
    FROM events WHERE provider_event_id LIKE 'many %'
"""
