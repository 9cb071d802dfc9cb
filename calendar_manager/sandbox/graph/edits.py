"""Edits as a person makes them in Outlook."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from calendar_manager.sandbox.graph.bodies import (
    align_range,
    new_item,
    read_request,
    read_times,
)
from calendar_manager.sandbox.graph.calendar import Calendar
from calendar_manager.sandbox.graph.errors import bad_request, item_not_found
from calendar_manager.sandbox.graph.instances import find_instance, occurrence
from calendar_manager.sandbox.graph.items import Instance, Item, Stamp
from calendar_manager.sandbox.graph.recurrence import end_before
from calendar_manager.sandbox.graph.replies import call_off, reply_to
from calendar_manager.sandbox.graph.series import (
    change_instance,
    change_item,
    delete_instance,
    keep_exceptions,
)
from calendar_manager.sandbox.graph.state import Account, Found, GraphState
from calendar_manager.sandbox.graph.times import Moment, ShownZone, name_original, write_moment
from calendar_manager.sandbox.graph.wire import PersonEvent
from calendar_manager.sandbox.graph.zones import name_zone

Json = dict[str, Any]

_NEEDS_INSTANCE = frozenset({"edit_one", "edit_following", "delete_one", "delete_following"})
_TIME_FIELDS = ("start", "end", "isAllDay", "recurrence")


class Edit(BaseModel):
    """One edit; ``GraphControl.mutate`` describes the fields."""

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
        "cancel",
    ]
    event_id: str = ""
    original_start: str | None = None
    changes: Json = {}


def apply_edit(state: GraphState, account: Account, calendar: Calendar, edit: Edit) -> list[Item]:
    """Make the edit as one change and return the items that it left behind.

    Raises:
        GraphApiError: 404, no such event or instance; 400, unacceptable changes.
    """
    stamp = state.next_stamp()
    if edit.kind == "create":
        given = read_request(edit.changes, PersonEvent)
        item = new_item(given, state.make_key(calendar), calendar, stamp)
        return state.commit(calendar, item)
    found = _find(state, account, calendar, edit)
    items = _edit(state, found, edit, stamp)
    return [item for item in state.commit(calendar, *items) if not item.gone]


def _find(state: GraphState, account: Account, calendar: Calendar, edit: Edit) -> Found:
    found = state.find(account, edit.event_id)
    if found.calendar is not calendar:
        raise item_not_found()
    if edit.original_start is not None:
        original = _read_original(edit.original_start, found.item)
        instance = find_instance(found.item, name_original(original))
        if instance is None:
            raise item_not_found()
        found = replace(found, instance=instance)
    if edit.kind in _NEEDS_INSTANCE and found.instance is None:
        raise bad_request("This edit needs an instance of a series, or an original_start.")
    return found


def _read_original(text: str, item: Item) -> Moment:
    try:
        if item.all_day:
            return date.fromisoformat(text[:10])
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise bad_request(f"{text!r} is not an original_start.") from error
    return (at.replace(tzinfo=item.zone) if at.tzinfo is None else at).astimezone(UTC)


def _edit(state: GraphState, found: Found, edit: Edit, stamp: Stamp) -> list[Item]:
    if edit.kind == "delete" and found.instance is None:
        return [replace(found.item, gone=True, stamp=stamp)]
    if edit.kind in {"delete", "delete_one"}:
        assert found.instance is not None  # noqa: S101 - Looked at by _find or just now.
        return [delete_instance(found.instance, stamp)]
    if edit.kind in {"edit_following", "delete_following"}:
        assert found.instance is not None  # noqa: S101 - Looked at by _find.
        following = edit.kind == "edit_following"
        given = read_request(edit.changes, PersonEvent) if following else None
        return _split(state, found.calendar, found.instance, given, stamp)
    if edit.kind == "respond":
        given = reply_to(found, str(edit.changes.get("response", "accepted")), stamp.at)
    elif edit.kind == "cancel":
        given = call_off(found)
    else:
        given = read_request(edit.changes, PersonEvent)
    if found.instance is not None and edit.kind != "edit_all":
        return [change_instance(found.instance, given, found.calendar, stamp)]
    changed = change_item(found.item, given, found.calendar, stamp)
    return [_overwrite(changed, given, stamp) if edit.kind == "edit_all" else changed]


def _overwrite(item: Item, given: Json, stamp: Stamp) -> Item:
    """Return the series with its exceptions overwritten in the properties that were given."""
    overrides = {
        name: replace(
            one,
            fields={key: value for key, value in one.fields.items() if key not in given},
            stamp=stamp,
        )
        for name, one in item.overrides.items()
    }
    return replace(item, overrides=overrides)


def _split(
    state: GraphState, calendar: Calendar, instance: Instance, given: Json | None, stamp: Stamp
) -> list[Item]:
    """End the series before this instance; with changes, go on with a new series.

    A series that is split at its first occurrence goes as a whole.
    """
    item, original = instance.item, instance.original
    assert original is not None  # noqa: S101 - Instances of a series have one.
    assert item.recurrence is not None  # noqa: S101 - As above.
    passed = sum(1 for _ in item.series().starts(original))
    if passed:
        recurrence = end_before(item.recurrence, original)
        ended = replace(item, recurrence=recurrence, stamp=stamp)
        items = [keep_exceptions(item, ended)]
    else:
        items = [replace(item, gone=True, stamp=stamp)]
    if given is not None:
        items.append(_follow(state, calendar, instance, given, stamp, passed))
    return items


def _follow(
    state: GraphState,
    calendar: Calendar,
    instance: Instance,
    given: Json,
    stamp: Stamp,
    passed: int,
) -> Item:
    """Return the new series of the occurrences from an instance on."""
    item, original = instance.item, instance.original
    assert original is not None  # noqa: S101 - Instances of a series have one.
    assert item.recurrence is not None  # noqa: S101 - As above.
    bounds = item.recurrence["range"]
    if bounds["type"] == "numbered":
        left = max(1, bounds["numberOfOccurrences"] - passed)
        bounds = {**bounds, "numberOfOccurrences": left}
    shown = ShownZone(name_zone(item.zone), item.zone)
    times = {
        "start": write_moment(original, shown),
        "end": write_moment(occurrence(item, original).end, shown),
        "isAllDay": item.all_day,
        "recurrence": None,
        **{name: given[name] for name in _TIME_FIELDS if given.get(name) is not None},
    }
    if times["recurrence"] is None:
        same_pattern = {**item.recurrence, "range": bounds}
        times["recurrence"] = align_range(same_pattern, read_times(times).start)
    fresh = new_item(times, state.make_key(calendar), calendar, stamp)
    own = {"iCalUId": fresh.fields["iCalUId"], "transactionId": None}
    following = replace(fresh, fields={**item.fields, **own})
    changes = {name: value for name, value in given.items() if name not in _TIME_FIELDS}
    return change_item(following, changes, calendar, stamp)
