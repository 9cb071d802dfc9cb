"""Edits as a person makes them in Google's own pages, row for row as recorded answers show them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from calendar_manager.sandbox.google.bodies import (
    check_new,
    check_request,
    make_id,
    merge_patch,
    new_body,
    settle,
)
from calendar_manager.sandbox.google.calendar import Calendar, Row
from calendar_manager.sandbox.google.errors import invalid_value, not_found
from calendar_manager.sandbox.google.instances import (
    find_instance,
    instance_body,
    recurrence_of,
)
from calendar_manager.sandbox.google.recurrence import (
    continue_lines,
    end_of_day_before,
    truncate_lines,
)
from calendar_manager.sandbox.google.series import (
    delete_event,
    follow_master,
    revive,
    write_event,
)
from calendar_manager.sandbox.google.stamps import Stamp
from calendar_manager.sandbox.google.times import (
    Moment,
    instance_suffix,
    instant_of,
    moment_of,
)

Json = dict[str, Any]

_TIME_FIELDS = frozenset({"start", "end"})


class Edit(BaseModel):
    """One edit; ``ControlClient.mutate`` describes the fields."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal[
        "create",
        "edit",
        "edit_one",
        "edit_following",
        "edit_all",
        "delete",
        "delete_one",
        "delete_following",
        "respond",
    ]
    event_id: str = ""
    original_start: str | None = None
    changes: Json = {}


def apply_edit(calendar: Calendar, stamp: Stamp, edit: Edit) -> list[Row]:
    """Make the edit as one change and return the rows that the next delta delivers.

    Raises:
        GoogleApiError: 404, no such event or instance; 400, unacceptable changes; 410, deleted.
    """
    if edit.kind == "create":
        fields = check_new(edit.changes)
        event_id = str(fields.get("id") or make_id())
        return calendar.commit(stamp, {event_id: new_body(fields, event_id, calendar, stamp)})
    row = _find(calendar, edit)
    if edit.kind == "respond":
        return write_event(calendar, stamp, row, _respond(row.body, edit.changes))
    if edit.kind in {"delete", "delete_one"}:
        return delete_event(calendar, stamp, row)
    if edit.kind in {"edit_following", "delete_following"}:
        ended = edit.kind == "delete_following"
        return _split(calendar, stamp, row, None if ended else check_request(edit.changes))
    write = _edit_all if edit.kind == "edit_all" else _edit
    return write(calendar, stamp, row, check_request(edit.changes))


def _find(calendar: Calendar, edit: Edit) -> Row:
    """Return the row of the event, or of the instance at ``original_start``."""
    row = find_instance(calendar, edit.event_id)
    if row is None:
        raise not_found()
    if edit.original_start is None:
        if edit.kind in {"edit_one", "delete_one", "edit_following", "delete_following"} and (
            not row.master_id
        ):
            raise invalid_value("This edit needs an original_start.", "original_start")
        return row
    original_start = _read_original(edit.original_start, row)
    instance = find_instance(calendar, f"{row.id}_{instance_suffix(original_start)}")
    if instance is None:
        raise not_found()
    return instance


def _read_original(text: str, master: Row) -> Moment:
    start = moment_of(master.body["start"])
    try:
        if not isinstance(start, datetime):
            return date.fromisoformat(text[:10])
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid_value(parameter="original_start") from error
    return (at.replace(tzinfo=start.tzinfo) if at.tzinfo is None else at).astimezone(start.tzinfo)


def _respond(body: Json, changes: Mapping[str, Any]) -> Json:
    attendees = [
        {**one, "responseStatus": changes["responseStatus"]} if one.get("self") else one
        for one in body.get("attendees", ())
    ]
    if not any(one.get("self") for one in attendees):
        raise invalid_value("The owner is not an attendee of this event.")
    return {**body, "attendees": attendees}


def _edit(calendar: Calendar, stamp: Stamp, row: Row, changes: Json) -> list[Row]:
    return write_event(calendar, stamp, row, revive(row, changes))


def _edit_all(calendar: Calendar, stamp: Stamp, row: Row, changes: Json) -> list[Row]:
    """Edit master and exceptions alike: recorded answers show exceptions overwritten."""
    master = calendar.rows[row.master_id or row.id]
    changed = settle(merge_patch(master.body, changes), calendar)
    if any(changed[name] != master.body[name] for name in _TIME_FIELDS):
        changed["sequence"] = int(master.body["sequence"]) + 1
    bodies, gone = follow_master(calendar, master.body, changed)
    for exception in calendar.exceptions_of(master.id):
        if exception.id not in gone and not exception.cancelled:
            original_start = moment_of(exception.body["originalStartTime"])
            bodies[exception.id] = instance_body(changed, original_start, calendar.time_zone)
    return calendar.commit(stamp, {master.id: changed, **bodies}, gone)


def _split(calendar: Calendar, stamp: Stamp, row: Row, changes: Json | None) -> list[Row]:
    """End the series before this instance; with changes, go on with a new series.

    The new series is ``<id>_R<UTC start>``, or has an id of its own when its times move.
    """
    if row.master_id is None:
        raise invalid_value("Only a series can be split.", "event_id")
    master = calendar.rows[row.master_id]
    original_start = moment_of(row.body["originalStartTime"])
    until = end_of_day_before(original_start, recurrence_of(master.body).zone)
    shortened = {**master.body, "recurrence": truncate_lines(master.body["recurrence"], until)}
    bodies, gone = follow_master(calendar, master.body, shortened)
    bodies[master.id] = shortened
    if changes is not None:
        following = _follow(calendar, stamp, master, original_start, changes)
        bodies[str(following["id"])] = following
    return calendar.commit(stamp, bodies, gone)


def _follow(
    calendar: Calendar, stamp: Stamp, master: Row, original_start: Moment, changes: Json
) -> Json:
    first_at = instant_of(original_start, calendar.time_zone)
    passed = sum(
        instant_of(start, calendar.time_zone) < first_at
        for start in recurrence_of(master.body).starts(original_start)
    )
    body = instance_body(master.body, original_start, calendar.time_zone)
    for name in ("recurringEventId", "originalStartTime", "htmlLink"):
        del body[name]
    body["recurrence"] = continue_lines(master.body["recurrence"], passed)
    merged = settle(merge_patch(body, changes), calendar)
    moved = any(merged[name] != body[name] for name in _TIME_FIELDS)
    base = master.id.partition("_R")[0]
    event_id = (
        make_id() if moved else f"{base}_R{instance_suffix(original_start).removesuffix('Z')}"
    )
    sequence = int(master.body["sequence"]) + (1 if moved else 0)
    fresh = new_body(merged, event_id, calendar, stamp)
    return {
        **fresh,
        "iCalUID": f"{event_id}@google.com",
        "created": master.body["created"],
        "sequence": sequence,
    }
