from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from calendar_manager.providers.errors import RetryLaterError
from calendar_manager.sync.seats import RENEW_EVERY, SEAT_SECONDS, seat
from tests.sync.desk import Desk

pytestmark = pytest.mark.store


def key(desk: Desk, number: int = 0) -> str:
    return f"calendar-manager:seat:google:{desk.connection.provider_account_id}:{number}"


def seconds_left(desk: Desk) -> float:
    return cast("int", desk.context.redis.pttl(key(desk))) / 1000


def test_an_account_has_so_many_seats_and_no_more(desk: Desk) -> None:
    with ExitStack() as taken:
        for _ in range(4):
            taken.enter_context(seat(desk.context, desk.connection, 4))
        with pytest.raises(RetryLaterError) as refused, seat(desk.context, desk.connection, 4):
            pass
        assert refused.value.retry_after is not None
        other = replace(desk.connection, provider_account_id="another account")
        with seat(desk.context, other, 4):
            pass


def test_a_seat_is_free_again_after_its_use_even_if_that_failed(desk: Desk) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), seat(desk.context, desk.connection, 1):
            raise ZeroDivisionError


def test_without_a_limit_nobody_waits(desk: Desk) -> None:
    with seat(desk.context, desk.connection, None), seat(desk.context, desk.connection, None):
        pass


def test_the_seat_of_a_killed_worker_is_free_after_two_minutes(desk: Desk) -> None:
    with seat(desk.context, desk.connection, 1):
        assert 0 < seconds_left(desk) <= SEAT_SECONDS <= 120


def test_a_long_read_keeps_its_seat(desk: Desk) -> None:
    with seat(desk.context, desk.connection, 1) as keep:
        desk.context.redis.pexpire(key(desk), 5000)
        keep()
        assert seconds_left(desk) <= 5
        desk.clock.now += RENEW_EVERY
        keep()
        assert seconds_left(desk) > SEAT_SECONDS - 10


def test_a_seat_that_was_lost_is_taken_anew(desk: Desk) -> None:
    with seat(desk.context, desk.connection, 2) as keep:
        desk.context.redis.set(key(desk), "somebody else")
        desk.clock.now += timedelta(minutes=3)
        keep()
        assert desk.context.redis.exists(key(desk, 1))
    assert desk.context.redis.get(key(desk)) == b"somebody else"
    assert not desk.context.redis.exists(key(desk, 1))


def test_a_read_that_lost_its_seat_to_others_makes_way(desk: Desk) -> None:
    with seat(desk.context, desk.connection, 1) as keep:
        desk.context.redis.set(key(desk), "somebody else")
        desk.clock.now += timedelta(minutes=3)
        with pytest.raises(RetryLaterError) as refused:
            keep()
    assert refused.value.reason == "account_busy"
    assert desk.context.redis.get(key(desk)) == b"somebody else"
