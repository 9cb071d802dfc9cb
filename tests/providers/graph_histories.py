"""A person who changes a calendar at random, the copy of it that is kept, and the truth."""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import strategies as st

from calendar_manager.domain.accounts import Tokens
from calendar_manager.domain.busy import Busy, busy_of
from calendar_manager.domain.changes import ChangePage, Deleted, SeriesRead, Upserted
from calendar_manager.domain.events import Event
from calendar_manager.domain.occurrences import materialize
from calendar_manager.domain.times import day_span, find_zone
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.microsoft import Microsoft, MicrosoftSettings
from calendar_manager.sandbox.control_client import ControlError, GraphControl
from calendar_manager.sandbox.server import SandboxThread

ME = "ada@contoso.example"
ZONE = find_zone("Europe/Berlin")
WINDOWS_ZONE = "W. Europe Standard Time"
# The clocks change on 29 March; the frozen window is wider by two days and two weeks.
HORIZON = Span(datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 4, 10, tzinfo=UTC))
FROZEN = Span(datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 4, 24, tzinfo=UTC))
FIRST = datetime(2026, 2, 20, 0)  # noqa: DTZ001 - A wall clock in ZONE.
REFUSALS = ("ErrorPropertyValidationFailure", "ErrorRecurrenceHasNoOccurrence")
WORKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]
PATTERNS: list[dict[str, Any]] = [
    {"type": "daily", "interval": 2},
    {"type": "weekly", "interval": 1, "daysOfWeek": ["monday", "thursday"]},
    {"type": "weekly", "interval": 2, "daysOfWeek": ["sunday"], "firstDayOfWeek": "monday"},
    {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31},
    {"type": "relativeMonthly", "interval": 1, "daysOfWeek": WORKDAYS, "index": "last"},
    {"type": "relativeYearly", "interval": 1, "month": 3, "daysOfWeek": ["friday"]},
]
RANGES: list[dict[str, Any]] = [
    {"type": "noEnd"},
    {"type": "numbered", "numberOfOccurrences": 12},
    {"type": "endDate", "endDate": "2026-04-02"},
]
KINDS = [
    "create", "create_series", "create_series", "create_day", "create_day_series", "edit",
    "edit_one", "move", "move_one", "move_one", "edit_all", "edit_following",
    "delete_following", "delete", "delete_one", "delete_one", "respond", "cancel", "unrepeat",
    "sync", "sync",
]  # fmt: skip

Row = tuple[datetime, datetime, str, Busy]


class Store:
    """A calendar's copy, as the sync engine keeps it."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.instances: dict[str, str] = {}
        self.cursor: str | None = None
        self.position: str | None = None

    def find_series(self, ids: Collection[str]) -> Mapping[str, str]:
        return {one: self.instances[one] for one in ids if one in self.instances}

    def read(self, provider: CalendarProvider, calendar: str, pages: int | None = None) -> "Store":
        """Read to the end, or so many pages and one more that gets lost."""
        found = provider.pull_changes(
            calendar,
            cursor=self.cursor,
            window=HORIZON,
            find_series=self.find_series,
            position=self.position,
        )
        for page in islice(found, pages):
            self.take(page)
        next(found, None)
        return self

    def take(self, page: ChangePage) -> None:
        self.cursor, self.position = page.cursor, page.position
        for change in page.changes:
            match change:
                case Upserted():
                    self.events[change.event.provider_event_id] = change.event
                case Deleted():
                    self.drop(change.provider_event_id)
                case SeriesRead():
                    assert change.rejections == ()
                    self.drop(change.master.provider_event_id)
                    for event in (change.master, *change.overrides):
                        self.events[event.provider_event_id] = event
                    series_id = change.master.provider_event_id
                    self.instances |= dict.fromkeys(change.instance_ids, series_id)
                case _:
                    pytest.fail(str(change))

    def drop(self, event_id: str) -> None:
        self.events = {
            key: event
            for key, event in self.events.items()
            if event_id not in {key, event.series_id}
        }
        self.instances = {
            key: series for key, series in self.instances.items() if series != event_id
        }

    def rows(self) -> list[Row]:
        """What takes place inside the horizon."""
        rows: list[Row] = []
        for event in self.events.values():
            overrides = [
                one for one in self.events.values() if one.series_id == event.provider_event_id
            ]
            found = materialize(event, overrides, HORIZON, ZONE)
            assert found.problem is None
            rows += [
                (one.span.start, one.span.end, event.title, busy_of(event))
                for one in found.occurrences
                if one.span.overlaps(HORIZON)
            ]
        return sorted(rows)

    def fingerprints(self) -> dict[str, str]:
        return {key: event.fingerprint for key, event in self.events.items()}


class Person:
    """Somebody who changes a calendar at random, in Outlook."""

    def __init__(self, graph: GraphControl) -> None:
        self._graph = graph

    def act(self, kind: str, which: int, day: int, hour: int) -> None:
        start = FIRST + timedelta(days=day, hours=hour)
        if kind.startswith("create"):
            self._create(kind, which, start)
            return
        is_member = kind.endswith(("_one", "_following"))
        target = self._pick(which, is_member=is_member)
        if target is None:
            return
        changes: dict[str, Any] = {"subject": f"{kind} {which}"}
        if kind.startswith("move"):
            changes = times(start, timedelta(hours=1 + which % 10))
        elif kind == "respond":
            changes = {"response": ("accepted", "declined", "tentativelyAccepted")[hour % 3]}
        elif kind == "unrepeat":
            changes = {"recurrence": None}
        edit: Any = kind.replace("move", "edit").replace("unrepeat", "edit")
        original = target.get("originalStart") if is_member else None
        event = target["seriesMasterId"] if original else target["id"]
        try:
            self._graph.mutate(ME, edit, event, original_start=original, changes=changes)
        except ControlError as error:
            # All-day events take no times of day, and no series may begin after its end.
            assert any(code in str(error) for code in REFUSALS)  # noqa: PT017 - Some succeed.

    def _create(self, kind: str, which: int, start: datetime) -> None:
        body: dict[str, Any] = {"subject": f"{kind} {which}", "showAs": "busy"}
        if "day" in kind:
            body |= days(start.date(), 1 + which % 3) | {"isAllDay": True}
        else:
            # Some last over night, and some over the night in which the clocks change.
            body |= times(start, timedelta(hours=1 + which % 10))
        if "series" in kind:
            limits = {"recurrenceTimeZone": WINDOWS_ZONE, **RANGES[which % len(RANGES)]}
            body["recurrence"] = {
                "pattern": PATTERNS[which % len(PATTERNS)],
                "range": {**limits, "startDate": start.date().isoformat()},
            }
        try:
            self._graph.create_events(ME, [body])
        except ControlError as error:
            assert any(code in str(error) for code in REFUSALS)  # noqa: PT017 - As above.

    def _pick(self, which: int, *, is_member: bool) -> dict[str, Any] | None:
        if is_member:
            around = Span(FROZEN.start - timedelta(days=9), FROZEN.end + timedelta(days=9))
            rows = self._graph.truth_instances(ME, around.start, around.end)
            rows = [row for row in rows if row["seriesMasterId"]]
        else:
            rows = [row for row in self._graph.truth(ME) if row["type"] != "exception"]
        return rows[which % len(rows)] if rows else None


def times(start: datetime, length: timedelta) -> dict[str, Any]:
    end = start + length
    return {
        "start": {"dateTime": start.isoformat(), "timeZone": WINDOWS_ZONE},
        "end": {"dateTime": end.isoformat(), "timeZone": WINDOWS_ZONE},
    }


def days(first: date, count: int) -> dict[str, Any]:
    end = first + timedelta(days=count)
    return {
        "start": {"dateTime": f"{first}T00:00:00", "timeZone": WINDOWS_ZONE},
        "end": {"dateTime": f"{end}T00:00:00", "timeZone": WINDOWS_ZONE},
    }


def truth(graph: GraphControl) -> list[Row]:
    """What the sandbox says takes place inside the horizon."""
    rows: list[Row] = []
    for item in graph.truth_instances(ME, FROZEN.start, FROZEN.end):
        if item["isCancelled"]:
            continue
        start, end = (datetime.fromisoformat(item[one]["dateTime"]) for one in ("start", "end"))
        if item["isAllDay"]:
            span = day_span(DateSpan(start.date(), end.date()), ZONE)
        else:
            span = Span(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))
        if span.overlaps(HORIZON):
            rows.append((span.start, span.end, item["subject"], busy_in(item)))
    return sorted(rows)


def busy_in(item: dict[str, Any]) -> Busy:
    """The facts: declined is free, then what Outlook shows, then tentative and unanswered."""
    response = item["responseStatus"]["response"]
    if item["isOrganizer"]:
        response = "organizer"
    if response == "declined" or item["showAs"] in {"free", "workingElsewhere"}:
        return Busy.FREE
    if item["showAs"] == "oof":
        return Busy.BUSY
    undecided = response in {"tentativelyAccepted", "notResponded"}
    return Busy.TENTATIVE if undecided or item["showAs"] == "tentative" else Busy.BUSY


def open_account(sandbox: SandboxThread, *, events_per_page: int = 7) -> CalendarProvider:
    graph = sandbox.control.graph
    where = graph.microsoft_settings()
    chosen = MicrosoftSettings(
        client_id=where["MICROSOFT_CLIENT_ID"],
        client_secret=where["MICROSOFT_CLIENT_SECRET"],
        authority=where["MICROSOFT_AUTHORITY"],
        graph_url=where["MICROSOFT_GRAPH_URL"],
    )
    access = graph.issue_tokens(ME).access_token
    tokens = Tokens(access_token=access, refresh_token=None, expires_at=None, scopes=frozenset())
    return Microsoft(chosen, events_per_page=events_per_page).open(tokens)


STEP = st.tuples(st.sampled_from(KINDS), st.integers(0, 40), st.integers(0, 60), st.integers(0, 23))
STEPS = st.lists(STEP, min_size=3, max_size=20)
