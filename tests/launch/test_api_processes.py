"""The API in several processes: all of them serve, come back, and end together."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event
from time import monotonic

import psutil
import pytest
from redis import Redis
from sqlalchemy import Engine

from calendar_manager.config import SettingsError
from calendar_manager.launch.errors import LaunchError
from calendar_manager.launch.ports import choose_port
from calendar_manager.launch.programs import (
    API_CONNECTIONS,
    MOST_API_PROCESSES,
    OTHER_CONNECTIONS,
    api_program,
    choose_api_processes,
    count_connections,
    count_cores,
)
from calendar_manager.launch.readiness import answers, wait_until_ready
from calendar_manager.launch.stack import Plan, Stack
from calendar_manager.launch.supervisor import Child, Supervisor, find_marked
from calendar_manager.store.crypto import TokenCipher
from calendar_manager.store.unit_of_work import Store
from calendar_manager.store.vital_signs import measure_pool
from calendar_manager.telemetry.shipping import POOLS_KEY
from tests.launch.command_line import OURS, get

HOST = "127.0.0.1"
KEY = "b8dWqPtVNY0lhDkIhnHeWBsAC5FVlmYcCvYzBGk2kWs="


def until(condition: Callable[[], bool]) -> None:
    deadline, pause = monotonic() + 60, Event()
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        pause.wait(0.05)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path)
    yield supervisor
    supervisor.stop()


@pytest.fixture
def environ(clean_database: Engine, clean_redis: str) -> dict[str, str]:
    """An environment for the API in two processes."""
    base = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return base | {
        "DATABASE_URL": clean_database.url.render_as_string(hide_password=False),
        "REDIS_URL": clean_redis,
        "JWT_SECRET": "s" * 40,
        "TOKEN_ENCRYPTION_KEYS": KEY,
        "WEB_CONCURRENCY": "2",
    }


@pytest.fixture
def port() -> int:
    return choose_port(HOST, 0, "--port")


def start(supervisor: Supervisor, environ: Mapping[str, str], port: int) -> Child:
    child = supervisor.start(api_program(environ, HOST, port))
    wait_until_ready(child, answers(f"http://{HOST}:{port}/health/ready"))
    return child


def serving(home: Path) -> set[int]:
    """The processes that answer requests, leaving out those that only watch over them."""
    return {
        process.pid
        for process in find_marked(home)
        if "--multiprocessing-fork" in process.cmdline()
    }


def reporting(environ: Mapping[str, str]) -> set[int]:
    """The processes that have started whole, by the use of the database that each reports."""
    with Redis.from_url(environ["REDIS_URL"], decode_responses=True) as redis:
        names = redis.hgetall(POOLS_KEY)
    return {int(name.rpartition(":")[2]) for name in names}


@pytest.mark.e2e
def test_two_processes_serve_a_killed_one_comes_back_and_all_end_together(
    tmp_path: Path, supervisor: Supervisor, environ: dict[str, str], port: int
) -> None:
    child = start(supervisor, environ, port)
    first = serving(tmp_path)
    assert len(first) == 2
    until(lambda: reporting(environ) >= first)

    killed = min(first)
    psutil.Process(killed).kill()
    until(lambda: len(serving(tmp_path) - {killed}) == 2)
    second = serving(tmp_path)
    until(lambda: reporting(environ) >= second)
    assert get(f"http://{HOST}:{port}/health/ready").ok
    supervisor.check()
    assert child.is_running()
    assert child.patience.ends == 0

    child.process.terminate()
    until(lambda: not child.is_running())
    assert serving(tmp_path) == set()
    assert choose_port(HOST, port, "--port") == port
    # Each signed off, so that each ended in good order; the killed one could not.
    assert reporting(environ) <= {killed}


@pytest.mark.e2e
def test_what_a_killed_parent_left_gives_the_port_to_its_successor(
    tmp_path: Path, supervisor: Supervisor, environ: dict[str, str], port: int
) -> None:
    child = start(supervisor, environ, port)
    before = serving(tmp_path)
    child.process.kill()
    until(lambda: not child.is_running())

    supervisor.check()

    assert not before & serving(tmp_path), "they are gone before the port is taken"

    def is_served_anew() -> bool:
        supervisor.check()
        return len(serving(tmp_path) - before) == 2

    until(is_served_anew)
    assert child.is_running()
    wait_until_ready(child, answers(f"http://{HOST}:{port}/health/ready"))


@pytest.mark.e2e
def test_settings_that_cannot_be_used_end_all_of_them_with_the_reason(
    tmp_path: Path, supervisor: Supervisor, environ: dict[str, str], port: int
) -> None:
    with pytest.raises(LaunchError, match=r"api ended while starting(.|\n)*JWT_SECRET") as caught:
        start(supervisor, environ | {"JWT_SECRET": "short"}, port)

    assert "Traceback" not in str(caught.value)
    until(lambda: not list(find_marked(tmp_path)))


@pytest.mark.unit
@pytest.mark.parametrize("number", ["two", "0", "-1", "1.5", "65"])
def test_a_wrong_number_of_processes_is_refused_by_name_before_anything_starts(
    tmp_path: Path, number: str
) -> None:
    told: list[str] = []
    plan = Plan(tmp_path, {"WEB_CONCURRENCY": number}, port=0, flower_port=0)

    with pytest.raises(SettingsError, match=r"\AWEB_CONCURRENCY: "), Stack(plan, told.append):
        pass

    assert told == []


@pytest.mark.unit
@pytest.mark.parametrize(("cores", "processes"), [(1, 1), (2, 2), (4, 4), (5, 4), (64, 4)])
def test_each_core_gets_a_process_up_to_a_limit(cores: int, processes: int) -> None:
    assert choose_api_processes(cores) == processes


@pytest.mark.unit
def test_only_cores_that_may_be_used_are_counted() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert count_cores() == 1
        assert choose_api_processes() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert count_cores() == len(allowed)


@pytest.mark.unit
@pytest.mark.parametrize("processes", [1, 2, MOST_API_PROCESSES, 16])
def test_the_database_accepts_all_connections_of_all_processes(processes: int) -> None:
    store = Store.connect("postgresql://nowhere/nothing", TokenCipher([KEY]))
    try:
        at_most = measure_pool(store.engine).limit
    finally:
        store.engine.dispose()

    assert at_most <= API_CONNECTIONS
    assert count_connections(processes) >= processes * at_most + OTHER_CONNECTIONS
