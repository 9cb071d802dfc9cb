"""What beat and the workers do, driven by hand until nothing is left to do."""

from collections import deque
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from calendar_manager.domain.sync_jobs import RESEND_AFTER
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.detect import examine_conflicts
from calendar_manager.sync.dispatch import dispatch_syncs
from calendar_manager.sync.engine import run_job
from tests.sync.desk import Clock

MOST_ROUNDS = 60

EVENTS = """
    SELECT provider_event_id, fingerprint, kind, busy, problem, deleted_at IS NOT NULL AS deleted
    FROM events ORDER BY provider_event_id
"""
OCCURRENCES = """
    SELECT e.provider_event_id, o.original_start, o.start_at, o.end_at, o.start_on, o.end_on,
           o.busy
    FROM occurrences o JOIN events e ON e.id = o.event_id ORDER BY 1, 2
"""
CONFLICTS = """
    SELECT type, severity, status, closed_by, start_at, end_at, first_start_at, second_start_at
    FROM conflicts ORDER BY 5, 6, 7, 8, 3
"""
INSTANCES = "SELECT provider_instance_id, series_id FROM series_instances ORDER BY 1"
LEFT_OVER = """
    SELECT 'job ' || status AS what FROM sync_jobs WHERE status IN ('queued', 'running')
    UNION ALL SELECT 'read mark' FROM read_marks
    UNION ALL SELECT 'full read' FROM full_reads
    UNION ALL SELECT 'conflict check' FROM conflict_checks
    UNION ALL SELECT 'lease' FROM calendars WHERE lease_token IS NOT NULL
"""
OPEN_JOBS = "SELECT id FROM sync_jobs WHERE status IN ('queued', 'running')"


def rows_of(context: SyncContext, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Run a query and return its rows as plain tuples."""
    with context.store.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement), parameters)]


def run_until_quiet(context: SyncContext, clock: Clock, *jobs: UUID) -> None:
    """Run jobs, what they hand back, and what dispatch finds, until no job is open.

    The clock is moved past the leases of workers that died and the patience with messages that
    got lost.
    """
    queue = deque(jobs)
    for _ in range(MOST_ROUNDS):
        run_all(context, clock, queue)
        if not rows_of(context, OPEN_JOBS):
            return
        clock.now += context.options.lease + RESEND_AFTER
        dispatch_syncs(context, lambda jobs: queue.extend(job_id for job_id, _ in jobs))
    raise AssertionError(f"jobs stay open: {rows_of(context, 'TABLE sync_jobs')}")


def run_all(context: SyncContext, clock: Clock, queue: deque[UUID]) -> None:
    """Run jobs and what they hand back; then examine what a crash left unexamined."""
    while queue:
        follow_up = run_job(context, queue.popleft())
        if follow_up is not None:
            clock.now += follow_up.delay
            queue.append(follow_up.job_id)
    for (user_id,) in rows_of(context, "SELECT DISTINCT user_id FROM conflict_checks"):
        examine_conflicts(context.store, user_id, clock)


def poll(context: SyncContext, clock: Clock) -> None:
    """Let so much time pass that every calendar is read once more."""
    clock.now += timedelta(hours=2)
    queue: deque[UUID] = deque()
    dispatch_syncs(context, lambda jobs: queue.extend(job_id for job_id, _ in jobs))
    run_until_quiet(context, clock, *queue)


def copy_of(context: SyncContext) -> dict[str, list[tuple[Any, ...]]]:
    """Return everything that a person could notice of the copy."""
    return {
        "events": rows_of(context, EVENTS),
        "occurrences": rows_of(context, OCCURRENCES),
        "conflicts": rows_of(context, CONFLICTS),
        "instances": rows_of(context, INSTANCES),
    }
