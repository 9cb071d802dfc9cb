from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from calendar_manager.domain.accounts import (
    AccessRole,
    Calendar,
    CalendarStatus,
    ProviderKind,
    ReadVia,
    UnreadablePolicy,
)
from calendar_manager.domain.freshness import Freshness, find_blocking, freshness_of

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
CALENDAR = Calendar(
    id=UUID(int=1),
    user_id=UUID(int=2),
    connection_id=UUID(int=3),
    provider=ProviderKind.GOOGLE,
    provider_calendar_id="primary",
    name="Work",
    time_zone=None,
    color=None,
    primary=True,
    access_role=AccessRole.OWNER,
    sync_enabled=True,
    blocks_availability=True,
    all_day_blocks=True,
    unreadable_policy=UnreadablePolicy.WARN,
    client_id=None,
    last_synced_at=NOW - timedelta(minutes=5),
    last_synced_via=ReadVia.PUSH,
    status=CalendarStatus.OK,
    error=None,
)


def test_an_answer_says_when_and_how_a_calendar_was_complete() -> None:
    assert freshness_of(CALENDAR, NOW, HOUR) == Freshness(
        calendar_id=UUID(int=1),
        name="Work",
        complete_as_of=NOW - timedelta(minutes=5),
        via=ReadVia.PUSH,
        status=CalendarStatus.OK,
        policy=UnreadablePolicy.WARN,
    )


NEVER = None
YOUNG, EDGE, OLD = NOW - timedelta(minutes=5), NOW - HOUR, NOW - HOUR - timedelta(seconds=1)
OK, SYNCING, STALE = CalendarStatus.OK, CalendarStatus.SYNCING, CalendarStatus.STALE
FAILING, HELD = CalendarStatus.FAILING, CalendarStatus.HELD


@pytest.mark.parametrize(
    ("stored", "last_synced_at", "expected", "unreadable"),
    [
        (OK, YOUNG, OK, False),
        (OK, EDGE, OK, False),
        (OK, OLD, STALE, True),
        (OK, NEVER, SYNCING, True),
        (SYNCING, YOUNG, SYNCING, False),
        (SYNCING, OLD, STALE, True),
        (SYNCING, NEVER, SYNCING, True),
        (STALE, YOUNG, STALE, True),
        (FAILING, YOUNG, FAILING, True),
        (FAILING, OLD, FAILING, True),
        (FAILING, NEVER, FAILING, True),
        (HELD, YOUNG, HELD, True),
        (HELD, OLD, HELD, True),
    ],
)
def test_status_and_age_decide_together(
    stored: CalendarStatus,
    last_synced_at: datetime | None,
    expected: CalendarStatus,
    *,
    unreadable: bool,
) -> None:
    calendar = replace(CALENDAR, status=stored, last_synced_at=last_synced_at)
    freshness = freshness_of(calendar, NOW, HOUR)
    assert freshness.status is expected
    assert freshness.is_unreadable is unreadable


def test_only_unreadable_calendars_with_that_policy_block() -> None:
    block = replace(CALENDAR, unreadable_policy=UnreadablePolicy.BLOCK)
    calendars = [
        block,
        replace(block, status=FAILING, name="blocking"),
        replace(CALENDAR, status=FAILING),
        replace(CALENDAR, status=FAILING, unreadable_policy=UnreadablePolicy.IGNORE),
        replace(block, last_synced_at=None, name="never read"),
    ]
    blocking = find_blocking(freshness_of(calendar, NOW, HOUR) for calendar in calendars)
    assert [calendar.name for calendar in blocking] == ["blocking", "never read"]
