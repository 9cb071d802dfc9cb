"""Whom events are assigned to, by rules and by hand, and the hours that this gives."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import and_, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.clients import ClientMatch, EventTraits, traits_of
from calendar_manager.domain.events import Attendee, EventStatus, Person, Response
from calendar_manager.domain.timespan import Span
from calendar_manager.store.agenda_conditions import IS_READ, takes_time_in
from calendar_manager.store.bulk import insertion, portions
from calendar_manager.store.client_conditions import ClientOfOccurrence
from calendar_manager.store.client_rows import (
    AssignableEvent,
    Assignment,
    Origin,
    OwnedOccurrence,
    Owner,
)
from calendar_manager.store.event_rows import event_from_row
from calendar_manager.store.tables import (
    CalendarRow,
    EventAssignmentRow,
    EventRow,
    OccurrenceRow,
)

AssignmentKey = tuple[UUID, datetime | None]
"""Our id of an event and the original start of an occurrence; None stands for all of them."""


class AssignmentRepository:
    """Queries over assignments of events to clients.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def load(self, event_ids: Collection[UUID]) -> Mapping[AssignmentKey, Assignment]:
        """Return what was said of some events and of their occurrences."""
        rows = self._session.execute(
            select(
                EventAssignmentRow.event_id,
                EventAssignmentRow.original_start,
                EventAssignmentRow.client_id,
                EventAssignmentRow.project,
                EventAssignmentRow.origin,
            ).where(EventAssignmentRow.event_id.in_(event_ids))
        )
        return {
            (event_id, start): Assignment(client_id, project, Origin(origin))
            for event_id, start, client_id, project, origin in rows
        }

    def apply_rules(self, user_id: UUID, matches: Mapping[UUID, ClientMatch | None]) -> int:
        """Write down what rules say of events, touching only what differs.

        What a person said stays.

        Args:
            user_id: Whose events.
            matches: By our event id; None where no rule fits.

        Returns:
            How many assignments are different now.
        """
        said = {key[0]: one for key, one in self.load(matches).items() if key[1] is None}
        gone = [
            event_id
            for event_id, match in matches.items()
            if match is None and event_id in said and said[event_id].origin is Origin.RULE
        ]
        wanted = {
            event_id: Assignment(match.client_id, match.project, Origin.RULE)
            for event_id, match in matches.items()
            if match is not None
        }
        changed = [
            {"id": uuid4(), "user_id": user_id, "event_id": event_id, **_values(assignment)}
            for event_id, assignment in wanted.items()
            if event_id not in said
            or (said[event_id].origin is Origin.RULE and said[event_id] != assignment)
        ]
        if gone:
            self._session.execute(
                delete(EventAssignmentRow).where(
                    EventAssignmentRow.event_id.in_(gone),
                    EventAssignmentRow.original_start.is_(None),
                    EventAssignmentRow.origin == Origin.RULE,
                )
            )
        for portion in portions(changed):
            statement = insertion(EventAssignmentRow, portion)
            self._session.execute(
                statement.on_conflict_do_update(
                    index_elements=["event_id", "original_start"],
                    set_={
                        "client_id": statement.excluded.client_id,
                        "project": statement.excluded.project,
                        "updated_at": func.now(),
                    },
                    # A person may have said something since it was looked at.
                    where=EventAssignmentRow.origin == Origin.RULE,
                )
            )
        return len(gone) + len(changed)

    def find_event(self, user_id: UUID, event_id: UUID) -> AssignableEvent | None:
        """Return a user's event that can be assigned, or None; a cancelled override cannot."""
        master = aliased(EventRow)
        of_override = and_(
            master.calendar_id == EventRow.calendar_id,
            master.provider_event_id == EventRow.series_id,
        )
        row = self._session.execute(
            select(EventRow, master.id)
            .join(CalendarRow, CalendarRow.id == EventRow.calendar_id)
            .outerjoin(master, of_override)
            .where(
                EventRow.id == event_id,
                EventRow.user_id == user_id,
                EventRow.deleted_at.is_(None),
                EventRow.status != EventStatus.CANCELLED,
                *IS_READ,
            )
        ).one_or_none()
        if row is None:
            return None
        return AssignableEvent(row[0].id, row[0].calendar_id, event_from_row(row[0]), row[1])

    def find_original_start(self, event_id: UUID, occurrence_id: UUID) -> datetime | None:
        """Return the name of a laid out occurrence inside its event, or None."""
        return self._session.scalars(
            select(OccurrenceRow.original_start).where(
                OccurrenceRow.id == occurrence_id, OccurrenceRow.event_id == event_id
            )
        ).one_or_none()

    def save_by_hand(
        self, user_id: UUID, key: AssignmentKey, client_id: UUID | None, project: str | None
    ) -> None:
        """Write down what a person says, in place of whatever was said before."""
        event_id, original_start = key
        statement = insert(EventAssignmentRow).values(
            user_id=user_id,
            event_id=event_id,
            original_start=original_start,
            **_values(Assignment(client_id, project, Origin.HAND)),
        )
        self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["event_id", "original_start"],
                set_={
                    "client_id": client_id,
                    "project": project,
                    "origin": Origin.HAND,
                    "updated_at": func.now(),
                },
            )
        )

    def forget_by_hand(self, key: AssignmentKey) -> None:
        """Forget what a person said."""
        event_id, original_start = key
        self._session.execute(
            delete(EventAssignmentRow).where(
                EventAssignmentRow.event_id == event_id,
                EventAssignmentRow.original_start.is_not_distinct_from(original_start),
                EventAssignmentRow.origin == Origin.HAND,
            )
        )

    def list_traits(
        self, user_id: UUID, *, after: tuple[UUID, str] | None, limit: int
    ) -> Sequence[tuple[tuple[UUID, str], UUID, EventTraits]]:
        """List what rules look at in a user's living events.

        Args:
            user_id: Whose.
            after: Calendar and provider's id of the last one already seen.
            limit: How many at most.

        Returns:
            Calendar and provider's id, by which they are ordered; our id; the traits.
        """
        key = tuple_(EventRow.calendar_id, EventRow.provider_event_id)
        calendars = select(CalendarRow.id).where(CalendarRow.user_id == user_id)
        query = select(
            EventRow.calendar_id,
            EventRow.provider_event_id,
            EventRow.id,
            EventRow.title,
            EventRow.organizer,
            EventRow.attendees,
        ).where(EventRow.calendar_id.in_(calendars), EventRow.deleted_at.is_(None))
        if after is not None:
            query = query.where(key > after)
        rows = self._session.execute(
            query.order_by(EventRow.calendar_id, EventRow.provider_event_id).limit(limit)
        )
        return [
            (
                (row.calendar_id, row.provider_event_id),
                row.id,
                traits_of(
                    row.calendar_id,
                    row.title,
                    None if row.organizer is None else Person(**row.organizer),
                    [
                        Attendee(**{**one, "response": Response(one["response"])})
                        for one in row.attendees
                    ],
                ),
            )
            for row in rows
        ]

    def load_booked(self, user_id: UUID, spans: Sequence[Span]) -> list[OwnedOccurrence]:
        """Return the laid out occurrences that take time, with whom they belong to.

        Everybody's, because of the copies of one meeting the strongest answer counts.

        Args:
            user_id: Whose calendars.
            spans: Only what overlaps one of these.
        """
        client = ClientOfOccurrence()
        rows = self._session.execute(
            client.join(
                select(
                    OccurrenceRow.id,
                    OccurrenceRow.event_id,
                    OccurrenceRow.calendar_id,
                    OccurrenceRow.start_at,
                    OccurrenceRow.end_at,
                    OccurrenceRow.start_on,
                    OccurrenceRow.busy,
                    EventRow.ical_uid,
                    client.id.label("client_id"),
                    client.project.label("project"),
                    client.rank.label("rank"),
                )
                .join(EventRow, EventRow.id == OccurrenceRow.event_id)
                .join(CalendarRow, CalendarRow.id == OccurrenceRow.calendar_id)
            ).where(*takes_time_in(user_id, spans), *IS_READ)
        )
        return [
            OwnedOccurrence(
                occurrence_id=row.id,
                event_id=row.event_id,
                calendar_id=row.calendar_id,
                span=Span(row.start_at, row.end_at),
                all_day=row.start_on is not None,
                busy=Busy(row.busy),
                ical_uid=row.ical_uid,
                owner=Owner(row.client_id, row.project, row.rank),
            )
            for row in rows
        ]


def _values(assignment: Assignment) -> dict[str, object]:
    return {
        "client_id": assignment.client_id,
        "project": assignment.project,
        "origin": assignment.origin,
    }
