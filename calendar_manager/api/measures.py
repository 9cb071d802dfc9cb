"""The numbers that Prometheus takes, by the name it knows them by."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from calendar_manager.api.routes.health import QUEUES
from calendar_manager.bootstrap import Services
from calendar_manager.store.measurements import Measurements, load_measurements
from calendar_manager.store.vital_signs import DatabaseDownError

JOBS_SPAN: Final = timedelta(hours=1)

_PREFIX: Final = "calendar_manager_"


def make_registry(services: Services) -> CollectorRegistry:
    """Return a registry with all numbers of this installation.

    What can be counted in PostgreSQL and Redis is counted when somebody asks, so it is right with
    any number of processes. What only a process itself can measure, such as how long its requests
    take, is registered here beside it.
    """
    registry = CollectorRegistry()
    registry.register(InstallationCollector(services))
    return registry


class InstallationCollector(Collector):
    """Counts in PostgreSQL and Redis at each scrape.

    A server that is away shows as such, and its numbers are missing; the scrape goes on.

    Args:
        services: The joined parts.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing, so that registering does not count yet."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every number."""
        up = _gauge("up", "Whether a server that everything needs answers.", "server")
        now = self._services.clock()
        measured = self._measure(now)
        up.add_metric(["postgresql"], 0 if measured is None else 1)
        if measured is not None:
            yield from _show_connections(measured, now)
            yield from _show_calendars(measured, now)
            yield from _show_jobs(measured)
            yield from _show_channels(measured, now)
            yield _show_conflicts(measured)
        lengths = self._queue_lengths()
        up.add_metric(["redis"], 0 if lengths is None else 1)
        if lengths is not None:
            queues = _gauge("queue_length", "Messages that wait for a worker.", "queue")
            for name, length in lengths.items():
                queues.add_metric([name], length)
            yield queues
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

    def _queue_lengths(self) -> dict[str, int] | None:
        pipeline = self._services.redis.pipeline(transaction=False)
        for name in QUEUES:
            pipeline.llen(name)
        try:
            return dict(zip(QUEUES, pipeline.execute(), strict=True))
        except RedisError:
            return None


def _show_connections(measured: Measurements, now: datetime) -> Iterator[GaugeMetricFamily]:
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


def _show_calendars(measured: Measurements, now: datetime) -> Iterator[GaugeMetricFamily]:
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


def _show_jobs(measured: Measurements) -> Iterator[GaugeMetricFamily]:
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


def _show_channels(measured: Measurements, now: datetime) -> Iterator[GaugeMetricFamily]:
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
    conflicts = _gauge("open_conflicts", "Conflicts that wait for their person.")
    conflicts.add_metric([], measured.open_conflicts)
    return conflicts


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
    return GaugeMetricFamily(_PREFIX + name, meaning, labels=labels)
