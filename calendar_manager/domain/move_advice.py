"""Which of two meetings is cheaper to move out of a conflict."""

from dataclasses import dataclass
from enum import StrEnum

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.meetings import Meeting, meeting_order


class MoveReason(StrEnum):
    """Why a meeting is cheaper to move than another, the weightiest first."""

    FEWER_ATTENDEES = "fewer_attendees"
    TENTATIVE = "tentative"
    OWN_ORGANIZER = "own_organizer"
    NOT_RECURRING = "not_recurring"


@dataclass(frozen=True, slots=True)
class MoveAdvice:
    """Which meeting to move, and why.

    Attributes:
        meeting: The one that is cheaper to move.
        reasons: What speaks for it against the other; empty when the two are alike.
    """

    meeting: Meeting
    reasons: tuple[MoveReason, ...]


def cheaper_to_move(first: Meeting, second: Meeting) -> MoveAdvice:
    """Choose the meeting that is cheaper to move.

    The one with more reasons for it is; between equally many, the one with the weightiest
    reason; between two that are alike, the shorter one, and else the later one.
    """
    for_first, for_second = _reasons(first, second), _reasons(second, first)
    order = list(MoveReason)
    weight_first = [len(for_first), *(reason in for_first for reason in order)]
    weight_second = [len(for_second), *(reason in for_second for reason in order)]
    if weight_first != weight_second:
        chosen = first if weight_first > weight_second else second
    elif first.span.duration != second.span.duration:
        chosen = min(first, second, key=lambda meeting: meeting.span.duration)
    else:
        chosen = max(first, second, key=meeting_order)
    return MoveAdvice(chosen, for_first if chosen is first else for_second)


def _reasons(meeting: Meeting, other: Meeting) -> tuple[MoveReason, ...]:
    speaks_for = {
        MoveReason.FEWER_ATTENDEES: meeting.attendee_count < other.attendee_count,
        MoveReason.TENTATIVE: meeting.busy is Busy.TENTATIVE and other.busy is Busy.BUSY,
        MoveReason.OWN_ORGANIZER: meeting.organizer_is_me and not other.organizer_is_me,
        MoveReason.NOT_RECURRING: other.recurring and not meeting.recurring,
    }
    return tuple(reason for reason, holds in speaks_for.items() if holds)
