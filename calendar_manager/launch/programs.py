"""The processes of an installation, as commands."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from calendar_manager.launch.supervisor import Program
from calendar_manager.store.pool import CONNECTIONS

WORKER_PROCESSES: Final = 2
"""Enough for one person's calendars; larger installations start workers of their own."""

QUEUES: Final = "sync.urgent,sync,maintenance"

MOST_API_PROCESSES: Final = 4
"""What is chosen at most; whoever needs more sets WEB_CONCURRENCY."""

API_CONNECTIONS: Final = 2 * CONNECTIONS
"""Connections to the database that an API process opens at most: it may double for a while."""

OTHER_CONNECTIONS: Final = 40
"""Those of workers, of commands beside, and of people who look for themselves."""

FEWEST_CONNECTIONS: Final = 100
"""PostgreSQL's own default."""

HANG_SECONDS: Final = 10
"""An API process that gives no sign of life for so long is replaced. Uvicorn's own 5 seconds are
short for a start on a busy machine; the supervisor's 20 seconds at the end are to be kept."""

_CELERY: Final = (sys.executable, "-m", "celery", "-A", "calendar_manager.tasks")


def count_cores() -> int:
    """Return how many cores this process may use, where affinity or a cpuset leaves it fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose_api_processes(cores: int | None = None) -> int:
    """Return how many processes serve the API: the interpreter lock keeps each to one core.

    Args:
        cores: How many there are; None counts them.
    """
    return min(count_cores() if cores is None else cores, MOST_API_PROCESSES)


def count_connections(api_processes: int) -> int:
    """Return how many connections PostgreSQL has to accept for all that a stack runs."""
    return max(FEWEST_CONNECTIONS, api_processes * API_CONNECTIONS + OTHER_CONNECTIONS)


def api_program(environ: Mapping[str, str], host: str, port: int) -> Program:
    """Return the API with the pages; how many processes, uvicorn reads in WEB_CONCURRENCY."""
    command = (sys.executable, "-m", "uvicorn", "calendar_manager.main:app")
    options = (
        *("--host", host, "--port", str(port)),
        *("--timeout-worker-healthcheck", str(HANG_SECONDS)),
    )
    return Program("api", (*command, *options), environ)


def worker_program(environ: Mapping[str, str]) -> Program:
    """Return the worker for all queues."""
    options = (
        *("--queues", QUEUES, "--concurrency", str(WORKER_PROCESSES), "--loglevel", "INFO"),
        # Talking to other workers first costs seconds, and here there is no other.
        *("--without-gossip", "--without-mingle"),
    )
    return Program("worker", (*_CELERY, "worker", *options), environ)


def beat_program(environ: Mapping[str, str]) -> Program:
    """Return the clock that says when work is due."""
    return Program("beat", (*_CELERY, "beat", "--loglevel", "INFO"), environ)


def flower_program(
    environ: Mapping[str, str], host: str, port: int, login: tuple[str, str]
) -> Program:
    """Return the task monitor behind a login.

    Args:
        environ: The environment to run in.
        host: Address to listen on.
        port: Port to listen on.
        login: User and password.
    """
    # By environment, because every user of the machine can read a command line.
    guarded = {**environ, "FLOWER_BASIC_AUTH": ":".join(login)}
    options = (f"--address={host}", f"--port={port}")
    return Program("flower", (*_CELERY, "flower", *options), guarded)


def sandbox_program(
    environ: Mapping[str, str], host: str, port: int, seed: Path | None = None
) -> Program:
    """Return the stand-in for the providers, seeded with a calendar file if one is given."""
    command = (sys.executable, "-m", "calendar_manager.sandbox", "--json")
    options = ("--host", host, "--port", str(port))
    seeding = ("--seed", str(seed.resolve())) if seed is not None else ()
    return Program("sandbox", (*command, *options, *seeding), environ)
