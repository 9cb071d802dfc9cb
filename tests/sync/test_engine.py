from datetime import timedelta
from uuid import uuid4

import pytest

from calendar_manager.domain.sync_jobs import SyncCounts, SyncKind, SyncStatus, SyncTrigger
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.store.lease import LeaseLostError
from calendar_manager.sync.engine import run_job
from tests.sync.desk import EMAIL, Desk, timed

pytestmark = pytest.mark.store

EVENTS = r"/calendars/[^/]+/events$"


@pytest.fixture
def call(desk: Desk) -> str:
    """One event at Google, not yet read."""
    (event,) = desk.control.create_events(EMAIL, [timed("Call", "03 09:00", "03 10:00")])
    return str(event["id"])


@pytest.mark.usefixtures("call")
def test_the_first_run_copies_the_calendar(desk: Desk) -> None:
    job = desk.sync()
    assert (job.kind, job.status) == (SyncKind.INITIAL, SyncStatus.SUCCEEDED)
    assert job.counts == SyncCounts(created=1)
    assert desk.spans() == [("Call", "03-03 09:00", "03-03 10:00")]


def test_a_change_arrives_and_keeps_the_occurrence_its_id(desk: Desk, call: str) -> None:
    desk.sync()
    (before,) = desk.rows("SELECT id FROM occurrences")
    desk.control.mutate(EMAIL, "edit", call, changes=timed("Call", "03 11:00", "03 12:00"))
    job = desk.sync()
    assert (job.kind, job.counts) == (SyncKind.INCREMENTAL, SyncCounts(updated=1))
    assert desk.spans() == [("Call", "03-03 11:00", "03-03 12:00")]
    assert desk.rows("SELECT id FROM occurrences") == [before]


def test_a_deletion_arrives(desk: Desk, call: str) -> None:
    desk.sync()
    desk.control.mutate(EMAIL, "delete", call)
    assert desk.sync().counts == SyncCounts(deleted=1)
    assert desk.spans() == []


@pytest.mark.usefixtures("call")
def test_nothing_new_is_one_request_and_four_statements(desk: Desk, statements: list[str]) -> None:
    desk.sync()
    job = desk.request()
    desk.control.clear_requests()
    statements.clear()
    desk.run(job)
    assert len(statements) == 4, statements
    assert desk.control.count_requests() == 1
    assert desk.job(job.id).counts == SyncCounts()


@pytest.mark.usefixtures("call")
def test_a_read_in_many_pages_ends_with_the_cursor(desk: Desk) -> None:
    desk.control.create_events(
        EMAIL, [timed(f"E{n}", f"{n + 4:02} 09:00", f"{n + 4:02} 10:00") for n in range(20)]
    )
    desk.control.change_settings(page_size=3, empty_page_every=2)
    job = desk.sync()
    assert job.counts.created == 21
    assert job.pages > 7
    assert len(desk.spans()) == 21


def test_an_expired_cursor_reads_everything_and_sweeps_what_is_gone(desk: Desk, call: str) -> None:
    desk.control.create_events(EMAIL, [timed("Stays", "04 09:00", "04 10:00")])
    desk.sync()
    desk.control.mutate(EMAIL, "delete", call)
    desk.control.expire_sync_tokens(EMAIL)
    job = desk.sync()
    assert (job.kind, job.status) == (SyncKind.FULL, SyncStatus.SUCCEEDED)
    assert job.counts == SyncCounts(deleted=1, unchanged=1)
    assert desk.spans() == [("Stays", "03-04 09:00", "03-04 10:00")]
    assert desk.rows("SELECT 1 FROM read_marks") == []


def test_an_interrupted_full_read_sweeps_nothing(desk: Desk) -> None:
    desk.control.create_events(
        EMAIL, [timed(f"E{n}", f"{n + 4:02} 09:00", f"{n + 4:02} 10:00") for n in range(9)]
    )
    desk.sync()
    desk.control.change_settings(page_size=3)
    desk.control.add_fault("server_error", path=EVENTS, skip=1)
    job = desk.sync(full=True)
    assert job.status is SyncStatus.QUEUED
    assert len(desk.spans()) == 9
    desk.control.clear_faults()
    follow_up = desk.run(job)
    assert desk.job(job.id).counts == SyncCounts(unchanged=9)
    assert follow_up is not None
    assert follow_up.job_id != job.id


@pytest.mark.usefixtures("call")
def test_passing_trouble_puts_the_job_back_for_as_long_as_the_provider_asks(desk: Desk) -> None:
    desk.control.add_fault("too_many_requests", path=EVENTS, retry_after=90)
    job = desk.request()
    follow_up = desk.run(job)
    assert follow_up is not None
    assert (follow_up.job_id, follow_up.delay) == (job.id, timedelta(seconds=90))
    waiting = desk.job(job.id)
    assert (waiting.status, waiting.attempts) == (SyncStatus.QUEUED, 1)
    assert waiting.error
    desk.control.clear_faults()
    # The pause that the provider asked for lies in Redis, which has a clock of its own.
    desk.context.redis.flushdb()
    desk.run(job)
    assert desk.job(job.id).status is SyncStatus.SUCCEEDED


@pytest.mark.usefixtures("call")
def test_trouble_without_end_fails_the_job_and_spares_the_copy(desk: Desk) -> None:
    desk.sync()
    desk.control.add_fault("quota_403", path=EVENTS)
    job = desk.request()
    for _ in range(desk.context.options.maximum_attempts):
        desk.run(job)
    assert desk.job(job.id).status is SyncStatus.FAILED
    assert len(desk.spans()) == 1
    (calendar,) = desk.rows("SELECT failures, error, next_sync_at FROM calendars")
    assert calendar["failures"] == desk.context.options.maximum_attempts
    assert calendar["error"]
    assert calendar["next_sync_at"] > desk.clock()


def test_a_connection_that_breaks_in_mid_body_loses_nothing(desk: Desk, call: str) -> None:
    desk.sync()
    desk.control.mutate(EMAIL, "delete", call)
    desk.control.add_fault("reset_mid_body", path=EVENTS, times=5)
    job = desk.request()
    while desk.job(job.id).status is SyncStatus.QUEUED:
        desk.run(job)
    assert desk.job(job.id).status is SyncStatus.SUCCEEDED
    assert desk.spans() == []


@pytest.mark.usefixtures("call")
def test_a_refused_access_token_is_replaced_on_the_spot(desk: Desk) -> None:
    desk.control.expire_access_tokens(EMAIL)
    desk.control.clear_requests()
    assert desk.sync().status is SyncStatus.SUCCEEDED
    assert desk.control.count_requests(r"/google/token$") == 1


@pytest.mark.usefixtures("call")
def test_lost_consent_ends_the_job_and_shows_on_the_connection(desk: Desk) -> None:
    desk.sync()
    desk.control.revoke_grants(EMAIL)
    job = desk.sync()
    assert job.status is SyncStatus.FAILED
    with desk.context.store.begin() as uow:
        connection = uow.connections.find(desk.user_id, desk.connection.id)
    assert connection is not None
    assert connection.status == "needs_reauth"
    assert connection.reason
    assert len(desk.spans()) == 1
    desk.control.clear_requests()
    assert desk.sync().status is SyncStatus.FAILED
    assert desk.control.count_requests() == 0


@pytest.mark.usefixtures("call")
def test_a_calendar_that_cannot_be_found_is_failing_and_keeps_its_copy(desk: Desk) -> None:
    desk.sync()
    desk.control.add_fault("status", path=EVENTS, status=404, reason="notFound")
    assert desk.sync().status is SyncStatus.FAILED
    assert len(desk.spans()) == 1


def test_a_job_that_ended_is_not_run_again(desk: Desk) -> None:
    job = desk.sync()
    desk.control.clear_requests()
    assert run_job(desk.context, job.id) is None
    assert run_job(desk.context, uuid4()) is None
    assert desk.control.count_requests() == 0


def test_only_the_holder_of_the_lease_works_and_sends_the_waiting_job_afterwards(
    desk: Desk,
) -> None:
    first = desk.request()
    with desk.context.store.begin() as uow:
        lease = uow.leases.take(
            first.id, token=uuid4(), now=desk.clock(), until=desk.clock() + timedelta(minutes=3)
        )
    assert lease is not None
    second = desk.request(SyncTrigger.NOTIFICATION)
    assert second.id != first.id
    assert desk.run(second) is None
    assert desk.job(second.id).status is SyncStatus.QUEUED
    third = desk.request(SyncTrigger.NOTIFICATION)
    assert third.id == second.id
    with desk.context.store.begin() as uow:
        waiting = uow.leases.complete(
            lease,
            cursor="c",
            version=0,
            next_turns=desk.context.next_turns(),
            now=desk.clock(),
            materialized=desk.context.horizon(),
            complete_as_of=desk.clock(),
        )
    assert waiting == second.id


def test_a_worker_that_lost_its_lease_writes_nothing_more(desk: Desk) -> None:
    first = desk.request()
    later = desk.clock() + timedelta(minutes=3)
    with desk.context.store.begin() as uow:
        lost = uow.leases.take(first.id, token=uuid4(), now=desk.clock(), until=later)
    assert lost is not None
    desk.clock.now = later
    desk.run(first)
    assert desk.job(first.id).status is SyncStatus.SUCCEEDED
    with pytest.raises(LeaseLostError), desk.context.store.begin() as uow:
        uow.leases.keep(lost, until=later)


def test_an_unreadable_event_costs_itself_only(desk: Desk, control: ControlClient) -> None:
    control.create_events(
        EMAIL,
        [
            timed("Good", "03 09:00", "03 10:00"),
            {"summary": "Bad", "start": {"date": "9999-12-30"}, "end": {"date": "9999-12-31"}},
        ],
    )
    job = desk.sync()
    assert job.status is SyncStatus.SUCCEEDED
    assert job.counts == SyncCounts(created=1, rejected=1)
    assert job.rejections[0]["reason"]
    assert desk.spans() == [("Good", "03-03 09:00", "03-03 10:00")]


def test_a_read_through_a_window_does_not_take_history_for_gone(desk: Desk) -> None:
    old = {"dateTime": "2020-03-02T09:00:00Z"}
    desk.control.create_events(
        EMAIL,
        [timed("Now", "03 09:00", "03 10:00"), {"summary": "Old", "start": old, "end": old}],
    )
    desk.sync()
    with desk.context.store.begin() as uow:
        seen_all = uow.events.find_unseen(desk.calendar_id, within=None)
        seen_window = uow.events.find_unseen(desk.calendar_id, within=desk.context.horizon())
    assert len(seen_all) == 2
    assert len(seen_window) == 1


def test_a_job_whose_worker_is_known_to_be_dead_is_taken_over_at_once(desk: Desk) -> None:
    job = desk.request()
    later = desk.clock() + timedelta(minutes=3)
    with desk.context.store.begin() as uow:
        lost = uow.leases.take(job.id, token=uuid4(), now=desk.clock(), until=later)
    assert lost is not None
    assert desk.run(job) is None
    assert desk.job(job.id).status is SyncStatus.RUNNING
    run_job(desk.context, job.id, worker_lost=True)
    assert desk.job(job.id).status is SyncStatus.SUCCEEDED
    with pytest.raises(LeaseLostError), desk.context.store.begin() as uow:
        uow.leases.keep(lost, until=later)


def test_a_job_over_which_every_worker_dies_is_given_up(desk: Desk) -> None:
    job = desk.request()
    for _ in range(desk.context.options.maximum_attempts):
        with desk.context.store.begin() as uow:
            uow.leases.take(
                job.id, token=uuid4(), now=desk.clock(), until=desk.clock(), worker_lost=True
            )
    run_job(desk.context, job.id, worker_lost=True)
    ended = desk.job(job.id)
    assert ended.status is SyncStatus.FAILED
    assert ended.error is not None
