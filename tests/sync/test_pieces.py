"""A large full read goes in pieces that can be broken off, and others come first in between."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from calendar_manager.domain.sync_jobs import RESEND_AFTER, SyncKind, SyncStatus, SyncTrigger
from calendar_manager.sync.dispatch import dispatch_syncs
from calendar_manager.sync.engine import run_job
from calendar_manager.sync.reading import READ_LIFE
from tests.sync.desk import EMAIL, Desk, timed

pytestmark = pytest.mark.store

EVENTS = r"/calendars/[^/]+/events$"


@pytest.fixture
def large(desk: Desk) -> Desk:
    """Thirty events, read three to a page and nine to a piece."""
    desk.control.create_events(
        EMAIL, [timed(f"E{n}", f"{n + 1:02} 09:00", f"{n + 1:02} 10:00") for n in range(30)]
    )
    desk.control.change_settings(page_size=3)
    desk.context = replace(desk.context, options=replace(desk.context.options, events_per_piece=9))
    return desk


def test_a_large_read_goes_in_pieces_and_shows_its_progress(large: Desk) -> None:
    job = large.request(SyncTrigger.CONNECT)
    pieces = []
    follow_up = large.run(job)
    while follow_up is not None and follow_up.job_id == job.id:
        assert (follow_up.job_id, follow_up.urgent) == (job.id, False)
        now = large.job(job.id)
        assert now.status is SyncStatus.RUNNING
        pieces.append((now.pages, now.counts.total))
        follow_up = large.run(job)
    assert pieces == [(3, 9), (6, 18), (9, 27)]
    ended = large.job(job.id)
    assert (ended.kind, ended.status, ended.counts.created) == (
        SyncKind.INITIAL,
        SyncStatus.SUCCEEDED,
        30,
    )
    assert len(large.spans()) == 30
    assert large.rows("SELECT 1 FROM full_reads UNION ALL SELECT 1 FROM read_marks") == []


def test_each_page_is_asked_for_once(large: Desk) -> None:
    job = large.request()
    large.control.clear_requests()
    large.finish(job)
    assert large.control.count_requests(EVENTS) == 10


def test_what_is_asked_for_between_two_pieces_runs_after_the_last(large: Desk) -> None:
    job = large.request(SyncTrigger.CONNECT)
    large.run(job)
    other = large.request(SyncTrigger.NOTIFICATION)
    assert other.id != job.id
    assert large.run(other) is None
    assert large.job(other.id).status is SyncStatus.QUEUED
    follow_ups = [large.run(job) for _ in range(3)]
    assert [one.job_id for one in follow_ups if one is not None] == [job.id, job.id, other.id]
    large.run(other)
    assert large.job(other.id).status is SyncStatus.SUCCEEDED


def test_a_lost_piece_is_sent_again(large: Desk) -> None:
    job = large.request()
    large.run(job)
    large.clock.now += RESEND_AFTER + timedelta(seconds=1)
    sent: list[UUID] = []
    dispatch_syncs(large.context, lambda jobs: sent.extend(job_id for job_id, _ in jobs))
    assert job.id in sent


def test_a_read_that_breaks_off_goes_on_where_it_was(large: Desk) -> None:
    large.context = replace(
        large.context, options=replace(large.context.options, events_per_piece=1000)
    )
    large.control.add_fault("server_error", path=EVENTS, skip=5, times=3)
    job = large.request()
    large.control.clear_requests()
    follow_up = large.run(job)
    assert follow_up is not None
    assert large.job(job.id).attempts == 0
    large.run(job)
    assert large.job(job.id).counts.created == 30
    assert large.control.count_requests(EVENTS) == 10 + 3


def test_trouble_on_every_page_never_fails_a_read_that_comes_forward(large: Desk) -> None:
    job = large.request()
    for _ in range(10):
        large.control.add_fault("server_error", path=EVENTS, skip=1, times=3)
        large.run(job)
        large.control.clear_faults()
        if large.job(job.id).status is SyncStatus.SUCCEEDED:
            break
    large.run(job)
    assert large.job(job.id).status is SyncStatus.SUCCEEDED
    assert len(large.spans()) == 30


def test_a_position_that_is_too_old_begins_anew(large: Desk) -> None:
    job = large.request()
    large.run(job)
    large.clock.now += READ_LIFE
    large.finish(job)
    ended = large.job(job.id)
    assert ended.status is SyncStatus.SUCCEEDED
    assert ended.counts.unchanged == 9
    assert len(large.spans()) == 30


def test_a_read_in_pieces_sweeps_only_at_its_end(large: Desk) -> None:
    first = large.request()
    large.finish(first)
    gone = str(large.control.truth(EMAIL)[0]["id"])
    large.control.mutate(EMAIL, "delete", gone)
    large.control.expire_sync_tokens(EMAIL)
    job = large.request()
    while large.job(job.id).status is not SyncStatus.SUCCEEDED:
        assert len(large.spans()) == 30
        large.run(job)
    assert len(large.spans()) == 29
    assert large.job(job.id).kind is SyncKind.FULL


def test_what_changes_while_a_read_is_broken_off_is_looked_for_right_after_it(large: Desk) -> None:
    large.clock.now += timedelta(minutes=1)
    began_at = large.clock.now
    job = large.request()
    large.run(job)
    large.control.create_events(EMAIL, [timed("Late", "31 09:00", "31 10:00")])
    large.clock.now += timedelta(minutes=5)
    follow_ups = [large.run(job) for _ in range(3)]
    (calendar,) = large.rows('SELECT last_synced_at FROM calendars WHERE "primary"')
    assert calendar["last_synced_at"] == began_at
    assert follow_ups[-1] is not None
    news = follow_ups[-1].job_id
    assert news != job.id
    run_job(large.context, news)
    assert large.job(news).kind is SyncKind.INCREMENTAL
    assert ("Late", "03-31 09:00", "03-31 10:00") in large.spans()
    (calendar,) = large.rows('SELECT last_synced_at FROM calendars WHERE "primary"')
    assert calendar["last_synced_at"] == large.clock.now
