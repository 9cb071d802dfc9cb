"""The API's answers as tables for a terminal."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich import box
from rich.markup import escape
from rich.table import Table

SEVERITY_COLOURS: Final = {"high": "bold red", "medium": "yellow", "low": "cyan"}

SHORTEST: Final = timedelta(minutes=30)

UNSETTLED: Final = frozenset({"tentative", "declined", "needs_action"})

TO: Final = "\N{EN DASH}"
ARROW: Final = "\N{RIGHTWARDS ARROW}"
RECURS: Final = "\N{CLOCKWISE OPEN CIRCLE ARROW}"

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
        answer = event["my_response"]
        unsettled = f" [dim]({answer.replace('_', ' ')})[/]" if answer in UNSETTLED else ""
        table.add_row(
            _day(day) if day != shown_on else "",
            time,
            escape(event["title"] or "(no title)") + (f" [dim]{RECURS}[/]" * event["recurring"]),
            escape(names.get(event["calendar_id"], "")),
            ("[bold]busy[/]" if event["busy"] else "[dim]free[/]") + unsettled,
        )
        shown_on = day
    return table


def conflict_table(conflicts: Iterable[Json], zone: ZoneInfo) -> Table:
    """Show conflicts of ``GET /api/conflicts`` with both meetings and the advice."""
    table = _table("When", "Severity", "What", "Advice")
    for conflict in conflicts:
        colour = SEVERITY_COLOURS[conflict["severity"]]
        start, end = (_local(conflict[name], zone) for name in ("start", "end"))
        table.add_row(
            f"{_day(start)} {start:%H:%M}{TO}{end:%H:%M}",
            f"[{colour}]{conflict['severity']}[/]",
            "\n".join(escape(meeting["title"]) for meeting in conflict["meetings"]),
            describe_advice(conflict["move"], zone),
            end_section=True,
        )
    return table


def describe_advice(move: Json | None, zone: ZoneInfo) -> str:
    """Say which meeting to move where, as markup."""
    if move is None:
        return "[dim]it is past[/]"
    places = [_local(place["start"], zone) for place in move["alternatives"][:1]]
    where = f"{ARROW} {_day(places[0])} {places[0]:%H:%M}" if places else "has no free place nearby"
    return f"{escape(move['title'])}\n{where}"


def free_table(windows: Iterable[Json], slots: Iterable[Json], zone: ZoneInfo) -> Table:
    """Show free time of ``GET /api/availability`` and how many starts it offers, by day.

    Windows too short for a meeting are left out.
    """
    by_day: dict[date, list[str]] = defaultdict(list)
    for window in windows:
        start, end = (_local(window[name], zone) for name in ("start", "end"))
        if end - start >= SHORTEST:
            by_day[start.date()].append(f"{start:%H:%M}{TO}{end:%H:%M}")
    starts = Counter(_local(slot["start"], zone).date() for slot in slots)
    table = _table("Day", "Free", "Half-hour slots")
    for day, spans in by_day.items():
        table.add_row(_day(day), "  ".join(spans), str(starts[day]))
    return table


def freshness_table(freshness: Iterable[Json], zone: ZoneInfo) -> Table:
    """Show how current the answer is, per calendar."""
    table = _table("Calendar", "Complete as of", "By", "State")
    for entry in freshness:
        seen = entry["complete_as_of"]
        moment = _local(seen, zone) if seen else None
        table.add_row(
            escape(entry["name"]),
            f"{_day(moment)} {moment:%H:%M:%S}" if moment else "never",
            entry["via"] or "",
            entry["status"],
        )
    return table


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=heading in {"Day", "Time", "When", "Severity"})
    return table


def _day(day: date) -> str:
    return f"{day:%a %d %b}"


def _local(instant: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(instant).astimezone(zone)


def _when(event: Json, zone: ZoneInfo) -> tuple[date, str]:
    if event["all_day"]:
        return date.fromisoformat(event["start"]), "all day"
    start, end = (_local(event[name], zone) for name in ("start", "end"))
    later = (end.date() - start.date()).days
    return start.date(), f"{start:%H:%M}{TO}{end:%H:%M}" + (f" [dim]+{later}[/]" if later else "")
