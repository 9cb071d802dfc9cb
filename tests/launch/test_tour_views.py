import io
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console
from rich.table import Table

from calendar_manager.launch import tour_views

pytestmark = pytest.mark.unit

BERLIN = ZoneInfo("Europe/Berlin")


def rows(table: Table) -> list[list[str]]:
    """What a terminal shows, without the frame; runs of blanks part the columns."""
    console = Console(file=io.StringIO(), width=120)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    lines = [
        line.strip() for line in console.file.getvalue().replace(tour_views.TO, "-").splitlines()
    ]
    return [
        [cell.strip() for cell in line.split("  ") if cell.strip()]
        for line in lines
        if line and not set(line) <= set("─ ")
    ]


def event(title: str, start: str, end: str, **changes: Any) -> dict[str, Any]:
    return {
        "title": title,
        "start": start,
        "end": end,
        "all_day": "T" not in start,
        "busy": True,
        "my_response": None,
        "recurring": False,
        "calendar_id": "c",
    } | changes


def show_week(*events: dict[str, Any]) -> Sequence[Sequence[str]]:
    return rows(tour_views.week_table(events, {"c": "Work"}, BERLIN))[1:]


def test_times_are_told_in_the_users_zone() -> None:
    shown = show_week(event("Call", "2026-11-23T15:30:00Z", "2026-11-23T16:00:00Z"))

    assert shown == [["Mon 23 Nov", "16:30-17:00", "Call", "Work", "busy"]]


def test_a_day_is_named_once() -> None:
    shown = show_week(
        event("One", "2026-11-23T08:00:00Z", "2026-11-23T09:00:00Z"),
        event("Two", "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z"),
        event("Three", "2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z"),
    )

    assert [row[0] for row in shown] == ["Mon 23 Nov", "11:00-12:00", "Tue 24 Nov"]


def test_what_is_special_about_an_event_is_shown() -> None:
    shown = show_week(
        event("Day off", "2026-11-23", "2026-11-24", busy=False),
        event(
            "Night",
            "2026-11-23T22:00:00Z",
            "2026-11-24T00:30:00Z",
            recurring=True,
            my_response="needs_action",
        ),
        event("", "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z", calendar_id="unknown"),
    )

    assert shown[0] == ["Mon 23 Nov", "all day", "Day off", "Work", "free"]
    assert shown[1] == ["23:00-01:30 +1", "Night ↻", "Work", "busy (needs action)"]
    assert shown[2] == ["Tue 24 Nov", "10:00-11:00", "(no title)", "busy"]


def test_titles_are_not_read_as_markup() -> None:
    shown = show_week(event("[red]odd[/]", "2026-11-23T08:00:00Z", "2026-11-23T09:00:00Z"))

    assert "[red]odd[/]" in shown[0]


def conflict(move: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "start": "2026-11-23T08:00:00Z",
        "end": "2026-11-23T09:00:00Z",
        "severity": "high",
        "meetings": [{"title": "One"}, {"title": "Two"}],
        "move": move,
    }


@pytest.mark.parametrize(
    ("move", "advice"),
    [
        (None, ["it is past"]),
        ({"title": "Two", "alternatives": []}, ["Two", "has no free place nearby"]),
        (
            {"title": "Two", "alternatives": [{"start": "2026-11-24T08:00:00Z"}]},
            ["Two", "→ Tue 24 Nov 09:00"],
        ),
    ],
)
def test_a_conflict_comes_with_advice(move: dict[str, Any] | None, advice: list[str]) -> None:
    shown = rows(tour_views.conflict_table([conflict(move)], BERLIN))[1:]

    assert shown[0][:3] == ["Mon 23 Nov 09:00-10:00", "high", "One"]
    assert [row[-1] for row in shown][: len(advice)] == advice


def test_free_time_leaves_out_what_is_too_short() -> None:
    windows = [
        {"start": "2026-11-23T08:00:00Z", "end": "2026-11-23T08:29:00Z"},
        {"start": "2026-11-23T09:00:00Z", "end": "2026-11-23T10:00:00Z"},
        {"start": "2026-11-23T12:00:00Z", "end": "2026-11-23T12:30:00Z"},
    ]
    slots = [{"start": f"2026-11-23T{time}:00Z"} for time in ("09:00", "09:30", "12:00")]

    shown = rows(tour_views.free_table(windows, slots, BERLIN))[1:]

    assert shown == [["Mon 23 Nov", "10:00-11:00", "13:00-13:30", "3"]]


def test_freshness_says_never_where_nothing_was_read() -> None:
    fresh = {"name": "Work", "complete_as_of": "2026-11-23T08:00:07Z", "via": "poll"}
    never = {"name": "Private", "complete_as_of": None, "via": None}

    shown = rows(
        tour_views.freshness_table(
            [fresh | {"status": "ok"}, never | {"status": "failing"}], BERLIN
        )
    )

    assert shown[1:] == [
        ["Work", "Mon 23 Nov 09:00:07", "poll", "ok"],
        ["Private", "never", "failing"],
    ]
