"""The API in processes of their own, and a load on it from another one."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import requests

from benchmarks.load import Order, Outcome
from calendar_manager.launch.programs import choose_api_processes

PATIENCE = 60
FLOOR_PATH = "/benchmarks/select-1"
"""Where the application with the floor's route answers with a one."""


@contextmanager
def serve_api(
    environ: Mapping[str, str], *, application: str = "calendar_manager.main:app"
) -> Iterator[str]:
    """Serve an application as ``up`` does, and return its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", application, "--port", str(port)]
    command += ["--log-level", "error"]
    processes = {"WEB_CONCURRENCY": str(choose_api_processes())}
    with run_program(command, {**environ, **processes}):
        _wait_until_it_answers(f"{url}/health/live")
        yield url


@contextmanager
def run_program(command: Sequence[str], environ: Mapping[str, str]) -> Iterator[None]:
    """Run a program of ours for a while."""
    process = subprocess.Popen(  # noqa: S603 - ours.
        command,
        env={**os.environ, **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def put_load(order: Order) -> Outcome:
    """Put a load on a server from a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(order)) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    return Outcome(**json.loads(done.stdout))


def _wait_until_it_answers(url: str) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            if requests.Session().get(url, timeout=1).ok:
                return
        except requests.ConnectionError:
            pass
        if time.monotonic() > end:
            raise TimeoutError(f"nothing answers at {url}")
        time.sleep(0.05)  # noqa: TID251 - there is nothing to wait on but time.
