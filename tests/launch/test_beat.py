"""Beat goes on whatever happens to its Redis, and two of them never both send."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic

import psutil
import pytest
from cryptography.fernet import Fernet
from redis import Redis
from redis.exceptions import RedisError

from calendar_manager.embedded import erase_home
from calendar_manager.launch.servers import WatchedServer, watch_redis

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

PREFIX = "calendar-manager:beat:"
LOCK, SCHEDULE = f"{PREFIX}:lock", f"{PREFIX}:schedule"
DAILY = f"{PREFIX}clean-up"
"""An entry of the schedule that is not due by itself while a test runs."""


class Beat:
    """A beat process with its log."""

    def __init__(self, log: Path, redis_url: str) -> None:
        self.log = log
        environ = os.environ | {
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "REDIS_URL": redis_url,
            "JWT_SECRET": "s" * 40,
            "TOKEN_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "LOG_FORMAT": "console",
        }
        command = [sys.executable, "-m", "celery", "-A", "calendar_manager.tasks", "beat"]
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [*command, "--loglevel", "INFO"],
                env=environ,
                cwd=log.parent,
                stdout=output,
                stderr=output,
            )

    def is_running(self) -> bool:
        return self.process.poll() is None

    def wrote(self, words: str) -> bool:
        return words in self.log.read_text()

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(timeout=20)


@pytest.fixture
def folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="cm-"))
    yield place
    erase_home(place / "home")
    shutil.rmtree(place)


@pytest.fixture
def server(folder: Path) -> Iterator[WatchedServer]:
    server = watch_redis(folder / "home")
    yield server
    server.stop()


@pytest.fixture
def client(server: WatchedServer) -> Iterator[Redis]:
    with Redis.from_url(server.url, decode_responses=True) as client:
        yield client


@pytest.fixture
def start_beat(folder: Path, server: WatchedServer) -> Iterator[Callable[[], Beat]]:
    beats: list[Beat] = []

    def start() -> Beat:
        beats.append(Beat(folder / f"beat{len(beats)}.log", server.url))
        return beats[-1]

    yield start
    for beat in beats:
        if beat.is_running():
            beat.process.send_signal(signal.SIGCONT)
            beat.end(signal.SIGKILL)


def until(condition: Callable[[], bool], seconds: float = 45) -> None:
    deadline, pause = monotonic() + seconds, Event()
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        pause.wait(0.1)


def is_set_up(client: Redis) -> bool:
    """Tell whether the schedule and the lock are in Redis; False while it is away."""
    try:
        return client.zscore(SCHEDULE, DAILY) is not None and client.get(LOCK) is not None
    except RedisError:
        return False


def sent(client: Redis) -> int:
    """Make the daily entry due, and count how often it is sent in the time of a few ticks."""
    client.delete("maintenance")
    client.hset(DAILY, "meta", '{"last_run_at": null}')
    client.zadd(SCHEDULE, {DAILY: 0})
    until(lambda: count(client) > 0)
    Event().wait(3)
    return count(client)


def count(client: Redis) -> int:
    messages: list[str] = client.lrange("maintenance", 0, -1)  # type: ignore[assignment]  # As above.
    return sum("cleanup.run" in message for message in messages)


def test_it_sends_again_after_redis_forgot_everything(
    start_beat: Callable[[], Beat], client: Redis
) -> None:
    beat = start_beat()
    until(lambda: is_set_up(client))

    client.flushall()

    until(lambda: is_set_up(client))
    assert sent(client) == 1
    assert beat.is_running()
    assert beat.wrote("beat_lock_lost")


def test_it_sends_again_after_its_entries_alone_are_lost(
    start_beat: Callable[[], Beat], client: Redis
) -> None:
    beat = start_beat()
    until(lambda: is_set_up(client))
    lock = client.get(LOCK)

    client.delete(DAILY, SCHEDULE)

    until(lambda: is_set_up(client))
    assert sent(client) == 1
    assert client.get(LOCK) == lock
    assert beat.wrote("beat_schedule_lost")


def test_it_waits_while_redis_is_away_and_goes_on_with_an_empty_one(
    start_beat: Callable[[], Beat], client: Redis, server: WatchedServer, folder: Path
) -> None:
    beat = start_beat()
    until(lambda: is_set_up(client))

    kill(server)
    until(lambda: beat.wrote("beat_waits_for_redis"))
    shutil.rmtree(folder / "home" / "redis" / "appendonlydir")
    server.check()

    until(lambda: is_set_up(client))
    assert sent(client) == 1
    assert beat.is_running()


def test_it_can_start_before_redis(
    start_beat: Callable[[], Beat], client: Redis, server: WatchedServer
) -> None:
    kill(server)
    beat = start_beat()
    until(lambda: beat.wrote("beat_schedule_not_written"))

    server.check()

    until(lambda: is_set_up(client), 60)
    assert beat.is_running()


def test_only_one_of_two_sends_and_the_other_takes_over(
    start_beat: Callable[[], Beat], client: Redis
) -> None:
    first, second = start_beat(), start_beat()
    until(lambda: first.wrote("beat: Starting") and second.wrote("beat: Starting"))
    for _ in range(2):
        # Whoever wins the lock anew, the other one stays silent.
        client.flushall()
        until(lambda: is_set_up(client))
        assert sent(client) == 1

    first.end(signal.SIGKILL)

    assert sent(client) == 1, "the lock of a killed beat runs out"
    assert second.is_running()


def kill(server: WatchedServer) -> None:
    process = psutil.Process(server.pid)
    process.kill()
    process.wait(timeout=10)
