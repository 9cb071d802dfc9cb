"""What one page of a round says, told apart into single events and touches of series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from calendar_manager.domain.changes import Deleted, FindSeries, Rejected, RemoteChange
from calendar_manager.providers.microsoft.fields import read_mapping, read_text
from calendar_manager.providers.microsoft.normalize import (
    ID_LIMIT,
    normalize_event,
    read_event_id,
)
from calendar_manager.providers.microsoft.series import is_master

_MEMBER_TYPES = frozenset({"occurrence", "exception"})


@dataclass(slots=True)
class Found:
    """What one page of a round says.

    Attributes:
        changes: Of events that are no part of a series, in Graph's order.
        series: The ids of the series that have to be read anew.
    """

    changes: list[RemoteChange] = field(default_factory=list)
    series: list[str] = field(default_factory=list)


def sort_out(
    items: Sequence[object], find_series: FindSeries, account: str | None, *, full: bool
) -> Found:
    """Tell single events from what touches a series.

    Graph says ``@removed`` of instances as of single events, and also of what merely left the
    window; we know from earlier reads which series it speaks of. An event that was a series and
    recurs no more is known in the same way; a full read leaves that to the sweep at its end.
    """
    found = Found()
    entries = [read_mapping(item) for item in items]
    unclear = [
        event_id
        for event_id, entry in zip(map(read_event_id, entries), entries, strict=True)
        if event_id is not None and ("@removed" in entry or not (full or _is_of_series(entry)))
    ]
    known = find_series(unclear) if unclear else {}
    for item, entry in zip(items, entries, strict=True):
        _sort_one(item, entry, known, account, found)
    return found


def _sort_one(
    item: object,
    entry: Mapping[str, object],
    known: Mapping[str, str],
    account: str | None,
    found: Found,
) -> None:
    event_id = read_event_id(entry)
    if event_id is None:
        found.changes.append(normalize_event(item, account=account))
    elif "@removed" in entry:
        if event_id in known:
            found.series.append(known[event_id])
        else:
            found.changes.append(Deleted(event_id))
    elif is_master(entry):
        found.series.append(event_id)
    elif _is_of_series(entry):
        series_id = read_text(entry.get("seriesMasterId"), limit=ID_LIMIT)
        if series_id is None:
            found.changes.append(Rejected(event_id, "it does not say to which series it belongs"))
        else:
            found.series.append(series_id)
    else:
        if event_id in known:
            found.series.append(known[event_id])
        if known.get(event_id) != event_id:
            found.changes.append(normalize_event(item, account=account))


def _is_of_series(entry: Mapping[str, object]) -> bool:
    return (
        is_master(entry)
        or read_text(entry.get("type"), limit=ID_LIMIT) in _MEMBER_TYPES
        or bool(read_text(entry.get("seriesMasterId"), limit=ID_LIMIT))
    )
