"""How much waits for workers, and for how long already, as the messages in Redis tell."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from calendar_manager.job_queue import DUE_AT_HEADER, MAINTENANCE, ROUTINE, URGENT

QUEUES: Final = (URGENT, ROUTINE, MAINTENANCE)


BRIEFLY: Final = 2.0
"""Seconds within which Redis has to answer those who only look how it is doing."""


@contextmanager
def open_briefly(url: str) -> Iterator[Redis]:
    """Open a line to Redis that gives up soon.

    The line of the other parts waits for long, because their work cannot go on without it. Whoever
    asks for our health has given up by then, and would take us for dead instead of Redis.

    Args:
        url: Where Redis is.
    """
    with Redis.from_url(
        url,
        socket_timeout=BRIEFLY,
        socket_connect_timeout=BRIEFLY,
        retry=Retry(NoBackoff(), 0),
    ) as redis:
        yield redis


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue.

    Attributes:
        length: How many messages wait.
        oldest_wait: For how many seconds the next one has waited for a worker.
    """

    length: int
    oldest_wait: float


def load_queues(redis: Redis, now: datetime) -> Mapping[str, QueueState]:
    """Return how every queue is doing, in one round trip.

    Raises:
        RedisError: Redis does not answer.
    """
    with redis.pipeline(transaction=False) as pipe:
        for name in QUEUES:
            pipe.llen(name)
            # Messages are put in on the left and taken out on the right.
            pipe.lindex(name, -1)
        answers = pipe.execute()
    return {
        name: QueueState(cast("int", length), _read_wait(next_message, now))
        for name, length, next_message in zip(QUEUES, answers[::2], answers[1::2], strict=True)
    }


def _read_wait(message: bytes | None, now: datetime) -> float:
    if message is None:
        return 0.0
    due_at = json.loads(message)["headers"].get(DUE_AT_HEADER)
    # A message of an older version does not say; the next one will.
    return 0.0 if due_at is None else max(now.timestamp() - due_at, 0.0)
