"""Conflicts, their history, and the spans that still have to be examined."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    Select,
    Text,
    cast,
    delete,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import TSTZRANGE
from sqlalchemy.orm import Session

from calendar_manager.domain.conflict_reconciliation import (
    ConflictStatus,
    MatchedConflict,
    ReconciliationPlan,
    ResolutionOrigin,
)
from calendar_manager.domain.timespan import Span
from calendar_manager.store.bulk import insert_rows, update_rows
from calendar_manager.store.conflict_rows import (
    Actor,
    ConflictAction,
    ConflictFilter,
    ConflictRecord,
    HistoryEntry,
    conflict_from_row,
    conflict_values,
    history_from_row,
)
from calendar_manager.store.execution import execute_count
from calendar_manager.store.spans import EVERYTHING, overlaps_any, range_of, span_of
from calendar_manager.store.tables import ConflictCheckRow, ConflictHistoryRow, ConflictRow, UserRow

_LOCK_SPACE = 20_261_120
"""Sets these advisory locks apart from any others in the database."""


class ConflictRepository:
    """Queries over conflicts.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def request_check(self, user_id: UUID, spans: Iterable[Span]) -> None:
        """Ask for conflicts to be looked for in some spans.

        It belongs into the transaction that changes the occurrences there, so that no crash
        loses it. Spans of zero length hold no conflict and are left out.
        """
        checks = [
            {"user_id": user_id, "span": range_of(span)} for span in spans if not span.is_empty
        ]
        if checks:
            self._session.execute(insert(ConflictCheckRow), checks)

    def request_check_all(self, user_id: UUID) -> None:
        """Ask for all conflicts of a user to be looked for again."""
        self.request_check(user_id, [EVERYTHING])

    def request_check_of_everybody(self) -> None:
        """Ask for all conflicts of the whole installation to be looked for again."""
        everybody = select(
            func.gen_random_uuid(), UserRow.id, literal(range_of(EVERYTHING), TSTZRANGE)
        )
        self._session.execute(
            insert(ConflictCheckRow).from_select(["id", "user_id", "span"], everybody)
        )

    def lock(self, user_id: UUID) -> None:
        """Let nobody else reconcile a user's conflicts until this transaction ends."""
        key = func.hashtextextended(cast(literal(str(user_id)), Text), _LOCK_SPACE)
        self._session.execute(select(func.pg_advisory_xact_lock(key)))

    def take_checks(self, user_id: UUID) -> list[Span]:
        """Remove and return the spans in which a user's conflicts have to be looked for."""
        taken = self._session.scalars(
            delete(ConflictCheckRow)
            .where(ConflictCheckRow.user_id == user_id)
            .returning(ConflictCheckRow.span)
        )
        return [span_of(stored) for stored in taken]

    def count_open(self, user_id: UUID, *, after: datetime) -> int:
        """Return how many open conflicts of a user end after an instant."""
        coming = Span(after, EVERYTHING.end)
        wanted = ConflictFilter(statuses=(ConflictStatus.OPEN,), span=coming)
        return self.count(user_id, wanted)

    def users_with_checks(self, *, older_than: timedelta) -> Sequence[UUID]:
        """List the installation's users whose spans wait longer than that to be examined.

        The database's clock wrote down when they were asked for, so it tells how long that is.
        """
        return self._session.scalars(
            select(ConflictCheckRow.user_id)
            .where(ConflictCheckRow.created_at < func.now() - older_than)
            .distinct()
        ).all()

    def load_touching(self, user_id: UUID, spans: Sequence[Span]) -> list[ConflictRecord]:
        """Return a user's conflicts that touch some spans, and keep others from ending them."""
        rows = self._session.scalars(
            select(ConflictRow)
            .where(
                ConflictRow.user_id == user_id,
                overlaps_any(ConflictRow.hull, spans),
            )
            .order_by(ConflictRow.id)
            .with_for_update()
        )
        return [conflict_from_row(row) for row in rows]

    def apply(
        self,
        user_id: UUID,
        plan: ReconciliationPlan,
        refreshed: Sequence[MatchedConflict],
        *,
        now: datetime,
    ) -> None:
        """Write a reconciliation down, with its history.

        Args:
            user_id: Whose conflicts.
            plan: What becomes of them.
            refreshed: Unchanged ones of which the meetings read differently now, such as by a
                new title; they get no history.
            now: When it happened.
        """
        history: list[dict[str, Any]] = []

        def note(conflict_id: UUID, action: ConflictAction, why: str | None = None) -> None:
            history.append(_history(user_id, conflict_id, action, Actor.SYSTEM, why, now))

        opened = [{"id": uuid4(), **conflict_values(found)} for found in plan.opened]
        for values in opened:
            note(values["id"], ConflictAction.OPENED)
        changes: list[dict[str, Any]] = []
        for match in plan.reopened:
            status = {"status": ConflictStatus.OPEN, "closed_by": None, "closed_at": None}
            changes.append(_change(match) | status | {"note": None})
            note(match.stored.id, ConflictAction.REOPENED, _describe_return(match))
        ends = [
            {
                "id": known.id,
                "status": ConflictStatus.RESOLVED,
                "closed_by": ResolutionOrigin.AUTO,
                "closed_at": now,
            }
            for known in plan.closed
        ]
        for known in plan.closed:
            note(known.id, ConflictAction.CLOSED, "They are no longer in each other's way.")
        for match in plan.updated:
            note(match.stored.id, ConflictAction.CHANGED, _describe_change(match))
        self._write(
            user_id,
            opened,
            [changes, ends, [_change(match) for match in (*plan.updated, *refreshed)]],
            history,
        )

    def list(
        self,
        user_id: UUID,
        wanted: ConflictFilter,
        *,
        after: tuple[datetime, UUID] | None = None,
        limit: int = 50,
    ) -> Sequence[ConflictRecord]:
        """List a user's conflicts, the earliest first unless the filter says otherwise.

        Args:
            user_id: Whose.
            wanted: Which.
            after: Start and id of the last one already seen.
            limit: How many at most.
        """
        query = _matching(select(ConflictRow), user_id, wanted)
        key = tuple_(ConflictRow.start_at, ConflictRow.id)
        if after is not None:
            query = query.where(key < after if wanted.latest_first else key > after)
        order = (ConflictRow.start_at, ConflictRow.id)
        if wanted.latest_first:
            query = query.order_by(*(column.desc() for column in order)).limit(limit)
        else:
            query = query.order_by(*order).limit(limit)
        return [conflict_from_row(row) for row in self._session.scalars(query)]

    def count(self, user_id: UUID, wanted: ConflictFilter) -> int:
        """Return how many of a user's conflicts are wanted."""
        query = _matching(select(func.count(ConflictRow.id)), user_id, wanted)
        return self._session.scalar(query) or 0

    def find(
        self, user_id: UUID, conflict_id: UUID, *, lock: bool = False
    ) -> ConflictRecord | None:
        """Return a user's conflict, or None.

        Args:
            user_id: Whose.
            conflict_id: Which.
            lock: Whether to keep others from changing it in this transaction.
        """
        query = select(ConflictRow).where(
            ConflictRow.id == conflict_id, ConflictRow.user_id == user_id
        )
        row = self._session.scalars(
            query.with_for_update() if lock else query,
            execution_options={"populate_existing": True},
        ).one_or_none()
        return None if row is None else conflict_from_row(row)

    def load_history(self, conflict_ids: Collection[UUID]) -> Mapping[UUID, Sequence[HistoryEntry]]:
        """Return what happened to some conflicts, the oldest first."""
        rows = self._session.scalars(
            select(ConflictHistoryRow)
            .where(ConflictHistoryRow.conflict_id.in_(conflict_ids))
            .order_by(ConflictHistoryRow.happened_at, ConflictHistoryRow.created_at)
        )
        history: dict[UUID, list[HistoryEntry]] = defaultdict(list)
        for row in rows:
            history[row.conflict_id].append(history_from_row(row))
        return history

    def resolve(
        self,
        user_id: UUID,
        conflict_id: UUID,
        resolution: ConflictStatus,
        note: str | None,
        *,
        now: datetime,
    ) -> None:
        """Write down that a person ended a conflict.

        Args:
            user_id: Whose conflict; the same person ends it.
            conflict_id: Which.
            resolution: Resolved or ignored.
            note: What the person says about it.
            now: The present.
        """
        action = ConflictAction(resolution.value)
        self._session.execute(
            update(ConflictRow)
            .where(ConflictRow.id == conflict_id, ConflictRow.user_id == user_id)
            .values(status=resolution, closed_by=ResolutionOrigin.PERSON, closed_at=now, note=note)
        )
        self._session.execute(
            insert(ConflictHistoryRow),
            [_history(user_id, conflict_id, action, Actor.USER, note, now)],
        )

    def forget_calendars(self, user_id: UUID, calendar_ids: Iterable[UUID]) -> int:
        """Delete a user's conflicts that show anything of some calendars; return how many.

        A conflict keeps its meetings as they last were, so when the copy of a calendar has to
        go for good, what its conflicts show of it has to go as well.
        """
        shows = [
            column.contains({"occurrences": [{"calendar_id": str(calendar_id)}]})
            for calendar_id in calendar_ids
            for column in (ConflictRow.first, ConflictRow.second)
        ]
        statement = delete(ConflictRow).where(ConflictRow.user_id == user_id, or_(false(), *shows))
        return execute_count(self._session, statement)

    def _write(
        self,
        user_id: UUID,
        opened: Sequence[dict[str, Any]],
        changes: Sequence[Sequence[dict[str, Any]]],
        history: Sequence[dict[str, Any]],
    ) -> None:
        owned = [{"user_id": user_id, **values} for values in opened]
        insert_rows(self._session, ConflictRow, owned)
        for batch in changes:
            update_rows(self._session, ConflictRow, batch)
        insert_rows(self._session, ConflictHistoryRow, history)


def _matching(query: Select[Any], user_id: UUID, wanted: ConflictFilter) -> Select[Any]:
    """Narrow a query over conflicts to a user's wanted ones."""
    query = query.where(ConflictRow.user_id == user_id)
    choices = (
        (ConflictRow.status, wanted.statuses),
        (ConflictRow.type, wanted.types),
        (ConflictRow.severity, wanted.severities),
    )
    for column, values in choices:
        if values:
            query = query.where(column.in_(values))
    if wanted.span is not None:
        query = query.where(
            ConflictRow.start_at < wanted.span.end, ConflictRow.end_at > wanted.span.start
        )
    if wanted.ended_by is not None:
        query = query.where(ConflictRow.end_at <= wanted.ended_by)
    return query


def _change(match: MatchedConflict) -> dict[str, Any]:
    return {"id": match.stored.id, **conflict_values(match.found)}


def _history(
    user_id: UUID,
    conflict_id: UUID,
    action: ConflictAction,
    actor: Actor,
    note: str | None,
    now: datetime,
) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "user_id": user_id,
        "conflict_id": conflict_id,
        "happened_at": now,
        "action": action,
        "actor": actor,
        "note": note,
    }


def _describe_return(match: MatchedConflict) -> str:
    """Say why an ended conflict wants attention again."""
    if match.stored.resolved_by is ResolutionOrigin.PERSON:
        return "A meeting moved, and they are still in each other's way."
    return "They are in each other's way again."


def _describe_change(match: MatchedConflict) -> str:
    """Say what is different about a conflict now."""
    stored, found = match.stored, match.found
    parts = [
        f"The {noun} went from {old.value} to {new.value}."
        for noun, old, new in (
            ("type", stored.type, found.type),
            ("severity", stored.severity, found.severity),
        )
        if old != new
    ]
    if {stored.first_span, stored.second_span} != {found.first.span, found.second.span}:
        parts.append("A meeting moved.")
    return " ".join(parts) or "A meeting stands on other calendars."
