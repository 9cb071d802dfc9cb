"""Reading a calendar under a lease, and writing each page with the place where it ends."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import structlog

from calendar_manager.domain.changes import ChangePage
from calendar_manager.domain.sync_jobs import RESEND_AFTER, SyncKind, SyncTrigger
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.errors import CursorExpiredError, PositionExpiredError
from calendar_manager.store.lease import Lease
from calendar_manager.store.repositories.full_reads import FullRead
from calendar_manager.store.unit_of_work import UnitOfWork
from calendar_manager.sync.apply import Task, apply_page, sweep
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.detect import examine_conflicts
from calendar_manager.sync.follow_up import FollowUp
from calendar_manager.sync.guard import DeletionGuard
from calendar_manager.sync.pull import pull_pages
from calendar_manager.telemetry.instruments import NOTIFICATION_DELAYS
from calendar_manager.telemetry.tally import TALLY

log = structlog.get_logger(__name__)

READ_LIFE: Final = timedelta(hours=12)
"""How long a full read that broke off can be gone on with; providers' page tokens age."""


class Reader:
    """One attempt at a job.

    Args:
        context: The parts of the write path.
        lease: The right to write the calendar.
    """

    def __init__(self, context: SyncContext, lease: Lease) -> None:
        self._context = context
        self._lease = lease
        self._factory = context.registry.get(lease.connection.provider)
        self._guard = DeletionGuard(context.options.breaker, accepted=lease.accepted_deletions)
        self._began_at = self._kept_at = context.clock()
        self._resumed = False
        self._events = 0
        self._changed = False
        self.progressed = False
        """Whether a full read came further, so that the next attempt begins behind it."""

    def read(self, provider: CalendarProvider) -> FollowUp | None:
        """Read the news, or everything where there is no usable cursor.

        Returns:
            The job to send next: this one for its next piece, or one that was asked for while
            this one ran.
        """
        cursor = self._lease.usable_cursor(self._factory.normalizer_version)
        if cursor is not None:
            try:
                return self._read_news(provider, cursor)
            except CursorExpiredError as error:
                log.info("cursor_expired", job_id=str(self._lease.job_id), reason=error.reason)
        if cursor is not None or self._lease.kind is SyncKind.INCREMENTAL:
            with self._context.store.begin() as uow:
                self._keep(uow)
                uow.leases.turn_into_full(self._lease)
        return self._read_everything(provider)

    def keep_lease(self) -> None:
        """Renew the lease if that was not done lately; to be called before each request.

        Raises:
            LeaseLostError: Somebody else holds the calendar by now.
        """
        if self._context.clock() - self._kept_at > self._context.options.lease / 3:
            with self._context.store.begin() as uow:
                self._keep(uow)

    def _read_news(self, provider: CalendarProvider, cursor: str) -> FollowUp | None:
        if self._was_tried:
            with self._context.store.begin() as uow:
                self._keep(uow)
                uow.leases.start_over(self._lease, now=self._context.clock())
        pages = pull_pages(self._context, provider, self._lease.calendar, cursor)
        return self._write_all(pages, self._lease.materialized or self._context.horizon())

    def _read_everything(self, provider: CalendarProvider) -> FollowUp | None:
        read = self._go_on() or self._begin()
        try:
            return self._read_from(provider, read)
        except PositionExpiredError as error:
            log.info("position_expired", job_id=str(self._lease.job_id), reason=error.reason)
        return self._read_from(provider, self._begin())

    def _read_from(self, provider: CalendarProvider, read: FullRead) -> FollowUp | None:
        self._began_at, self._resumed = read.began_at, read.position is not None
        pages = pull_pages(
            self._context, provider, self._lease.calendar, None, position=read.position
        )
        return self._write_all(pages, self._lease.materialized or read.window, full=True)

    def _go_on(self) -> FullRead | None:
        """Return the full read that broke off, if it can be gone on with."""
        lease = self._lease
        with self._context.store.begin() as uow:
            read = uow.full_reads.find(lease.calendar.id)
        asked_anew = (
            lease.kind is SyncKind.FULL and lease.trigger is SyncTrigger.MANUAL and not lease.pages
        )
        if read is None or read.position is None or lease.held or asked_anew:
            return None
        if read.normalizer_version != self._factory.normalizer_version:
            return None
        synced_at = lease.calendar.last_synced_at
        if synced_at is not None and synced_at > read.began_at:
            # It was overtaken by a complete read, and has not seen what that one brought.
            return None
        return read if self._context.clock() - read.began_at < READ_LIFE else None

    def _begin(self) -> FullRead:
        """Begin a full read from the first page."""
        calendar_id, now = self._lease.calendar.id, self._context.clock()
        with self._context.store.begin() as uow:
            self._keep(uow)
            before = uow.full_reads.find(calendar_id)
            read = FullRead(
                began_at=now,
                normalizer_version=self._factory.normalizer_version,
                position=None,
                window=before.window if before is not None else self._context.horizon(),
            )
            uow.full_reads.begin(calendar_id, read)
            if self._was_tried or self.progressed:
                uow.leases.start_over(self._lease, now=now)
        return read

    def _write_all(
        self, pages: Iterator[ChangePage], window: Span, *, full: bool = False
    ) -> FollowUp | None:
        follow_up = None
        for page in pages:
            task = Task(
                lease=self._lease,
                window=window,
                full=full,
                guard=self._guard,
                now=self._context.clock(),
            )
            is_last = page.cursor is not None
            pauses = full and not is_last and self._fills_piece(page)
            follow_up = self._write(page, task, pauses=pauses)
            if page.changes or (full and is_last):
                examine_conflicts(
                    self._context.store, self._lease.calendar.user_id, self._context.clock
                )
            if pauses:
                break
        return follow_up

    def _write(self, page: ChangePage, task: Task, *, pauses: bool) -> FollowUp | None:
        """Write a page together with the place where it ends, in one transaction."""
        waiting = None
        with self._context.store.begin() as uow:
            if page.changes or page.cursor is None or task.full:
                self._keep(uow)
            if page.changes or page.cursor is None:
                counts = apply_page(uow, page, task)
                self._changed |= bool(counts.created or counts.updated or counts.deleted)
            if page.cursor is not None:
                waiting = self._complete(uow, page.cursor, task)
            elif task.full:
                uow.full_reads.note_position(task.lease.calendar.id, page.position)
            if pauses:
                uow.leases.pause(task.lease, resend_at=task.now + RESEND_AFTER)
        if page.cursor is not None and self._lease.trigger is SyncTrigger.NOTIFICATION:
            delay = (self._context.clock() - self._lease.queued_at).total_seconds()
            TALLY.observe(NOTIFICATION_DELAYS, delay, self._lease.connection.provider.value)
        self.progressed |= task.full and page.position is not None
        return FollowUp(task.lease.job_id, urgent=False) if pauses else waiting

    def _complete(self, uow: UnitOfWork, cursor: str, task: Task) -> FollowUp | None:
        lease = task.lease
        if task.full:
            within = self._context.horizon() if self._factory.reads_window else None
            sweep(uow, task, within=within)
        elif self._changed and lease.trigger is SyncTrigger.BEAT:
            uow.channels.note_doubt(lease.calendar.id, now=task.now)
        waiting = uow.leases.complete(
            lease,
            cursor=cursor,
            version=self._factory.normalizer_version,
            next_turns=self._context.next_turns(),
            materialized=task.window,
            complete_as_of=self._began_at,
            now=task.now,
        )
        if waiting is None and self._resumed:
            # What changed while the read was broken off may lie behind it, and who told of it
            # took the waiting job for one that had not begun.
            news = uow.sync_jobs.request(
                user_id=lease.calendar.user_id,
                calendar_id=lease.calendar.id,
                kind=SyncKind.INCREMENTAL,
                trigger=lease.trigger,
                now=task.now,
            )
            waiting = news.id
        return None if waiting is None else FollowUp(waiting)

    def _fills_piece(self, page: ChangePage) -> bool:
        """Tell whether it is time to let others go first, and whether one can go on later.

        A page counts as one event at least, because there are pages that tell nothing.
        """
        self._events += max(len(page.changes), 1)
        return page.position is not None and self._events >= self._context.options.events_per_piece

    def _keep(self, uow: UnitOfWork) -> None:
        now = self._context.clock()
        uow.leases.keep(self._lease, until=now + self._context.options.lease)
        self._kept_at = now

    @property
    def _was_tried(self) -> bool:
        return self._lease.attempts > 1 or self._lease.pages > 0
