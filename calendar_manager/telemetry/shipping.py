"""Adding what processes counted to the installation's numbers in Redis, and reading them there.

Each instrument is a hash of whole numbers, so that adding is one command and needs no reading. A
Redis that is away costs nothing but patience: the numbers stay in memory and go with a later
shipment. One that forgets everything makes counters begin anew, which Prometheus knows to handle.
"""

import json
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final, Self, cast

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from calendar_manager.telemetry.instruments import INSTRUMENTS, Instrument
from calendar_manager.telemetry.tally import COUNT, INFINITY, SUM, TALLY, Part, Tally

log = structlog.get_logger(__name__)

KEY_PREFIX: Final = "calendar-manager:metrics:"
POOLS_KEY: Final = f"{KEY_PREFIX}pools"

SHIP_EVERY: Final = timedelta(seconds=1)
AWAY: Final = timedelta(seconds=10)
"""How long Redis is left alone after it failed."""

GONE_AFTER: Final = timedelta(seconds=60)
"""A process that said nothing of its pool for so long has ended."""

_TIMEOUT_SECONDS: Final = 2.0
_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class PoolUse:
    """A process's connections to the database.

    Attributes:
        process: What kind of process, ``api`` or ``worker``.
        used: How many are at work.
        limit: How many there may be.
    """

    process: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an instrument, of the whole installation.

    Attributes:
        labels: The values of its labels.
        count: How often, or how many.
        seconds: A histogram's sum.
        buckets: A histogram's upper bounds, each with how many were not longer.
    """

    labels: tuple[str, ...]
    count: int
    seconds: float = 0.0
    buckets: tuple[tuple[str, int], ...] = ()


class Shipper:
    """Ships a process's numbers once a second from a thread of its own, and in the end.

    Args:
        redis: Where to; its own connection, with short time limits.
        now: Tells the Unix time.
        measure_pool: Tells how the process uses the database.
        tally: What is shipped.
    """

    def __init__(
        self,
        redis: Redis,
        now: Callable[[], float],
        measure_pool: Callable[[], PoolUse],
        tally: Tally = TALLY,
    ) -> None:
        self._redis = redis
        self._now = now
        self._measure_pool = measure_pool
        self._tally = tally
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    @classmethod
    def connect(
        cls, url: str, now: Callable[[], float], measure_pool: Callable[[], PoolUse]
    ) -> Self:
        """Make one that ships to the Redis at an address."""
        redis = Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        return cls(redis, now, measure_pool)

    def start(self) -> None:
        """Begin to ship."""
        self._thread.start()

    def stop(self) -> None:
        """Ship what is left, and end."""
        self._stopped.set()
        self._thread.join(2 * _TIMEOUT_SECONDS)
        ship(self._redis, self._tally)
        try:
            self._redis.hdel(POOLS_KEY, _process_name())
        except RedisError:
            # Whoever reads it drops it when it is old.
            log.debug("pool_not_signed_off")
        self._redis.close()

    def _run(self) -> None:
        was_away = False
        pause = SHIP_EVERY
        while not self._stopped.wait(pause.total_seconds()):
            is_away = not (ship(self._redis, self._tally) and self._report_pool())
            if is_away != was_away:
                log.warning("metrics_not_shipped" if is_away else "metrics_shipped_again")
            was_away, pause = is_away, AWAY if is_away else SHIP_EVERY

    def _report_pool(self) -> bool:
        use = json.dumps({**asdict(self._measure_pool()), "at": self._now()})
        try:
            self._redis.hset(POOLS_KEY, _process_name(), use)
        except RedisError:
            return False
        return True


def ship(redis: Redis, tally: Tally = TALLY) -> bool:
    """Add what was counted to the installation's numbers, all or nothing.

    Returns:
        Whether Redis took it; if not, it is kept. An answer that got lost may lead to numbers
        that are added twice, which is better than errors that nobody sees.
    """
    numbers = tally.take()
    if not numbers:
        return True
    try:
        with redis.pipeline(transaction=True) as pipe:
            for part, amount in numbers.items():
                field = json.dumps([*part.labels, part.name])
                pipe.hincrby(f"{KEY_PREFIX}{part.instrument}", field, amount)
            pipe.execute()
    except RedisError:
        tally.put_back(numbers)
        return False
    return True


def load_series(redis: Redis) -> Mapping[Instrument, list[Series]]:
    """Return the installation's numbers.

    Raises:
        RedisError: Redis does not answer.
    """
    with redis.pipeline(transaction=False) as pipe:
        for instrument in INSTRUMENTS:
            pipe.hgetall(f"{KEY_PREFIX}{instrument.name}")
        answers = cast("list[dict[bytes, bytes]]", pipe.execute())
    return {
        instrument: _read(instrument, answer)
        for instrument, answer in zip(INSTRUMENTS, answers, strict=True)
    }


def load_pools(redis: Redis, now: float) -> list[PoolUse]:
    """Return how each process that lives uses the database, and forget the others.

    Raises:
        RedisError: Redis does not answer.
    """
    told = cast("dict[bytes, bytes]", redis.hgetall(POOLS_KEY))
    uses, gone = [], []
    for process, text in told.items():
        use = json.loads(text)
        if now - use.pop("at") > GONE_AFTER.total_seconds():
            gone.append(process.decode())
        else:
            uses.append(PoolUse(**use))
    if gone:
        redis.hdel(POOLS_KEY, *gone)
    return uses


def _read(instrument: Instrument, answer: Mapping[bytes, bytes]) -> list[Series]:
    found: dict[tuple[str, ...], list[Part]] = {}
    amounts: dict[Part, int] = {}
    for field, amount in answer.items():
        *labels, name = json.loads(field)
        part = Part(instrument.name, tuple(labels), name)
        # What an older version counted under other labels cannot be shown among the new.
        if len(labels) == len(instrument.labels):
            amounts[part] = int(amount)
            found.setdefault(part.labels, []).append(part)
    return [
        _add_up(instrument, labels, {part.name: amounts[part] for part in parts})
        for labels, parts in sorted(found.items())
    ]


def _add_up(instrument: Instrument, labels: tuple[str, ...], named: dict[str, int]) -> Series:
    if not instrument.buckets:
        return Series(labels, named.get(COUNT, 0))
    seconds = named.pop(SUM, 0) / _MICROSECONDS
    # Bounds of an older version count as well: a bucket holds all that lies below its bound.
    within = {float(bound): count for bound, count in named.items()}
    buckets = [
        (str(bound), sum(count for other, count in within.items() if other <= bound))
        for bound in instrument.buckets
    ]
    total = sum(within.values())
    return Series(labels, total, seconds, (*buckets, (INFINITY, total)))


def _process_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
