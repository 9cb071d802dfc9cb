"""``calendar-manager up``, with all its processes, through good and bad times."""

import signal
from collections.abc import Callable
from pathlib import Path
from threading import Event
from time import monotonic

import psutil
import pytest
from dotenv import dotenv_values

from calendar_manager.launch.programs import choose_api_processes
from calendar_manager.launch.supervisor import find_marked
from tests.launch.command_line import Command, get, post

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

UP = ("up", "--port", "0", "--flower-port", "0", "--json")
PERSON = {
    "email": "mara@example.com",
    "password": "correct horse battery staple",
    "name": "Mara",
    "time_zone": "Europe/Berlin",
}


def until(condition: Callable[[], bool]) -> None:
    deadline, pause = monotonic() + 60, Event()
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        pause.wait(0.1)


def find_program(home: Path, *words: str) -> psutil.Process | None:
    for process in find_marked(home.resolve()):
        command = process.cmdline()
        if all(word in command for word in words) and process.ppid() != process.pid:
            return process
    return None


def count_serving(home: Path) -> int:
    """The processes of the API below the one that watches over them."""
    marked = list(find_marked(home.resolve()))
    return sum("--multiprocessing-fork" in process.cmdline() for process in marked)


def is_healthy(api: str) -> bool:
    return bool(get(f"{api}/health/detailed").json()["status"] == "healthy")


def test_everything_serves_and_survives(start_command: Callable[..., Command], home: Path) -> None:
    first = start_command(*UP, environ={"WEB_CONCURRENCY": "2"})
    line = first.read_line()

    # Exactly one line of JSON, with the keys that apply.
    assert set(line) == {"api", "flower"}
    assert get(f"{line['api']}/health/ready").status_code == 200

    # The API is as many processes as it was told to be.
    assert count_serving(home) == 2

    # Flower is never open without a login.
    password = dotenv_values(home / "secrets.env")["FLOWER_PASSWORD"]
    assert password is not None
    assert get(line["flower"]).status_code == 401
    assert get(f"{line['flower']}/api/workers").status_code == 401
    assert get(line["flower"], ("admin", "wrong")).status_code == 401
    assert get(line["flower"], ("admin", password)).status_code == 200

    # A second one on the same folder is told who holds it.
    second = start_command(*UP)
    assert second.finish() == 1
    assert f"in use by process {first.process.pid}" in second.errors.read_text()

    # Beat and worker pass their sign of life on.
    until(lambda: is_healthy(line["api"]))

    # A crashed process comes back.
    crashed = find_program(home, "worker")
    assert crashed is not None
    crashed.kill()
    until(lambda: get(f"{line['api']}/health/detailed").json()["checks"]["worker"]["ok"])

    # No secret is on a command line or in a log.
    secrets = [value for value in dotenv_values(home / "secrets.env").values() if value]
    commands = [" ".join(process.cmdline()) for process in find_marked(home.resolve())]
    logs = [log.read_text() for log in (home / "logs").iterdir()]
    assert commands
    assert not [secret for secret in secrets for text in commands + logs if secret in text]

    # Killed without a chance to tidy up, it leaves processes, which the next start removes.
    assert post(f"{line['api']}/api/auth/register", PERSON).status_code == 201
    first.end(signal.SIGKILL)
    left = {process.pid for process in find_marked(home.resolve())}
    assert left

    third = start_command(*UP)
    line = third.read_line()
    assert not left & {process.pid for process in find_marked(home.resolve())}
    assert get(line["flower"], ("admin", password)).status_code == 200

    # Left to itself, it makes the API as many processes as there are cores for it; one needs no
    # other that watches over it.
    chosen = choose_api_processes()
    assert count_serving(home) == (chosen if chosen > 1 else 0)

    # What people entered is still there.
    login = {name: PERSON[name] for name in ("email", "password")}
    assert post(f"{line['api']}/api/auth/login", login).status_code == 200

    # A signal ends it all, in order and without a trace.
    assert third.end(signal.SIGTERM) == 0
    assert list(find_marked(home.resolve())) == []
    names = {process.name() for process in psutil.process_iter() if _belongs(process, home)}
    assert names == set()


def test_interrupting_the_start_leaves_nothing(
    start_command: Callable[..., Command], home: Path
) -> None:
    command = start_command(*UP)
    until(lambda: find_program(home, "worker") is not None)

    assert command.end(signal.SIGINT) == 130

    assert command.output.read_text() == ""
    assert list(find_marked(home.resolve())) == []


def _belongs(process: psutil.Process, home: Path) -> bool:
    places = [home.resolve(), (home / "postgres").resolve()]
    try:
        return any(Path(process.cwd()).is_relative_to(place) for place in places)
    except psutil.Error:
        return False
