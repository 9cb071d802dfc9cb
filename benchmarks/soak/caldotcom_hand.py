"""What hosts and guests do at Cal.com."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.soak.accounts import ZONE
from benchmarks.soak.missing import MissingTargetError
from benchmarks.soak.operations import Operation
from calendar_manager.sandbox.control_client import CaldotcomControl

Json = dict[str, Any]


class CaldotcomHand:
    """A host and the guests.

    Args:
        control: The sandbox's Cal.com.
        account: The host's address.
    """

    def __init__(self, control: CaldotcomControl, account: str) -> None:
        self._control = control
        self._account = account
        self._uids: dict[int, str] = {}
        self._absences: dict[int, int] = {}

    def do(self, operation: Operation) -> None:
        """Make one change."""
        if operation.kind.endswith("_absence"):
            self._change_absence(operation)
        elif operation.target is None:
            self._book(operation)
        else:
            self._change_booking(operation, operation.target)

    def _book(self, operation: Operation) -> None:
        start, end = _read_times(operation.details)
        course = operation.kind == "book_course"
        made = self._control.book(
            self._account,
            start,
            event_type="course" if course else "30min",
            attendee_email=f"guest{operation.number % 7}@client.test",
            title=operation.title,
            length_minutes=int((end - start).total_seconds() / 60),
            status="pending" if operation.kind == "book_pending" else "accepted",
        )
        self._uids[operation.number] = made[0]["uid"]

    def _change_booking(self, operation: Operation, target: int) -> None:
        if target not in self._uids:
            raise MissingTargetError(f"Operation {target} made nothing.")
        uid = self._uids[target]
        match operation.kind:
            case "reschedule":
                start, _ = _read_times(operation.details)
                touched = self._control.mutate(
                    self._account, "reschedule", uid, start=start.isoformat()
                )
                successors = (one["uid"] for one in touched if one["uid"] != uid)
                self._uids[target] = next(successors, uid)
            case "confirm":
                self._control.mutate(self._account, "confirm", uid)
            case "decline":
                self._control.mutate(self._account, "decline", uid)
            case "cancel_all":
                self._control.mutate(self._account, "cancel_all", uid)
            case _:
                self._control.mutate(self._account, "cancel", uid, reason="No time")

    def _change_absence(self, operation: Operation) -> None:
        if operation.target is None:
            start, end = _read_days(operation.details)
            entry = self._control.add_ooo(self._account, start, end, reason="vacation")
            self._absences[operation.number] = entry["id"]
            return
        if operation.target not in self._absences:
            raise MissingTargetError(f"Operation {operation.target} made nothing.")
        ooo_id = self._absences[operation.target]
        if operation.kind == "remove_absence":
            self._control.remove_ooo(self._account, ooo_id)
            return
        start, end = _read_days(operation.details)
        self._control.change_ooo(
            self._account, ooo_id, start=start.isoformat(), end=end.isoformat()
        )


def _read_times(details: Json) -> tuple[datetime, datetime]:
    zone = ZoneInfo(ZONE)
    start, end = (
        datetime.fromisoformat(details[name]).replace(tzinfo=zone).astimezone(UTC)
        for name in ("start", "end")
    )
    return start, end


def _read_days(details: Json) -> tuple[datetime, datetime]:
    start, end = (
        datetime.fromisoformat(details[name]).replace(tzinfo=UTC) for name in ("start", "end")
    )
    return start, end
