"""The HTTP doors of calendar views: what stands in a range, and what changed in it."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import Response

from calendar_manager.sandbox.graph.call import Call, begin_call
from calendar_manager.sandbox.graph.delta import open_baseline, open_increment
from calendar_manager.sandbox.graph.errors import bad_request, sync_state_not_found
from calendar_manager.sandbox.graph.instances import instances_in
from calendar_manager.sandbox.graph.items import Instance
from calendar_manager.sandbox.graph.listing import DEFAULT_PAGE_SIZE, answer_list
from calendar_manager.sandbox.graph.rendering import EventRenderer
from calendar_manager.sandbox.graph.rounds import (
    DeltaState,
    Position,
    Round,
    Row,
    read_position,
    read_state,
    write_position,
    write_state,
)
from calendar_manager.sandbox.graph.times import Window, instant_of, read_instant

router = APIRouter()

Json = dict[str, Any]
Reading = Annotated[Call, begin_call("read")]

_LONGEST_VIEW = timedelta(days=1825)
_UNTRACKED = ("$orderby", "$filter", "$select", "$expand", "$search", "$top", "$skip", "$count")


@router.get("/me/calendarView")
@router.get("/me/calendar/calendarView")
@router.get("/me/calendars/{calendar_id}/calendarView")
async def list_view(call: Reading, calendar_id: str | None = None) -> Response:
    """``GET`` of singles, occurrences and exceptions in a range, all of them whole."""
    calendar = call.open_calendar(calendar_id)
    window = read_window(call)
    found = [one for item in calendar.items.values() for one in instances_in(item, window)]
    return answer_list(call, "calendarView", _render(call, found))


@router.get("/me/events/{event_id}/instances")
async def list_instances(event_id: str, call: Reading) -> Response:
    """``GET`` of the occurrences and exceptions of one series in a range."""
    found = call.open_event(event_id)
    window = read_window(call)
    if found.item.recurrence is None or found.instance is not None:
        raise bad_request("The event is not a series master.", "ErrorInvalidRequest")
    return answer_list(call, "events", _render(call, instances_in(found.item, window)))


def _render(call: Call, found: list[Instance]) -> list[Json]:
    ordered = sorted(found, key=lambda one: instant_of(one.start, one.item.zone))
    renderer = call.renderer
    return [renderer.instance(one) for one in ordered]


def read_window(call: Call) -> Window:
    """Return the range that ``startDateTime`` and ``endDateTime`` ask for.

    Raises:
        GraphApiError: 400, one is missing or malformed, or they are the wrong way round or too
            far apart.
    """
    start, end = call.query.get("startdatetime"), call.query.get("enddatetime")
    if not start or not end:
        raise bad_request(
            "This request requires a time window specified by the query string parameters "
            "StartDateTime and EndDateTime."
        )
    window = Window(read_instant(start, "StartDateTime"), read_instant(end, "EndDateTime"))
    if window.end_at < window.start_at:
        raise bad_request("The end of the time window is before its start.")
    if window.end_at - window.start_at > _LONGEST_VIEW:
        raise bad_request(
            "Your request can't be completed. The range between the start and end dates is "
            "greater than the allowed range. Maximum number of days: 1825"
        )
    return window


@router.get("/me/calendarView/delta")
@router.get("/me/calendar/calendarView/delta")
@router.get("/me/calendars/{calendar_id}/calendarView/delta")
async def list_changes(call: Reading, calendar_id: str | None = None) -> Response:
    """``GET`` of a delta round's page: the first, the next, or that of a delta link."""
    calendar = call.open_calendar(calendar_id)
    unsupported = [name for name in _UNTRACKED if name in call.query]
    if unsupported:
        raise bad_request(
            "The following parameters are not supported with change tracking over the "
            f"'CalendarView' resource: '{', '.join(_UNTRACKED)}'.",
            "ErrorInvalidUrlQuery",
        )
    state, now_at = call.state, call.state.clock()
    if call.query.get("$skiptoken"):
        position = read_position(call.query["$skiptoken"])
        opened = state.rounds.find(position)
        if opened is None:
            raise sync_state_not_found(410)
        _check_age(call, opened.following, calendar.id)
        return _answer_page(call, opened, position)
    if call.query.get("$deltatoken"):
        since = read_state(call.query["$deltatoken"])
        _check_age(call, since, calendar.id)
        opened = open_increment(calendar, since, state.settings, now_at)
    else:
        opened = open_baseline(calendar, read_window(call), state.settings, now_at)
    return _answer_page(call, opened, state.rounds.start(opened))


def _check_age(call: Call, state: DeltaState, calendar_id: str) -> None:
    """Refuse a link of another calendar, or one that is too old.

    Raises:
        GraphApiError: 400; 410 with a ``Location`` that begins anew; or 404.
    """
    if state.calendar_id != calendar_id:
        raise bad_request("The token belongs to another resource.", "ErrorInvalidUrlQuery")
    calendar, life = call.open_calendar(calendar_id), call.state.settings.delta_token_seconds
    age = call.state.clock() - state.issued_at
    aged = life is not None and age >= timedelta(seconds=life)
    if state.epoch == calendar.epoch and not aged:
        return
    status = calendar.epoch_status if state.epoch != calendar.epoch else 410
    window = {
        "startDateTime": f"{state.window.start_at:%Y-%m-%dT%H:%M:%SZ}",
        "endDateTime": f"{state.window.end_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    location = call.link(call.path, window) if status == 410 else None  # noqa: PLR2004 - Gone.
    raise sync_state_not_found(status, location)


def _answer_page(call: Call, opened: Round, position: Position) -> Response:
    shared = call.state.shared_settings
    size = call.preferences.page_size or DEFAULT_PAGE_SIZE
    if shared.page_size:
        size = min(size, shared.page_size)
    every = shared.empty_page_every
    # The last rows never fall on an empty page, so that a round always comes to an end.
    empty = every and position.page % every == 0 and opened.rows
    end = position.offset + (0 if empty else size)
    renderer = call.renderer
    body: Json = {"@odata.context": f"{call.base_url}/$metadata#Collection(event)"}
    if end < len(opened.rows):
        following = Position(position.round_id, end, position.page + 1)
        tokens = {"$skiptoken": write_position(following)}
        body["@odata.nextLink"] = call.link(call.path, tokens)
    else:
        tokens = {"$deltatoken": write_state(opened.following)}
        body["@odata.deltaLink"] = call.link(call.path, tokens)
    body["value"] = [_render_row(renderer, row) for row in opened.rows[position.offset : end]]
    return call.answer(body, applied="odata.track-changes")


def _render_row(renderer: EventRenderer, row: Row) -> Json:
    if row.kind == "removed":
        return renderer.removed(row.item, row.name)
    if row.kind == "master":
        return {"@odata.type": "#microsoft.graph.event", **renderer.master(row.item)}
    assert row.instance is not None  # noqa: S101 - Such rows have one.
    if row.kind == "bare":
        return renderer.bare(row.instance)
    return {"@odata.type": "#microsoft.graph.event", **renderer.instance(row.instance)}
