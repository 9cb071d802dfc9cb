"""A user's conflicts: what they are about, how to mend them, and ending them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from calendar_manager.domain.conflict_reconciliation import ConflictStatus, ResolutionOrigin
from calendar_manager.domain.move_advice import MoveAdvice, cheaper_to_move
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.alternatives import load_alternatives
from calendar_manager.scheduling.errors import ConflictEndedError, UnknownSubjectError
from calendar_manager.store.conflict_rows import ConflictFilter, ConflictRecord, HistoryEntry
from calendar_manager.store.unit_of_work import Store, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictView:
    """A conflict with all that helps to mend it.

    Attributes:
        record: The conflict.
        history: What happened to it, the oldest first.
        advice: Which meeting is cheaper to move; None when the conflict is ended or past.
        alternatives: Free places for that meeting, the nearest first. Of conflicts that are
            looked at together, none has a place that is the first one of another meeting before.
    """

    record: ConflictRecord
    history: Sequence[HistoryEntry]
    advice: MoveAdvice | None
    alternatives: Sequence[Span]


class Conflicts:
    """The use cases of conflicts.

    Args:
        store: PostgreSQL.
        now: The moment of the question.
        maximum_age: Copies of calendars older than this are stale.
    """

    def __init__(self, store: Store, *, now: datetime, maximum_age: timedelta) -> None:
        self._store = store
        self._now = now
        self._maximum_age = maximum_age

    def list(
        self,
        user: User,
        wanted: ConflictFilter,
        *,
        after: tuple[datetime, UUID] | None = None,
        limit: int,
    ) -> Sequence[ConflictView]:
        """List a user's conflicts, the earliest first unless the filter says otherwise.

        The places that they name fit together, see
        :func:`~calendar_manager.scheduling.alternatives.load_alternatives`.

        Args:
            user: Whose.
            wanted: Which.
            after: Start and id of the last one already seen.
            limit: How many at most.
        """
        with self._store.begin() as uow:
            records = uow.conflicts.list(user.id, wanted, after=after, limit=limit)
            return self._describe(uow, user, records)

    def find(self, user: User, conflict_id: UUID) -> ConflictView:
        """Return a user's conflict.

        Raises:
            UnknownSubjectError: The user has no such conflict.
        """
        with self._store.begin() as uow:
            record = uow.conflicts.find(user.id, conflict_id)
            if record is None:
                raise UnknownSubjectError("conflict")
            return self._describe(uow, user, [record])[0]

    def resolve(
        self, user: User, conflict_id: UUID, resolution: ConflictStatus, note: str | None
    ) -> ConflictView:
        """End a conflict in the user's name and return it.

        It stays ended while both meetings stand still. Saying the same twice changes nothing;
        saying something else replaces the answer.

        Raises:
            UnknownSubjectError: The user has no such conflict.
            ConflictEndedError: It closed by itself.
        """
        with self._store.begin() as uow:
            record = uow.conflicts.find(user.id, conflict_id, lock=True)
            if record is None:
                raise UnknownSubjectError("conflict")
            if record.closed_by is ResolutionOrigin.AUTO:
                raise ConflictEndedError
            if (record.status, record.note) != (resolution, note):
                uow.conflicts.resolve(user.id, conflict_id, resolution, note, now=self._now)
                record = uow.conflicts.find(user.id, conflict_id)
            assert record is not None  # noqa: S101 - it is locked by this transaction.
            return self._describe(uow, user, [record])[0]

    def _describe(
        self, uow: UnitOfWork, user: User, records: Sequence[ConflictRecord]
    ) -> Sequence[ConflictView]:
        if not records:
            return []
        history = uow.conflicts.load_history([record.id for record in records])
        advice = {
            record.id: cheaper_to_move(record.first, record.second)
            for record in records
            if record.status is ConflictStatus.OPEN and record.span.end > self._now
        }
        moving = {conflict_id: one.meeting for conflict_id, one in advice.items()}
        alternatives = load_alternatives(
            uow, user, moving, now=self._now, maximum_age=self._maximum_age
        )
        return [
            ConflictView(
                record=record,
                history=history.get(record.id, ()),
                advice=advice.get(record.id),
                alternatives=alternatives.get(record.id, ()),
            )
            for record in records
        ]
