"""What people do in Outlook."""

from datetime import date, datetime
from typing import Any, Final

from benchmarks.soak.accounts import ZONE, Accounts
from benchmarks.soak.google_hand import AROUND
from benchmarks.soak.missing import MissingTargetError
from benchmarks.soak.operations import Operation
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.graph_control_client import GraphMutationKind

PATTERNS: Final[dict[str, tuple[str, int]]] = {
    "daily": ("daily", 1),
    "every_other_day": ("daily", 2),
    "weekly": ("weekly", 1),
    "fortnightly": ("weekly", 2),
    "monthly": ("absoluteMonthly", 1),
}
ON_INSTANCES: Final[dict[str, GraphMutationKind]] = {
    "edit_one": "edit_one",
    "move_one": "edit_one",
    "delete_one": "delete_one",
    "edit_following": "edit_following",
    "delete_following": "delete_following",
}
ANSWERS: Final = {
    "accepted": "accepted",
    "declined": "declined",
    "tentative": "tentativelyAccepted",
}

Json = dict[str, Any]


class MicrosoftHand:
    """Somebody in Outlook.

    Args:
        control: The sandbox.
        accounts: Whose calendars.
        now_at: The present.
    """

    def __init__(self, control: ControlClient, accounts: Accounts, now_at: datetime) -> None:
        self._graph = control.graph
        self._accounts = accounts
        self._window = now_at - AROUND[0], now_at + AROUND[1]
        self._ids: dict[int, str] = {}

    def do(self, operation: Operation) -> None:
        """Make one change."""
        kind, details = operation.kind, operation.details
        if operation.target is None:
            changes = self._make_body(operation)
            if kind == "create_series":
                changes["recurrence"] = make_recurrence(details)
            rows = self._mutate("create", operation, changes=changes)
            self._ids[operation.number] = rows[0]["id"]
            return
        if operation.target not in self._ids:
            raise MissingTargetError(f"Operation {operation.target} made nothing.")
        event_id = self._ids[operation.target]
        match kind:
            case "edit":
                self._mutate("edit", operation, event_id, changes=self._make_body(operation))
            case "respond":
                changes = {"response": ANSWERS[details["answer"]]}
                self._mutate("respond", operation, event_id, changes=changes)
            case "delete" | "delete_series":
                self._mutate("delete", operation, event_id)
            case "edit_all" | "move_all":
                changes = make_times(details) if kind == "move_all" else {}
                changes["subject"] = operation.title
                self._mutate("edit_all", operation, event_id, changes=changes)
            case _:
                self._change_instance(operation, event_id)

    def _change_instance(self, operation: Operation, event_id: str) -> None:
        calendar_id = self._accounts.find_id("microsoft", operation.calendar)
        rows = self._graph.truth_instances(self._accounts.microsoft, *self._window, calendar_id)
        instances = [row for row in rows if row.get("seriesMasterId") == event_id]
        if not instances:
            raise MissingTargetError(f"No occurrence is left of {event_id}.")
        chosen = instances[operation.details["instance"] % len(instances)]
        changes = None
        if not operation.kind.startswith("delete"):
            changes = {"subject": operation.title}
        if operation.kind == "move_one":
            # Outlook lets no occurrence pass its neighbours, so it stays on its day.
            changes = {"subject": operation.title} | move_within_day(chosen, operation.details)
        self._mutate(
            ON_INSTANCES[operation.kind],
            operation,
            event_id,
            original_start=chosen["originalStart"],
            changes=changes,
        )

    def _make_body(self, operation: Operation) -> Json:
        details = operation.details
        show_as = "busy" if details["busy"] else "free"
        body = {"subject": operation.title, "showAs": show_as, **make_times(details)}
        if operation.kind == "create" and details["instance"] % 2:
            # Only who was invited can answer.
            boss = {"emailAddress": {"address": "boss@client.example", "name": "Boss"}}
            guest = {"emailAddress": {"address": self._accounts.microsoft, "name": "Me"}}
            body |= {"organizer": boss, "attendees": [guest]}
        return body

    def _mutate(
        self,
        kind: GraphMutationKind,
        operation: Operation,
        event_id: str = "",
        *,
        original_start: str | None = None,
        changes: Json | None = None,
    ) -> list[Json]:
        calendar_id = self._accounts.find_id("microsoft", operation.calendar)
        return self._graph.mutate(
            self._accounts.microsoft,
            kind,
            event_id,
            calendar_id=calendar_id,
            original_start=original_start,
            changes=changes,
        )


def make_times(details: Json) -> Json:
    """Return start and end as Graph takes them."""
    times: Json = {"isAllDay": details["all_day"]}
    for name in ("start", "end"):
        text = f"{details[name]}T00:00:00" if details["all_day"] else details[name]
        times[name] = {"dateTime": text, "timeZone": ZONE}
    return times


def move_within_day(instance: Json, details: Json) -> Json:
    """Return other times for an occurrence on the day where it stands."""
    if instance["isAllDay"]:
        return {}
    day = instance["start"]["dateTime"][:10]
    start, end = (datetime.fromisoformat(details[name]) for name in ("start", "end"))
    moved = datetime.combine(date.fromisoformat(day), start.time())
    times = {"start": moved, "end": moved + (end - start)}
    return {name: {"dateTime": at.isoformat(), "timeZone": ZONE} for name, at in times.items()}


def make_recurrence(details: Json) -> Json:
    """Return pattern and range of a series as Graph takes them."""
    start = date.fromisoformat(details["start"][:10])
    kind, interval = PATTERNS[details["repetition"]]
    pattern: Json = {"type": kind, "interval": interval}
    if kind == "weekly":
        pattern |= {"daysOfWeek": [f"{start:%A}".lower()], "firstDayOfWeek": "monday"}
    if kind == "absoluteMonthly":
        pattern["dayOfMonth"] = start.day
    bounds: Json = {"type": "noEnd", "startDate": str(start), "recurrenceTimeZone": ZONE}
    if details["times"]:
        bounds |= {"type": "numbered", "numberOfOccurrences": details["times"]}
    return {"pattern": pattern, "range": bounds}
