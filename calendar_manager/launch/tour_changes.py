"""What somebody changes at each provider during the tour, as on the provider's own pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from calendar_manager.launch.api_client import Json
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.default_accounts import (
    CALDOTCOM_ACCOUNT,
    CLIENT_ZONE,
    GOOGLE_ACCOUNT,
    HOME_ZONE,
    MICROSOFT_ACCOUNT,
)

BOOKED_TITLE: Final = "Helios Labs: urgent call"

FAR: Final = timedelta(days=14)
"""How far ahead something is looked for that can be moved."""


@dataclass(frozen=True)
class Move:
    """A meeting that stands elsewhere now.

    Attributes:
        title: Its title.
        left: Where it stood, ``start`` and ``end`` as RFC 3339; None for a new one.
        place: Where it stands.
    """

    title: str
    left: Mapping[str, str] | None
    place: Mapping[str, str]


def move_google_meeting(
    control: ControlClient, calendar: Json, event: Json, place: Mapping[str, str]
) -> Move:
    """Move a single event of the Google account.

    Args:
        control: The sandbox's control.
        calendar: The calendar as our API shows it.
        event: The event as our API shows it.
        place: Where to.
    """
    calendar_id = calendar["provider_calendar_id"]
    rows = control.truth(GOOGLE_ACCOUNT, calendar_id)
    (row,) = [row for row in rows if row["iCalUID"] == event["ical_uid"]]
    control.mutate(
        GOOGLE_ACCOUNT,
        "edit",
        row["id"],
        calendar_id=calendar_id,
        changes=_write_times(place, HOME_ZONE),
    )
    return Move(event["title"], {"start": event["start"], "end": event["end"]}, place)


def book_in_google(control: ControlClient, place: Mapping[str, str]) -> Move:
    """Add an event to the Google account's main calendar."""
    control.create_events(
        GOOGLE_ACCOUNT, [{"summary": BOOKED_TITLE, **_write_times(place, HOME_ZONE)}]
    )
    return Move(BOOKED_TITLE, None, place)


def move_outlook_occurrence(
    control: ControlClient, now_at: datetime, slots: Sequence[Mapping[str, str]]
) -> Move | None:
    """Move an occurrence of a series in the Microsoft mailbox to another time of its day.

    Outlook lets no occurrence pass its neighbours, and there is none on the same day.

    Args:
        control: The sandbox's control.
        now_at: The present instant.
        slots: Free half hours, by start.

    Returns:
        The move; None when no day has both an occurrence and a free half hour.
    """
    zone = ZoneInfo(CLIENT_ZONE)
    rows = control.graph.truth_instances(MICROSOFT_ACCOUNT, now_at, now_at + FAR)
    coming = [(_read_instant(row["start"]), row) for row in rows if row["type"] == "occurrence"]
    for start_at, row in sorted(coming, key=lambda one: one[0]):
        day = start_at.astimezone(zone).date()
        starts = (datetime.fromisoformat(slot["start"]) for slot in slots)
        free_at = next((one for one in starts if one.astimezone(zone).date() == day), None)
        if start_at > now_at and free_at is not None:
            return _move_occurrence(control, row, start_at, free_at)
    return None


def _move_occurrence(
    control: ControlClient, row: Json, start_at: datetime, free_at: datetime
) -> Move:
    length = _read_instant(row["end"]) - start_at
    left, place = (
        {"start": at.isoformat(), "end": (at + length).isoformat()} for at in (start_at, free_at)
    )
    control.graph.mutate(
        MICROSOFT_ACCOUNT,
        "edit_one",
        row["seriesMasterId"],
        original_start=left["start"],
        changes=_write_times(place, CLIENT_ZONE),
    )
    return Move(row["subject"], left, place)


def reschedule_booking(
    control: ControlClient,
    now_at: datetime,
    place: Mapping[str, str],
    written_elsewhere: Sequence[str],
) -> Move | None:
    """Let a guest reschedule the next booking; None when there is none.

    Args:
        control: The sandbox's control.
        now_at: The present instant.
        place: Where to; bookings are as long as it is.
        written_elsewhere: iCalendar UIDs of bookings that another calendar shows too, and that
            would have to move there as well.
    """
    coming = [
        (datetime.fromisoformat(booking["start"]), booking)
        for booking in control.caldotcom.truth(CALDOTCOM_ACCOUNT).bookings
        if booking["status"] == "accepted" and booking["icsUid"] not in written_elsewhere
    ]
    coming = [(start_at, booking) for start_at, booking in coming if start_at > now_at]
    if not coming:
        return None
    _, booking = min(coming, key=lambda one: one[0])
    control.caldotcom.mutate(CALDOTCOM_ACCOUNT, "reschedule", booking["uid"], start=place["start"])
    return Move(booking["title"], {name: booking[name] for name in ("start", "end")}, place)


def _write_times(place: Mapping[str, str], time_zone: str) -> Json:
    """Return a place as Google's API and Graph take it: by the wall clock of a zone."""
    zone = ZoneInfo(time_zone)
    walls = {
        name: datetime.fromisoformat(place[name]).astimezone(zone).replace(tzinfo=None)
        for name in ("start", "end")
    }
    return {
        name: {"dateTime": wall.isoformat(timespec="seconds"), "timeZone": time_zone}
        for name, wall in walls.items()
    }


def _read_instant(moment: Mapping[str, str]) -> datetime:
    """Read Graph's local time in UTC."""
    return datetime.fromisoformat(f"{moment['dateTime'][:19]}+00:00")
