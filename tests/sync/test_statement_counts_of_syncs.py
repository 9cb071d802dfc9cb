"""How many SQL statements the write path costs: it grows with pages and batches, not with rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from calendar_manager.domain.sync_jobs import SyncStatus
from calendar_manager.sync.detect import examine_conflicts
from calendar_manager.sync.dispatch import BATCH, dispatch_syncs
from calendar_manager.sync.engine import run_job
from tests.sync.desk import EMAIL, NOW, Desk

pytestmark = pytest.mark.store

PER_DISPATCH = 2
"""The look that finds nothing more to claim, and the one for jobs that got lost."""


MAKE_DUE = """
INSERT INTO calendars (
  id, user_id, connection_id, provider, provider_calendar_id, name, "primary", access_role,
  next_sync_at
)
SELECT gen_random_uuid(), user_id, id, provider, 'due-' || number, 'Due', false, 'owner', :now
FROM connections, generate_series(1, :due) AS number WHERE id = :connection
"""


def write(desk: Desk, count: int, *, first: int = 0, **fields: Any) -> list[dict[str, Any]]:
    """Write events at Google, one an hour, and return them."""
    return desk.control.create_events(
        EMAIL,
        [
            {
                "summary": f"Meeting {number}",
                **_times(NOW + timedelta(hours=number)),
                **fields,
            }
            for number in range(first, first + count)
        ],
    )


def _times(start: datetime) -> dict[str, Any]:
    zone = {"timeZone": "UTC"}
    end = start + timedelta(minutes=30)
    return {
        "start": {"dateTime": start.isoformat()} | zone,
        "end": {"dateTime": end.isoformat()} | zone,
    }


@contextmanager
def sent(engine: Engine) -> Iterator[list[str]]:
    """Collect what is sent to PostgreSQL meanwhile: a list of rows is one statement for each."""
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        _, _, statement, parameters, *_ = arguments
        seen.extend([str(statement)] * (len(parameters) if isinstance(parameters, list) else 1))

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def count_of_a_sync(desk: Desk, *, full: bool = False) -> int:
    """Run a sync, and return how many statements it took."""
    job = desk.request(full=full)
    with sent(desk.context.store.engine) as seen:
        run_job(desk.context, job.id)
    assert desk.job(job.id).status is SyncStatus.SUCCEEDED
    return len(seen)


@pytest.fixture
def read(desk: Desk) -> Desk:
    """The desk after a first sync with something in the calendar."""
    write(desk, 3, first=1_000)
    desk.sync()
    examine_conflicts(desk.context.store, desk.user_id, desk.clock)
    return desk


@pytest.mark.parametrize("recurrence", [[], ["RRULE:FREQ=DAILY;INTERVAL=20;COUNT=4"]])
def test_two_hundred_new_events_cost_as_many_statements_as_ten(
    read: Desk, recurrence: list[str]
) -> None:
    write(read, 10, recurrence=recurrence)
    of_ten = count_of_a_sync(read)
    write(read, 200, first=100, recurrence=recurrence)
    assert count_of_a_sync(read) == of_ten <= 22
    assert len(read.spans()) == 3 + 210 * (4 if recurrence else 1)


def test_a_hundred_changes_and_deletions_cost_as_many_statements_as_twelve(read: Desk) -> None:
    write(read, 420)
    read.sync()

    def touch(first: int, count: int) -> int:
        items = read.control.truth(EMAIL)
        names = {item["summary"]: item["id"] for item in items if "summary" in item}
        for number in range(first, first + count):
            moved = _times(NOW + timedelta(days=30, hours=number))
            read.control.mutate(EMAIL, "edit", event_id=names[f"Meeting {number}"], changes=moved)
        for number in range(first + count, first + 2 * count):
            read.control.mutate(EMAIL, "delete", event_id=names[f"Meeting {number}"])
        return count_of_a_sync(read)

    # More deletions than ten make the circuit breaker look how many events there are.
    of_a_few = touch(0, 12)
    assert touch(100, 100) == of_a_few <= 24


def test_an_unchanged_calendar_costs_as_many_statements_when_it_is_longer(read: Desk) -> None:
    of_three = count_of_a_sync(read, full=True)
    write(read, 200)
    read.sync()
    assert count_of_a_sync(read, full=True) == of_three


def test_opening_a_hundred_conflicts_costs_as_many_statements_as_five(read: Desk) -> None:
    def count(first: int, conflicts: int) -> int:
        write(read, conflicts, first=first)
        write(read, conflicts, first=first)
        before = len(read.rows("SELECT FROM conflicts"))
        counted = count_of_a_sync(read)
        assert len(read.rows("SELECT FROM conflicts")) == before + conflicts
        return counted

    assert count(100, 5) == count(200, 100)


def test_forty_conflicts_that_read_differently_cost_as_many_statements_as_two(read: Desk) -> None:
    def count(first: int, times: int) -> int:
        weekly = {"recurrence": [f"RRULE:FREQ=WEEKLY;COUNT={times}"]}
        (other, *_) = (write(read, 1, first=first, **weekly)[0] for _ in range(2))
        read.sync()
        read.control.mutate(EMAIL, "edit", event_id=other["id"], changes={"summary": "Review"})
        return count_of_a_sync(read)

    assert count(24, 2) == count(30, 40)


@pytest.mark.parametrize("due", [10, BATCH, 2 * BATCH])
def test_dispatch_costs_one_statement_for_each_thousand_due_calendars(desk: Desk, due: int) -> None:
    with desk.context.store.begin() as uow:
        uow.session.execute(text("DELETE FROM calendars"))
        values = {"due": due, "connection": desk.connection.id, "now": desk.clock()}
        uow.session.execute(text(MAKE_DUE), values)
    with sent(desk.context.store.engine) as seen:
        assert dispatch_syncs(desk.context, lambda *_: None) == due
    assert len(seen) == -(-due // BATCH) + PER_DISPATCH
