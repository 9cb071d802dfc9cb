"""A source that suddenly lost most of its events is not believed before a person agrees."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text

from calendar_manager.domain.accounts import CalendarStatus
from calendar_manager.domain.sync_jobs import SyncCounts, SyncKind, SyncStatus
from calendar_manager.sync.dispatch import dispatch_syncs
from calendar_manager.sync.engine import LOOK_AGAIN, run_job
from calendar_manager.telemetry.instruments import BREAKER_TRIPS
from calendar_manager.telemetry.tally import COUNT, TALLY, Part
from tests.sync.desk import EMAIL, Desk, timed

pytestmark = pytest.mark.store


@pytest.fixture
def ids(desk: Desk) -> list[str]:
    """A calendar of twenty events, read once."""
    events = desk.control.create_events(
        EMAIL, [timed(f"E{n}", f"{n + 4:02} 09:00", f"{n + 4:02} 10:00") for n in range(20)]
    )
    desk.sync()
    return [str(event["id"]) for event in events]


def lose(desk: Desk, ids: list[str]) -> None:
    """Let events vanish so that only a full read can tell."""
    for event_id in ids:
        desk.control.mutate(EMAIL, "delete", event_id)
    desk.control.expire_sync_tokens(EMAIL)


def status(desk: Desk) -> CalendarStatus:
    with desk.context.store.begin() as uow:
        calendar = uow.calendars.find(desk.user_id, desk.calendar_id)
    assert calendar is not None
    return calendar.status


def accept(desk: Desk) -> bool:
    with desk.context.store.begin() as uow:
        return uow.calendars.accept_deletions(desk.user_id, desk.calendar_id)


def test_a_source_that_suddenly_returns_nothing_costs_nothing(desk: Desk, ids: list[str]) -> None:
    lose(desk, ids)
    job = desk.sync()
    assert job.status is SyncStatus.HELD
    assert job.error is not None
    assert "20 of 20" in job.error
    assert status(desk) is CalendarStatus.HELD
    assert len(desk.spans()) == 20
    assert desk.rows("SELECT 1 FROM full_reads UNION ALL SELECT 1 FROM read_marks") == []


def test_what_is_held_does_not_pass_the_second_time_either(desk: Desk, ids: list[str]) -> None:
    lose(desk, ids[:11])
    assert desk.sync().status is SyncStatus.HELD
    assert desk.sync().status is SyncStatus.HELD
    assert len(desk.spans()) == 20


def test_only_a_run_that_still_has_its_calendar_counts_as_stopped(
    desk: Desk, ids: list[str]
) -> None:
    lose(desk, ids)
    engine = desk.context.store.engine

    def take_over(*arguments: Any) -> None:
        """Let another worker have the calendar when the stopped run is about to say so."""
        if arguments[2].startswith("DELETE FROM full_reads"):
            with engine.begin() as other:
                other.execute(text("UPDATE calendars SET lease_token = gen_random_uuid()"))

    tripped = Part(BREAKER_TRIPS.name, ("google",), COUNT)
    TALLY.take()
    event.listen(engine, "before_cursor_execute", take_over)
    try:
        assert desk.sync().status is SyncStatus.RUNNING
    finally:
        event.remove(engine, "before_cursor_execute", take_over)
    assert tripped not in TALLY.take()


def test_a_run_that_is_stopped_is_counted(desk: Desk, ids: list[str]) -> None:
    lose(desk, ids)
    TALLY.take()
    desk.sync()
    assert TALLY.take()[Part(BREAKER_TRIPS.name, ("google",), COUNT)] == 1


def test_half_of_a_calendar_may_go(desk: Desk, ids: list[str]) -> None:
    lose(desk, ids[:10])
    assert desk.sync().status is SyncStatus.SUCCEEDED
    assert len(desk.spans()) == 10


def test_what_a_person_confirms_is_deleted(desk: Desk, ids: list[str]) -> None:
    lose(desk, ids)
    desk.sync()
    assert accept(desk)
    job = desk.sync()
    assert (job.status, job.counts) == (SyncStatus.SUCCEEDED, SyncCounts(deleted=20))
    assert status(desk) is CalendarStatus.OK
    assert not accept(desk)


def test_a_source_that_is_back_ends_the_hold_by_itself(desk: Desk, ids: list[str]) -> None:
    lose(desk, ids[:15])
    desk.sync()
    for event_id in ids[:15]:
        desk.control.mutate(EMAIL, "edit", event_id, changes={"status": "confirmed"})
    desk.clock.now += LOOK_AGAIN
    due: list[UUID] = []
    dispatch_syncs(desk.context, lambda jobs: due.extend(job_id for job_id, _ in jobs))
    for job_id in due:
        run_job(desk.context, job_id)
    assert status(desk) is CalendarStatus.OK
    assert len(desk.spans()) == 20


def test_deletions_that_the_provider_names_stop_as_well(desk: Desk, ids: list[str]) -> None:
    desk.control.change_settings(page_size=4)
    for event_id in ids[:15]:
        desk.control.mutate(EMAIL, "delete", event_id)
    job = desk.sync()
    assert job.kind is SyncKind.INCREMENTAL
    assert job.status is SyncStatus.HELD
    assert len(desk.spans()) > 9
    assert accept(desk)
    assert desk.sync().status is SyncStatus.SUCCEEDED
    assert len(desk.spans()) == 5


def test_a_long_series_counts_once(desk: Desk) -> None:
    desk.control.create_events(
        EMAIL, [timed(f"E{n}", f"{n + 4:02} 09:00", f"{n + 4:02} 10:00") for n in range(2)]
    )
    (series,) = desk.control.create_events(
        EMAIL, [timed("Daily", "03 12:00", "03 13:00", recurrence=["RRULE:FREQ=DAILY;COUNT=40"])]
    )
    desk.sync()
    desk.control.mutate(EMAIL, "delete", str(series["id"]))
    assert desk.sync().status is SyncStatus.SUCCEEDED
    assert len(desk.spans()) == 2
