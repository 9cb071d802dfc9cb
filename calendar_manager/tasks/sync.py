"""The doors to syncing."""

from uuid import UUID

from calendar_manager.domain.sync_jobs import SyncTrigger
from calendar_manager.job_queue import (
    DISCOVER_CALENDARS,
    EXAMINE_CONFLICTS,
    REFRESH_TOKENS,
    SYNC_CALENDAR,
    Door,
)
from calendar_manager.providers.errors import ProviderError
from calendar_manager.store.repositories.connections import REFRESH_AHEAD
from calendar_manager.sync.detect import examine_conflicts
from calendar_manager.sync.discovery import discover_calendars
from calendar_manager.sync.engine import run_job
from calendar_manager.sync.tokens import fresh_tokens
from calendar_manager.tasks.application import app, context, services


@app.task(name=SYNC_CALENDAR, bind=True, soft_time_limit=1800, time_limit=1860)
def sync_calendar(task: Door, job_id: str) -> None:
    """Run one sync job, and send what has to come after it."""
    # The broker hands a message out again when the process died that worked on it.
    worker_lost = bool((task.request.delivery_info or {}).get("redelivered"))
    follow_up = run_job(context, UUID(job_id), worker_lost=worker_lost)
    if follow_up is not None:
        services.queue.sync_calendar(
            follow_up.job_id, urgent=follow_up.urgent, delay=follow_up.delay
        )


@app.task(name=DISCOVER_CALENDARS, soft_time_limit=120, time_limit=150)
def discover(connection_id: str) -> None:
    """Bring one connection's list of calendars up to date."""
    for job in discover_calendars(context, UUID(connection_id)):
        services.queue.sync_calendar(job.id, urgent=True)


@app.task(name=REFRESH_TOKENS, soft_time_limit=120, time_limit=150)
def refresh_tokens(connection_id: str) -> None:
    """Replace one connection's access token before it ends."""
    try:
        fresh_tokens(context, UUID(connection_id), ahead=REFRESH_AHEAD)
    except ProviderError:
        # What can be done is written down by now: the account needs its person, or the next
        # turn tries again.
        return


@app.task(name=EXAMINE_CONFLICTS, soft_time_limit=120, time_limit=150)
def examine(user_id: str) -> None:
    """Look for conflicts where one user's occurrences changed."""
    examine_conflicts(services.store, UUID(user_id), services.clock)


def send_job(job_id: UUID, trigger: SyncTrigger) -> None:
    """Send a sync job to the queue that its trigger deserves."""
    services.queue.sync_calendar(job_id, urgent=trigger.urgent)
