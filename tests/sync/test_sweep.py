"""A full read sweeps what it did not see, also what takes no place on the calendar."""

import pytest
from sqlalchemy import text

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.domain.sync_jobs import SyncStatus
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sync.context import SyncContext
from tests.sync.desk import EMAIL, Clock, Desk, connect, timed

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


def test_a_swept_override_gives_its_place_back_to_the_series(desk: Desk) -> None:
    daily = timed("Daily", "03 09:00", "03 10:00", recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    (series,) = desk.control.create_events(EMAIL, [daily])
    (other,) = desk.control.create_events(EMAIL, [timed("Moved", "04 15:00", "04 16:00")])
    desk.sync()
    # An override that the source dropped without a word looks like this.
    with desk.context.store.begin() as uow:
        uow.session.execute(
            text(
                "UPDATE events SET kind = 'override', series_id = :series,"
                " original_start_at = '2026-03-04T09:00:00Z' WHERE title = 'Moved'"
            ),
            {"series": series["id"]},
        )
        uow.session.execute(text("DELETE FROM occurrences WHERE start_at = '2026-03-04T09:00:00Z'"))
    assert [title for title, *_ in desk.spans()] == ["Daily", "Moved", "Daily"]
    desk.control.mutate(EMAIL, "delete", str(other["id"]))
    desk.control.expire_sync_tokens(EMAIL)
    assert desk.sync().status is SyncStatus.SUCCEEDED
    assert [start for _, start, _ in desk.spans()] == ["03-03 09:00", "03-04 09:00", "03-05 09:00"]
