"""The embedded servers of a stack come back where they were, with what they had."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic

import psutil
import pytest
from redis import Redis
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from calendar_manager.embedded import EmbeddedServerError, Running, erase_home
from calendar_manager.launch import patience as patience_module
from calendar_manager.launch.errors import LaunchError
from calendar_manager.launch.patience import TRIES
from calendar_manager.launch.servers import WatchedServer, watch_postgres, watch_redis

pytestmark = pytest.mark.e2e


@pytest.fixture
def home() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="cm-"))
    yield place / "home"
    erase_home(place / "home")
    shutil.rmtree(place)


def check_until(server: WatchedServer, condition: Callable[[], bool]) -> None:
    deadline, pause = monotonic() + 60, Event()
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        server.check()
        pause.wait(0.05)


def kill(server: WatchedServer) -> int:
    process = psutil.Process(server.pid)
    process.kill()
    process.wait(timeout=10)
    return process.pid


def test_a_killed_redis_comes_back_at_the_same_address(home: Path) -> None:
    server = watch_redis(home)
    try:
        for number in range(2):
            with Redis.from_url(server.url) as client:
                client.set(f"key{number}", "kept")
            killed = kill(server)
            check_until(server, lambda killed=killed: server.pid != killed)  # type: ignore[misc]  # Bound per round.
        with Redis.from_url(server.url, decode_responses=True) as client:
            assert client.mget("key0", "key1") == ["kept", "kept"]
    finally:
        server.stop()
    assert not psutil.pid_exists(server.pid)


def test_a_killed_postgresql_comes_back_at_the_same_address(home: Path) -> None:
    server = watch_postgres(home, connections=123)
    engine = create_engine(server.url, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE kept (number int)"))
            connection.execute(text("INSERT INTO kept VALUES (7)"))
        killed = kill(server)
        check_until(server, lambda: server.pid != killed)
        with engine.begin() as connection:
            assert connection.execute(text("SELECT number FROM kept")).scalar_one() == 7
            assert connection.execute(text("SHOW max_connections")).scalar_one() == "123"
    finally:
        server.stop()
    assert not psutil.pid_exists(server.pid)


def test_a_server_that_does_not_come_back_is_given_up_with_the_reason(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience_module, "FIRST_PAUSE_SECONDS", 0.001)
    first = watch_redis(home)

    def fail(_dead: Running) -> Running:
        raise EmbeddedServerError("The disk is full.")

    server = WatchedServer("Redis", first._running, fail)
    try:
        kill(server)
        with pytest.raises(LaunchError, match=rf"Redis ended {TRIES} times.*The disk is full"):
            check_until(server, lambda: False)
    finally:
        first.stop()
