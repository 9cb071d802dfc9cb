"""Whatever the source, the provider, the messages and the workers do: the copy ends up right."""

from collections import deque
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from calendar_manager.domain.accounts import Calendar, ProviderKind
from calendar_manager.domain.events import Event, EventKind, EventStatus
from calendar_manager.domain.sync_jobs import SyncTrigger
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.providers.registry import Registry
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.detect import examine_conflicts
from calendar_manager.sync.dispatch import dispatch_syncs
from calendar_manager.sync.engine import run_job
from calendar_manager.sync.requests import request_sync
from tests.factories import add_calendar, add_connection, add_user
from tests.sync.crashing import Fuse, KilledError, killable
from tests.sync.desk import NOW, Clock
from tests.sync.recovery import LEFT_OVER, copy_of, rows_of, run_until_quiet
from tests.sync.scripted_provider import ScriptedFactory, ScriptedSource, Trouble

pytestmark = pytest.mark.store

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 3, 2)
WINDOW = (datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 4, 20, tzinfo=UTC))
"""Lies inside every horizon that the clock can reach."""

RULES = ("FREQ=DAILY;COUNT=5", "FREQ=WEEKLY;BYDAY=MO,TH;COUNT=8", "FREQ=WEEKLY;INTERVAL=2")
LIVING = "SELECT provider_event_id, fingerprint FROM events WHERE deleted_at IS NULL"
GONE = "SELECT provider_event_id FROM events WHERE deleted_at IS NOT NULL"
OCCURRENCES = """
    SELECT e.provider_event_id, o.start_at, o.end_at FROM occurrences o
    JOIN events e ON e.id = o.event_id
    WHERE o.start_at >= :first AND o.start_at < :last
"""
HELD = "SELECT 1 FROM calendars WHERE held_at IS NOT NULL"

numbers = st.integers(0, 10**6)
days = st.integers(0, 30)
hours = st.integers(6, 20)
few = st.integers(1, 4)


def make_when(day: int, hour: int, *, all_day: bool) -> Span | DateSpan:
    on = MONDAY + timedelta(days=day)
    if all_day:
        return DateSpan(on, on + timedelta(days=1))
    start = datetime.combine(on, time(hour), BERLIN)
    return Span(start, start + timedelta(hours=1))


def starts_of(master: Event) -> list[datetime | date]:
    """Expand a series by dateutil, on the wall clock of Berlin, within the window."""
    (line,) = master.recurrence
    if isinstance(master.when, Span):
        wall = master.when.start.astimezone(BERLIN).replace(tzinfo=None)
    else:
        assert master.when is not None
        wall = datetime.combine(master.when.first, time())
    first, last = (moment.replace(tzinfo=None) for moment in WINDOW)
    walls = rrulestr(line.removeprefix("RRULE:"), dtstart=wall).between(
        first - timedelta(days=2), last + timedelta(days=2)
    )
    if isinstance(master.when, Span):
        return [one.replace(tzinfo=BERLIN).astimezone(UTC) for one in walls]
    return [one.date() for one in walls]


def expected_occurrences(source: ScriptedSource) -> list[tuple[str, datetime, datetime]]:
    """Return what the source's events take up in the window, by an expansion of our own."""
    found: list[tuple[str, datetime, datetime]] = []
    for event in source.events.values():
        if event.status is EventStatus.CANCELLED or event.when is None:
            continue
        places = [event.when]
        if event.kind is EventKind.MASTER:
            named = {
                other.original_start
                for other in source.events.values()
                if other.series_id == event.provider_event_id
            }
            places = [moved(event.when, start) for start in starts_of(event) if start not in named]
        found += [(event.provider_event_id, *instants(place)) for place in places]
    return sorted(one for one in found if WINDOW[0] <= one[1] < WINDOW[1])


def moved(when: Span | DateSpan, start: datetime | date) -> Span | DateSpan:
    if isinstance(when, DateSpan):
        return DateSpan(start, start + timedelta(days=when.days))
    assert isinstance(start, datetime)
    return Span(start, start + when.duration)


def instants(when: Span | DateSpan) -> tuple[datetime, datetime]:
    if isinstance(when, Span):
        return when.start, when.end
    first, end = (datetime.combine(day, time(), BERLIN) for day in (when.first, when.end))
    return first.astimezone(UTC), end.astimezone(UTC)


class SyncMachine(RuleBasedStateMachine):
    """A person at the source, a provider with bad days, beat, and workers that die."""

    context: SyncContext
    """The write path on real servers; the tests set it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.source = ScriptedSource(Random(7))
        self.ctx = replace(
            self.context,
            clock=self.clock,
            registry=Registry({ProviderKind.GOOGLE: ScriptedFactory(self.source)}),
            options=replace(
                self.context.options,
                horizon_back=timedelta(days=30),
                horizon_ahead=timedelta(days=90),
                events_per_piece=3,
            ),
        )
        self.fuse = Fuse()
        self.queue: deque[UUID] = deque()
        self.made = 0
        self.living: int | None = None
        with self.ctx.store.begin() as uow:
            user = add_user(uow)
            connection = add_connection(uow, user.id)
            self.calendar = add_calendar(
                uow,
                connection,
                last_synced_at=None,
                last_synced_via=None,
                materialized_from=None,
                materialized_until=None,
                next_sync_at=NOW,
            )
        self.user_id = user.id

    def teardown(self) -> None:
        try:
            self.come_to_rest()
        finally:
            with self.ctx.store.begin() as uow:
                uow.session.execute(text("DELETE FROM users"))
            self.ctx.redis.flushdb()

    # What people do at the source

    @rule(day=days, hour=hours, all_day=st.booleans(), series=st.booleans(), which=numbers)
    def create(self, day: int, hour: int, all_day: bool, series: bool, which: int) -> None:  # noqa: FBT001 - Hypothesis names the arguments.
        self.made += 1
        # Ids that do not ascend put new events into any page of a full list.
        self.put(f"{which % 97:02}-{self.made}", day, hour, all_day=all_day, series=series)

    @precondition(lambda self: self.ids(EventKind.SINGLE, EventKind.MASTER))
    @rule(which=numbers, day=days, hour=hours)
    def move(self, which: int, day: int, hour: int) -> None:
        event = self.choose(which, EventKind.SINGLE, EventKind.MASTER)
        self.source.put(
            replace(event, when=make_when(day, hour, all_day=event.all_day), title=f"M{which}")
        )

    @precondition(lambda self: self.ids(EventKind.SINGLE, EventKind.MASTER))
    @rule(which=numbers)
    def turn_between_single_and_series(self, which: int) -> None:
        event = self.choose(which, EventKind.SINGLE, EventKind.MASTER)
        self.source.remove(event.provider_event_id)
        self.put(
            event.provider_event_id,
            which % 30,
            9,
            all_day=event.all_day,
            series=event.kind is EventKind.SINGLE,
        )

    @precondition(lambda self: self.ids(EventKind.MASTER))
    @rule(which=numbers, day=days, hour=hours, cancelled=st.booleans())
    def override(self, which: int, day: int, hour: int, cancelled: bool) -> None:  # noqa: FBT001 - As above.
        master = self.choose(which, EventKind.MASTER)
        starts = starts_of(master)
        start = starts[which % len(starts)]
        self.source.put(
            Event(
                provider_event_id=f"{master.provider_event_id}_{start:%Y%m%d}",
                kind=EventKind.OVERRIDE,
                when=None if cancelled else make_when(day, hour, all_day=master.all_day),
                series_id=master.provider_event_id,
                original_start=start,
                time_zone="Europe/Berlin",
                title=f"O{which}",
                status=EventStatus.CANCELLED if cancelled else EventStatus.CONFIRMED,
            )
        )

    @precondition(lambda self: self.source.events)
    @rule(which=numbers)
    def delete(self, which: int) -> None:
        keys = sorted(self.source.events)
        self.source.remove(keys[which % len(keys)])

    # What beat, notifications, people and time do

    @rule(trigger=st.sampled_from(SyncTrigger), full=st.booleans())
    def ask(self, trigger: SyncTrigger, full: bool) -> None:  # noqa: FBT001 - As above.
        with self.ctx.store.begin() as uow:
            calendar = self.load_calendar(uow)
            job = request_sync(uow, calendar, trigger=trigger, now=self.clock(), full=full)
        self.queue.append(job.id)

    @rule(minutes=st.sampled_from([0, 1, 4, 20, 70, 800]))
    def let_time_pass_and_dispatch(self, minutes: int) -> None:
        self.clock.now += timedelta(minutes=minutes)
        self.dispatch()

    @rule()
    def lose_all_messages(self) -> None:
        self.queue.clear()
        self.ctx.redis.flushdb()

    @precondition(lambda self: self.queue)
    @rule()
    def double_a_message(self) -> None:
        self.queue.append(self.queue[0])

    # What workers do

    @precondition(lambda self: self.queue)
    @rule()
    def work(self) -> None:
        self.run(self.ctx, self.queue.popleft())

    @precondition(lambda self: self.queue)
    @rule(step=st.integers(1, 60))
    def work_and_die(self, step: int) -> None:
        job_id = self.queue.popleft()
        with killable(self.ctx, self.fuse) as context:
            try:
                with self.fuse.lit(step):
                    self.run(context, job_id)
            except KilledError:
                pass

    @precondition(lambda self: self.queue and self.ids(EventKind.SINGLE, EventKind.MASTER))
    @rule(which=numbers, full=st.booleans())
    def work_while_another_takes_over(self, which: int, full: bool) -> None:  # noqa: FBT001 - As above.
        """Stop a worker between two pages until its lease ran out and another was there."""

        def take_over() -> None:
            for offset in range(3):
                self.move(which=which + offset, day=which % 30, hour=11)
            self.clock.now += self.ctx.options.lease
            self.ask(trigger=SyncTrigger.NOTIFICATION, full=full)
            self.drain()

        self.source.trouble = Trouble(between_pages=take_over)
        self.run(self.ctx, self.queue.popleft())

    @precondition(lambda self: self.queue and self.source.events)
    @rule(which=numbers, deleting=st.booleans())
    def work_while_the_source_changes(self, which: int, deleting: bool) -> None:  # noqa: FBT001 - As above.
        def change() -> None:
            if deleting and self.source.events:
                self.delete(which=which)
            self.create(day=which % 30, hour=10, all_day=False, series=False, which=which)

        self.source.trouble = Trouble(between_pages=change)
        self.run(self.ctx, self.queue.popleft())

    # The provider's bad days

    @rule(page=few, minutes=st.none() | st.integers(0, 30))
    def the_line_will_break(self, page: int, minutes: int | None) -> None:
        pause = None if minutes is None else timedelta(minutes=minutes)
        self.source.trouble = Trouble(lost_page=page - 1, retry_after=pause)

    @rule(page=few)
    def a_page_will_come_twice(self, page: int) -> None:
        self.source.trouble = Trouble(repeated_page=page - 1)

    @rule()
    def the_end_will_be_missing(self) -> None:
        self.source.trouble = Trouble(cut_short=True)

    @rule()
    def cursors_expire(self) -> None:
        self.source.forget_cursors()

    @rule()
    def positions_expire(self) -> None:
        self.source.forget_positions()

    @precondition(lambda self: bool(self.source.events))
    @rule(confirmed=st.booleans())
    def the_source_seems_empty(self, confirmed: bool) -> None:  # noqa: FBT001 - As above.
        """An empty full list holds the calendar; it comes back, or the person agrees."""
        self.come_to_rest()
        before = sorted(rows_of(self.ctx, LIVING))
        if not before:
            return
        self.source.vanished = True
        self.source.forget_cursors()
        self.ask(trigger=SyncTrigger.MANUAL, full=False)
        self.drain()
        assert rows_of(self.ctx, HELD), "the breaker did not trip"
        assert sorted(rows_of(self.ctx, LIVING)) == before
        if confirmed:
            self.source.removed |= self.source.events.keys()
            with self.ctx.store.begin() as uow:
                assert uow.calendars.accept_deletions(self.user_id, self.calendar.id)
            self.ask(trigger=SyncTrigger.MANUAL, full=True)
            self.drain()
            assert rows_of(self.ctx, LIVING) == []
        self.source.vanished = False
        self.source.forget_cursors()
        self.come_to_rest()
        assert not rows_of(self.ctx, HELD)

    # What has to hold

    @invariant()
    def one_job_runs_and_one_waits_at_most(self) -> None:
        open_jobs = rows_of(
            self.ctx,
            "SELECT status, count(*) FROM sync_jobs WHERE status IN ('queued', 'running')"
            " GROUP BY status HAVING count(*) > 1",
        )
        assert open_jobs == []

    @invariant()
    def what_was_never_deleted_is_not_deleted(self) -> None:
        """No event is gone for a while either, only to come back with the next run."""
        gone = {key for (key,) in rows_of(self.ctx, GONE)}
        assert gone <= self.source.removed

    @rule()
    def come_to_rest(self) -> None:
        """When all is quiet, the copy is what the source has, and nothing is left over."""
        self.source.trouble = Trouble()
        self.drain()
        self.clock.now += timedelta(hours=2)
        self.dispatch()
        self.drain()
        if rows_of(self.ctx, HELD):
            self.confirm_real_deletions()
        source = {key: event.fingerprint for key, event in self.source.events.items()}
        assert dict(rows_of(self.ctx, LIVING)) == source
        first, last = WINDOW
        taken = sorted(rows_of(self.ctx, OCCURRENCES, first=first, last=last))
        assert taken == expected_occurrences(self.source)
        assert [what for (what,) in rows_of(self.ctx, LEFT_OVER)] == []
        self.look_at_all_conflicts()

    def confirm_real_deletions(self) -> None:
        """Agree, as a person does who sees that the events are really gone."""
        with self.ctx.store.begin() as uow:
            assert uow.calendars.accept_deletions(self.user_id, self.calendar.id)
        self.ask(trigger=SyncTrigger.MANUAL, full=True)
        self.drain()
        assert not rows_of(self.ctx, HELD)

    def look_at_all_conflicts(self) -> None:
        """See that looking at everything finds no conflict that the parts missed."""
        conflicts = copy_of(self.ctx)["conflicts"]
        with self.ctx.store.begin() as uow:
            uow.conflicts.request_check_all(self.user_id)
        examine_conflicts(self.ctx.store, self.user_id, self.clock)
        assert copy_of(self.ctx)["conflicts"] == conflicts

    # Short ways

    def put(self, key: str, day: int, hour: int, *, all_day: bool, series: bool) -> None:
        line = f"RRULE:{RULES[(day + hour) % len(RULES)]}"
        self.source.put(
            Event(
                provider_event_id=key,
                kind=EventKind.MASTER if series else EventKind.SINGLE,
                when=make_when(day, hour, all_day=all_day),
                time_zone="Europe/Berlin",
                title=f"Event {key}",
                recurrence=(line,) if series else (),
            )
        )

    def ids(self, *kinds: EventKind) -> list[str]:
        return sorted(key for key, event in self.source.events.items() if event.kind in kinds)

    def choose(self, which: int, *kinds: EventKind) -> Event:
        keys = self.ids(*kinds)
        return self.source.events[keys[which % len(keys)]]

    def load_calendar(self, uow: Any) -> Calendar:
        calendar = uow.calendars.find(self.user_id, self.calendar.id)
        assert isinstance(calendar, Calendar)
        return calendar

    def run(self, context: SyncContext, job_id: UUID) -> None:
        follow_up = run_job(context, job_id)
        if follow_up is not None:
            self.queue.append(follow_up.job_id)

    def dispatch(self) -> None:
        dispatch_syncs(self.ctx, lambda jobs: self.queue.extend(job_id for job_id, _ in jobs))

    def drain(self) -> None:
        jobs = tuple(self.queue)
        self.queue.clear()
        run_until_quiet(self.ctx, self.clock, *jobs)


def test_a_full_read_that_was_overtaken_is_not_gone_on_with(context: SyncContext) -> None:
    """What the news brought meanwhile lies before the place where the full read broke off."""
    machine = type("Machine", (SyncMachine,), {"context": context})()
    try:
        for number in range(1, 9):
            machine.put(f"m{number}", number, 9, all_day=False, series=False)
        machine.come_to_rest()
        machine.ask(trigger=SyncTrigger.MANUAL, full=True)
        machine.work()
        with (
            killable(machine.ctx, machine.fuse) as dying,
            pytest.raises(KilledError),
            machine.fuse.lit(8),
        ):
            machine.run(dying, machine.queue.popleft())
        machine.put("a-new", 10, 9, all_day=False, series=False)
        machine.clock.now += machine.ctx.options.lease
        machine.ask(trigger=SyncTrigger.NOTIFICATION, full=False)
        machine.drain()
        machine.source.forget_cursors()
        machine.ask(trigger=SyncTrigger.NOTIFICATION, full=False)
        machine.drain()
        # Were the full read's old marks believed, the new event would be swept for a while.
        assert rows_of(machine.ctx, "SELECT id FROM sync_jobs WHERE deleted_count > 0") == []
    finally:
        machine.teardown()


def test_a_worker_that_was_overtaken_writes_no_old_answers(context: SyncContext) -> None:
    machine = type("Machine", (SyncMachine,), {"context": context})()
    try:
        for number in range(12):
            machine.put(f"m{number}", number, 9, all_day=False, series=False)
        machine.ask(trigger=SyncTrigger.CONNECT, full=False)
        machine.drain()
        for number in range(12):
            machine.put(f"m{number}", number, 10, all_day=False, series=False)
        machine.ask(trigger=SyncTrigger.MANUAL, full=False)

        def overtake() -> None:
            for number in range(12):
                machine.put(f"m{number}", number, 11, all_day=False, series=False)
            machine.clock.now += machine.ctx.options.lease
            machine.ask(trigger=SyncTrigger.NOTIFICATION, full=False)
            machine.drain()

        machine.source.trouble = Trouble(between_pages=overtake)
        machine.work()
        source = {key: event.fingerprint for key, event in machine.source.events.items()}
        assert dict(rows_of(machine.ctx, LIVING)) == source
    finally:
        machine.teardown()


def test_the_copy_survives_everything(context: SyncContext) -> None:
    machine = type("Machine", (SyncMachine,), {"context": context})
    profile = settings.get_profile(settings.get_current_profile_name())
    examples = min(profile.max_examples, 100) // 4
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
