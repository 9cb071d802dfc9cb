"""Hours by week as the parts of a drawing: bars, stacked by project."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from calendar_manager.domain.client_hours import PeriodHours
from calendar_manager.web.palette import NEUTRAL, pick_colors
from calendar_manager.web.week_events import Named

HEIGHT: Final = 180
"""Of the bars, in pixels."""

NO_PROJECT: Final = "Without a project"
OTHERS: Final = "Other projects"

_TOP: Final = 12
_GUTTER: Final = 8.0
"""Where the bars begin, in hundredths of the width; before that stand the hours."""

_MOST_PROJECTS: Final = 6
_MOST_LABELS: Final = 6
_STEPS: Final = (1, 2, 4, 5, 10, 20, 40, 50)
_LINES: Final = 4
_ONE_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Piece:
    """A project's part of a bar."""

    y: float
    height: float
    color: str
    title: str


@dataclass(frozen=True, slots=True)
class Week:
    """A bar.

    Attributes:
        monday: Its first day.
        x: In hundredths of the width.
        width: The same.
        middle: The same.
        label: Under it; empty where labels would run together.
        pieces: From the bottom to the top.
    """

    monday: date
    x: float
    width: float
    middle: float
    label: str
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Line:
    """A line across the drawing, with the hours it stands for."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class TableRow:
    """A week in figures: its hours by project, in the order of the legend, and all of them."""

    label: str
    hours: Sequence[str]
    total: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The drawing, and the same in figures.

    Attributes:
        weeks: The bars, also of weeks without hours.
        lines: The lines across.
        legend: The projects with their colours.
        table: The figures of weeks with hours.
        base: Where the bars stand, in pixels from the top.
    """

    weeks: Sequence[Week]
    lines: Sequence[Line]
    legend: Sequence[Named]
    table: Sequence[TableRow]
    base: int

    @property
    def is_empty(self) -> bool:
        """Whether there are no hours at all."""
        return not self.table


def show_hours(minutes: float) -> str:
    """Return a length such as ``7 h 30`` or ``45 min``."""
    whole, rest = divmod(round(minutes), 60)
    if rest:
        return f"{whole} h {rest:02}" if whole else f"{rest} min"
    return f"{whole} h"


def draw_chart(rows: Sequence[PeriodHours], first: date, end: date, color: str | None) -> Chart:
    """Draw hours by week.

    Args:
        rows: By week and project.
        first: The first day of what is shown.
        end: The day after the last.
        color: The client's; the biggest project has it.
    """
    legend = _name_projects(rows, color)
    minutes = _sort_in(rows, [one.name for one in legend])
    mondays = _list_mondays(first, end)
    highest = max((sum(of.values()) for of in minutes.values()), default=0) / 60
    step = next((one for one in _STEPS if one * _LINES >= highest), _STEPS[-1])
    scale = HEIGHT / (step * max(1, math.ceil(highest / step)) * 60)
    slot = (100 - _GUTTER) / len(mondays)
    every = math.ceil(len(mondays) / _MOST_LABELS)
    weeks = [
        Week(
            monday=monday,
            x=round(_GUTTER + slot * place + slot * 0.14, 3),
            width=round(slot * 0.72, 3),
            middle=round(_GUTTER + slot * (place + 0.5), 3),
            label=f"{monday.day} {monday:%b}" if place % every == 0 else "",
            pieces=_stack(monday, minutes.get(monday, {}), legend, scale),
        )
        for place, monday in enumerate(mondays)
    ]
    lines = [
        Line(round(_TOP + HEIGHT - hours * 60 * scale, 2), f"{hours} h")
        for hours in range(0, step * max(1, math.ceil(highest / step)) + 1, step)
    ]
    table = [
        TableRow(
            f"{monday.day} {monday:%B %Y}",
            [show_hours(of[one.name]) if of.get(one.name) else "" for one in legend],
            show_hours(sum(of.values())),
        )
        for monday, of in sorted(minutes.items())
    ]
    return Chart(weeks, lines, legend, table, _TOP + HEIGHT)


def _name_projects(rows: Sequence[PeriodHours], color: str | None) -> list[Named]:
    """Return the projects, the biggest first; the smallest are one when there are many."""
    sums: dict[str, int] = {}
    for row in rows:
        name = row.project or NO_PROJECT
        sums[name] = sums.get(name, 0) + row.hours.minutes
    names = sorted(sums, key=lambda name: (-sums[name], name))
    if len(names) > _MOST_PROJECTS:
        names = [*names[: _MOST_PROJECTS - 1], OTHERS]
    colors = pick_colors([color or NEUTRAL, *[None] * (len(names) - 1)])
    return [Named(name, one) for name, one in zip(names, colors, strict=False)]


def _sort_in(rows: Sequence[PeriodHours], names: Sequence[str]) -> dict[date, dict[str, int]]:
    minutes: dict[date, dict[str, int]] = {}
    for row in rows:
        name = row.project or NO_PROJECT
        name = name if name in names else OTHERS
        week = minutes.setdefault(row.first_on, {})
        week[name] = week.get(name, 0) + row.hours.minutes
    return minutes


def _list_mondays(first: date, end: date) -> list[date]:
    monday = first - timedelta(days=first.weekday())
    mondays = [monday]
    while mondays[-1] + _ONE_WEEK < end:
        mondays.append(mondays[-1] + _ONE_WEEK)
    return mondays


def _stack(
    monday: date, minutes: dict[str, int], legend: Sequence[Named], scale: float
) -> list[Piece]:
    pieces: list[Piece] = []
    y = float(_TOP + HEIGHT)
    for project in legend:
        of = minutes.get(project.name, 0)
        if not of:
            continue
        height = round(of * scale, 2)
        y = round(y - height, 2)
        title = f"Week of {monday.day} {monday:%b}: {show_hours(of)}"
        several = len(legend) > 1
        pieces.append(
            Piece(y, height, project.color, f"{title}, {project.name}" if several else title)
        )
    return pieces
