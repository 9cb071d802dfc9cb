"""Groups of sync jobs, run by the tasks themselves in a process of their own, as in a worker."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine

from calendar_manager.store.crypto import TokenCipher
from calendar_manager.store.unit_of_work import Store
from tests.factories import add_calendar, add_connection, add_sync_job, add_user

pytestmark = pytest.mark.store

Run = Callable[..., list[dict[str, Any]]]

KEY = Fernet.generate_key().decode()

RUN = """
import json, sys
from structlog.contextvars import bind_contextvars
from calendar_manager.tasks.application import set_up_logging
from calendar_manager.tasks.sync import sync_calendar, sync_calendars
set_up_logging()
bind_contextvars(request_id="asked-by-mara")
name, redelivered, argument = json.loads(sys.argv[1])
task = {"job": sync_calendar, "group": sync_calendars}[name]
if redelivered:
    task.push_request(delivery_info={"redelivered": True})
    task.run(argument)
else:
    task.apply(args=[argument])
"""


@pytest.fixture
def run(database_url: str, clean_redis: str) -> Run:
    """Runs a task and returns its log lines; the only provider that it knows is away."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": clean_redis,
        "JWT_SECRET": "s" * 40,
        "TOKEN_ENCRYPTION_KEYS": KEY,
        "LOG_FORMAT": "json",
        "GOOGLE_CLIENT_ID": "ours",
        "GOOGLE_CLIENT_SECRET": "secret",
        "GOOGLE_TOKEN_URL": "http://127.0.0.1:1/token",
    }

    def run(
        name: str, argument: str | Sequence[str], *, redelivered: bool = False
    ) -> list[dict[str, Any]]:
        ended = subprocess.run(
            [sys.executable, "-c", RUN, json.dumps([name, redelivered, argument])],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return [json.loads(line) for line in ended.stderr.splitlines()]

    return run


def open_store(engine: Engine, key: str = KEY) -> Store:
    return Store(engine, TokenCipher([key]))


def add_jobs(engine: Engine, count: int, *, key: str = KEY) -> list[UUID]:
    with open_store(engine, key).begin() as uow:
        connection = add_connection(uow, add_user(uow).id)
        return [add_sync_job(uow, add_calendar(uow, connection)).id for _ in range(count)]


def test_each_line_of_a_group_names_its_job_and_the_request_that_led_to_it(
    clean_database: Engine, run: Run
) -> None:
    job_ids = [str(job_id) for job_id in add_jobs(clean_database, 2)]
    lines = run("group", job_ids)
    assert [
        line["job_id"] for line in lines if line["event"] in {"sync_started", "sync_put_back"}
    ] == [job_id for job_id in job_ids for _ in range(2)]
    assert {line["request_id"] for line in lines if "job_id" in line} == {"asked-by-mara"}
    assert not any("job_ids" in line for line in lines)


@pytest.mark.parametrize(("name", "kept"), [("job", False), ("group", True)])
def test_a_group_that_comes_again_takes_no_calendar_from_who_is_at_work_on_it(
    clean_database: Engine, run: Run, name: str, *, kept: bool
) -> None:
    (job_id,) = add_jobs(clean_database, 1)
    now, token = datetime.now(UTC), uuid4()  # noqa: TID251 - another process takes the real clock.
    with open_store(clean_database).begin() as uow:
        until = now + timedelta(minutes=5)
        assert uow.leases.take(job_id, token=token, now=now, until=until) is not None
    run(name, str(job_id) if name == "job" else [str(job_id)], redelivered=True)
    with open_store(clean_database).begin() as uow:
        (job,) = uow.administration.find_jobs([job_id])
    assert (job.status == "running") is kept


def test_a_job_that_breaks_leaves_the_others_of_its_group_alone(
    clean_database: Engine, run: Run
) -> None:
    unreadable = add_jobs(clean_database, 1, key=Fernet.generate_key().decode())
    job_ids = [*unreadable, *add_jobs(clean_database, 1)]
    lines = run("group", [str(job_id) for job_id in job_ids])
    with open_store(clean_database).begin() as uow:
        jobs = {job.id: job.status for job in uow.administration.find_jobs(job_ids)}
    assert [jobs[job_id] for job_id in job_ids] == ["failed", "queued"]
    told = [(line["event"], line["job_id"]) for line in lines if "job_id" in line]
    assert ("job_of_group_failed", str(job_ids[0])) in told
    assert ("sync_put_back", str(job_ids[1])) in told
