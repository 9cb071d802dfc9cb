"""What a round of a calendar view's delta carries.

The window is frozen in the link. A single event or an exception comes whole, an occurrence bare,
and a series that has anything in the window comes with its master. What left the window, and what
was changed outside it, comes as ``@removed``; an occurrence that was deleted may come not at all,
so that only its master tells that something happened.

Source: https://learn.microsoft.com/en-us/graph/delta-query-events and the issue threads named in
the project's provider facts.
"""

import random
from collections.abc import Iterator
from datetime import datetime

from calendar_manager.sandbox.graph.calendar import Calendar
from calendar_manager.sandbox.graph.instances import instances_in
from calendar_manager.sandbox.graph.items import Instance, Item
from calendar_manager.sandbox.graph.rounds import DeltaState, Round, Row
from calendar_manager.sandbox.graph.settings import GraphSettings
from calendar_manager.sandbox.graph.times import Window


def open_baseline(
    calendar: Calendar, window: Window, settings: GraphSettings, now_at: datetime
) -> Round:
    """Return the first round over a window: everything that lies in it."""
    rows = [row for item in calendar.items.values() for row in _rows_of(item, window)]
    following = DeltaState(calendar.id, window, calendar.change, calendar.epoch, now_at)
    return Round(_disturb(rows, settings, calendar, -1), following)


def open_increment(
    calendar: Calendar, since: DeltaState, settings: GraphSettings, now_at: datetime
) -> Round:
    """Return the round that follows a delta link: what changed since."""
    rows: list[Row] = []
    for item in calendar.changed_since(since.change):
        before = calendar.version_at(item.key, since.change)
        rows += _changes(before, item, since.window, settings)
    rows += _replays(calendar, since, settings)
    following = DeltaState(calendar.id, since.window, calendar.change, calendar.epoch, now_at)
    return Round(_disturb(rows, settings, calendar, since.change), following)


def _rows_of(item: Item, window: Window) -> Iterator[Row]:
    instances = instances_in(item, window)
    if instances and item.recurrence is not None:
        yield Row("master", item)
    for instance in instances:
        yield _row(instance)


def _row(instance: Instance) -> Row:
    return Row("bare" if instance.kind == "occurrence" else "whole", instance.item, instance)


def _changes(
    before: Item | None, item: Item, window: Window, settings: GraphSettings
) -> Iterator[Row]:
    """Yield what a round tells of one changed item."""
    old = {one.name: one for one in instances_in(before, window)} if before else {}
    new = {one.name: one for one in instances_in(item, window)}
    if not new:
        yield from _departures(before, item, old, settings)
        return
    if item.recurrence is not None:
        yield Row("master", item)
    everything = before is None or item.recurrence is None or _looks(before) != _looks(item)
    for name, instance in new.items():
        if everything or name not in old or _differ(old[name], instance):
            yield _row(instance)
    yield from _losses(before, item, old, new, settings)


def _looks(item: Item) -> tuple[object, ...]:
    """Return what a change of which delivers every occurrence of a series again."""
    pattern = item.recurrence["pattern"] if item.recurrence else None
    return (item.start, item.end, pattern, item.fields)


def _differ(old: Instance, new: Instance) -> bool:
    return old.kind != new.kind or (new.override is not None and old.override != new.override)


def _departures(
    before: Item | None, item: Item, old: dict[str, Instance], settings: GraphSettings
) -> Iterator[Row]:
    """Yield the tombstones of an item that has nothing in the window, any more or at all."""
    series = item.recurrence is not None or (before is not None and before.recurrence is not None)
    if old:
        yield Row("removed", item)
        if series:
            yield from (Row("removed", item, name=name) for name in old if name)
    elif settings.foreign_tombstones and not (before is None and item.gone):
        yield Row("removed", item)


def _losses(
    before: Item | None,
    item: Item,
    old: dict[str, Instance],
    new: dict[str, Instance],
    settings: GraphSettings,
) -> Iterator[Row]:
    """Yield the tombstones of a series that still has something in the window."""
    for name in sorted(old.keys() - new.keys()):
        left = name in item.overrides or item.recurrence is None
        # A single event that became a series had the id that is now its master's.
        if name and (left or settings.occurrence_tombstones):
            yield Row("removed", item, name=name)
    if not settings.foreign_tombstones:
        return
    known = before.overrides if before else {}
    for name, override in item.overrides.items():
        if name not in old and name not in new and known.get(name) != override:
            yield Row("removed", item, name=name)


def _replays(calendar: Calendar, since: DeltaState, settings: GraphSettings) -> Iterator[Row]:
    """Yield unchanged events again, which Graph may do at any time."""
    if not settings.replay_probability:
        return
    draw = _draw(settings, calendar, since.change)
    for item in calendar.items.values():
        if item.change <= since.change and draw.random() < settings.replay_probability:
            yield from _rows_of(item, since.window)


def _disturb(rows: list[Row], settings: GraphSettings, calendar: Calendar, since: int) -> list[Row]:
    """Return the rows in no order that means anything, some of them twice."""
    draw = _draw(settings, calendar, since)
    twice = [row for row in rows if draw.random() < settings.duplicate_probability]
    disturbed = rows + twice
    draw.shuffle(disturbed)
    return disturbed


def _draw(settings: GraphSettings, calendar: Calendar, since: int) -> random.Random:
    seed = f"{settings.order_seed} {calendar.change} {since}"
    return random.Random(seed)  # noqa: S311 - Repeatable by design, not secret.
