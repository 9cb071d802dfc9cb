"""When a user is busy, in the database and beyond what is laid out there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.busy import blocks
from calendar_manager.domain.events import EventType
from calendar_manager.domain.times import find_zone
from calendar_manager.domain.timespan import Span, merge_spans
from calendar_manager.domain.users import User
from calendar_manager.scheduling.series import find_gaps, load_beyond
from calendar_manager.store.agenda_entries import AgendaCalendar, BlockingSpan, StoredSeries
from calendar_manager.store.unit_of_work import UnitOfWork


def load_busy_time(
    uow: UnitOfWork, user: User, calendars: Sequence[AgendaCalendar], spans: Sequence[Span]
) -> list[BlockingSpan]:
    """Return what makes a user busy.

    Args:
        uow: The transaction.
        user: Whose settings count.
        calendars: On which calendars; those that never block take no part.
        spans: Only what overlaps one of these.
    """
    taking_part = [entry for entry in calendars if entry.calendar.blocks_availability]
    if not taking_part or not spans:
        return []
    settings = {entry.calendar.id: entry.calendar for entry in taking_part}
    busy = uow.agenda.load_blocking(
        user.id, spans, settings, tentative_blocks=user.tentative_blocks
    )
    gaps = find_gaps(taking_part, spans)
    beyond = load_beyond(uow, user.id, gaps, find_zone(user.time_zone))
    busy += [
        BlockingSpan(occurrence.span, None, series.master.ical_uid)
        for series, occurrence in beyond
        if not occurrence.span.is_empty and _blocks(series, settings, user)
    ]
    return busy


@dataclass(frozen=True, slots=True)
class BusyTime:
    """When a person is busy, without who or what.

    Attributes:
        spans: Sorted, apart, and none empty.
        meetings: The span of each meeting, for the limits of the rules; each meeting once.
    """

    spans: Sequence[Span] = ()
    meetings: Sequence[Span] = ()

    @classmethod
    def of(cls, busy: Sequence[BlockingSpan]) -> "BusyTime":
        """Return what makes a person busy, with all that free time does not ask left out."""
        return cls(merge_spans(one.span for one in busy), list_meetings(busy))


def list_meetings(busy: Iterable[BlockingSpan]) -> list[Span]:
    """Return the spans of the meetings among what makes busy, each meeting once.

    See :func:`calendar_manager.domain.meetings.group_meetings` for what is one meeting.
    """
    named: set[tuple[str, Span]] = set()
    spans: list[Span] = []
    for span, _, ical_uid in busy:
        if ical_uid:
            named.add((ical_uid, span))
        else:
            spans.append(span)
    return spans + [span for _, span in named]


def _blocks(series: StoredSeries, calendars: Mapping[UUID, Calendar], user: User) -> bool:
    calendar = calendars[series.calendar_id]
    return blocks(
        series.busy,
        all_day=series.master.all_day,
        tentative_blocks=user.tentative_blocks,
        calendar_blocks=calendar.blocks_availability,
        all_day_blocks=calendar.all_day_blocks,
        out_of_office=series.master.event_type is EventType.OUT_OF_OFFICE,
    )
