"""The processes of an installation, as commands."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from calendar_manager.launch.supervisor import Program

WORKER_PROCESSES: Final = 2
"""Enough for one person's calendars; larger installations start workers of their own."""

QUEUES: Final = "sync.urgent,sync,maintenance"

_CELERY: Final = (sys.executable, "-m", "celery", "-A", "calendar_manager.tasks")


def api_program(environ: Mapping[str, str], host: str, port: int) -> Program:
    """Return the API with the pages."""
    command = (sys.executable, "-m", "uvicorn", "calendar_manager.main:app")
    return Program("api", (*command, "--host", host, "--port", str(port)), environ)


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
