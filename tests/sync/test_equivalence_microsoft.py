"""Whatever people do in Outlook, the copy kept by increments is a fresh copy, and is the truth.

Graph forgets tombstones, sends false ones, repeats itself, shuffles its rows and forgets its
tokens meanwhile. What the copy says is held against what somebody reads who never read before,
and against the sandbox's own list of what takes place.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from calendar_manager.domain.accounts import Calendar, ProviderKind
from calendar_manager.domain.sync_jobs import SyncStatus, SyncTrigger
from calendar_manager.domain.times import day_span, find_zone
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.discovery import discover_calendars
from calendar_manager.sync.engine import run_job
from calendar_manager.sync.horizon import roll_horizon
from calendar_manager.sync.requests import request_sync
from tests.sync.desk import Clock, Desk, connect
from tests.sync.graph_person import KINDS, GraphPerson

pytestmark = pytest.mark.store

ME = "freya@contoso.example"
BERLIN = find_zone("Europe/Berlin")
MARGIN = timedelta(days=2)
PROJECT = "Project"

EVENTS = """
    SELECT provider_event_id, fingerprint FROM events
    WHERE calendar_id = :calendar AND deleted_at IS NULL AND start_at IS NOT NULL
"""
OCCURRENCES = """
    SELECT e.provider_event_id, o.original_start, o.start_at, o.end_at, o.start_on, o.end_on, o.busy
    FROM occurrences o JOIN events e ON e.id = o.event_id WHERE o.calendar_id = :calendar
"""
SHOWN = """
    SELECT o.start_at, o.end_at, e.title, o.busy, CASE
        WHEN e.event_type = 'out_of_office' THEN 'oof'
        WHEN e.event_type = 'working_location' THEN 'workingElsewhere'
        WHEN e.transparency = 'transparent' THEN 'free'
        WHEN e.status = 'tentative' THEN 'tentative'
        ELSE 'busy' END AS shown_as
    FROM occurrences o JOIN events e ON e.id = o.event_id
    WHERE o.calendar_id = :calendar AND o.start_at < :end
    AND (o.end_at > :start OR o.start_at >= :start)
"""
CANCELLED = """
    SELECT provider_event_id FROM events
    WHERE calendar_id = :calendar AND deleted_at IS NULL AND status = 'cancelled'
"""

Row = tuple[Any, ...]


@dataclass
class Mailbox(Desk):
    """A connected Microsoft account, of which all calendars are read."""

    def calendars(self) -> dict[str, Calendar]:
        """Return the calendars that are there, by name."""
        with self.context.store.begin() as uow:
            return {calendar.name: calendar for calendar, _ in uow.calendars.list(self.user_id)}

    def read(self, calendar: Calendar, *, full: bool = False) -> SyncStatus:
        """Run a sync of one calendar."""
        with self.context.store.begin() as uow:
            job = request_sync(
                uow, calendar, trigger=SyncTrigger.MANUAL, now=self.clock(), full=full
            )
        run_job(self.context, job.id)
        return self.job(job.id).status

    def read_all(self) -> None:
        """Look which calendars there are and run a sync of each."""
        discover_calendars(self.context, self.connection.id)
        for calendar in self.calendars().values():
            assert self.read(calendar) is SyncStatus.SUCCEEDED

    def copy(self, query: str) -> set[Row]:
        """Return what the database has, each row after the name of its calendar."""
        return {
            (name, *row.values())
            for name, calendar in self.calendars().items()
            for row in self.rows(query, calendar=calendar.id)
        }

    def shown(self, calendar: Calendar) -> list[Row]:
        """Return what takes place inside the horizon, and as what Outlook shows it."""
        horizon = self.context.horizon()
        rows = self.rows(SHOWN, calendar=calendar.id, start=horizon.start, end=horizon.end)
        return sorted(tuple(row.values()) for row in rows)


def truth(desk: Desk, calendar: Calendar) -> list[Row]:
    """Return what the sandbox says takes place inside the horizon."""
    horizon, rows = desk.context.horizon(), []
    # All-day events lie on the dates of whoever looks, which the sandbox does not know.
    start_at, end_at = horizon.start - MARGIN, horizon.end + MARGIN
    for item in desk.control.graph.truth_instances(
        ME, start_at, end_at, calendar.provider_calendar_id
    ):
        start, end = (datetime.fromisoformat(item[one]["dateTime"]) for one in ("start", "end"))
        if item["isAllDay"]:
            span = day_span(DateSpan(start.date(), end.date()), BERLIN)
        else:
            span = Span(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))
        inside = span.start < horizon.end and (
            span.end > horizon.start or span.start >= horizon.start
        )
        if inside and not item["isCancelled"]:
            shown_as = {"unknown": "busy"}.get(item["showAs"], item["showAs"])
            rows.append((span.start, span.end, item["subject"], busy_in(item), shown_as))
    return sorted(rows)


def busy_in(item: dict[str, Any]) -> str:
    """Tell how firmly an event takes its time, as the project's rules say it."""
    response = item["responseStatus"]["response"]
    if response == "declined" or item["showAs"] in {"free", "workingElsewhere"}:
        return "free"
    if item["showAs"] == "oof":
        return "busy"
    undecided = response in {"tentativelyAccepted", "notResponded"}
    return "tentative" if undecided or item["showAs"] == "tentative" else "busy"


def cancelled(desk: Desk, calendar: Calendar) -> tuple[set[str], set[str]]:
    """Return the ids of what stays although it was called off: ours, and the sandbox's."""
    horizon = desk.context.horizon()
    rows = desk.rows(CANCELLED, calendar=calendar.id)
    items = desk.control.graph.truth_instances(
        ME, horizon.start, horizon.end, calendar.provider_calendar_id
    )
    called_off = [item for item in items if item["isCancelled"]]
    return (
        {row["provider_event_id"] for row in rows},
        {
            item["seriesMasterId"] if item["type"] == "occurrence" else item["id"]
            for item in called_off
        },
    )


def check(desk: Mailbox, context: SyncContext, number: int) -> None:
    """Hold the copy against that of somebody who never read before, and against the truth."""
    connection = connect(
        context, ME, provider=ProviderKind.MICROSOFT, user=f"reader{number}@example.test"
    )
    reader = Mailbox(context, desk.clock, desk.control, connection)
    reader.read_all()
    # What lies before the horizon stays here as history, and nobody reads it any more.
    assert reader.copy(EVENTS) <= desk.copy(EVENTS)
    assert reader.copy(OCCURRENCES) <= desk.copy(OCCURRENCES)
    horizon = context.horizon()
    for *_, end_at, _, _, _ in desk.copy(OCCURRENCES) - reader.copy(OCCURRENCES):
        assert end_at <= horizon.start
    for calendar in desk.calendars().values():
        assert desk.shown(calendar) == truth(desk, calendar)
        ours, theirs = cancelled(desk, calendar)
        assert theirs <= ours
        assert not desk.rows(
            "SELECT problem FROM events WHERE calendar_id = :calendar AND problem IS NOT NULL",
            calendar=calendar.id,
        )


@pytest.fixture
def nearer(context: SyncContext) -> SyncContext:
    """A horizon of five months, across which the clocks change, so that reading stays quick."""
    options = replace(
        context.options, horizon_back=timedelta(days=30), horizon_ahead=timedelta(days=120)
    )
    return replace(context, options=options)


@pytest.fixture
def desk(nearer: SyncContext, clock: Clock, control: ControlClient) -> Mailbox:
    control.graph.add_account(ME, time_zone="Europe/Berlin")
    control.graph.add_calendar(ME, PROJECT)
    connection = connect(nearer, ME, provider=ProviderKind.MICROSOFT)
    return Mailbox(nearer, clock, control, connection)


def upset(desk: Mailbox, random: Random) -> None:
    """Let Graph choose other ones of its bad habits."""
    desk.control.change_settings(page_size=random.choice((3, 9, 50)), empty_page_every=3)
    desk.control.graph.change_graph_settings(
        order_seed=random.randrange(1_000),
        replay_probability=random.choice((0.0, 0.2)),
        duplicate_probability=random.choice((0.0, 0.3)),
        occurrence_tombstones=random.random() < 0.3,
        foreign_tombstones=random.random() < 0.7,
    )


def work(
    desk: Mailbox, people: list[GraphPerson], random: Random, changes: int, *, forgetful: bool
) -> None:
    """Let people work, and look now and then what they did.

    Where Graph is forgetful everything is read anew now and then, which mends whatever an
    increment missed; so it must not be so all the time.
    """
    goal = count(people) + changes
    while count(people) < goal:
        random.choice(people).change_something()
        luck = random.random()
        if luck < 0.12:
            calendar = random.choice(list(desk.calendars().values()))
            full = forgetful and luck < 0.005
            assert desk.read(calendar, full=full) is SyncStatus.SUCCEEDED
        elif luck < 0.15:
            upset(desk, random)
        elif luck < 0.18 and forgetful:
            is_gone = random.random() < 0.5
            desk.control.graph.expire_delta_tokens(ME, answer="gone" if is_gone else "not_found")


def count(people: list[GraphPerson]) -> int:
    return sum(person.done.total() for person in people)


def replace_project(desk: Mailbox) -> str:
    """Delete a calendar, notice it, and make another one of the same name."""
    project = desk.calendars()[PROJECT]
    desk.control.graph.remove_calendar(ME, project.provider_calendar_id)
    assert desk.read(project) is SyncStatus.FAILED
    discover_calendars(desk.context, desk.connection.id)
    assert PROJECT not in desk.calendars()
    return str(desk.control.graph.add_calendar(ME, PROJECT)["id"])


def pass_weeks(desk: Mailbox) -> None:
    """Let so much time pass that every frozen window is outlived and every token has ended."""
    desk.clock.now += timedelta(days=15)
    desk.control.set_clock(desk.clock.now)
    for calendar in desk.calendars().values():
        roll_horizon(desk.context, calendar.id)


@pytest.mark.parametrize("seed", range(4))
def test_a_thousand_changes_leave_what_a_fresh_read_finds(
    desk: Mailbox, nearer: SyncContext, seed: int
) -> None:
    random = Random(seed)
    project = desk.calendars()[PROJECT].provider_calendar_id
    people = [
        GraphPerson(desk.control.graph, ME, random),
        GraphPerson(desk.control.graph, ME, random, project),
    ]
    desk.control.graph.change_graph_settings(ical_uid=random.choice(("series", "occurrence")))
    for number in range(3):
        work(desk, people, random, changes=85, forgetful=number == 1)
        desk.read_all()
        check(desk, nearer, number)
        if number == 0:
            people[1].calendar_id = replace_project(desk)
        elif number == 1:
            pass_weeks(desk)
    assert count(people) >= 250
    assert sum((person.done for person in people), start=people[0].done).keys() >= KINDS
