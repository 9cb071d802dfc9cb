"""What beat asks for: finding the work that is due. PostgreSQL is the memory, Redis only a belt.

Should Redis lose every message, the next dispatch finds the same work again.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from calendar_manager.domain.sync_jobs import SyncTrigger
from calendar_manager.sync.context import SyncContext

BATCH = 1000
REFRESH_RETRY = timedelta(minutes=2)
DISCOVERY_INTERVAL = timedelta(hours=6)

Send = Callable[[Sequence[tuple[UUID, SyncTrigger]]], None]
"""Sends jobs, each with what triggered it, to the workers."""


def dispatch_syncs(context: SyncContext, send: Send) -> int:
    """Queue a run over every calendar that is due, and send again what got lost.

    Args:
        context: The parts of the write path.
        send: Sends the jobs of one batch to the workers; called after each commit.

    Returns:
        How many jobs were sent.
    """
    sent = 0
    while True:
        with context.store.begin() as uow:
            jobs = uow.sync_jobs.queue_due(
                now=context.clock(), interval=context.options.poll_interval, limit=BATCH
            )
        if not jobs:
            break
        send(jobs)
        sent += len(jobs)
    with context.store.begin() as uow:
        lost = uow.sync_jobs.resend_lost(now=context.clock(), limit=BATCH)
    send(lost)
    return sent + len(lost)


def claim_due_refreshes(context: SyncContext) -> Sequence[UUID]:
    """Take the connections whose access token ends soon."""
    with context.store.begin() as uow:
        return uow.connections.claim_due_refreshes(
            now=context.clock(), retry_after=REFRESH_RETRY, limit=BATCH
        )


def claim_due_discoveries(context: SyncContext) -> Sequence[UUID]:
    """Take the connections whose list of calendars is due for a look."""
    with context.store.begin() as uow:
        return uow.connections.claim_due_discoveries(
            now=context.clock(), interval=DISCOVERY_INTERVAL, limit=BATCH
        )
