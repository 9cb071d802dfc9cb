from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.domain.channels import (
    DOUBT_PATIENCE,
    OPENING_PATIENCE,
    Channel,
    PushStatus,
    find_push,
    find_renewal,
    plan_channels,
)

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def channel(**values: Any) -> Channel:
    return Channel(
        **{
            "id": uuid4(),
            "user_id": UUID(int=1),
            "calendar_id": UUID(int=2),
            "provider": ProviderKind.GOOGLE,
            "provider_channel_id": "theirs",
            "resource_id": "watched",
            "requested_at": NOW - DAY,
            "opened_at": NOW - DAY,
            "expires_at": NOW + 6 * DAY,
            "last_message_at": None,
            "doubted_at": None,
            "stopped_at": None,
            **values,
        }
    )


@pytest.mark.parametrize(
    ("values", "serves", "healthy"),
    [
        ({}, True, True),
        ({"expires_at": None}, True, True),
        ({"expires_at": NOW + SECOND}, True, True),
        ({"expires_at": NOW}, False, False),
        ({"opened_at": None}, False, False),
        ({"stopped_at": NOW}, False, False),
        ({"doubted_at": NOW}, True, False),
        ({"doubted_at": NOW - DOUBT_PATIENCE}, False, False),
    ],
)
def test_a_channel_serves_until_it_ends_or_is_doubted_for_too_long(
    values: dict[str, Any], *, serves: bool, healthy: bool
) -> None:
    one = channel(**values)
    assert (one.serves(NOW), one.is_healthy(NOW)) == (serves, healthy)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"opened_at": None, "requested_at": NOW}, True),
        ({"opened_at": None, "requested_at": NOW - OPENING_PATIENCE}, False),
        ({"opened_at": None, "requested_at": NOW, "stopped_at": NOW}, False),
        ({"requested_at": NOW}, False),
    ],
)
def test_an_opening_is_under_way_for_a_few_minutes(
    values: dict[str, Any], *, expected: bool
) -> None:
    assert channel(**values).is_being_opened(NOW) is expected


@given(st.timedeltas(timedelta(0), 30 * DAY), st.floats(0, 1, exclude_max=True))
def test_renewal_lies_in_the_last_third_of_a_life(life: timedelta, jitter: float) -> None:
    renewal = find_renewal(now=NOW, expires_at=NOW + life, jitter=jitter)
    assert NOW + 0.7 * life - SECOND <= renewal <= NOW + 0.8 * life + SECOND


def test_a_channel_without_an_end_is_looked_at_within_a_day() -> None:
    assert NOW < find_renewal(now=NOW, expires_at=None, jitter=0) < NOW + DAY


def test_a_channel_whose_life_is_over_is_renewed_at_once() -> None:
    assert find_renewal(now=NOW, expires_at=NOW - DAY, jitter=0.5) == NOW


def test_a_doubted_channel_is_looked_at_before_its_renewal() -> None:
    assert channel(doubted_at=NOW).find_next_look(0.5) == NOW + DOUBT_PATIENCE


def test_a_channel_that_is_not_open_has_no_renewal() -> None:
    with pytest.raises(ValueError, match="not open"):
        channel(opened_at=None).find_next_look(0.5)


def test_the_newest_channel_that_serves_is_kept_and_the_others_closed() -> None:
    old, new = channel(requested_at=NOW - 2 * DAY), channel()
    doubted = channel(requested_at=NOW, doubted_at=NOW - DAY)
    opening = channel(opened_at=None, requested_at=NOW)
    plan = plan_channels([new, old, doubted, opening], wanted=True, now=NOW)
    assert (plan.keeps, plan.extends, plan.closes) == (new, False, (old, doubted))


def test_a_channel_is_extended_once_the_earliest_renewal_has_come() -> None:
    one = channel(opened_at=NOW - 7 * DAY, expires_at=NOW + 3 * DAY)
    assert plan_channels([one], wanted=True, now=NOW).extends
    assert not plan_channels([one], wanted=True, now=NOW - SECOND).extends


def test_a_doubted_channel_is_not_extended() -> None:
    one = channel(opened_at=NOW - 9 * DAY, expires_at=NOW + DAY, doubted_at=NOW)
    plan = plan_channels([one], wanted=True, now=NOW)
    assert (plan.keeps, plan.extends) == (one, False)


def test_everything_is_closed_on_a_calendar_that_is_not_read() -> None:
    one, opening = channel(), channel(opened_at=None, requested_at=NOW)
    plan = plan_channels([one, opening], wanted=False, now=NOW)
    assert (plan.keeps, plan.closes) == (None, (one,))


@pytest.mark.parametrize(
    ("values", "error", "status"),
    [
        (None, None, PushStatus.OPENING),
        (None, "no", PushStatus.UNAVAILABLE),
        ({}, None, PushStatus.LIVE),
        ({}, "no", PushStatus.LIVE),
        ({"opened_at": None}, None, PushStatus.OPENING),
        ({"opened_at": None}, "no", PushStatus.UNAVAILABLE),
        ({"expires_at": NOW}, None, PushStatus.OPENING),
        ({"doubted_at": NOW}, None, PushStatus.DOUBTFUL),
        ({"doubted_at": NOW - DAY}, None, PushStatus.DOUBTFUL),
    ],
)
def test_a_person_is_told_how_a_channel_is_doing(
    values: dict[str, Any] | None, error: str | None, status: PushStatus
) -> None:
    one = None if values is None else channel(**values)
    assert find_push(one, error, now=NOW).status is status
