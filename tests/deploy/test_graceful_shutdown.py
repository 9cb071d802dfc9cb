"""A worker that is told to stop loses nothing of what it has in hand, or of what waits."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic
from uuid import UUID

import pytest
from dotenv import dotenv_values

from calendar_manager.bootstrap import Services, build_services, sync_context
from calendar_manager.config import load_settings
from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.sync_jobs import SyncJob, SyncStatus, SyncTrigger
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.server import SandboxThread
from calendar_manager.sync.requests import request_sync
from tests.deploy.container import Container
from tests.sync.desk import connect

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

EMAIL = "freya@example.test"
SLOW_SECONDS = 4


@pytest.fixture
def control() -> Iterator[ControlClient]:
    with SandboxThread() as sandbox, ControlClient(sandbox.base_url) as client:
        client.add_account(EMAIL, time_zone="Europe/Berlin")
        client.add_calendar(EMAIL, "Private")
        for number in range(1, 4):
            days = {
                "start": {"date": f"2026-03-0{number}"},
                "end": {"date": f"2026-03-0{number + 1}"},
            }
            client.create_events(EMAIL, [{"summary": "Visit", **days}])
        yield client


@pytest.fixture
def variables(
    run: Callable[..., Container], place: Path, environ: dict[str, str], control: ControlClient
) -> dict[str, str]:
    """The settings of the worker and of the test itself."""
    made = dotenv_values(place / "secrets/secrets.env")
    secrets = {name: value for name, value in made.items() if value}
    return environ | secrets | control.google_settings()


@pytest.fixture
def services(variables: dict[str, str]) -> Services:
    return build_services(load_settings(variables))


@pytest.fixture
def calendars(services: Services) -> list[Calendar]:
    """The primary calendar and another one, known and not read yet."""
    connection = connect(sync_context(services), EMAIL)
    with services.store.begin() as uow:
        found = uow.calendars.list_of_connection(connection.id)
    return sorted(found, key=lambda one: not one.primary)


@pytest.fixture
def calendar(calendars: list[Calendar]) -> Calendar:
    return calendars[0]


def order(services: Services, calendar: Calendar) -> UUID:
    """Ask for a sync as the API does, and return the job's id."""
    with services.store.begin() as uow:
        job = request_sync(
            uow, calendar, trigger=SyncTrigger.MANUAL, now=services.clock(), full=False
        )
    services.queue.sync_calendar(job.id, urgent=True)
    return job.id


def look_up(services: Services, calendar: Calendar, job_id: UUID) -> SyncJob:
    with services.store.begin() as uow:
        job = uow.sync_jobs.find(calendar.user_id, job_id)
    assert job is not None
    return job


def until(condition: Callable[[], bool]) -> None:
    deadline, pause = monotonic() + 60, Event()
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        pause.wait(0.1)


def test_what_is_in_hand_is_finished(
    run: Callable[..., Container],
    variables: dict[str, str],
    services: Services,
    calendar: Calendar,
    control: ControlClient,
) -> None:
    control.add_fault("slow", path=".*/events", seconds=SLOW_SECONDS, times=1)
    worker = run("worker-urgent", environ=variables)
    job_id = order(services, calendar)
    until(lambda: look_up(services, calendar, job_id).status is SyncStatus.RUNNING)

    assert worker.stop() == 0, worker.log

    job = look_up(services, calendar, job_id)
    assert job.status is SyncStatus.SUCCEEDED
    assert job.counts.created == 3


def test_what_waits_is_left_to_the_next_one(
    run: Callable[..., Container],
    variables: dict[str, str],
    services: Services,
    calendars: list[Calendar],
    control: ControlClient,
) -> None:
    control.add_fault("slow", path=".*/events", seconds=SLOW_SECONDS, times=1)
    one_hand = {"--concurrency=2": "--concurrency=1"}
    worker = run("worker-urgent", environ=variables, changes=one_hand)
    first, second = calendars
    jobs = [(first, order(services, first)), (second, order(services, second))]

    def statuses() -> set[SyncStatus]:
        return {look_up(services, *job).status for job in jobs}

    until(lambda: SyncStatus.RUNNING in statuses())
    assert worker.stop() == 0, worker.log

    assert statuses() == {SyncStatus.SUCCEEDED, SyncStatus.QUEUED}
    run("worker-urgent", environ=variables)
    until(lambda: statuses() == {SyncStatus.SUCCEEDED})
