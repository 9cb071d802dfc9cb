"""Schedules over HTTP: weekly hours and overrides on the wall clock of their zone.

Source: the official description of ``/v2/schedules``, version 2024-06-11. An array that is present
replaces all rows of its kind, an empty one clears them.
"""

from datetime import time
from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from calendar_manager.sandbox.caldotcom.call import (
    Call,
    JsonBody,
    begin_call,
    json_response,
    success,
)
from calendar_manager.sandbox.caldotcom.errors import CaldotcomApiError, bad_request, not_found
from calendar_manager.sandbox.caldotcom.fields import Fields, Query
from calendar_manager.sandbox.caldotcom.state import (
    WEEKDAYS,
    CaldotcomState,
    Hours,
    Override,
    Schedule,
)
from calendar_manager.sandbox.caldotcom.times import read_clock_time, read_date

router = APIRouter(prefix="/schedules")

Json = dict[str, Any]

VERSION = "2024-06-11"
"""The version of these paths."""

_FIELDS = ("name", "timeZone", "isDefault", "availability", "overrides")
_NINE_TO_FIVE = Hours(WEEKDAYS[:5], time(9), time(17))

ReadCall = Annotated[Call, begin_call(VERSION, scope="SCHEDULE_READ")]
WriteCall = Annotated[Call, begin_call(VERSION, scope="SCHEDULE_WRITE")]


@router.get("")
async def list_schedules(request: Request, call: ReadCall) -> Response:
    """Return the caller's schedules."""
    Query(request, ())
    mine = [one for one in call.state.schedules.values() if one.owner_id == call.account.id]
    return success([render_schedule(call.state, one) for one in mine])


@router.get("/default")
async def read_default_schedule(request: Request, call: ReadCall) -> Response:
    """Return the caller's default schedule, null when there is none."""
    Query(request, ())
    schedule = call.state.schedules.get(call.account.default_schedule_id or 0)
    return success(render_schedule(call.state, schedule) if schedule else None)


@router.get("/{schedule_id}")
async def read_schedule(request: Request, schedule_id: str, call: ReadCall) -> Response:
    """Return a schedule."""
    Query(request, ())
    return success(render_schedule(call.state, _find(call, schedule_id)))


@router.post("")
async def create_schedule(call: WriteCall, body: JsonBody) -> Response:
    """Create a schedule, with Cal.com's usual hours unless others are given."""
    fields = Fields(body, _FIELDS)
    name, zone = fields.required_text("name"), fields.zone("timeZone")
    is_default = fields.flag("isDefault", None)
    if is_default is None:
        raise bad_request("isDefault must be a boolean value")
    availability = _read_hours(fields) if "availability" in fields else [_NINE_TO_FIVE]
    overrides = _read_overrides(fields)
    schedule = call.state.add_schedule(call.account, name, zone, availability)
    schedule.overrides = overrides
    if is_default:
        call.account.default_schedule_id = schedule.id
    return success(render_schedule(call.state, schedule), 201)


@router.patch("/{schedule_id}")
async def update_schedule(schedule_id: str, call: WriteCall, body: JsonBody) -> Response:
    """Change what is given; an array replaces all rows of its kind."""
    fields = Fields(body, _FIELDS)
    schedule = _find(call, schedule_id)
    name = fields.required_text("name") if "name" in fields else schedule.name
    zone = fields.zone("timeZone") if "timeZone" in fields else schedule.time_zone
    hours = _read_hours(fields) if "availability" in fields else schedule.availability
    overrides = _read_overrides(fields) if "overrides" in fields else schedule.overrides
    is_default = fields.flag("isDefault", default=False)
    schedule.name, schedule.time_zone = name, zone
    schedule.availability, schedule.overrides = hours, overrides
    if is_default:
        call.account.default_schedule_id = schedule.id
    return success(render_schedule(call.state, schedule))


@router.delete("/{schedule_id}")
async def delete_schedule(schedule_id: str, call: WriteCall) -> Response:
    """Delete a schedule that is not the default one."""
    schedule = _find(call, schedule_id)
    if schedule.id == call.account.default_schedule_id:
        raise bad_request("Cannot delete the default schedule.")
    del call.state.schedules[schedule.id]
    return json_response({"status": "success"})


def render_schedule(state: CaldotcomState, schedule: Schedule) -> Json:
    """Return a schedule as the API shows it."""
    owner = state.owner(schedule.owner_id)
    return {
        "id": schedule.id,
        "ownerId": schedule.owner_id,
        "name": schedule.name,
        "timeZone": schedule.time_zone,
        "availability": [
            {
                "days": list(one.days),
                "startTime": f"{one.start:%H:%M}",
                "endTime": f"{one.end:%H:%M}",
            }
            for one in schedule.availability
        ],
        "isDefault": owner.default_schedule_id == schedule.id,
        "overrides": [
            {
                "date": one.on.isoformat(),
                "startTime": f"{one.start:%H:%M}",
                "endTime": f"{one.end:%H:%M}",
            }
            for one in schedule.overrides
        ],
    }


def _find(call: Call, schedule_id: str) -> Schedule:
    number = int(schedule_id) if schedule_id.isdecimal() else 0
    schedule = call.state.schedules.get(number)
    if schedule is None:
        raise not_found(f"Schedule with ID={schedule_id} does not exist.")
    if schedule.owner_id != call.account.id:
        raise CaldotcomApiError(403, f"User with ID={call.account.id} does not own schedule")
    return schedule


def _read_hours(fields: Fields) -> list[Hours]:
    found = []
    for row in fields.rows("availability"):
        one = Fields(row, ("days", "startTime", "endTime"), "availability.")
        days = one.texts("days")
        if not days or any(day not in WEEKDAYS for day in days):
            raise bad_request(f"availability.days must be of {', '.join(WEEKDAYS)}")
        start, end = _read_times(one, "availability")
        if start >= end:
            raise bad_request("availability.startTime must be before endTime")
        found.append(Hours(tuple(days), start, end))
    return found


def _read_overrides(fields: Fields) -> list[Override]:
    found = []
    for row in fields.rows("overrides"):
        one = Fields(row, ("date", "startTime", "endTime"), "overrides.")
        start, end = _read_times(one, "overrides")
        if start > end:
            raise bad_request("overrides.startTime must not be after endTime")
        try:
            on = read_date(one.required_text("date"))
        except ValueError as error:
            raise bad_request("overrides.date must be in format YYYY-MM-DD") from error
        found.append(Override(on, start, end))
    return found


def _read_times(fields: Fields, path: str) -> tuple[time, time]:
    try:
        start = read_clock_time(fields.required_text("startTime"))
        return start, read_clock_time(fields.required_text("endTime"))
    except ValueError as error:
        raise bad_request(f"{path}: times must be valid times in format HH:MM") from error
