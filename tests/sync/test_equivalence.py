"""Whatever people do at the provider, the copy kept by increments equals a fresh full copy."""

from random import Random
from typing import Any
from uuid import UUID

import pytest

from calendar_manager.domain.sync_jobs import SyncStatus
from calendar_manager.sync.context import SyncContext
from tests.sync.desk import EMAIL, Desk, connect
from tests.sync.google_person import GooglePerson

pytestmark = pytest.mark.store

EVENTS = """
    SELECT fingerprint FROM events
    WHERE calendar_id = :calendar AND deleted_at IS NULL AND start_at IS NOT NULL
    ORDER BY fingerprint
"""
OCCURRENCES = """
    SELECT e.provider_event_id, o.original_start, o.start_at, o.end_at, o.start_on, o.end_on, o.busy
    FROM occurrences o JOIN events e ON e.id = o.event_id
    WHERE o.calendar_id = :calendar ORDER BY 1, 2
"""


def copy_of(desk: Desk, calendar_id: UUID) -> tuple[list[Any], list[Any]]:
    return desk.rows(EVENTS, calendar=calendar_id), desk.rows(OCCURRENCES, calendar=calendar_id)


def fresh_copy(desk: Desk, context: SyncContext, number: int) -> tuple[list[Any], list[Any]]:
    """Read the same account completely for somebody who never read it before."""
    connection = connect(context, EMAIL, user=f"reader{number}@example.test")
    reader = Desk(context, desk.clock, desk.control, connection)
    assert reader.sync().status is SyncStatus.SUCCEEDED
    return copy_of(reader, reader.calendar_id)


@pytest.mark.parametrize("seed", range(4))
def test_a_thousand_changes_leave_what_a_fresh_read_finds(
    desk: Desk, context: SyncContext, seed: int
) -> None:
    random = Random(seed)
    person = GooglePerson(desk.control, EMAIL, random)
    desk.control.change_settings(page_size=7, empty_page_every=3)
    for number in range(2):
        for _ in range(125):
            person.change_something()
            if random.random() < 0.15:
                job = desk.sync(full=random.random() < 0.05)
                assert job.status is SyncStatus.SUCCEEDED
            if random.random() < 0.01:
                desk.control.expire_sync_tokens(EMAIL)
        assert desk.sync().status is SyncStatus.SUCCEEDED
        assert copy_of(desk, desk.calendar_id) == fresh_copy(desk, context, number)
    assert person.done["edit_following"] > 3, person.done
