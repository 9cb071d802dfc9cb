"""``/health/detailed`` and ``/metrics`` of a running installation whose parts stop one by one."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import psutil
import pytest

from calendar_manager.launch.supervisor import find_marked
from tests.launch.command_line import Command, get

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PROMISED_SECONDS = 60
SLACK_SECONDS = 25
"""For a machine that has other things to do as well, and for Redis's own time limits."""


@contextmanager
def stopped(home: Path, program: str) -> Iterator[None]:
    """Stop all processes of a program where they stand, as a machine without memory does."""
    processes = [process for process in find_marked(home.resolve()) if program in process.cmdline()]
    assert processes, program
    with stopped_processes(processes):
        yield


@contextmanager
def stopped_processes(processes: list[psutil.Process]) -> Iterator[None]:
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


class Installation:
    def __init__(self, api: str) -> None:
        self.api = api

    def failing(self) -> set[str]:
        """Return which checks fail."""
        answer: dict[str, Any] = get(f"{self.api}/health/detailed").json()
        failing = {name for name, check in answer["checks"].items() if not check["ok"]}
        assert (answer["status"] == "degraded") == bool(failing)
        return failing

    def waits_until(self, condition: Callable[[set[str]], bool]) -> None:
        """Wait until the failing checks are as expected."""
        deadline, pause = monotonic() + PROMISED_SECONDS + SLACK_SECONDS, Event()
        while not condition(found := self.failing()):
            assert monotonic() < deadline, found
            pause.wait(1)

    def recovers(self) -> None:
        self.waits_until(lambda failing: not failing)

    def number(self, name: str) -> str:
        """Return a number without labels, as Prometheus gets it."""
        lines = get(f"{self.api}/metrics").text.splitlines()
        (line,) = [line for line in lines if line.startswith(f"calendar_manager_{name} ")]
        return line.rpartition(" ")[2]


def test_a_part_that_stops_shows_and_shows_which(
    start_command: Callable[..., Command], home: Path
) -> None:
    command = start_command("up", "--port", "0", "--flower-port", "0", "--json")
    installation = Installation(command.read_line()["api"])
    installation.recovers()
    assert installation.number("heartbeat_alive") == "1.0"

    with stopped(home, "beat"):
        # Its last sign may be done by a worker for a minute yet.
        installation.waits_until(lambda failing: failing - {"heartbeat"} == {"beat"})
        assert installation.number("beat_alive") == "0.0"
    installation.recovers()

    with stopped(home, "worker"):
        assert installation.failing() == {"worker"}
        installation.waits_until(lambda failing: failing == {"worker", "heartbeat"})
        assert installation.number("beat_alive") == "1.0"
        assert installation.number("heartbeat_alive") == "0.0"
    installation.recovers()

    with stopped_processes([find_redis(home)]):
        failing = installation.failing()
        assert {"redis", "worker", "beat", "heartbeat"} <= failing
        assert "database" not in failing
        assert get(f"{installation.api}/health/ready").status_code == 503
        assert get(f"{installation.api}/health/live").status_code == 200
    installation.recovers()
    assert command.end() == 0


def find_redis(home: Path) -> psutil.Process:
    """Return the embedded server, which works in the data folder."""
    folder = str(home.resolve() / "redis")
    (server,) = [
        process
        for process in psutil.process_iter(["name", "cwd"])
        if process.info["name"].startswith("valkey") and process.info["cwd"] == folder
    ]
    return server
