"""The API's answers as tables for a terminal."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from itertools import islice
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich import box
from rich.markup import escape
from rich.table import Table

SEVERITY_COLOURS: Final = {"high": "bold red", "medium": "yellow", "low": "cyan"}

SLOTS_PER_DAY: Final = 9

TO: Final = "\N{EN DASH}"

Json = Mapping[str, Any]


def week_table(events: Iterable[Json], names: Mapping[str, str], zone: ZoneInfo) -> Table:
    """Show occurrences by day.

    Args:
        events: Occurrences of ``GET /api/events``, by start.
        names: Calendar id → name.
        zone: The zone to show times in.
    """
    table = _table("Day", "Time", "What", "Calendar", "Counts as")
    shown_on: date | None = None
    for event in events:
        day, time = _when(event, zone)
        if shown_on is not None and day != shown_on:
            table.add_section()
        busy = "[bold]busy[/]" if event["busy"] else "[dim]free[/]"
        answer = event["my_response"]
        if answer in {"tentative", "declined", "needs_action"}:
            busy += f" [dim]({escape(answer.replace('_', ' '))})[/]"
        title = escape(event["title"] or "(no title)") + (
            " [dim]↻[/]" if event["recurring"] else ""
        )
        table.add_row(
            f"{day:%a %d %b}" if day != shown_on else "",
            time,
            title,
            escape(names.get(event["calendar_id"], "")),
            busy,
        )
        shown_on = day
    return table


def conflict_table(conflicts: Iterable[Json], zone: ZoneInfo) -> Table:
    """Show conflicts of ``GET /api/conflicts`` with both meetings."""
    table = _table("When", "Severity", "Kind", "Between", "And")
    for conflict in conflicts:
        colour = SEVERITY_COLOURS.get(conflict["severity"], "")
        severity = f"[{colour}]{conflict['severity']}[/]" if colour else conflict["severity"]
        titles = [escape(_meeting_title(meeting)) for meeting in conflict["meetings"]]
        start, end = (_local(conflict[name], zone) for name in ("start", "end"))
        table.add_row(
            f"{start:%a %d %b %H:%M}{TO}{end:%H:%M}",
            severity,
            conflict["type"].replace("_", " "),
            *titles,
        )
    return table


def slot_table(slots: Iterable[Json], zone: ZoneInfo) -> Table:
    """Show bookable starts of ``GET /api/availability``, a line per day."""
    by_day: dict[date, list[str]] = defaultdict(list)
    for slot in slots:
        start = _local(slot["start"], zone)
        by_day[start.date()].append(f"{start:%H:%M}")
    table = _table("Day", "Free, half an hour from", "")
    for day, starts in by_day.items():
        more = len(starts) - SLOTS_PER_DAY
        table.add_row(
            f"{day:%a %d %b}",
            "  ".join(islice(starts, SLOTS_PER_DAY)),
            f"[dim]and {more} more[/]" if more > 0 else "",
        )
    return table


def freshness_table(freshness: Iterable[Json], zone: ZoneInfo) -> Table:
    """Show how current the answer is, per calendar."""
    table = _table("Calendar", "Complete as of", "By", "State")
    for entry in freshness:
        seen = entry["complete_as_of"]
        table.add_row(
            escape(entry["name"]),
            f"{_local(seen, zone):%a %d %b %H:%M:%S}" if seen else "never",
            entry["via"] or "",
            entry["status"],
        )
    return table


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=heading not in {"What", "Between", "And"})
    return table


def _local(instant: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(instant).astimezone(zone)


def _when(event: Json, zone: ZoneInfo) -> tuple[date, str]:
    if event["all_day"]:
        return date.fromisoformat(event["start"]), "all day"
    start, end = (_local(event[name], zone) for name in ("start", "end"))
    later = (end.date() - start.date()).days
    return start.date(), f"{start:%H:%M}{TO}{end:%H:%M}" + (f" [dim]+{later}[/]" if later else "")


def _meeting_title(meeting: Json) -> str:
    titles = [occurrence["title"] for occurrence in meeting["occurrences"]]
    return titles[0] or "(no title)"
