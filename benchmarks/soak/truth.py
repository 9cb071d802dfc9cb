"""What is true at the providers, expanded by the sandbox's own code and judged by our rules."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from benchmarks.soak.accounts import Accounts
from benchmarks.soak.rows import Moment, Row
from calendar_manager.sandbox.control_client import ControlClient

ABSENCE: Final = "Out of office"
"""How our titles of absences begin, for which Cal.com has no title."""

UNDECIDED: Final = frozenset({"tentative", "needsAction", "tentativelyAccepted", "notResponded"})

Json = dict[str, Any]


def read_truth(
    control: ControlClient, accounts: Accounts, start_at: datetime, end_at: datetime
) -> Iterator[Row]:
    """Yield every occurrence at the three providers that takes place around a range.

    Args:
        control: The sandbox.
        accounts: Whose.
        start_at: Beginning of the range.
        end_at: Its end.
    """
    for (provider, _), calendar_id in accounts.calendar_ids.items():
        if provider == "google":
            for item in control.truth_instances(accounts.google, start_at, end_at, calendar_id):
                yield read_google(item, calendar_id)
        elif provider == "microsoft":
            account = accounts.microsoft
            for item in control.graph.truth_instances(account, start_at, end_at, calendar_id):
                if not item["isCancelled"]:
                    yield read_graph(item, calendar_id)
    yield from read_caldotcom(control, accounts.caldotcom)


def read_google(item: Json, calendar_id: str) -> Row:
    """Read an instance of ``events.list`` with ``singleEvents``."""
    start, end = _google_moment(item["start"]), _google_moment(item["end"])
    original = _google_moment(item.get("originalStartTime") or item["start"])
    mine = [one["responseStatus"] for one in item.get("attendees", ()) if one.get("self")]
    busy = "busy"
    if item.get("transparency") == "transparent" or "declined" in mine:
        busy = "free"
    elif UNDECIDED & {*mine, item["status"]}:
        busy = "tentative"
    event_id = item.get("recurringEventId") or item["id"]
    title = item.get("summary", "")
    return Row(f"google {calendar_id}", event_id, name_of(original), start, end, title, busy)


def _google_moment(moment: Json) -> Moment:
    if moment.get("dateTime"):
        return datetime.fromisoformat(moment["dateTime"]).astimezone(UTC)
    return date.fromisoformat(moment["date"])


def read_graph(item: Json, calendar_id: str) -> Row:
    """Read an item of ``calendarView``."""
    instants = [
        datetime.fromisoformat(item[name]["dateTime"][:19]).replace(tzinfo=UTC)
        for name in ("start", "end")
    ]
    start, end = (one.date() if item["isAllDay"] else one for one in instants)
    original = instants[0]
    if item.get("originalStart") and item.get("seriesMasterId"):
        original = datetime.fromisoformat(item["originalStart"])
    response = item["responseStatus"]["response"]
    busy = "busy"
    if item["showAs"] == "free" or response == "declined":
        busy = "free"
    elif UNDECIDED & {response, item["showAs"]}:
        busy = "tentative"
    event_id = item.get("seriesMasterId") or item["id"]
    title = item["subject"]
    return Row(f"microsoft {calendar_id}", event_id, name_of(original), start, end, title, busy)


def read_caldotcom(control: ControlClient, account: str) -> Iterator[Row]:
    """Yield the bookings that take time, and the absences."""
    calendar = "caldotcom bookings"
    truth = control.caldotcom.truth(account)
    for booking in truth.bookings:
        busy = {"accepted": "busy", "pending": "tentative"}.get(booking["status"])
        if busy is not None:
            start, end = (
                datetime.fromisoformat(booking[name]).astimezone(UTC) for name in ("start", "end")
            )
            yield Row(calendar, booking["uid"], start, start, end, booking["title"], busy)
    for entry in truth.ooo:
        first, last = (
            datetime.fromisoformat(entry[name]).astimezone(UTC).date() for name in ("start", "end")
        )
        end_on = last + timedelta(days=1)
        event = f"ooo:{entry['uuid'] if 'uuid' in entry else entry['id']}"
        yield Row(calendar, event, name_of(first), first, end_on, ABSENCE, "busy")


def name_of(original: Moment) -> datetime:
    """Return the instant that names an occurrence in its series; a date is midnight UTC."""
    if isinstance(original, datetime):
        return original
    return datetime(original.year, original.month, original.day, tzinfo=UTC)
