"""The write path on real servers: PostgreSQL, Redis, and the sandbox as Google."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from redis import Redis
from sqlalchemy import Engine, event, text

from calendar_manager.domain.accounts import Connection, ProviderKind, Tokens
from calendar_manager.domain.sync_jobs import SyncJob, SyncTrigger
from calendar_manager.providers.registry import (
    GoogleSettings,
    ProviderSettings,
    build_registry,
)
from calendar_manager.sandbox.control_client import CLIENT_ID, CLIENT_SECRET, ControlClient
from calendar_manager.sandbox.server import SandboxThread
from calendar_manager.store.crypto import TokenCipher
from calendar_manager.store.unit_of_work import Store
from calendar_manager.sync.context import SyncContext, SyncOptions
from calendar_manager.sync.discovery import adopt_calendars
from calendar_manager.sync.engine import FollowUp, run_job
from calendar_manager.sync.pull import with_account
from calendar_manager.sync.requests import request_sync

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
EMAIL = "freya@example.test"


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Desk:
    """A connected account, and short ways to do with it what workers and people do."""

    context: SyncContext
    clock: Clock
    control: ControlClient
    connection: Connection
    jobs: list[SyncJob] = field(default_factory=list)

    @property
    def user_id(self) -> UUID:
        return self.connection.user_id

    @property
    def calendar_id(self) -> UUID:
        (row,) = self.rows(
            'SELECT id FROM calendars WHERE "primary" AND user_id = :user', user=self.user_id
        )
        return UUID(str(row["id"]))

    def request(self, trigger: SyncTrigger = SyncTrigger.MANUAL, *, full: bool = False) -> SyncJob:
        with self.context.store.begin() as uow:
            calendar = uow.calendars.find(self.user_id, self.calendar_id)
            assert calendar is not None
            return request_sync(uow, calendar, trigger=trigger, now=self.clock(), full=full)

    def sync(self, *, full: bool = False) -> SyncJob:
        """Run a sync of the primary calendar and return what became of it."""
        job = self.request(full=full)
        run_job(self.context, job.id)
        return self.job(job.id)

    def run(self, job: SyncJob) -> FollowUp | None:
        return run_job(self.context, job.id)

    def job(self, job_id: UUID) -> SyncJob:
        with self.context.store.begin() as uow:
            job = uow.sync_jobs.find(self.user_id, job_id)
        assert job is not None
        return job

    def rows(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        with self.context.store.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(statement), parameters).mappings()]

    def spans(self) -> list[tuple[str, str, str]]:
        """What a person sees: title, start and end of every occurrence, in order."""
        rows = self.rows(
            "SELECT e.title, o.start_at, o.end_at FROM occurrences o"
            " JOIN events e ON e.id = o.event_id ORDER BY o.start_at, e.title"
        )
        return [
            (row["title"], f"{row['start_at']:%m-%d %H:%M}", f"{row['end_at']:%m-%d %H:%M}")
            for row in rows
        ]


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
    urls = control.google_settings()
    google = GoogleSettings(
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        auth_url=urls["GOOGLE_AUTH_URL"],
        token_url=urls["GOOGLE_TOKEN_URL"],
        revoke_url=urls["GOOGLE_REVOKE_URL"],
        api_url=urls["GOOGLE_API_URL"],
    )
    with Redis.from_url(clean_redis) as redis:
        yield SyncContext(
            store=Store(clean_database, TokenCipher([Fernet.generate_key().decode()])),
            registry=build_registry(ProviderSettings(google=google)),
            redis=redis,
            clock=clock,
            jitter=lambda: 0.5,
            options=SyncOptions(
                poll_interval=timedelta(minutes=15),
                horizon_back=timedelta(days=90),
                horizon_ahead=timedelta(days=400),
            ),
        )


@pytest.fixture
def desk(context: SyncContext, clock: Clock, control: ControlClient) -> Desk:
    """A user with one connected Google account whose calendars are known but not yet read."""
    control.add_account(EMAIL, time_zone="Europe/Berlin")
    connection = connect(context, control, EMAIL)
    return Desk(context, clock, control, connection)


def connect(
    context: SyncContext, control: ControlClient, email: str, *, user: str | None = None
) -> Connection:
    """Store a grant of a new user's as connecting does, and find the account's calendars."""
    issued = control.issue_tokens(email)
    tokens = Tokens(
        access_token=issued.access_token,
        refresh_token=issued.refresh_token,
        expires_at=context.clock() + timedelta(seconds=issued.expires_in),
        scopes=frozenset(issued.scope.split()),
    )
    with context.store.begin() as uow:
        user_id = uow.session.execute(
            text(
                "INSERT INTO users (id, email, name, password_hash, time_zone)"
                " VALUES (gen_random_uuid(), :email, 'Freya', '', 'Europe/Berlin') RETURNING id"
            ),
            {"email": user or email},
        ).scalar_one()
        connection = uow.connections.save(
            user_id=user_id,
            provider=ProviderKind.GOOGLE,
            provider_account_id=email,
            account=email,
            tokens=tokens,
        )
    remote = with_account(context, connection, lambda account: list(account.pull_calendars()))
    with context.store.begin() as uow:
        adopt_calendars(uow, connection, remote, now=context.clock())
        uow.session.execute(text("DELETE FROM sync_jobs"))
    return connection


def timed(title: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    """Google's body of a timed event in March 2026; ``start`` and ``end`` as ``dd HH:MM``."""

    def moment(value: str) -> dict[str, str]:
        day, clock_time = value.split()
        return {"dateTime": f"2026-03-{day}T{clock_time}:00Z", "timeZone": "UTC"}

    return {"summary": title, "start": moment(start), "end": moment(end), **more}


@pytest.fixture
def statements(clean_database: Engine) -> Iterator[list[str]]:
    """The SQL statements that are run while the test looks, transaction control left out."""
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(str(arguments[2]))

    event.listen(clean_database, "before_cursor_execute", note)
    yield seen
    event.remove(clean_database, "before_cursor_execute", note)
