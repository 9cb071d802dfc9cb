"""Meetings: occurrences on several calendars of one user that are the same appointment."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.events import Response
from calendar_manager.domain.timespan import Span

_FIRMNESS = {Busy.FREE: 0, Busy.TENTATIVE: 1, Busy.BUSY: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyOccurrence:
    """An occurrence with all that grouping, conflicts and advice ask about it.

    Attributes:
        occurrence_id: Ours.
        event_id: The event that it belongs to.
        calendar_id: The calendar that it stands on.
        span: Its instants; an all-day one has the user's days.
        busy: How firmly it takes its time.
        all_day: Whether its event has dates instead of instants.
        ical_uid: The iCalendar UID; None or empty makes it a meeting of its own.
        title: May be empty.
        location: Where, as the provider has it.
        meeting_url: The address of an online meeting.
        my_response: How the user answered; None when not among the attendees.
        organizer_is_me: Whether the user called the meeting, or it has no other organizer.
        attendee_count: How many are invited, the user included when listed.
        recurring: Whether it belongs to a series.
    """

    occurrence_id: UUID
    event_id: UUID
    calendar_id: UUID
    span: Span
    busy: Busy
    all_day: bool = False
    ical_uid: str | None = None
    title: str = ""
    location: str | None = None
    meeting_url: str | None = None
    my_response: Response | None = None
    organizer_is_me: bool = False
    attendee_count: int = 0
    recurring: bool = False


@dataclass(frozen=True, slots=True)
class Meeting:
    """One or more occurrences that count once.

    Attributes:
        occurrences: The copies, the firmest first and then by id; never empty. All have the
            same span.
    """

    occurrences: tuple[BusyOccurrence, ...]

    @property
    def leading(self) -> BusyOccurrence:
        """The firmest copy, which speaks for the meeting."""
        return self.occurrences[0]

    @property
    def span(self) -> Span:
        """The instants that all copies share."""
        return self.leading.span

    @property
    def busy(self) -> Busy:
        """How firmly the meeting takes its time: as its firmest copy."""
        return self.leading.busy

    @property
    def all_day(self) -> bool:
        """Whether every copy is all-day."""
        return all(occurrence.all_day for occurrence in self.occurrences)

    @property
    def ical_uid(self) -> str | None:
        """The iCalendar UID that all copies share, None when there is none."""
        return self.leading.ical_uid or None

    @property
    def title(self) -> str:
        """The first title that a copy has; a calendar may hide it on another copy."""
        return next((copy.title for copy in self.occurrences if copy.title), "")

    @property
    def location(self) -> str | None:
        """The first place that a copy names."""
        return next((copy.location for copy in self.occurrences if copy.location), None)

    @property
    def meeting_url(self) -> str | None:
        """The first online address that a copy has."""
        return next((copy.meeting_url for copy in self.occurrences if copy.meeting_url), None)

    @property
    def organizer_is_me(self) -> bool:
        """Whether the user called the meeting, by whichever account."""
        return any(occurrence.organizer_is_me for occurrence in self.occurrences)

    @property
    def attendee_count(self) -> int:
        """How many are invited, by the copy that knows most of them."""
        return max(occurrence.attendee_count for occurrence in self.occurrences)

    @property
    def recurring(self) -> bool:
        """Whether any copy belongs to a series."""
        return any(occurrence.recurring for occurrence in self.occurrences)

    @property
    def occurrence_ids(self) -> frozenset[UUID]:
        """The ids of all copies."""
        return frozenset(occurrence.occurrence_id for occurrence in self.occurrences)


def group_meetings(occurrences: Iterable[BusyOccurrence]) -> list[Meeting]:
    """Group occurrences that are the same meeting.

    Two occurrences are one meeting when they have an equal, non-empty iCalendar UID and an equal
    start and end. That holds on one calendar too: a feed imported twice, or two occurrences of
    one series moved to one time, share their people and their topic, and nobody can be in the
    wrong one of the two. The same UID at another time is another meeting.

    Args:
        occurrences: Of one user, in any order.

    Returns:
        The meetings by start, end and id, so that equal input gives equal output.
    """
    copies: dict[tuple[str | UUID, Span], list[BusyOccurrence]] = {}
    for occurrence in occurrences:
        identity = occurrence.ical_uid or occurrence.occurrence_id
        copies.setdefault((identity, occurrence.span), []).append(occurrence)
    meetings = [Meeting(tuple(sorted(group, key=_copy_order))) for group in copies.values()]
    return sorted(meetings, key=meeting_order)


def meeting_order(meeting: Meeting) -> tuple[object, ...]:
    """Return the key that sorts meetings by start, then end, then id."""
    span = meeting.span
    return span.start, span.end, meeting.leading.occurrence_id


def _copy_order(occurrence: BusyOccurrence) -> tuple[int, UUID]:
    return -_FIRMNESS[occurrence.busy], occurrence.occurrence_id
