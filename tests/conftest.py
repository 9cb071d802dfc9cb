"""Servers, databases and Hypothesis profiles that all tests share.

PostgreSQL and Redis are real. By default they are the embedded ones, started on first use; with
``TEST_DATABASE_URL`` and ``TEST_REDIS_URL`` they are yours. Each pytest-xdist worker gets a
database and a Redis database number of its own, and empties both. A server that does not start
makes tests fail; nothing is skipped.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest
from alembic import command
from redis import Redis
from sqlalchemy import Engine, create_engine, make_url, text

from calendar_manager.embedded import (
    HomeInUseError,
    erase_home,
    start_postgres,
    start_redis,
)
from calendar_manager.store.migrations import make_alembic_config
from tests.emptying import empty_database

hypothesis.settings.register_profile("dev", max_examples=50, deadline=None)
hypothesis.settings.register_profile(
    "ci", max_examples=100, deadline=None, derandomize=True, database=None, print_blob=True
)
hypothesis.settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev")
)

FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Test data need not survive a power cut, and commits are much faster this way."""

UNDISTURBED = {"autovacuum_vacuum_threshold": "10000", "autovacuum_analyze_threshold": "10000"}
"""What few rows a test has are neither moved together nor counted while it looks at them."""


class Servers:
    """The servers of one test run, each started when first asked for."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._home: Path | None = None
        self._urls: dict[str, str] = {}

    def database_url(self) -> str:
        return self._url(
            "TEST_DATABASE_URL", lambda home: start_postgres(home, FORGETFUL | UNDISTURBED)
        )

    def redis_url(self) -> str:
        return self._url("TEST_REDIS_URL", start_redis)

    def stop(self) -> None:
        self._stack.close()

    def _url(self, variable: str, start: Callable[[Path], Any]) -> str:
        if variable not in self._urls:
            given = os.environ.get(variable)
            if given is None:
                given = self._stack.enter_context(start(self._make_home())).url
            self._urls[variable] = given
        return self._urls[variable]

    def _make_home(self) -> Path:
        if self._home is None:
            shelf = Path(tempfile.gettempdir()) / f"calendar-manager-tests-{os.geteuid()}"
            shelf.mkdir(mode=0o711, exist_ok=True)
            erase_abandoned(shelf)
            self._home = Path(tempfile.mkdtemp(dir=shelf))
            self._home.chmod(0o711)
            self._stack.callback(erase_home, self._home)
        return self._home


def erase_abandoned(shelf: Path) -> None:
    """Stop and delete what test runs that were killed left behind."""
    for home in shelf.iterdir():
        # A folder in use belongs to a run that goes on beside this one, or vanishes with it.
        with suppress(HomeInUseError, FileNotFoundError):
            if any(home.glob("*.lock")):
                erase_home(home)


SERVERS = Servers()


MOST_WORKERS = 16
"""Redis has so many databases."""


@pytest.hookimpl(optionalhook=True, wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Use one worker more than there are cores: tests of whole installations mostly wait."""
    workers = yield
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return workers
    return min(workers + 1, MOST_WORKERS)


def pytest_configure(config: pytest.Config) -> None:
    """Let workers and the programs that tests start find their modules compiled.

    Where Python is told to leave no bytecode beside the source, each of them would compile some
    thousand files for itself; they share pytest's own cache folder instead.
    """
    cache: pytest.Cache | None = getattr(config, "cache", None)
    if sys.dont_write_bytecode and cache is not None:
        os.environ["PYTHONPYCACHEPREFIX"] = str(cache.mkdir("bytecode"))
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests of whole installations, the most patient ones first.

    One worker waits with them while the others are busy; in the end, all would wait for it.
    """
    items.sort(key=patience_of, reverse=True)


def patience_of(item: pytest.Item) -> float:
    """Return how many seconds a test of a whole installation may take; 0 for other tests."""
    if item.get_closest_marker("e2e") is None:
        return 0
    limit = item.get_closest_marker("timeout")
    return 1 if limit is None else float(limit.args[0])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let the workers of pytest-xdist share the controller's servers."""
    node.workerinput["database_url"] = SERVERS.database_url()
    node.workerinput["redis_url"] = SERVERS.redis_url()


def pytest_unconfigure() -> None:
    SERVERS.stop()


@pytest.fixture(scope="session")
def worker(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the controller handed over, or nothing without pytest-xdist."""
    return dict(getattr(request.config, "workerinput", {}))


@pytest.fixture(scope="session")
def database_url(worker: dict[str, Any]) -> Iterator[str]:
    """SQLAlchemy's address of an empty database of this worker's own."""
    server = make_url(worker.get("database_url") or SERVERS.database_url())
    server = server.set(drivername="postgresql+psycopg2")
    name = f"{server.database}_test_{worker.get('workerid', 'alone')}_{os.getpid()}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()


@pytest.fixture(scope="session")
def redis_url(worker: dict[str, Any]) -> Iterator[str]:
    """The address of an empty Redis database of this worker's own."""
    server = urlsplit(worker.get("redis_url") or SERVERS.redis_url())
    index = int(str(worker.get("workerid", "gw0")).removeprefix("gw"))
    url = server._replace(path=f"/{int(server.path.strip('/') or 0) + index}").geturl()
    with Redis.from_url(url) as connection:
        connection.flushdb()
        yield url
        connection.flushdb()


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    """The worker's database, brought to the newest schema by the migrations themselves."""
    engine = create_engine(database_url, connect_args={"options": "-c timezone=UTC"})
    config = make_alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    yield engine
    engine.dispose()


@pytest.fixture
def clean_database(engine: Engine) -> Iterator[Engine]:
    """The same database, emptied after the test: for tests that commit."""
    yield engine
    empty_database(engine)


@pytest.fixture
def clean_redis(redis_url: str) -> Iterator[str]:
    """The same Redis database, emptied after the test."""
    yield redis_url
    with Redis.from_url(redis_url) as connection:
        connection.flushdb()
