"""The window is frozen, so it is chosen wide and replaced in time."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from calendar_manager.domain.timespan import Span
from calendar_manager.providers.errors import CursorExpiredError
from calendar_manager.providers.microsoft.cursor import (
    BASELINE_LIFE,
    STAGGER_DAYS,
    DeltaCursor,
    freeze_window,
    is_outlived,
    read_cursor,
)

pytestmark = pytest.mark.unit

DAY = timedelta(days=1)
HORIZON = Span(
    datetime(2026, 8, 22, 10, 30, 1, 5, tzinfo=UTC), datetime(2027, 12, 25, 10, 30, tzinfo=UTC)
)
CALENDARS = [f"calendar {number}" for number in range(200)]


def slid(by: timedelta) -> Span:
    return Span(HORIZON.start + by, HORIZON.end + by)


def life_of(calendar_id: str) -> int:
    """After how many days a calendar is read from its beginning again."""
    frozen = freeze_window(HORIZON)
    return next(days for days in range(100) if is_outlived(frozen, slid(days * DAY), calendar_id))


def test_cursor_survives_as_text() -> None:
    cursor = DeltaCursor("https://graph.test/v1.0/me?$deltatoken=x", freeze_window(HORIZON))
    assert read_cursor(cursor.write()) == cursor


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        '{"link": "x"}',
        '{"link": 7, "start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"}',
        '{"link": "x", "start": "2026-01-01T00:00:00", "end": "2027-01-01T00:00:00"}',
        '{"link": "x", "start": "2027-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}',
        '{"link": "x", "start": 5, "end": "soon"}',
        "[" * 100_000,
    ],
)
def test_what_is_no_cursor_has_expired(text: str) -> None:
    with pytest.raises(CursorExpiredError) as caught:
        read_cursor(text)
    assert caught.value.reason == "unreadable"


def test_frozen_window_is_whole_days_around_the_horizon() -> None:
    frozen = freeze_window(HORIZON)
    assert frozen.contains(HORIZON)
    assert frozen == Span(datetime(2026, 8, 20, tzinfo=UTC), datetime(2028, 1, 9, tzinfo=UTC))
    whole_days = Span(datetime(2026, 8, 22, tzinfo=UTC), datetime(2027, 12, 26, tzinfo=UTC))
    assert freeze_window(whole_days) == frozen


def test_baselines_are_a_week_or_two_apart_and_spread_over_the_days() -> None:
    lives = {calendar_id: life_of(calendar_id) for calendar_id in CALENDARS}
    first = BASELINE_LIFE // DAY + 1
    assert set(lives.values()) == set(range(first, first + STAGGER_DAYS))
    assert lives == {calendar_id: life_of(calendar_id) for calendar_id in CALENDARS}


@pytest.mark.parametrize("calendar_id", CALENDARS[:20])
def test_horizon_never_slides_out_of_the_frozen_window(calendar_id: str) -> None:
    frozen = freeze_window(HORIZON)
    last = (life_of(calendar_id) - 1) * DAY + timedelta(hours=13)
    assert not is_outlived(frozen, slid(last), calendar_id)
    assert frozen.contains(slid(last))


def test_longer_history_wants_a_fresh_baseline() -> None:
    longer = Span(HORIZON.start - 90 * DAY, HORIZON.end)
    assert is_outlived(freeze_window(HORIZON), longer, "any")
    assert not is_outlived(freeze_window(HORIZON), HORIZON, "any")


def test_text_of_a_cursor_is_what_the_design_says() -> None:
    cursor = DeltaCursor("link", Span(HORIZON.end, HORIZON.end + DAY))
    assert json.loads(cursor.write()) == {
        "link": "link",
        "start": "2027-12-25T10:30:00+00:00",
        "end": "2027-12-26T10:30:00+00:00",
    }
