"""Adding up in a real Redis what several processes counted."""

from collections.abc import Iterator
from threading import Event

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from calendar_manager.telemetry.instruments import EVENTS_CHANGED, TASK_WAITS
from calendar_manager.telemetry.shipping import (
    GONE_AFTER,
    KEY_PREFIX,
    PoolUse,
    Series,
    Shipper,
    load_pools,
    load_series,
    ship,
)
from calendar_manager.telemetry.tally import Tally

pytestmark = pytest.mark.store


@pytest.fixture
def redis(clean_redis: str) -> Iterator[Redis]:
    with Redis.from_url(clean_redis) as connection:
        yield connection


@pytest.fixture
def away() -> Iterator[Redis]:
    with Redis.from_url("redis://127.0.0.1:1/0", retry=Retry(NoBackoff(), 0)) as connection:
        yield connection


def until(condition: object) -> None:
    pause = Event()
    for _ in range(200):
        if callable(condition) and condition():
            return
        pause.wait(0.05)
    raise AssertionError("it did not happen in time")


def test_processes_add_to_the_same_numbers(redis: Redis) -> None:
    first, second = Tally(), Tally()
    for tally in (first, second):
        tally.count(EVENTS_CHANGED, "google", "created", by=2)
        tally.observe(TASK_WAITS, 0.3, "sync")
        assert ship(redis, tally)
    second.observe(TASK_WAITS, 4000.0, "sync")
    assert ship(redis, second)
    loaded = load_series(redis)
    assert loaded[EVENTS_CHANGED] == [Series(("google", "created"), 4)]
    (waits,) = loaded[TASK_WAITS]
    assert waits.count == 3
    assert waits.seconds == pytest.approx(4000.6)
    buckets = dict(waits.buckets)
    assert (buckets["0.1"], buckets["0.5"], buckets["3600.0"], buckets["+Inf"]) == (0, 2, 2, 3)


def test_without_redis_nothing_is_lost_and_nothing_breaks(redis: Redis, away: Redis) -> None:
    tally = Tally()
    tally.count(EVENTS_CHANGED, "google", "created")
    assert not ship(away, tally)
    tally.count(EVENTS_CHANGED, "google", "created")
    assert ship(redis, tally)
    assert load_series(redis)[EVENTS_CHANGED] == [Series(("google", "created"), 2)]


def test_a_bound_and_labels_of_an_older_version_spoil_nothing(redis: Redis) -> None:
    key = f"{KEY_PREFIX}{TASK_WAITS.name}"
    redis.hset(key, '["sync", "0.2"]', "1")
    redis.hset(key, '["sync", "and more", "0.5"]', "1")
    redis.hset(key, '["sync", "0.5"]', "1")
    (waits,) = load_series(redis)[TASK_WAITS]
    assert (dict(waits.buckets)["0.1"], dict(waits.buckets)["0.5"], waits.count) == (0, 2, 2)


def test_a_shipper_ships_by_itself_and_once_more_in_the_end(redis: Redis, clean_redis: str) -> None:
    tally = Tally()
    now = 1000.0
    shipper = Shipper(
        Redis.from_url(clean_redis), lambda: now, lambda: PoolUse("worker", 3, 20), tally
    )
    tally.count(EVENTS_CHANGED, "google", "created")
    shipper.start()
    until(lambda: load_series(redis)[EVENTS_CHANGED])
    until(lambda: load_pools(redis, now))
    assert load_pools(redis, now) == [PoolUse("worker", 3, 20)]
    tally.count(EVENTS_CHANGED, "google", "created")
    shipper.stop()
    assert load_series(redis)[EVENTS_CHANGED] == [Series(("google", "created"), 2)]
    assert load_pools(redis, now) == []


def test_a_process_that_was_killed_is_forgotten(redis: Redis, clean_redis: str) -> None:
    shipper = Shipper(Redis.from_url(clean_redis), lambda: 1000.0, lambda: PoolUse("api", 1, 20))
    assert shipper._report_pool()
    shipper._redis.close()
    life = GONE_AFTER.total_seconds()
    assert load_pools(redis, 1000.0 + life) == [PoolUse("api", 1, 20)]
    assert load_pools(redis, 1001.0 + life) == []
    assert load_pools(redis, 1000.0) == []
