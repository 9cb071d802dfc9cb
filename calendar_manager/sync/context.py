"""What the write path works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from redis import Redis

from calendar_manager.domain.breaker import BreakerLimits
from calendar_manager.domain.sync_jobs import NextTurns
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.registry import Registry
from calendar_manager.store.unit_of_work import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """What an installation decides about syncing.

    Attributes:
        poll_interval: How often a calendar is asked for news.
        poll_interval_with_push: The same behind a healthy channel.
        poll_interval_without_push: The same without one, where something is on soon.
        breaker: How much one run may delete.
        horizon_back: How far back series are laid out.
        horizon_ahead: How far ahead series are laid out.
        lease: How long a worker may be silent before another takes over; longer than the
            slowest answer of a provider that a client waits for.
        maximum_attempts: How often a job is started in vain before it counts as failed.
        events_per_piece: After how many events a full read makes room for others.
        webhook_url: Where providers call us, the provider's name to be added; None when they
            cannot reach us.
    """

    poll_interval: timedelta
    poll_interval_with_push: timedelta
    poll_interval_without_push: timedelta
    breaker: BreakerLimits
    horizon_back: timedelta
    horizon_ahead: timedelta
    lease: timedelta = timedelta(seconds=90)
    maximum_attempts: int = 6
    events_per_piece: int = 5000
    webhook_url: str | None = None


@dataclass(frozen=True, slots=True)
class SyncContext:
    """The parts of the write path.

    Attributes:
        store: PostgreSQL.
        registry: The configured providers.
        redis: Holds the locks that all workers share.
        clock: Tells the present instant.
        jitter: Gives a number in ``[0, 1)``, so that retries of many do not come at once.
        options: What the installation decides.
    """

    store: Store
    registry: Registry
    redis: Redis
    clock: Callable[[], datetime]
    jitter: Callable[[], float]
    options: SyncOptions

    def horizon(self) -> Span:
        """Return the span in which series are laid out from now on, in whole UTC days."""
        midnight = self.clock().replace(hour=0, minute=0, second=0, microsecond=0)
        return Span(midnight - self.options.horizon_back, midnight + self.options.horizon_ahead)

    def next_turns(self) -> NextTurns:
        """Return when a calendar that was just read may be due again, spread over a tenth."""
        now, spread = self.clock(), 1 + 0.1 * self.jitter()
        return NextTurns(
            with_push=now + self.options.poll_interval_with_push * spread,
            soon=now + self.options.poll_interval_without_push * spread,
            otherwise=now + self.options.poll_interval * spread,
        )
