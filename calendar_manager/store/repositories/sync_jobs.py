"""Sync jobs: the durable queue of runs, and their history."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from calendar_manager.domain.sync_jobs import (
    RESEND_AFTER,
    SyncCounts,
    SyncJob,
    SyncKind,
    SyncStatus,
    SyncTrigger,
)
from calendar_manager.store.tables import CalendarRow, ConnectionRow, SyncJobRow

MAX_REJECTIONS = 100
"""How many unreadable events a job remembers by name; all of them are counted."""


class SyncJobRepository:
    """Queries over sync jobs.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def request(
        self,
        *,
        user_id: UUID,
        calendar_id: UUID,
        kind: SyncKind,
        trigger: SyncTrigger,
        now: datetime,
    ) -> SyncJob:
        """Queue a run, or return the one that already waits.

        A waiting run reads everything that happens before it starts, so a second one would
        find nothing to do. A request to read everything anew strengthens the waiting one.
        """
        statement = insert(SyncJobRow).values(
            user_id=user_id,
            calendar_id=calendar_id,
            kind=kind,
            trigger=trigger,
            queued_at=now,
            resend_at=now + RESEND_AFTER,
        )
        stronger = func.coalesce(
            func.nullif(statement.excluded.kind, SyncKind.INCREMENTAL), SyncJobRow.kind
        )
        statement = statement.on_conflict_do_update(
            index_elements=[SyncJobRow.calendar_id],
            index_where=text("status = 'queued'"),
            set_={
                "kind": stronger,
                "resend_at": func.least(SyncJobRow.resend_at, statement.excluded.resend_at),
            },
        )
        row = self._session.scalars(
            statement.returning(SyncJobRow), execution_options={"populate_existing": True}
        ).one()
        return job_from_row(row)

    def request_once(
        self,
        *,
        user_id: UUID,
        calendar_id: UUID,
        kind: SyncKind,
        trigger: SyncTrigger,
        now: datetime,
        quiet: timedelta,
    ) -> UUID | None:
        """Queue a run as :meth:`request` does, for callers that come in storms.

        A waiting run is let alone when it was sent within ``quiet``, or is put back until later,
        so that a storm neither sends a message each time nor hides one that got lost. One that
        only waits for its turn becomes as urgent as the new reason for it, and counts as asked for
        with that.

        Returns:
            The job to send after the commit; None when that was done already.
        """
        job_id = uuid4()
        statement = insert(SyncJobRow).values(
            id=job_id,
            user_id=user_id,
            calendar_id=calendar_id,
            kind=kind,
            trigger=trigger,
            queued_at=now,
            resend_at=now + RESEND_AFTER,
        )

        def is_sent(row: type[SyncJobRow]) -> ColumnElement[bool]:
            return _is_sent(row, trigger, now=now, quiet=quiet)

        before, new = aliased(SyncJobRow), statement.excluded
        unsent = select(not_(is_sent(before))).where(
            before.calendar_id == calendar_id, before.status == SyncStatus.QUEUED
        )
        overtaken = and_(SyncJobRow.trigger == SyncTrigger.BEAT, new.trigger != SyncTrigger.BEAT)
        changes = {
            "trigger": case((overtaken, new.trigger), else_=SyncJobRow.trigger),
            # How long a notification took to be applied is counted from here.
            "queued_at": case((overtaken, new.queued_at), else_=SyncJobRow.queued_at),
            "resend_at": case((is_sent(SyncJobRow), SyncJobRow.resend_at), else_=new.resend_at),
        }
        queued_id, is_unsent = self._session.execute(
            statement.on_conflict_do_update(
                index_elements=[SyncJobRow.calendar_id],
                index_where=text("status = 'queued'"),
                set_=changes,
                # The subquery sees the waiting job as it was before this statement.
            ).returning(SyncJobRow.id, unsent.scalar_subquery())
        ).one()
        return queued_id if queued_id == job_id or is_unsent else None

    def find(self, user_id: UUID, job_id: UUID) -> SyncJob | None:
        """Return a user's job, or None."""
        row = self._session.scalars(
            select(SyncJobRow).where(SyncJobRow.id == job_id, SyncJobRow.user_id == user_id)
        ).one_or_none()
        return None if row is None else job_from_row(row)

    def list(
        self,
        user_id: UUID,
        *,
        calendar_id: UUID | None = None,
        status: SyncStatus | None = None,
        before: tuple[datetime, UUID] | None = None,
        limit: int = 50,
    ) -> Sequence[SyncJob]:
        """List a user's jobs, the newest first.

        Args:
            user_id: Whose.
            calendar_id: Only those of one calendar.
            status: Only those in one state.
            before: ``(queued_at, id)`` of the last one already seen.
            limit: How many at most.
        """
        query = select(SyncJobRow).where(SyncJobRow.user_id == user_id)
        if calendar_id is not None:
            query = query.where(SyncJobRow.calendar_id == calendar_id)
        if status is not None:
            query = query.where(SyncJobRow.status == status)
        if before is not None:
            query = query.where(tuple_(SyncJobRow.queued_at, SyncJobRow.id) < before)
        query = query.order_by(SyncJobRow.queued_at.desc(), SyncJobRow.id.desc()).limit(limit)
        return [job_from_row(row) for row in self._session.scalars(query)]

    def record_page(
        self,
        job_id: UUID,
        counts: SyncCounts,
        rejections: Sequence[dict[str, str | None]],
        *,
        forward: bool = False,
    ) -> None:
        """Add one applied page to a running job.

        Args:
            job_id: Which.
            counts: What the page did.
            rejections: The events that could not be read, each with its reason.
            forward: Whether the next attempt begins behind this page, so that this one was not
                in vain.
        """
        self.count(job_id, counts, pages=1)
        if forward:
            self._session.execute(
                update(SyncJobRow).where(SyncJobRow.id == job_id).values(attempts=0)
            )
        if rejections:
            room = func.jsonb_array_length(SyncJobRow.rejections) < MAX_REJECTIONS
            added = literal(list(rejections[:MAX_REJECTIONS]), SyncJobRow.rejections.type)
            self._session.execute(
                update(SyncJobRow)
                .where(SyncJobRow.id == job_id, room)
                .values(rejections=SyncJobRow.rejections.op("||")(added))
            )

    def count(self, job_id: UUID, counts: SyncCounts, *, pages: int = 0) -> None:
        """Add to what a running job did."""
        values: dict[str, Any] = {
            "pages": SyncJobRow.pages + pages,
            "created_count": SyncJobRow.created_count + counts.created,
            "updated_count": SyncJobRow.updated_count + counts.updated,
            "deleted_count": SyncJobRow.deleted_count + counts.deleted,
            "unchanged_count": SyncJobRow.unchanged_count + counts.unchanged,
            "rejected_count": SyncJobRow.rejected_count + counts.rejected,
        }
        self._session.execute(update(SyncJobRow).where(SyncJobRow.id == job_id).values(values))

    def queue_due(
        self, *, now: datetime, interval: timedelta, limit: int
    ) -> Sequence[tuple[UUID, SyncTrigger]]:
        """Queue runs for the calendars of the whole installation that are due.

        Each due calendar's next turn is moved on in the same statement, and rows that another
        dispatcher is looking at are passed over, so two dispatchers never queue one twice.

        Args:
            now: The present.
            interval: When the next turn comes if this one should get lost.
            limit: How many at most, the longest overdue first.

        Returns:
            The jobs to send to the workers.
        """
        due = (
            select(CalendarRow.id)
            .join(ConnectionRow, ConnectionRow.id == CalendarRow.connection_id)
            .where(
                CalendarRow.next_sync_at <= now,
                CalendarRow.sync_enabled,
                CalendarRow.deleted_at.is_(None),
                CalendarRow.gone_at.is_(None),
                ConnectionRow.status == "active",
            )
            .order_by(CalendarRow.next_sync_at)
            .limit(limit)
            .with_for_update(of=CalendarRow, skip_locked=True)
            .cte("due")
        )
        kind = case(
            (CalendarRow.cursor.is_not(None), "incremental"),
            (CalendarRow.last_synced_at.is_not(None), "full"),
            else_="initial",
        )
        moved = (
            update(CalendarRow)
            .where(CalendarRow.id.in_(select(due.c.id)))
            .values(next_sync_at=now + interval)
            .returning(CalendarRow.id, CalendarRow.user_id, kind.label("kind"))
            .cte("moved")
        )
        columns = ["id", "user_id", "calendar_id", "kind", "trigger", "queued_at", "resend_at"]
        source = select(
            func.gen_random_uuid(),
            moved.c.user_id,
            moved.c.id,
            moved.c.kind,
            text("'beat'"),
            cast(now, SyncJobRow.queued_at.type),
            cast(now + RESEND_AFTER, SyncJobRow.resend_at.type),
        )
        queued = self._session.execute(
            insert(SyncJobRow)
            .from_select(columns, source)
            .on_conflict_do_nothing(
                index_elements=[SyncJobRow.calendar_id], index_where=text("status = 'queued'")
            )
            .returning(SyncJobRow.id, SyncJobRow.trigger)
        )
        return [(job_id, SyncTrigger(trigger)) for job_id, trigger in queued]

    def resend_lost(self, *, now: datetime, limit: int) -> Sequence[tuple[UUID, SyncTrigger]]:
        """Find the installation's jobs whose message or worker got lost, or whose time has come.

        A job is to be sent again when nobody has taken it up for a while, when its worker stopped
        renewing its lease, or when it was put back until now.

        Returns:
            The jobs to send again; sending one too many is harmless.
        """
        # Each state has an index of its own, far smaller than the history of all jobs; a list of
        # states would have none.
        is_late = or_(
            *(
                and_(SyncJobRow.status == literal_column(state), SyncJobRow.resend_at <= now)
                for state in ("'queued'", "'running'")
            )
        )
        lost = (
            select(SyncJobRow.id)
            .join(CalendarRow, CalendarRow.id == SyncJobRow.calendar_id)
            .join(ConnectionRow, ConnectionRow.id == CalendarRow.connection_id)
            .where(
                is_late,
                ConnectionRow.status == "active",
                or_(CalendarRow.leased_until.is_(None), CalendarRow.leased_until <= now),
            )
            .order_by(SyncJobRow.resend_at)
            .limit(limit)
            .with_for_update(of=SyncJobRow, skip_locked=True)
            .scalar_subquery()
        )
        sent = self._session.execute(
            update(SyncJobRow)
            .where(SyncJobRow.id.in_(lost))
            .values(resend_at=now + RESEND_AFTER)
            .returning(SyncJobRow.id, SyncJobRow.trigger)
        )
        return [(job_id, SyncTrigger(trigger)) for job_id, trigger in sent]


def _is_sent(
    row: type[SyncJobRow], trigger: SyncTrigger, *, now: datetime, quiet: timedelta
) -> ColumnElement[bool]:
    """Return the condition of a waiting job that another request need not send again."""
    sent = row.resend_at > now + RESEND_AFTER - quiet
    if not trigger.urgent:
        return sent
    put_back = row.resend_at > now + RESEND_AFTER
    return or_(put_back, and_(sent, row.trigger != SyncTrigger.BEAT))


def job_from_row(row: SyncJobRow) -> SyncJob:
    """Return the domain's view of a row."""
    return SyncJob(
        id=row.id,
        calendar_id=row.calendar_id,
        kind=SyncKind(row.kind),
        trigger=SyncTrigger(row.trigger),
        status=SyncStatus(row.status),
        pages=row.pages,
        counts=SyncCounts(
            created=row.created_count,
            updated=row.updated_count,
            deleted=row.deleted_count,
            unchanged=row.unchanged_count,
            rejected=row.rejected_count,
        ),
        rejections=tuple(row.rejections),
        attempts=row.attempts,
        error=row.error,
        queued_at=row.queued_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
