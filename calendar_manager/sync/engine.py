"""One sync job from beginning to end: take the lease, pull, plan, apply, detect, let go."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import structlog

from calendar_manager.domain.changes import ChangePage
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.errors import (
    CalendarGoneError,
    ConsentLostError,
    CursorExpiredError,
    ProviderError,
    ProviderNotConfiguredError,
    RetryLaterError,
)
from calendar_manager.store.repositories.leases import Lease, LeaseLostError
from calendar_manager.sync.apply import apply_page, sweep
from calendar_manager.sync.backoff import backoff
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.detect import examine_conflicts
from calendar_manager.sync.pull import pull_pages, with_account

log = structlog.get_logger(__name__)

NO_DELAY = timedelta(0)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A job to send to the workers after this one.

    Attributes:
        job_id: Which.
        delay: How long it has to wait.
    """

    job_id: UUID
    delay: timedelta = NO_DELAY


def run_job(context: SyncContext, job_id: UUID) -> FollowUp | None:
    """Run a sync job, if there is anything left to run.

    A job may be handed out twice or too late; only the one who gets the calendar's lease works.
    Trouble at the provider never raises: it is written down in the job, and the calendar's next
    turn is set.

    Returns:
        The job to send next: this one again after a passing trouble, or one that was asked for
        while this one ran.
    """
    now = context.clock()
    with context.store.begin() as uow:
        lease = uow.leases.take(job_id, token=uuid4(), now=now, until=now + context.options.lease)
    if lease is None:
        log.info("sync_skipped", job_id=str(job_id))
        return None
    log.info("sync_started", job_id=str(job_id), calendar_id=str(lease.calendar.id))
    try:
        return _run(context, lease)
    except LeaseLostError:
        log.warning("sync_lease_lost", job_id=str(job_id))
        return None


def _run(context: SyncContext, lease: Lease) -> FollowUp | None:
    try:
        follow_up = with_account(
            context,
            lease.connection,
            lambda provider: _read(context, lease, provider),
            tokens=lease.tokens,
        )
    except (ConsentLostError, ProviderNotConfiguredError) as error:
        return _fail(context, lease, error, context.options.poll_interval)
    except CalendarGoneError as error:
        # Only the provider's list of calendars tells whether it is gone; until then the copy
        # stays and counts.
        with context.store.begin() as uow:
            uow.connections.hurry_discovery(lease.connection.id, now=context.clock())
        return _fail(context, lease, error, context.options.poll_interval)
    except RetryLaterError as error:
        return _put_back(context, lease, error)
    except ProviderError as error:
        wait = backoff(lease.failures, context.jitter())
        return _fail(context, lease, error, wait)
    except LeaseLostError:
        raise
    except Exception:
        # Logged here, because a run that had ended already has no lease to fail under, and the
        # lost lease would be all that is told.
        log.exception("sync_error", job_id=str(lease.job_id))
        # An error of our own must not leave the calendar locked until the lease runs out.
        unexpected = ProviderError("Something went wrong on our side.", reason="internal")
        _fail(context, lease, unexpected, backoff(lease.failures + 3, context.jitter()))
        raise
    log.info("sync_succeeded", job_id=str(lease.job_id), calendar_id=str(lease.calendar.id))
    return follow_up


def _read(context: SyncContext, lease: Lease, provider: CalendarProvider) -> FollowUp | None:
    version = context.registry.get(lease.connection.provider).normalizer_version
    cursor = lease.usable_cursor(version)
    if cursor is not None:
        try:
            return _read_from(context, lease, provider, cursor)
        except CursorExpiredError as error:
            log.info("cursor_expired", job_id=str(lease.job_id), reason=error.reason)
            with context.store.begin() as uow:
                uow.leases.turn_into_full(lease)
    return _read_from(context, lease, provider, None)


def _read_from(
    context: SyncContext, lease: Lease, provider: CalendarProvider, cursor: str | None
) -> FollowUp | None:
    window = lease.materialized or context.horizon()
    full = cursor is None
    if full:
        with context.store.begin() as uow:
            uow.leases.keep(lease, until=context.clock() + context.options.lease)
            uow.events.clear_marks(lease.calendar.id)
    follow_up = None
    for page in pull_pages(context, provider, lease.calendar, cursor):
        follow_up = _write(context, lease, page, window, full=full)
    return follow_up


def _write(
    context: SyncContext, lease: Lease, page: ChangePage, window: Span, *, full: bool
) -> FollowUp | None:
    """Write a page, and with the last one the cursor, in one transaction; then detect."""
    now = context.clock()
    factory = context.registry.get(lease.connection.provider)
    with context.store.begin() as uow:
        if page.changes or page.cursor is None:
            uow.leases.keep(lease, until=now + context.options.lease)
            apply_page(uow, lease, page, window=window, full=full, now=now)
        waiting = None
        if page.cursor is not None:
            if full:
                uow.leases.keep(lease, until=now + context.options.lease)
                within = context.horizon() if factory.reads_window else None
                sweep(uow, lease, within=within, now=now)
            waiting = uow.leases.complete(
                lease,
                cursor=page.cursor,
                version=factory.normalizer_version,
                next_sync_at=context.next_poll(),
                materialized=window,
                now=now,
            )
    if page.changes or full:
        examine_conflicts(context.store, lease.calendar.user_id, context.clock)
    return None if waiting is None else FollowUp(waiting)


def _fail(
    context: SyncContext, lease: Lease, error: ProviderError, wait: timedelta
) -> FollowUp | None:
    now = context.clock()
    log.warning("sync_failed", job_id=str(lease.job_id), reason=error.reason, error=str(error))
    with context.store.begin() as uow:
        waiting = uow.leases.fail(
            lease,
            message=str(error),
            reason=error.reason,
            next_sync_at=now + wait,
            now=now,
        )
    return None if waiting is None else FollowUp(waiting, wait)


def _put_back(context: SyncContext, lease: Lease, error: RetryLaterError) -> FollowUp | None:
    wait = backoff(lease.failures, context.jitter(), error.retry_after)
    if lease.attempts >= context.options.maximum_attempts:
        return _fail(context, lease, error, wait)
    now = context.clock()
    log.warning(
        "sync_put_back",
        job_id=str(lease.job_id),
        reason=error.reason,
        request_id=error.request_id,
        wait_seconds=wait.total_seconds(),
    )
    with context.store.begin() as uow:
        waiting = uow.leases.put_back(
            lease, message=str(error), reason=error.reason, retry_at=now + wait, now=now
        )
    return None if waiting is None else FollowUp(waiting, wait)
