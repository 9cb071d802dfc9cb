"""The agenda: what of a user's calendars lies in a stretch of time."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import Text, and_, cast, select, tuple_
from sqlalchemy.orm import Session

from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.busy import Busy, blocks
from calendar_manager.domain.events import Event, EventKind, EventStatus, EventType
from calendar_manager.domain.meetings import BusyOccurrence
from calendar_manager.domain.timespan import Span
from calendar_manager.store.agenda_conditions import (
    IS_READ,
    is_wanted,
    lies_in,
    takes_time_in,
)
from calendar_manager.store.agenda_entries import (
    AgendaEntry,
    AgendaFilter,
    BlockingSpan,
    EventDetail,
    OccurrenceName,
    StoredSeries,
)
from calendar_manager.store.agenda_rows import (
    BUSY_COLUMNS,
    busy_occurrence_of,
    entry_of,
)
from calendar_manager.store.client_conditions import ClientOfOccurrence
from calendar_manager.store.client_rows import Owner
from calendar_manager.store.event_rows import event_from_row
from calendar_manager.store.repositories.calendars import calendar_from_row
from calendar_manager.store.tables import (
    CalendarRow,
    ClientRow,
    ConnectionRow,
    EventRow,
    OccurrenceRow,
)


class AgendaRepository:
    """Reads of occurrences with their events; it writes nothing.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def has_client(self, user_id: UUID, client_id: UUID) -> bool:
        """Tell whether a user has such a client."""
        found = self._session.scalars(
            select(ClientRow.id).where(
                ClientRow.id == client_id,
                ClientRow.user_id == user_id,
                ClientRow.deleted_at.is_(None),
            )
        )
        return found.one_or_none() is not None

    def list_entries(
        self,
        user_id: UUID,
        span: Span,
        wanted: AgendaFilter,
        *,
        after: tuple[datetime, UUID] | None = None,
        limit: int,
    ) -> list[AgendaEntry]:
        """List the laid out occurrences that lie in a stretch of time.

        Args:
            user_id: Whose.
            span: An occurrence lies in it when the two overlap, and one of zero length when it
                starts inside.
            wanted: Which occurrences.
            after: Start and id of the last one already seen.
            limit: How many at most.

        Returns:
            In the order of start and id.
        """
        client = ClientOfOccurrence()
        query = client.join(
            select(OccurrenceRow, EventRow, client.id, client.project, client.rank)
            .join(EventRow, EventRow.id == OccurrenceRow.event_id)
            .join(CalendarRow, CalendarRow.id == OccurrenceRow.calendar_id)
        ).where(
            OccurrenceRow.user_id == user_id,
            OccurrenceRow.calendar_id.in_(wanted.calendar_ids),
            lies_in([span]),
            *is_wanted(wanted.text, mirrors=wanted.mirrors),
        )
        if wanted.client_id is not None:
            query = query.where(client.id == wanted.client_id)
        if after is not None:
            query = query.where(tuple_(OccurrenceRow.start_at, OccurrenceRow.id) > after)
        rows = self._session.execute(
            query.order_by(OccurrenceRow.start_at, OccurrenceRow.id).limit(limit)
        )
        events: dict[UUID, Event] = {}
        entries: list[AgendaEntry] = []
        for occurrence, stored, *owner in rows:
            if stored.id not in events:
                events[stored.id] = event_from_row(stored)
            entries.append(entry_of(occurrence, events[stored.id], Owner(*owner)))
        return entries

    def find_event(self, user_id: UUID, event_id: UUID) -> EventDetail | None:
        """Return a user's event, or None; a cancelled override is none."""
        client = ClientOfOccurrence()
        only_one = and_(OccurrenceRow.event_id == EventRow.id, EventRow.kind != EventKind.MASTER)
        row = self._session.execute(
            client.join(
                select(EventRow, CalendarRow, OccurrenceRow.id, client.id)
                .join(CalendarRow, CalendarRow.id == EventRow.calendar_id)
                .outerjoin(OccurrenceRow, only_one)
            ).where(
                EventRow.id == event_id,
                EventRow.user_id == user_id,
                EventRow.deleted_at.is_(None),
                EventRow.status != EventStatus.CANCELLED,
                *IS_READ,
            )
        ).one_or_none()
        if row is None:
            return None
        stored, calendar, occurrence_id, client_id = row
        return EventDetail(
            event_id=stored.id,
            calendar=calendar_from_row(calendar),
            event=event_from_row(stored),
            busy=Busy(stored.busy),
            occurrence_id=occurrence_id,
            client_id=client_id,
            problem=stored.problem,
        )

    def load_blocking(
        self,
        user_id: UUID,
        spans: Sequence[Span],
        calendars: Mapping[UUID, Calendar],
        *,
        tentative_blocks: bool,
    ) -> list[BlockingSpan]:
        """Return when the laid out occurrences make a user busy.

        Args:
            user_id: Whose.
            spans: Only what overlaps one of these.
            calendars: On which calendars, by id; their settings decide what blocks.
            tentative_blocks: The user's setting for tentative and unanswered events.

        Returns:
            In no particular order.
        """
        # Identifiers as text, and each combination of what decides judged once: a question can
        # load thousands of occurrences, and making a UUID takes longer than all the rest of one.
        rows = self._session.execute(
            select(
                OccurrenceRow.start_at,
                OccurrenceRow.end_at,
                cast(OccurrenceRow.id, Text),
                EventRow.ical_uid,
                OccurrenceRow.busy,
                OccurrenceRow.start_on.is_not(None),
                cast(OccurrenceRow.calendar_id, Text),
                EventRow.event_type,
            )
            .join(EventRow, EventRow.id == OccurrenceRow.event_id)
            .where(*takes_time_in(user_id, spans), OccurrenceRow.calendar_id.in_(calendars))
        )

        @cache
        def takes_time(busy: str, all_day: bool, calendar_id: str, event_type: str) -> bool:  # noqa: FBT001 - a column of a row.
            calendar = calendars[UUID(calendar_id)]
            return blocks(
                Busy(busy),
                all_day=all_day,
                tentative_blocks=tentative_blocks,
                calendar_blocks=calendar.blocks_availability,
                all_day_blocks=calendar.all_day_blocks,
                out_of_office=event_type == EventType.OUT_OF_OFFICE,
            )

        return [
            BlockingSpan(Span(start, end), occurrence_id, ical_uid)
            for start, end, occurrence_id, ical_uid, *reasons in rows
            if takes_time(*reasons)
        ]

    def load_busy(self, user_id: UUID, spans: Sequence[Span]) -> list[BusyOccurrence]:
        """Return the laid out occurrences that can conflict, with all that is asked about them.

        Calendars that are not read or never block take no part. Tentative occurrences do,
        whatever the user's setting for availability is.

        Args:
            user_id: Whose.
            spans: Only what overlaps one of these.

        Returns:
            In no particular order.
        """
        rows = self._session.execute(
            select(*BUSY_COLUMNS, CalendarRow.all_day_blocks)
            .join(EventRow, EventRow.id == OccurrenceRow.event_id)
            .join(CalendarRow, CalendarRow.id == OccurrenceRow.calendar_id)
            .join(ConnectionRow, ConnectionRow.id == CalendarRow.connection_id)
            .where(*takes_time_in(user_id, spans), CalendarRow.blocks_availability, *IS_READ)
        )
        return [
            busy_occurrence_of(row)
            for row in rows
            if blocks(
                Busy(row.busy),
                all_day=row.start_on is not None,
                tentative_blocks=True,
                calendar_blocks=True,
                all_day_blocks=row.all_day_blocks,
                out_of_office=row.event_type == EventType.OUT_OF_OFFICE,
            )
        ]

    def load_series(
        self,
        user_id: UUID,
        calendar_ids: Collection[UUID],
        *,
        text: str | None = None,
        mirrors: bool = True,
    ) -> list[StoredSeries]:
        """Return the living series of some calendars of a user.

        Args:
            user_id: Whose.
            calendar_ids: On which calendars.
            text: What title, location or description contain.
            mirrors: Whether mirrors are wanted too.
        """
        masters = self._session.scalars(
            select(EventRow).where(
                EventRow.user_id == user_id,
                EventRow.kind == EventKind.MASTER,
                EventRow.deleted_at.is_(None),
                EventRow.calendar_id.in_(calendar_ids),
                *is_wanted(text, mirrors=mirrors),
            )
        ).all()
        overrides = self._load_overrides(masters)
        return [
            StoredSeries(
                event_id=row.id,
                calendar_id=row.calendar_id,
                master=event_from_row(row),
                overrides=tuple(overrides.get((row.calendar_id, row.provider_event_id), ())),
                busy=Busy(row.busy),
            )
            for row in masters
        ]

    def load_laid_out(
        self, user_id: UUID, calendar_ids: Collection[UUID], spans: Sequence[Span]
    ) -> frozenset[OccurrenceName]:
        """Return the names of the laid out occurrences of series that lie in some spans."""
        rows = self._session.execute(
            select(OccurrenceRow.event_id, OccurrenceRow.original_start)
            .join(EventRow, EventRow.id == OccurrenceRow.event_id)
            .where(
                OccurrenceRow.user_id == user_id,
                OccurrenceRow.calendar_id.in_(calendar_ids),
                EventRow.kind == EventKind.MASTER,
                lies_in(spans),
            )
        )
        return frozenset((event_id, original_start) for event_id, original_start in rows)

    def _load_overrides(
        self, masters: Sequence[EventRow]
    ) -> Mapping[tuple[UUID, str | None], Sequence[Event]]:
        if not masters:
            return {}
        rows = self._session.scalars(
            select(EventRow).where(
                EventRow.calendar_id.in_({row.calendar_id for row in masters}),
                EventRow.series_id.in_([row.provider_event_id for row in masters]),
                EventRow.deleted_at.is_(None),
            )
        )
        overrides: dict[tuple[UUID, str | None], list[Event]] = defaultdict(list)
        for row in rows:
            overrides[row.calendar_id, row.series_id].append(event_from_row(row))
        return overrides
