"""The HTTP doors of events: lists, one event, and what an invited person may do."""

import re
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import Response

from calendar_manager.sandbox.graph.bodies import new_item, read_request
from calendar_manager.sandbox.graph.call import Call, JsonBody, begin_call
from calendar_manager.sandbox.graph.errors import GraphApiError, bad_request
from calendar_manager.sandbox.graph.instances import find_instance
from calendar_manager.sandbox.graph.items import Item
from calendar_manager.sandbox.graph.listing import answer_list, select
from calendar_manager.sandbox.graph.replies import reply_to
from calendar_manager.sandbox.graph.series import change_instance, change_item, delete_instance
from calendar_manager.sandbox.graph.state import Found

router = APIRouter()

Json = dict[str, Any]
Reading = Annotated[Call, begin_call("read")]
Writing = Annotated[Call, begin_call("write")]

_EXPANDED = re.compile(r"singleValueExtendedProperties\(\$filter=id eq '([^']+)'\)", re.IGNORECASE)


@router.get("/me/events")
@router.get("/me/calendar/events")
@router.get("/me/calendars/{calendar_id}/events")
async def list_events(call: Reading, calendar_id: str | None = None) -> Response:
    """``GET`` of singles and masters; without a calendar, those of the default one."""
    calendar = call.open_calendar(calendar_id)
    renderer = call.renderer
    rows = [_expand(call, renderer.item(one), one) for one in calendar.items.values()]
    return answer_list(call, "events", rows)


@router.post("/me/events")
@router.post("/me/calendar/events")
@router.post("/me/calendars/{calendar_id}/events")
async def create_event(body: JsonBody, call: Writing, calendar_id: str | None = None) -> Response:
    """``POST`` of an event; a repeated ``transactionId`` makes no second one."""
    calendar = call.open_calendar(calendar_id)
    call.check_writable(calendar)
    given = read_request(body)
    transaction = str(given.get("transactionId") or "")
    if transaction in call.account.transactions:
        known, item = call.account.transactions[transaction]
        if known != given:
            raise GraphApiError(
                409,
                "ErrorDuplicateTransactionId",
                "Your request can't be completed. The TransactionId specified in the request has "
                "already been used to create a different event.",
            )
        item = calendar.items.get(item.key, item)
        return _answer(call, call.renderer.item(item), item, 201)
    stamp = call.state.next_stamp()
    item = new_item(given, call.state.make_key(calendar), calendar, stamp)
    (item,) = call.state.commit(calendar, item)
    if transaction:
        call.account.transactions[transaction] = (given, item)
    return _answer(call, call.renderer.item(item), item, 201)


@router.get("/me/events/delta")
@router.get("/me/calendar/events/delta")
@router.get("/me/calendars/{calendar_id}/events/delta")
async def refuse_event_delta(call: Reading, calendar_id: str | None = None) -> Response:
    """``GET`` of changed events: in the description, yet v1.0 answers it so."""
    call.open_calendar(calendar_id)
    raise bad_request(
        "Unsupported request: Change tracking is not supported against 'microsoft.graph.event'",
        "BadRequest",
    )


@router.get("/me/events/{event_id}")
@router.get("/me/calendar/events/{event_id}")
@router.get("/me/calendars/{calendar_id}/events/{event_id}")
async def show_event(event_id: str, call: Reading, calendar_id: str | None = None) -> Response:
    """``GET`` of a single event, a master, an occurrence or an exception."""
    return _answer_found(call, call.open_event(event_id, calendar_id))


@router.patch("/me/events/{event_id}")
@router.patch("/me/calendar/events/{event_id}")
@router.patch("/me/calendars/{calendar_id}/events/{event_id}")
async def change_event(
    event_id: str, body: JsonBody, call: Writing, calendar_id: str | None = None
) -> Response:
    """``PATCH`` of a single event, a master, or one occurrence, which becomes an exception."""
    found = call.open_event(event_id, calendar_id)
    call.check_writable(found.calendar)
    call.check_etag(found.stamp)
    given = read_request(body)
    if (
        given.get("transactionId", found.item.fields["transactionId"])
        != (found.item.fields["transactionId"])
    ):
        raise bad_request("The TransactionId of an event cannot be changed.")
    return _answer_found(call, _write(call, found, given))


@router.delete("/me/events/{event_id}")
@router.delete("/me/calendar/events/{event_id}")
@router.delete("/me/calendars/{calendar_id}/events/{event_id}")
async def delete_event(event_id: str, call: Writing, calendar_id: str | None = None) -> Response:
    """``DELETE`` of an event, a whole series, or one occurrence."""
    found = call.open_event(event_id, calendar_id)
    call.check_writable(found.calendar)
    call.check_etag(found.stamp)
    _delete(call, found)
    return call.answer(None, 204)


@router.post("/me/events/{event_id}/accept")
async def accept(event_id: str, body: JsonBody, call: Writing) -> Response:
    """``accept`` an invitation."""
    return _respond(call, event_id, body, "accepted")


@router.post("/me/events/{event_id}/tentativelyAccept")
async def accept_tentatively(event_id: str, body: JsonBody, call: Writing) -> Response:
    """``tentativelyAccept`` an invitation."""
    return _respond(call, event_id, body, "tentativelyAccepted")


@router.post("/me/events/{event_id}/decline")
async def decline(event_id: str, body: JsonBody, call: Writing) -> Response:
    """``decline`` an invitation; the event stays listed, declined."""
    return _respond(call, event_id, body, "declined")


@router.post("/me/events/{event_id}/cancel")
async def cancel(event_id: str, body: JsonBody, call: Writing) -> Response:
    """``cancel`` an own meeting, which takes it off the organizer's calendar."""
    _check_action(body, {"comment"})
    found = call.open_event(event_id)
    call.check_writable(found.calendar)
    if not found.item.fields["isOrganizer"]:
        raise bad_request(
            "Your request can't be completed. You need to be an organizer to cancel a meeting."
        )
    _delete(call, found)
    return call.answer(None, 202)


def _respond(call: Call, event_id: str, body: Json, response: str) -> Response:
    _check_action(body, {"comment", "sendresponse", "proposednewtime"})
    found = call.open_event(event_id)
    call.check_writable(found.calendar)
    if found.item.fields["isOrganizer"]:
        raise bad_request(
            "Your request can't be completed. You can't respond to this meeting because you're "
            "the meeting organizer."
        )
    _write(call, found, reply_to(found, response, call.state.clock()))
    return call.answer(None, 202)


def _check_action(body: Json, known: set[str]) -> None:
    for name in body:
        if name.lower() not in known:
            raise bad_request(f"The parameter '{name}' is not valid for this action.", "BadRequest")


def _write(call: Call, found: Found, given: Json) -> Found:
    stamp = call.state.next_stamp()
    if found.instance is None:
        item = change_item(found.item, given, found.calendar, stamp)
    else:
        item = change_instance(found.instance, given, found.calendar, stamp)
    (item,) = call.state.commit(found.calendar, item)
    if found.instance is None:
        return Found(found.calendar, item, None)
    return Found(found.calendar, item, find_instance(item, found.instance.name))


def _delete(call: Call, found: Found) -> None:
    stamp = call.state.next_stamp()
    if found.instance is None:
        call.state.commit(found.calendar, replace(found.item, gone=True, stamp=stamp))
    else:
        call.state.commit(found.calendar, delete_instance(found.instance, stamp))


def _answer_found(call: Call, found: Found) -> Response:
    renderer = call.renderer
    row = renderer.instance(found.instance) if found.instance else renderer.item(found.item)
    return _answer(call, row, found.item)


def _answer(call: Call, row: Json, item: Item, status: int = 200) -> Response:
    body = {"@odata.context": call.context("events/$entity"), **_expand(call, row, item)}
    return call.answer(select(body, call.query.get("$select")), status)


def _expand(call: Call, row: Json, item: Item) -> Json:
    """Return the row with the extended property that ``$expand`` names, where it has it."""
    text = call.query.get("$expand")
    if text is None:
        return row
    match = _EXPANDED.fullmatch(text.strip())
    if match is None:
        raise bad_request(f"The $expand '{text}' is not supported.", "BadRequest")
    known = item.fields.get("singleValueExtendedProperties") or []
    wanted = [one for one in known if one["id"].lower() == match.group(1).lower()]
    return {**row, "singleValueExtendedProperties": wanted} if wanted else row
