"""The HTTP doors of the ``calendarList`` resource."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import Response

from calendar_manager.sandbox.google.call import Call, JsonBody, begin_call
from calendar_manager.sandbox.google.discovery import check_fields
from calendar_manager.sandbox.google.errors import GoogleApiError, invalid_value, not_found
from calendar_manager.sandbox.google.listing import page_query, page_size_of
from calendar_manager.sandbox.google.pages import Listing
from calendar_manager.sandbox.google.state import ACCESS_ROLES, Account, GoogleState, ListEntry
from calendar_manager.sandbox.google.sync_tokens import make_token, read_token

router = APIRouter()

Json = dict[str, Any]

OPTIONS = frozenset(
    {
        "summaryOverride",
        "colorId",
        "backgroundColor",
        "foregroundColor",
        "hidden",
        "selected",
        "defaultReminders",
        "notificationSettings",
    }
)
"""The fields of an entry that belong to the account rather than to the calendar."""

_MAX_RESULTS = 250
_LIST = "/users/me/calendarList"
_ENTRY = _LIST + "/{calendar_id}"


def render_entry(state: GoogleState, entry: ListEntry) -> Json:
    """Return a ``CalendarListEntry``; a deleted one is as bare as Google's."""
    head = {
        "kind": "calendar#calendarListEntry",
        "etag": entry.stamp.etag,
        "id": entry.calendar_id,
    }
    if entry.deleted:
        return {**head, "deleted": True}
    calendar = state.calendars[entry.calendar_id]
    rendered = {
        **head,
        "summary": calendar.summary,
        "timeZone": calendar.time_zone,
        "colorId": "14",
        "backgroundColor": "#9fe1e7",
        "foregroundColor": "#000000",
        "accessRole": entry.access_role,
        "defaultReminders": [],
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
        **{name: value for name, value in entry.options.items() if value is not False},
    }
    if calendar.description:
        rendered["description"] = calendar.description
    if entry.primary:
        rendered["primary"] = True
    return rendered


def change_entry(
    state: GoogleState, account: Account, entry: ListEntry, changes: Mapping[str, Any]
) -> ListEntry:
    """Write an entry's own fields; null removes one.

    Raises:
        GoogleApiError: 400, hiding the primary calendar.
    """
    if entry.primary and changes.get("hidden"):
        raise invalid_value("The primary calendar cannot be hidden.", "hidden")
    options = {**entry.options, **{n: v for n, v in changes.items() if n in OPTIONS}}
    kept = {name: value for name, value in options.items() if value is not None}
    changed = state.put_entry(
        account, entry.calendar_id, entry.access_role, kept, primary=entry.primary
    )
    state.channels.notify(list_resource(account))
    return changed


def list_resource(account: Account) -> str:
    """Return the name under which channels watch an account's calendar list."""
    return f"list:{account.email}"


@router.get(_LIST)
async def list_(call: Annotated[Call, begin_call("calendarList.list")]) -> Response:
    """``calendarList.list`` with its own sync token; 250 entries a page at most."""
    query, account, state = call.query, call.account, call.state
    size = min(page_size_of({"maxResults": 100, **query}), _MAX_RESULTS)
    resource = list_resource(account)
    if "pageToken" in query:
        page = state.pages.resume(
            str(query["pageToken"]), resource, page_query(query), size, state.settings
        )
        return call.answer(page)
    listing = Listing(
        resource,
        page_query(query),
        _choose(account, query),
        {"kind": "calendar#calendarList", "etag": state.stamps.next().list_etag},
        make_token(resource, account.change, account.sync_epoch, query),
        lambda entry: render_entry(state, entry),
    )
    return call.answer(state.pages.start(listing, size, state.settings))


def _choose(account: Account, query: Mapping[str, Any]) -> list[ListEntry]:
    entries = list(account.entries.values())
    if "syncToken" in query:
        if "minAccessRole" in query:
            raise invalid_value(
                "Sync token cannot be used with the parameter minAccessRole.", "minAccessRole"
            )
        resource, epoch = list_resource(account), account.sync_epoch
        since = read_token(str(query["syncToken"]), resource, epoch, query)
        return [entry for entry in entries if entry.change > since]
    least = ACCESS_ROLES.index(str(query.get("minAccessRole", ACCESS_ROLES[0])))
    return [
        entry
        for entry in entries
        if (not entry.deleted or query.get("showDeleted"))
        and (not entry.options.get("hidden") or query.get("showHidden"))
        and ACCESS_ROLES.index(entry.access_role) >= least
    ]


@router.get(_ENTRY)
async def get(calendar_id: str, call: Annotated[Call, begin_call("calendarList.get")]) -> Response:
    """``calendarList.get``."""
    entry = call.open_calendar(calendar_id).entry
    return call.answer(render_entry(call.state, entry), entry.stamp.etag)


@router.post(_LIST)
async def insert(
    body: JsonBody, call: Annotated[Call, begin_call("calendarList.insert")]
) -> Response:
    """``calendarList.insert``: put a calendar back that was taken off the list."""
    check_fields(body, "CalendarListEntry")
    calendar_id = str(body.get("id", ""))
    known = call.account.entries.get(calendar_id)
    if known is None or calendar_id not in call.state.calendars:
        raise not_found()
    known.deleted = False
    entry = change_entry(call.state, call.account, known, body)
    return call.answer(render_entry(call.state, entry), entry.stamp.etag)


@router.patch(_ENTRY)
async def patch(
    calendar_id: str, body: JsonBody, call: Annotated[Call, begin_call("calendarList.patch")]
) -> Response:
    """``calendarList.patch``: the account's own fields of an entry."""
    check_fields(body, "CalendarListEntry")
    entry = call.open_calendar(calendar_id).entry
    changed = change_entry(call.state, call.account, entry, body)
    return call.answer(render_entry(call.state, changed), changed.stamp.etag)


@router.delete(_ENTRY)
async def delete(
    calendar_id: str, call: Annotated[Call, begin_call("calendarList.delete")]
) -> Response:
    """``calendarList.delete``: take a calendar off the list; owners must delete it instead."""
    opened = call.open_calendar(calendar_id)
    if opened.entry.primary or opened.calendar.owner_email == call.account.email:
        raise GoogleApiError(403, "cannotUnsubscribeFromOwnedCalendar", "Forbidden")
    call.state.put_entry(
        call.account,
        opened.calendar.id,
        opened.entry.access_role,
        opened.entry.options,
        deleted=True,
    )
    call.state.channels.notify(list_resource(call.account))
    return Response(status_code=204)
