"""What a change to one event does to the rows around it."""

from collections.abc import Mapping
from typing import Any

from calendar_manager.sandbox.google.bodies import merge_patch, settle
from calendar_manager.sandbox.google.calendar import Calendar, Row
from calendar_manager.sandbox.google.errors import GoogleApiError, invalid_value
from calendar_manager.sandbox.google.instances import recurrence_of
from calendar_manager.sandbox.google.stamps import Stamp
from calendar_manager.sandbox.google.times import moment_of, reshow_moment

Json = dict[str, Any]

_TIME_FIELDS = ("start", "end")
_OWN_FIELDS = frozenset({"id", "start", "end", "recurrence", "sequence", "status", "iCalUID"})


def write_event(calendar: Calendar, stamp: Stamp, row: Row, body: Json) -> list[Row]:
    """Replace an event's body and return the rows that the change delivers.

    A time change raises ``sequence``. A master's exceptions follow where they did not differ;
    those that no longer fall on an instance are gone.

    Args:
        calendar: The calendar.
        stamp: The change.
        row: The event as it was: single, master, exception or an instance of a series.
        body: The new body; ``status`` cancelled deletes.

    Raises:
        GoogleApiError: 400, the body is not acceptable.
    """
    if body.get("status") == "cancelled":
        return delete_event(calendar, stamp, row)
    if row.master_id and "recurrence" in body:
        raise invalid_value("An instance cannot have a recurrence of its own.", "recurrence")
    settled = settle(body, calendar)
    if any(settled[name] != row.body[name] for name in _TIME_FIELDS):
        settled["sequence"] = int(row.body.get("sequence", 0)) + 1
    if row.master_id:
        return calendar.commit(stamp, {row.id: settled})
    bodies, gone = follow_master(calendar, row.body, settled)
    return calendar.commit(stamp, {row.id: settled, **bodies}, gone)


def follow_master(
    calendar: Calendar, old: Json, new: Json
) -> tuple[dict[str, Json], frozenset[str]]:
    """Return how a series' exceptions follow their master: new bodies, and ids that are gone."""
    bodies: dict[str, Json] = {}
    gone: set[str] = set()
    recurrence = recurrence_of(new) if "recurrence" in new else None
    for exception in calendar.exceptions_of(str(new["id"])):
        original_start = moment_of(exception.body["originalStartTime"])
        if recurrence is None or not recurrence.contains(original_start):
            gone.add(exception.id)
            continue
        changed = {
            name: new.get(name)
            for name in (old.keys() | new.keys()) - _OWN_FIELDS
            if old.get(name) != new.get(name) and exception.body.get(name) == old.get(name)
        }
        if changed:
            bodies[exception.id] = merge_patch(exception.body, changed)
    return bodies, frozenset(gone)


def delete_event(calendar: Calendar, stamp: Stamp, row: Row) -> list[Row]:
    """Delete a single event or a series, or cancel one instance as an exception.

    Raises:
        GoogleApiError: 410, it is deleted already.
    """
    if row.cancelled:
        raise GoogleApiError(410, "deleted", "Resource has been deleted")
    if row.master_id:
        return calendar.commit(stamp, {row.id: {**row.body, "status": "cancelled"}})
    return calendar.commit(stamp, {}, frozenset({row.id}))


def revive(row: Row, changes: Mapping[str, Any]) -> Json:
    """Return the body to patch: a deleted event can only be brought back by its status.

    Raises:
        GoogleApiError: 410, it is deleted and the changes do not bring it back.
    """
    if row.cancelled and changes.get("status") not in {"confirmed", "tentative"}:
        raise GoogleApiError(410, "deleted", "Resource has been deleted")
    return merge_patch(row.body, changes)


def move_body(row: Row, target: Calendar) -> Json:
    """Return an event's body as it stands on another calendar, which becomes its organizer."""
    body = {**row.body, "organizer": {"email": target.id, "self": True}}
    if "originalStartTime" in body:
        body["originalStartTime"] = reshow_moment(body["originalStartTime"], target.time_zone)
    return settle(body, target)
