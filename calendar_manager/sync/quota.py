"""Budgets of requests and pauses, shared by all workers through Redis.

Providers count over sliding windows, so we do too: the moving window of ``limits`` keeps the time
of each request of the last window and never lets more through than the budget, wherever the
window is laid. The sliding window counter would need two numbers instead, but takes the requests
of the window before for evenly spread; after a burst it lets up to twice the budget through,
which is when a provider refuses. The exact list costs some twenty bytes for each request that was
really made: 200 kB for the largest budget, ten thousand, when it is used up, and nothing for an
account at rest.

The limiters of ``limits`` give every limit a key of its own. Here routine and urgent requests draw
on the same list up to different marks, so its storage is asked directly. That is one round trip
for each budget, and the pauses are looked at once a second beside it.

A Redis that is away closes no gate. No new work arrives without it, since it is the queue as
well; the reads under way would only be cut short. They are few, and a provider that finds them
too many says so. For the same reason nothing is lost when Redis forgets what was counted.

The windows are measured by the workers' own clocks, which have to agree to a second or so.
"""

import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import structlog
from limits.storage import RedisStorage
from redis.exceptions import RedisError

from calendar_manager.domain.accounts import Connection
from calendar_manager.providers.base import Gate, Rate
from calendar_manager.providers.errors import RetryLaterError
from calendar_manager.sync.context import SyncContext
from calendar_manager.telemetry.instruments import HELD_BACK
from calendar_manager.telemetry.tally import TALLY

log = structlog.get_logger(__name__)

ROUTINE_SHARE = 0.8
"""How much of a budget routine work may use; the rest is kept for what a person waits for."""

PAUSES_KEY = "calendar-manager:quota:pauses"
"""A sorted set of the accounts that asked for a pause, by the Unix time at which it ends."""

_PREFIX = "calendar-manager:quota"
_LOOK_EVERY = timedelta(seconds=1)
_REDIS_AWAY = timedelta(seconds=30)
_SPREAD = 0.05


class HeldBackError(RetryLaterError):
    """We held a request back ourselves; the provider was not asked."""


def account_name(connection: Connection) -> str:
    """Return the name of an account in Redis, the same for everybody who connected it."""
    return f"{connection.provider.value}:{connection.provider_account_id}"


def make_gate(context: SyncContext, connection: Connection, *, urgent: bool) -> Gate:
    """Make the gate that every request to an account has to pass.

    It raises :class:`HeldBackError` with the reason ``paused`` while the provider's last pause
    lasts, and with ``budget`` when the account's or the application's budget is used up. Where
    the application's is, one request of the account's budget is lost: the counts are never too
    low.

    Args:
        context: The parts of the write path.
        connection: The account.
        urgent: Whether somebody waits for the outcome, so that the whole budget may be used.
    """
    return _Gate(context, connection, urgent=urgent)


def note_pause(context: SyncContext, connection: Connection, retry_after: timedelta) -> None:
    """Have all workers leave an account alone for a while; a longer pause stays as it is."""
    now = context.clock()
    name = account_name(connection)
    try:
        with context.redis.pipeline() as pipe:
            pipe.zremrangebyscore(PAUSES_KEY, "-inf", now.timestamp())
            pipe.zadd(PAUSES_KEY, {name: (now + retry_after).timestamp()}, gt=True)
            pipe.execute()
    except RedisError as error:
        # Whoever comes next is told by the provider itself.
        log.warning("pause_not_noted", account=name, error=str(error))
        return
    log.info("account_paused", account=name, wait_seconds=retry_after.total_seconds())


@dataclass(frozen=True, slots=True)
class _Budget:
    """What may be used of a rate.

    Attributes:
        key: Of the requests made.
        requests: How many may lie within a window.
        seconds: The length of the window.
    """

    key: str
    requests: int
    seconds: int

    @classmethod
    def of(cls, key: str, rate: Rate, *, urgent: bool) -> "_Budget":
        share = 1 if urgent else ROUTINE_SHARE
        return cls(
            key,
            requests=max(math.floor(rate.requests * share), 1),
            seconds=math.ceil(rate.per.total_seconds()),
        )


class _Gate:
    def __init__(self, context: SyncContext, connection: Connection, *, urgent: bool) -> None:
        quota = context.registry.get(connection.provider).quota
        self._context = context
        self._provider = connection.provider.value
        self._account = account_name(connection)
        self._storage = RedisStorage(
            "redis://", connection_pool=context.redis.connection_pool, key_prefix=_PREFIX
        )
        self._budgets = [_Budget.of(f"account:{self._account}", quota.account, urgent=urgent)]
        if quota.application is not None:
            key = f"application:{connection.provider.value}"
            self._budgets.append(_Budget.of(key, quota.application, urgent=urgent))
        self._looked_at: datetime | None = None
        self._away_at: datetime | None = None

    def __call__(self) -> None:
        now = self._context.clock()
        if _is_near(self._away_at, now, _REDIS_AWAY):
            return
        try:
            if not _is_near(self._looked_at, now, _LOOK_EVERY):
                self._look_for_pause(now)
                self._looked_at = now
            for budget in self._budgets:
                self._take(budget)
        except RedisError as error:
            # Asking again before each request would wait for Redis each time.
            self._away_at = now
            log.warning("requests_not_counted", account=self._account, error=str(error))

    def _look_for_pause(self, now: datetime) -> None:
        until = cast("float | None", self._context.redis.zscore(PAUSES_KEY, self._account))
        if until is not None and until > now.timestamp():
            TALLY.count(HELD_BACK, self._provider, "paused")
            raise HeldBackError(
                "The provider asked for a pause.",
                reason="paused",
                retry_after=timedelta(seconds=until - now.timestamp()),
            )

    def _take(self, budget: _Budget) -> None:
        if self._storage.acquire_entry(budget.key, budget.requests, budget.seconds):
            return
        oldest, count = self._storage.get_moving_window(budget.key, budget.requests, budget.seconds)
        # Room may have come up since; the oldest is then one that nobody has to wait for.
        full = count >= budget.requests
        wait = max(oldest + budget.seconds - time.time(), 0) if full else 0
        # Whoever was held back by one window must not come back at one moment.
        wait += budget.seconds * _SPREAD * self._context.jitter()
        TALLY.count(HELD_BACK, self._provider, "budget")
        raise HeldBackError(
            "The budget of requests to the provider is used up.",
            reason="budget",
            retry_after=timedelta(seconds=wait),
        )


def _is_near(then: datetime | None, now: datetime, distance: timedelta) -> bool:
    """Tell whether something was just now; a clock that was set back counts as long ago."""
    return then is not None and abs(now - then) < distance
