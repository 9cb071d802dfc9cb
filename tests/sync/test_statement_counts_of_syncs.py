"""How many SQL statements the write path costs: it grows with pages and batches, not with rows."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from calendar_manager.domain.sync_jobs import SyncStatus
from calendar_manager.sync.detect import examine_conflicts
from calendar_manager.sync.dispatch import BATCH, dispatch_syncs
from calendar_manager.sync.engine import run_job
from tests.factories import count_statements
from tests.sync.desk import EMAIL, NOW, Desk

pytestmark = pytest.mark.store

PER_DISPATCH = 2
"""The look that finds nothing more to claim, and the one for jobs that got lost."""


def write(desk: Desk, count: int, *, first: int = 0, **fields: Any) -> None:
    """Write events at Google, one an hour."""
    desk.control.create_events(
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
    zone = {"timeZone": "Europe/Berlin"}
    end = start + timedelta(minutes=30)
    return {"start": {"dateTime": start.isoformat()} | zone, "end": {"dateTime": end.isoformat()} | zone}


def count_of_a_sync(desk: Desk, *, full: bool = False) -> int:
    """Run a sync, and return how many statements it took."""
    job = desk.request(full=full)
    with count_statements(desk.context.store.engine) as seen:
        assert run_job(desk.context, job.id) is None or full
    assert desk.job(job.id).status is SyncStatus.SUCCEEDED
    return len(seen)


@pytest.fixture
def read(desk: Desk) -> Desk:
    """The desk after a first sync with something in the calendar."""
    write(desk, 3, first=1_000)
    desk.sync()
    examine_conflicts(desk.context.store, desk.user_id, desk.clock)
    return desk


def test_new_events_cost_as_many_statements_as_few(read: Desk) -> None:
    write(read, 10)
    ten = count_of_a_sync(read)
    write(read, 200, first=100)
    assert count_of_a_sync(read) == ten <= 16
    assert len(read.spans()) == 213
