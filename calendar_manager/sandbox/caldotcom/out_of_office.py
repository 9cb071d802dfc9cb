"""``/v2/me/ooo``: out-of-office entries, which span whole days in UTC.

Source: https://cal.com/docs/api-reference/v2/out-of-office; older builds, and the official
description at hand, do not have it.
"""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from calendar_manager.sandbox.caldotcom.announcing import announce_absence
from calendar_manager.sandbox.caldotcom.call import Call, JsonBody, begin_call, success
from calendar_manager.sandbox.caldotcom.errors import CaldotcomApiError, bad_request, not_found
from calendar_manager.sandbox.caldotcom.fields import Fields, Query
from calendar_manager.sandbox.caldotcom.state import Account, CaldotcomState, OutOfOffice
from calendar_manager.sandbox.caldotcom.times import span_whole_days, write_instant

router = APIRouter(prefix="/me/ooo")

Json = dict[str, Any]

REASONS = ("unspecified", "vacation", "travel", "sick", "public_holiday")
"""Why somebody may be away."""

MAX_PAGE = 250
"""The most entries of a page, and what it has when nothing is asked."""

_FIELDS = ("start", "end", "notes", "toUserId", "reason")

ReadCall = Annotated[Call, begin_call(scope="SCHEDULE_READ")]
WriteCall = Annotated[Call, begin_call(scope="SCHEDULE_WRITE")]


@router.get("")
async def list_entries(request: Request, call: ReadCall) -> Response:
    """Return one page of the caller's entries, by start unless asked otherwise."""
    _require_build(request, call.state)
    query = Query(request, ("take", "skip", "sortStart", "sortEnd"))
    take, skip = query.number("take", MAX_PAGE, 1, MAX_PAGE), query.number("skip", 0)
    take = min(take, call.state.shared.page_size or take)
    by_start = query.one_of("sortStart", ("asc", "desc"))
    by_end = query.one_of("sortEnd", ("asc", "desc"))
    rows = call.state.absences_of(call.account)
    if by_start or by_end:
        rows.sort(
            key=lambda one: (one.start_at if by_start else one.end_at, one.id),
            reverse=(by_start or by_end) == "desc",
        )
    return success([render_entry(one) for one in rows[skip : skip + take]])


@router.post("")
async def create_entry(request: Request, call: WriteCall, body: JsonBody) -> Response:
    """Add an entry."""
    _require_build(request, call.state)
    return success(render_entry(add_entry(call.state, call.account, body)), 201)


@router.patch("/{entry_id}")
async def update_entry(
    request: Request, entry_id: str, call: WriteCall, body: JsonBody
) -> Response:
    """Change an entry."""
    _require_build(request, call.state)
    entry = find_entry(call.state, call.account, entry_id)
    return success(render_entry(change_entry(call.state, entry, body)))


@router.delete("/{entry_id}")
async def delete_entry(request: Request, entry_id: str, call: WriteCall) -> Response:
    """Delete an entry and return it."""
    _require_build(request, call.state)
    entry = find_entry(call.state, call.account, entry_id)
    del call.state.out_of_office[entry.id]
    return success(render_entry(entry))


def add_entry(state: CaldotcomState, account: Account, body: object) -> OutOfOffice:
    """Add an entry from its JSON and tell the account's webhooks.

    Raises:
        CaldotcomApiError: 400, a field is wrong; 409, there is one with the same days.
    """
    fields = Fields(body, _FIELDS)
    start_at, end_at = _read_days(fields)
    entry = _apply(fields, OutOfOffice(0, "", account.id, start_at, end_at, "unspecified"))
    _refuse_duplicate(state, entry)
    entry = replace(entry, id=state.next_number(), uuid=state.make_uuid())
    state.out_of_office[entry.id] = entry
    announce_absence(state, entry)
    return entry


def change_entry(state: CaldotcomState, entry: OutOfOffice, body: object) -> OutOfOffice:
    """Change the given fields of an entry; start and end go together.

    Raises:
        CaldotcomApiError: 400, a field is wrong; 409, there is one with the same days.
    """
    fields = Fields(body, _FIELDS)
    changed = _apply(fields, entry)
    if "start" in fields or "end" in fields:
        if not ("start" in fields and "end" in fields):
            raise bad_request("Please specify both ooo start and end time.")
        start_at, end_at = _read_days(fields)
        changed = replace(changed, start_at=start_at, end_at=end_at)
        _refuse_duplicate(state, changed)
    state.out_of_office[entry.id] = changed
    return changed


def find_entry(state: CaldotcomState, account: Account, entry_id: str) -> OutOfOffice:
    """Return an entry of the account.

    Raises:
        CaldotcomApiError: 404, there is none.
    """
    entry = state.out_of_office.get(int(entry_id)) if entry_id.isdecimal() else None
    if entry is None or entry.user_id != account.id:
        raise not_found(f"OOO entry with id={entry_id} does not exist")
    return entry


def render_entry(entry: OutOfOffice) -> Json:
    """Return an entry as the API shows it."""
    body: Json = {
        "userId": entry.user_id,
        "id": entry.id,
        "uuid": entry.uuid,
        "start": write_instant(entry.start_at),
        "end": write_instant(entry.end_at),
        "reason": entry.reason,
    }
    if entry.notes is not None:
        body["notes"] = entry.notes
    if entry.to_user_id is not None:
        body["toUserId"] = entry.to_user_id
    return body


def _require_build(request: Request, state: CaldotcomState) -> None:
    if not state.settings.out_of_office:
        raise not_found(f"Cannot {request.method} {request.url.path.removeprefix('/calcom')}")


def _apply(fields: Fields, entry: OutOfOffice) -> OutOfOffice:
    to_user_id = fields.integer("toUserId", entry.to_user_id)
    if to_user_id == entry.user_id:
        raise bad_request("Cannot redirect to self.")
    return replace(
        entry,
        reason=fields.one_of("reason", REASONS, entry.reason),
        notes=fields.text("notes", entry.notes),
        to_user_id=to_user_id,
    )


def _read_days(fields: Fields) -> tuple[datetime, datetime]:
    start_at, end_at = span_whole_days(fields.instant("start"), fields.instant("end"))
    if start_at > end_at:
        raise bad_request("Start date must be before end date.")
    return start_at, end_at


def _refuse_duplicate(state: CaldotcomState, entry: OutOfOffice) -> None:
    for other in state.out_of_office.values():
        same = (other.start_at, other.end_at) == (entry.start_at, entry.end_at)
        if same and other.user_id == entry.user_id and other.id != entry.id:
            raise CaldotcomApiError(409, "Ooo entry already exists.")
