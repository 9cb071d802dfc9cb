"""A worker killed at any step whatsoever costs time and nothing else."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, create_engine, event, text

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.domain.sync_jobs import SyncCounts, SyncKind, SyncStatus
from calendar_manager.store.unit_of_work import StoreUnavailableError
from calendar_manager.sync.engine import run_job
from tests.sync.crashing import Fuse, KilledError, SavedState, killable
from tests.sync.desk import EMAIL, NOW, Desk, connect, timed
from tests.sync.recovery import (
    LEFT_OVER,
    copy_of,
    poll,
    rows_of,
    run_until_quiet,
)

pytestmark = pytest.mark.store

GRAPH_EMAIL = "freya@contoso.example"
EVERY_KIND = {"before a request", "after a page", "before the commit", "after the commit"}
DAILY = ["RRULE:FREQ=DAILY;COUNT=6"]


@dataclass
class Scene:
    """Something to sync, and the state of the world before.

    Attributes:
        desk: The account.
        job: What the worker is to run.
    """

    desk: Desk
    job: UUID

    def __post_init__(self) -> None:
        self.context = self.desk.context
        self.clock = self.desk.clock
        self._began_at = self.clock.now
        self._saved = SavedState(self.context.store.engine)
        self.go_back()
        run_until_quiet(self.context, self.clock, self.job)
        self.undisturbed = copy_of(self.context)

    def go_back(self) -> None:
        self._saved.restore()
        self.context.redis.flushdb()
        self.clock.now = self._began_at

    def watch(self) -> list[str]:
        """Return the steps of the run when nobody disturbs it."""
        fuse = Fuse()
        self.go_back()
        with killable(self.context, fuse) as context, fuse.lit():
            run_until_quiet(context, self.clock, self.job)
        return fuse.trail

    def kill_at(self, *steps: int) -> None:
        """Kill the worker at a step, and those that go on for it at the following ones."""
        fuse = Fuse()
        self.go_back()
        jobs: tuple[UUID, ...] = (self.job,)
        for step in steps:
            with killable(self.context, fuse) as context:
                try:
                    with fuse.lit(step):
                        run_until_quiet(context, self.clock, *jobs)
                except KilledError:
                    self.clock.now += self.context.options.lease
                    jobs = ()
        run_until_quiet(self.context, self.clock)

    def check(self, what: object) -> None:
        """Compare what is there with the undisturbed run, and see that the cursor is right."""
        assert copy_of(self.context) == self.undisturbed, what
        assert rows_of(self.context, LEFT_OVER) == [], what
        job = self.desk.sync()
        assert (job.kind, job.status) == (SyncKind.INCREMENTAL, SyncStatus.SUCCEEDED), what
        assert job.counts in {SyncCounts(), SyncCounts(unchanged=job.counts.unchanged)}, what
        assert copy_of(self.context) == self.undisturbed, what


MakeScene = Callable[[Desk], Scene]


def seed(desk: Desk) -> list[dict[str, Any]]:
    """Six singles, two of which overlap, and a series with a moved and a cancelled instance."""
    events = desk.control.create_events(
        EMAIL,
        [
            timed("Call", "03 09:00", "03 10:00"),
            timed("Clash", "03 09:30", "03 10:30"),
            timed("Early", "05 07:00", "05 08:00"),
            timed("Late", "06 17:00", "06 18:00"),
            timed("Daily", "09 09:00", "09 09:15", recurrence=DAILY),
            timed("Weekly", "10 12:00", "10 13:00", recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"]),
        ],
    )
    daily = events[4]["id"]
    desk.control.mutate(
        EMAIL,
        "edit_one",
        daily,
        original_start="2026-03-11T09:00:00Z",
        changes=timed("Daily, moved", "11 14:00", "11 14:15"),
    )
    desk.control.mutate(EMAIL, "delete_one", daily, original_start="2026-03-12T09:00:00Z")
    return events


def edit(desk: Desk, events: Sequence[dict[str, Any]]) -> None:
    """Create, change and delete singles, overrides and series."""
    call, clash, early, _, daily, weekly = (event["id"] for event in events)
    change = desk.control.mutate
    desk.control.create_events(EMAIL, [timed("New", "06 17:30", "06 18:30")])
    change(EMAIL, "edit", call, changes=timed("Call, later", "03 11:00", "03 12:00"))
    change(EMAIL, "edit", clash, changes={"summary": "No clash"})
    change(EMAIL, "delete", early)
    change(EMAIL, "edit_all", weekly, changes={"summary": "Fortnightly"})
    change(
        EMAIL,
        "edit_one",
        daily,
        original_start="2026-03-13T09:00:00Z",
        changes=timed("Daily, late", "13 16:00", "13 16:15"),
    )
    change(EMAIL, "delete_one", daily, original_start="2026-03-14T09:00:00Z")


def first_sync(desk: Desk) -> Scene:
    seed(desk)
    desk.control.change_settings(page_size=3)
    return Scene(desk, desk.request().id)


def incremental(desk: Desk) -> Scene:
    events = seed(desk)
    desk.sync()
    edit(desk, events)
    desk.control.change_settings(page_size=3)
    return Scene(desk, desk.request().id)


def expired_cursor(desk: Desk) -> Scene:
    events = seed(desk)
    desk.sync()
    edit(desk, events)
    desk.control.mutate(EMAIL, "delete", events[5]["id"])
    desk.control.expire_sync_tokens(EMAIL)
    desk.control.change_settings(page_size=3)
    return Scene(desk, desk.request().id)


def microsoft_first_sync(desk: Desk) -> Scene:
    """A full read in pages at Microsoft, which ends with reading its series anew."""
    graph = desk.control.graph
    graph.add_account(GRAPH_EMAIL, time_zone="Europe/Berlin")
    bodies = [graph_body(f"Call {day}", f"{day:02} 09:00", f"{day:02} 10:00") for day in (3, 4, 5)]
    weekly = {
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"]},
        "range": {"type": "numbered", "startDate": "2026-03-09", "numberOfOccurrences": 4},
    }
    series = graph_body("Weekly", "09 09:00", "09 10:00") | {"recurrence": weekly}
    *_, master = graph.create_events(GRAPH_EMAIL, [*bodies, series])
    graph.mutate(
        GRAPH_EMAIL,
        "edit_one",
        master["id"],
        original_start="2026-03-16T09:00:00Z",
        changes=graph_body("Weekly, moved", "16 14:00", "16 15:00"),
    )
    desk.control.change_settings(page_size=2)
    return begin(desk, GRAPH_EMAIL, ProviderKind.MICROSOFT)


def microsoft_incremental(desk: Desk) -> Scene:
    """A round at Microsoft that speaks of single events and of a series."""
    scene = microsoft_first_sync(desk)
    graph, me = desk.control.graph, GRAPH_EMAIL
    events = {event["subject"]: event["id"] for event in graph.truth(me)}
    changes = graph_body("Call, moved", "03 15:00", "03 16:00")
    graph.mutate(me, "edit", events["Call 3"], changes=changes)
    graph.mutate(me, "delete", events["Call 4"])
    graph.mutate(me, "delete_one", events["Weekly"], original_start="2026-03-23T09:00:00Z")
    return Scene(scene.desk, scene.desk.request().id)


def caldotcom_first_sync(desk: Desk) -> Scene:
    """A walk through the pages of Cal.com's bookings."""
    cal = desk.control.caldotcom
    cal.add_account(EMAIL, time_zone="Europe/Berlin")
    for day in range(5):
        cal.book(EMAIL, NOW + timedelta(days=day + 1), title=f"Booked {day}", length_minutes=60)
    desk.control.change_settings(page_size=2)
    return begin(desk, EMAIL, ProviderKind.CALDOTCOM)


def caldotcom_incremental(desk: Desk) -> Scene:
    """Bookings that were moved and cancelled."""
    scene = caldotcom_first_sync(desk)
    cal = desk.control.caldotcom
    first, second, *_ = cal.truth(EMAIL).bookings
    start = (NOW + timedelta(days=2, hours=3)).isoformat()
    cal.mutate(EMAIL, "reschedule", first["uid"], start=start)
    cal.mutate(EMAIL, "cancel", second["uid"])
    return Scene(scene.desk, scene.desk.request().id)


def begin(desk: Desk, email: str, provider: ProviderKind) -> Scene:
    """Connect another account of the same person in place of the desk's."""
    with desk.context.store.begin() as uow:
        uow.session.execute(text("DELETE FROM users"))
    connection = connect(desk.context, email, provider=provider)
    other = Desk(desk.context, desk.clock, desk.control, connection)
    return Scene(other, other.request().id)


def graph_body(title: str, start: str, end: str) -> dict[str, Any]:
    """Graph's body of an event in March 2026; ``start`` and ``end`` as ``dd HH:MM``."""

    def moment(value: str) -> dict[str, str]:
        day, clock_time = value.split()
        return {"dateTime": f"2026-03-{day}T{clock_time}:00", "timeZone": "UTC"}

    return {"subject": title, "start": moment(start), "end": moment(end)}


def choose(trail: Sequence[str], every: int) -> list[tuple[int, str]]:
    """Return the steps around commits and pages, and some of the others, by their number."""
    return [
        (step, what)
        for step, what in enumerate(trail, 1)
        if "commit" in what or "page" in what or step % every == 0
    ]


@pytest.mark.parametrize(
    ("make", "every"), [(first_sync, 1), (incremental, 8), (expired_cursor, 8)]
)
def test_killed_at_any_step_the_sync_ends_as_if_nothing_had_been(
    desk: Desk, make: MakeScene, every: int
) -> None:
    scene = make(desk)
    trail = scene.watch()
    assert set(trail) >= EVERY_KIND
    for step, what in choose(trail, every):
        scene.kill_at(step)
        scene.check((step, what))


@pytest.mark.parametrize(
    "make",
    [
        microsoft_first_sync,
        microsoft_incremental,
        caldotcom_first_sync,
        caldotcom_incremental,
    ],
)
def test_killed_between_commits_other_providers_are_read_to_the_end(
    desk: Desk, make: MakeScene
) -> None:
    scene = make(desk)
    for step, what in choose(scene.watch(), 20)[::3]:
        scene.kill_at(step)
        scene.check((step, what))


@pytest.mark.parametrize("seed", range(6))
def test_killed_again_and_again_the_sync_still_ends(desk: Desk, seed: int) -> None:
    random = Random(seed)
    scene = random.choice([first_sync, incremental, expired_cursor])(desk)
    length = len(scene.watch())
    steps = [random.randint(1, length) for _ in range(4)]
    scene.kill_at(*steps)
    scene.check(steps)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_connection_that_postgresql_ends_costs_a_run_and_nothing_else(
    desk: Desk, share: float
) -> None:
    scene = expired_cursor(desk)
    statements: list[str] = []
    scene.go_back()
    with watched(scene.context.store.engine, lambda _: statements.append("")):
        run_job(scene.context, scene.job)
    fatal = int(len(statements) * share)
    statements.clear()
    scene.go_back()
    # A worker's task may fail with it; what follows is up to dispatch.
    with (
        killing_connections(scene.context.store.engine, statements, fatal),
        suppress(StoreUnavailableError),
    ):
        run_job(scene.context, scene.job)
    assert len(statements) >= fatal
    scene.clock.now += scene.context.options.lease
    run_until_quiet(scene.context, scene.clock)
    poll(scene.context, scene.clock)
    scene.check(share)


@contextmanager
def watched(engine: Engine, see: Callable[[Any], None]) -> Iterator[None]:
    """Show each statement's connection before the statement is sent."""

    def listener(*arguments: Any) -> None:
        see(arguments[0])

    event.listen(engine, "before_cursor_execute", listener)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", listener)


@contextmanager
def killing_connections(engine: Engine, statements: list[str], fatal: int) -> Iterator[None]:
    """Have PostgreSQL end the connection of the ``fatal``-th statement."""
    admin = create_engine(engine.url, isolation_level="AUTOCOMMIT")

    def see(connection: Any) -> None:
        statements.append("")
        if len(statements) == fatal:
            victim = connection.connection.dbapi_connection.info.backend_pid
            with admin.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})

    try:
        with watched(engine, see):
            yield
    finally:
        admin.dispose()
