"""The doors to syncing."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import structlog
from celery.exceptions import SoftTimeLimitExceeded

from calendar_manager.job_queue import (
    DISCOVER_CALENDARS,
    EXAMINE_CONFLICTS,
    REFRESH_TOKENS,
    SYNC_CALENDAR,
    SYNC_CALENDARS,
    Door,
)
from calendar_manager.providers.errors import ProviderError
from calendar_manager.store.repositories.connections import REFRESH_AHEAD
from calendar_manager.sync.detect import examine_conflicts
from calendar_manager.sync.discovery import discover_calendars
from calendar_manager.sync.engine import run_job
from calendar_manager.sync.tokens import fresh_tokens
from calendar_manager.tasks.application import app, context, services

log = structlog.get_logger(__name__)

_OF_THE_WHOLE_GROUP: Final = (SoftTimeLimitExceeded, *Door.autoretry_for)
"""What a further job would meet as well."""


@app.task(name=SYNC_CALENDAR, bind=True, soft_time_limit=1800, time_limit=1860)
def sync_calendar(task: Door, job_id: str) -> None:
    """Run one sync job, and send what has to come after it."""
    # The broker hands a message out again when the process died that worked on it.
    worker_lost = bool((task.request.delivery_info or {}).get("redelivered"))
    _run(UUID(job_id), worker_lost=worker_lost)


@app.task(name=SYNC_CALENDARS, soft_time_limit=1800, time_limit=1860)
def sync_calendars(job_ids: Sequence[str]) -> None:
    """Run the sync jobs of a group, one after the other.

    A slow one keeps nobody waiting for long: a job that no worker has taken up after a while is
    sent again by itself, and whoever comes second finds nothing to do.

    When the worker of a group died, the message does not tell over which of the jobs, and others
    may be at work on the rest by now. So no lease is taken from anybody: the one that the dead
    worker held runs out.
    """
    failure: Exception | None = None
    for job_id in job_ids:
        try:
            _run(UUID(job_id), worker_lost=False)
        except _OF_THE_WHOLE_GROUP:
            raise
        except Exception as error:
            # The others of the group have nothing to do with it.
            log.exception("job_of_group_failed", job_id=job_id)
            failure = error
    if failure is not None:
        raise failure


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


def _run(job_id: UUID, *, worker_lost: bool) -> None:
    follow_up = run_job(context, job_id, worker_lost=worker_lost)
    if follow_up is not None:
        services.queue.sync_calendar(
            follow_up.job_id, urgent=follow_up.urgent, delay=follow_up.delay
        )
