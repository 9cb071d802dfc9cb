"""The write path on real servers: PostgreSQL, Redis, and the sandbox as the providers."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from redis import Redis
from sqlalchemy import Engine, event

from calendar_manager.bootstrap import provider_settings
from calendar_manager.config import load_settings
from calendar_manager.domain.breaker import BreakerLimits
from calendar_manager.providers.registry import build_registry
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.server import SandboxThread
from calendar_manager.store.crypto import TokenCipher
from calendar_manager.store.unit_of_work import Store
from calendar_manager.sync.context import SyncContext, SyncOptions
from tests.sync.desk import EMAIL, NOW, Clock, Desk, connect
from tests.sync.limited import bear_everything


@pytest.fixture(scope="session")
def sandbox() -> Iterator[str]:
    with SandboxThread() as running:
        yield running.base_url


@pytest.fixture
def control(sandbox: str) -> Iterator[ControlClient]:
    with ControlClient(sandbox) as client:
        client.reset()
        yield client


@pytest.fixture
def clock(control: ControlClient) -> Clock:
    control.set_clock(NOW)
    return Clock()


@pytest.fixture
def context(
    clean_database: Engine, clean_redis: str, control: ControlClient, clock: Clock
) -> Iterator[SyncContext]:
    key = Fernet.generate_key().decode()
    settings = load_settings(
        {
            "DATABASE_URL": "postgresql://unused@127.0.0.1/unused",
            "REDIS_URL": clean_redis,
            "JWT_SECRET": "s" * 40,
            "TOKEN_ENCRYPTION_KEYS": key,
            **control.google_settings(),
            **control.microsoft_settings(),
            **control.caldotcom_settings(),
        }
    )
    with Redis.from_url(clean_redis) as redis:
        yield SyncContext(
            store=Store(clean_database, TokenCipher([key])),
            registry=bear_everything(build_registry(provider_settings(settings))),
            redis=redis,
            clock=clock,
            jitter=lambda: 0.5,
            options=SyncOptions(
                poll_interval=timedelta(minutes=15),
                poll_interval_with_push=timedelta(minutes=30),
                poll_interval_without_push=timedelta(minutes=5),
                breaker=BreakerLimits(share=0.5, minimum=10),
                horizon_back=timedelta(days=90),
                horizon_ahead=timedelta(days=400),
            ),
        )


@pytest.fixture
def desk(context: SyncContext, clock: Clock, control: ControlClient) -> Desk:
    """A user with one connected Google account whose calendars are known but not yet read."""
    control.add_account(EMAIL, time_zone="Europe/Berlin")
    connection = connect(context, EMAIL)
    return Desk(context, clock, control, connection)


@pytest.fixture
def statements(clean_database: Engine) -> Iterator[list[str]]:
    """The SQL statements that are run while the test looks, transaction control left out."""
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(str(arguments[2]))

    event.listen(clean_database, "before_cursor_execute", note)
    yield seen
    event.remove(clean_database, "before_cursor_execute", note)
