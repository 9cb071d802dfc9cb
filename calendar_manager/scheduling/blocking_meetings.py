"""What makes a user busy, with what a person knows it by.

The same things that :mod:`calendar_manager.scheduling.busy_time` loads as bare spans.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.busy import Busy, blocks
from calendar_manager.domain.events import Event, EventType
from calendar_manager.domain.occurrences import name_occurrence
from calendar_manager.domain.reasons import BlockingMeeting
from calendar_manager.domain.times import find_zone
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.series import find_gaps, load_beyond
from calendar_manager.store.agenda_entries import AgendaCalendar, AgendaFilter
from calendar_manager.store.unit_of_work import UnitOfWork

_EVERYTHING: Final = 1_000_000
"""More than a few days can hold; a reason must not get lost."""


def load_blocking_meetings(
    uow: UnitOfWork, user: User, calendars: Sequence[AgendaCalendar], span: Span
) -> list[BlockingMeeting]:
    """Return the occurrences that make a user busy in a few days.

    Args:
        uow: The transaction.
        user: Whose settings count.
        calendars: On which calendars; those that never block take no part.
        span: Only what overlaps this.

    Returns:
        In no particular order, copies of one meeting included.
    """
    taking_part = [entry for entry in calendars if entry.calendar.blocks_availability]
    if not taking_part:
        return []
    settings = {entry.calendar.id: entry.calendar for entry in taking_part}
    wanted = AgendaFilter(calendar_ids=settings.keys())
    entries = uow.agenda.list_entries(user.id, span, wanted, limit=_EVERYTHING)
    found = [
        _meeting(entry.occurrence_id, entry.event, entry.span, entry.busy, calendar)
        for entry in entries
        for calendar in [settings[entry.calendar_id]]
    ]
    gaps = find_gaps(taking_part, [span])
    found += [
        _meeting(
            name_occurrence(series.event_id, occurrence.original_start),
            series.master,
            occurrence.span,
            series.busy,
            settings[series.calendar_id],
        )
        for series, occurrence in load_beyond(uow, user.id, gaps, find_zone(user.time_zone))
    ]
    return [one for one in found if not one.span.is_empty and _blocks(one, settings, user)]


def _meeting(
    occurrence_id: UUID, event: Event, span: Span, busy: Busy, calendar: Calendar
) -> BlockingMeeting:
    return BlockingMeeting(
        occurrence_id=occurrence_id,
        calendar_id=calendar.id,
        calendar_name=calendar.name,
        title=event.title,
        span=span,
        busy=busy,
        all_day=event.all_day,
        out_of_office=event.event_type is EventType.OUT_OF_OFFICE,
        ical_uid=event.ical_uid,
    )


def _blocks(meeting: BlockingMeeting, calendars: Mapping[UUID, Calendar], user: User) -> bool:
    calendar = calendars[meeting.calendar_id]
    return blocks(
        meeting.busy,
        all_day=meeting.all_day,
        tentative_blocks=user.tentative_blocks,
        calendar_blocks=calendar.blocks_availability,
        all_day_blocks=calendar.all_day_blocks,
        out_of_office=meeting.out_of_office,
    )
