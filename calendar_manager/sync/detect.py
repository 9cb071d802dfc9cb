"""The last step of the write path: looking for conflicts where occurrences changed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from calendar_manager.domain.conflict_reconciliation import (
    MatchedConflict,
    ReconciliationPlan,
    reconcile,
)
from calendar_manager.domain.conflicts import FoundConflict, find_conflicts
from calendar_manager.domain.meetings import group_meetings
from calendar_manager.domain.timespan import Span, merge_spans
from calendar_manager.store.conflict_rows import ConflictRecord
from calendar_manager.store.spans import EVERYTHING
from calendar_manager.store.unit_of_work import Store

log = structlog.get_logger(__name__)

PATIENCE: Final = timedelta(minutes=1)
"""A span that waits longer than this to be examined was forgotten by a crash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictCounts:
    """What an examination did to a user's conflicts.

    Attributes:
        opened: New ones.
        changed: Open or ended ones that look different now.
        reopened: Ended ones that are back.
        closed: Ones that are gone.
    """

    opened: int = 0
    changed: int = 0
    reopened: int = 0
    closed: int = 0


def examine_conflicts(store: Store, user_id: UUID, clock: Callable[[], datetime]) -> ConflictCounts:
    """Look for conflicts where a user's occurrences changed, in one short transaction.

    The spans to look at were noted in the transactions that changed the occurrences, old and new
    places alike. Only what lies in or near them is loaded, so the work grows with the change and
    not with the calendar. Two examinations of one user never mix, and one that dies leaves its
    spans for the next.

    Args:
        store: PostgreSQL.
        user_id: Whose conflicts.
        clock: Tells the instant that the history shows.
    """
    with store.begin() as uow:
        asked = uow.conflicts.take_checks(user_id)
        if not asked:
            return ConflictCounts()
        # Taking goes first, because after most syncs there is nothing to take and no lock to
        # wait for. What is read below is read under the lock.
        uow.conflicts.lock(user_id)
        user = uow.users.find(user_id)
        if user is None:
            return ConflictCounts()
        examined = _examined(asked, user.conflict_settings.reach)
        meetings = group_meetings(uow.agenda.load_busy(user_id, examined))
        found = find_conflicts(meetings, user.conflict_settings)
        known = uow.conflicts.load_touching(user_id, examined)
        plan = reconcile([record.stored for record in known], found, examined)
        refreshed = _find_refreshed(known, plan, found)
        uow.conflicts.apply(user_id, plan, refreshed, now=clock())
    counts = ConflictCounts(
        opened=len(plan.opened),
        changed=len(plan.updated),
        reopened=len(plan.reopened),
        closed=len(plan.closed),
    )
    log.info(
        "conflicts_examined",
        user_id=str(user_id),
        spans=len(examined),
        meetings=len(meetings),
        opened=counts.opened,
        changed=counts.changed,
        reopened=counts.reopened,
        closed=counts.closed,
    )
    return counts


def recheck_everybody(store: Store) -> None:
    """Have everybody's conflicts looked for from scratch.

    Nothing should come of it. It mends what an older version overlooked, and whatever was changed
    in the database by hand.
    """
    with store.begin() as uow:
        uow.conflicts.request_check_of_everybody()


def find_users_to_examine(store: Store) -> Sequence[UUID]:
    """Return the users with spans that a crash left unexamined."""
    with store.begin() as uow:
        return uow.conflicts.users_with_checks(older_than=PATIENCE)


def _examined(asked: Iterable[Span], reach: timedelta) -> list[Span]:
    """Return the spans to look at: each as far around as two meetings can conflict."""
    return merge_spans(
        Span(
            max(span.start, EVERYTHING.start + reach) - reach,
            min(span.end, EVERYTHING.end - reach) + reach,
        )
        for span in asked
    )


def _find_refreshed(
    known: Iterable[ConflictRecord], plan: ReconciliationPlan, found: Iterable[FoundConflict]
) -> list[MatchedConflict]:
    """Return the unchanged conflicts whose meetings read differently, as by a new title."""
    unchanged = {conflict.id for conflict in plan.unchanged}
    by_sides = {
        (conflict.first.occurrence_ids, conflict.second.occurrence_ids): conflict
        for conflict in found
    }
    refreshed: list[MatchedConflict] = []
    for record in known:
        conflict = by_sides.get((record.first.occurrence_ids, record.second.occurrence_ids))
        if record.id not in unchanged or conflict is None:
            continue
        if (record.first, record.second) != (conflict.first, conflict.second):
            refreshed.append(MatchedConflict(record.stored, conflict))
    return refreshed
