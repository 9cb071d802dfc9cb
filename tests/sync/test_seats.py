from contextlib import ExitStack
from dataclasses import replace

import pytest

from calendar_manager.providers.errors import RetryLaterError
from calendar_manager.sync.seats import seat
from tests.sync.desk import Desk

pytestmark = pytest.mark.store


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
