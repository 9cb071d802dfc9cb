"""Events as Graph writes them, whole ones as its documentation shows them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

BERLIN = "W. Europe Standard Time"
HOUR = timedelta(hours=1)

Item = dict[str, Any]
Moment = datetime | date


def write_time(moment: Moment) -> Item:
    """Seven digits of fractions, no offset, and UTC, which is what we ask for."""
    if isinstance(moment, datetime):
        moment = moment.astimezone(UTC)
        text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    else:
        text = f"{moment.isoformat()}T00:00:00"
    return {"dateTime": f"{text}.0000000", "timeZone": "UTC"}


def whole(event_id: str, start: Moment, end: Moment | None = None, **fields: Any) -> Item:
    """A single event with the properties that an answer always has."""
    length = HOUR if isinstance(start, datetime) else timedelta(days=1)
    return {
        "@odata.etag": f'W/"{event_id}"',
        "id": event_id,
        "createdDateTime": "2026-01-05T08:00:00Z",
        "lastModifiedDateTime": "2026-01-05T08:00:00.1234567Z",
        "changeKey": f"key-{event_id}",
        "categories": [],
        "iCalUId": f"uid-{event_id}",
        "subject": f"Title of {event_id}",
        "bodyPreview": "",
        "body": {"contentType": "html", "content": ""},
        "importance": "normal",
        "sensitivity": "normal",
        "isAllDay": not isinstance(start, datetime),
        "isCancelled": False,
        "isOrganizer": True,
        "showAs": "busy",
        "type": "singleInstance",
        "seriesMasterId": None,
        "recurrence": None,
        "onlineMeeting": None,
        "onlineMeetingUrl": None,
        "originalStartTimeZone": BERLIN,
        "originalEndTimeZone": BERLIN,
        "responseStatus": {"response": "organizer", "time": "0001-01-01T00:00:00Z"},
        "start": write_time(start),
        "end": write_time(start + length if end is None else end),
        "location": {"displayName": "", "locationType": "default", "address": {}},
        "attendees": [],
        "organizer": {"emailAddress": {"name": "Ada", "address": "Ada@Contoso.Test"}},
        **fields,
    }


def master(event_id: str, start: Moment, pattern: Item, range_: Item, **fields: Any) -> Item:
    """A series."""
    limits = {"startDate": first_day(start).isoformat(), "endDate": "0001-01-01", **range_}
    recurrence = {"pattern": pattern, "range": {"recurrenceTimeZone": BERLIN, **limits}}
    return whole(event_id, start, type="seriesMaster", recurrence=recurrence, **fields)


def weekly(event_id: str, start: Moment, *days: str, **fields: Any) -> Item:
    """A series that recurs every week without end."""
    pattern = {
        "type": "weekly",
        "interval": 1,
        "daysOfWeek": list(days),
        "firstDayOfWeek": "monday",
    }
    return master(event_id, start, pattern, {"type": "noEnd"}, **fields)


def bare(event_id: str, series_id: str, start: Moment, end: Moment | None = None) -> Item:
    """An occurrence as a delta query has it."""
    length = HOUR if isinstance(start, datetime) else timedelta(days=1)
    return {
        "@odata.etag": f'W/"{event_id}"',
        "id": event_id,
        "seriesMasterId": series_id,
        "type": "occurrence",
        "start": write_time(start),
        "end": write_time(start + length if end is None else end),
    }


def occurrence(event_id: str, series_id: str, start: Moment, **fields: Any) -> Item:
    """An occurrence as the list of instances has it."""
    member = {"type": "occurrence", "seriesMasterId": series_id}
    return whole(event_id, start, **{**member, "originalStart": original(start), **fields})


def changed(event_id: str, series_id: str, was: Moment, start: Moment, **fields: Any) -> Item:
    """An exception."""
    member = {"type": "exception", "seriesMasterId": series_id, "originalStart": original(was)}
    return whole(event_id, start, **{**member, **fields})


def removed(event_id: str) -> Item:
    return {"id": event_id, "@removed": {"reason": "deleted"}}


def original(moment: Moment) -> str:
    """``originalStart``: always UTC, of a day midnight in the zone of the series."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=ZoneInfo("Europe/Berlin"))
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def first_day(start: Moment) -> date:
    return start.date() if isinstance(start, datetime) else start


def page(*items: Mapping[str, Any], **links: str) -> Item:
    """A page; ``next`` and ``delta`` are its links."""
    named = {f"@odata.{name}Link": link for name, link in links.items()}
    return {
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata",
        "value": list(items),
        **named,
    }
