# ruff: noqa: INP001 - the image starts this file by its path.
"""Makes the secrets of an installation under Docker Compose, once.

Run again it changes nothing, so that it may run at every start. Each folder is a volume of its own,
because who needs one of them needs none of the others:

* ``secrets``: what ``.env`` leaves empty, for our own processes.
* ``database``: the database's password, for PostgreSQL and for those who connect to it.
* ``monitoring``: the logins of Grafana and Flower, for Grafana and Prometheus.
"""

import os
import secrets
import sys
from pathlib import Path

from calendar_manager.launch.generated_secrets import load_or_make_secrets

PRIVATE = 0o600
READABLE = 0o644
"""Grafana and Prometheus run as users of their own, and nobody else mounts their volume."""


def main(secrets_folder: Path, database_folder: Path, monitoring_folder: Path) -> None:
    """Fill the three folders."""
    made = load_or_make_secrets(secrets_folder)
    password = _keep(database_folder / "password", secrets.token_urlsafe(32), PRIVATE)
    # libpq reads its password file itself and takes none that others can read
    # (https://www.postgresql.org/docs/current/libpq-pgpass.html).
    _write(database_folder / "pgpass", f"*:*:*:*:{password}\n", PRIVATE)
    _keep(monitoring_folder / "grafana", secrets.token_urlsafe(16), READABLE)
    # What .env says wins over what was made, as everywhere.
    flower = os.environ.get("FLOWER_PASSWORD") or made["FLOWER_PASSWORD"]
    _write(monitoring_folder / "flower", flower, READABLE)
    _write(monitoring_folder / "flower-user", os.environ.get("FLOWER_USER") or "admin", READABLE)


def _keep(path: Path, value: str, mode: int) -> str:
    """Write a file unless it is there; return what it holds then."""
    if not path.exists():
        _write(path, value, mode)
    return path.read_text()


def _write(path: Path, value: str, mode: int) -> None:
    """Replace a file in one step, so that an interruption leaves the old or the new one."""
    aside = path.with_suffix(".making")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        os.fchmod(file.fileno(), mode)
        file.write(value)
    aside.rename(path)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
