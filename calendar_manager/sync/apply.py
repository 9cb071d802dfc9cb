"""Writing one page of changes, in one short transaction."""

from datetime import datetime, timedelta

from calendar_manager.domain.changes import ChangePage
from calendar_manager.domain.sync_jobs import SyncCounts
from calendar_manager.domain.timespan import Span, merge_spans
from calendar_manager.store.repositories.leases import Lease
from calendar_manager.store.unit_of_work import UnitOfWork
from calendar_manager.sync.layout import lay_out
from calendar_manager.sync.plan import find_mentioned, plan_page

CHECK_GAP = timedelta(days=1)
MANY_SPANS = 50


def apply_page(
    uow: UnitOfWork, lease: Lease, page: ChangePage, *, window: Span, full: bool, now: datetime
) -> None:
    """Bring our copy in line with one page of changes.

    Args:
        uow: The transaction; the caller holds the lease in it.
        lease: The right to write the calendar.
        page: The changes.
        window: The span in which series are laid out.
        full: Whether the page belongs to a full read, whose end sweeps what was not seen.
        now: The present.
    """
    calendar = lease.calendar
    mentioned = find_mentioned(page.changes)
    known = uow.events.load_known(
        calendar.id, mentioned.ids, series=mentioned.series, prefixes=mentioned.prefixes
    )
    plan = plan_page(page.changes, known)
    stored = uow.events.save(user_id=calendar.user_id, calendar_id=calendar.id, events=plan.save)
    removed = uow.events.mark_deleted(calendar.id, plan.delete, now=now)
    uow.events.replace_instances(calendar.id, plan.instances | dict.fromkeys(plan.delete, ()))
    touched = list(uow.occurrences.remove(removed)) if removed else []
    if stored or plan.series:
        touched += lay_out(
            uow,
            user_id=calendar.user_id,
            calendar_id=calendar.id,
            changed=stored,
            series=plan.series,
            window=window,
        )
    request_check(uow, lease, touched)
    if full:
        uow.events.mark_seen(calendar.id, plan.seen)
    rejections = [
        {"provider_event_id": rejected.provider_event_id, "reason": rejected.reason}
        for rejected in plan.rejections
    ]
    uow.sync_jobs.record_page(lease.job_id, plan.counts, rejections)


def sweep(uow: UnitOfWork, lease: Lease, *, within: Span | None, now: datetime) -> None:
    """Delete what a complete full read has not seen: a full list carries no deletions.

    Args:
        uow: The transaction; the caller holds the lease in it.
        lease: The right to write the calendar.
        within: What the read could see; None when it could see everything.
        now: The present.
    """
    unseen = uow.events.find_unseen(lease.calendar.id, within=within)
    removed = uow.events.mark_deleted(lease.calendar.id, unseen, now=now)
    if removed:
        request_check(uow, lease, list(uow.occurrences.remove(removed)))
        uow.sync_jobs.count(lease.job_id, SyncCounts(deleted=len(unseen)))
    uow.events.clear_marks(lease.calendar.id)


def request_check(uow: UnitOfWork, lease: Lease, touched: list[Span]) -> None:
    """Note in which spans conflicts have to be looked for."""
    spans = merge_spans(touched)
    if len(spans) > MANY_SPANS:
        # After a large read nearly every day changed; a few wide looks are then cheaper.
        widened = merge_spans(span.widened(CHECK_GAP, CHECK_GAP) for span in spans)
        spans = [Span(span.start + CHECK_GAP, span.end - CHECK_GAP) for span in widened]
    if spans:
        uow.conflicts.request_check(lease.calendar.user_id, spans)
