"""Laying events out as occurrences, inside the transaction that changes them."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from calendar_manager.domain.busy import busy_of
from calendar_manager.domain.events import Event, EventKind
from calendar_manager.domain.occurrences import materialize
from calendar_manager.domain.times import find_zone
from calendar_manager.domain.timespan import Span, merge_spans
from calendar_manager.store.repositories.events import StoredEvent
from calendar_manager.store.repositories.occurrences import LaidOut
from calendar_manager.store.unit_of_work import UnitOfWork


def lay_out(
    uow: UnitOfWork,
    *,
    user_id: UUID,
    calendar_id: UUID,
    changed: Sequence[StoredEvent],
    series: frozenset[str],
    window: Span,
) -> list[Span]:
    """Bring the occurrences of changed events, and of series around changed overrides, in line.

    Args:
        uow: The transaction.
        user_id: Whose.
        calendar_id: On which calendar.
        changed: Events that were just saved.
        series: Provider ids of masters whose overrides changed.
        window: The span in which series are laid out.

    Returns:
        The spans, old and new, in which something may be different now.
    """
    zone = find_zone(uow.occurrences.load_time_zone(user_id))
    masters = {
        stored.event.provider_event_id
        for stored in changed
        if stored.event.kind is EventKind.MASTER
    } | series
    plain = [stored for stored in changed if stored.event.kind is not EventKind.MASTER]
    stored_masters, overrides = (
        uow.events.load_series(calendar_id, masters) if masters else ([], [])
    )
    by_series: dict[str | None, list[Event]] = defaultdict(list)
    for override in overrides:
        by_series[override.series_id].append(override)
    laid_out: dict[UUID, LaidOut] = {}
    problems: dict[UUID, str | None] = {}
    for stored in [*plain, *stored_masters]:
        event = stored.event
        result = materialize(event, by_series[event.provider_event_id], window, zone)
        laid_out[stored.event_id] = (busy_of(event), result.occurrences)
        if result.problem is not None:
            problems[stored.event_id] = result.problem
    uow.events.note_problems(problems)
    touched = uow.occurrences.replace(user_id=user_id, calendar_id=calendar_id, laid_out=laid_out)
    changed_ids = {stored.event_id for stored in changed}
    renamed = [
        occurrence.span
        for event_id in changed_ids & laid_out.keys()
        for occurrence in laid_out[event_id][1]
    ]
    return merge_spans([*touched, *renamed])
