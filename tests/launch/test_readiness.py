import os
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from calendar_manager.launch import readiness
from calendar_manager.launch.errors import LaunchError
from calendar_manager.launch.readiness import answers, wait_until_ready, worker_answers
from calendar_manager.launch.supervisor import Child, Program, Supervisor

pytestmark = pytest.mark.e2e

LASTING = "import time; time.sleep(60)"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path)
    yield supervisor
    supervisor.stop()


def start(supervisor: Supervisor, name: str, code: str) -> Child:
    return supervisor.start(Program(name, (sys.executable, "-c", code), dict(os.environ)))


def test_waiting_ends_as_soon_as_it_serves(supervisor: Supervisor) -> None:
    child = start(supervisor, "server", LASTING)
    seen = iter(["not yet", "not yet", None])

    wait_until_ready(child, lambda: next(seen))

    assert list(seen) == []


def test_a_program_that_ends_is_shown_with_its_log(supervisor: Supervisor) -> None:
    child = start(supervisor, "server", "raise SystemExit('no such colour')")

    with pytest.raises(LaunchError, match=r"server ended while starting(.|\n)*no such colour"):
        wait_until_ready(child, lambda: "not yet")


def test_the_end_of_a_companion_is_noticed_at_once(supervisor: Supervisor) -> None:
    child = start(supervisor, "server", LASTING)
    start(supervisor, "companion", "raise SystemExit('no such flower')")

    with pytest.raises(LaunchError, match=r"companion ended(.|\n)*no such flower"):
        wait_until_ready(child, lambda: "not yet", supervisor.children)


def test_what_is_missing_is_said_when_the_time_is_over(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "READY_SECONDS", 0.2)
    child = start(supervisor, "server", LASTING)

    with pytest.raises(LaunchError, match=r"server does not serve.*503: no database"):
        wait_until_ready(child, lambda: "503: no database")


class Guarded(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == "Basic bWU6c2VjcmV0"
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(b"" if known else b"who are you?")

    def log_message(self, *_: object) -> None:
        pass


def test_an_address_is_asked_with_its_login() -> None:
    with HTTPServer(("127.0.0.1", 0), Guarded) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            assert answers(url)() == "401: who are you?"
            assert answers(url, ("me", "secret"))() is None
        finally:
            server.shutdown()
            thread.join()

    assert "refused" in str(answers(url)())


def test_no_worker_is_said(clean_redis: str) -> None:
    assert worker_answers(clean_redis)() == "no worker answers"
