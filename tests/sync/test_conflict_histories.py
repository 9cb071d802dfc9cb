"""Whatever people do to their calendars: the conflicts are those that a fresh look would find.

Random edits are made at two calendars of one user and read by the engine, a little at a time.
After every run the stored conflicts are compared with an oracle over the sources, and what a
person said of a conflict has to stand exactly as long as both its meetings stand still.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from calendar_manager.domain.accounts import Calendar, ProviderKind, Tokens
from calendar_manager.domain.changes import ChangePage, FindSeries, know_no_series
from calendar_manager.domain.conflict_reconciliation import ConflictStatus, ResolutionOrigin
from calendar_manager.domain.events import Event, EventKind, EventStatus, Response
from calendar_manager.domain.sync_jobs import SyncTrigger
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.providers.base import CalendarProvider, Gate, always_open
from calendar_manager.providers.registry import Registry
from calendar_manager.store.conflict_rows import ConflictFilter, ConflictRecord
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.detect import examine_conflicts
from calendar_manager.sync.requests import request_sync
from tests.factories import add_calendar, add_connection, add_user
from tests.sync.conflict_oracle import Side, Told, expected_conflicts, order_of
from tests.sync.desk import NOW, Clock
from tests.sync.recovery import run_until_quiet
from tests.sync.scripted_provider import ScriptedFactory, ScriptedProvider, ScriptedSource
from tests.sync.test_state_machine import starts_of

pytestmark = pytest.mark.store

CALENDARS: Final = ("work", "home")
FIRST: Final = datetime(2026, 3, 3, 8, tzinfo=UTC)
PLACES: Final = (None, "Mitte", "Spandau")
LENGTHS: Final = (0, 30, 60, 90, 26 * 60)
NEW_USER: Final[dict[str, Any]] = {
    "minimum_overlap_minutes": 0,
    "conflict_buffer_minutes": 20,
    "travel_minutes": 45,
    "all_day_conflicts": False,
}


class SeveralSources(ScriptedFactory):
    """Opens one account that has several calendars, each with a source of its own."""

    def __init__(self, sources: dict[str, ScriptedSource]) -> None:
        super().__init__(next(iter(sources.values())))
        self.sources = sources

    def open(self, tokens: Tokens, *, gate: Gate = always_open) -> CalendarProvider:
        return SeveralCalendars(self.sources, gate)


class SeveralCalendars(ScriptedProvider):
    """The account, open for reading."""

    def __init__(self, sources: dict[str, ScriptedSource], gate: Gate) -> None:
        super().__init__(next(iter(sources.values())), gate)
        self.sources = sources
        self.gate = gate

    def pull_changes(
        self,
        provider_calendar_id: str,
        *,
        cursor: str | None,
        window: Span,
        find_series: FindSeries = know_no_series,
        position: str | None = None,
    ) -> Iterator[ChangePage]:
        return self.sources[provider_calendar_id].pull(cursor, position, self.gate)


class World:
    """A user with two calendars, the sources behind them, and what the user has answered."""

    def __init__(self, context: SyncContext) -> None:
        self.clock = Clock()
        self.sources = {name: ScriptedSource(Random(7)) for name in CALENDARS}
        factory = SeveralSources(self.sources)
        self.context = replace(
            context, clock=self.clock, registry=Registry({ProviderKind.GOOGLE: factory})
        )
        self.settings = dict(NEW_USER)
        self.answers: dict[frozenset[Side], ConflictStatus] = {}
        unread = {
            "last_synced_at": None,
            "last_synced_via": None,
            "materialized_from": None,
            "materialized_until": None,
            "next_sync_at": NOW,
        }
        with context.store.begin() as uow:
            user = add_user(uow, **NEW_USER)
            connection = add_connection(uow, user.id)
            self.calendars: list[Calendar] = [
                add_calendar(uow, connection, name=name, provider_calendar_id=name, **unread)
                for name in CALENDARS
            ]
        self.user_id: UUID = user.id

    # What a person does

    def put(
        self, where: int, number: int, when: Span | DateSpan, *, series: bool, mood: int
    ) -> None:
        """Write an event, or change all of it; one number is one UID on both calendars."""
        source = self.sources[CALENDARS[where]]
        name, kind = f"event-{number}", EventKind.MASTER if series else EventKind.SINGLE
        if name in source.events and source.events[name].kind is not kind:
            source.remove(name)
        if series and isinstance(when, DateSpan):
            return
        source.put(
            Event(
                provider_event_id=name,
                kind=kind,
                when=when,
                recurrence=("RRULE:FREQ=DAILY;COUNT=3",) if series else (),
                time_zone="Europe/Berlin",
                title=f"uid-{number}",
                ical_uid=f"uid-{number}",
                location=PLACES[number % len(PLACES)],
                **mood_of(mood),
            )
        )

    def override(self, where: int, number: int, which: int, when: Span, mood: int) -> None:
        """Move one occurrence of a series, or cancel it."""
        source = self.sources[CALENDARS[where]]
        master = source.events.get(f"event-{number}")
        if master is None or master.kind is not EventKind.MASTER:
            return
        start = starts_of(master)[which % 3]
        fields = {"status": EventStatus.CANCELLED} if mood == len(MOODS) else mood_of(mood)
        source.put(
            replace(
                master,
                provider_event_id=f"{master.provider_event_id}_{start:%Y%m%dT%H%M}",
                kind=EventKind.OVERRIDE,
                when=when,
                recurrence=(),
                series_id=master.provider_event_id,
                original_start=start,
                **{"status": EventStatus.CONFIRMED, "my_response": None, **fields},
            )
        )

    def remove(self, where: int, which: int) -> None:
        source = self.sources[CALENDARS[where]]
        names = sorted(name for name in source.events)
        if names:
            source.remove(names[which % len(names)])

    def end(self, which: int, status: ConflictStatus) -> None:
        """Answer one of the open conflicts."""
        records = [one for one in self.records() if one.status is ConflictStatus.OPEN]
        if records:
            record = records[which % len(records)]
            with self.context.store.begin() as uow:
                uow.conflicts.resolve(self.user_id, record.id, status, None, now=self.clock())
            self.answers[sides_of(record)] = status

    def tune(self, **changes: Any) -> None:
        """Change how sensitive the search is."""
        self.settings |= changes
        columns = ", ".join(f"{name} = :{name}" for name in changes)
        with self.context.store.begin() as uow:
            uow.session.execute(
                text(f"UPDATE users SET {columns} WHERE id = :id"),  # noqa: S608 - a test's own names.
                {**changes, "id": self.user_id},
            )
            uow.conflicts.request_check_all(self.user_id)

    # What is seen

    def read(self) -> None:
        """Let the engine read both calendars, and the examination follow."""
        for calendar in self.calendars:
            with self.context.store.begin() as uow:
                job = request_sync(
                    uow, calendar, trigger=SyncTrigger.MANUAL, now=self.clock(), full=False
                )
            run_until_quiet(self.context, self.clock, job.id)
        self.examine()

    def examine(self) -> None:
        examine_conflicts(self.context.store, self.user_id, self.clock)

    def records(self) -> list[ConflictRecord]:
        with self.context.store.begin() as uow:
            found = uow.conflicts.list(self.user_id, ConflictFilter(), limit=10_000)
        return [one for one in found if one.closed_by is not ResolutionOrigin.AUTO]

    def check(self) -> None:
        expected = expected_conflicts(self.sources, self.settings)
        records = self.records()
        assert sorted((told(one) for one in records), key=order_of) == expected
        standing = {one[-1] for one in expected}
        self.answers = {
            sides: status for sides, status in self.answers.items() if sides in standing
        }
        assert {sides_of(one): one.status for one in records} == {
            sides: self.answers.get(sides, ConflictStatus.OPEN) for sides in standing
        }

    def look_from_scratch(self) -> list[Told]:
        """Forget all conflicts, look at everything at once, and return what is found."""
        with self.context.store.begin() as uow:
            uow.session.execute(text("DELETE FROM conflicts"))
            uow.conflicts.request_check_all(self.user_id)
        self.examine()
        return sorted((told(one) for one in self.records()), key=order_of)


MOODS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {},
    {"status": EventStatus.TENTATIVE},
    {"my_response": Response.DECLINED},
)


def mood_of(number: int) -> dict[str, Any]:
    """How firmly an event takes its time."""
    return MOODS[number % len(MOODS)]


def sides_of(record: ConflictRecord) -> frozenset[Side]:
    return frozenset(
        (one.ical_uid or "", one.span.start, one.span.end) for one in (record.first, record.second)
    )


def told(record: ConflictRecord) -> Told:
    span = record.span
    return record.type.value, record.severity.value, span.start, span.end, sides_of(record)


Edit = Callable[[World], None]

calendars = st.integers(0, 1)
numbers = st.integers(0, 4)
few = st.integers(0, 20)
moods = st.integers(0, len(MOODS) - 1)
timed = st.builds(
    lambda day, quarter, minutes: _span(FIRST + timedelta(days=day, minutes=15 * quarter), minutes),
    st.integers(0, 3),
    st.integers(0, 12),
    st.sampled_from(LENGTHS),
)
whole_days = st.integers(0, 3).map(
    lambda day: DateSpan(FIRST.date() + timedelta(days=day), FIRST.date() + timedelta(days=day + 1))
)
answers = st.sampled_from([ConflictStatus.RESOLVED, ConflictStatus.IGNORED])
tunings = st.sampled_from(
    [
        {"minimum_overlap_minutes": 30},
        {"minimum_overlap_minutes": 0},
        {"conflict_buffer_minutes": 0},
        {"conflict_buffer_minutes": 60},
        {"travel_minutes": 0},
        {"travel_minutes": 100},
        {"all_day_conflicts": True},
    ]
)


def _span(start: datetime, minutes: int) -> Span:
    return Span(start, start + timedelta(minutes=minutes))


edits: st.SearchStrategy[Edit] = st.one_of(
    st.builds(
        lambda where, number, when, series, mood: (
            lambda world: world.put(where, number, when, series=series, mood=mood)
        ),
        calendars,
        numbers,
        timed | timed | whole_days,
        st.booleans(),
        moods,
    ),
    st.builds(
        lambda where, number, which, when, mood: (
            lambda world: world.override(where, number, which, when, mood)
        ),
        calendars,
        numbers,
        few,
        timed,
        st.integers(0, len(MOODS)),
    ),
    st.builds(lambda where, which: lambda world: world.remove(where, which), calendars, few),
    st.builds(lambda which, status: lambda world: world.end(which, status), few, answers),
    st.builds(lambda changes: lambda world: world.tune(**changes), tunings),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seeds=st.lists(st.tuples(calendars, numbers, timed, st.booleans()), min_size=2, max_size=5),
    history=st.lists(st.tuples(edits, st.booleans()), min_size=1, max_size=14),
)
def test_incremental_conflicts_are_those_of_a_fresh_look_after_any_history(
    context: SyncContext,
    seeds: list[tuple[int, int, Span, bool]],
    history: list[tuple[Edit, bool]],
) -> None:
    world = World(context)
    try:
        for where, number, when, series in seeds:
            world.put(where, number, when, series=series, mood=0)
        world.read()
        world.check()
        for edit, looks in history:
            edit(world)
            if looks:
                world.read()
                world.check()
        world.read()
        world.check()
        assert world.look_from_scratch() == expected_conflicts(world.sources, world.settings)
    finally:
        with context.store.begin() as uow:
            uow.session.execute(text("DELETE FROM users"))
        context.redis.flushdb()
