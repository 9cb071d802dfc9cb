"""The data folder: where it is, who may read it, and that only one process works in it."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from calendar_manager.embedded.errors import EmbeddedServerError, HomeInUseError

PRIVATE: Final = 0o700

PASSABLE: Final = 0o711
"""Others may go through but not look around: root's servers run as an account of their own."""


def default_home() -> Path:
    """Return the data folder of the person who runs this (XDG base directory specification)."""
    data = os.environ.get("XDG_DATA_HOME", "")
    # The specification says that relative paths are to be ignored.
    base = Path(data) if data.startswith("/") else Path.home() / ".local" / "share"
    return base / "calendar-manager"


def open_home(home: Path) -> Path:
    """Make the data folder if it is missing, and return its real path.

    A folder that exists already keeps its permissions: they are its owner's decision.

    Raises:
        EmbeddedServerError: The folder cannot be made or written.
    """
    try:
        if not home.is_dir():
            home.parent.mkdir(parents=True, exist_ok=True)
            home.mkdir(mode=PRIVATE, exist_ok=True)
            if os.geteuid() == 0:
                home.chmod(PASSABLE)
        if not os.access(home, os.W_OK | os.X_OK):
            raise EmbeddedServerError(f"The data folder {home} belongs to somebody else.")
    except OSError as error:
        raise EmbeddedServerError(
            f"The data folder {home} cannot be made: {error.strerror}."
        ) from error
    return home.resolve()


class FolderLock:
    """Says that one live process works with a folder.

    The kernel drops the lock when the process ends in whatever way, so a lock that can be taken
    proves that servers found running in the folder are nobody's any more.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._path = folder / f"{name}.lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            HomeInUseError: Another process holds it.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode(errors="replace").strip()
            os.close(descriptor)
            raise HomeInUseError(
                f"The data folder {self._folder} is in use by {_describe_process(holder)}."
                " Stop that one first, or choose another folder with --home."
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; the file stays, because removing it would race with others."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _describe_process(pid: str) -> str:
    try:
        command = " ".join(psutil.Process(int(pid)).cmdline())
    except (ValueError, psutil.Error):
        return f"process {pid}" if pid else "another process"
    return f"process {pid} ({command[:120]})"
