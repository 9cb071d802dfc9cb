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

PROVIDERS: Final = {"google": "Google", "microsoft": "Microsoft", "caldotcom": "Cal.com"}

NEVER_BROKEN: Final = frozenset({"Day", "Time", "Calendar", "Counts as", "When", "Account"})
"""Columns that stay on one line on a narrow terminal."""

TO: Final = "\N{EN DASH}"
RECURS: Final = "\N{CLOCKWISE OPEN CIRCLE ARROW}"

TIMES: Final = "\N{MULTIPLICATION SIGN}"

Json = Mapping[str, Any]


def week_table(events: Iterable[Json], calendars: Mapping[str, Json], zone: ZoneInfo) -> Table:
    """Show meetings by day; one that stands on several calendars is shown once, with all of them.

    Args:
        events: Occurrences of ``GET /api/events``, by start.
        calendars: Calendars of ``GET /api/calendars``, by id.
        zone: The zone to show times in.
    """
    table = _table("Day", "Time", "What", "Calendar", "Counts as")
    shown_on: date | None = None
    for copies in merge_copies(events):
        event = copies[0]
        day, time = _when(event, zone)
        if shown_on is not None and day != shown_on:
            table.add_section()
        marks = f" [dim]({_tell_doubt(event)})[/]" if _tell_doubt(event) else ""
        marks += f" [dim]{RECURS}[/]" * event["recurring"]
        marks += f" [cyan]{len(copies)}{TIMES}[/]" * (len(copies) > 1)
        table.add_row(
            _day(day) if day != shown_on else "",
            time,
            escape(event["title"] or "(no title)") + marks,
            "\n".join(_describe(copy["calendar_id"], calendars) for copy in copies),
            "[bold]busy[/]" if event["busy"] else "[dim]free[/]",
        )
        shown_on = day
    return table


def merge_copies(events: Iterable[Json]) -> list[list[Json]]:
    """Group the occurrences that are one meeting: the same iCalendar UID, start and end.

    Returns:
        The meetings in the order of their first copies; of each the copies, busy ones first.
    """
    meetings: dict[object, list[Json]] = defaultdict(list)
    for number, event in enumerate(events):
        uid = event["ical_uid"]
        meetings[(uid, *_span(event)) if uid else number].append(event)
    return [sorted(copies, key=lambda copy: not copy["busy"]) for copies in meetings.values()]


def conflict_table(
    conflicts: Iterable[Json], calendars: Mapping[str, Json], zone: ZoneInfo
) -> Table:
    """Show conflicts of ``GET /api/conflicts`` with both meetings, whose they are, and the advice.

    Args:
        conflicts: The conflicts.
        calendars: Calendars of ``GET /api/calendars``, by id.
        zone: The zone to show times in.
    """
    table = _table("When", "What", "Account", "Move it to")
    for conflict in conflicts:
        start, end = (_local(conflict[name], zone) for name in ("start", "end"))
        severity = conflict["severity"]
        heads = (
            f"{_day(start)} {start:%H:%M}{TO}{end:%H:%M}",
            f"[{SEVERITY_COLOURS[severity]}]{severity}[/]",
        )
        for place, (head, meeting) in enumerate(zip(heads, conflict["meetings"], strict=True)):
            table.add_row(
                head,
                escape(meeting["title"]),
                _list_providers(meeting, calendars),
                _describe_advice(conflict["move"], place, zone),
            )
        table.add_section()
    return table


def _describe_advice(move: Json | None, meeting: int, zone: ZoneInfo) -> str:
    """Say where to move the meeting of this number, if it is the one to move, as markup."""
    if move is None:
        return "" if meeting else "[dim]it is past[/]"
    if move["meeting"] != meeting:
        return ""
    places = [_local(place["start"], zone) for place in move["alternatives"][:1]]
    return f"{_day(places[0])} {places[0]:%H:%M}" if places else "[dim]no free place nearby[/]"


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


def freshness_table(
    freshness: Iterable[Json], calendars: Mapping[str, Json], zone: ZoneInfo
) -> Table:
    """Show how current the answer is, per calendar."""
    table = _table("Calendar", "Complete as of", "By", "State")
    for entry in freshness:
        seen = entry["complete_as_of"]
        moment = _local(seen, zone) if seen else None
        table.add_row(
            _describe(entry["calendar_id"], calendars),
            f"{_day(moment)} {moment:%H:%M:%S}" if moment else "never",
            entry["via"] or "",
            entry["status"],
        )
    return table


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=heading in NEVER_BROKEN)
    return table


def _tell_doubt(event: Json) -> str:
    """Say why a meeting may not take place, or not with the user; empty when it is settled."""
    answer = event["my_response"] if event["my_response"] in UNSETTLED else None
    return str(answer or (event["status"] if event["status"] == "tentative" else "")).replace(
        "_", " "
    )


def _describe(calendar_id: str, calendars: Mapping[str, Json]) -> str:
    """Name a calendar with its provider, as markup; some have the provider's name already."""
    calendar = calendars.get(calendar_id)
    if calendar is None:
        return ""
    provider, name = PROVIDERS[calendar["provider"]], escape(calendar["name"])
    return name if name.startswith(provider) else f"{provider}: {name}"


def _list_providers(meeting: Json, calendars: Mapping[str, Json]) -> str:
    ids = [copy["calendar_id"] for copy in meeting["occurrences"]]
    return " + ".join(PROVIDERS[calendars[one]["provider"]] for one in ids if one in calendars)


def _span(event: Json) -> tuple[date, date]:
    """The start and end to compare by: dates, or instants however they are written."""
    read = date.fromisoformat if event["all_day"] else datetime.fromisoformat
    return read(event["start"]), read(event["end"])


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
