"""How PostgreSQL runs the statements that everything waits for: by index, never over all rows.

What is explained is what the repositories really send, so that the two cannot drift apart.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, event, text

from benchmarks.people import Fullness, make_even_person, make_person
from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.timespan import Span
from calendar_manager.store.agenda_entries import AgendaFilter
from calendar_manager.store.unit_of_work import UnitOfWork
from tests.factories import make_store

pytestmark = pytest.mark.store

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
PEOPLE = 30
FULLNESS = Fullness(calendars=10, events=440, series=15)
"""2,000 occurrences for each person, so that one has a thirtieth of them."""

SOON = NOW + timedelta(seconds=30)
"""When one of three hundred is due."""

LARGE = {"occurrences", "events", "calendars", "connections", "sync_jobs", "conflicts"}
"""The tables that nothing here may read as a whole."""

BY_SPAN = "ix_occurrences_user_id_span"

# A real installation has many more calendars than are due, asked for, or lost at any moment.
STRANGERS = (
    """
    INSERT INTO users (id, email, name, password_hash, time_zone)
    SELECT gen_random_uuid(), number || '@stranger.test', 'Stranger', '!', 'UTC'
    FROM generate_series(1, 9000) AS number
    """,
    """
    INSERT INTO connections (
      id, user_id, provider, provider_account_id, account, next_refresh_at, next_discovery_at
    )
    SELECT gen_random_uuid(), id, 'microsoft', email, email,
      :now + row_number() OVER () * interval '1 second',
      :now + row_number() OVER () * interval '1 second'
    FROM users WHERE name = 'Stranger'
    """,
    """
    INSERT INTO calendars (
      id, user_id, connection_id, provider, provider_calendar_id, name, "primary", access_role,
      next_sync_at, next_channel_at, cursor
    )
    SELECT gen_random_uuid(), user_id, id, provider, 'only', 'Only', true, 'owner',
      next_refresh_at, next_refresh_at, 'cursor'
    FROM connections WHERE provider = 'microsoft'
    """,
    """
    INSERT INTO sync_jobs (
      id, user_id, calendar_id, kind, trigger, status, queued_at, resend_at, finished_at
    )
    SELECT gen_random_uuid(), user_id, id, 'incremental', 'beat', 'succeeded', :now, :now, :now
    FROM calendars, generate_series(1, 3)
    """,
    """
    INSERT INTO sync_jobs (id, user_id, calendar_id, kind, trigger, queued_at, resend_at)
    SELECT gen_random_uuid(), user_id, id, 'incremental', 'beat', :now, next_sync_at FROM calendars
    WHERE next_sync_at < :now + interval '1 minute'
    """,
    """
    INSERT INTO conflicts (
      id, user_id, type, severity, start_at, end_at, first_occurrence_ids, second_occurrence_ids,
      first_start_at, first_end_at, second_start_at, second_end_at, hull, first, second
    )
    SELECT gen_random_uuid(), user_id, 'overlap', 'high', start_at, end_at, ARRAY[id],
      ARRAY[gen_random_uuid()], start_at, end_at, start_at, end_at, span, '{}', '{}'
    FROM occurrences WHERE start_at < :now
    """,
)


@dataclass
class Scene:
    """One of many people.

    Attributes:
        uow: A transaction, which is never committed.
        user_id: Whose questions are explained.
        calendars: Theirs, by id.
    """

    uow: UnitOfWork
    user_id: UUID
    calendars: Mapping[UUID, Calendar]

    @property
    def calendar_id(self) -> UUID:
        return next(iter(self.calendars))

    @property
    def event_id(self) -> UUID:
        found = self.uow.session.scalars(
            text("SELECT id FROM events WHERE user_id = :user_id ORDER BY id LIMIT 1"),
            {"user_id": self.user_id},
        )
        return UUID(str(found.one()))


@pytest.fixture
def scene(clean_database: Engine) -> Iterator[Scene]:
    people = [
        make_person(clean_database, FULLNESS, now=NOW, email=f"{number}@example.test")
        for number in range(PEOPLE)
    ]
    with clean_database.begin() as connection:
        for statement in STRANGERS:
            connection.execute(text(statement), {"now": NOW})
        connection.execute(text("ANALYZE"))
    with make_store(clean_database).begin() as uow:
        user_id = people[PEOPLE // 2]
        found = uow.lookups.load_calendars(user_id)
        yield Scene(uow, user_id, {one.calendar.id: one.calendar for one in found})
        uow.session.rollback()


@dataclass(frozen=True)
class Plan:
    """What the plan of a statement reads.

    Attributes:
        indexes: Which indexes.
        scanned: Which tables as a whole.
    """

    indexes: set[str]
    scanned: set[str]


def explain(uow: UnitOfWork, ask: Callable[[], object]) -> Plan:
    """Run something, and return how PostgreSQL plans the statements that it sends."""
    connection, seen = uow.session.connection(), []

    def note(*arguments: Any) -> None:
        seen.append(arguments[2:4])

    event.listen(connection, "before_cursor_execute", note)
    with uow.session.begin_nested() as savepoint:
        ask()
        event.remove(connection, "before_cursor_execute", note)
        # What a statement changed, such as whose turn it is, is not to be what is explained.
        savepoint.rollback()
    plan = Plan(set(), set())
    for statement, parameters in seen:
        if statement.startswith(("SAVEPOINT", "ROLLBACK", "RELEASE")):
            continue
        answer = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        for node in _nodes(answer.scalar_one()[0]["Plan"]):
            if "Index Name" in node:
                plan.indexes.add(node["Index Name"])
            if node["Node Type"] == "Seq Scan":
                plan.scanned.add(node["Relation Name"])
    assert plan.indexes or plan.scanned, "nothing was sent"
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def days(count: float) -> Span:
    return Span(NOW, NOW + timedelta(days=count))


QUESTIONS: dict[str, tuple[Callable[[Scene], object], set[str]]] = {
    "busy time of 60 days": (
        lambda one: one.uow.agenda.load_blocking(
            one.user_id, [days(60)], one.calendars, tentative_blocks=True
        ),
        {BY_SPAN, "pk_events"},
    ),
    "occurrences around a change": (
        lambda one: one.uow.agenda.load_busy(one.user_id, [days(0.1)]),
        {BY_SPAN, "pk_events"},
    ),
    "occurrences around several changes": (
        lambda one: one.uow.agenda.load_busy(
            one.user_id, [Span(days(n).end, days(n + 0.1).end) for n in range(9)]
        ),
        {BY_SPAN, "pk_events"},
    ),
    "due calendars": (
        lambda one: one.uow.sync_jobs.queue_due(
            now=SOON, interval=timedelta(minutes=15), limit=1000
        ),
        {"ix_calendars_next_sync_at"},
    ),
    "lost jobs": (
        lambda one: one.uow.sync_jobs.resend_lost(now=SOON, limit=1000),
        # The queued ones are few, and either of their two indexes leads to them.
        {"uq_sync_jobs_calendar_id_running"},
    ),
    "tokens that end": (
        lambda one: one.uow.connections.claim_due_refreshes(
            now=SOON, retry_after=timedelta(minutes=2), limit=1000
        ),
        {"ix_connections_next_refresh_at"},
    ),
    "accounts to look through": (
        lambda one: one.uow.connections.claim_due_discoveries(
            now=SOON, interval=timedelta(hours=6), limit=1000
        ),
        {"ix_connections_next_discovery_at"},
    ),
    "a week's agenda": (
        lambda one: one.uow.agenda.list_entries(
            one.user_id, days(7), AgendaFilter(calendar_ids=list(one.calendars)), limit=100
        ),
        {BY_SPAN, "pk_events"},
    ),
    "calendars with their changes": (
        lambda one: one.uow.lookups.load_calendars(one.user_id),
        {"ix_calendars_user_id", "pk_connections"},
    ),
    "series": (
        lambda one: one.uow.agenda.load_series(one.user_id, list(one.calendars)),
        {"ix_events_user_id_masters", "ix_events_calendar_id_series_id"},
    ),
    "an event": (
        lambda one: one.uow.agenda.find_event(one.user_id, one.event_id),
        {"pk_events"},
    ),
    "known events of a page": (
        lambda one: one.uow.events.load_known(
            one.calendar_id, [f"single-{number}" for number in range(250)]
        ),
        {"uq_events_calendar_id_provider_event_id"},
    ),
    "conflicts around a change": (
        lambda one: one.uow.conflicts.load_touching(one.user_id, [days(0.1)]),
        {"ix_conflicts_user_id_hull"},
    ),
    "meetings of clients": (
        lambda one: one.uow.assignments.load_booked(one.user_id, [days(7)]),
        {BY_SPAN, "pk_events"},
    ),
}


def test_no_statement_of_a_busy_path_reads_a_whole_table(scene: Scene) -> None:
    for name, (ask, indexes) in QUESTIONS.items():
        plan = explain(scene.uow, partial(ask, scene))
        assert not plan.scanned & LARGE, name
        assert indexes <= plan.indexes, name


def test_a_whole_table_that_is_read_is_noticed(scene: Scene) -> None:
    count = text("SELECT count(*) FROM occurrences WHERE busy = 'busy'")
    assert explain(scene.uow, lambda: scene.uow.session.execute(count)).scanned == {"occurrences"}


def test_a_person_who_has_the_whole_database_is_looked_up_by_time_as_well(
    clean_database: Engine,
) -> None:
    """Where everything belongs to one user, only the estimate by time says how little is asked."""
    user_id = make_even_person(clean_database, 30_000)
    with clean_database.begin() as connection:
        connection.execute(text("ANALYZE"))
        middle = connection.scalar(
            text("SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY start_at) FROM events")
        )
    assert isinstance(middle, datetime)
    hour, week = Span(middle, middle + timedelta(hours=1)), Span(middle, middle + timedelta(days=7))
    later = Span(middle + timedelta(days=2), middle + timedelta(days=2, hours=1))
    with make_store(clean_database).begin() as uow:
        calendars = [one.calendar.id for one in uow.lookups.load_calendars(user_id)]
        wanted = AgendaFilter(calendar_ids=calendars)
        for ask in (
            lambda: uow.agenda.load_busy(user_id, [hour]),
            lambda: uow.agenda.load_busy(user_id, [hour, later]),
            lambda: uow.agenda.list_entries(user_id, week, wanted, limit=100),
        ):
            plan = explain(uow, ask)
            assert not plan.scanned & {"events", "occurrences"}
            assert BY_SPAN in plan.indexes
