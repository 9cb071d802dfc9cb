"""Each provider tells the served application of a change, from the opening to the close."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from calendar_manager.api.app import create_app
from calendar_manager.bootstrap import Services, build_services, sync_context
from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.server import SandboxThread
from calendar_manager.sync.channels import tend_channel
from calendar_manager.sync.engine import run_job
from tests.api.conftest import Clock, address_of, listen, make_settings, serve
from tests.sync.desk import connect

pytestmark = pytest.mark.store

ME = "freya@example.test"


def soon() -> datetime:
    now = datetime.now(UTC)  # noqa: TID251 - the sandbox lives in the present as well.
    return now.replace(minute=0, second=0, microsecond=0) + timedelta(days=3)


def change_google(control: ControlClient) -> None:
    start, end = soon(), soon() + timedelta(hours=1)
    control.create_events(
        ME,
        [
            {
                "summary": "News",
                "start": {"dateTime": start.isoformat()},
                "end": {"dateTime": end.isoformat()},
            }
        ],
    )


def change_microsoft(control: ControlClient) -> None:
    start, end = (
        {"dateTime": f"{at:%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}
        for at in (soon(), soon() + timedelta(hours=1))
    )
    control.graph.create_events(ME, [{"subject": "News", "start": start, "end": end}])


def change_caldotcom(control: ControlClient) -> None:
    control.caldotcom.book(ME, start_at=soon())


def add_google(control: ControlClient) -> None:
    control.add_account(ME)


def add_microsoft(control: ControlClient) -> None:
    control.graph.add_account(ME)


def add_caldotcom(control: ControlClient) -> None:
    control.caldotcom.add_account(ME)


SCENES: dict[ProviderKind, tuple[Callable[[ControlClient], None], ...]] = {
    ProviderKind.GOOGLE: (add_google, change_google),
    ProviderKind.MICROSOFT: (add_microsoft, change_microsoft),
    ProviderKind.CALDOTCOM: (add_caldotcom, change_caldotcom),
}


@dataclass
class Reachable:
    """An application that providers reach, and what stands in its database."""

    services: Services

    def rows(self, statement: str) -> list[dict[str, object]]:
        with self.services.store.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(statement)).mappings()]

    def queued(self) -> list[UUID]:
        found = self.rows(
            "SELECT id FROM sync_jobs WHERE status = 'queued' AND trigger = 'notification'"
        )
        return [UUID(str(row["id"])) for row in found]

    def run_all(self) -> None:
        for row in self.rows("SELECT id FROM sync_jobs WHERE status = 'queued'"):
            run_job(sync_context(self.services), UUID(str(row["id"])))

    def wait_for_news(self) -> list[UUID]:
        for _ in range(100):
            if jobs := self.queued():
                return jobs
            Event().wait(0.05)
        return []


@pytest.fixture
def reachable(
    clean_database: Engine, clean_redis: str, database_url: str, sandbox: SandboxThread
) -> Iterator[Reachable]:
    assert clean_database is not None
    control = sandbox.control
    control.reset()
    listener = listen()
    settings = make_settings(
        database_url,
        clean_redis,
        control,
        FRONTEND_URL=address_of(listener),
        PUBLIC_URL=address_of(listener),
        **control.microsoft_settings(),
        **control.caldotcom_settings(),
    )
    services = build_services(settings, clock=Clock())
    with serve(create_app(services), listener):
        yield Reachable(services)
    services.store.engine.dispose()
    services.redis.close()


@pytest.mark.parametrize("provider", SCENES, ids=lambda provider: provider.value)
def test_a_change_is_told_on_the_channel_that_was_opened(
    reachable: Reachable, sandbox: SandboxThread, provider: ProviderKind
) -> None:
    add, change = SCENES[provider]
    control, context = sandbox.control, sync_context(reachable.services)
    add(control)
    connect(context, ME, provider=provider)
    with context.store.begin() as uow:
        uow.session.execute(text('UPDATE calendars SET sync_enabled = "primary"'))
    (calendar,) = reachable.rows("SELECT id FROM calendars WHERE sync_enabled")
    calendar_id = UUID(str(calendar["id"]))
    tend_channel(context, calendar_id)
    reachable.run_all()
    (channel,) = reachable.rows("SELECT opened_at, stopped_at FROM channels")
    assert channel["opened_at"] is not None
    change(control)
    (job,) = reachable.wait_for_news()
    run_job(context, job)
    (count,) = reachable.rows(f"SELECT created_count FROM sync_jobs WHERE id = '{job}'")  # noqa: S608 - a UUID.
    assert count["created_count"] == 1
    with context.store.begin() as uow:
        uow.session.execute(text("UPDATE calendars SET sync_enabled = false"))
    tend_channel(context, calendar_id)
    (channel,) = reachable.rows("SELECT opened_at, stopped_at FROM channels")
    assert channel["stopped_at"] is not None
    change(control)
    Event().wait(0.5)
    assert reachable.queued() == []
