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

CALENDARS = {
    "c": {"name": "Work", "provider": "google"},
    "m": {"name": "Calendar", "provider": "microsoft"},
    "b": {"name": "Cal.com bookings", "provider": "caldotcom"},
}


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
        "status": "confirmed",
        "ical_uid": None,
    } | changes


def show_week(*events: dict[str, Any]) -> Sequence[Sequence[str]]:
    return rows(tour_views.week_table(events, CALENDARS, BERLIN))[1:]


def test_times_are_told_in_the_users_zone() -> None:
    shown = show_week(event("Call", "2026-11-23T15:30:00Z", "2026-11-23T16:00:00Z"))

    assert shown == [["Mon 23 Nov", "16:30-17:00", "Call", "Google: Work", "busy"]]


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

    assert shown[0] == ["Mon 23 Nov", "all day", "Day off", "Google: Work", "free"]
    assert shown[1] == ["23:00-01:30 +1", "Night (needs action) ↻", "Google: Work", "busy"]
    assert shown[2] == ["Tue 24 Nov", "10:00-11:00", "(no title)", "busy"]


def test_titles_are_not_read_as_markup() -> None:
    shown = show_week(event("[red]odd[/]", "2026-11-23T08:00:00Z", "2026-11-23T09:00:00Z"))

    assert "[red]odd[/]" in shown[0]


MORNING = ("2026-11-23T08:00:00Z", "2026-11-23T09:00:00Z")


def test_a_meeting_on_two_calendars_is_shown_once_with_both() -> None:
    shown = show_week(
        event("Call", *MORNING, ical_uid="u1", calendar_id="b", busy=False),
        event("Call", "2026-11-23T09:00:00+01:00", MORNING[1], ical_uid="u1", calendar_id="m"),
    )

    assert shown == [
        ["Mon 23 Nov", "09:00-10:00", "Call 2×", "Microsoft: Calendar", "busy"],
        ["Cal.com bookings"],
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"ical_uid": "u2"},
        {"ical_uid": None},
        {"start": "2026-11-23T08:30:00Z"},
        {"end": "2026-11-23T09:30:00Z"},
    ],
)
def test_what_is_not_the_same_meeting_is_shown_apart(changes: dict[str, Any]) -> None:
    one = event("Call", *MORNING, ical_uid="u1")

    assert len(tour_views.merge_copies([one, one | {"calendar_id": "m"} | changes])) == 2


def test_meetings_without_a_uid_are_never_the_same() -> None:
    assert len(tour_views.merge_copies([event("Call", *MORNING), event("Call", *MORNING)])) == 2


def test_a_meeting_that_may_not_take_place_says_so() -> None:
    shown = show_week(event("Talk", *MORNING, status="tentative"))

    assert shown[0][2] == "Talk (tentative)"


def conflict(move: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "start": "2026-11-23T08:00:00Z",
        "end": "2026-11-23T09:00:00Z",
        "severity": "high",
        "meetings": [
            {"title": "One", "occurrences": [{"calendar_id": "c"}]},
            {"title": "Two", "occurrences": [{"calendar_id": "m"}, {"calendar_id": "b"}]},
        ],
        "move": move,
    }


@pytest.mark.parametrize(
    ("move", "first", "second"),
    [
        (None, ["it is past"], []),
        ({"meeting": 1, "alternatives": []}, [], ["no free place nearby"]),
        (
            {"meeting": 0, "alternatives": [{"start": "2026-11-24T08:00:00Z"}]},
            ["Tue 24 Nov 09:00"],
            [],
        ),
    ],
)
def test_a_conflict_comes_with_accounts_and_advice(
    move: dict[str, Any] | None, first: list[str], second: list[str]
) -> None:
    shown = rows(tour_views.conflict_table([conflict(move)], CALENDARS, BERLIN))[1:]

    assert shown == [
        ["Mon 23 Nov 09:00-10:00", "One", "Google", *first],
        ["high", "Two", "Microsoft + Cal.com", *second],
    ]


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
    fresh = {"calendar_id": "c", "complete_as_of": "2026-11-23T08:00:07Z", "via": "poll"}
    never = {"calendar_id": "m", "complete_as_of": None, "via": None}

    shown = rows(
        tour_views.freshness_table(
            [fresh | {"status": "ok"}, never | {"status": "failing"}], CALENDARS, BERLIN
        )
    )

    assert shown[1:] == [
        ["Google: Work", "Mon 23 Nov 09:00:07", "poll", "ok"],
        ["Microsoft: Calendar", "never", "failing"],
    ]
