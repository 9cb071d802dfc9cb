"""The HTTP doors of the ``calendars`` resource."""

from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import Response

from calendar_manager.sandbox.google.calendar import Calendar
from calendar_manager.sandbox.google.calendar_list import list_resource
from calendar_manager.sandbox.google.call import Call, JsonBody, begin_call
from calendar_manager.sandbox.google.discovery import check_fields
from calendar_manager.sandbox.google.errors import GoogleApiError, invalid_value
from calendar_manager.sandbox.google.state import GoogleState
from calendar_manager.sandbox.google.times import read_zone

router = APIRouter()

Json = dict[str, Any]

_CALENDAR = "/calendars/{calendar_id}"


def render_calendar(calendar: Calendar) -> Json:
    """Return a ``Calendar`` resource."""
    rendered = {
        "kind": "calendar#calendar",
        "etag": calendar.stamp.etag,
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.time_zone,
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
    }
    for name in ("description", "location"):
        if getattr(calendar, name):
            rendered[name] = getattr(calendar, name)
    return rendered


def change_calendar(state: GoogleState, calendar: Calendar, changes: Json) -> None:
    """Change a calendar's own fields; everyone's calendar list shows it as a change.

    Raises:
        GoogleApiError: 400, an empty summary or an unknown zone.
    """
    if "summary" in changes:
        if not changes["summary"]:
            raise GoogleApiError(400, "required", "Missing summary.")
        calendar.summary = str(changes["summary"])
    if "timeZone" in changes:
        calendar.time_zone = read_zone(str(changes["timeZone"])).key
    for name in ("description", "location"):
        if name in changes:
            setattr(calendar, name, str(changes[name] or ""))
    calendar.stamp = state.stamps.next()
    for account in state.accounts.values():
        entry = account.entries.get(calendar.id)
        if entry and not entry.deleted:
            state.put_entry(
                account,
                calendar.id,
                entry.access_role,
                entry.options,
                primary=entry.primary,
            )
            state.channels.notify(list_resource(account))


@router.post("/calendars")
async def insert(body: JsonBody, call: Annotated[Call, begin_call("calendars.insert")]) -> Response:
    """``calendars.insert``: a secondary calendar, owned by the caller."""
    check_fields(body, "Calendar")
    if not body.get("summary"):
        raise GoogleApiError(400, "required", "Missing summary.")
    zone = str(body["timeZone"]) if body.get("timeZone") else "UTC"
    calendar = call.state.add_calendar(call.account, str(body["summary"]), zone)
    calendar.made_by_client = call.grant.client_id
    calendar.description = str(body.get("description", ""))
    calendar.location = str(body.get("location", ""))
    call.state.channels.notify(list_resource(call.account))
    return call.answer(render_calendar(calendar), calendar.stamp.etag)


@router.get(_CALENDAR)
async def get(calendar_id: str, call: Annotated[Call, begin_call("calendars.get")]) -> Response:
    """``calendars.get``."""
    calendar = call.open_calendar(calendar_id).calendar
    return call.answer(render_calendar(calendar), calendar.stamp.etag)


@router.patch(_CALENDAR)
async def patch(
    calendar_id: str, body: JsonBody, call: Annotated[Call, begin_call("calendars.patch")]
) -> Response:
    """``calendars.patch``; only its owner may."""
    check_fields(body, "Calendar")
    calendar = call.open_calendar(calendar_id, "owner").calendar
    change_calendar(call.state, calendar, body)
    return call.answer(render_calendar(calendar), calendar.stamp.etag)


@router.delete(_CALENDAR)
async def delete(
    calendar_id: str, call: Annotated[Call, begin_call("calendars.delete")]
) -> Response:
    """``calendars.delete`` of a secondary calendar; only its owner may."""
    opened = call.open_calendar(calendar_id, "owner")
    if opened.entry.primary:
        raise invalid_value("The primary calendar cannot be deleted.")
    call.state.channels.drop_resource(opened.calendar.id)
    call.state.remove_calendar(call.account, opened.calendar.id)
    call.state.channels.notify(list_resource(call.account))
    return Response(status_code=204)
