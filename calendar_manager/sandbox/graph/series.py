"""What a change to one event does to the item that holds it."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from calendar_manager.sandbox.graph.bodies import (
    Times,
    align_range,
    apply_fields,
    read_times,
    with_recurrence,
)
from calendar_manager.sandbox.graph.calendar import Calendar
from calendar_manager.sandbox.graph.errors import invalid_property
from calendar_manager.sandbox.graph.items import Instance, Item, Override, Stamp
from calendar_manager.sandbox.graph.times import Moment, ShownZone, write_moment
from calendar_manager.sandbox.graph.zones import name_zone

Json = dict[str, Any]


def change_item(item: Item, given: Json, calendar: Calendar, stamp: Stamp) -> Item:
    """Return a single event or a whole series after a checked request.

    Exceptions and deleted occurrences live on where only the end of the range changes; a new time
    or pattern resets them, as in Outlook.

    Raises:
        GraphApiError: 400, the times or the recurrence are not acceptable.
    """
    times = _read_new_times(item.start, item.end, given, item)
    fields = {
        **item.fields,
        "originalStartTimeZone": times.start_zone,
        "originalEndTimeZone": times.end_zone,
    }
    changed = replace(
        item,
        start=times.start,
        end=times.end,
        fields=apply_fields(fields, given, calendar, stamp),
        stamp=stamp,
    )
    if "recurrence" in given:
        recurrence = given["recurrence"]
    elif item.recurrence is not None:
        recurrence = align_range(item.recurrence, times.start)
    else:
        recurrence = None
    if recurrence is None:
        return replace(changed, recurrence=None, overrides={}, deleted=frozenset())
    return keep_exceptions(item, with_recurrence(changed, recurrence))


def keep_exceptions(old: Item, new: Item) -> Item:
    """Return the new version of a series with what is left of the old one's exceptions."""
    if _shape(old) != _shape(new):
        return replace(new, overrides={}, deleted=frozenset())
    series = new.series()
    starts = {name: one for name, one in new.overrides.items() if series.contains(one.original)}
    return replace(new, overrides=starts)


def _shape(item: Item) -> tuple[object, ...]:
    """Return what places the occurrences of a series, but for where it ends."""
    if item.recurrence is None:
        return (item.start, item.end, None)
    bounds = item.recurrence["range"]
    first = (bounds["startDate"], bounds["recurrenceTimeZone"])
    return (item.start, item.end, item.recurrence["pattern"], first)


def change_instance(instance: Instance, given: Json, calendar: Calendar, stamp: Stamp) -> Item:
    """Return the series after a checked request to one of its occurrences.

    Raises:
        GraphApiError: 400, the times are not acceptable or the request has a recurrence.
    """
    item, original = instance.item, instance.original
    assert original is not None  # noqa: S101 - Only occurrences and exceptions come here.
    if given.get("recurrence") is not None:
        raise invalid_property("An occurrence cannot have a recurrence of its own.")
    if given.get("isAllDay") not in {None, item.all_day}:
        raise invalid_property("An occurrence lasts all day exactly as its series does.")
    times = _read_new_times(instance.start, instance.end, given, item)
    before = instance.fields
    after = apply_fields(before, given, calendar, stamp)
    own = dict(instance.override.fields) if instance.override else {}
    own |= {name: after[name] for name in after if after[name] != before.get(name)}
    start, end = times.start, times.end
    if isinstance(start, datetime) and isinstance(end, datetime):
        start, end = start.astimezone(item.zone), end.astimezone(item.zone)
    override = Override(original, start, end, own, stamp)
    overrides = {**item.overrides, instance.name: override}
    return replace(item, stamp=stamp, overrides=overrides)


def delete_instance(instance: Instance, stamp: Stamp) -> Item:
    """Return the series without one of its occurrences."""
    item = instance.item
    overrides = {name: one for name, one in item.overrides.items() if name != instance.name}
    deleted = item.deleted | {instance.name}
    return replace(item, stamp=stamp, overrides=overrides, deleted=deleted)


def _read_new_times(start: Moment, end: Moment, given: Json, item: Item) -> Times:
    """Return the times after a request that may give only one end, or none."""
    names = (item.fields["originalStartTimeZone"], item.fields["originalEndTimeZone"])
    if not {"start", "end", "isAllDay"} & given.keys():
        return Times(start, end, *names)
    # The two ends of an all-day event must be in one zone, so the one that stays follows.
    named = next((given[one]["timeZone"] for one in ("start", "end") if given.get(one)), None)
    name = str(named or "UTC") if item.all_day else name_zone(item.zone)
    shown = ShownZone(name, item.zone)
    current = {"start": write_moment(start, shown), "end": write_moment(end, shown)}
    asked = {name: given.get(name) or current[name] for name in ("start", "end")}
    return read_times({**asked, "isAllDay": given.get("isAllDay", item.all_day)})
