"""Waiting until a process truly serves, rather than until it was started."""

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import Final

import requests
from kombu.exceptions import OperationalError

from calendar_manager.job_queue import make_celery
from calendar_manager.launch.supervisor import Child

READY_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.1
ANSWER_SECONDS: Final = 5.0


def wait_until_ready(child: Child, is_ready: Callable[[], bool]) -> None:
    """Ask again and again until a child serves.

    Raises:
        LaunchError: It ended, or does not serve in time; shows the end of its log.
    """
    deadline = monotonic() + READY_SECONDS
    pause = Event()
    while not is_ready():
        if not child.is_running():
            raise child.fail("ended while starting")
        if monotonic() > deadline:
            raise child.fail(f"does not answer after {READY_SECONDS:.0f} s")
        pause.wait(POLL_SECONDS)


def answers(url: str, login: tuple[str, str] | None = None) -> Callable[[], bool]:
    """Return a question: does this address answer 200?"""

    def ask() -> bool:
        try:
            with requests.Session() as session:
                # A proxy of the environment knows nothing of this machine's ports.
                session.trust_env = False
                return session.get(url, auth=login, timeout=ANSWER_SECONDS).ok
        except requests.RequestException:
            return False

    return ask


def worker_answers(redis_url: str) -> Callable[[], bool]:
    """Return a question: does a worker answer on this Redis?"""
    celery = make_celery(redis_url)

    def ask() -> bool:
        try:
            return bool(celery.control.ping(timeout=0.5, limit=1))
        except OperationalError:
            return False

    return ask
