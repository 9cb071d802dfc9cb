"""The first sync of a large calendar: how fast, and how much memory the worker takes.

``uv run python -m benchmarks.first_sync --events 100000`` starts PostgreSQL, Redis and the sandbox
as processes of their own, fills a Google calendar, connects it through the consent page, and runs
its first sync here, piece by piece as a worker does. After every piece it prints how many events
are stored and how much memory this process has, so that a memory that grows with the calendar
shows. The time is compared with writing as many rows in bulk and nothing else.
"""

import argparse
import gc
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import psutil
import requests
import structlog
from psycopg2 import extensions
from psycopg2.extras import Json, execute_values, register_uuid
from sqlalchemy import JSON, Column, Row, Table, select, text

from benchmarks.installation import start_installation
from calendar_manager.bootstrap import Services, sync_context
from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.sandbox.control_client import ControlClient, approve_consent
from calendar_manager.store.tables import EventRow, OccurrenceRow
from calendar_manager.sync.engine import run_job
from calendar_manager.web.deps import build_accounts

ACCOUNT = "freya@example.test"
BATCH = 2000
PAGE = 2500


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured after a piece.

    Attributes:
        events: How many events were stored by then.
        seconds: Since the first piece began.
        megabytes: Resident memory of the process that syncs.
    """

    events: int
    seconds: float
    megabytes: float


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_sync", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="size of the calendar")
    parser.add_argument("--json", action="store_true", help="print the samples as one line of JSON")
    arguments = parser.parse_args()
    count = arguments.events
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as home, start_installation(Path(home)) as installation:
        services = installation.services
        fill(installation.control, ACCOUNT, count)
        job_id = connect(services, ACCOUNT)
        samples = list(sync(services, job_id))
        floor = measure_floor(services)
    if arguments.json:
        print(json.dumps({"samples": [asdict(one) for one in samples], "floor": floor}))
    else:
        _print(samples, floor)
    return 0


def fill(control: ControlClient, account: str, count: int) -> None:
    """Make a Google account with that many events, one every five minutes."""
    control.add_account(account, time_zone="Europe/Berlin")
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=60)  # noqa: TID251 - a benchmark lives in the present.
    for begin in range(0, count, BATCH):
        control.create_events(
            account,
            [
                {
                    "summary": f"Meeting {number}",
                    "description": "Agenda and notes. " * 20,
                    "start": {"dateTime": (first + timedelta(minutes=5 * number)).isoformat()},
                    "end": {"dateTime": (first + timedelta(minutes=5 * number + 5)).isoformat()},
                    "attendees": [{"email": f"guest{number % 97}@client.example"}],
                }
                for number in range(begin, min(begin + BATCH, count))
            ],
        )


def connect(services: Services, account: str) -> UUID:
    """Register a person, connect the account, and return the job of its first sync."""
    accounts = build_accounts(services)
    user = accounts.registration.register(
        email=account,
        password=secrets.token_urlsafe(12),
        name="Freya",
        time_zone="Europe/Berlin",
    )
    redirect_uri = f"{services.settings.frontend_url}/api/auth/callback/google"
    request = accounts.connecting.begin(
        user.id, ProviderKind.GOOGLE, redirect_uri=redirect_uri, wants_json=True
    )
    with requests.Session() as session:
        way_back = approve_consent(session, request.url, account)
    accounts.connecting.finish(
        ProviderKind.GOOGLE,
        parameters=dict(parse_qsl(urlsplit(way_back).query)),
        browser_secret=request.browser_secret,
        signed_in=user.id,
    )
    with services.store.begin() as uow:
        (job, *_) = uow.sync_jobs.list(user.id)
    return job.id


def sync(services: Services, job_id: UUID) -> Iterator[Sample]:
    """Run a job to its end as a worker does, and yield what was measured after each piece."""
    context = sync_context(services)
    process, began, stored, again = psutil.Process(os.getpid()), time.perf_counter(), 0, True
    while again:
        follow_up = run_job(context, job_id)
        again = follow_up is not None and follow_up.job_id == job_id
        gc.collect()
        with services.store.begin() as uow:
            stored = uow.session.scalars(text("SELECT count(*) FROM events")).one()
        megabytes = process.memory_info().rss / 2**20
        yield Sample(stored, time.perf_counter() - began, megabytes)


def measure_floor(services: Services) -> float:
    """Return the seconds that psycopg2 takes to insert the same rows in bulk, and nothing else."""
    took = 0.0
    with services.store.engine.connect() as source, services.store.engine.connect() as target:
        register_uuid()  # type: ignore[no-untyped-call]  # Its stubs give it no types.
        driver = cast("extensions.connection", target.connection.dbapi_connection)
        for table in (cast("Table", EventRow.__table__), cast("Table", OccurrenceRow.__table__)):
            copy = f"copy_of_{table.name}"
            columns = [column for column in table.columns if column.computed is None]
            names = ", ".join(f'"{column.name}"' for column in columns)
            rows = source.execution_options(yield_per=PAGE).execute(select(*columns))
            with driver.cursor() as cursor:
                cursor.execute(f"CREATE TABLE {copy} (LIKE {table.name} INCLUDING ALL)")
                for page in rows.partitions():
                    values = [_adapt(columns, row) for row in page]
                    began = time.perf_counter()
                    statement = f"INSERT INTO {copy} ({names}) VALUES %s"  # noqa: S608 - our own.
                    execute_values(cursor, statement, values, page_size=1000)
                    driver.commit()
                    took += time.perf_counter() - began
    return took


def _adapt(columns: Sequence[Column[Any]], row: Row[Any]) -> list[object]:
    """Return a row as psycopg2 takes it, to which a list is an array."""
    return [
        Json(value) if isinstance(column.type, JSON) and value is not None else value
        for column, value in zip(columns, row, strict=True)
    ]


def _print(samples: list[Sample], floor: float) -> None:
    print(f"{'events':>10} {'seconds':>9} {'memory (MB)':>12}")
    for sample in samples:
        print(f"{sample.events:>10,} {sample.seconds:>9.1f} {sample.megabytes:>12.0f}")
    last = samples[-1]
    rate = last.events / last.seconds
    print(
        f"{rate:,.0f} events per second. Writing the same rows in bulk, and nothing else,"
        f" takes {floor:.1f} s: the sync takes {last.seconds / floor:.1f} times as long."
    )


if __name__ == "__main__":
    sys.exit(main())
