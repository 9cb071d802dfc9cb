"""How the whole installation is doing, for those who run it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from calendar_manager.bootstrap import Services
from calendar_manager.job_queue import BEAT_LOCK_KEY, HEARTBEAT_KEY
from calendar_manager.store.measurements import ConnectionCount, Measurements, load_measurements
from calendar_manager.store.repositories.administration import FailureEntry, ReasonCount
from calendar_manager.store.unit_of_work import StoreUnavailableError
from calendar_manager.store.vital_signs import DatabaseDownError
from calendar_manager.web.queues import QueueState, load_queues, open_briefly

RECENT: Final = timedelta(hours=24)
"""Failures older than this are history."""

LATE: Final = 300.0
"""Seconds that a due calendar may wait before the dispatch counts as broken: ten of its turns."""

FEW: Final = 10
"""How many of the latest failures are shown beside the numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignsOfLife:
    """Which of the processes behind the API are at work.

    Attributes:
        redis: Whether Redis answers; without it nobody can be asked.
        workers: How many workers answer.
        beat: Whether a beat is running.
        heartbeat: Whether a worker did within the last minute what beat sends.
        queues: How much waits, by queue.
    """

    redis: bool
    workers: int = 0
    beat: bool = False
    heartbeat: bool = False
    queues: Mapping[str, QueueState]

    @property
    def all_well(self) -> bool:
        """Whether nothing is missing."""
        return self.redis and self.workers > 0 and self.beat and self.heartbeat


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """How one provider's calendars are doing.

    Attributes:
        provider: Which.
        connections: How many accounts are connected.
        to_reconnect: How many of them have to be connected again.
        calendars: How many calendars are read, by the state of their copies.
        lag: For how many seconds the calendar that waits longest has been due; 0 when none is.
    """

    provider: str
    connections: int
    to_reconnect: int
    calendars: Mapping[str, int]
    lag: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One look at the installation.

    Attributes:
        users: How many people have a login.
        connections: By provider, status and reason.
        providers: Those that anything is connected at.
        open_conflicts: How many conflicts wait for their person.
        signs: Which processes are at work.
        failure_reasons: Why syncs failed within :data:`RECENT`, the most frequent first.
        failures: The latest of them.
    """

    users: int
    connections: Sequence[ConnectionCount]
    providers: Sequence[ProviderState]
    open_conflicts: int
    signs: SignsOfLife
    failure_reasons: Sequence[ReasonCount]
    failures: Sequence[FailureEntry]

    @property
    def failure_count(self) -> int:
        """How many syncs failed within :data:`RECENT`."""
        return sum(one.count for one in self.failure_reasons)

    @property
    def to_reconnect(self) -> int:
        """How many accounts have to be connected again."""
        return sum(one.to_reconnect for one in self.providers)


def load_overview(services: Services) -> Overview:
    """Look at everything once.

    Raises:
        StoreUnavailableError: The database does not answer.
    """
    now = services.clock()
    try:
        measured = load_measurements(
            services.store.engine, now=now, maximum_age=services.settings.stale_after, since=now
        )
    except DatabaseDownError as error:
        raise StoreUnavailableError(str(error)) from error
    with services.store.begin() as uow:
        users = uow.administration.count_users()
        reasons = uow.administration.count_failures(since=now - RECENT)
        failures = uow.administration.list_failures(after=None, limit=FEW)
    return Overview(
        users=users,
        connections=sorted(
            measured.connections, key=lambda one: (one.provider, one.status, one.reason_code)
        ),
        providers=_states_of(measured, now),
        open_conflicts=measured.open_conflicts,
        signs=find_signs_of_life(services),
        failure_reasons=reasons,
        failures=failures,
    )


def find_signs_of_life(services: Services) -> SignsOfLife:
    """Ask the workers and Redis how they are; takes about a second."""
    try:
        with open_briefly(services.settings.redis_url) as redis:
            queues = load_queues(redis, services.clock())
            beat, heartbeat = _has(redis, BEAT_LOCK_KEY), _has(redis, HEARTBEAT_KEY)
    except RedisError:
        # Celery waits long for a Redis that is away, and could learn nothing from it.
        return SignsOfLife(redis=False, queues={})
    return SignsOfLife(
        redis=True,
        workers=services.queue.count_workers(),
        beat=beat,
        heartbeat=heartbeat,
        queues=queues,
    )


def _has(redis: Redis, key: str) -> bool:
    return bool(redis.exists(key))


def _states_of(measured: Measurements, now: datetime) -> list[ProviderState]:
    kinds = {one.provider for one in measured.connections}
    states = []
    for kind in sorted(kinds):
        connections = [one for one in measured.connections if one.provider == kind]
        calendars = [one for one in measured.calendars if one.provider == kind]
        due = [one.oldest_due_at for one in calendars if one.oldest_due_at is not None]
        lag = (now - min(due)).total_seconds() if due else 0.0
        states.append(
            ProviderState(
                provider=kind,
                connections=sum(one.count for one in connections),
                to_reconnect=sum(one.count for one in connections if one.status == "needs_reauth"),
                calendars={one.status: one.count for one in calendars},
                lag=max(lag, 0.0),
            )
        )
    return states
