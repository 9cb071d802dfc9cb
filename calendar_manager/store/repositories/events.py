"""Events, written in bulk as the providers report them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import (
    TIMESTAMP,
    ColumnElement,
    and_,
    cast,
    delete,
    false,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from calendar_manager.domain.events import Event
from calendar_manager.domain.timespan import Span
from calendar_manager.store.bulk import insert_missing, insertion, portions, update_rows
from calendar_manager.store.event_rows import event_from_row, event_values
from calendar_manager.store.tables import (
    EventRow,
    OccurrenceRow,
    ReadMarkRow,
    SeriesInstanceRow,
)


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """What the plan has to know of a stored event.

    Attributes:
        event_id: Ours.
        series_id: For overrides, the provider's id of the master.
        fingerprint: Of the content that we have.
        deleted: Whether it is gone and only kept until the cleanup.
    """

    event_id: UUID
    series_id: str | None
    fingerprint: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event together with our id of it."""

    event_id: UUID
    event: Event


class EventRepository:
    """Queries over events, for the writer that holds a calendar's lease.

    A calendar belongs to one user, so naming the calendar names the user.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def load_known(
        self,
        calendar_id: UUID,
        provider_event_ids: Collection[str],
        *,
        series: Collection[str] = (),
        prefixes: Collection[str] = (),
    ) -> Mapping[str, KnownEvent]:
        """Return what we have of some events, by the provider's id.

        Args:
            calendar_id: On which calendar.
            provider_event_ids: Which events.
            series: Masters of which all overrides are wanted.
            prefixes: Beginnings of provider ids of which all events are wanted.
        """
        wanted: list[ColumnElement[bool]] = [EventRow.provider_event_id.in_(provider_event_ids)]
        if series:
            wanted.append(EventRow.series_id.in_(series))
        wanted += [
            EventRow.provider_event_id.startswith(prefix, autoescape=True) for prefix in prefixes
        ]
        rows = self._session.execute(
            select(
                EventRow.provider_event_id,
                EventRow.id,
                EventRow.series_id,
                EventRow.fingerprint,
                EventRow.deleted_at.is_not(None),
            ).where(EventRow.calendar_id == calendar_id, or_(*wanted))
        )
        return {row[0]: KnownEvent(*row[1:]) for row in rows}

    def save(
        self, *, user_id: UUID, calendar_id: UUID, events: Sequence[Event]
    ) -> Sequence[StoredEvent]:
        """Insert or overwrite events; deleted ones come back to life under their old id."""
        whose = {"user_id": user_id, "calendar_id": calendar_id}
        rows = [{"id": uuid4(), **whose, **event_values(event)} for event in events]
        by_provider_id: dict[str, UUID] = {}
        for portion in portions(rows):
            statement = insertion(EventRow, portion)
            changing = {
                name: statement.excluded[name]
                for name in portion[0]
                if name not in {"id", "user_id", "calendar_id", "provider_event_id"}
            }
            ids = self._session.execute(
                statement.on_conflict_do_update(
                    index_elements=["calendar_id", "provider_event_id"],
                    set_={**changing, "updated_at": func.now()},
                ).returning(EventRow.provider_event_id, EventRow.id)
            )
            by_provider_id |= {row[0]: row[1] for row in ids}
        return [StoredEvent(by_provider_id[event.provider_event_id], event) for event in events]

    def mark_deleted(
        self, calendar_id: UUID, provider_event_ids: Sequence[str], *, now: datetime
    ) -> Sequence[UUID]:
        """Delete events softly, masters together with their overrides; return our ids."""
        if not provider_event_ids:
            return []
        return self._session.scalars(
            update(EventRow)
            .where(
                EventRow.calendar_id == calendar_id,
                EventRow.deleted_at.is_(None),
                or_(
                    EventRow.provider_event_id.in_(provider_event_ids),
                    EventRow.series_id.in_(provider_event_ids),
                ),
            )
            .values(deleted_at=now)
            .returning(EventRow.id)
        ).all()

    def load_series(
        self, calendar_id: UUID, series_ids: Iterable[str]
    ) -> tuple[Sequence[StoredEvent], Sequence[Event]]:
        """Return living masters by the provider's ids, and the overrides of these series."""
        wanted = list(series_ids)
        masters = self._session.scalars(
            select(EventRow).where(
                EventRow.calendar_id == calendar_id,
                EventRow.provider_event_id.in_(wanted),
                EventRow.kind == "master",
                EventRow.deleted_at.is_(None),
            )
        )
        overrides = self._session.scalars(
            select(EventRow).where(
                EventRow.calendar_id == calendar_id,
                EventRow.series_id.in_(wanted),
                EventRow.deleted_at.is_(None),
            )
        )
        return (
            [StoredEvent(row.id, event_from_row(row)) for row in masters],
            [event_from_row(row) for row in overrides],
        )

    def list_masters(
        self, calendar_id: UUID, *, after: UUID | None, limit: int
    ) -> Sequence[tuple[UUID, str]]:
        """List living masters of a calendar as our id and the provider's, in order of our id."""
        query = select(EventRow.id, EventRow.provider_event_id).where(
            EventRow.calendar_id == calendar_id,
            EventRow.kind == "master",
            EventRow.deleted_at.is_(None),
        )
        if after is not None:
            query = query.where(EventRow.id > after)
        rows = self._session.execute(query.order_by(EventRow.id).limit(limit))
        return [(event_id, provider_event_id) for event_id, provider_event_id in rows]

    def find_series(
        self, calendar_id: UUID, provider_instance_ids: Collection[str]
    ) -> Mapping[str, str]:
        """Return to which series instances belong, by the provider's ids of both."""
        rows = self._session.execute(
            select(SeriesInstanceRow.provider_instance_id, SeriesInstanceRow.series_id).where(
                SeriesInstanceRow.calendar_id == calendar_id,
                SeriesInstanceRow.provider_instance_id.in_(provider_instance_ids),
            )
        )
        return {row[0]: row[1] for row in rows}

    def replace_instances(
        self, calendar_id: UUID, instances: Mapping[str, Collection[str]]
    ) -> None:
        """Write down by which ids the provider may speak of the instances of some series."""
        if not instances:
            return
        self._session.execute(
            delete(SeriesInstanceRow).where(
                SeriesInstanceRow.calendar_id == calendar_id,
                SeriesInstanceRow.series_id.in_(instances),
            )
        )
        rows = [
            {
                "calendar_id": calendar_id,
                "provider_instance_id": instance_id,
                "series_id": series_id,
            }
            for series_id, instance_ids in instances.items()
            for instance_id in instance_ids
        ]
        insert_missing(self._session, SeriesInstanceRow, rows)

    def note_problems(self, problems: Mapping[UUID, str | None]) -> None:
        """Write down why events could not be laid out, or that they can be."""
        rows = [{"id": event_id, "problem": text} for event_id, text in problems.items()]
        update_rows(self._session, EventRow, rows)

    def find_unseen(self, calendar_id: UUID, *, within: Span | None) -> Mapping[str, str | None]:
        """Return the living events that a complete full read has not seen: they are gone.

        Args:
            calendar_id: On which calendar.
            within: What the read could see; events that ended before it are history and not
                gone. None when it could see everything.

        Returns:
            The provider's ids, each with that of the master where the event is an override.
        """
        seen = select(ReadMarkRow.provider_event_id).where(
            ReadMarkRow.calendar_id == calendar_id,
            ReadMarkRow.provider_event_id == EventRow.provider_event_id,
        )
        rows = self._session.execute(
            select(EventRow.provider_event_id, EventRow.series_id).where(
                *_living(calendar_id, within), ~seen.exists()
            )
        )
        return {row[0]: row[1] for row in rows}

    def count_living(self, calendar_id: UUID, *, within: Span | None) -> int:
        """Count a calendar's living events, a series as one.

        Args:
            calendar_id: On which calendar.
            within: Leave out the ones that ended before this; None counts all.
        """
        counted = select(func.count()).where(
            *_living(calendar_id, within), EventRow.series_id.is_(None)
        )
        return self._session.scalars(counted).one()


def _living(calendar_id: UUID, within: Span | None) -> list[ColumnElement[bool]]:
    """Return the conditions of the living events of a calendar that are not history."""
    conditions = [EventRow.calendar_id == calendar_id, EventRow.deleted_at.is_(None)]
    if within is None:
        return conditions
    taken = select(OccurrenceRow.id).where(OccurrenceRow.event_id == EventRow.id)
    own_end = func.coalesce(EventRow.end_at, cast(EventRow.end_on, TIMESTAMP(timezone=True)))
    ended = or_(
        and_(taken.exists(), ~taken.where(OccurrenceRow.end_at > within.start).exists()),
        and_(~taken.exists(), own_end <= within.start),
    )
    return [*conditions, ~func.coalesce(ended, false())]
