"""The command line in a process of its own, as a person starts it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

STARTED = "from calendar_manager.cli import app; app()"

OURS = (
    "DATABASE_URL",
    "REDIS_URL",
    "JWT_SECRET",
    "TOKEN_ENCRYPTION_KEYS",
    "FLOWER_",
    "GOOGLE_",
    "MICROSOFT_",
    "CALCOM_",
    "WEB_CONCURRENCY",
)


class Command:
    """One running ``calendar-manager``, with its output in files.

    Args:
        folder: Where to run it and keep its output; no ``.env`` is there.
        arguments: Of the command line.
        environ: Variables beside those of this process that are none of the product's.
    """

    def __init__(
        self, folder: Path, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> None:
        base = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self.output, self.errors = folder / "output.txt", folder / "errors.txt"
        with self.output.open("w") as output, self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", STARTED, *arguments],
                cwd=folder,
                env={**base, "COLUMNS": "120", **(environ or {})},
                stdout=output,
                stderr=errors,
            )

    def read_line(self) -> dict[str, Any]:
        """Wait for the line of JSON."""
        for _ in range(900):
            line = self.output.read_text()
            if line.endswith("\n"):
                announced: dict[str, Any] = json.loads(line)
                return announced
            if self._has_ended(within=0.1):
                break
        raise AssertionError(f"no line came:\n{self.output.read_text()}{self.errors.read_text()}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and wait for the end."""
        self.process.send_signal(number)
        return self.finish()

    def finish(self) -> int:
        """Wait for the end."""
        return self.process.wait(timeout=90)

    def _has_ended(self, *, within: float) -> bool:
        try:
            self.process.wait(timeout=within)
        except subprocess.TimeoutExpired:
            return False
        return True


def get(url: str, login: tuple[str, str] | None = None) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, auth=login, timeout=30)


def post(url: str, body: Mapping[str, Any]) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, json=dict(body), timeout=30)
