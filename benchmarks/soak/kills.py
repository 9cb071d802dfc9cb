"""Killing processes of the installation without a warning, at times that a seed decides."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Final

import psutil
from redis import Redis
from redis.exceptions import RedisError

from calendar_manager.launch.stack import Stack

VICTIMS: Final = (
    *("worker", "child of worker", "child of worker", "beat", "api"),
    *("postgres", "redis", "redis forgets", "redis forgets and dies"),
)


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
        after: Seconds since the kill before it.
        victim: One of `VICTIMS`.
        pick: Chooses among several processes.
    """

    after: float
    victim: str
    pick: int


def plan_kills(seed: int, every: float) -> Iterator[Kill]:
    """Return the kills of a seed, without end; every victim once before any comes again.

    Args:
        seed: Any number.
        every: Seconds between two of them on average.
    """
    random = Random(seed)
    while True:
        for victim in random.sample(VICTIMS, len(VICTIMS)):
            yield Kill(random.uniform(0.5, 1.5) * every, victim, random.randrange(1_000))


class Killer:
    """Kills processes with SIGKILL.

    Args:
        stack: The installation.

    Attributes:
        done: How often each victim was killed.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.done: Counter[str] = Counter()

    def strike(self, kill: Kill) -> None:
        """Kill one; somebody who is dead already is left alone."""
        if kill.victim.startswith("redis forgets"):
            with (
                suppress(RedisError),
                Redis.from_url(self._stack.environ["REDIS_URL"], socket_timeout=2) as client,
            ):
                client.flushall()
                self.done["redis forgets"] += 1
            if kill.victim == "redis forgets":
                return
        name = "redis" if kill.victim.startswith("redis") else kill.victim.split()[-1]
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._stack.pids[name])
            if kill.victim.startswith("child"):
                children = process.children()
                if not children:
                    return
                process = children[kill.pick % len(children)]
            process.kill()
            self.done[kill.victim.replace("redis forgets and dies", "redis")] += 1
