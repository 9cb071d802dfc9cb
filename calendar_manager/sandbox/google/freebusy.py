"""The HTTP door of ``freebusy.query``."""

from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import Response

from calendar_manager.sandbox.google.calendar import Calendar, Row
from calendar_manager.sandbox.google.call import Call, JsonBody, begin_call
from calendar_manager.sandbox.google.discovery import check_fields
from calendar_manager.sandbox.google.errors import GoogleApiError, invalid_value
from calendar_manager.sandbox.google.instances import Window, live_instances
from calendar_manager.sandbox.google.times import instant_of, moment_of, read_instant, read_zone

router = APIRouter()

Json = dict[str, Any]
Span = tuple[datetime, datetime]

MAX_CALENDARS = 50
"""No question may name more calendars."""

_FREE_TYPES = frozenset({"workingLocation", "birthday"})


@router.post("/freeBusy")
async def query(body: JsonBody, call: Annotated[Call, begin_call("freebusy.query")]) -> Response:
    """``freebusy.query``: merged busy spans per calendar, errors per calendar, no event ids."""
    check_fields(body, "FreeBusyRequest")
    for name in ("timeMin", "timeMax"):
        if name not in body:
            raise GoogleApiError(400, "required", f"Missing {name} parameter.")
    lower = read_instant(str(body["timeMin"]), "timeMin")
    upper = read_instant(str(body["timeMax"]), "timeMax")
    if lower >= upper:
        raise GoogleApiError(400, "timeRangeEmpty", "The specified time range is empty.")
    zone = read_zone(str(body.get("timeZone", "UTC")))
    asked = [str(item.get("id", "")) for item in body.get("items", []) if isinstance(item, dict)]
    if len(asked) > MAX_CALENDARS:
        raise invalid_value("Too many calendars requested.", "items")
    answer = {
        "kind": "calendar#freeBusy",
        "timeMin": _write(lower, UTC),
        "timeMax": _write(upper, UTC),
        "calendars": {one: _ask(call, one, (lower, upper), zone) for one in asked},
    }
    return call.answer(answer)


def _ask(call: Call, calendar_id: str, asked: Span, zone: tzinfo) -> Json:
    try:
        entry = call.state.entry(call.account, calendar_id)
    except GoogleApiError:
        return {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
    spans = find_busy(call.state.calendars[entry.calendar_id], asked)
    return {"busy": [{"start": _write(s, zone), "end": _write(e, zone)} for s, e in spans]}


def find_busy(calendar: Calendar, asked: Span) -> list[Span]:
    """Return the calendar's busy spans inside the asked one, merged where they meet."""
    merged: list[Span] = []
    rows = live_instances(calendar, Window(*asked))
    spans = sorted(_span_of(row, calendar) for row in rows if _is_busy(row))
    for start_at, end_at in spans:
        start_at, end_at = max(start_at, asked[0]), min(end_at, asked[1])  # noqa: PLW2901 - Cut.
        if merged and start_at <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end_at))
        elif start_at < end_at:
            merged.append((start_at, end_at))
    return merged


def _span_of(row: Row, calendar: Calendar) -> Span:
    start, end = (moment_of(row.body[name]) for name in ("start", "end"))
    return instant_of(start, calendar.time_zone), instant_of(end, calendar.time_zone)


def _is_busy(row: Row) -> bool:
    if row.body.get("transparency") == "transparent" or row.body["eventType"] in _FREE_TYPES:
        return False
    mine = [one for one in row.body.get("attendees", ()) if one.get("self")]
    return not any(one["responseStatus"] == "declined" for one in mine)


def _write(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")
