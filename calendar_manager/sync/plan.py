"""What one page of changes means for our copy: a pure value that tests can read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from calendar_manager.domain.changes import (
    Deleted,
    GroupRead,
    Rejected,
    RemoteChange,
    SeriesRead,
    Upserted,
)
from calendar_manager.domain.events import Event, EventKind, EventStatus
from calendar_manager.domain.sync_jobs import SyncCounts
from calendar_manager.store.repositories.events import KnownEvent


@dataclass(frozen=True, slots=True)
class PagePlan:
    """What to write.

    Attributes:
        save: Events to insert or overwrite.
        delete: Provider ids of events to delete, masters with all their overrides.
        lost: How many of these are no part of a series.
        series: Provider ids of masters to lay out anew because an override of theirs came,
            changed or went.
        seen: Provider ids that a full read has seen; unreadable ones count, because an event
            that we cannot read is not an event that is gone.
        instances: By the provider id of a master, the ids of all its instances.
        counts: What the page does.
        rejections: The unreadable events with their reasons.
    """

    save: tuple[Event, ...]
    delete: tuple[str, ...]
    lost: int
    series: frozenset[str]
    seen: tuple[str, ...]
    instances: dict[str, frozenset[str]]
    counts: SyncCounts
    rejections: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True)
class Mentioned:
    """The events that a page speaks of, by which the plan has to know what we have.

    Attributes:
        ids: Provider ids.
        series: Provider ids of masters of which all overrides matter.
        prefixes: Beginnings of provider ids of which all events matter.
    """

    ids: frozenset[str]
    series: frozenset[str]
    prefixes: frozenset[str]


def find_mentioned(changes: Sequence[RemoteChange]) -> Mentioned:
    """Return the events that a page speaks of."""
    return Mentioned(
        ids=frozenset(filter(None, map(_provider_event_id, _flatten(changes)))),
        series=frozenset(
            change.master.provider_event_id for change in changes if isinstance(change, SeriesRead)
        ),
        prefixes=frozenset(change.prefix for change in changes if isinstance(change, GroupRead)),
    )


def plan_page(changes: Sequence[RemoteChange], known: Mapping[str, KnownEvent]) -> PagePlan:
    """Work out what a page does to our copy.

    The last word on an event counts, for a page may repeat one. An event whose fingerprint we
    already have is left alone. A deletion of something that we never had, or of something
    deleted already, is nothing.

    Args:
        changes: One page, in the provider's order.
        known: What we have of the events that :func:`find_mentioned` names.
    """
    flat = _flatten(changes)
    rejections = tuple(change for change in flat if isinstance(change, Rejected))
    last = _last_words(flat)
    gone = {key for key, change in last.items() if isinstance(change, Deleted)}
    gone |= _missing(changes, known, rejections) - last.keys()
    upserts = [
        change.event
        for change in last.values()
        if isinstance(change, Upserted) and not _died_with_series(change.event, gone)
    ]
    save = [event for event in upserts if not _is_current(event, known)]
    delete = [key for key in gone if key in known and not known[key].deleted]
    created = sum(1 for event in save if _is_new(event, known))
    rejected = set(filter(None, map(_provider_event_id, rejections)))
    return PagePlan(
        save=tuple(save),
        delete=tuple(sorted(delete)),
        lost=sum(1 for key in delete if known[key].series_id is None),
        series=_touched_series(save, delete, known),
        seen=tuple({event.provider_event_id for event in upserts} | rejected),
        instances={
            change.master.provider_event_id: change.instance_ids
            for change in changes
            if isinstance(change, SeriesRead)
        },
        counts=SyncCounts(
            created=created,
            updated=len(save) - created,
            deleted=len(delete),
            unchanged=len(upserts) - len(save),
            rejected=len(rejections),
        ),
        rejections=rejections,
    )


def _flatten(changes: Iterable[RemoteChange]) -> list[Upserted | Deleted | Rejected]:
    """Return the changes event by event."""
    flat: list[Upserted | Deleted | Rejected] = []
    for change in changes:
        match change:
            case SeriesRead():
                flat += map(Upserted, [change.master, *change.overrides])
                flat += change.rejections
            case GroupRead():
                flat += map(Upserted, change.events)
            case _:
                flat.append(change)
    return flat


def _provider_event_id(change: Upserted | Deleted | Rejected) -> str | None:
    if isinstance(change, Upserted):
        return change.event.provider_event_id
    return change.provider_event_id


def _last_words(
    changes: Iterable[Upserted | Deleted | Rejected],
) -> dict[str, Upserted | Deleted]:
    last: dict[str, Upserted | Deleted] = {}
    for change in changes:
        if isinstance(change, Upserted):
            last[change.event.provider_event_id] = change
        elif isinstance(change, Deleted):
            last[change.provider_event_id] = change
    return last


def _missing(
    changes: Iterable[RemoteChange],
    known: Mapping[str, KnownEvent],
    rejections: Iterable[Rejected],
) -> set[str]:
    """Return what we have of completely read series and groups that is not in them."""
    series = {c.master.provider_event_id for c in changes if isinstance(c, SeriesRead)}
    prefixes = tuple(change.prefix for change in changes if isinstance(change, GroupRead))
    unreadable = {change.provider_event_id for change in rejections}
    return {
        key
        for key, event in known.items()
        if event.series_id in series or (prefixes and key.startswith(prefixes))
    } - unreadable


def _died_with_series(event: Event, gone: set[str]) -> bool:
    """Tell whether a cancelled override only echoes that its whole series was deleted."""
    return event.status is EventStatus.CANCELLED and event.series_id in gone


def _is_new(event: Event, known: Mapping[str, KnownEvent]) -> bool:
    old = known.get(event.provider_event_id)
    return old is None or old.deleted


def _is_current(event: Event, known: Mapping[str, KnownEvent]) -> bool:
    old = known.get(event.provider_event_id)
    return old is not None and not old.deleted and old.fingerprint == event.fingerprint


def _touched_series(
    save: Iterable[Event], delete: Iterable[str], known: Mapping[str, KnownEvent]
) -> frozenset[str]:
    touched = {event.series_id for event in save if event.kind is EventKind.OVERRIDE}
    touched |= {known[key].series_id for key in delete}
    # An event that was an override and is none any more gives its place back to the series.
    touched |= {
        known[event.provider_event_id].series_id
        for event in save
        if event.provider_event_id in known
    }
    return frozenset(series for series in touched if series is not None)
