"""The numbers that processes count themselves, as Prometheus takes them."""

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from calendar_manager.bootstrap import Services
from calendar_manager.telemetry.instruments import PREFIX, Instrument
from calendar_manager.telemetry.shipping import PoolUse, Series, load_pools, load_series, ship
from calendar_manager.web.queues import open_briefly


class TallyCollector(Collector):
    """Reads in Redis, at each scrape, what all processes have counted so far.

    Without Redis these numbers are missing and the scrape goes on.

    Args:
        services: The joined parts.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering does not read yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every number."""
        now = self._services.clock().timestamp()
        try:
            with open_briefly(self._services.settings.redis_url) as redis:
                # What this process counted a moment ago belongs to the answer.
                if not ship(redis):
                    return
                tallied, pools = load_series(redis), load_pools(redis, now)
        except RedisError:
            return
        for instrument, series in tallied.items():
            yield _show(instrument, series)
        yield from _show_pools(pools)


def _show(instrument: Instrument, series: Sequence[Series]) -> Metric:
    name, labels = PREFIX + instrument.name, instrument.labels
    if not instrument.buckets:
        counter = CounterMetricFamily(name, instrument.meaning, labels=labels)
        counts = dict.fromkeys(instrument.always, 0) | {one.labels: one.count for one in series}
        for values, count in counts.items():
            counter.add_metric(values, count)
        return counter
    histogram = HistogramMetricFamily(name, instrument.meaning, labels=labels)
    for one in series:
        histogram.add_metric(one.labels, one.buckets, one.seconds)
    return histogram


def _show_pools(pools: Sequence[PoolUse]) -> Iterator[Metric]:
    used = GaugeMetricFamily(
        f"{PREFIX}database_pool_used",
        "Connections to the database that are at work, by kind of process.",
        labels=["process"],
    )
    limit = GaugeMetricFamily(
        f"{PREFIX}database_pool_limit",
        "Connections to the database that there may be at most, by kind of process.",
        labels=["process"],
    )
    for process in sorted({pool.process for pool in pools}):
        alike = [pool for pool in pools if pool.process == process]
        used.add_metric([process], sum(pool.used for pool in alike))
        limit.add_metric([process], sum(pool.limit for pool in alike))
    yield used
    yield limit
