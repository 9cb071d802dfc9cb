"""Conflicts: pairs of meetings of one user that get in each other's way."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.meetings import Meeting, meeting_order
from calendar_manager.domain.timespan import Span


class ConflictType(StrEnum):
    """In which way two meetings get in each other's way."""

    OVERLAP = "overlap"
    BACK_TO_BACK = "back_to_back"
    TRAVEL = "travel"


class ConflictSeverity(StrEnum):
    """How much a conflict hurts."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictSettings:
    """How sensitive a user wants the search to be.

    Attributes:
        types: Which types are looked for.
        minimum_overlap_minutes: Shorter overlaps are none; 0 counts every overlap.
        buffer_minutes: A gap shorter than this is back-to-back; 0 finds none.
        travel_minutes: The time between two different places; 0 finds none.
        all_day_conflicts: Whether all-day meetings take part.
    """

    types: frozenset[ConflictType] = frozenset(ConflictType)
    minimum_overlap_minutes: int = 0
    buffer_minutes: int = 0
    travel_minutes: int = 0
    all_day_conflicts: bool = False

    @property
    def buffer(self) -> timedelta:
        """The gap that back-to-back meetings lack; zero when the type is not looked for."""
        return self._minutes(ConflictType.BACK_TO_BACK, self.buffer_minutes)

    @property
    def travel(self) -> timedelta:
        """The time from one place to another; zero when the type is not looked for."""
        return self._minutes(ConflictType.TRAVEL, self.travel_minutes)

    @property
    def reach(self) -> timedelta:
        """How far apart two meetings can be and still conflict.

        Whoever looks for the conflicts of a changed meeting loads its neighbours this far
        before and after it.
        """
        return max(self.buffer, self.travel)

    def _minutes(self, wanted: ConflictType, minutes: int) -> timedelta:
        return timedelta(minutes=minutes if wanted in self.types else 0)


@dataclass(frozen=True, slots=True)
class FoundConflict:
    """Two meetings that get in each other's way now.

    Attributes:
        type: The worst way in which they do.
        severity: How much it hurts.
        first: The meeting that starts earlier.
        second: The other one.
        span: The overlap; without one, the time after the first meeting that should have stayed
            free and did not. It is never empty.
    """

    type: ConflictType
    severity: ConflictSeverity
    first: Meeting
    second: Meeting
    span: Span


def find_conflicts(meetings: Iterable[Meeting], settings: ConflictSettings) -> list[FoundConflict]:
    """Find the conflicts among the meetings of one user.

    A free meeting and one of zero length never conflict, nor does a series with itself. What
    blocks by the user's and the calendars' settings is the caller's to choose, see
    :func:`calendar_manager.domain.busy.blocks`.

    Args:
        meetings: In any order, each once.
        settings: The user's sensitivity.

    Returns:
        At most one conflict for each pair, of its worst type (overlap, then travel, then
        back-to-back), ordered by the second meeting's start. The work grows with the number of
        meetings and of pairs close to each other, never with all pairs.
    """
    found = (_judge(first, second, settings) for first, second in _close_pairs(meetings, settings))
    return [conflict for conflict in found if conflict is not None]


def _close_pairs(
    meetings: Iterable[Meeting], settings: ConflictSettings
) -> Iterator[tuple[Meeting, Meeting]]:
    """Sweep over the meetings and pair each with the earlier ones that still reach it."""
    reach = settings.reach
    taking_part = [
        meeting
        for meeting in meetings
        if meeting.busy is not Busy.FREE
        and not meeting.span.is_empty
        and (settings.all_day_conflicts or not meeting.all_day)
    ]
    reaching: list[Meeting] = []
    for second in sorted(taking_part, key=meeting_order):
        start = second.span.start
        reaching = [first for first in reaching if first.span.end + reach > start]
        for first in reaching:
            if not _are_of_one_series(first, second):
                yield first, second
        reaching.append(second)


def _are_of_one_series(first: Meeting, second: Meeting) -> bool:
    """Tell whether two meetings are occurrences of one event, on any calendar.

    The leading copies do not tell: of a series on two calendars, one occurrence may be led by the
    copy on the one and the next by the copy on the other.
    """
    if len(first.occurrences) == len(second.occurrences) == 1:
        return first.leading.event_id == second.leading.event_id
    events = {copy.event_id for copy in first.occurrences}
    return any(copy.event_id in events for copy in second.occurrences)


def _judge(first: Meeting, second: Meeting, settings: ConflictSettings) -> FoundConflict | None:
    """Return the worst conflict of two meetings, the first of which starts no later."""
    overlap = first.span.intersection(second.span)
    if overlap is not None and _counts(overlap, settings):
        firm = first.busy is Busy.BUSY and second.busy is Busy.BUSY
        severity = ConflictSeverity.HIGH if firm else ConflictSeverity.MEDIUM
        return FoundConflict(ConflictType.OVERLAP, severity, first, second, overlap)
    gap = second.span.start - first.span.end
    if settings.travel and gap < settings.travel and needs_travel(first, second):
        kind, needed = ConflictType.TRAVEL, settings.travel
    elif overlap is None and gap < settings.buffer:
        kind, needed = ConflictType.BACK_TO_BACK, settings.buffer
    else:
        return None
    missing = overlap or Span(first.span.end, first.span.end + needed)
    return FoundConflict(kind, ConflictSeverity.LOW, first, second, missing)


def _counts(overlap: Span, settings: ConflictSettings) -> bool:
    wanted = ConflictType.OVERLAP in settings.types
    return wanted and overlap.duration >= timedelta(minutes=settings.minimum_overlap_minutes)


_ADDRESS_OF_A_PAGE = re.compile(r"[a-z][a-z0-9+.-]*://|www\.|tel:|sip:", re.IGNORECASE)


def needs_travel(first: Meeting, second: Meeting) -> bool:
    """Tell whether going from one meeting to the other is a way through the world.

    Both must be held at a place, and the places must differ by more than case and spacing. An
    online meeting, or one whose location is an address on the web, is reached from anywhere.
    """
    origin, destination = _place(first), _place(second)
    return origin is not None and destination is not None and origin != destination


def _place(meeting: Meeting) -> str | None:
    """Return the normalized physical place of a meeting, None when it has none."""
    if meeting.meeting_url or not meeting.location:
        return None
    if _ADDRESS_OF_A_PAGE.search(meeting.location):
        return None
    return " ".join(meeting.location.casefold().split()) or None
