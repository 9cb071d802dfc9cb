"""What reads of the agenda return."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from calendar_manager.domain.accounts import Calendar, ConnectionStatus
from calendar_manager.domain.busy import Busy
from calendar_manager.domain.events import Event
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.store.client_rows import Owner

OccurrenceName = tuple[UUID, datetime]
"""Our id of an event and the original start of one of its occurrences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaCalendar:
    """A calendar that is read, with what the read path has to know of it.

    Attributes:
        calendar: With the user's settings.
        connection_status: Whether its connection may be read.
        materialized: The span in which its series are laid out; None before the first time.
        changes: The ids of the last changes of its events, sorted. While they are the same,
            nothing has changed; what is read after them is at least as new.
    """

    calendar: Calendar
    connection_status: ConnectionStatus
    materialized: Span | None
    changes: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaFilter:
    """Which occurrences are wanted.

    Attributes:
        calendar_ids: On which calendars.
        text: What title, location or description contain, whatever the case.
        client_id: To which client they belong.
        mirrors: Whether the mirrors that we made of other events are wanted too.
    """

    calendar_ids: Collection[UUID]
    text: str | None = None
    client_id: UUID | None = None
    mirrors: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaEntry:
    """An occurrence together with its event.

    Attributes:
        occurrence_id: Ours.
        event_id: Ours.
        calendar_id: On which calendar.
        event: What it is an occurrence of.
        original_start: Its name inside the event.
        span: When, as instants.
        dates: When, as dates, for an all-day event.
        busy: How firmly it takes its time.
        owner: Whom the time belongs to, and how strongly that is said.
    """

    occurrence_id: UUID
    event_id: UUID
    calendar_id: UUID
    event: Event
    original_start: datetime
    span: Span
    dates: DateSpan | None
    busy: Busy
    owner: Owner

    @property
    def client_id(self) -> UUID | None:
        """Whom the time belongs to, None for nobody."""
        return self.owner.client_id

    @property
    def key(self) -> tuple[datetime, UUID]:
        """What the agenda is ordered by."""
        return self.span.start, self.occurrence_id


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDetail:
    """An event with what we know beside the provider.

    Attributes:
        event_id: Ours.
        calendar: On which calendar.
        event: As the provider has it.
        busy: How firmly it takes its time.
        occurrence_id: Of its only occurrence; None for a series.
        client_id: Whom its time belongs to.
        problem: Why its recurrence could not be read, or None.
    """

    event_id: UUID
    calendar: Calendar
    event: Event
    busy: Busy
    occurrence_id: UUID | None
    client_id: UUID | None
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSeries:
    """A series with all its overrides.

    Attributes:
        event_id: Our id of the master.
        calendar_id: On which calendar.
        master: The series.
        overrides: Its overrides, the cancelled ones included.
        busy: How firmly the occurrences of the rule take their time.
    """

    event_id: UUID
    calendar_id: UUID
    master: Event
    overrides: tuple[Event, ...]
    busy: Busy


class BlockingSpan(NamedTuple):
    """A time in which a user is busy.

    Attributes:
        span: When.
        occurrence_id: Ours as text, because thousands are loaded and few are looked at; None when
            it was computed beyond what is laid out.
        ical_uid: The iCalendar UID, None when there is none.
    """

    span: Span
    occurrence_id: str | None
    ical_uid: str | None
