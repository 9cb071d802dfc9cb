"""The HTTP doors of the ``events`` resource."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from calendar_manager.sandbox.google.bodies import (
    check_client_id,
    check_event_type,
    check_new,
    check_request,
    make_id,
    new_body,
)
from calendar_manager.sandbox.google.calendar import Calendar, Row
from calendar_manager.sandbox.google.call import Call, JsonBody, begin_call
from calendar_manager.sandbox.google.errors import GoogleApiError, invalid_value, not_found
from calendar_manager.sandbox.google.instances import find_instance
from calendar_manager.sandbox.google.listing import (
    list_events,
    list_instances,
    make_view,
    page_query,
    page_size_of,
)
from calendar_manager.sandbox.google.pages import Listing
from calendar_manager.sandbox.google.series import delete_event, move_body, revive, write_event

router = APIRouter()

_EVENTS = "/calendars/{calendar_id}/events"
_EVENT = _EVENTS + "/{event_id}"


def find_event(calendar: Calendar, event_id: str) -> Row:
    """Return an event's row, or the instance of a series that the id names.

    Raises:
        GoogleApiError: 404.
    """
    row = find_instance(calendar, event_id)
    if row is None:
        raise not_found()
    return row


def _answer_row(call: Call, calendar: Calendar, row: Row, *, bare: bool = False) -> Response:
    view = make_view(calendar, call.query, bare=bare)
    return call.answer(view.trim(row.render_whole(view.shown_in)), row.stamp.etag)


def _answer_page(call: Call, listing: Listing) -> Response:
    size = page_size_of(call.query)
    return call.answer(call.state.pages.start(listing, size, call.state.settings))


def _answer_next_page(call: Call, resource: str) -> Response:
    page = call.state.pages.resume(
        str(call.query["pageToken"]),
        resource,
        page_query(call.query),
        page_size_of(call.query),
        call.state.settings,
    )
    return call.answer(page)


@router.get(_EVENTS)
async def list_(calendar_id: str, call: Annotated[Call, begin_call("events.list")]) -> Response:
    """``events.list``: full or incremental, paged."""
    opened = call.open_calendar(calendar_id)
    calendar, role = opened.calendar, opened.entry.access_role
    if "pageToken" in call.query:
        return _answer_next_page(call, f"events {calendar.id}")
    view = make_view(calendar, call.query, bare=call.bare or role == "freeBusyReader")
    return _answer_page(call, list_events(calendar, call.query, view, role))


@router.get(_EVENT)
async def get(
    calendar_id: str, event_id: str, call: Annotated[Call, begin_call("events.get")]
) -> Response:
    """``events.get``; deleted events answer with status ``cancelled``."""
    opened = call.open_calendar(calendar_id)
    row = find_event(opened.calendar, event_id)
    bare = call.bare or opened.entry.access_role == "freeBusyReader"
    return _answer_row(call, opened.calendar, row, bare=bare)


@router.get(_EVENT + "/instances")
async def instances(
    calendar_id: str, event_id: str, call: Annotated[Call, begin_call("events.instances")]
) -> Response:
    """``events.instances`` of a series, paged."""
    opened = call.open_calendar(calendar_id)
    calendar, role = opened.calendar, opened.entry.access_role
    master = calendar.rows.get(event_id)
    if master is None or master.gone or "recurrence" not in master.body:
        raise not_found()
    if "pageToken" in call.query:
        return _answer_next_page(call, f"instances {calendar.id} {event_id}")
    view = make_view(calendar, call.query, bare=call.bare or role == "freeBusyReader")
    return _answer_page(call, list_instances(calendar, master, call.query, view, role))


@router.post(_EVENTS)
async def insert(
    calendar_id: str, body: JsonBody, call: Annotated[Call, begin_call("events.insert")]
) -> Response:
    """``events.insert``; 409 for an id or iCalUID that exists, deleted ones included."""
    calendar = call.open_calendar(calendar_id, "writer").calendar
    fields = check_new(body)
    if "id" in fields and "iCalUID" in fields:
        raise invalid_value("Only one of id and iCalUID can be given.", "iCalUID")
    event_id = check_client_id(str(fields["id"])) if fields.get("id") else make_id()
    if event_id in calendar.rows or fields.get("iCalUID") in calendar.uids:
        raise GoogleApiError(409, "duplicate", "The requested identifier already exists.")
    stamp = call.state.stamps.next()
    calendar.commit(stamp, {event_id: new_body(fields, event_id, calendar, stamp)})
    call.state.touch(calendar)
    return _answer_row(call, calendar, calendar.rows[event_id])


@router.post(_EVENTS + "/import")
async def import_(
    calendar_id: str, body: JsonBody, call: Annotated[Call, begin_call("events.import")]
) -> Response:
    """``events.import``: a private copy under a foreign iCalUID; a known one is updated."""
    calendar = call.open_calendar(calendar_id, "writer").calendar
    fields = check_request(body)
    if not fields.get("iCalUID"):
        raise GoogleApiError(400, "required", "Missing iCalUID.")
    if "id" in fields:
        raise invalid_value("Only one of id and iCalUID can be given.", "id")
    foreign = {name: body[name] for name in ("organizer", "sequence") if body.get(name)}
    stamp = call.state.stamps.next()
    event_id = calendar.uids.get(str(fields["iCalUID"])) or make_id()
    settled = new_body(fields, event_id, calendar, stamp, foreign)
    known = calendar.rows.get(event_id)
    if known is None:
        check_new(body)
        calendar.commit(stamp, {event_id: settled})
    else:
        write_event(calendar, stamp, known, {**settled, "created": known.body["created"]})
    call.state.touch(calendar)
    return _answer_row(call, calendar, calendar.rows[event_id])


@router.put(_EVENT)
async def update(
    calendar_id: str,
    event_id: str,
    body: JsonBody,
    call: Annotated[Call, begin_call("events.update")],
) -> Response:
    """``events.update``: replaces every writable field."""
    calendar = call.open_calendar(calendar_id, "writer").calendar
    row = find_event(calendar, event_id)
    call.check_etag(row)
    fields = check_request(body)
    stamp = call.state.stamps.next()
    kept = ("created", "creator", "organizer", "sequence", "recurringEventId", "originalStartTime")
    fresh = {
        "eventType": row.body["eventType"],
        "iCalUID": row.body["iCalUID"],
        **{name: value for name, value in fields.items() if name != "id"},
    }
    check_event_type(row.body, fresh)
    new = new_body(fresh, event_id, calendar, stamp)
    new |= {name: row.body[name] for name in kept if name in row.body}
    write_event(calendar, stamp, row, new)
    call.state.touch(calendar)
    return _answer_row(call, calendar, calendar.rows[event_id])


@router.patch(_EVENT)
async def patch(
    calendar_id: str,
    event_id: str,
    body: JsonBody,
    call: Annotated[Call, begin_call("events.patch")],
) -> Response:
    """``events.patch``; on an instance it makes an exception."""
    calendar = call.open_calendar(calendar_id, "writer").calendar
    row = find_event(calendar, event_id)
    call.check_etag(row)
    changes = {name: value for name, value in check_request(body).items() if name != "id"}
    write_event(calendar, call.state.stamps.next(), row, revive(row, changes))
    call.state.touch(calendar)
    return _answer_row(call, calendar, calendar.rows[event_id])


@router.delete(_EVENT)
async def delete(
    calendar_id: str, event_id: str, call: Annotated[Call, begin_call("events.delete")]
) -> Response:
    """``events.delete``; on an instance it makes a cancelled exception; 410 when done before."""
    calendar = call.open_calendar(calendar_id, "writer").calendar
    row = find_event(calendar, event_id)
    if row.cancelled:
        raise GoogleApiError(410, "deleted", "Resource has been deleted")
    call.check_etag(row)
    delete_event(calendar, call.state.stamps.next(), row)
    call.state.touch(calendar)
    return Response(status_code=204)


@router.post(_EVENT + "/move")
async def move(
    calendar_id: str, event_id: str, call: Annotated[Call, begin_call("events.move")]
) -> Response:
    """``events.move``: the event, with its exceptions, changes calendar and organizer."""
    source = call.open_calendar(calendar_id, "writer").calendar
    target = call.open_calendar(str(call.query["destination"]), "writer").calendar
    row = find_event(source, event_id)
    if row.cancelled:
        raise GoogleApiError(410, "deleted", "Resource has been deleted")
    if row.master_id or row.body["eventType"] != "default":
        raise GoogleApiError(
            400, "invalid", "Only the organizer's single default events and series can be moved."
        )
    stamp = call.state.stamps.next()
    bodies = {one.id: move_body(one, target) for one in source.family(event_id) if not one.gone}
    if source is not target:
        source.commit(stamp, {}, frozenset({event_id}))
        call.state.touch(source)
    target.commit(stamp, bodies)
    call.state.touch(target)
    return _answer_row(call, target, target.rows[event_id])
