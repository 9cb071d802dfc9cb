"""The real application on a real port, its database, its Redis, and the sandbox's Google."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import structlog
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import Engine, text

from calendar_manager.accounts.passwords import Passwords
from calendar_manager.api.app import create_app
from calendar_manager.bootstrap import Services, build_services, sync_context
from calendar_manager.config import Settings, load_settings
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.server import SandboxThread
from calendar_manager.sync.detect import examine_conflicts
from calendar_manager.sync.engine import run_job
from calendar_manager.web.deps import build_accounts
from tests.api.callers import NO_AUTHORITIES, PASSWORD, Forgetful, Person

JWT_SECRET = "a secret of at least thirty-two bytes, for tests"
TOKEN_KEY = "b8dWqPtVNY0lhDkIhnHeWBsAC5FVlmYcCvYzBGk2kWs="


class Clock:
    """The present, which a test may move."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset  # noqa: TID251 - time enters the tests here.

    def advance(self, by: timedelta) -> None:
        self.offset += by


class QuickPasswords(Passwords):
    """argon2id with parameters that are too weak for anything but tests."""

    def __init__(self) -> None:
        super().__init__(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def listen() -> socket.socket:
    """Take a free port, so that an application can be told its address before it exists."""
    return socket.create_server(("127.0.0.1", 0), backlog=128)


def address_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def serve(app: FastAPI, listener: socket.socket) -> Iterator[str]:
    """Serve an application in a thread; yields its address."""
    config = uvicorn.Config(app, lifespan="on", log_config=None, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield address_of(listener)
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def make_settings(
    database_url: str, redis_url: str, control: ControlClient, **changes: str
) -> Settings:
    return load_settings(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "JWT_SECRET": JWT_SECRET,
            "TOKEN_ENCRYPTION_KEYS": TOKEN_KEY,
            **control.google_settings(),
            **changes,
        }
    )


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Log plainly: drawing tracebacks with all their variables would take seconds."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(),
        ]
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxThread]:
    with SandboxThread() as thread:
        yield thread


@pytest.fixture
def google(sandbox: SandboxThread) -> ControlClient:
    """The sandbox's Google, empty but for one account with two calendars."""
    sandbox.control.reset()
    sandbox.control.add_account(
        "mara@example.com", name="Mara Lind", calendars=[{"summary": "Side projects"}]
    )
    return sandbox.control


@pytest.fixture(scope="session")
def shared_clock() -> Clock:
    return Clock()


@pytest.fixture
def clock(shared_clock: Clock) -> Iterator[Clock]:
    shared_clock.offset = timedelta(0)
    yield shared_clock
    shared_clock.offset = timedelta(0)


@pytest.fixture(scope="session")
def listener() -> socket.socket:
    return listen()


@pytest.fixture(scope="session")
def shared_services(
    engine: Engine,
    database_url: str,
    redis_url: str,
    sandbox: SandboxThread,
    shared_clock: Clock,
    listener: socket.socket,
) -> Iterator[Services]:
    settings = make_settings(
        database_url, redis_url, sandbox.control, FRONTEND_URL=address_of(listener)
    )
    services = build_services(settings, clock=shared_clock)
    yield services
    services.store.engine.dispose()
    services.redis.close()


@pytest.fixture(scope="session")
def served(shared_services: Services, listener: socket.socket) -> Iterator[tuple[FastAPI, str]]:
    app = create_app(shared_services)
    app.state.accounts = build_accounts(shared_services, passwords=QuickPasswords())
    with serve(app, listener) as url:
        yield app, url


@pytest.fixture
def services(
    shared_services: Services, clean_database: Engine, clean_redis: str, clock: Clock
) -> Services:
    """The parts behind the application, with an empty database and an empty Redis."""
    return shared_services


@pytest.fixture
def base_url(services: Services, served: tuple[FastAPI, str]) -> str:
    return served[1]


@pytest.fixture
def http(base_url: str) -> Iterator[httpx.Client]:
    """A caller whom nobody knows; it keeps no cookies."""
    with Forgetful(base_url=base_url, timeout=30, verify=NO_AUTHORITIES) as client:
        yield client


@pytest.fixture
def sign_up(http: httpx.Client) -> Iterator[Callable[..., Person]]:
    """Registers and signs in as many people as a test needs."""
    people: list[Person] = []

    def sign_up(email: str = "mara@example.com", time_zone: str = "Europe/Berlin") -> Person:
        registered = http.post(
            "/api/auth/register",
            json={"email": email, "password": PASSWORD, "name": "Mara", "time_zone": time_zone},
        )
        assert registered.status_code == 201, registered.text
        person = Person(registered.json()["id"], email, http)
        login = http.post("/api/auth/login", json={"email": email, "password": PASSWORD})
        assert login.status_code == 200, login.text
        person.tokens = login.json()
        people.append(person)
        return person

    yield sign_up
    for person in people:
        person.browser.close()


@pytest.fixture
def mara(sign_up: Callable[..., Person]) -> Person:
    return sign_up("mara@example.com")


@pytest.fixture
def otto(sign_up: Callable[..., Person]) -> Person:
    return sign_up("otto@example.com")


@pytest.fixture
def count(clean_database: Engine) -> Callable[[str], int]:
    """Counts the rows of a table."""

    def count(table: str) -> int:
        with clean_database.connect() as connection:
            return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 - a test's own table name.

    return count


@pytest.fixture
def work(services: Services) -> Callable[[], None]:
    """Does what the workers would do now: runs the queued syncs and looks for conflicts."""

    def work() -> None:
        with services.store.engine.connect() as connection:
            jobs = connection.scalars(
                text("SELECT id FROM sync_jobs WHERE status = 'queued' ORDER BY queued_at")
            ).all()
            users = connection.scalars(text("SELECT id FROM users")).all()
        for job_id in jobs:
            run_job(sync_context(services), job_id)
        for user_id in users:
            examine_conflicts(services.store, user_id, services.clock)
        services.redis.flushdb()

    return work
