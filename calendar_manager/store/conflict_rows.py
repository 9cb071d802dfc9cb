"""Between a conflict and its row, which keeps both meetings as they last were."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.conflict_reconciliation import (
    ConflictStatus,
    ResolutionOrigin,
    StoredConflict,
)
from calendar_manager.domain.conflicts import ConflictSeverity, ConflictType, FoundConflict
from calendar_manager.domain.events import Response
from calendar_manager.domain.meetings import BusyOccurrence, Meeting
from calendar_manager.domain.timespan import Span
from calendar_manager.store.spans import range_of
from calendar_manager.store.tables import ConflictHistoryRow, ConflictRow


class ConflictAction(StrEnum):
    """What can happen to a conflict."""

    OPENED = "opened"
    CHANGED = "changed"
    RESOLVED = "resolved"
    IGNORED = "ignored"
    REOPENED = "reopened"
    CLOSED = "closed"


class Actor(StrEnum):
    """Who did something to a conflict."""

    USER = "user"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictRecord:
    """A conflict with both meetings as they last were.

    Attributes:
        id: Ours.
        type: In which way the meetings get in each other's way.
        severity: How much it hurts.
        status: Whether it wants attention.
        closed_by: Who ended it; None while it is open.
        note: What the person who ended it said.
        span: The overlap, or the time that should have stayed free.
        first: The meeting that starts earlier.
        second: The other one.
        created_at: When it was first found.
        closed_at: When it was ended.
    """

    id: UUID
    type: ConflictType
    severity: ConflictSeverity
    status: ConflictStatus
    closed_by: ResolutionOrigin | None
    note: str | None
    span: Span
    first: Meeting
    second: Meeting
    created_at: datetime
    closed_at: datetime | None

    @property
    def stored(self) -> StoredConflict:
        """What the reconciliation has to know."""
        return StoredConflict(
            id=self.id,
            type=self.type,
            severity=self.severity,
            status=self.status,
            resolved_by=self.closed_by,
            first_ids=self.first.occurrence_ids,
            second_ids=self.second.occurrence_ids,
            first_span=self.first.span,
            second_span=self.second.span,
            first_uid=self.first.ical_uid,
            second_uid=self.second.ical_uid,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One thing that happened to a conflict.

    Attributes:
        happened_at: When.
        action: What.
        actor: Who did it.
        note: Why, in words for a person.
    """

    happened_at: datetime
    action: ConflictAction
    actor: Actor
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictFilter:
    """Which conflicts are wanted; an empty choice wants all.

    Attributes:
        statuses: In which state.
        types: Of which type.
        severities: How much they hurt.
        span: Only those that overlap this.
        ended_by: Only those that are over at this instant.
        latest_first: Whether the latest ones come first instead of the earliest.
    """

    statuses: Collection[ConflictStatus] = ()
    types: Collection[ConflictType] = ()
    severities: Collection[ConflictSeverity] = ()
    span: Span | None = None
    ended_by: datetime | None = None
    latest_first: bool = False


def conflict_values(conflict: FoundConflict) -> dict[str, Any]:
    """Return the columns that tell what a conflict looks like now."""
    first, second = conflict.first, conflict.second
    return {
        "type": conflict.type,
        "severity": conflict.severity,
        "start_at": conflict.span.start,
        "end_at": conflict.span.end,
        "first_occurrence_ids": sorted(first.occurrence_ids),
        "second_occurrence_ids": sorted(second.occurrence_ids),
        "first_start_at": first.span.start,
        "first_end_at": first.span.end,
        "second_start_at": second.span.start,
        "second_end_at": second.span.end,
        "hull": range_of(first.span.hull(second.span)),
        "first": _meeting_to_document(first),
        "second": _meeting_to_document(second),
    }


def conflict_from_row(row: ConflictRow) -> ConflictRecord:
    """Return the domain's view of a row."""
    return ConflictRecord(
        id=row.id,
        type=ConflictType(row.type),
        severity=ConflictSeverity(row.severity),
        status=ConflictStatus(row.status),
        closed_by=None if row.closed_by is None else ResolutionOrigin(row.closed_by),
        note=row.note,
        span=Span(row.start_at, row.end_at),
        first=_meeting_from_document(row.first),
        second=_meeting_from_document(row.second),
        created_at=row.created_at,
        closed_at=row.closed_at,
    )


def history_from_row(row: ConflictHistoryRow) -> HistoryEntry:
    """Return the domain's view of a row."""
    return HistoryEntry(
        happened_at=row.happened_at,
        action=ConflictAction(row.action),
        actor=Actor(row.actor),
        note=row.note,
    )


def _meeting_to_document(meeting: Meeting) -> dict[str, Any]:
    return {"occurrences": [_occurrence_to_document(copy) for copy in meeting.occurrences]}


def _meeting_from_document(document: Mapping[str, Any]) -> Meeting:
    return Meeting(tuple(_occurrence_from_document(copy) for copy in document["occurrences"]))


_SPECIAL = {"occurrence_id", "event_id", "calendar_id", "span"}
_SAME_NAME = tuple(one.name for one in fields(BusyOccurrence) if one.name not in _SPECIAL)


def _occurrence_to_document(occurrence: BusyOccurrence) -> dict[str, Any]:
    # asdict would copy each value as well, which takes several times as long.
    document = {name: getattr(occurrence, name) for name in _SAME_NAME}
    return document | {
        "occurrence_id": str(occurrence.occurrence_id),
        "event_id": str(occurrence.event_id),
        "calendar_id": str(occurrence.calendar_id),
        "start": occurrence.span.start.isoformat(),
        "end": occurrence.span.end.isoformat(),
    }


def _occurrence_from_document(document: Mapping[str, Any]) -> BusyOccurrence:
    fields = dict(document)
    start, end = fields.pop("start"), fields.pop("end")
    response = fields["my_response"]
    return BusyOccurrence(
        **fields
        | {
            "occurrence_id": UUID(fields["occurrence_id"]),
            "event_id": UUID(fields["event_id"]),
            "calendar_id": UUID(fields["calendar_id"]),
            "span": Span(datetime.fromisoformat(start), datetime.fromisoformat(end)),
            "busy": Busy(fields["busy"]),
            "my_response": None if response is None else Response(response),
        }
    )
