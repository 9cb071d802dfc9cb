"""The walks through the API in docs/api.md, run as they stand there."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.launch.command_line import Command

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

GUIDE: Final = Path(__file__).parents[2] / "docs/api.md"
PORTS: Final = ("--port", "0", "--flower-port", "0", "--sandbox-port", "0")
PATIENCE: Final = 90


def test_the_walks_in_the_documentation_work(
    start_command: Callable[..., Command],
    tmp_path: Path,
    empty_database_url: str,
    clean_redis: str,
) -> None:
    environ = {"DATABASE_URL": empty_database_url, "REDIS_URL": clean_redis}
    api = start_command("up", "--json", *PORTS, environ=environ).read_line()["api"]

    script = tmp_path / "walk.py"
    script.write_text(read_blocks("python"))
    said = run([sys.executable, script], {"API": api}, tmp_path)
    account, *free, status = said.splitlines()
    assert account == "freelancer@example.com"
    assert len(free) == 5
    assert all(re.fullmatch(r"free: 20\d\d-\d\d-\d\dT\d\d:\d\d:00\+0[12]:00", one) for one in free)
    assert status == "disconnected"

    missing = [tool for tool in ("bash", "curl", "jq") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"The walk with curl needs {' and '.join(missing)}, which this machine lacks.")
    script = tmp_path / "walk.sh"
    script.write_text(read_blocks("sh"))
    said = run(["bash", "-euo", "pipefail", script], {"API": api}, tmp_path)
    for shown in (
        '"email": "me@example.com"',
        '"outcome": "connected"',
        '"kind":"initial","trigger":"connect","status":"succeeded"',
        '"trigger": "manual"',
        "Nordlicht: daily stand-up",
        '"within_max_age":true',
        '"bookable":true',
        '"bookable": false',
        '"outside_hours"',
        "overlap\thigh",
        '"alternatives": [',
        '"status": "resolved"',
        "Jo takes the call.",
        "client,project,start,end,meetings,minutes",
        "Nordlicht,,20",
        "BEGIN:VCALENDAR",
        '"status": "disconnected"',
    ):
        assert shown in said


def read_blocks(language: str) -> str:
    """Return the code of one language in the guide, joined."""
    text = GUIDE.read_text(encoding="utf-8")
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


def run(command: list[str | Path], environ: Mapping[str, str], folder: Path) -> str:
    """Run a program to its end, without proxies, and return what it said."""
    base = {name: value for name, value in os.environ.items() if not name.lower().endswith("proxy")}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**base, **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
