"""From what a request says about an event to what Outlook then stores."""

import html
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ValidationError

from calendar_manager.sandbox.graph.calendar import Calendar
from calendar_manager.sandbox.graph.errors import bad_request, invalid_property, unknown_zone
from calendar_manager.sandbox.graph.items import Item, Stamp
from calendar_manager.sandbox.graph.recurrence import Series, check_recurrence
from calendar_manager.sandbox.graph.times import Moment, read_wall, to_wall, write_stamp
from calendar_manager.sandbox.graph.wire import (
    IGNORED_IN_REQUESTS,
    EventIn,
    PatternedRecurrence,
)
from calendar_manager.sandbox.graph.zones import name_zone, read_zone

Json = dict[str, Any]

_TIME_FIELDS = frozenset({"start", "end", "isAllDay", "recurrence"})
_NO_PLACE: Json = {
    "displayName": "",
    "locationType": "default",
    "uniqueIdType": "unknown",
    "address": {},
    "coordinates": {},
}
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Times:
    """When an event is: its moments, and the zone names that it keeps of them."""

    start: Moment
    end: Moment
    start_zone: str
    end_zone: str


def read_request(body: Mapping[str, Any], model: type[BaseModel] = EventIn) -> Json:
    """Return the properties that a request gives, checked, by their names in Graph.

    Args:
        body: The request's JSON.
        model: What may be written; of the rest, read-only properties are dropped.

    Raises:
        GraphApiError: 400, an unknown property or a value of the wrong type.
    """
    known = {field.alias for field in model.model_fields.values()}
    kept = {
        name: value
        for name, value in body.items()
        if name in known or not (name in IGNORED_IN_REQUESTS or name.startswith("@odata."))
    }
    try:
        checked = model.model_validate(kept)
    except ValidationError as error:
        raise _explain(error) from error
    return checked.model_dump(by_alias=True, exclude_unset=True)


def _explain(error: ValidationError) -> Exception:
    first = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        message = (
            f"The property '{path}' does not exist on type 'microsoft.graph.event'. Make sure to "
            "only use property names that are defined by the type."
        )
    else:
        message = f"Cannot convert the value of '{path}': {first['msg']}."
    return bad_request(message, "RequestBodyRead")


def new_item(given: Json, key: str, calendar: Calendar, stamp: Stamp) -> Item:
    """Return the item that a checked request makes.

    Raises:
        GraphApiError: 400, times are missing or not acceptable.
    """
    for name in ("start", "end"):
        if given.get(name) is None:
            raise invalid_property(f"Required property '{name}' is missing.")
    times = read_times(given)
    fields = apply_fields(_default_fields(calendar, key, times), given, calendar, stamp)
    item = Item(key, 0, stamp.at, stamp, times.start, times.end, fields)
    if given.get("recurrence") is not None:
        item = with_recurrence(item, given["recurrence"])
    return item


def read_times(given: Json) -> Times:
    """Return the times of a request that has both start and end.

    Raises:
        GraphApiError: 400, they are not acceptable.
    """
    start_name, end_name = (str(given[name].get("timeZone") or "") for name in ("start", "end"))
    if not start_name or not end_name:
        raise unknown_zone("")
    start_zone, end_zone = read_zone(start_name), read_zone(end_name)
    start = read_wall(given["start"]["dateTime"], start_zone)
    end = read_wall(given["end"]["dateTime"], end_zone)
    names = name_zone(start_zone), name_zone(end_zone)
    if given.get("isAllDay"):
        return Times(*_read_dates(start, end, same=start_zone == end_zone), *names)
    end = end.astimezone(start.tzinfo)
    if end.timestamp() < start.timestamp():
        raise invalid_property("The end of the event cannot be earlier than its start.")
    return Times(start, end, *names)


def _read_dates(start: datetime, end: datetime, *, same: bool) -> tuple[date, date]:
    for name, moment in (("Start", start), ("End", end)):
        if to_wall(moment) != datetime.combine(moment.date(), datetime.min.time()):
            raise invalid_property(
                f"The Event.{name} property for an all-day event needs to be set to midnight."
            )
    if not same:
        raise invalid_property(
            "The Event.Start and Event.End properties for an all-day event need to be in the "
            "same time zone."
        )
    if end.date() < start.date() + _ONE_DAY:
        raise invalid_property(
            "The duration of an event marked as All day must be at least 24 hours."
        )
    return start.date(), end.date()


def with_recurrence(item: Item, recurrence: Json) -> Item:
    """Return the item as a series that begins with the pattern's first occurrence.

    Raises:
        GraphApiError: 400, the recurrence is incomplete or has no occurrence.
    """
    checked = PatternedRecurrence.model_validate(recurrence)
    check_recurrence(checked, item.start)
    settled = checked.model_dump(by_alias=True, exclude_none=True)
    settled["range"].setdefault("recurrenceTimeZone", item.fields["originalStartTimeZone"])
    first = Series(item.start, settled).first_start()
    if first is None:
        raise bad_request(
            "The recurrence pattern has no occurrences.", "ErrorRecurrenceHasNoOccurrence"
        )
    moved = _move(item, first) if first != item.start else item
    return replace(moved, recurrence=align_range(settled, moved.start))


def align_range(recurrence: Json, start: Moment) -> Json:
    """Return the recurrence with the range's first date at the start's."""
    zone = read_zone(recurrence["range"]["recurrenceTimeZone"])
    wall = to_wall(start, zone if isinstance(start, datetime) else None)
    return {**recurrence, "range": {**recurrence["range"], "startDate": wall.date().isoformat()}}


def _move(item: Item, start: Moment) -> Item:
    """Return the item begun elsewhere, as long as before."""
    shift = to_wall(start) - to_wall(item.start)
    return replace(item, start=start, end=item.end + shift)


def _default_fields(calendar: Calendar, key: str, times: Times) -> Json:
    return {
        "categories": [],
        "transactionId": None,
        "originalStartTimeZone": times.start_zone,
        "originalEndTimeZone": times.end_zone,
        "iCalUId": _make_uid(key),
        "reminderMinutesBeforeStart": 15,
        "isReminderOn": True,
        "subject": "",
        "importance": "normal",
        "sensitivity": "normal",
        "isCancelled": False,
        "isOrganizer": True,
        "responseRequested": True,
        "showAs": "busy",
        "isOnlineMeeting": False,
        "onlineMeetingProvider": "unknown",
        "allowNewTimeProposals": True,
        "hideAttendees": False,
        "onlineMeeting": None,
        "responseStatus": {"response": "organizer", "time": write_stamp(None)},
        "body": {"contentType": "html", "content": ""},
        "location": _NO_PLACE,
        "locations": [],
        "attendees": [],
        "organizer": {
            "emailAddress": {"name": calendar.owner_name, "address": calendar.owner},
        },
    }


def _make_uid(key: str) -> str:
    """Return a global object id, in the shape that Exchange makes ``iCalUId`` of."""
    return "040000008200E00074C5B7101A82E008" + key.encode().hex().upper().ljust(64, "0")[:64]


def apply_fields(fields: Json, given: Json, calendar: Calendar, stamp: Stamp) -> Json:
    """Return an event's properties after a request; what it sets to null becomes the default."""
    changed = dict(fields)
    defaults = {"subject": "", "location": _NO_PLACE, "categories": [], "attendees": []}
    for name, value in given.items():
        if name not in _TIME_FIELDS:
            changed[name] = defaults.get(name) if value is None else value
    if given.get("location") is not None:
        changed["location"] = _write_place(given["location"])
    if "location" in given:
        changed["locations"] = [changed["location"]] if changed["location"]["displayName"] else []
    elif "locations" in given:
        changed["locations"] = [_write_place(one) for one in given["locations"] or []]
        changed["location"] = (changed["locations"] or [_NO_PLACE])[0]
    if given.get("body") is not None:
        changed["body"] = _write_body(given["body"])
    if given.get("attendees") is not None:
        changed["attendees"] = [_write_attendee(one) for one in given["attendees"]]
    _settle_meeting(changed, given, calendar, stamp)
    return changed


def _settle_meeting(changed: Json, given: Json, calendar: Calendar, stamp: Stamp) -> None:
    """Bring organizer, own answer and online meeting into agreement."""
    if given.get("organizer") is not None:
        organizer = str(given["organizer"]["emailAddress"].get("address", "")).lower()
        changed["isOrganizer"] = organizer == calendar.owner
        if not changed["isOrganizer"] and "responseStatus" not in given:
            changed["responseStatus"] = {"response": "notResponded", "time": write_stamp(None)}
    if given.get("responseStatus") is not None:
        answered_at = given["responseStatus"].get("time") or write_stamp(stamp.at)
        response = given["responseStatus"].get("response", "none")
        changed["responseStatus"] = {"response": response, "time": answered_at}
    if given.get("onlineMeeting") is not None:
        changed["isOnlineMeeting"] = True
    if changed["isOnlineMeeting"] and changed["onlineMeeting"] is None:
        join = f"https://teams.microsoft.com/l/meetup-join/{changed['iCalUId'][-24:].lower()}"
        changed["onlineMeeting"] = {"joinUrl": join}
    if changed["isOnlineMeeting"] and changed["onlineMeetingProvider"] in {None, "unknown"}:
        changed["onlineMeetingProvider"] = "teamsForBusiness"


def _write_place(place: Json) -> Json:
    given = {name: value for name, value in place.items() if value is not None}
    unique = {"uniqueId": given["displayName"]} if given.get("displayName") else {}
    return {**_NO_PLACE, **unique, **given}


def _write_body(body: Json) -> Json:
    """Return the body as Outlook keeps it: HTML."""
    content = body.get("content") or ""
    if body.get("contentType", "text") == "text":
        content = html.escape(content, quote=False).replace("\n", "<br>")
    return {"contentType": "html", "content": content}


def _write_attendee(attendee: Json) -> Json:
    status = attendee.get("status") or {}
    written = {
        "type": attendee.get("type", "required"),
        "status": {
            "response": status.get("response", "none"),
            "time": status.get("time") or write_stamp(None),
        },
        "emailAddress": attendee["emailAddress"],
    }
    proposed = attendee.get("proposedNewTime")
    return {**written, "proposedNewTime": proposed} if proposed else written
