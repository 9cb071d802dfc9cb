from datetime import timedelta

import pytest

from calendar_manager.sync.horizon import find_short_horizons, roll_horizon
from tests.sync.desk import EMAIL, Desk, timed

pytestmark = pytest.mark.store

DAILY = {"recurrence": ["RRULE:FREQ=DAILY"]}


def laid_out(desk: Desk) -> tuple[int, str]:
    (row,) = desk.rows("SELECT count(*) AS n, max(start_at) AS last FROM occurrences")
    return row["n"], f"{row['last']:%Y-%m-%d}"


def test_series_are_laid_out_up_to_the_horizon(desk: Desk) -> None:
    desk.control.create_events(EMAIL, [timed("Stand-up", "02 09:00", "02 09:15", **DAILY)])
    desk.sync()
    assert laid_out(desk) == (400, "2027-04-05")


def test_the_horizon_rolls_with_time_and_keeps_what_stays(desk: Desk) -> None:
    desk.control.create_events(EMAIL, [timed("Stand-up", "02 09:00", "02 09:15", **DAILY)])
    desk.sync()
    kept = {row["id"] for row in desk.rows("SELECT id FROM occurrences")}
    assert find_short_horizons(desk.context) == []
    desk.clock.now += timedelta(days=10)
    assert find_short_horizons(desk.context) == [desk.calendar_id]
    roll_horizon(desk.context, desk.calendar_id)
    assert laid_out(desk) == (410, "2027-04-15")
    assert kept < {row["id"] for row in desk.rows("SELECT id FROM occurrences")}
    assert find_short_horizons(desk.context) == []


def test_a_sync_after_the_roll_lays_out_as_far(desk: Desk) -> None:
    desk.sync()
    desk.clock.now += timedelta(days=10)
    roll_horizon(desk.context, desk.calendar_id)
    desk.control.create_events(EMAIL, [timed("Stand-up", "02 09:00", "02 09:15", **DAILY)])
    desk.sync()
    assert laid_out(desk) == (410, "2027-04-15")
