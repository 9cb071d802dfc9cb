"""Meetings of the week page: occurrences grouped, with whose they are and what is in their way."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.conflicts import ConflictSeverity, ConflictType
from calendar_manager.domain.events import EventKind, Response
from calendar_manager.domain.meetings import BusyOccurrence, Meeting, group_meetings
from calendar_manager.scheduling.agenda import AgendaItem
from calendar_manager.store.agenda_entries import AgendaEntry
from calendar_manager.store.client_rows import find_strongest
from calendar_manager.store.conflict_rows import ConflictRecord

UNTITLED: Final = "(No title)"

_ORDER: Final = (ConflictSeverity.HIGH, ConflictSeverity.MEDIUM, ConflictSeverity.LOW)
_RELATIONS: Final = {
    ConflictType.OVERLAP: "overlaps with",
    ConflictType.BACK_TO_BACK: "leaves no break beside",
    ConflictType.TRAVEL: "leaves no time to travel to or from",
}


@dataclass(frozen=True, slots=True)
class Clash:
    """An open conflict from the side of one of its meetings.

    Attributes:
        conflict_id: Ours.
        severity: How much it hurts.
        words: What is wrong, such as ``overlaps with Review``.
    """

    conflict_id: UUID
    severity: ConflictSeverity
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekMeeting:
    """A meeting with everything that the page shows of it.

    Attributes:
        meeting: The copies, the firmest first.
        copies: The same copies with their events.
        busy: Whether it makes the person busy.
        clashes: The open conflicts that it takes part in, the worst first.
    """

    meeting: Meeting
    copies: tuple[AgendaEntry, ...]
    busy: bool
    clashes: tuple[Clash, ...]

    @property
    def leading(self) -> AgendaEntry:
        """The firmest copy, which speaks for the meeting."""
        return self.copies[0]

    @property
    def title(self) -> str:
        """The first title that a copy has, never empty."""
        return self.meeting.title or UNTITLED

    @property
    def client_id(self) -> UUID | None:
        """Whom the time belongs to, as hours are counted: copies that take none have no say."""
        taking = [copy for copy in self.copies if copy.busy is not Busy.FREE]
        return find_strongest(copy.owner for copy in taking or self.copies).client_id

    @property
    def declined(self) -> bool:
        """Whether the person declined it on every calendar."""
        return all(copy.event.my_response is Response.DECLINED for copy in self.copies)

    @property
    def uncertain(self) -> str | None:
        """Why it may not take place, in a word or two; None when it is firm."""
        if self.meeting.busy is not Busy.TENTATIVE:
            return None
        answers = {copy.event.my_response for copy in self.copies}
        return "not answered" if Response.NEEDS_ACTION in answers else "tentative"

    @property
    def states(self) -> list[str]:
        """What is special about it, as words that people read and readers say."""
        states = [self.uncertain] if self.uncertain else []
        if self.declined:
            states.append("declined")
        elif not self.busy:
            states.append("free time")
        if self.meeting.recurring:
            states.append("repeats")
        if self.clashes:
            states.append(f"{self.clashes[0].severity.value} conflict")
        return states


def group_items(
    items: Iterable[AgendaItem], conflicts: Sequence[ConflictRecord]
) -> list[WeekMeeting]:
    """Return the meetings that occurrences are, each once.

    Args:
        items: What the agenda has.
        conflicts: The open conflicts that may be about them.
    """
    by_id = {item.entry.occurrence_id: item for item in items}
    clashes = find_clashes(conflicts)
    meetings = group_meetings(_as_copy(item.entry) for item in by_id.values())
    return [_describe(meeting, by_id, clashes) for meeting in meetings]


def find_clashes(conflicts: Iterable[ConflictRecord]) -> Mapping[UUID, Sequence[Clash]]:
    """Return conflicts by the id of each occurrence that takes part in them."""
    clashes: dict[UUID, list[Clash]] = defaultdict(list)
    for record in conflicts:
        for own, other in ((record.first, record.second), (record.second, record.first)):
            words = f"{_RELATIONS[record.type]} {other.title or UNTITLED}"
            for occurrence_id in own.occurrence_ids:
                clashes[occurrence_id].append(Clash(record.id, record.severity, words))
    return clashes


def _describe(
    meeting: Meeting,
    items: Mapping[UUID, AgendaItem],
    clashes: Mapping[UUID, Collection[Clash]],
) -> WeekMeeting:
    copies = [items[copy.occurrence_id] for copy in meeting.occurrences]
    found = {
        clash.conflict_id: clash
        for copy in meeting.occurrences
        for clash in clashes.get(copy.occurrence_id, ())
    }
    return WeekMeeting(
        meeting=meeting,
        copies=tuple(item.entry for item in copies),
        busy=any(item.busy for item in copies),
        clashes=tuple(sorted(found.values(), key=lambda clash: _ORDER.index(clash.severity))),
    )


def _as_copy(entry: AgendaEntry) -> BusyOccurrence:
    """Return what makes an occurrence the same meeting as another one."""
    event = entry.event
    return BusyOccurrence(
        occurrence_id=entry.occurrence_id,
        event_id=entry.event_id,
        calendar_id=entry.calendar_id,
        span=entry.span,
        busy=entry.busy,
        all_day=entry.dates is not None,
        ical_uid=event.ical_uid,
        title=event.title,
        location=event.location,
        meeting_url=event.meeting_url,
        my_response=event.my_response,
        attendee_count=len(event.attendees),
        recurring=event.kind is not EventKind.SINGLE,
    )
