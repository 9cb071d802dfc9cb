"""A service of `docker-compose.yml`, run in a plain shell instead of a container."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from time import monotonic

import psutil

from tests.deploy.compose_file import (
    ROOT,
    last_instruction,
    load_instructions,
    our_services,
    read_command,
)
from tests.launch.command_line import OURS

GRACE_SECONDS = 60


def make_working_folder(place: Path) -> None:
    """Lay out what the image has below ``/app``."""
    for name, rest in load_instructions():
        sources = shlex.split(rest)[:-1]
        if name == "COPY" and not sources[0].startswith("--from"):
            for source in sources:
                (place / source).parent.mkdir(exist_ok=True)
                (place / source).symlink_to(ROOT / source)


class Container:
    """A running service.

    Args:
        name: Of the service.
        place: Stands for the root folder of the container, with ``app`` and the volumes in it.
        environ: What ``.env`` and the Compose file would set.
        changes: Parts of the command that differ here, such as ports.
        command: Another command than the service's.
    """

    def __init__(
        self,
        name: str,
        place: Path,
        environ: Mapping[str, str],
        *,
        changes: Mapping[str, str] | None = None,
        command: Sequence[str] | None = None,
    ) -> None:
        words = [
            *read_command(last_instruction("ENTRYPOINT")),
            *(command or our_services()[name]["command"]),
        ]
        line = shlex.join(_move(one, place, changes or {}) for one in words)
        base = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
        base["PATH"] = f"{Path(sys.executable).parent}:{base['PATH']}"
        base |= {"PYTHONDONTWRITEBYTECODE": "1", **read_environment(name)}
        self._log = place / f"{name}.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {line}"],
                cwd=place / "app",
                env={**base, **environ},
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_until(self, serves: Callable[[], bool]) -> None:
        """Wait until it serves; its end before that is a failure."""
        deadline, pause = monotonic() + GRACE_SECONDS, Event()
        while not serves():
            assert self.process.poll() is None, f"it ended:\n{self.log}"
            assert monotonic() < deadline, f"it did not serve in time:\n{self.log}"
            pause.wait(0.2)

    def finish(self) -> int:
        """Wait for the end, and return the exit code."""
        return self.process.wait(timeout=GRACE_SECONDS)

    def stop(self) -> int:
        """Stop it as Docker does, and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.finish()

    def kill(self) -> None:
        """End what a failed test left, with the processes below it, as Docker ends them."""
        if self.process.poll() is None:
            below = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
            self.process.wait()
            for one in below:
                with suppress(psutil.NoSuchProcess):
                    one.kill()


def read_environment(name: str) -> dict[str, str]:
    """Return what a service's variables are while ``.env`` leaves everything empty."""
    return {
        variable: re.sub(r"\$\{[A-Z_]+:-(.*?)\}", r"\1", value)
        for variable, value in our_services().get(name, {}).get("environment", {}).items()
    }


def _move(word: str, place: Path, changes: Mapping[str, str]) -> str:
    for there, here in changes.items():
        word = word.replace(there, here)
    volumes = ("/app/", "/secrets", "/database", "/monitoring")
    return f"{place}{word}" if word.startswith(volumes) else word
