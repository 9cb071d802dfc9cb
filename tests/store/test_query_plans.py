"""How PostgreSQL runs the statements that everything waits for: by index, never over all rows.

What is explained is what the repositories really send, so that the two cannot drift apart.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, event, text

from benchmarks.people import make_even_person
from calendar_manager.domain.accounts import ConnectionStatus
from calendar_manager.domain.timespan import Span
from calendar_manager.store.agenda_entries import AgendaFilter
from calendar_manager.store.unit_of_work import UnitOfWork
from tests.factories import make_store
from tests.store.scene import NOW, Scene

pytestmark = pytest.mark.store

AFTER = (NOW - timedelta(hours=1), UUID(int=0))
"""Where the second page of a list begins."""

LATELY = NOW + timedelta(seconds=150)
"""An instant among those at which syncs failed."""

SOON = NOW + timedelta(seconds=30)
"""When one of three hundred is due."""

LARGE = {
    "audit_log",
    "calendars",
    "channels",
    "client_rules",
    "clients",
    "conflict_history",
    "conflicts",
    "connections",
    "event_assignments",
    "events",
    "oauth_states",
    "occurrences",
    "sync_jobs",
    "users",
}
"""The tables that nothing here may read as a whole."""

BY_SPAN = "ix_occurrences_user_id_span"


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
        {"ix_events_user_id_kind", "ix_events_calendar_id_series_id"},
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
    "the audit log of everybody": (
        lambda one: one.uow.administration.list_audit(after=AFTER, limit=50),
        {"ix_audit_log_created_at_id"},
    ),
    "a rare action in the audit log": (
        lambda one: one.uow.administration.list_audit(action="user.erased", after=AFTER, limit=50),
        {"ix_audit_log_action_created_at_id"},
    ),
    "a person's lines of the audit log": (
        lambda one: one.uow.administration.list_audit(user_id=one.user_id, after=AFTER, limit=50),
        {"ix_audit_log_user_id_created_at"},
    ),
    "failed syncs of everybody": (
        lambda one: one.uow.administration.list_failures(after=(LATELY, UUID(int=0)), limit=50),
        {"ix_sync_jobs_finished_at_id_failed"},
    ),
    "how many syncs failed lately": (
        lambda one: one.uow.administration.count_failures(since=LATELY),
        {"ix_sync_jobs_finished_at_id_failed"},
    ),
    "everybody": (
        lambda one: one.uow.administration.list_users(after=AFTER, limit=50),
        {"ix_users_created_at_id", "ix_audit_log_user_id_created_at"},
    ),
    "connections of everybody": (
        lambda one: one.uow.administration.list_connections(after=AFTER, limit=50),
        {"ix_connections_created_at_id"},
    ),
    "connections that need a new consent": (
        lambda one: one.uow.administration.list_connections(
            status=ConnectionStatus.NEEDS_REAUTH, after=AFTER, limit=50
        ),
        {"ix_connections_status_created_at_id"},
    ),
    "time zones of a person's events": (
        lambda one: one.uow.personal_data.list_zones(one.user_id),
        {"ix_events_user_id_kind"},
    ),
    "all that happened to conflicts of a person": (
        lambda one: one.uow.personal_data.load(
            one.user_id, "conflict_history", after=None, limit=500
        ),
        {"ix_conflict_history_user_id"},
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


def test_erasing_a_person_reads_no_whole_table(scene: Scene) -> None:
    before = count_scans(scene.uow)
    assert scene.uow.users.delete(scene.user_id)
    after = count_scans(scene.uow)
    assert {table for table in LARGE if after[table] > before[table]} == set()


def count_scans(uow: UnitOfWork) -> dict[str, int]:
    """Return how often this transaction read each table as a whole, its triggers included."""
    found = uow.session.execute(text("SELECT relname, seq_scan FROM pg_stat_xact_user_tables"))
    return {table: count for table, count in found}  # noqa: C416 - rows are no pairs to mypy.


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
