"""Waiting until a process truly serves, rather than until it was started."""

from collections.abc import Callable, Sequence
from threading import Event
from time import monotonic
from typing import Final

import requests

from calendar_manager.job_queue import JobQueue, make_celery
from calendar_manager.launch.supervisor import Child

READY_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.25
ANSWER_SECONDS: Final = 5.0
PING_SECONDS: Final = 0.5


Question = Callable[[], str | None]
"""Asks whether something serves; returns what is missing, or None when it does."""


def wait_until_ready(child: Child, ask: Question, company: Sequence[Child] = ()) -> None:
    """Ask again and again until a child serves.

    Args:
        child: The one that is waited for.
        ask: Whether it serves.
        company: Children started with it; the end of any of them ends the waiting.

    Raises:
        LaunchError: One ended, or does not serve in time; shows the end of its log.
    """
    deadline = monotonic() + READY_SECONDS
    pause = Event()
    while (missing := ask()) is not None:
        for one in (child, *company):
            if not one.is_running():
                raise one.fail("ended while starting")
        if monotonic() > deadline:
            raise child.fail(f"does not serve after {READY_SECONDS:.0f} s ({missing})")
        pause.wait(POLL_SECONDS)


def answers(url: str, login: tuple[str, str] | None = None) -> Question:
    """Return a question: does this address answer 200?"""

    def ask() -> str | None:
        try:
            with requests.Session() as session:
                # A proxy of the environment knows nothing of this machine's ports.
                session.trust_env = False
                answer = session.get(url, auth=login, timeout=ANSWER_SECONDS)
        except requests.RequestException as error:
            return str(error)
        return None if answer.ok else f"{answer.status_code}: {answer.text[:500]}"

    return ask


def worker_answers(redis_url: str) -> Question:
    """Return a question: does a worker answer on this Redis?"""
    queue = JobQueue(make_celery(redis_url))

    def ask() -> str | None:
        return None if queue.count_workers(timeout=PING_SECONDS) else "no worker answers"

    return ask
