"""Rolling the horizon: laying out series further as time goes by."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from calendar_manager.domain.timespan import Span
from calendar_manager.store.repositories.events import StoredEvent
from calendar_manager.store.unit_of_work import UnitOfWork
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.layout import lay_out

BATCH = 200
SLACK = timedelta(days=7)


def find_short_horizons(context: SyncContext) -> Sequence[UUID]:
    """Return the calendars whose series are laid out a week less far than they should be."""
    with context.store.begin() as uow:
        return uow.calendars.list_laid_out_until(context.horizon().end - SLACK)


def roll_horizon(context: SyncContext, calendar_id: UUID) -> None:
    """Lay out all series of a calendar in the horizon as it is today.

    It goes in batches, each a short transaction that shares the calendar's lock with the sync
    engine, and is safe to be broken off and repeated: the calendar's own note of how far it is
    laid out moves only at the end.
    """
    window = context.horizon()
    after: UUID | None = None
    while True:
        with context.store.begin() as uow:
            user_id = uow.calendars.lock(calendar_id)
            if user_id is None:
                return
            masters = uow.events.list_masters(calendar_id, after=after, limit=BATCH)
            if not masters:
                uow.calendars.note_laid_out(calendar_id, window)
                return
            _lay_out_batch(uow, user_id, calendar_id, [key for _, key in masters], window)
        after = masters[-1][0]


def _lay_out_batch(
    uow: UnitOfWork, user_id: UUID, calendar_id: UUID, series: Sequence[str], window: Span
) -> None:
    nothing: list[StoredEvent] = []
    touched = lay_out(
        uow,
        user_id=user_id,
        calendar_id=calendar_id,
        changed=nothing,
        series=frozenset(series),
        window=window,
    )
    # What falls out of the horizon at its past end is history and no conflict that ended.
    ahead = [span for span in touched if span.end > window.start]
    if ahead:
        uow.conflicts.request_check(user_id, ahead)
