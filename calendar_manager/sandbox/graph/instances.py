"""Where an item stands on the calendar."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from calendar_manager.sandbox.graph.items import Instance, Item, Override
from calendar_manager.sandbox.graph.times import (
    Moment,
    Window,
    instant_of,
    name_original,
    place,
    to_wall,
)

_MARGIN = timedelta(days=2)


def instances_in(item: Item, window: Window) -> list[Instance]:
    """Return the item's instances that lie in the window at least in part, by start."""
    if item.gone:
        return []
    found = [one for one in _candidates(item, window) if _lies_in(one, window)]
    return sorted(found, key=lambda one: instant_of(one.start, item.zone))


def _candidates(item: Item, window: Window) -> Iterator[Instance]:
    if item.recurrence is None:
        yield Instance(item, item.start, item.end)
        return
    # Zones lie within a day of UTC, so these bounds lose nothing on either side.
    late = window.end_at + _MARGIN
    early = window.start_at - _MARGIN - (to_wall(item.end) - to_wall(item.start))
    before, after = (late.date(), early.date()) if item.all_day else (late, early)
    for original in item.series().starts(before, after):
        name = name_original(original)
        if name not in item.deleted and name not in item.overrides:
            yield occurrence(item, original)
    for override in item.overrides.values():
        yield _exception(item, override)


def _lies_in(instance: Instance, window: Window) -> bool:
    zone = instance.item.zone
    return window.touches(instant_of(instance.start, zone), instant_of(instance.end, zone))


def occurrence(item: Item, original: Moment) -> Instance:
    """Return the occurrence that stands at its original start."""
    length = to_wall(item.end) - to_wall(item.start)
    if not isinstance(original, datetime):
        return Instance(item, original, original + length, original)
    # Outlook keeps start and end of a series as times of day, so lengths are wall-clock lengths.
    return Instance(item, original, place(to_wall(original) + length, item.zone), original)


def _exception(item: Item, override: Override) -> Instance:
    return Instance(item, override.start, override.end, override.original, override)


def find_instance(item: Item, name: str) -> Instance | None:
    """Return the live occurrence or exception of a series by its ``name_original``."""
    if item.gone or item.recurrence is None or name in item.deleted:
        return None
    if name in item.overrides:
        return _exception(item, item.overrides[name])
    original = read_original(item, name)
    if original is None or not item.series().contains(original):
        return None
    return occurrence(item, original)


def read_original(item: Item, name: str) -> Moment | None:
    """Return the moment behind a ``name_original`` of the item, or None when it is none."""
    try:
        if item.all_day:
            return date.fromisoformat(name)
        at = datetime.strptime(name, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return at.astimezone(item.zone)
