"""Whatever happens to a calendar, a client that follows Graph's rules ends with the truth.

The client here knows nothing but what the provider's documentation and its traps allow: it holds
instances by id, drops what is removed, and reads the instances of every series anew of which a
master or a member appears.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from calendar_manager.sandbox.control_client import ControlClient, ControlError, GraphControl
from tests.sandbox.graph_api import PERSON, VIEW, ZONE, GraphApi, Json, all_day, at, repeat, timed

pytestmark = pytest.mark.unit

FIRST = datetime(2026, 2, 20, 9)  # noqa: DTZ001 - Wall-clock time in ZONE.
WINDOW = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
KINDS = (
    "create",
    "create_series",
    "create_day",
    "edit",
    "edit_one",
    "edit_one",
    "move",
    "move_one",
    "move_one",
    "edit_all",
    "edit_following",
    "delete_following",
    "delete",
    "delete_one",
    "delete_one",
    "respond",
    "cancel",
    "unrepeat",
    "sync",
)

REFUSALS = ("ErrorPropertyValidationFailure", "ErrorRecurrenceHasNoOccurrence")
Step = tuple[str, int, int, int]


class Follower:
    """A delta client: instances by id, members of series by their master's id."""

    def __init__(self, api: GraphApi) -> None:
        self._api = api
        self.instances: dict[str, Json] = {}
        rows, self._link = api.baseline()
        self._take(rows)

    def sync(self) -> None:
        rows, self._link = self._api.follow(self._link)
        self._take(rows)

    def _take(self, rows: list[Json]) -> None:
        touched: set[str] = set()
        for row in rows:
            known = self.instances.get(row["id"], {})
            touched.add(known.get("seriesMasterId") or row.get("seriesMasterId") or row["id"])
            if "@removed" in row:
                self._drop(row["id"])
            elif row["type"] == "singleInstance":
                self._drop(row["id"])
                self.instances[row["id"]] = row
                touched.discard(row["id"])
        for master in touched:
            self._drop(master)
            answer = self._api.send("GET", f"me/events/{master}/instances", params=VIEW)
            if answer.status_code == 200:
                path = f"me/events/{master}/instances"
                self.instances |= {row["id"]: row for row in self._api.listed(path, **VIEW)}

    def _drop(self, event_id: str) -> None:
        self.instances = {
            one: row
            for one, row in self.instances.items()
            if event_id not in {one, row.get("seriesMasterId")}
        }


class Person:
    """Somebody who changes a calendar at random, in Outlook."""

    def __init__(self, graph: GraphControl) -> None:
        self._graph = graph

    def act(self, kind: str, which: int, day: int, hour: int) -> None:
        start = FIRST + timedelta(days=day, hours=hour)
        span = timed(start.isoformat(), (start + timedelta(hours=1)).isoformat())
        if kind.startswith("create"):
            self._create(kind, span, start)
            return
        series = kind.endswith(("_one", "_following"))
        target = self._pick(which, series=series)
        if target is None:
            return
        changes: dict[str, Any] = {"subject": f"{kind} {which}"}
        if kind.startswith("move"):
            changes = dict(span)
        elif kind == "respond":
            changes = {"response": ("accepted", "declined", "tentativelyAccepted")[hour % 3]}
        elif kind == "unrepeat":
            changes = {"recurrence": None}
        edit: Any = kind.replace("move", "edit").replace("unrepeat", "edit")
        original = target.get("originalStart") if series else None
        event = target["seriesMasterId"] if original else target["id"]
        try:
            self._graph.mutate(PERSON, edit, event, original_start=original, changes=changes)
        except ControlError as error:
            # All-day events take no times of day, and no series may begin after its end.
            assert any(code in str(error) for code in REFUSALS)  # noqa: PT017 - Some succeed.

    def _create(self, kind: str, span: Json, start: datetime) -> None:
        body = dict(span, subject=kind)
        if kind == "create_day":
            after = start.date() + timedelta(days=2)
            body = all_day(start.date().isoformat(), after.isoformat(), subject=kind)
            body["showAs"] = "free"
        if kind == "create_series" or start.hour % 3 == 0:
            pattern = repeat(start.date().isoformat(), "weekly", daysOfWeek=["monday", "thursday"])
            body["recurrence"] = pattern
        self._graph.create_events(PERSON, [body])

    def _pick(self, which: int, *, series: bool) -> Json | None:
        if series:
            start_at, end_at = WINDOW[0] - timedelta(days=9), WINDOW[1] + timedelta(days=9)
            rows = self._graph.truth_instances(PERSON, start_at, end_at)
            rows = [row for row in rows if row["seriesMasterId"]]
        else:
            rows = [row for row in self._graph.truth(PERSON) if row["type"] != "exception"]
        return rows[which % len(rows)] if rows else None


def look(rows: list[Json]) -> dict[str, tuple[Any, ...]]:
    return {
        row["id"]: (
            row["type"],
            row["start"]["dateTime"],
            row["end"]["dateTime"],
            row["subject"],
            row["showAs"],
            row["isCancelled"],
            row["responseStatus"]["response"],
            row["isAllDay"],
        )
        for row in rows
    }


@pytest.fixture(scope="module")
def session() -> Any:
    with requests.Session() as session:
        yield session


STEPS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 40), st.integers(0, 50), st.integers(0, 14)),
    min_size=3,
    max_size=20,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, tombstones=st.booleans(), chance=st.sampled_from([0.0, 0.5]))
@example(
    steps=[("create_series", 0, 12, 0), ("unrepeat", 0, 0, 0), ("sync", 0, 0, 0)],
    tombstones=False,
    chance=0.0,
)
@example(
    steps=[("create_series", 0, 12, 0), ("sync", 0, 0, 0), ("unrepeat", 0, 0, 0)],
    tombstones=False,
    chance=0.0,
)
def test_a_client_that_follows_the_rules_ends_with_the_truth(
    control: ControlClient,
    session: requests.Session,
    steps: list[Step],
    tombstones: bool,  # noqa: FBT001 - Given by Hypothesis.
    chance: float,
) -> None:
    control.reset()
    graph = control.graph
    graph.add_account(PERSON, time_zone=ZONE)
    graph.change_graph_settings(
        occurrence_tombstones=tombstones,
        foreign_tombstones=not tombstones,
        replay_probability=chance,
        duplicate_probability=chance,
    )
    follower, person = Follower(GraphApi(control, session)), Person(graph)
    for kind, which, day, hour in steps:
        if kind == "sync":
            follower.sync()
        else:
            person.act(kind, which, day, hour)
    follower.sync()
    truth = graph.truth_instances(PERSON, *WINDOW)
    assert look(list(follower.instances.values())) == look(truth)
    fresh = Follower(GraphApi(control, session))
    assert look(list(fresh.instances.values())) == look(truth)


def test_the_comparison_can_fail(control: ControlClient, session: requests.Session) -> None:
    graph = control.graph
    graph.add_account(PERSON)
    follower = Follower(GraphApi(control, session))
    body = {"start": at("2026-03-03T12:00:00"), "end": at("2026-03-03T13:00:00")}
    graph.create_events(PERSON, [body])
    assert look(list(follower.instances.values())) != look(graph.truth_instances(PERSON, *WINDOW))
    follower.sync()
    assert look(list(follower.instances.values())) == look(graph.truth_instances(PERSON, *WINDOW))
