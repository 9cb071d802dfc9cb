"""Conflicts, and how to mend them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from calendar_manager.accounts.fields import check_lines
from calendar_manager.api.schemas.availability import SpanOut
from calendar_manager.api.schemas.inputs import Input
from calendar_manager.domain.busy import Busy
from calendar_manager.domain.conflict_reconciliation import ConflictStatus, ResolutionOrigin
from calendar_manager.domain.conflicts import ConflictSeverity, ConflictType
from calendar_manager.domain.events import Response
from calendar_manager.domain.meetings import Meeting
from calendar_manager.domain.move_advice import MoveReason
from calendar_manager.domain.timespan import Span
from calendar_manager.scheduling.conflicts import ConflictView
from calendar_manager.store.conflict_rows import Actor, ConflictAction, HistoryEntry

CONFLICT_EXAMPLE: JsonDict = {
    "id": "0192f0c2-1f00-7b21-9d10-6a1b2c3d4e5f",
    "type": "overlap",
    "severity": "high",
    "status": "open",
    "start": "2026-11-20T10:30:00+01:00",
    "end": "2026-11-20T11:00:00+01:00",
    "meetings": [
        {
            "title": "Sprint review",
            "start": "2026-11-20T10:00:00+01:00",
            "end": "2026-11-20T11:00:00+01:00",
            "all_day": False,
            "firmness": "busy",
            "location": None,
            "meeting_url": "https://meet.example.com/abc-defg-hij",
            "organizer_is_me": False,
            "attendee_count": 6,
            "recurring": True,
            "occurrences": [
                {
                    "occurrence_id": "0192f0c1-9d10-7c11-8f2e-5b3c1c7f1a02",
                    "event_id": "0192f0c1-9d10-7c11-8f2e-5b3c1c7f1a01",
                    "calendar_id": "0192f0c1-8b20-7e31-9c44-0d6f0d1b2a22",
                    "title": "Sprint review",
                    "my_response": "accepted",
                }
            ],
        },
        {
            "title": "Call with the bank",
            "start": "2026-11-20T10:30:00+01:00",
            "end": "2026-11-20T11:30:00+01:00",
            "all_day": False,
            "firmness": "busy",
            "location": None,
            "meeting_url": None,
            "organizer_is_me": True,
            "attendee_count": 0,
            "recurring": False,
            "occurrences": [
                {
                    "occurrence_id": "0192f0c1-9d10-7c11-8f2e-5b3c1c7f1a04",
                    "event_id": "0192f0c1-9d10-7c11-8f2e-5b3c1c7f1a03",
                    "calendar_id": "0192f0c1-8b20-7e31-9c44-0d6f0d1b2a23",
                    "title": "Call with the bank",
                    "my_response": None,
                }
            ],
        },
    ],
    "move": {
        "meeting": 1,
        "title": "Call with the bank",
        "reasons": ["fewer_attendees", "own_organizer", "not_recurring"],
        "why": "Fewer people are invited. You called it yourself. It does not recur.",
        "alternatives": [
            {"start": "2026-11-20T11:00:00+01:00", "end": "2026-11-20T12:00:00+01:00"}
        ],
    },
    "history": [
        {
            "at": "2026-11-18T09:00:07+01:00",
            "action": "opened",
            "actor": "system",
            "note": None,
        }
    ],
    "note": None,
    "closed_by": None,
    "created_at": "2026-11-18T09:00:07+01:00",
    "closed_at": None,
}

_WHY = {
    MoveReason.FEWER_ATTENDEES: "Fewer people are invited.",
    MoveReason.TENTATIVE: "It is not settled yet.",
    MoveReason.OWN_ORGANIZER: "You called it yourself.",
    MoveReason.NOT_RECURRING: "It does not recur.",
}
_NO_DIFFERENCE = "Nothing tells the two apart, so it is the shorter or later one."


class MeetingCopyOut(BaseModel):
    """The occurrence of a meeting on one calendar."""

    occurrence_id: UUID
    event_id: UUID
    calendar_id: UUID
    title: str
    my_response: Response | None


class MeetingOut(BaseModel):
    """One of the two meetings, with its copies on all calendars."""

    title: str
    start: datetime
    end: datetime
    all_day: bool
    firmness: Busy = Field(description="`busy` when settled, `tentative` when not.")
    location: str | None
    meeting_url: str | None
    organizer_is_me: bool
    attendee_count: int
    recurring: bool
    occurrences: list[MeetingCopyOut]

    @classmethod
    def of(cls, meeting: Meeting, zone: ZoneInfo) -> "MeetingOut":
        """Show a meeting with its times in a zone."""
        return cls(
            title=meeting.title,
            start=meeting.span.start.astimezone(zone),
            end=meeting.span.end.astimezone(zone),
            all_day=meeting.all_day,
            firmness=meeting.busy,
            location=meeting.location,
            meeting_url=meeting.meeting_url,
            organizer_is_me=meeting.organizer_is_me,
            attendee_count=meeting.attendee_count,
            recurring=meeting.recurring,
            occurrences=[
                MeetingCopyOut(
                    occurrence_id=copy.occurrence_id,
                    event_id=copy.event_id,
                    calendar_id=copy.calendar_id,
                    title=copy.title,
                    my_response=copy.my_response,
                )
                for copy in meeting.occurrences
            ],
        )


class MoveOut(BaseModel):
    """Which meeting is cheaper to move, why, and where to."""

    meeting: int = Field(description="Its place in `meetings`: 0 or 1.")
    title: str
    reasons: list[MoveReason] = Field(description="The weightiest first.")
    why: str = Field(description="The reasons in words.")
    alternatives: list[SpanOut] = Field(
        description="Up to three free places under your rules, the nearest first."
    )

    @classmethod
    def of(cls, view: ConflictView, zone: ZoneInfo) -> "MoveOut | None":
        """Show the advice of a conflict, None when there is nothing to move any more."""
        if view.advice is None:
            return None
        moved = view.advice.meeting
        reasons = view.advice.reasons
        return cls(
            meeting=int(moved is view.record.second),
            title=moved.title,
            reasons=list(reasons),
            why=" ".join(_WHY[reason] for reason in reasons) or _NO_DIFFERENCE,
            alternatives=_show_spans(view.alternatives, zone),
        )


class HistoryOut(BaseModel):
    """One thing that happened to a conflict."""

    at: datetime
    action: ConflictAction
    actor: Actor
    note: str | None

    @classmethod
    def of(cls, entry: HistoryEntry, zone: ZoneInfo) -> "HistoryOut":
        """Show what happened."""
        return cls(
            at=entry.happened_at.astimezone(zone),
            action=entry.action,
            actor=entry.actor,
            note=entry.note,
        )


class ConflictOut(BaseModel):
    """Two meetings that get in each other's way."""

    model_config = ConfigDict(json_schema_extra={"example": CONFLICT_EXAMPLE})

    id: UUID
    type: ConflictType
    severity: ConflictSeverity
    status: ConflictStatus
    start: datetime = Field(description="Of the overlap, or of the time that is too short.")
    end: datetime
    meetings: Annotated[list[MeetingOut], Field(min_length=2, max_length=2)]
    move: MoveOut | None = Field(description="Null when the conflict is ended or past.")
    history: list[HistoryOut] = Field(description="The oldest first.")
    note: str | None = Field(description="What you said when you ended it.")
    closed_by: ResolutionOrigin | None = Field(
        description="`person`, or `auto` when it was gone by itself."
    )
    created_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, view: ConflictView, zone: ZoneInfo) -> "ConflictOut":
        """Show a conflict with its times in a zone."""
        record = view.record
        return cls(
            id=record.id,
            type=record.type,
            severity=record.severity,
            status=record.status,
            start=record.span.start.astimezone(zone),
            end=record.span.end.astimezone(zone),
            meetings=[MeetingOut.of(one, zone) for one in (record.first, record.second)],
            move=MoveOut.of(view, zone),
            history=[HistoryOut.of(entry, zone) for entry in view.history],
            note=record.note,
            closed_by=record.closed_by,
            created_at=record.created_at.astimezone(zone),
            closed_at=record.closed_at and record.closed_at.astimezone(zone),
        )


class ResolveIn(Input):
    """How you end a conflict."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"resolution": "resolved", "note": "Jo takes the call."}}
    )

    resolution: Literal["resolved", "ignored"]
    note: Annotated[str, Field(max_length=2000), AfterValidator(check_lines)] | None = None


def _show_spans(spans: Iterable[Span], zone: ZoneInfo) -> list[SpanOut]:
    return [
        SpanOut(start=span.start.astimezone(zone), end=span.end.astimezone(zone)) for span in spans
    ]
