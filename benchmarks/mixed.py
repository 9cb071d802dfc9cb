"""Answers over HTTP while workers sync, beside the same answers while nobody does."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from threading import Event, Thread
from typing import Final
from uuid import UUID

from sqlalchemy import text

from benchmarks import first_sync
from benchmarks.answering import add_person, availability_url, sign_in
from benchmarks.installation import Installation
from benchmarks.load import Order, Outcome
from benchmarks.people import PERSON
from benchmarks.results import Row
from benchmarks.serving import put_load, run_program, serve_api
from benchmarks.timing import Timing, show_percentiles
from calendar_manager.bootstrap import Services, system_clock
from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.sync_jobs import SyncTrigger
from calendar_manager.job_queue import ROUTINE, URGENT
from calendar_manager.launch.api_client import wait_for
from calendar_manager.sync.requests import request_sync

PATIENCE: Final = 120.0
WORKERS: Final = 2


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much load.

    Attributes:
        seconds: For how long, each time.
        turns: How often quiet and busy times take turns.
        crowds: How many ask at the same time.
        accounts: How many Google accounts are synced over and over.
        events: How many events each of them has.
    """

    seconds: float
    turns: int
    crowds: tuple[int, ...]
    accounts: int
    events: int


FULL = Sizes(seconds=5, turns=3, crowds=(50, 200), accounts=8, events=500)
QUICK = Sizes(seconds=0.5, turns=1, crowds=(5,), accounts=1, events=20)


@dataclass(frozen=True, slots=True)
class _Load:
    """What came back of a load.

    Attributes:
        answers: How long each took.
        errors: How many were no answer, or not of status 200.
        took: How long it all took.
        synced: How many syncs ended meanwhile.
    """

    answers: list[float]
    errors: int
    took: float
    synced: int = 0

    def add(self, outcome: Outcome, synced: int) -> "_Load":
        """Return what came back with one more turn."""
        return _Load(
            [*self.answers, *outcome.seconds],
            self.errors + outcome.errors,
            self.took + outcome.took,
            self.synced + synced,
        )


def measure(installation: Installation, sizes: Sizes) -> Iterator[Row]:
    """Yield one row for each crowd: with syncing workers, beside nobody syncing.

    The workers are Celery's own processes. Calendars are read anew as fast as they finish, so
    that the workers are never idle.

    Args:
        installation: Whose database gets the people.
        sizes: How much load.

    Raises:
        AssertionError: An answer was not of status 200, or nothing was synced meanwhile.
    """
    services = installation.services
    calendars = list(_connect_accounts(installation, sizes))
    with ExitStack() as stack:
        url = stack.enter_context(serve_api(installation.environ))
        stack.enter_context(run_program(_WORKER, installation.environ))
        _wait_for_first_syncs(services, calendars)
        headers = sign_in(services, add_person(services, PERSON))
        paths = ("calendars", "availability/rules", "conflicts")
        urls = [availability_url(url), *(f"{url}/api/{path}" for path in paths)]
        for crowd in sizes.crowds:
            order = Order(urls=urls, headers=headers, concurrency=crowd, seconds=sizes.seconds)
            yield _compare(services, calendars, order, sizes.turns)


_WORKER: Final = (
    *(sys.executable, "-m", "celery", "-A", "calendar_manager.tasks", "worker"),
    *("--queues", f"{URGENT},{ROUTINE}", "--concurrency", str(WORKERS), "--loglevel", "ERROR"),
    *("--without-gossip", "--without-mingle"),
)


def _connect_accounts(installation: Installation, sizes: Sizes) -> Iterator[Calendar]:
    """Fill and connect accounts, and yield the calendar of each."""
    services = installation.services
    for number in range(sizes.accounts):
        account = f"mixed-{number}@example.test"
        first_sync.fill(installation.control, account, sizes.events)
        first_sync.connect(services, account)
        with services.store.begin() as uow:
            credentials = uow.users.find_credentials(account)
            assert credentials is not None  # noqa: S101 - it was just connected.
            yield uow.calendars.list(credentials.user.id)[0][0]


def _wait_for_first_syncs(services: Services, calendars: list[Calendar]) -> None:
    for calendar in calendars:
        _request(services, calendar)

    def all_read() -> bool | None:
        return _count_succeeded(services, [one.id for one in calendars]) >= len(calendars) or None

    wait_for(all_read, "the first syncs", PATIENCE)


def _compare(services: Services, calendars: list[Calendar], order: Order, turns: int) -> Row:
    quiet, busy = _Load([], 0, 0.0), _Load([], 0, 0.0)
    put_load(replace(order, seconds=min(1.0, order.seconds)))
    for _ in range(turns):
        quiet = quiet.add(put_load(order), 0)
        ids = [one.id for one in calendars]
        before = _count_succeeded(services, ids)
        with _kept_syncing(services, calendars):
            outcome = put_load(order)
        busy = busy.add(outcome, _count_succeeded(services, ids) - before)
    if quiet.errors or busy.errors:
        raise AssertionError(f"{quiet.errors + busy.errors} answers were not of status 200")
    if not busy.synced:
        raise AssertionError("nothing was synced while questions were answered")
    told, told_quiet = (show_percentiles(one.answers, one.took) for one in (busy, quiet))
    return Row(
        what=f"reading over HTTP while {WORKERS} workers sync, {order.concurrency} at once",
        floor_name="nobody syncs",
        floor=Timing.of(quiet.answers),
        ours=Timing.of(busy.answers),
        remark=f"{told}; quiet {told_quiet}; {busy.synced} full syncs meanwhile, no errors",
    )


@contextmanager
def _kept_syncing(services: Services, calendars: list[Calendar]) -> Iterator[None]:
    """Ask for full reads of some calendars, again as soon as each has ended."""
    stopped = Event()

    def ask_on() -> None:
        while not stopped.is_set():
            for calendar in calendars:
                if not _is_waiting(services, calendar.id):
                    _request(services, calendar, full=True)
            stopped.wait(0.05)

    thread = Thread(target=ask_on)
    thread.start()
    try:
        # The load begins when the workers have begun.
        stopped.wait(0.3)
        yield
    finally:
        stopped.set()
        thread.join()
        _let_rest(services, [one.id for one in calendars])


def _request(services: Services, calendar: Calendar, *, full: bool = False) -> None:
    with services.store.begin() as uow:
        job = request_sync(uow, calendar, trigger=SyncTrigger.MANUAL, now=system_clock(), full=full)
    services.queue.sync_calendar(job.id, urgent=True)


def _let_rest(services: Services, ids: list[UUID]) -> None:
    """Wait until nothing is left to sync, so that the next quiet time is quiet."""

    def at_rest() -> bool | None:
        return not any(_is_waiting(services, calendar_id) for calendar_id in ids) or None

    wait_for(at_rest, "the workers to be done", PATIENCE)


def _is_waiting(services: Services, calendar_id: UUID) -> bool:
    statement = "SELECT count(*) FROM sync_jobs WHERE calendar_id = :one AND finished_at IS NULL"
    return _count(services, statement, {"one": calendar_id}) > 0


def _count_succeeded(services: Services, ids: list[UUID]) -> int:
    statement = (
        "SELECT count(*) FROM sync_jobs WHERE calendar_id = ANY (:ids) AND status = 'succeeded'"
    )
    return _count(services, statement, {"ids": ids})


def _count(services: Services, statement: str, values: Mapping[str, object]) -> int:
    with services.store.engine.connect() as connection:
        return int(connection.scalars(text(statement), values).one())
