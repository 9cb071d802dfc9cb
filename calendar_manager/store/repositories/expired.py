"""Removing the installation's rows that have been kept long enough, a batch at a time."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from calendar_manager.store.execution import execute_count
from calendar_manager.store.tables import (
    CalendarRow,
    ConflictRow,
    EventRow,
    LoginSessionRow,
    OAuthStateRow,
    SyncJobRow,
)


class Expiring(StrEnum):
    """What is removed some time after its end, by the name of its table."""

    SYNC_JOBS = "sync_jobs"
    CONFLICTS = "conflicts"
    EVENTS = "events"
    OAUTH_STATES = "oauth_states"
    LOGIN_SESSIONS = "login_sessions"


_Table = type[SyncJobRow | ConflictRow | EventRow | OAuthStateRow | LoginSessionRow]
_TABLES: Final[Mapping[Expiring, _Table]] = MappingProxyType(
    {
        Expiring.SYNC_JOBS: SyncJobRow,
        Expiring.CONFLICTS: ConflictRow,
        Expiring.EVENTS: EventRow,
        Expiring.OAUTH_STATES: OAuthStateRow,
        Expiring.LOGIN_SESSIONS: LoginSessionRow,
    }
)


class ExpiredRepository:
    """Finds and deletes rows whose time is over.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_batch(
        self, kind: Expiring, *, before: datetime, after: UUID | None, limit: int
    ) -> list[UUID]:
        """Return the ids of rows that ended before an instant, in the order of the ids.

        Walking a table by its key reads it once over all batches, without an index on the age and
        without coming across the rows again that the batches before have deleted.

        Args:
            kind: Which rows.
            before: How long ago they have to have ended.
            after: The last id of the batch before; None for the first.
            limit: How many at most.
        """
        table = _TABLES[kind]
        query = select(table.id).where(_has_expired(kind, before))
        if after is not None:
            query = query.where(table.id > after)
        return list(self._session.scalars(query.order_by(table.id).limit(limit)))

    def delete_batch(self, kind: Expiring, ids: list[UUID], *, before: datetime) -> int:
        """Delete those of the rows that are still over; return how many."""
        table = _TABLES[kind]
        return execute_count(
            self._session, delete(table).where(table.id.in_(ids), _has_expired(kind, before))
        )


def _has_expired(kind: Expiring, before: datetime) -> ColumnElement[bool]:
    match kind:
        case Expiring.SYNC_JOBS:
            return SyncJobRow.finished_at < before
        case Expiring.CONFLICTS:
            # A closed conflict of two meetings to come holds the person's answer, and without it
            # the conflict would open anew.
            return and_(ConflictRow.closed_at < before, func.upper(ConflictRow.hull) < before)
        case Expiring.EVENTS:
            left = select(CalendarRow.id).where(
                or_(CalendarRow.deleted_at < before, CalendarRow.gone_at < before)
            )
            return or_(EventRow.deleted_at < before, EventRow.calendar_id.in_(left))
        case Expiring.OAUTH_STATES:
            return OAuthStateRow.expires_at < before
        case Expiring.LOGIN_SESSIONS:
            return LoginSessionRow.expires_at < before
