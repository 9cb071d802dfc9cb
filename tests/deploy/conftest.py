import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.deploy.container import Container, make_working_folder
from tests.deploy.databases import EmptyDatabase


@pytest.fixture
def place() -> Iterator[Path]:
    """The root folder of containers: the program as the image has it, and empty volumes."""
    place = Path(tempfile.mkdtemp(prefix="cm-deploy-"))
    for name in ("app", "secrets", "database", "monitoring"):
        (place / name).mkdir()
    make_working_folder(place / "app")
    yield place
    shutil.rmtree(place)


@pytest.fixture
def environ(clean_database: Engine, clean_redis: str) -> dict[str, str]:
    """What the Compose file sets, and nothing of ``.env``."""
    return {
        "DATABASE_URL": clean_database.url.render_as_string(hide_password=False),
        "REDIS_URL": clean_redis,
        # Compose hands over what .env leaves empty, too.
        "JWT_SECRET": "",
        "TOKEN_ENCRYPTION_KEYS": "",
    }


@pytest.fixture
def run(place: Path, environ: dict[str, str]) -> Iterator[Callable[..., Container]]:
    """Start a service, its secrets having been made as Compose has them made."""
    started: list[Container] = []

    def start(name: str, **more: Any) -> Container:
        started.append(Container(name, place, environ | more.pop("environ", {}), **more))
        return started[-1]

    assert start("secrets").finish() == 0, started[-1].log
    yield start
    for one in started:
        one.kill()


@pytest.fixture
def empty_database_url(database_url: str) -> Iterator[str]:
    """A database beside the worker's own, without any table."""
    with EmptyDatabase(database_url, "deploy") as url:
        yield url
