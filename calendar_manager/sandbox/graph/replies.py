"""What answering an invitation, or calling a meeting off, changes of an event."""

from datetime import datetime
from typing import Any

from calendar_manager.sandbox.graph.state import Found
from calendar_manager.sandbox.graph.times import write_stamp

Json = dict[str, Any]

_SHOWN_AS = {"accepted": "busy", "tentativelyAccepted": "tentative", "declined": "free"}


def reply_to(found: Found, response: str, now_at: datetime) -> Json:
    """Return the properties that an answer of the mailbox's owner changes."""
    status = {"response": response, "time": write_stamp(now_at)}
    fields = found.instance.fields if found.instance else found.item.fields
    attendees = [
        {**one, "status": status} if _is_own(one, found.calendar.owner) else one
        for one in fields["attendees"]
    ]
    shown = _SHOWN_AS.get(response, fields["showAs"])
    return {"responseStatus": status, "showAs": shown, "attendees": attendees}


def call_off(found: Found) -> Json:
    """Return the properties that change when the organizer cancels: the event stays listed."""
    fields = found.instance.fields if found.instance else found.item.fields
    subject = f"Canceled: {fields['subject'].removeprefix('Canceled: ')}"
    return {"isCancelled": True, "showAs": "free", "subject": subject}


def _is_own(attendee: Json, owner: str) -> bool:
    return str(attendee["emailAddress"].get("address") or "").lower() == owner
