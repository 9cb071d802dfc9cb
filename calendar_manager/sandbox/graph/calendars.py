"""The HTTP doors of ``/me`` and of calendars."""

from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import Response

from calendar_manager.sandbox.graph.bodies import read_request
from calendar_manager.sandbox.graph.calendar import Calendar
from calendar_manager.sandbox.graph.call import Call, JsonBody, begin_call
from calendar_manager.sandbox.graph.errors import bad_request
from calendar_manager.sandbox.graph.listing import answer_list, select
from calendar_manager.sandbox.graph.rendering import render_calendar
from calendar_manager.sandbox.graph.wire import CalendarIn
from calendar_manager.sandbox.graph.zones import name_zone, read_zone

router = APIRouter()

Json = dict[str, Any]
Reading = Annotated[Call, begin_call("read")]
Writing = Annotated[Call, begin_call("write")]

_READ_ONLY = frozenset(
    {
        "id",
        "changeKey",
        "canShare",
        "canViewPrivateItems",
        "canEdit",
        "allowedOnlineMeetingProviders",
        "defaultOnlineMeetingProvider",
        "isTallyingResponses",
        "isRemovable",
        "owner",
    }
)


@router.get("/me")
async def show_me(call: Annotated[Call, begin_call("user")]) -> Response:
    """``GET /me``: the account."""
    account = call.account
    body: Json = {
        "@odata.context": f"{call.base_url}/$metadata#users/$entity",
        "id": account.object_id,
        "displayName": account.name,
        "givenName": account.name.partition(" ")[0],
        "surname": account.name.partition(" ")[2] or None,
        "mail": account.email,
        "userPrincipalName": account.email,
        "jobTitle": None,
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "businessPhones": [],
    }
    return call.answer(select(body, call.query.get("$select")))


@router.get("/me/mailboxSettings")
async def show_mailbox(call: Annotated[Call, begin_call("mailbox")]) -> Response:
    """``GET /me/mailboxSettings``: of the settings, the time zone and the forms of dates."""
    body = {
        "@odata.context": call.context("mailboxSettings"),
        "timeZone": name_zone(read_zone(call.account.time_zone)),
        "dateFormat": "yyyy-MM-dd",
        "timeFormat": "HH:mm",
    }
    return call.answer(select(body, call.query.get("$select")))


@router.get("/me/calendars")
async def list_calendars(call: Reading) -> Response:
    """``GET /me/calendars``: own and shared ones."""
    rows = [render_calendar(one) for one in call.account.calendars.values()]
    return answer_list(call, "calendars", rows)


@router.post("/me/calendars")
async def create_calendar(body: JsonBody, call: Writing) -> Response:
    """``POST /me/calendars``."""
    given = _read_body(body)
    if not given.get("name"):
        raise bad_request("The Name property is required.", "ErrorInvalidRequest")
    color = given.get("color") or "auto"
    calendar = call.state.add_calendar(call.account, given["name"], color=color)
    return _answer(call, calendar, 201)


@router.get("/me/calendar")
@router.get("/me/calendars/{calendar_id}")
async def show_calendar(call: Reading, calendar_id: str | None = None) -> Response:
    """``GET`` of the default calendar or of one by its id."""
    return _answer(call, call.open_calendar(calendar_id))


@router.patch("/me/calendar")
@router.patch("/me/calendars/{calendar_id}")
async def change_calendar(
    body: JsonBody, call: Writing, calendar_id: str | None = None
) -> Response:
    """``PATCH`` of the default calendar or of one by its id."""
    calendar = call.open_calendar(calendar_id)
    call.check_writable(calendar)
    rename(calendar, _read_body(body))
    calendar.stamp = call.state.next_stamp()
    return _answer(call, calendar)


@router.delete("/me/calendars/{calendar_id}")
async def delete_calendar(calendar_id: str, call: Writing) -> Response:
    """``DELETE`` of a calendar and its events."""
    calendar = call.open_calendar(calendar_id)
    call.check_etag(calendar.stamp)
    call.state.remove_calendar(call.account, calendar)
    return call.answer(None, 204)


def rename(calendar: Calendar, given: Json) -> None:
    """Change a calendar's name and colour where they are given."""
    calendar.name = given.get("name") or calendar.name
    calendar.color = given.get("color") or calendar.color


def _read_body(body: Json) -> Json:
    return read_request({n: v for n, v in body.items() if n not in _READ_ONLY}, CalendarIn)


def _answer(call: Call, calendar: Calendar, status: int = 200) -> Response:
    row = render_calendar(calendar)
    body = {"@odata.context": call.context("calendars/$entity"), **row}
    return call.answer(select(body, call.query.get("$select")), status)
