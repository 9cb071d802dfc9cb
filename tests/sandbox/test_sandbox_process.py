"""The sandbox as a process of its own, and as a thread."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.server import DEFAULT_ACCOUNT, SandboxThread

pytestmark = pytest.mark.unit

ICS = Path(__file__).parent.parent / "ics" / "ical4j" / "valid_EXDATE.ics"
COMMAND = [sys.executable, "-m", "calendar_manager.sandbox", "--json"]


@pytest.mark.parametrize(
    ("arguments", "loaded"), [([], 20), (["--seed", str(ICS)], 1)], ids=["packaged", "own file"]
)
def test_it_prints_one_line_once_it_serves_and_ends_on_sigterm(
    arguments: list[str], loaded: int
) -> None:
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        with ControlClient(line["sandbox"]) as control:
            assert len(control.truth(DEFAULT_ACCOUNT)) >= loaded
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == ""
        process.wait(20)


def test_a_seed_that_is_not_there_is_said_plainly(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--seed", str(tmp_path / "none.ics")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot start" in done.stderr
    assert "none.ics" in done.stderr


def test_two_threads_serve_apart_and_stop() -> None:
    with SandboxThread() as one, SandboxThread() as two:
        one.control.add_account("only@example.com")
        assert one.base_url != two.base_url
        assert one.control.count_requests() == 0
        address = two.base_url
        with requests.Session() as session:
            answer = session.get(f"{address}/_control/accounts", timeout=30)
        assert answer.json() == {"items": []}
    with requests.Session() as session, pytest.raises(requests.ConnectionError):
        session.get(f"{address}/_control/health", timeout=5)
