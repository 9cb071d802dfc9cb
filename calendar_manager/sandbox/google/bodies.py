"""Event resources as clients write them, brought to the form that Google stores and returns."""

import base64
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from calendar_manager.sandbox.google.calendar import Calendar
from calendar_manager.sandbox.google.discovery import check_fields, read_document
from calendar_manager.sandbox.google.errors import GoogleApiError, invalid_value
from calendar_manager.sandbox.google.recurrence import read_recurrence
from calendar_manager.sandbox.google.rules import RuleError, read_until
from calendar_manager.sandbox.google.stamps import Stamp
from calendar_manager.sandbox.google.times import (
    Moment,
    length_between,
    read_moment,
    write_moment,
    zone_name_of,
)

Json = dict[str, Any]

_OUTPUT_ONLY = frozenset(
    {
        "kind",
        "etag",
        "htmlLink",
        "created",
        "updated",
        "creator",
        "hangoutLink",
        "locked",
        "privateCopy",
        "recurringEventId",
        "originalStartTime",
        "organizer",
        "sequence",
        "attendeesOmitted",
        "endTimeUnspecified",
    }
)
_ID = re.compile(r"[a-v0-9]{5,1024}")
_DEFAULTS = {"transparency": "opaque", "visibility": "default"}
_ENUMS = {
    "status": {"confirmed", "tentative", "cancelled"},
    "transparency": {"opaque", "transparent"},
    "visibility": {"default", "public", "private", "confidential"},
    "eventType": {
        "default",
        "outOfOffice",
        "focusTime",
        "workingLocation",
        "birthday",
        "fromGmail",
    },
}
_RESPONSES = {"needsAction", "declined", "tentative", "accepted"}
_JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "array": list,
    "object": dict,
}


def make_id() -> str:
    """Return a new event id, in the base32hex alphabet and length of Google's own."""
    alphabet = "0123456789abcdefghijklmnopqrstuv"
    return "".join(secrets.choice(alphabet) for _ in range(26))


def check_request(body: Json) -> Json:
    """Return the writable fields of a request body.

    Raises:
        GoogleApiError: 400, an unknown field, a wrong JSON type or a value outside its enum.
    """
    check_fields(body, "Event")
    properties = read_document()["schemas"]["Event"]["properties"]
    for name, value in body.items():
        expected = _JSON_TYPES[properties[name].get("type", "object")]
        if value is not None and not isinstance(value, expected):
            raise invalid_value(f"Invalid value for: {name}")
        if name in _ENUMS and value is not None and value not in _ENUMS[name]:
            raise invalid_value(f"Invalid value for: {value} is not a valid value", name)
    return {name: value for name, value in body.items() if name not in _OUTPUT_ONLY}


def check_new(body: Json) -> Json:
    """Return the writable fields of a request for a new event.

    Raises:
        GoogleApiError: 400, as ``check_request``, or the event would be cancelled from the start.
    """
    fields = check_request(body)
    if fields.get("status") == "cancelled":
        raise invalid_value("A new event cannot be cancelled.", "status")
    return fields


def check_client_id(event_id: str) -> str:
    """Return an id chosen by the client (base32hex, 5 to 1024 characters).

    Raises:
        GoogleApiError: 400, it is not one.
    """
    if not _ID.fullmatch(event_id):
        raise GoogleApiError(400, "invalid", "Invalid resource id value.")
    return event_id


def new_body(
    fields: Json, event_id: str, calendar: Calendar, stamp: Stamp, foreign: Json | None = None
) -> Json:
    """Return the stored form of a new event.

    Args:
        fields: Checked fields.
        event_id: Its id.
        calendar: Where it goes.
        stamp: The change that creates it.
        foreign: What an import may bring besides: ``organizer``, ``sequence``.

    Raises:
        GoogleApiError: 400, times, attendees or recurrence are not acceptable.
    """
    me = {"email": calendar.id, "self": True}
    given = {name: value for name, value in fields.items() if value is not None}
    body: Json = {
        "status": "confirmed",
        "htmlLink": _make_link(event_id, calendar.id),
        "created": stamp.created,
        "creator": {"email": calendar.owner_email, "self": True},
        "organizer": me,
        "iCalUID": f"{event_id}@google.com",
        "sequence": 0,
        "reminders": {"useDefault": True},
        "eventType": "default",
        **given,
        **(foreign or {}),
        "id": event_id,
    }
    return settle(body, calendar)


def _make_link(event_id: str, calendar_id: str) -> str:
    token = base64.urlsafe_b64encode(f"{event_id} {calendar_id}".encode()).decode().rstrip("=")
    return f"https://www.google.com/calendar/event?eid={token}"


def merge_patch(body: Json, changes: Mapping[str, Any]) -> Json:
    """Return the body with changes merged: null removes, objects merge, arrays replace.

    Raises:
        GoogleApiError: 400, the event type would change.
    """
    check_event_type(body, changes)
    return _merge(dict(body), changes)


def check_event_type(body: Json, changes: Mapping[str, Any]) -> None:
    """Refuse changes to an event's type, which is fixed for life.

    Raises:
        GoogleApiError: 400.
    """
    if "eventType" in changes and changes["eventType"] != body.get("eventType"):
        raise invalid_value("The event type cannot be changed.", "eventType")


def _merge(target: Json, changes: Mapping[str, Any]) -> Json:
    for name, value in changes.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(target.get(name), dict):
            target[name] = _merge(dict(target[name]), value)
        else:
            target[name] = value
    return target


def settle(body: Json, calendar: Calendar) -> Json:
    """Return the body in stored form: moments, recurrence and attendees normalized.

    Raises:
        GoogleApiError: 400, as ``new_body``.
    """
    lines = body.get("recurrence") or []
    default_zone = None if lines else calendar.time_zone
    start = read_moment(body.get("start"), "start", default_zone)
    end = read_moment(body.get("end"), "end", default_zone)
    length = length_between(start, end).total_seconds()
    if length < 0 or (length == 0 and not isinstance(start, datetime)):
        raise GoogleApiError(400, "timeRangeEmpty", "The specified time range is empty.")
    settled = {name: value for name, value in body.items() if _DEFAULTS.get(name) != value}
    settled["start"] = write_moment(start, calendar.time_zone)
    settled["end"] = write_moment(end, calendar.time_zone)
    settled.pop("recurrence", None)
    if lines:
        settled["recurrence"] = _settle_lines(lines, start)
    if "attendees" in body:
        settled["attendees"] = _settle_attendees(body["attendees"], body, calendar)
    return settled


def _settle_lines(lines: list[object], start: Moment) -> list[str]:
    zone_name = zone_name_of(start) if isinstance(start, datetime) else None
    try:
        texts = [_settle_until(str(line).strip(), start) for line in lines]
        read_recurrence(start, zone_name or "", tuple(texts))
    except RuleError as error:
        raise invalid_value("Invalid recurrence rule.", "recurrence") from error
    return texts


def _settle_until(line: str, start: Moment) -> str:
    """Return the line with UNTIL as Google stores it: UTC for timed series, a date for all-day."""
    head, _, value = line.partition(":")
    if head.upper() not in {"RRULE", "EXRULE"}:
        return line
    parts = []
    for part in value.strip().rstrip(";").split(";"):
        name, _, text = part.partition("=")
        if name.upper() == "UNTIL":
            part = f"UNTIL={_write_until(text, start)}"  # noqa: PLW2901 - The part in new form.
        parts.append(part)
    return f"{head.upper()}:{';'.join(parts)}"


def _write_until(text: str, start: Moment) -> str:
    try:
        if not isinstance(start, datetime):
            return read_until(text, None).strftime("%Y%m%d")
        wall = read_until(text, start.tzinfo)
        at = wall.replace(tzinfo=start.tzinfo).astimezone(UTC)
        return at.strftime("%Y%m%dT%H%M%SZ")
    except (ValueError, OverflowError) as error:
        raise RuleError(f"Invalid UNTIL={text}.") from error


def _settle_attendees(attendees: list[Any], body: Json, calendar: Calendar) -> list[Json]:
    organizer = str(body.get("organizer", {}).get("email", "")).lower()
    settled = []
    for attendee in attendees:
        email = attendee.get("email") if isinstance(attendee, Mapping) else None
        if not isinstance(email, str) or "@" not in email:
            raise GoogleApiError(400, "required", "Missing attendee email.")
        response = attendee.get("responseStatus", "needsAction")
        if response not in _RESPONSES:
            raise invalid_value("Invalid attendee response status.")
        entry = {**attendee, "email": email, "responseStatus": response}
        entry.pop("self", None)
        entry.pop("organizer", None)
        if email.lower() in calendar.own_addresses:
            entry["self"] = True
        if email.lower() == organizer:
            entry["organizer"] = True
        settled.append(entry)
    return settled
