"""The agenda: occurrences with their events, in the order of their starts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.busy import Busy, blocks
from calendar_manager.domain.events import Event, EventType, Occurrence
from calendar_manager.domain.occurrences import name_occurrence
from calendar_manager.domain.times import find_zone
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.calendars import load_calendars
from calendar_manager.scheduling.client_owners import load_owners
from calendar_manager.scheduling.errors import UnknownSubjectError
from calendar_manager.scheduling.series import find_gaps, load_beyond
from calendar_manager.store.agenda_entries import (
    AgendaEntry,
    AgendaFilter,
    EventDetail,
    StoredSeries,
)
from calendar_manager.store.unit_of_work import Store, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaQuestion:
    """What is asked of the agenda.

    Attributes:
        span: Which stretch of time.
        calendar_ids: On which calendars; empty for all that are read.
        client_id: Only what belongs to this client.
        text: Only what has this in its title, location or description.
        mirrors: Whether the mirrors that we made of other events are wanted too.
    """

    span: Span
    calendar_ids: Collection[UUID] = ()
    client_id: UUID | None = None
    text: str | None = None
    mirrors: bool = False


@dataclass(frozen=True, slots=True)
class AgendaItem:
    """An occurrence, and what the user's settings make of it.

    Attributes:
        entry: The occurrence with its event.
        busy: Whether it makes the user busy.
    """

    entry: AgendaEntry
    busy: bool


def list_agenda(
    store: Store,
    user: User,
    question: AgendaQuestion,
    *,
    after: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[AgendaItem]:
    """Return the occurrences in a stretch of time, recurring events expanded.

    Copies of one meeting on several calendars are all there. Where series are not laid out, they
    are expanded for this answer, so that it is the same however far the horizon is.

    Args:
        store: PostgreSQL.
        user: Whose; all-day events have their days in the user's zone.
        question: What is asked.
        after: Start and id of the last occurrence already seen.
        limit: How many at most.

    Raises:
        UnknownSubjectError: The user has no such calendar or client.
    """
    with store.begin() as uow:
        calendars = load_calendars(uow.lookups, user.id, question.calendar_ids)
        if question.client_id is not None and not uow.agenda.has_client(
            user.id, question.client_id
        ):
            raise UnknownSubjectError("client")
        settings = {entry.calendar.id: entry.calendar for entry in calendars}
        wanted = AgendaFilter(
            calendar_ids=settings.keys(),
            text=question.text,
            client_id=question.client_id,
            mirrors=question.mirrors,
        )
        entries = uow.agenda.list_entries(user.id, question.span, wanted, after=after, limit=limit)
        gaps = find_gaps(calendars, [question.span])
        beyond = load_beyond(
            uow,
            user.id,
            gaps,
            find_zone(user.time_zone),
            text=question.text,
            mirrors=question.mirrors,
        )
        computed = _enter(uow, beyond, settings)
    entries += [
        entry
        for entry in computed
        if (after is None or entry.key > after) and question.client_id in {None, entry.client_id}
    ]
    entries.sort(key=lambda entry: entry.key)
    return [
        AgendaItem(entry, _is_busy(entry.event, entry.busy, settings[entry.calendar_id], user))
        for entry in entries[:limit]
    ]


def find_event(store: Store, user: User, event_id: UUID) -> tuple[EventDetail, bool]:
    """Return a user's event, and whether it makes the user busy.

    Raises:
        UnknownSubjectError: The user has no such event.
    """
    with store.begin() as uow:
        detail = uow.agenda.find_event(user.id, event_id)
    if detail is None:
        raise UnknownSubjectError("event")
    return detail, _is_busy(detail.event, detail.busy, detail.calendar, user)


def _is_busy(event: Event, busy: Busy, calendar: Calendar, user: User) -> bool:
    return blocks(
        busy,
        all_day=event.all_day,
        tentative_blocks=user.tentative_blocks,
        calendar_blocks=calendar.blocks_availability,
        all_day_blocks=calendar.all_day_blocks,
        out_of_office=event.event_type is EventType.OUT_OF_OFFICE,
    )


def _enter(
    uow: UnitOfWork,
    computed: Sequence[tuple[StoredSeries, Occurrence]],
    calendars: Mapping[UUID, Calendar],
) -> list[AgendaEntry]:
    """Return computed occurrences as the database would have them."""
    if not computed:
        return []
    owners = load_owners(uow, computed, calendars)
    return [
        AgendaEntry(
            occurrence_id=name_occurrence(series.event_id, occurrence.original_start),
            event_id=series.event_id,
            calendar_id=series.calendar_id,
            event=series.master,
            original_start=occurrence.original_start,
            span=occurrence.span,
            dates=occurrence.dates,
            busy=series.busy,
            owner=owner,
        )
        for (series, occurrence), owner in zip(computed, owners, strict=True)
    ]
