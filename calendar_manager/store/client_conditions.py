"""The part of SQL that tells whom an occurrence belongs to."""

from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, null
from sqlalchemy.orm import aliased

from calendar_manager.domain.events import EventKind
from calendar_manager.store.tables import (
    CalendarRow,
    ClientRow,
    EventAssignmentRow,
    EventRow,
    OccurrenceRow,
)


class ClientOfOccurrence:
    """Whom an occurrence belongs to.

    The first of these that there is decides: what a person said of the occurrence, of its event,
    of the series that its event is an override in; what rules say of the event, of the series;
    the calendar's client. Nobody, said by a person, counts as an answer. A deleted client is
    nobody too, until restored.

    Every join finds at most one row by a unique index, so the cost grows with the occurrences
    alone.

    Attributes:
        id: The client's id, as an SQL expression.
        project: Of which project the occurrence is.
        rank: Which of the answers decided: 0 is the strongest, 6 is none.
    """

    def __init__(self) -> None:
        self._master = aliased(EventRow)
        self._exact = aliased(EventAssignmentRow)
        self._own = aliased(EventAssignmentRow)
        self._series = aliased(EventAssignmentRow)
        self._client = aliased(ClientRow)
        exact, own, series = self._exact, self._own, self._series
        answers: list[tuple[ColumnElement[bool], type[EventAssignmentRow]]] = [
            (exact.id.is_not(None), exact),
            (own.origin == "hand", own),
            (series.origin == "hand", series),
            (own.id.is_not(None), own),
            (series.id.is_not(None), series),
        ]
        calendar = CalendarRow.client_id
        self._claimed = case(*((there, one.client_id) for there, one in answers), else_=calendar)
        # The outer join makes it null where there is no such client.
        self.id = cast("ColumnElement[UUID | None]", self._client.id)
        self.project: ColumnElement[str | None] = case(
            *((there, one.project) for there, one in answers), else_=null()
        )
        self.rank: ColumnElement[int] = case(
            *((there, literal(rank)) for rank, (there, _) in enumerate(answers)),
            (calendar.is_not(None), literal(len(answers))),
            else_=literal(len(answers) + 1),
        )

    def join(self, query: Select[Any]) -> Select[Any]:
        """Join what decides to a query over events, their occurrences and their calendars."""
        master, exact, own, series = self._master, self._exact, self._own, self._series
        of_master = and_(
            EventRow.kind == EventKind.OVERRIDE,
            master.calendar_id == EventRow.calendar_id,
            master.provider_event_id == EventRow.series_id,
        )
        of_occurrence = and_(
            exact.event_id == func.coalesce(master.id, EventRow.id),
            exact.original_start == OccurrenceRow.original_start,
        )
        of_event = and_(own.event_id == EventRow.id, own.original_start.is_(None))
        of_series = and_(series.event_id == master.id, series.original_start.is_(None))
        living = and_(self._client.id == self._claimed, self._client.deleted_at.is_(None))
        return (
            query.outerjoin(master, of_master)
            .outerjoin(exact, of_occurrence)
            .outerjoin(own, of_event)
            .outerjoin(series, of_series)
            .outerjoin(self._client, living)
        )
