"""A connected account in the hands of the write path, and short ways to drive it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import requests
from sqlalchemy import text

from calendar_manager.domain.accounts import Connection, ProviderKind
from calendar_manager.domain.sync_jobs import SyncJob, SyncTrigger
from calendar_manager.sandbox.control_client import ControlClient, approve_consent
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.discovery import adopt_calendars
from calendar_manager.sync.engine import run_job
from calendar_manager.sync.follow_up import FollowUp
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

    def finish(self, job: SyncJob) -> None:
        """Run all pieces of a job."""
        follow_up = self.run(job)
        while follow_up is not None and follow_up.job_id == job.id:
            follow_up = self.run(job)

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


def connect(
    context: SyncContext,
    email: str,
    *,
    provider: ProviderKind = ProviderKind.GOOGLE,
    user: str | None = None,
) -> Connection:
    """Connect an account through the real consent pages, for a new user unless one is named.

    Args:
        context: The write path.
        email: Which account of the sandbox.
        provider: Where it is.
        user: The address of the user, who is made if there is none.
    """
    redirect_uri = f"http://127.0.0.1:8000/api/auth/callback/{provider.value}"
    auth = context.registry.get(provider).auth
    request = auth.authorization(state="s" * 32, redirect_uri=redirect_uri)
    with requests.Session() as session:
        way_back = approve_consent(session, request.url, email)
    grant = auth.exchange(
        parameters=dict(parse_qsl(urlsplit(way_back).query)),
        memory=request.memory,
        redirect_uri=redirect_uri,
        now=context.clock(),
    )
    with context.store.begin() as uow:
        user_id = uow.session.execute(
            text(
                "INSERT INTO users (id, email, name, password_hash, time_zone)"
                " VALUES (gen_random_uuid(), :email, 'Freya', '', 'Europe/Berlin')"
                " ON CONFLICT (lower(email)) DO UPDATE SET name = 'Freya' RETURNING id"
            ),
            {"email": user or email},
        ).scalar_one()
        connection = uow.connections.save(
            user_id=user_id,
            provider=provider,
            provider_account_id=grant.provider_account_id,
            account=grant.account,
            tokens=grant.tokens,
        )
    remote = with_account(context, connection, lambda account: list(account.pull_calendars()))
    with context.store.begin() as uow:
        adopt_calendars(uow, connection, remote, now=context.clock())
        uow.session.execute(text("DELETE FROM sync_jobs WHERE status = 'queued'"))
    return connection


def timed(title: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    """Google's body of a timed event in March 2026; ``start`` and ``end`` as ``dd HH:MM``."""

    def moment(value: str) -> dict[str, str]:
        day, clock_time = value.split()
        return {"dateTime": f"2026-03-{day}T{clock_time}:00Z", "timeZone": "UTC"}

    return {"summary": title, "start": moment(start), "end": moment(end), **more}
