"""Child processes: started in order, watched, started again within limits, stopped in reverse.

Every child carries a mark in its environment that names the data folder. Its own children inherit
the mark, so that all of them are found again even after the supervisor itself was killed.
"""

import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from calendar_manager.embedded.running import is_alive, launch, log_tail, stop_process
from calendar_manager.launch.errors import LaunchError
from calendar_manager.launch.patience import Patience

MARK: Final = "CALENDAR_MANAGER_SUPERVISED_IN"

STOP_STEPS: Final = ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0))

LOG_LIMIT_BYTES: Final = 50_000_000


@dataclass(frozen=True)
class Program:
    """What to run.

    Attributes:
        name: Short name; also the name of its log file.
        command: Program and arguments.
        environ: The whole environment of the process.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)


class Child:
    """A program that runs, or has to run again."""

    def __init__(self, program: Program, log: Path, process: psutil.Process) -> None:
        self.program = program
        self.log = log
        self.process = process
        self.patience = Patience()

    def is_running(self) -> bool:
        """Whether the process is there."""
        return is_alive(self.process)

    def fail(self, what: str) -> LaunchError:
        """Return an error that shows the end of the child's log."""
        return LaunchError(
            f"{self.program.name} {what}. The end of {self.log}:\n\n{log_tail(self.log)}"
        )


class Supervisor:
    """Runs programs on behalf of one data folder.

    Args:
        home: The data folder.

    Attributes:
        logs: Folder of the logs, ``home/logs``.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self.logs = home / "logs"
        self.logs.mkdir(mode=0o700, exist_ok=True)
        self._children: list[Child] = []

    @property
    def children(self) -> tuple[Child, ...]:
        """All programs, in the order of their start."""
        return tuple(self._children)

    def start(self, program: Program) -> Child:
        """Start a program; its output goes to ``home/logs/NAME.log``.

        Each start of the supervisor begins a new log and keeps the one before as ``NAME.log.1``.
        """
        log = self.logs / f"{program.name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        child = Child(program, log, self._spawn(program, log))
        self._children.append(child)
        return child

    def check(self) -> None:
        """Start again what ended by itself, and keep logs from growing without limit.

        A program that ends soon after its start waits a little longer each time.

        Raises:
            LaunchError: A program ended soon after its start too often.
        """
        for child in self._children:
            _limit(child.log)
            if not child.is_running():
                self._revive(child)

    def _revive(self, child: Child) -> None:
        if child.patience.has_ended():
            child.process.wait(timeout=1)
            # What it had started itself would stand in the way of its successor.
            self._kill_group(child.process.pid)
        if child.patience.is_exhausted():
            raise child.fail(f"ended {child.patience.ends} times soon after its start")
        if child.patience.is_over():
            child.process = self._spawn(child.program, child.log)
            child.patience.has_started()

    def stop(self) -> None:
        """Stop all programs, the last started first, and whatever they left behind."""
        for child in reversed(self._children):
            # All are asked before the first is waited for, because some take seconds.
            with suppress(psutil.NoSuchProcess):
                child.process.terminate()
        while self._children:
            child = self._children.pop()
            stop_process(child.process, STOP_STEPS)
            self._kill_group(child.process.pid)
        stop_marked(self._home)

    def _spawn(self, program: Program, log: Path) -> psutil.Process:
        descriptor = os.open(
            log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            return launch(
                program.command,
                env={**program.environ, MARK: str(self._home)},
                cwd=self._home,
                stdout=descriptor,
                stderr=descriptor,
                # A group of its own: the terminal's Ctrl-C must not reach it before its turn.
                start_new_session=True,
            )
        finally:
            os.close(descriptor)

    def _kill_group(self, leader: int) -> None:
        """Kill what a leader left behind, and wait until it is gone: it may hold a port."""
        left = [one for one in find_marked(self._home) if _group_of(one) == leader]
        for process in left:
            # All are killed before the first is waited for.
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for process in left:
            stop_process(process, STOP_STEPS[-1:])


def find_marked(home: Path) -> Iterator[psutil.Process]:
    """Find the live processes that were started on behalf of a data folder."""
    for process in psutil.process_iter():
        try:
            marked = process.environ().get(MARK) == str(home)
        except (psutil.Error, OSError):
            # It ended meanwhile, or belongs to somebody else and is none of ours.
            continue
        if marked and process.pid != os.getpid() and is_alive(process):
            yield process


def stop_marked(home: Path) -> None:
    """Stop the processes that a killed supervisor left behind."""
    leaders = [process for process in find_marked(home) if _leads_group(process)]
    for leader in leaders:
        # All are asked before the first is waited for; each sees to its own children.
        with suppress(psutil.NoSuchProcess):
            leader.terminate()
    for leader in leaders:
        stop_process(leader, STOP_STEPS)
    for process in find_marked(home):
        stop_process(process, STOP_STEPS[-1:])


def _leads_group(process: psutil.Process) -> bool:
    return _group_of(process) == process.pid


def _group_of(process: psutil.Process) -> int | None:
    """Return the number of a process's group, or None when it has ended."""
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None


def _limit(log: Path) -> None:
    """Move the content of a log that grew large aside; its writer only ever appends."""
    if log.stat().st_size > LOG_LIMIT_BYTES:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)
