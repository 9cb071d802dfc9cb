"""The numbers that Prometheus takes, by the name it knows them by."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from calendar_manager.api.tallied import TallyCollector
from calendar_manager.bootstrap import Services
from calendar_manager.job_queue import BEAT_LOCK_KEY, HEARTBEAT_KEY
from calendar_manager.store.measurements import AGE_BOUNDS, Measurements, load_measurements
from calendar_manager.store.vital_signs import DatabaseDownError
from calendar_manager.telemetry.instruments import PREFIX
from calendar_manager.web.queues import QueueState, load_queues, open_briefly

JOBS_SPAN: Final = timedelta(hours=1)


def make_registry(services: Services) -> CollectorRegistry:
    """Return a registry with all numbers of this installation.

    What can be counted in PostgreSQL and Redis is counted when somebody asks, so it is right with
    any number of processes. What only a process itself can measure, such as how long its requests
    take, all processes add up in Redis.
    """
    registry = CollectorRegistry()
    registry.register(InstallationCollector(services))
    registry.register(TallyCollector(services))
    return registry


class InstallationCollector(Collector):
    """Counts in PostgreSQL and Redis at each scrape.

    A server that is away shows as such, and its numbers are missing; the scrape goes on.

    Args:
        services: The joined parts.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering does not count yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every number."""
        up = _gauge("up", "Whether a server that everything needs answers.", "server")
        now = self._services.clock()
        measured = self._measure(now)
        up.add_metric(["postgresql"], 0 if measured is None else 1)
        if measured is not None:
            yield from _show_connections(measured, now)
            yield from _show_calendars(measured, now)
            yield _show_ages(measured)
            yield from _show_jobs(measured, now)
            yield from _show_channels(measured, now)
            yield _show_conflicts(measured)
        signs = self._look_into_redis(now)
        up.add_metric(["redis"], 0 if signs is None else 1)
        if signs is not None:
            yield from _show_queues(signs[0])
            yield from _show_signs(*signs[1:])
        yield up

    def _measure(self, now: datetime) -> Measurements | None:
        try:
            return load_measurements(
                self._services.store.engine,
                now=now,
                maximum_age=self._services.settings.stale_after,
                since=now - JOBS_SPAN,
            )
        except DatabaseDownError:
            return None

    def _look_into_redis(self, now: datetime) -> tuple[Mapping[str, QueueState], bool, bool] | None:
        try:
            with open_briefly(self._services.settings.redis_url) as redis:
                return (
                    load_queues(redis, now),
                    bool(redis.exists(BEAT_LOCK_KEY)),
                    bool(redis.exists(HEARTBEAT_KEY)),
                )
        except RedisError:
            return None


def _show_queues(queues: Mapping[str, QueueState]) -> Iterator[Metric]:
    lengths = _gauge("queue_length", "Messages that wait for a worker.", "queue")
    waits = _gauge(
        "queue_oldest_wait_seconds", "For how long the next message has waited.", "queue"
    )
    for name, state in queues.items():
        lengths.add_metric([name], state.length)
        waits.add_metric([name], state.oldest_wait)
    yield lengths
    yield waits


def _show_signs(beat: bool, heartbeat: bool) -> Iterator[Metric]:  # noqa: FBT001 - Two alike.
    yield _gauge_of("beat_alive", "Whether a beat lives.", beat)
    meaning = "Whether a task of beat's was done by a worker within the last minute."
    yield _gauge_of("heartbeat_alive", meaning, heartbeat)


def _show_connections(measured: Measurements, now: datetime) -> Iterator[Metric]:
    connections = _gauge(
        "connections",
        "Connected accounts; the reason code tells why one has to be connected again.",
        *("provider", "status", "reason_code"),
    )
    for one in measured.connections:
        connections.add_metric([one.provider, one.status, one.reason_code], one.count)
    yield connections
    yield _show_soonest(
        "token_soonest_expiry_seconds",
        "Until the first access token of an active account ends; negative when one has ended.",
        [
            (one.provider, one.soonest_token_end)
            for one in measured.connections
            if one.status == "active"
        ],
        lambda end: (end - now).total_seconds(),
    )


def _show_calendars(measured: Measurements, now: datetime) -> Iterator[Metric]:
    calendars = _gauge(
        "calendars", "Calendars that are read, by how their copies are doing.", "provider", "status"
    )
    for one in measured.calendars:
        calendars.add_metric([one.provider, one.status], one.count)
    yield calendars
    yield _show_soonest(
        "calendar_oldest_due_lag_seconds",
        "For how long the calendar that waits longest has been due; 0 when none is.",
        [(one.provider, one.oldest_due_at) for one in measured.calendars],
        lambda due: max((now - due).total_seconds(), 0.0),
    )


def _show_ages(measured: Measurements) -> HistogramMetricFamily:
    ages = HistogramMetricFamily(
        f"{PREFIX}calendar_age_seconds",
        "How old the copies of calendars are right now; not for rate().",
        labels=["provider"],
    )
    for provider in sorted({one.provider for one in measured.ages}):
        mine = [one for one in measured.ages if one.provider == provider]
        buckets = [
            (str(bound), sum(one.count for one in mine if one.bucket <= place))
            for place, bound in enumerate(AGE_BOUNDS)
        ]
        total = sum(one.count for one in mine)
        ages.add_metric([provider], [*buckets, ("+Inf", total)], sum(one.seconds for one in mine))
    return ages


def _show_jobs(measured: Measurements, now: datetime) -> Iterator[Metric]:
    finished = _gauge(
        "sync_jobs_last_hour",
        "Sync jobs that ended within the last hour, by what became of them.",
        *("provider", "kind", "outcome"),
    )
    for one in measured.finished_jobs:
        finished.add_metric([one.provider, one.kind, one.status], one.count)
    yield finished
    unfinished = _gauge(
        "sync_jobs_unfinished", "Sync jobs that wait or run.", "provider", "kind", "status"
    )
    for one in measured.unfinished_jobs:
        unfinished.add_metric([one.provider, one.kind, one.status], one.count)
    yield unfinished
    yield _show_soonest(
        "sync_job_oldest_wait_seconds",
        "For how long the sync job that waits longest has waited, put-back ones included.",
        [
            (one.provider, one.oldest_queued_at)
            for one in measured.unfinished_jobs
            if one.status == "queued"
        ],
        lambda queued: (now - queued).total_seconds(),
    )


def _show_channels(measured: Measurements, now: datetime) -> Iterator[Metric]:
    channels = _gauge(
        "channels",
        "Open push channels; a doubted one did not tell of a change that a poll found.",
        *("provider", "state"),
    )
    for one in measured.channels:
        channels.add_metric([one.provider, "live"], one.live)
        channels.add_metric([one.provider, "doubted"], one.doubted)
    yield channels
    yield _show_soonest(
        "channel_soonest_expiry_seconds",
        "Until the first open push channel ends.",
        [(one.provider, one.soonest_end) for one in measured.channels],
        lambda end: (end - now).total_seconds(),
    )


def _show_conflicts(measured: Measurements) -> GaugeMetricFamily:
    meaning = "Conflicts that wait for their person."
    return _gauge_of("open_conflicts", meaning, measured.open_conflicts)


def _show_soonest(
    name: str,
    meaning: str,
    instants: list[tuple[str, datetime | None]],
    measure: Callable[[datetime], float],
) -> GaugeMetricFamily:
    """Show a measure of the earliest instant of each provider that has one."""
    soonest: dict[str, datetime] = {}
    for provider, instant in instants:
        if instant is not None:
            soonest[provider] = min(soonest.get(provider, instant), instant)
    family = _gauge(name, meaning, "provider")
    for provider, instant in soonest.items():
        family.add_metric([provider], measure(instant))
    return family


def _gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, meaning, labels=labels)


def _gauge_of(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    family = _gauge(name, meaning)
    family.add_metric([], value)
    return family
