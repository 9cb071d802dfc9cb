"""What is wrong between two meetings, which one had better move and why, in words."""

from datetime import timedelta
from typing import Final

from calendar_manager.domain.conflicts import ConflictSeverity, ConflictType
from calendar_manager.domain.meetings import Meeting
from calendar_manager.domain.move_advice import MoveAdvice, MoveReason
from calendar_manager.store.conflict_rows import ConflictAction, ConflictRecord
from calendar_manager.web.week_meetings import UNTITLED

TYPES: Final = {
    ConflictType.OVERLAP: "Overlap",
    ConflictType.BACK_TO_BACK: "No break",
    ConflictType.TRAVEL: "No time to travel",
}
SEVERITIES: Final = {
    ConflictSeverity.HIGH: "High",
    ConflictSeverity.MEDIUM: "Medium",
    ConflictSeverity.LOW: "Low",
}
ACTIONS: Final = {
    ConflictAction.OPENED: "Found",
    ConflictAction.CHANGED: "Changed",
    ConflictAction.RESOLVED: "Resolved by you",
    ConflictAction.IGNORED: "Ignored by you",
    ConflictAction.REOPENED: "Opened again",
    ConflictAction.CLOSED: "Closed by itself",
}

_ONE_MINUTE: Final = timedelta(minutes=1)
_MINUTES_PER_HOUR: Final = 60


def title_of(meeting: Meeting) -> str:
    """Return a meeting's title, never empty."""
    return meeting.title or UNTITLED


def show_duration(time: timedelta) -> str:
    """Return a length of time such as ``1 hour 15 minutes``; seconds are left out."""
    hours, minutes = divmod(time // _ONE_MINUTE, _MINUTES_PER_HOUR)
    parts = [
        f"{number} {noun}" if number == 1 else f"{number} {noun}s"
        for number, noun in ((hours, "hour"), (minutes, "minute"))
        if number
    ]
    return " ".join(parts) or "less than a minute"


def explain_clash(record: ConflictRecord) -> str:
    """Return why two meetings are in each other's way, as sentences."""
    first, second = record.first, record.second
    gap = second.span.start - first.span.end
    overlap = first.span.intersection(second.span)
    match record.type:
        case ConflictType.OVERLAP:
            return f"They overlap by {show_duration(record.span.duration)}."
        case ConflictType.TRAVEL if overlap is not None:
            return (
                f"They overlap by {show_duration(overlap.duration)}, and are at different places."
            )
        case ConflictType.TRAVEL if not gap:
            return "One begins at another place in the moment the other ends."
        case ConflictType.TRAVEL:
            return (
                f"Only {show_duration(gap)} to get from one place to the other;"
                f" you want {show_duration(record.span.duration)}."
            )
        case ConflictType.BACK_TO_BACK if not gap:
            return f"No break between them; you want {show_duration(record.span.duration)}."
        case ConflictType.BACK_TO_BACK:
            return (
                f"Only {show_duration(gap)} between them;"
                f" you want {show_duration(record.span.duration)}."
            )


def explain_severity(record: ConflictRecord) -> str:
    """Return why a conflict hurts as much as it does."""
    match record.severity:
        case ConflictSeverity.HIGH:
            return "Both are settled, and you cannot be in two meetings at once."
        case ConflictSeverity.MEDIUM:
            return "At least one of them is not settled yet."
        case ConflictSeverity.LOW:
            return "You can be in both, in a hurry."


def explain_advice(record: ConflictRecord, advice: MoveAdvice) -> str:
    """Return why one meeting is cheaper to move than the other."""
    moved = advice.meeting
    other = record.first if moved is record.second else record.second
    words = {
        MoveReason.FEWER_ATTENDEES: (
            f"fewer people are invited ({moved.attendee_count} against {other.attendee_count})"
            if moved.attendee_count
            else "nobody else is invited"
        ),
        MoveReason.TENTATIVE: "it is not settled yet",
        MoveReason.OWN_ORGANIZER: "you called it yourself",
        MoveReason.NOT_RECURRING: "it does not recur",
    }
    reasons = [words[reason] for reason in advice.reasons]
    if reasons:
        *before, last = reasons
        return f"{', '.join(before)} and {last}" if before else last
    if moved.span.duration != other.span.duration:
        return "it is the shorter one, and nothing else tells the two apart"
    return "it is the later one, and nothing else tells the two apart"
