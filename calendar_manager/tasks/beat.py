"""A beat that outlives whatever happens to Redis.

RedBeat keeps its schedule and the lock that makes two beats safe in Redis. By itself it ends when
the lock is lost or Redis is away, and goes on without work when the schedule is lost: a Redis that
restarts or forgets would leave an installation that looks alive and never syncs.
"""

from typing import Any, Final

import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from redbeat.schedulers import RedBeatScheduler, ensure_conf, get_redis
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

log = structlog.get_logger(__name__)

RETRY_SECONDS: Final = 2.0
"""How long to wait before asking Redis again, whether it is away or the lock is another beat's."""


class SteadyScheduler(RedBeatScheduler):  # type: ignore[misc]  # RedBeat has no types.
    """RedBeat's scheduler that takes its lock and sets up its schedule again whenever it must.

    Only the holder of the lock sends. Another beat asks for the lock every `RETRY_SECONDS`, which
    is when it takes over after the holder's end.

    Args:
        app: The Celery application; its ``redbeat_*`` settings say which Redis, and how long the
            lock lasts without being extended.
        options: Whatever Celery's schedulers take.
    """

    lock: Lock | None = None
    lock_key: str | None

    def __init__(self, app: Celery, **options: Any) -> None:  # noqa: ANN401 - Celery's own.
        super().__init__(app, **options)
        # Without a key RedBeat leaves the lock alone. It would wait for it in a signal handler,
        # once, and end when it cannot be extended.
        self._lock_name, self.lock_key = self.lock_key, None

    def setup_schedule(self) -> None:
        """Write the schedule to Redis; left to `tick` while Redis is away."""
        try:
            super().setup_schedule()
        except RedisError as error:
            log.warning("beat_schedule_not_written", reason=str(error))

    def tick(self, *arguments: Any, **options: Any) -> float:  # noqa: ANN401 - Celery's own.
        """Send what is due, if this beat holds the lock.

        Returns:
            Seconds until the next tick.
        """
        try:
            # Connecting to the broker can take long; the lock must not run out meanwhile.
            self._maybe_due_kwargs  # noqa: B018 - the property connects.
            if not self._hold_lock():
                return RETRY_SECONDS
            if self._lost_entries():
                log.warning("beat_schedule_lost")
                super().setup_schedule()
            return float(super().tick(*arguments, **options))
        except (RedisError, OperationalError) as error:
            log.warning("beat_waits_for_redis", reason=str(error))
            return RETRY_SECONDS

    def close(self) -> None:
        """Let another beat take over at once."""
        try:
            super().close()
        except RedisError as error:
            # The lock runs out by itself.
            log.warning("beat_lock_not_released", reason=str(error))

    def _hold_lock(self) -> bool:
        """Extend the lock, or take it if it is nobody's.

        Returns:
            Whether the lock is this beat's for the next ``redbeat_lock_timeout`` seconds.
        """
        if self.lock is not None:
            try:
                self.lock.extend(self.lock_timeout, replace_ttl=True)
            except LockError:
                log.warning("beat_lock_lost")
                self.lock = None
            else:
                return True
        lock = get_redis(self.app).lock(self._lock_name, timeout=self.lock_timeout)
        if not lock.acquire(blocking=False):
            return False
        log.info("beat_lock_acquired")
        self.lock = lock
        return True

    def _lost_entries(self) -> bool:
        """Tell whether Redis lacks an entry of the schedule, or its place in the order."""
        conf = ensure_conf(self.app)
        keys = [self.Entry.generate_key(self.app, name) for name in conf.schedule]
        if not keys:
            return False
        with get_redis(self.app).pipeline() as pipe:
            pipe.exists(*keys)
            pipe.zmscore(conf.schedule_key, keys)
            found, scores = pipe.execute()
        return found < len(keys) or None in scores
