"""What messages to workers say of themselves, on a real Redis."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from celery.exceptions import Retry
from redis import Redis
from structlog.contextvars import bound_contextvars

from calendar_manager.job_queue import MAINTENANCE, URGENT, JobQueue, make_celery
from calendar_manager.web.queues import load_queues

pytestmark = pytest.mark.store


@pytest.fixture
def redis(clean_redis: str) -> Iterator[Redis]:
    with Redis.from_url(clean_redis) as connection:
        yield connection


@pytest.fixture
def queue(clean_redis: str) -> Iterator[JobQueue]:
    celery = make_celery(clean_redis)
    yield JobQueue(celery)
    celery.close()


def headers_of(redis: Redis, queue: str) -> dict[str, Any]:
    message = cast("bytes", redis.lindex(queue, 0))
    headers: dict[str, Any] = json.loads(message)["headers"]
    return headers


def test_a_message_carries_the_request_that_led_to_it(queue: JobQueue, redis: Redis) -> None:
    with bound_contextvars(request_id="r-1"):
        queue.sync_calendar(uuid4(), urgent=True)
    assert headers_of(redis, URGENT)["request_id"] == "r-1"


def test_what_beat_sends_has_no_request(queue: JobQueue, redis: Redis) -> None:
    queue.sync_calendar(uuid4(), urgent=True)
    assert "request_id" not in headers_of(redis, URGENT)


def test_a_task_that_comes_again_keeps_its_request(queue: JobQueue, redis: Redis) -> None:
    @queue.celery.task(name="again", bind=True)
    def again(task: Any) -> None:
        raise task.retry(countdown=30)

    task = queue.celery.tasks["again"]
    task.push_request(id="t-1", args=(), kwargs={}, called_directly=False, retries=0)
    try:
        with bound_contextvars(request_id="r-2"), pytest.raises(Retry):
            task.run()
    finally:
        task.pop_request()
    assert headers_of(redis, MAINTENANCE)["request_id"] == "r-2"


def test_the_wait_counts_from_when_a_worker_could_have_begun(queue: JobQueue, redis: Redis) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - Celery reads the real clock.
    queue.sync_calendar(uuid4(), urgent=True)
    queue.sync_calendar(uuid4(), urgent=True)
    queue.sync_calendar(uuid4(), urgent=False, delay=timedelta(hours=1))
    states = load_queues(redis, now + timedelta(minutes=5))
    assert states[URGENT].length == 2
    assert 299 <= states[URGENT].oldest_wait <= 300
    assert (states["sync"].length, states["sync"].oldest_wait) == (1, 0)
    assert (states[MAINTENANCE].length, states[MAINTENANCE].oldest_wait) == (0, 0)


def test_a_message_of_an_older_version_has_waited_for_no_time_that_is_known(redis: Redis) -> None:
    redis.lpush(URGENT, json.dumps({"headers": {}, "body": ""}))
    now = datetime.now(UTC)  # noqa: TID251 - as above.
    assert load_queues(redis, now)[URGENT].oldest_wait == 0
