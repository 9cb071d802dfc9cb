"""Server processes: waiting until they serve, finding what was left, stopping all of it."""

import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self

import psutil

from calendar_manager.embedded.errors import EmbeddedServerError

POLL_SECONDS: Final = 0.02

LOG_TAIL_BYTES: Final = 2000

StopSteps = Sequence[tuple[signal.Signals, float]]
"""Signals to try one after the other, each with the seconds to wait for the end."""


class Running:
    """A server that accepts connections.

    Attributes:
        url: Where it listens, as SQLAlchemy or redis-py take it. It may hold a password.
    """

    def __init__(self, url: str, process: psutil.Process, stop: Callable[[], None]) -> None:
        self.url = url
        self._process = process
        self._stop: Callable[[], None] | None = stop

    @property
    def pid(self) -> int:
        """The server's process number."""
        return int(self._process.pid)

    def is_running(self) -> bool:
        """Whether the process is still there."""
        return is_alive(self._process)

    def stop(self) -> None:
        """Stop the server with its data safe on disk; a second call does nothing.

        Raises:
            EmbeddedServerError: It is still there after the last resort.
        """
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def launch(command: Sequence[str], **options: Any) -> psutil.Process:  # noqa: ANN401 - Popen's own.
    """Start a server.

    Args:
        command: The program and its arguments.
        options: Whatever ``subprocess.Popen`` takes.
    """
    started = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)  # noqa: S603 - our own program.
    # From here on psutil follows the process, and whoever stops it collects it. Python's own object
    # would never hear of its end, and complain when it is forgotten.
    started.returncode = 0
    return psutil.Process(started.pid)


def is_alive(process: psutil.Process) -> bool:
    """Whether a process runs; a dead one that nobody has collected yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stop_leftovers(program: str, folder: Path, steps: StopSteps) -> None:
    """Stop the server that a killed run left in a folder, with all its processes.

    They are known by their program and their working folder, which both servers set to their data
    folder. A process number in a file proves less: numbers are reused, and PostgreSQL's helpers
    can outlive the process that the file names.

    Args:
        program: How the program's name begins.
        folder: The server's data folder.
        steps: How to stop it.
    """
    found = [
        process
        for process in psutil.process_iter()
        if _works_in(process, program, folder.resolve())
    ]
    # The eldest is the server itself, which takes its helpers along.
    for process in sorted(found, key=psutil.Process.create_time):
        stop_process(process, steps)


def _works_in(process: psutil.Process, program: str, folder: Path) -> bool:
    try:
        return process.name().startswith(program) and Path(process.cwd()) == folder
    except psutil.Error:
        # It ended meanwhile, or belongs to somebody else and is none of ours.
        return False


def stop_process(process: psutil.Process, steps: StopSteps) -> None:
    """Stop a process, with more force from step to step.

    Raises:
        EmbeddedServerError: It survived all of them.
    """
    for number, seconds in steps:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
        if _wait_for_end(process, seconds):
            return
    raise EmbeddedServerError(f"Process {process.pid} does not stop.")


def _wait_for_end(process: psutil.Process, seconds: float) -> bool:
    """Wait for a process to end; a dead one that nobody collects has ended too."""
    deadline = monotonic() + seconds
    while is_alive(process):
        if monotonic() > deadline:
            return False
        with suppress(psutil.TimeoutExpired):
            process.wait(timeout=POLL_SECONDS)
    with suppress(psutil.TimeoutExpired):
        process.wait(timeout=0)  # Collects it, if it is a child of ours.
    return True


def wait_until(
    is_ready: Callable[[], bool], process: psutil.Process, seconds: float, log: Path
) -> None:
    """Wait until a server accepts connections.

    Args:
        is_ready: Asked again and again; True ends the waiting.
        process: The server; its end ends the waiting too.
        seconds: How long to wait at most.
        log: The server's log, whose end explains a failure.

    Raises:
        EmbeddedServerError: The process ended, or the time is over.
    """
    deadline = monotonic() + seconds
    while not is_ready():
        with suppress(psutil.TimeoutExpired):
            code = process.wait(timeout=POLL_SECONDS)
            raise EmbeddedServerError(
                f"{log.stem} ended with code {code} while starting. Its log says:\n{log_tail(log)}"
            )
        if monotonic() > deadline:
            raise EmbeddedServerError(
                f"{log.stem} did not answer within {seconds:.0f} s. Its log says:\n{log_tail(log)}"
            )


def log_tail(log: Path) -> str:
    """Return the last lines of a log file, for an error message."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
            return file.read().decode(errors="replace").strip()
    except OSError:
        return "(no log)"
