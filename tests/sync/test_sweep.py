"""A full read sweeps what it did not see, also what takes no place on the calendar."""

import pytest

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.domain.sync_jobs import SyncStatus
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sync.context import SyncContext
from tests.sync.desk import Clock, Desk, connect

pytestmark = pytest.mark.store
ME = "freya@contoso.example"
ALIVE = "SELECT title FROM events WHERE deleted_at IS NULL"


def test_cancelled_event_deleted_while_the_token_was_forgotten_is_swept(
    context: SyncContext, clock: Clock, control: ControlClient
) -> None:
    graph = control.graph
    graph.add_account(ME, time_zone="Europe/Berlin")
    desk = Desk(context, clock, control, connect(context, ME, provider=ProviderKind.MICROSOFT))
    start, end = ({"dateTime": f"2026-03-03T{hour}:00:00", "timeZone": "UTC"} for hour in (10, 11))
    (event,) = graph.create_events(
        ME, [{"subject": "Off", "start": start, "end": end, "isCancelled": True}]
    )
    graph.create_events(ME, [{"subject": "Stays", "start": start, "end": end}])
    assert desk.sync().status is SyncStatus.SUCCEEDED
    assert len(desk.rows(ALIVE)) == 2
    graph.mutate(ME, "delete", event["id"])
    graph.expire_delta_tokens(ME)
    assert desk.sync().status is SyncStatus.SUCCEEDED
    assert desk.rows(ALIVE) == [{"title": "Stays"}]
