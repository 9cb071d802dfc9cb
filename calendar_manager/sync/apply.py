"""Writing one page of changes, in one short transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from calendar_manager.domain.changes import ChangePage, Rejected, RemoteChange
from calendar_manager.domain.errors import DomainError
from calendar_manager.domain.sync_jobs import SyncCounts
from calendar_manager.domain.timespan import Span, merge_spans
from calendar_manager.store.lease import Lease
from calendar_manager.store.unit_of_work import UnitOfWork, UnstorableError
from calendar_manager.sync.assigning import assign_changed
from calendar_manager.sync.guard import DeletionGuard
from calendar_manager.sync.layout import lay_out
from calendar_manager.sync.plan import find_mentioned, plan_page
from calendar_manager.telemetry.instruments import EVENTS_CHANGED
from calendar_manager.telemetry.tally import TALLY

log = structlog.get_logger(__name__)

CHECK_GAP = timedelta(days=1)
MANY_SPANS = 50

_UNSTORABLE = (
    UnstorableError,
    DomainError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    RecursionError,
)
"""What a change may raise that cannot be written: PostgreSQL refuses a value, or our own code
does not bear it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a page is applied for.

    Attributes:
        lease: The right to write the calendar.
        window: The span in which series are laid out.
        full: Whether the page belongs to a full read, whose end sweeps what was not seen.
        guard: Stops the run before it deletes too much.
        now: The present.
    """

    lease: Lease
    window: Span
    full: bool
    guard: DeletionGuard
    now: datetime


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of some changes.

    Attributes:
        counts: What they did to our copy.
        rejections: Those that could not be read or written.
        seen: Provider ids of the events that they speak of.
        touched: Where occurrences may be different now.
    """

    counts: SyncCounts = field(default_factory=SyncCounts)
    rejections: tuple[Rejected, ...] = ()
    seen: tuple[str, ...] = ()
    touched: tuple[Span, ...] = ()

    def __add__(self, other: "Applied") -> "Applied":
        return Applied(
            self.counts + other.counts,
            self.rejections + other.rejections,
            self.seen + other.seen,
            self.touched + other.touched,
        )


def apply_page(uow: UnitOfWork, page: ChangePage, task: Task) -> SyncCounts:
    """Bring our copy in line with one page of changes.

    A change that cannot be written costs itself and is recorded in the job.

    Args:
        uow: The transaction; the caller holds the lease in it.
        page: The changes.
        task: What they are applied for.

    Returns:
        What the page did.

    Raises:
        TooManyDeletionsError: It would delete too much.
    """
    applied = _apply(uow, page.changes, task) if page.changes else Applied()
    request_check(uow, task.lease, applied.touched)
    if task.full:
        uow.full_reads.mark_seen(task.lease.calendar.id, set(applied.seen))
    uow.sync_jobs.record_page(
        task.lease.job_id,
        applied.counts,
        [_show(rejected) for rejected in applied.rejections],
        forward=task.full and page.position is not None,
    )
    _count(uow, task.lease, applied.counts)
    return applied.counts


def sweep(uow: UnitOfWork, task: Task, *, within: Span | None) -> None:
    """Delete what a complete full read has not seen: a full list carries no deletions.

    Args:
        uow: The transaction; the caller holds the lease in it.
        task: What the read was for.
        within: What the read could see; None when it could see everything.

    Raises:
        TooManyDeletionsError: It would delete too much.
    """
    calendar_id = task.lease.calendar.id
    unseen = uow.events.find_unseen(calendar_id, within=within)
    lost = sum(1 for series_id in unseen.values() if series_id is None)
    task.guard.pass_deletions(uow, calendar_id, lost, full=True, within=within)
    removed = uow.events.mark_deleted(calendar_id, list(unseen), now=task.now)
    if removed:
        touched = list(uow.occurrences.remove(removed))
        # An override that is gone gives its place back to its series.
        series = frozenset(filter(None, unseen.values())) - unseen.keys()
        if series:
            touched += lay_out(
                uow,
                user_id=task.lease.calendar.user_id,
                calendar_id=calendar_id,
                changed=(),
                series=series,
                window=task.window,
            )
        request_check(uow, task.lease, touched)
        deleted = SyncCounts(deleted=len(unseen))
        uow.sync_jobs.count(task.lease.job_id, deleted)
        _count(uow, task.lease, deleted)
    uow.full_reads.end(calendar_id)


def request_check(uow: UnitOfWork, lease: Lease, touched: Sequence[Span]) -> None:
    """Note in which spans conflicts have to be looked for."""
    spans = merge_spans(touched)
    if len(spans) > MANY_SPANS:
        # After a large read nearly every day changed; a few wide looks are then cheaper.
        widened = merge_spans(span.widened(CHECK_GAP, CHECK_GAP) for span in spans)
        spans = [Span(span.start + CHECK_GAP, span.end - CHECK_GAP) for span in widened]
    if spans:
        uow.conflicts.request_check(lease.calendar.user_id, spans)


def _count(uow: UnitOfWork, lease: Lease, counts: SyncCounts) -> None:
    """Count what changed, once it is certain."""
    provider = lease.connection.provider.value

    def count() -> None:
        TALLY.count(EVENTS_CHANGED, provider, "created", by=counts.created)
        TALLY.count(EVENTS_CHANGED, provider, "updated", by=counts.updated)
        TALLY.count(EVENTS_CHANGED, provider, "deleted", by=counts.deleted)

    uow.after_commit(count)


def _apply(uow: UnitOfWork, changes: Sequence[RemoteChange], task: Task) -> Applied:
    """Write changes together, and where that fails in halves, until the culprit stands alone."""
    deleted = task.guard.deleted
    try:
        with uow.savepoint():
            return _write(uow, changes, task)
    except _UNSTORABLE as error:
        task.guard.deleted = deleted
        if len(changes) == 1:
            return _reject(changes[0], error)
    middle = len(changes) // 2
    return _apply(uow, changes[:middle], task) + _apply(uow, changes[middle:], task)


def _write(uow: UnitOfWork, changes: Sequence[RemoteChange], task: Task) -> Applied:
    calendar = task.lease.calendar
    mentioned = find_mentioned(changes)
    known = uow.events.load_known(
        calendar.id, mentioned.ids, series=mentioned.series, prefixes=mentioned.prefixes
    )
    plan = plan_page(changes, known)
    task.guard.pass_deletions(uow, calendar.id, plan.lost)
    stored = uow.events.save(user_id=calendar.user_id, calendar_id=calendar.id, events=plan.save)
    removed = uow.events.mark_deleted(calendar.id, plan.delete, now=task.now)
    uow.events.replace_instances(calendar.id, plan.instances | dict.fromkeys(plan.delete, ()))
    touched = list(uow.occurrences.remove(removed)) if removed else []
    if stored or plan.series:
        touched += lay_out(
            uow,
            user_id=calendar.user_id,
            calendar_id=calendar.id,
            changed=stored,
            series=plan.series,
            window=task.window,
        )
    assign_changed(uow, calendar.user_id, calendar.id, stored)
    return Applied(plan.counts, plan.rejections, plan.seen, tuple(touched))


def _reject(change: RemoteChange, error: Exception) -> Applied:
    """Record a change that cannot be written; an event that we cannot write is not gone."""
    log.warning("change_rejected", error=type(error).__name__, exc_info=error)
    ids = find_mentioned([change]).ids
    rejections = tuple(Rejected(key, "it cannot be stored") for key in ids)
    storable = tuple(key for key in ids if _clean(key) == key)
    return Applied(SyncCounts(rejected=len(rejections)), rejections, storable)


def _show(rejected: Rejected) -> dict[str, str | None]:
    provider_event_id = rejected.provider_event_id
    return {
        "provider_event_id": None if provider_event_id is None else _clean(provider_event_id),
        "reason": _clean(rejected.reason),
    }


def _clean(text: str) -> str:
    """Return a text without what PostgreSQL cannot hold."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
