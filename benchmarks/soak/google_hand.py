"""What people do in Google Calendar's own pages."""

from datetime import datetime, timedelta
from typing import Any, Final

from benchmarks.soak.accounts import ZONE, Accounts
from benchmarks.soak.missing import MissingTargetError
from benchmarks.soak.operations import Operation
from calendar_manager.sandbox.control_client import ControlClient, MutationKind

RULES: Final = {
    "daily": "FREQ=DAILY",
    "every_other_day": "FREQ=DAILY;INTERVAL=2",
    "weekly": "FREQ=WEEKLY",
    "fortnightly": "FREQ=WEEKLY;INTERVAL=2",
    "monthly": "FREQ=MONTHLY",
}
ON_INSTANCES: Final[dict[str, MutationKind]] = {
    "edit_one": "edit_one",
    "move_one": "edit_one",
    "delete_one": "delete_one",
    "edit_following": "edit_following",
    "delete_following": "delete_following",
}
AROUND: Final = timedelta(days=30), timedelta(days=90)
"""How far back and ahead occurrences are looked for that can be changed."""

Json = dict[str, Any]


class GoogleHand:
    """Somebody in Google Calendar.

    Args:
        control: The sandbox.
        accounts: Whose calendars.
        now_at: The present.
    """

    def __init__(self, control: ControlClient, accounts: Accounts, now_at: datetime) -> None:
        self._control = control
        self._accounts = accounts
        self._window = now_at - AROUND[0], now_at + AROUND[1]
        self._ids: dict[int, str] = {}

    def do(self, operation: Operation) -> None:
        """Make one change."""
        kind, details = operation.kind, operation.details
        if operation.target is None:
            changes = make_body(operation)
            if kind == "create_series":
                changes["recurrence"] = [make_rule(details)]
            self._ids[operation.number] = self._mutate("create", operation, changes=changes)
            return
        event_id = self._find(operation.target)
        match kind:
            case "edit":
                self._mutate("edit", operation, event_id, changes=make_body(operation))
            case "respond":
                changes = {"attendees": make_attendees(self._accounts.google, details["answer"])}
                self._mutate("edit", operation, event_id, changes=changes)
            case "delete" | "delete_series":
                self._mutate("delete", operation, event_id)
            case "edit_all" | "move_all":
                changes = make_times(details) if kind == "move_all" else {}
                changes["summary"] = operation.title
                self._mutate("edit_all", operation, event_id, changes=changes)
            case _:
                self._change_instance(operation, event_id)

    def _change_instance(self, operation: Operation, event_id: str) -> None:
        start = self._choose_instance(operation, event_id)
        changes = None
        if not operation.kind.startswith("delete"):
            changes = {"summary": operation.title}
        if operation.kind == "move_one":
            changes = make_times(operation.details) | {"summary": operation.title}
        kind = ON_INSTANCES[operation.kind]
        self._mutate(kind, operation, event_id, original_start=start, changes=changes)

    def _choose_instance(self, operation: Operation, event_id: str) -> str:
        calendar_id = self._accounts.find_id("google", operation.calendar)
        rows = self._control.truth_instances(self._accounts.google, *self._window, calendar_id)
        instances = [row for row in rows if row.get("recurringEventId") == event_id]
        if not instances:
            raise MissingTargetError(f"No occurrence is left of {event_id}.")
        original = instances[operation.details["instance"] % len(instances)]["originalStartTime"]
        return str(original.get("dateTime") or original["date"])

    def _mutate(
        self,
        kind: MutationKind,
        operation: Operation,
        event_id: str = "",
        *,
        original_start: str | None = None,
        changes: Json | None = None,
    ) -> str:
        calendar_id = self._accounts.find_id("google", operation.calendar)
        rows = self._control.mutate(
            self._accounts.google,
            kind,
            event_id,
            calendar_id=calendar_id,
            original_start=original_start,
            changes=changes,
        )
        return str(rows[0]["id"]) if rows else event_id

    def _find(self, number: int) -> str:
        if number not in self._ids:
            raise MissingTargetError(f"Operation {number} made nothing.")
        return self._ids[number]


def make_body(operation: Operation) -> Json:
    """Return an event as Google takes it."""
    busy = "opaque" if operation.details["busy"] else "transparent"
    return {"summary": operation.title, "transparency": busy, **make_times(operation.details)}


def make_times(details: Json) -> Json:
    """Return start and end as Google takes them."""
    if details["all_day"]:
        return {name: {"date": details[name], "dateTime": None} for name in ("start", "end")}
    return {
        name: {"dateTime": details[name], "timeZone": ZONE, "date": None}
        for name in ("start", "end")
    }


def make_rule(details: Json) -> str:
    """Return the rule of a series."""
    times = f";COUNT={details['times']}" if details["times"] else ""
    return f"RRULE:{RULES[details['repetition']]}{times}"


def make_attendees(account: str, answer: str) -> list[Json]:
    """Return an invitation by somebody else with the account's answer."""
    return [
        {"email": "boss@client.test", "organizer": True, "responseStatus": "accepted"},
        {"email": account, "self": True, "responseStatus": answer},
    ]
