"""The Celery application, and how the rest of the project asks for work.

Callers name what they want in Python; only this module knows task names and queues. A message
that cannot be sent is logged and let go, because all work to be done also stands in PostgreSQL,
where the next dispatch finds it.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from celery import Celery, Task, signals
from kombu import Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from structlog.contextvars import get_contextvars

from calendar_manager.domain.sync_jobs import SyncTrigger
from calendar_manager.store.unit_of_work import StoreUnavailableError

log = structlog.get_logger(__name__)

URGENT: Final = "sync.urgent"
ROUTINE: Final = "sync"
MAINTENANCE: Final = "maintenance"

SYNC_CALENDAR: Final = "sync.calendar"
SYNC_CALENDARS: Final = "sync.calendars"
DISCOVER_CALENDARS: Final = "sync.discover"
EXAMINE_CONFLICTS: Final = "conflicts.examine"
REFRESH_TOKENS: Final = "tokens.refresh"
ROLL_HORIZON: Final = "horizon.roll"
TEND_CHANNEL: Final = "channels.tend"
REASSIGN_CLIENTS: Final = "clients.reassign"
EXPORT_TO_CALDOTCOM: Final = "export.push"

SUBJECTS: Final[Mapping[str, str]] = {
    SYNC_CALENDAR: "job_id",
    DISCOVER_CALENDARS: "connection_id",
    EXAMINE_CONFLICTS: "user_id",
    REFRESH_TOKENS: "connection_id",
    ROLL_HORIZON: "calendar_id",
    TEND_CHANNEL: "calendar_id",
    REASSIGN_CLIENTS: "user_id",
    EXPORT_TO_CALDOTCOM: "connection_id",
}
"""What the one argument of each task is the id of, as log lines name it.

A group of jobs is not among them: each run names its own job, and fifty ids on every line would
name none.
"""

NOW: Final = timedelta(0)

SINGLY: Final = 100
"""So many routine jobs of one dispatch are sent one by one, for any free worker to take."""

GROUP: Final = 50
"""So many jobs are in a group otherwise."""

REQUEST_ID_HEADER: Final = "request_id"
DUE_AT_HEADER: Final = "due_at"
"""The Unix time from which on a worker could have begun."""

HEARTBEAT_KEY: Final = "calendar-manager:heartbeat"
HEARTBEAT_SECONDS: Final = 60
"""Beat has a worker renew the key every few seconds; it is gone a minute after either stops."""

BEAT_KEY_PREFIX: Final = "calendar-manager:beat:"
BEAT_LOCK_KEY: Final = f"{BEAT_KEY_PREFIX}:lock"
BEAT_LOCK_SECONDS: Final = 30
"""The beat that sends holds the lock and renews it every few seconds, whether or not any worker
lives; so it tells a stopped beat from stopped workers."""

REDELIVER_AFTER_SECONDS: Final = 3600
"""Redis hands a message out again when its task has not ended by then, so every task must end
or be repeatable; ours are both."""


class Door(Task[..., Any]):
    """A task that comes back when one of our own services is away.

    A provider's trouble never reaches it: that is the sync engine's matter.
    """

    autoretry_for = (StoreUnavailableError, RedisError)
    retry_backoff = 2
    retry_backoff_max = 60
    retry_jitter = True
    max_retries = 5


def make_celery(redis_url: str) -> Celery[Door]:
    """Make the Celery application on one Redis.

    Args:
        redis_url: The broker's address; RedBeat keeps its schedule there as well.
    """
    celery = Celery("calendar_manager", broker=redis_url, set_as_current=False, task_cls=Door)
    celery.conf.update(
        task_queues=[Queue(URGENT), Queue(ROUTINE), Queue(MAINTENANCE)],
        task_default_queue=MAINTENANCE,
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_serializer="json",
        accept_content=["json"],
        task_track_started=True,
        worker_prefetch_multiplier=1,
        worker_send_task_events=True,
        task_send_sent_event=True,
        worker_hijack_root_logger=False,
        # What is under way when Redis goes away ends well without it, and its job says so in
        # PostgreSQL; the message that comes again finds nothing to do.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": REDELIVER_AFTER_SECONDS,
            "queue_order_strategy": "priority",
            "socket_timeout": 10,
            "socket_connect_timeout": 5,
        },
        task_publish_retry_policy={"max_retries": 2, "interval_start": 0.1, "interval_max": 0.5},
        enable_utc=True,
        timezone="UTC",
    )
    return celery


@signals.before_task_publish.connect
def describe_message(headers: dict[str, Any], **_: Any) -> None:  # noqa: ANN401 - Celery sends whatever it likes.
    """Write into a message which request led to it, and since when it can be worked on.

    A task that is sent by another, or sent again, carries the id of the request that began it.
    """
    request_id = get_contextvars().get(REQUEST_ID_HEADER)
    if request_id is not None:
        headers[REQUEST_ID_HEADER] = request_id
    eta = headers.get("eta")
    headers[DUE_AT_HEADER] = datetime.fromisoformat(eta).timestamp() if eta else time.time()


class JobQueue:
    """Asks workers for work.

    Args:
        celery: The application of :func:`make_celery`.
    """

    def __init__(self, celery: Celery[Door]) -> None:
        self.celery = celery

    def sync_calendar(self, job_id: UUID, *, urgent: bool, delay: timedelta = NOW) -> None:
        """Run a queued sync job; urgent ones overtake the routine."""
        self._send(SYNC_CALENDAR, job_id, URGENT if urgent else ROUTINE, delay)

    def sync_due(self, jobs: Sequence[tuple[UUID, SyncTrigger]]) -> None:
        """Run the jobs of one dispatch, each in the queue that its trigger deserves.

        Many routine ones at once go in groups, because sending a message takes longer than
        claiming a dozen jobs.
        """
        for job_id, trigger in jobs:
            if trigger.urgent:
                self.sync_calendar(job_id, urgent=True)
        routine = [job_id for job_id, trigger in jobs if not trigger.urgent]
        if len(routine) <= SINGLY:
            for job_id in routine:
                self.sync_calendar(job_id, urgent=False)
            return
        for first in range(0, len(routine), GROUP):
            group = [str(job_id) for job_id in routine[first : first + GROUP]]
            self._send(SYNC_CALENDARS, group, ROUTINE)

    def refresh_tokens(self, connection_id: UUID) -> None:
        """Replace a connection's access token before it ends."""
        self._send(REFRESH_TOKENS, connection_id, MAINTENANCE)

    def tend_channel(self, calendar_id: UUID) -> None:
        """Open, renew or close the channels of a calendar."""
        self._send(TEND_CHANNEL, calendar_id, MAINTENANCE)

    def roll_horizon(self, calendar_id: UUID) -> None:
        """Lay out a calendar's series further into the future."""
        self._send(ROLL_HORIZON, calendar_id, MAINTENANCE)

    def discover_calendars(self, connection_id: UUID, *, urgent: bool) -> None:
        """Bring the list of a connection's calendars up to date."""
        self._send(DISCOVER_CALENDARS, connection_id, URGENT if urgent else MAINTENANCE)

    def examine_conflicts(self, user_id: UUID) -> None:
        """Look for conflicts where a user's occurrences changed."""
        self._send(EXAMINE_CONFLICTS, user_id, URGENT)

    def reassign_clients(self, user_id: UUID) -> None:
        """Let the rules tell anew whom a user's events belong to."""
        self._send(REASSIGN_CLIENTS, user_id, MAINTENANCE)

    def export_to_caldotcom(self, connection_id: UUID) -> None:
        """Bring the schedule that we keep at a Cal.com account up to date."""
        self._send(EXPORT_TO_CALDOTCOM, connection_id, MAINTENANCE)

    def count_workers(self, *, timeout: float = 1.0) -> int:
        """Return how many workers answer within ``timeout`` seconds; 0 if Redis does not."""
        try:
            return len(self.celery.control.ping(timeout=timeout) or ())
        except OperationalError:
            return 0

    def _send(
        self, name: str, subject: UUID | Sequence[str], queue: str, delay: timedelta = NOW
    ) -> None:
        argument = str(subject) if isinstance(subject, UUID) else subject
        try:
            self.celery.send_task(
                name, args=[argument], queue=queue, countdown=delay.total_seconds() or None
            )
        except OperationalError:
            log.warning("job_not_sent", job=name, subject=str(subject), exc_info=True)
