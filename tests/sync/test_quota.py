"""Budgets and pauses on a real Redis; the time in its windows is real, so they are short."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Connection as RedisConnection
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.domain.sync_jobs import SyncStatus
from calendar_manager.providers.base import CalendarProvider, Gate, ProviderFactory, Quota, Rate
from calendar_manager.providers.errors import RetryLaterError
from calendar_manager.providers.registry import Registry
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.pull import with_account
from calendar_manager.sync.quota import PAUSES_KEY, make_gate, note_pause
from tests.sync.desk import Desk
from tests.sync.limited import Limited

pytestmark = pytest.mark.store

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
CALENDARS = "/users/me/calendarList"
EVENTS = r"/calendars/[^/]+/events$"


def limited(
    context: SyncContext, account: Rate, application: Rate | None = None, **changes: Any
) -> SyncContext:
    """The same write path with a Google that bears only so much."""
    google = context.registry.get(ProviderKind.GOOGLE)
    changes["quota"] = Quota(account, application)
    factory = cast("ProviderFactory", Limited(google, **changes))
    return replace(context, registry=Registry({ProviderKind.GOOGLE: factory}))


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """The connected account, with the requests forgotten that connecting it took."""
    desk.context.redis.flushdb()
    return desk


@pytest.fixture
def colleague(clean_redis: str) -> Iterator[Callable[[SyncContext], SyncContext]]:
    """Makes another worker's context, with its own connection to the same Redis."""
    with Redis.from_url(clean_redis) as redis:
        yield lambda context: replace(context, redis=redis)


def refusal(gate: Gate) -> RetryLaterError:
    with pytest.raises(RetryLaterError) as refused:
        gate()
    return refused.value


def passes(gate: Gate, most: int = 1000) -> int:
    """How many requests the gate lets through until it closes."""
    for count in range(most):
        try:
            gate()
        except RetryLaterError:
            return count
    return most


def pull(desk: Desk, context: SyncContext, *, urgent: bool = False) -> None:
    def action(provider: CalendarProvider) -> None:
        provider.pull_calendars()

    with_account(context, desk.connection, action, urgent=urgent)


def test_workers_share_the_budget_and_a_part_is_kept_for_people(
    desk: Desk, colleague: Callable[[SyncContext], SyncContext]
) -> None:
    here = limited(desk.context, Rate(10, MINUTE))
    there = colleague(here)
    first = make_gate(here, desk.connection, urgent=False)
    second = make_gate(there, desk.connection, urgent=False)
    for _ in range(4):
        first()
        second()
    assert refusal(first).reason == refusal(second).reason == "budget"
    urgent = make_gate(there, desk.connection, urgent=True)
    assert passes(urgent) == 2
    assert refusal(urgent).reason == "budget"


def test_routine_work_finds_no_room_that_urgent_work_took(desk: Desk) -> None:
    context = limited(desk.context, Rate(10, MINUTE))
    assert passes(make_gate(context, desk.connection, urgent=True)) == 10
    assert passes(make_gate(context, desk.connection, urgent=False)) == 0


def test_every_account_has_a_budget_of_its_own(desk: Desk) -> None:
    context = limited(desk.context, Rate(5, MINUTE))
    other = replace(desk.connection, provider_account_id="another account")
    assert passes(make_gate(context, desk.connection, urgent=False)) == 4
    assert passes(make_gate(context, other, urgent=False)) == 4


def test_all_accounts_share_the_budget_of_the_application(desk: Desk) -> None:
    context = limited(desk.context, Rate(5, MINUTE), Rate(10, MINUTE))
    taken = [
        passes(make_gate(context, replace(desk.connection, provider_account_id=name), urgent=False))
        for name in ("one", "two", "three")
    ]
    assert taken == [4, 4, 0]


def test_an_account_that_used_up_its_own_costs_the_application_nothing(desk: Desk) -> None:
    context = limited(desk.context, Rate(5, MINUTE), Rate(10, MINUTE))
    busy = make_gate(context, desk.connection, urgent=False)
    passes(busy)
    for _ in range(20):
        refusal(busy)
    other = replace(desk.connection, provider_account_id="another account")
    assert passes(make_gate(context, other, urgent=False)) == 4


def test_a_small_budget_leaves_routine_work_something(desk: Desk) -> None:
    context = limited(desk.context, Rate(1, MINUTE))
    assert passes(make_gate(context, desk.connection, urgent=False)) == 1


def test_the_window_slides_and_the_refusal_says_when_there_is_room(desk: Desk) -> None:
    context = limited(desk.context, Rate(4, SECOND))
    gate = make_gate(context, desk.connection, urgent=True)
    assert passes(gate) == 4
    wait = refusal(gate).retry_after
    assert wait is not None
    assert timedelta(0) < wait <= 1.05 * SECOND
    threading.Event().wait(wait.total_seconds())
    gate()


def test_the_wait_of_routine_work_is_until_it_has_room_itself(desk: Desk) -> None:
    context = replace(limited(desk.context, Rate(10, MINUTE)), jitter=lambda: 0.0)
    urgent = make_gate(context, desk.connection, urgent=True)
    urgent()
    threading.Event().wait(0.3)
    began_at = time.time()
    for _ in range(8):
        urgent()
    wait = refusal(make_gate(context, desk.connection, urgent=False)).retry_after
    assert wait is not None
    # Nine were made; with the first gone there are eight, and routine work waits for one more.
    assert wait.total_seconds() >= 60 - (time.time() - began_at)
    assert wait <= MINUTE


@dataclass
class Taker:
    """Somebody who asks a gate again and again, and notes when it let them through.

    Attributes:
        gate: To be passed.
        urgent: Whether the gate is for urgent work.
        pace: Seconds between two requests.
    """

    gate: Gate
    urgent: bool
    pace: float

    def run(self, until: float, taken: list[tuple[float, float, bool]]) -> None:
        rest = threading.Event()
        while time.time() < until:
            asked_at = time.time()
            with suppress(RetryLaterError):
                self.gate()
                taken.append((asked_at, time.time(), self.urgent))
            rest.wait(self.pace)


@given(
    requests=st.integers(3, 40),
    takers=st.lists(st.tuples(st.booleans(), st.floats(0.001, 0.03)), min_size=2, max_size=6),
)
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_window_ever_holds_more_than_the_budget(
    desk: Desk, requests: int, takers: list[tuple[bool, float]]
) -> None:
    context = limited(desk.context, Rate(requests, SECOND))
    account = replace(desk.connection, provider_account_id=uuid4().hex)
    taken: list[tuple[float, float, bool]] = []
    until = time.time() + 1.3
    threads = [
        threading.Thread(
            target=Taker(make_gate(context, account, urgent=urgent), urgent, pace).run,
            args=(until, taken),
        )
        for urgent, pace in takers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) >= 2
    # A request reaches the provider between asking and having passed; those that surely lie in
    # one window are counted.
    for start, _, _ in taken:
        assert sum(begin >= start and end < start + 1 for begin, end, _ in taken) <= requests
    for asked_at, passed_at, urgent in taken:
        before = sum(begin > passed_at - 1 and end < asked_at for begin, end, _ in taken)
        assert urgent or before < max(int(requests * 0.8), 1)


def test_a_pause_that_the_provider_asks_for_holds_everybody_back(
    desk: Desk, colleague: Callable[[SyncContext], SyncContext]
) -> None:
    desk.control.add_fault("too_many_requests", path=CALENDARS, retry_after=90, times=1)
    with pytest.raises(RetryLaterError) as refused:
        pull(desk, desk.context)
    assert refused.value.reason != "paused"
    desk.control.clear_requests()
    desk.clock.now += timedelta(seconds=30)
    for urgent in (False, True):
        with pytest.raises(RetryLaterError) as refused:
            pull(desk, colleague(desk.context), urgent=urgent)
        assert (refused.value.reason, refused.value.retry_after) == ("paused", MINUTE)
    assert desk.control.count_requests() == 0
    desk.clock.now += MINUTE
    pull(desk, colleague(desk.context))
    assert desk.control.count_requests() == 1


def test_a_run_that_meets_a_pause_asks_nothing_and_comes_back_after_it(desk: Desk) -> None:
    desk.control.add_fault("too_many_requests", path=EVENTS, retry_after=600, times=1)
    job = desk.request()
    desk.run(job)
    desk.control.clear_requests()
    desk.clock.now += timedelta(minutes=9)
    follow_up = desk.run(job)
    assert follow_up is not None
    assert follow_up.delay == MINUTE
    assert desk.control.count_requests() == 0
    desk.clock.now += follow_up.delay
    desk.run(job)
    assert desk.job(job.id).status is SyncStatus.SUCCEEDED


def test_a_pause_is_the_accounts_alone(desk: Desk) -> None:
    note_pause(desk.context, desk.connection, MINUTE)
    other = replace(desk.connection, provider_account_id="another account")
    make_gate(desk.context, other, urgent=False)()


def test_a_shorter_pause_never_shortens_a_longer_one(desk: Desk) -> None:
    note_pause(desk.context, desk.connection, timedelta(minutes=10))
    note_pause(desk.context, desk.connection, MINUTE)
    held = refusal(make_gate(desk.context, desk.connection, urgent=True))
    assert held.retry_after == timedelta(minutes=10)
    note_pause(desk.context, desk.connection, timedelta(minutes=20))
    held = refusal(make_gate(desk.context, desk.connection, urgent=True))
    assert held.retry_after == timedelta(minutes=20)


def test_a_pause_reaches_a_read_under_way_within_a_second(desk: Desk) -> None:
    gate = make_gate(desk.context, desk.connection, urgent=False)
    gate()
    note_pause(desk.context, desk.connection, MINUTE)
    desk.clock.now += SECOND
    assert refusal(gate).reason == "paused"


def test_pauses_that_ended_are_forgotten(desk: Desk) -> None:
    note_pause(desk.context, desk.connection, MINUTE)
    desk.clock.now += 2 * MINUTE
    other = replace(desk.connection, provider_account_id="another account")
    note_pause(desk.context, other, MINUTE)
    assert desk.context.redis.zrange(PAUSES_KEY, 0, -1) == [b"google:another account"]


def test_what_we_hold_back_ourselves_is_no_pause_of_the_provider(desk: Desk) -> None:
    context = limited(desk.context, Rate(1, MINUTE), accounts_open_at_once=1)
    pull(desk, context)
    with pytest.raises(RetryLaterError) as refused:
        pull(desk, context)
    assert refused.value.reason == "budget"
    assert not desk.context.redis.exists(PAUSES_KEY)


def test_trouble_for_which_the_provider_names_no_time_is_no_pause(desk: Desk) -> None:
    desk.control.add_fault("quota_403", path=CALENDARS, times=1)
    with pytest.raises(RetryLaterError):
        pull(desk, desk.context)
    pull(desk, desk.context)


def test_a_redis_that_is_away_stops_no_read(desk: Desk) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with Redis(port=closed.getsockname()[1], retry=Retry(NoBackoff(), 0)) as nobody:
            context = replace(limited(desk.context, Rate(1, MINUTE)), redis=nobody)
            for _ in range(3):
                pull(desk, context)
            note_pause(context, desk.connection, MINUTE)
            assert passes(make_gate(context, desk.connection, urgent=False), most=5) == 5


def test_a_gate_counts_again_soon_after_redis_came_back(desk: Desk) -> None:
    context = limited(desk.context, Rate(1, MINUTE))
    gate = make_gate(context, desk.connection, urgent=False)
    # A key of another kind is an error that Redis itself answers.
    key = f"calendar-manager:quota:account:google:{desk.connection.provider_account_id}"
    context.redis.set(key, "spoilt")
    assert passes(gate, most=3) == 3
    context.redis.delete(key)
    desk.clock.now += timedelta(seconds=30)
    assert passes(gate) == 1


def test_a_redis_that_forgets_everything_only_starts_to_count_anew(desk: Desk) -> None:
    context = limited(desk.context, Rate(5, MINUTE))
    gate = make_gate(context, desk.connection, urgent=False)
    assert passes(gate) == 4
    context.redis.flushdb()
    context.redis.script_flush()
    assert passes(gate) == 4


class CountingConnection(RedisConnection):
    """Counts what is sent, and so the round trips."""

    sent = 0

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002  Redis-py's own signature.
        CountingConnection.sent += 1
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]  # Redis-py's own.


def test_a_request_costs_one_round_trip_for_each_budget(desk: Desk, clean_redis: str) -> None:
    pool = ConnectionPool.from_url(clean_redis, connection_class=CountingConnection)
    with Redis(connection_pool=pool) as redis:
        context = limited(replace(desk.context, redis=redis), Rate(50, MINUTE), Rate(50, MINUTE))
        gate = make_gate(context, desk.connection, urgent=False)
        gate()
        before = CountingConnection.sent
        for _ in range(10):
            gate()
        assert CountingConnection.sent - before == 20
    pool.disconnect()
