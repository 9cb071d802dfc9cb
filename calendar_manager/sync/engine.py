"""One sync job from beginning to end: take the lease, pull, plan, apply, detect, let go."""

from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import structlog

from calendar_manager.domain.sync_jobs import RESEND_AFTER, RESEND_SOON
from calendar_manager.providers.errors import (
    CalendarGoneError,
    ConsentLostError,
    ProviderError,
    ProviderNotConfiguredError,
    RetryLaterError,
)
from calendar_manager.store.lease import Lease, LeaseLostError
from calendar_manager.sync.backoff import backoff
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.follow_up import NO_DELAY, FollowUp
from calendar_manager.sync.guard import TooManyDeletionsError
from calendar_manager.sync.pull import with_account
from calendar_manager.sync.quota import HeldBackError
from calendar_manager.sync.reading import Reader
from calendar_manager.telemetry.instruments import BREAKER_TRIPS
from calendar_manager.telemetry.tally import TALLY

log = structlog.get_logger(__name__)

LOOK_AGAIN: Final = timedelta(hours=1)
"""How long after the circuit breaker stopped a run the source is looked at again."""


def run_job(context: SyncContext, job_id: UUID, *, worker_lost: bool = False) -> FollowUp | None:
    """Run a sync job, if there is anything left to run.

    A job may be handed out twice or too late; only the one who gets the calendar's lease works.
    Trouble at the provider never raises: it is written down in the job, and the calendar's next
    turn is set.

    Args:
        context: The parts of the write path.
        job_id: Which.
        worker_lost: Whether the queue hands it out again because the worker died that ran it.

    Returns:
        The job to send next: this one again after a passing trouble or for its next piece, or one
        that was asked for while this one ran.
    """
    now = context.clock()
    with context.store.begin() as uow:
        lease = uow.leases.take(
            job_id,
            token=uuid4(),
            now=now,
            until=now + context.options.lease,
            worker_lost=worker_lost,
        )
    if lease is None:
        log.info("sync_skipped", job_id=str(job_id))
        return None
    with structlog.contextvars.bound_contextvars(
        job_id=str(job_id),
        user_id=str(lease.calendar.user_id),
        connection_id=str(lease.connection.id),
        calendar_id=str(lease.calendar.id),
        provider=lease.connection.provider.value,
    ):
        return _run_leased(context, lease)


def _run_leased(context: SyncContext, lease: Lease) -> FollowUp | None:
    log.info("sync_started", job_id=str(lease.job_id))
    try:
        if lease.attempts > context.options.maximum_attempts:
            # Such a job was never put back: each of its workers died over it.
            error = ProviderError("Workers died over this job.", reason="worker_lost")
            return _fail(context, lease, error, backoff(lease.attempts, context.jitter()))
        return _run(context, lease)
    except LeaseLostError:
        log.warning("sync_lease_lost", job_id=str(lease.job_id))
        return None


def _run(context: SyncContext, lease: Lease) -> FollowUp | None:
    reader = None
    try:
        reader = Reader(context, lease)
        follow_up = with_account(
            context,
            lease.connection,
            reader.read,
            tokens=lease.tokens,
            urgent=lease.trigger.urgent,
            before_request=reader.keep_lease,
        )
    except TooManyDeletionsError as error:
        return _hold(context, lease, error)
    except (ConsentLostError, ProviderNotConfiguredError) as error:
        return _fail(context, lease, error, context.options.poll_interval)
    except CalendarGoneError as error:
        # Only the provider's list of calendars tells whether it is gone; until then the copy
        # stays and counts.
        with context.store.begin() as uow:
            uow.connections.hurry_discovery(lease.connection.id, now=context.clock())
        return _fail(context, lease, error, context.options.poll_interval)
    except RetryLaterError as error:
        return _put_back(context, lease, error, progressed=reader is not None and reader.progressed)
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
    log.info("sync_succeeded", job_id=str(lease.job_id))
    return follow_up


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


def _hold(context: SyncContext, lease: Lease, error: TooManyDeletionsError) -> FollowUp | None:
    now = context.clock()
    log.warning(
        "sync_held",
        job_id=str(lease.job_id),
        deleting=error.deletion.deleting,
        living=error.deletion.living,
    )
    with context.store.begin() as uow:
        # The next look has to see the whole source again.
        uow.full_reads.end(lease.calendar.id)
        waiting = uow.leases.hold(
            lease,
            message=str(error),
            deletions=error.deletion.deleting,
            next_sync_at=now + LOOK_AGAIN,
            now=now,
        )
    TALLY.count(BREAKER_TRIPS, lease.connection.provider.value)
    return None if waiting is None else FollowUp(waiting)


def _put_back(
    context: SyncContext, lease: Lease, error: RetryLaterError, *, progressed: bool
) -> FollowUp | None:
    held_back = isinstance(error, HeldBackError)
    failures = 0 if progressed or held_back else lease.failures
    wait = backoff(failures, context.jitter(), error.retry_after)
    in_vain = not (progressed or held_back)
    if in_vain and lease.attempts >= context.options.maximum_attempts:
        return _fail(context, lease, error, wait)
    now = context.clock()
    log.warning(
        "sync_put_back",
        job_id=str(lease.job_id),
        reason=error.reason,
        # Not request_id, which is that of the request to us that led here.
        provider_request_id=error.request_id,
        wait_seconds=wait.total_seconds(),
    )
    # A message that waits for long would lie in a worker's memory; the next dispatch after the
    # wait sends one instead.
    is_long = wait > RESEND_AFTER
    with context.store.begin() as uow:
        waiting = uow.leases.put_back(
            lease,
            message=str(error),
            reason=error.reason,
            retry_at=now + wait,
            resend_at=now + wait + (NO_DELAY if is_long else RESEND_SOON),
            progressed=progressed,
            held_back=held_back,
            now=now,
        )
    return None if waiting is None or is_long else FollowUp(waiting, wait)
