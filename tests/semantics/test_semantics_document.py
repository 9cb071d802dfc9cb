"""Every row of the tables in ``docs/semantics.md`` is true."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count
from uuid import UUID

import pytest

from calendar_manager.api.schemas.availability import show_warnings
from calendar_manager.domain.accounts import (
    AccessRole,
    Calendar,
    CalendarStatus,
    ProviderKind,
    ReadVia,
    UnreadablePolicy,
)
from calendar_manager.domain.busy import blocks, busy_of
from calendar_manager.domain.conflicts import (
    ConflictSettings,
    ConflictSeverity,
    ConflictType,
    find_conflicts,
)
from calendar_manager.domain.events import Event, EventStatus, EventType, Response, Transparency
from calendar_manager.domain.freshness import find_blocking, freshness_of
from calendar_manager.domain.meetings import BusyOccurrence, group_meetings
from calendar_manager.domain.occurrences import materialize
from calendar_manager.domain.reasons import ReasonCode
from calendar_manager.domain.timespan import Span
from calendar_manager.scheduling.busy_time import BusyTime
from calendar_manager.scheduling.free_time import FreeTime, find_free_time
from calendar_manager.store.agenda_entries import BlockingSpan
from tests.semantics.case_notation import (
    name_calendar,
    read_asked,
    read_events,
    read_instants,
    read_spans,
    split,
)
from tests.semantics.case_scene import Scene, read_scene
from tests.semantics.case_tables import DOCUMENT, Case, read_cases, read_heads

pytestmark = [pytest.mark.unit, pytest.mark.usefixtures("server_zone")]

TEXT = DOCUMENT.read_text(encoding="utf-8")
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
YEAR = timedelta(days=366)

BUSY = read_cases(TEXT, ("case", "event", "given", "takes its time", "blocks"))
FREE = read_cases(TEXT, ("case", "given", "events", "asked", "free"))
SLOTS = read_cases(TEXT, ("case", "given", "events", "asked", "slots"))
MEETINGS = read_cases(TEXT, ("case", "events", "meetings"))
CONFLICTS = read_cases(TEXT, ("case", "given", "events", "conflicts"))
FRESHNESS = read_cases(
    TEXT, ("case", "last read", "status", "stale after", "policy", "shown as", "the answer")
)
REASONS = read_cases(TEXT, ("code", "the start cannot be booked because", "what comes with it"))


def each(cases: dict[str, Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "case", [pytest.param(case, id=name) for name, case in cases.items()]
    )


def event_blocks(event: Event, calendar: str, scene: Scene, *, tentative_blocks: bool) -> bool:
    return blocks(
        busy_of(event),
        all_day=event.all_day,
        tentative_blocks=tentative_blocks,
        calendar_blocks=calendar not in scene.never_blocking,
        all_day_blocks=calendar not in scene.all_day_free,
        out_of_office=event.event_type is EventType.OUT_OF_OFFICE,
    )


def spans_of(event: Event, near: datetime, scene: Scene) -> list[Span]:
    window = Span(near - YEAR, near + YEAR)
    return [found.span for found in materialize(event, (), window, scene.zone).occurrences]


def find_free(case: Case) -> tuple[Scene, FreeTime]:
    """Answer a row as the API does, from its events on."""
    scene = read_scene(case["given"])
    rules = scene.make_rules()
    asked = read_asked(case["asked"], scene.zone)
    busy = [
        BlockingSpan(span, None, event.ical_uid)
        for event, calendar in read_events(case["events"], scene.zone)
        if event_blocks(event, calendar, scene, tentative_blocks=scene.tentative_blocks)
        for span in spans_of(event, asked.start, scene)
    ]
    free = find_free_time(
        rules,
        BusyTime.of(busy),
        asked,
        now=scene.now,
        duration=timedelta(minutes=rules.slot_duration_minutes),
        step=timedelta(minutes=rules.slot_step_minutes),
        grid_zone=scene.grid_zone,
    )
    return scene, free


def occurrences_of(events: str, scene: Scene) -> Iterator[tuple[BusyOccurrence, Event, str]]:
    numbers = count(1)
    for event, calendar in read_events(events, scene.zone):
        for span in spans_of(event, NOW, scene):
            yield (
                BusyOccurrence(
                    occurrence_id=UUID(int=next(numbers)),
                    event_id=UUID(int=int(event.provider_event_id)),
                    calendar_id=name_calendar(calendar),
                    span=span,
                    busy=busy_of(event),
                    all_day=event.all_day,
                    ical_uid=event.ical_uid,
                    location=event.location,
                    meeting_url=event.meeting_url,
                    my_response=event.my_response,
                ),
                event,
                calendar,
            )


def read_sensitivity(text: str) -> tuple[ConflictSettings, Scene]:
    """Part the settings of conflicts from those of calendars."""
    numbers: dict[str, int] = {}
    types, all_day, others = frozenset(ConflictType), False, []
    for clause in text.split("; ") if text else ():
        if found := re.fullmatch(r"(minimum overlap|buffer|travel) (\d+) min", clause):
            numbers[f"{found[1].replace(' ', '_')}_minutes"] = int(found[2])
        elif clause.startswith("types "):
            types = frozenset(map(ConflictType, clause.split()[1:]))
        elif clause == "all_day_conflicts on":
            all_day = True
        else:
            others.append(clause)
    settings = ConflictSettings(types=types, all_day_conflicts=all_day, **numbers)
    return settings, read_scene("; ".join(others))


@each(BUSY)
def test_an_event_takes_its_time(case: Case) -> None:
    scene = read_scene(case["given"])
    ((event, calendar),) = read_events(case["event"], scene.zone)
    assert busy_of(event) == case["takes its time"]
    answer = event_blocks(event, calendar, scene, tentative_blocks=scene.tentative_blocks)
    assert answer is {"yes": True, "no": False}[case["blocks"]]


@each(FREE)
def test_time_is_free(case: Case) -> None:
    scene, free = find_free(case)
    assert list(free.windows) == read_spans(case["free"], scene.zone)


@each(SLOTS)
def test_slots_start(case: Case) -> None:
    scene, free = find_free(case)
    assert [slot.start for slot in free.slots] == read_instants(case["slots"], scene.zone)
    length = timedelta(minutes=scene.rules.get("slot_duration_minutes", 30))
    assert all(slot.duration == length for slot in free.slots)


@each(MEETINGS)
def test_copies_are_one_meeting(case: Case) -> None:
    scene = Scene()
    found = [
        (meeting.span, meeting.busy.value, len(meeting.occurrences))
        for meeting in group_meetings(one for one, _, _ in occurrences_of(case["events"], scene))
    ]
    expected = []
    for text in split(case["meetings"]):
        parts = re.fullmatch(r"(.+) (\w+) with (\d+) cop(?:y|ies)", text)
        assert parts is not None
        expected.append((*read_spans(parts[1], scene.zone), parts[2], int(parts[3])))
    assert found == expected


@each(CONFLICTS)
def test_meetings_conflict(case: Case) -> None:
    settings, scene = read_sensitivity(case["given"])
    # As the store loads them: tentative ones take part whatever the user's setting is.
    meetings = group_meetings(
        occurrence
        for occurrence, event, calendar in occurrences_of(case["events"], scene)
        if event_blocks(event, calendar, scene, tentative_blocks=True)
    )
    found = [(one.type, one.severity, one.span) for one in find_conflicts(meetings, settings)]
    expected = []
    for text in split(case["conflicts"]):
        kind, severity, when = text.split(" ", 2)
        (span,) = read_spans(when, scene.zone)
        expected.append((ConflictType(kind), ConflictSeverity(severity), span))
    assert found == expected


@each(FRESHNESS)
def test_a_calendar_can_be_trusted(case: Case) -> None:
    policy = UnreadablePolicy(case["policy"])
    freshness = freshness_of(
        calendar_read(case, policy), NOW, timedelta(minutes=minutes_in(case["stale after"]))
    )
    assert freshness.status == case["shown as"]
    answer = "nothing is free" if find_blocking([freshness]) else "from the copy"
    warning = ", with a warning" if show_warnings([freshness]) else ""
    assert case["the answer"] == answer + warning


def calendar_read(case: Case, policy: UnreadablePolicy) -> Calendar:
    never = case["last read"] == "never"
    return Calendar(
        id=name_calendar("Work"),
        user_id=UUID(int=1),
        connection_id=UUID(int=2),
        provider=ProviderKind.GOOGLE,
        provider_calendar_id="work",
        name="Work",
        time_zone=None,
        color=None,
        primary=True,
        access_role=AccessRole.OWNER,
        sync_enabled=True,
        blocks_availability=True,
        all_day_blocks=True,
        unreadable_policy=policy,
        client_id=None,
        last_synced_at=None if never else NOW - timedelta(minutes=minutes_in(case["last read"])),
        last_synced_via=None if never else ReadVia.POLL,
        status=CalendarStatus(case["status"]),
        error=None,
    )


def minutes_in(text: str) -> int:
    found = re.fullmatch(r"(\d+) min(?: ago)?", text)
    assert found is not None
    return int(found[1])


NAMED_IN_TABLES = [
    EventType,
    EventStatus,
    Response,
    Transparency,
    ReasonCode,
    ConflictType,
    ConflictSeverity,
    CalendarStatus,
    UnreadablePolicy,
]


@pytest.mark.parametrize("kind", NAMED_IN_TABLES)
def test_the_document_names_every(kind: type[StrEnum]) -> None:
    named = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`]+)`", TEXT))))
    assert [one.value for one in kind if one.value not in named] == []


def test_every_table_is_read() -> None:
    tables = (BUSY, FREE, SLOTS, MEETINGS, CONFLICTS, FRESHNESS, REASONS)
    assert set(read_heads(TEXT)) == {tuple(next(iter(cases.values()))) for cases in tables}


def test_every_reason_has_its_row() -> None:
    assert sorted(REASONS) == sorted(ReasonCode)
