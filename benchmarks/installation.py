"""A real installation to measure: embedded PostgreSQL and Redis, and the sandbox beside them."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from calendar_manager.bootstrap import Services, build_services
from calendar_manager.config import load_settings
from calendar_manager.embedded import start_postgres, start_redis
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.store.migrations import upgrade_database


@dataclass(frozen=True, slots=True)
class Installation:
    """What is measured.

    Attributes:
        services: The joined parts, in this process.
        environ: The settings, for other processes.
        control: The sandbox's controls.
    """

    services: Services
    environ: Mapping[str, str]
    control: ControlClient


@contextmanager
def start_installation(
    home: Path, *, postgres: Mapping[str, str] | None = None
) -> Iterator[Installation]:
    """Start everything that an installation needs, but no process of our own.

    Args:
        home: A folder for the data.
        postgres: Settings of PostgreSQL; its own defaults otherwise, so that commits are safe.
    """
    command = [sys.executable, "-m", "calendar_manager.sandbox", "--json"]
    database, redis = start_postgres(home, dict(postgres or {})), start_redis(home)
    sandbox = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours.
    try:
        assert sandbox.stdout is not None  # noqa: S101 - it was asked for as a pipe.
        control = ControlClient(json.loads(sandbox.stdout.readline())["sandbox"])
        environ = {
            "DATABASE_URL": database.url,
            "REDIS_URL": redis.url,
            "JWT_SECRET": secrets.token_urlsafe(48),
            "TOKEN_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "FLOWER_PASSWORD": secrets.token_urlsafe(12),
            "LOG_LEVEL": "ERROR",
            **control.google_settings(),
        }
        settings = load_settings(environ)
        upgrade_database(settings.database_url)
        services = build_services(settings)
        yield Installation(services, environ, control)
        services.store.engine.dispose()
        services.redis.close()
    finally:
        sandbox.terminate()
        sandbox.communicate()
        redis.stop()
        database.stop()
