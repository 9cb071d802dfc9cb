"""``max_age``: an answer that waits until the calendars behind it have been read."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import QueuePool, text

from calendar_manager.bootstrap import Services, sync_context
from calendar_manager.job_queue import URGENT
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sync.engine import run_job
from tests.api.callers import Person, expect_problem
from tests.api.conftest import Clock

pytestmark = pytest.mark.store

ACCOUNT = "mara@example.com"
OPEN_TRANSACTIONS = """
SELECT string_agg(query, ';') FROM pg_stat_activity
WHERE state = 'idle in transaction' AND datname = current_database()
"""


class Desk:
    """Mara, whose Google account was read an hour ago."""

    def __init__(self, services: Services, person: Person, clock: Clock) -> None:
        self.services = services
        self.person = person
        self.clock = clock

    def ask(self, path: str = "/api/availability", **query: Any) -> Any:
        day = self.clock() + timedelta(days=2)
        asked: dict[str, Any]
        if path.endswith("explain"):
            asked = {"at": f"{day:%Y-%m-%dT}12:00:00Z"}
        else:
            asked = {"start": f"{day:%Y-%m-%d}", "end": f"{day + timedelta(days=1):%Y-%m-%d}"}
        answer = self.person.get(path, params=asked | query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def met(self, **query: Any) -> set[bool | None]:
        return {one["within_max_age"] for one in self.ask(**query)["freshness"]}

    def run_queued_jobs(self) -> int:
        with self.services.store.engine.connect() as connection:
            jobs = connection.scalars(text("SELECT id FROM sync_jobs WHERE status = 'queued'"))
            waiting = jobs.all()
        for job_id in waiting:
            run_job(sync_context(self.services), job_id)
        return len(waiting)

    @contextmanager
    def worker(self) -> Iterator[list[int]]:
        """Run queued jobs in a thread, as a worker would; yields how many there were."""
        done: list[int] = []
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                done.append(self.run_queued_jobs())
                stop.wait(0.05)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield done
        finally:
            stop.set()
            thread.join(30)


@pytest.fixture
def desk(
    services: Services,
    mara: Person,
    google: ControlClient,
    clock: Clock,
    work: Callable[[], None],
) -> Desk:
    mara.connected(ACCOUNT)
    work()
    # Not so long that the access token ends.
    clock.advance(timedelta(minutes=10))
    return Desk(services, mara, clock)


@pytest.mark.parametrize("path", ["/api/availability", "/api/availability/explain"])
def test_old_copies_are_read_first(desk: Desk, google: ControlClient, path: str) -> None:
    assert {one["within_max_age"] for one in desk.ask(path)["freshness"]} == {None}
    before = desk.clock()
    with desk.worker() as done:
        answer = desk.ask(path, max_age=5, max_wait=20)
    assert {one["within_max_age"] for one in answer["freshness"]} == {True}
    assert {one["via"] for one in answer["freshness"]} == {"manual"}
    assert all(one["complete_as_of"] >= before.isoformat() for one in answer["freshness"])
    assert sum(done) == len(answer["freshness"]) == 2


def test_no_kept_answer_survives_a_sync(desk: Desk, google: ControlClient) -> None:
    always = [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00"}]
    rules = {"time_zone": "UTC", "weekly": [always[0] | {"end": "24:00"}]}
    assert desk.person.post("/api/availability/rules", json=rules).status_code == 200
    before = desk.ask()
    assert desk.ask()["windows"] == before["windows"]
    day = f"{desk.clock() + timedelta(days=2):%Y-%m-%d}"
    (event,) = google.create_events(
        ACCOUNT,
        [
            {
                "summary": "Review",
                "start": {"dateTime": f"{day}T12:00:00Z"},
                "end": {"dateTime": f"{day}T13:00:00Z"},
            }
        ],
    )
    assert desk.ask()["windows"] == before["windows"]
    with desk.worker():
        after = desk.ask(max_age=0, max_wait=20)
    assert [(one["start"], one["end"]) for one in after["windows"]] == [
        (f"{day}T00:00:00+00:00", f"{day}T12:00:00+00:00"),
        (f"{day}T13:00:00+00:00", before["windows"][0]["end"]),
    ]
    (reason,) = desk.ask("/api/availability/explain")["reasons"]
    assert (reason["code"], reason["meeting"]["title"]) == ("meeting", "Review")
    google.mutate(ACCOUNT, "delete", event["id"])
    with desk.worker():
        assert desk.ask(max_age=0, max_wait=20)["windows"] == before["windows"]


def test_zero_means_as_of_now(desk: Desk) -> None:
    with desk.worker():
        assert desk.met(max_age=0, max_wait=20) == {True}


def test_young_copies_are_not_read_again(desk: Desk) -> None:
    started = time.monotonic()
    assert desk.met(max_age=60, max_wait=20) == {True}
    assert time.monotonic() - started < 5
    assert desk.run_queued_jobs() == 0


def test_after_the_deadline_the_answer_tells_what_is_too_old(desk: Desk) -> None:
    started = time.monotonic()
    assert desk.met(max_age=5, max_wait=0.3) == {False}
    assert 0.3 <= time.monotonic() - started < 5


def test_asking_again_and_again_piles_nothing_up(desk: Desk, count: Callable[[str], int]) -> None:
    jobs = count("sync_jobs")
    for _ in range(5):
        desk.ask(max_age=5, max_wait=0)
    assert count("sync_jobs") == jobs + 2
    assert desk.services.redis.llen(URGENT) == 2


def test_a_calendar_that_cannot_be_read_is_not_waited_for(desk: Desk) -> None:
    with desk.services.store.engine.begin() as connection:
        connection.execute(text("UPDATE connections SET status = 'needs_reauth'"))
    started = time.monotonic()
    assert desk.met(max_age=5, max_wait=20) == {False}
    assert time.monotonic() - started < 5
    assert desk.run_queued_jobs() == 0


def test_no_transaction_is_held_while_waiting(desk: Desk) -> None:
    waiting = threading.Thread(target=desk.ask, kwargs={"max_age": 5, "max_wait": 1.5})
    waiting.start()
    open_transactions, checked_out = [], []
    pause, pool = threading.Event(), desk.services.store.engine.pool
    assert isinstance(pool, QueuePool)
    with desk.services.store.engine.connect() as connection:
        # Inside a transaction PostgreSQL would repeat what it told first.
        connection.execution_options(isolation_level="AUTOCOMMIT")
        for _ in range(40):
            pause.wait(0.02)
            open_transactions.append(connection.scalar(text(OPEN_TRANSACTIONS)))
            checked_out.append(pool.checkedout() - 1)
    waiting.join(30)
    # A look is short, so most of the time there is none.
    assert sum(1 for number in open_transactions if not number) > 20
    assert sum(1 for number in checked_out if not number) > 20


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"max_age": -1}, "max_age"),
        ({"max_age": "new"}, "max_age"),
        ({"max_age": 1, "max_wait": 21}, "max_wait"),
        ({"max_age": 1, "max_wait": -1}, "max_wait"),
        ({"max_age": 1, "max_wait": "nan"}, "max_wait"),
    ],
)
def test_bad_limits_are_refused_by_their_field(
    desk: Desk, query: dict[str, Any], field: str
) -> None:
    asked = {"start": "2026-03-03", "end": "2026-03-04"} | query
    answer = desk.person.get("/api/availability", params=asked)
    expect_problem(answer, 422, "validation_failed", field)


def test_anothers_calendar_is_not_synced(desk: Desk, otto: Person) -> None:
    calendar_id = desk.ask()["freshness"][0]["calendar_id"]
    query = {"start": "2026-03-03", "end": "2026-03-04", "max_age": 0}
    answer = otto.get("/api/availability", params=query | {"calendar_id": calendar_id})
    expect_problem(answer, 404, "calendar_not_found")
    assert desk.run_queued_jobs() == 0
