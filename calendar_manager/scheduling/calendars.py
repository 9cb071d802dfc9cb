"""Which calendars a question is about, and how far they can be trusted."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from calendar_manager.domain.accounts import CalendarStatus, ConnectionStatus
from calendar_manager.domain.freshness import Freshness, freshness_of
from calendar_manager.scheduling.errors import UnknownSubjectError
from calendar_manager.store.agenda_entries import AgendaCalendar
from calendar_manager.store.lookups import Lookups


def load_calendars(
    lookups: Lookups, user_id: UUID, wanted: Collection[UUID]
) -> Sequence[AgendaCalendar]:
    """Return the calendars that a question is about.

    Args:
        lookups: The database.
        user_id: Whose.
        wanted: The ones that were named; empty for all. One whose sync is switched off may be
            named and takes no part.

    Raises:
        UnknownSubjectError: The user has no such calendar.
    """
    calendars = lookups.load_calendars(user_id)
    if not wanted:
        return calendars
    read = {entry.calendar.id for entry in calendars}
    for calendar_id in wanted:
        if calendar_id not in read and not lookups.has_calendar(user_id, calendar_id):
            raise UnknownSubjectError("calendar")
    return [entry for entry in calendars if entry.calendar.id in wanted]


def find_freshness(
    calendars: Iterable[AgendaCalendar], now: datetime, maximum_age: timedelta
) -> list[Freshness]:
    """Tell how far the copies of calendars can be trusted.

    A calendar whose account has to be connected again is failing, even while its copy is young.

    Args:
        calendars: As loaded.
        now: The moment of the answer.
        maximum_age: A copy older than this is stale.
    """
    return [_freshness(entry, now, maximum_age) for entry in calendars]


def _freshness(entry: AgendaCalendar, now: datetime, maximum_age: timedelta) -> Freshness:
    freshness = freshness_of(entry.calendar, now, maximum_age)
    if entry.connection_status is ConnectionStatus.ACTIVE:
        return freshness
    return replace(freshness, status=CalendarStatus.FAILING)
