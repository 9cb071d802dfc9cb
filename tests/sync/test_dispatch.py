from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from calendar_manager.domain.sync_jobs import RESEND_AFTER, SyncKind, SyncStatus, SyncTrigger
from calendar_manager.sync.dispatch import dispatch_syncs
from tests.sync.desk import EMAIL, Desk, timed

pytestmark = pytest.mark.store


def dispatch(desk: Desk) -> list[UUID]:
    sent: list[UUID] = []
    dispatch_syncs(desk.context, lambda jobs: sent.extend(job_id for job_id, _ in jobs))
    return sent


def test_a_due_calendar_gets_one_job(desk: Desk) -> None:
    (job_id,) = dispatch(desk)
    job = desk.job(job_id)
    assert (job.kind, job.trigger, job.status) == (
        SyncKind.INITIAL,
        SyncTrigger.BEAT,
        SyncStatus.QUEUED,
    )
    assert dispatch(desk) == []


def test_a_calendar_that_was_read_is_due_again_after_the_interval(desk: Desk) -> None:
    desk.sync()
    assert dispatch(desk) == []
    desk.clock.now += timedelta(minutes=17)
    (job_id,) = dispatch(desk)
    assert desk.job(job_id).kind is SyncKind.INCREMENTAL


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE calendars SET sync_enabled = false",
        "UPDATE calendars SET deleted_at = now()",
        "UPDATE calendars SET gone_at = now()",
        "UPDATE connections SET status = 'needs_reauth'",
    ],
)
def test_what_must_not_be_read_is_not_due(desk: Desk, change: str) -> None:
    with desk.context.store.begin() as uow:
        uow.session.execute(text(change))
    assert dispatch(desk) == []


def test_two_dispatchers_at_once_send_every_job_once(desk: Desk) -> None:
    with desk.context.store.begin() as uow:
        uow.session.execute(
            text(
                "INSERT INTO calendars (id, user_id, connection_id, provider,"
                ' provider_calendar_id, name, "primary", access_role, next_sync_at)'
                " SELECT gen_random_uuid(), user_id, connection_id, provider, 'c' || n, 'C',"
                " false, 'owner', next_sync_at FROM calendars, generate_series(1, 60) n"
            )
        )
    with ThreadPoolExecutor(4) as pool:
        sent = [job for jobs in pool.map(lambda _: dispatch(desk), range(4)) for job in jobs]
    assert len(sent) == len(set(sent)) == 61


def test_a_message_that_redis_forgot_is_sent_again(desk: Desk) -> None:
    (job_id,) = dispatch(desk)
    desk.clock.now += RESEND_AFTER
    assert dispatch(desk) == [job_id]


def test_a_job_whose_worker_was_killed_is_sent_again_and_ends(desk: Desk) -> None:
    desk.control.create_events(EMAIL, [timed("Call", "03 09:00", "03 10:00")])
    job = desk.request()
    with desk.context.store.begin() as uow:
        uow.leases.take(
            job.id,
            token=uuid4(),
            now=desk.clock(),
            until=desk.clock() + RESEND_AFTER + timedelta(minutes=1),
        )
    desk.clock.now += RESEND_AFTER
    assert job.id not in dispatch(desk)
    desk.clock.now += desk.context.options.lease
    assert job.id in dispatch(desk)
    desk.run(job)
    assert desk.job(job.id).status is SyncStatus.SUCCEEDED
    assert len(desk.spans()) == 1
