"""The parts of the soak: what it plans is repeatable, and what it compares it can tell apart."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from random import Random

import pytest
import requests

from benchmarks.soak.accounts import add_accounts
from benchmarks.soak.faults import KINDS, SHARE, Faults
from benchmarks.soak.hands import Hands
from benchmarks.soak.kills import VICTIMS, plan_kills
from benchmarks.soak.operations import CALENDARS, Operation, plan_operations
from benchmarks.soak.report import Report, describe_delays
from benchmarks.soak.rows import Difference, Moment, Row, find_differences
from benchmarks.soak.truth import read_truth
from calendar_manager.sandbox.server import SandboxThread

pytestmark = pytest.mark.unit

Shown = tuple[Moment, Moment, str, str]

MONDAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)
ROW = Row(
    calendar="google work",
    event="e1",
    original=NOW,
    start=NOW,
    end=NOW + timedelta(hours=1),
    title="Talk",
    busy="busy",
)


def plan(seed: int, length: int = 2_000) -> list[Operation]:
    return list(islice(plan_operations(seed, MONDAY), length))


def test_the_same_seed_plans_the_same_changes() -> None:
    assert plan(7) == plan(7)
    assert plan(7)[:50] == plan(7, 50)
    assert plan(7) != plan(8)


def test_the_plan_has_every_kind_of_change_in_every_calendar() -> None:
    kinds = Counter((one.provider, one.kind) for one in plan(1))
    places = {(one.provider, one.calendar) for one in plan(1)}

    assert places == set(CALENDARS)
    assert {kind for provider, kind in kinds if provider == "caldotcom"} == {
        *("probe", "book", "book_pending", "book_course", "reschedule", "cancel", "cancel_all"),
        *("confirm", "decline", "add_absence", "change_absence", "remove_absence"),
    }
    for provider in ("google", "microsoft"):
        assert {kind for one, kind in kinds if one == provider} == {
            *("probe", "create", "create_series", "edit", "respond", "delete", "edit_one"),
            *("move_one", "delete_one", "edit_following", "delete_following", "edit_all"),
            *("move_all", "delete_series"),
        }


def test_nothing_is_changed_that_was_never_made_or_has_ended() -> None:
    ended: set[int | None] = set()
    made: dict[int | None, Operation] = {}
    for one in plan(3):
        made[one.number] = one
        if one.target is None:
            continue
        assert one.target not in ended
        assert (made[one.target].provider, made[one.target].calendar) == (
            one.provider,
            one.calendar,
        )
        assert made[one.target].kind != "probe", "a timed event stands still"
        if one.kind in {"delete", "delete_series", "cancel", "cancel_all", "decline"}:
            ended.add(one.target)


def test_the_same_seed_plans_the_same_kills_and_spares_nobody() -> None:
    first = list(islice(plan_kills(5, 10), len(VICTIMS)))

    assert first == list(islice(plan_kills(5, 10), len(VICTIMS)))
    assert sorted(kill.victim for kill in first) == sorted(VICTIMS)
    assert all(5 <= kill.after <= 15 for kill in first)


def test_equal_rows_differ_in_nothing() -> None:
    assert find_differences([ROW], [ROW]) == []


def test_each_kind_of_difference_is_found() -> None:
    moved = replace(ROW, start=NOW + timedelta(minutes=5))
    other = replace(ROW, event="e2")

    assert find_differences([ROW], []) == [Difference("lost", ROW, None)]
    assert find_differences([ROW], [ROW, ROW]) == [Difference("duplicated", ROW, ROW)]
    assert find_differences([ROW], [moved]) == [Difference("wrong", ROW, moved)]
    assert find_differences([ROW], [ROW, other]) == [Difference("wrong", None, other)]


def test_a_report_is_clean_only_without_any_trouble() -> None:
    assert Report(1, 1).is_clean
    assert not Report(1, 1, differences=[Difference("lost", ROW, None)]).is_clean
    assert not Report(1, 1, troubles=["1 sync jobs"]).is_clean
    assert not Report(1, 1, missing=1).is_clean
    dirty = Report(1, 1, differences=[Difference("lost", ROW, None)])
    assert dirty.as_json()["lost"] == 1
    assert "Talk" in dirty.as_text()


def test_percentiles_are_nearest_ranks() -> None:
    assert describe_delays([0.4, 0.1, 0.3, 0.2]) == {"count": 4, "p50": 0.2, "p99": 0.4}
    assert describe_delays([]) == {"count": 0, "p50": None, "p99": None}


def test_planned_changes_come_out_the_same_twice() -> None:
    def live(seed: int) -> tuple[set[Shown], Counter[tuple[str, str]]]:
        with SandboxThread(clock=lambda: NOW) as sandbox:
            accounts = add_accounts(sandbox.control)
            hands = Hands(sandbox.control, accounts, NOW)
            for operation in plan(seed, 250):
                hands.do(operation)
            rows = read_truth(
                sandbox.control, accounts, NOW - timedelta(days=30), NOW + timedelta(days=120)
            )
            shown = {(row.start, row.end, row.title, row.busy) for row in rows}
        return shown, hands.done

    shown, done = live(11)

    assert (shown, done) == live(11)
    assert len(shown) > 200
    refused = sum(count for (_, kind), count in done.items() if kind == "refused")
    assert refused < 0.15 * done.total(), done


def test_a_fifth_of_the_products_calls_goes_wrong_in_every_way() -> None:
    with SandboxThread() as sandbox:
        accounts = add_accounts(sandbox.control)
        faults = Faults(sandbox.control, accounts, Random(1))
        faults.turn()
        with requests.Session() as session:
            for _ in range(300):
                # What is reset in mid-body is a fault as well.
                with suppress(requests.RequestException):
                    session.get(f"{sandbox.base_url}/google/calendar/v3/colors", timeout=10)
        faults.stop()

    assert faults.calls == 300
    struck = {kind: faults.struck[kind] for kind, _ in KINDS}
    assert all(struck.values()), struck
    assert SHARE * 0.7 < sum(struck.values()) / faults.calls < SHARE * 1.3
