"""Saying by hand whom an event belongs to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from calendar_manager.accounts.errors import (
    ClientNotFoundError,
    EventNotFoundError,
    InvalidFieldsError,
)
from calendar_manager.domain.events import EventKind, original_start_key
from calendar_manager.domain.occurrences import materialize
from calendar_manager.domain.times import find_zone
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.store.client_rows import AssignableEvent, Origin
from calendar_manager.store.repositories.events import StoredEvent
from calendar_manager.store.unit_of_work import Store, UnitOfWork
from calendar_manager.sync.assigning import assign_changed

_AROUND = timedelta(days=2)


class Scope(StrEnum):
    """How much of a series is meant."""

    EVENT = "event"
    SERIES = "series"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a person speaks of.

    Attributes:
        event_id: Our id of an event: single, the master of a series, or an override in one.
        scope: Whether one occurrence is meant or its whole series.
        occurrence_id: Which occurrence of a series; ours.
        original_start: The same by the start that the series gives it, wherever it is.
    """

    event_id: UUID
    scope: Scope = Scope.EVENT
    occurrence_id: UUID | None = None
    original_start: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """What is written down now.

    Attributes:
        event_id: Of the event or of its series.
        original_start: Of the one occurrence that is meant; None for all of the event's.
        client_id: Whom it belongs to; None for nobody.
        project: Of which project it is.
        origin: Who said so; None when nobody did.
    """

    event_id: UUID
    original_start: datetime | None
    client_id: UUID | None = None
    project: str | None = None
    origin: Origin | None = None


class Assigning:
    """The use cases of assignments by hand.

    What a person says of one occurrence of a series is written at the series and the start that
    the rule gives, whether or not the provider has made an event of its own of it, so that it
    stays when that changes.

    Args:
        store: The database.
    """

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def assign(
        self, user: User, subject: Subject, client_id: UUID | None, project: str | None
    ) -> Assigned:
        """Say whom an event belongs to; it wins over every rule.

        Args:
            user: Whose event.
            subject: Which event, occurrence or series.
            client_id: Whom it belongs to; None for nobody.
            project: Of which project it is.

        Raises:
            EventNotFoundError: The user has no such event.
            ClientNotFoundError: The user has no such client.
            InvalidFieldsError: The subject does not fit the event.
        """
        with self._store.begin() as uow:
            event_id, original_start = _find_key(uow, user, subject)
            if client_id is not None and uow.clients.find(user.id, client_id) is None:
                raise ClientNotFoundError
            uow.assignments.save_by_hand(user.id, (event_id, original_start), client_id, project)
        return Assigned(
            event_id=event_id,
            original_start=original_start,
            client_id=client_id,
            project=project,
            origin=Origin.HAND,
        )

    def forget(self, user: User, subject: Subject) -> Assigned:
        """Forget what was said by hand, and let the rules tell again.

        Raises:
            EventNotFoundError: The user has no such event.
            InvalidFieldsError: The subject does not fit the event.
        """
        with self._store.begin() as uow:
            uow.clients.lock(user.id)
            event_id, original_start = _find_key(uow, user, subject)
            uow.assignments.forget_by_hand((event_id, original_start))
            target = uow.assignments.find_event(user.id, event_id)
            if original_start is None and target is not None:
                stored = StoredEvent(target.event_id, target.event)
                assign_changed(uow, user.id, target.calendar_id, [stored])
            said = uow.assignments.load([event_id]).get((event_id, original_start))
        if said is None:
            return Assigned(event_id=event_id, original_start=original_start)
        return Assigned(
            event_id=event_id,
            original_start=original_start,
            client_id=said.client_id,
            project=said.project,
            origin=said.origin,
        )


def _find_key(uow: UnitOfWork, user: User, subject: Subject) -> tuple[UUID, datetime | None]:
    """Return where it is written down what is said of a subject."""
    found = uow.assignments.find_event(user.id, subject.event_id)
    if found is None:
        raise EventNotFoundError
    if subject.scope is Scope.SERIES:
        _refuse_occurrence(subject)
        return _find_series(found), None
    named = _find_named(uow, found, subject, find_zone(user.time_zone))
    match found.event.kind:
        case EventKind.SINGLE:
            return found.event_id, None
        case EventKind.OVERRIDE:
            start = found.event.original_start
            if found.master_id is None or start is None:
                return found.event_id, None
            return found.master_id, original_start_key(start)
        case EventKind.MASTER:
            if named is None:
                raise InvalidFieldsError(
                    {"occurrence_id": "Say which occurrence is meant, or take the whole series."}
                )
            return found.event_id, named


def _find_series(found: AssignableEvent) -> UUID:
    if found.event.kind is EventKind.MASTER:
        return found.event_id
    if found.master_id is not None:
        return found.master_id
    raise InvalidFieldsError({"scope": "This event belongs to no series that we have."})


def _refuse_occurrence(subject: Subject) -> None:
    for field in ("occurrence_id", "original_start"):
        if getattr(subject, field) is not None:
            raise InvalidFieldsError({field: "Leave this out when the whole series is meant."})


def _find_named(
    uow: UnitOfWork, found: AssignableEvent, subject: Subject, zone: ZoneInfo
) -> datetime | None:
    """Return the occurrence that a subject names, or None when it names none.

    Raises:
        InvalidFieldsError: It names one that there is not, or two.
    """
    unknown = "This event has no such occurrence."
    if subject.occurrence_id is not None and subject.original_start is not None:
        raise InvalidFieldsError({"original_start": "Name the occurrence in one way only."})
    if subject.occurrence_id is not None:
        stored = uow.assignments.find_original_start(found.event_id, subject.occurrence_id)
        if stored is None:
            raise InvalidFieldsError({"occurrence_id": f"{unknown} Try its original_start."})
        return stored
    if subject.original_start is None:
        return None
    around = Span(subject.original_start - _AROUND, subject.original_start + _AROUND)
    occurrences = materialize(found.event, (), around, zone).occurrences
    if all(one.original_start != subject.original_start for one in occurrences):
        raise InvalidFieldsError({"original_start": unknown})
    return subject.original_start
