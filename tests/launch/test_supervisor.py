import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic

import psutil
import pytest

from calendar_manager.launch import patience as patience_module
from calendar_manager.launch import supervisor as supervisor_module
from calendar_manager.launch.errors import LaunchError
from calendar_manager.launch.patience import TRIES, Patience
from calendar_manager.launch.supervisor import (
    MARK,
    Program,
    Supervisor,
    find_marked,
    stop_marked,
)

pytestmark = pytest.mark.e2e

FAMILY = (
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print('ready', flush=True)\n"
    "time.sleep(60)\n"
)
STUBBORN = (
    "import signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True)\n"
    "time.sleep(60)\n"
)


def python(name: str, code: str) -> Program:
    return Program(name, (sys.executable, "-c", code), dict(os.environ))


def until(condition: Callable[[], bool]) -> None:
    deadline, pause = monotonic() + 20, Event()
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        pause.wait(0.02)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop_marked(tmp_path)


@pytest.fixture
def supervisor(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    steps = ((signal.SIGTERM, 1.0), (signal.SIGKILL, 5.0))
    monkeypatch.setattr(supervisor_module, "STOP_STEPS", steps)
    supervisor = Supervisor(home)
    yield supervisor
    supervisor.stop()


def test_output_goes_to_a_private_log_and_the_last_one_is_kept(
    home: Path, supervisor: Supervisor
) -> None:
    log = home / "logs" / "talker.log"
    for text in ("first", "second"):
        child = supervisor.start(python("talker", f"print('{text}')"))
        until(lambda child=child: not child.is_running())  # type: ignore[misc]  # Bound per round.

    assert log.read_text() == "second\n"
    assert log.with_suffix(".log.1").read_text() == "first\n"
    assert log.stat().st_mode & 0o077 == 0


def test_a_program_that_ends_is_started_again(supervisor: Supervisor) -> None:
    child = supervisor.start(python("server", "import time; time.sleep(60)"))
    first = child.process.pid
    child.process.kill()
    until(lambda: not child.is_running())

    supervisor.check()

    assert child.is_running()
    assert child.process.pid != first


def test_a_program_that_ends_again_and_again_is_given_up(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience_module, "FIRST_PAUSE_SECONDS", 0.001)
    supervisor.start(python("broken", "raise SystemExit('no such colour')"))

    def check_for_ever() -> None:
        while monotonic() < deadline:
            supervisor.check()

    deadline = monotonic() + 60
    with pytest.raises(LaunchError, match="no such colour") as caught:
        check_for_ever()

    assert f"broken ended {TRIES} times" in str(caught.value)


def test_old_failures_are_forgotten(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience_module, "LASTING_SECONDS", 0.0)
    child = supervisor.start(python("flaky", "pass"))

    for _ in range(TRIES + 2):
        until(lambda: not child.is_running())
        supervisor.check()

    assert child.patience.ends == 1


def test_the_pause_before_the_next_start_grows_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(patience_module, "monotonic", lambda: now)
    patience, pauses = Patience(), []

    for _ in range(TRIES):
        assert patience.has_ended()
        assert not patience.has_ended(), "one end counts once"
        ended = now
        while not patience.is_over():
            now += 0.25
        pauses.append(now - ended)
        patience.has_started()
    now += patience_module.LASTING_SECONDS
    assert patience.has_ended()

    assert pauses == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]
    assert patience.is_over()
    assert not patience.is_exhausted()


def test_a_successor_does_not_meet_the_children_of_its_predecessor(
    home: Path, supervisor: Supervisor
) -> None:
    child = supervisor.start(python("family", FAMILY))
    until(lambda: "ready" in child.log.read_text())
    before = {process.pid for process in find_marked(home)}
    assert len(before) == 2
    child.process.kill()
    until(lambda: not child.is_running())

    supervisor.check()

    until(lambda: not before & {process.pid for process in find_marked(home)})


def test_stopping_takes_grandchildren_and_the_stubborn_along(
    home: Path, supervisor: Supervisor
) -> None:
    family = supervisor.start(python("family", FAMILY))
    stubborn = supervisor.start(python("stubborn", STUBBORN))
    until(lambda: all("ready" in child.log.read_text() for child in (family, stubborn)))
    assert len(list(find_marked(home))) == 3

    supervisor.stop()

    assert list(find_marked(home)) == []
    assert supervisor.children == ()


def test_the_terminals_interrupt_does_not_reach_children(supervisor: Supervisor) -> None:
    child = supervisor.start(python("server", "import time; time.sleep(60)"))

    assert os.getpgid(child.process.pid) == child.process.pid
    assert os.getsid(child.process.pid) != os.getsid(0)


def test_what_a_killed_supervisor_left_is_found_and_stopped(home: Path, tmp_path: Path) -> None:
    script = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from calendar_manager.launch.supervisor import Program, Supervisor\n"
        f"supervisor = Supervisor(Path({str(home)!r}))\n"
        f"code = {FAMILY!r}\n"
        "for name in ('one', 'two'):\n"
        "    supervisor.start(Program(name, (sys.executable, '-c', code), dict(os.environ)))\n"
        "print('started', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        until(lambda: len(list(find_marked(home))) == 4)
        parent.kill()

    other = psutil.Popen(["sleep", "60"], env={MARK: str(tmp_path / "another")})
    try:
        stop_marked(home)

        assert list(find_marked(home)) == []
        assert other.is_running()
    finally:
        other.kill()
        other.wait()


def test_a_log_does_not_grow_without_limit(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "LOG_LIMIT_BYTES", 1000)
    code = "import sys, time\nprint('x' * 2000, flush=True)\nsys.stdin.read()\ntime.sleep(60)"
    child = supervisor.start(python("chatty", code))
    until(lambda: child.log.stat().st_size > 1000)

    supervisor.check()

    assert child.log.stat().st_size == 0
    assert child.log.with_suffix(".log.1").stat().st_size == 2001
    assert child.is_running()
