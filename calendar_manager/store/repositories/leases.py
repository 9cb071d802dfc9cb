"""Leases: one sync per calendar at a time, whatever dies.

A worker that runs a job holds the calendar's lease under a token of its own and renews it with
every page. A worker that was killed stops renewing, so another may take over; should the first
one still be alive, it finds that its token no longer fits and writes nothing more.

A full read that is cut into pieces lets go of the lease between them and stays *running*, so that
no other job of the calendar starts before it has come to its end.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, exists, func, literal, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from calendar_manager.domain.accounts import ReadVia
from calendar_manager.domain.sync_jobs import NextTurns, SyncKind, SyncStatus, SyncTrigger
from calendar_manager.domain.timespan import Span
from calendar_manager.store.agenda_rows import materialized_span
from calendar_manager.store.execution import execute_count
from calendar_manager.store.lease import Lease, LeaseLostError
from calendar_manager.store.next_turn import next_sync_at
from calendar_manager.store.repositories.calendars import calendar_from_row
from calendar_manager.store.repositories.connections import (
    ConnectionRepository,
    connection_from_row,
)
from calendar_manager.store.tables import CalendarRow, ConnectionRow, SyncJobRow


class LeaseRepository:
    """Taking, keeping and ending leases.

    Args:
        session: The transaction's session.
        connections: Opens the account's tokens.
    """

    def __init__(self, session: Session, connections: ConnectionRepository) -> None:
        self._session = session
        self._connections = connections

    def take(
        self,
        job_id: UUID,
        *,
        token: UUID,
        now: datetime,
        until: datetime,
        worker_lost: bool = False,
    ) -> Lease | None:
        """Start a job: take its calendar's lease and mark it running.

        Args:
            job_id: Which.
            token: Of the new lease.
            now: The present.
            until: When the lease ends unless it is kept.
            worker_lost: Whether the worker that ran this job before is known to be dead, so that
                its lease need not be waited for. Should it be alive, it writes nothing more.

        Returns:
            None when there is nothing to do: the job has ended, or somebody else holds the
            calendar and will see to the waiting job.
        """
        before, other = aliased(CalendarRow), aliased(SyncJobRow)
        between_pieces = CalendarRow.lease_token.is_(None) & exists().where(
            other.calendar_id == CalendarRow.id,
            other.status == SyncStatus.RUNNING,
            other.id != job_id,
        )
        taken = self._session.execute(
            update(CalendarRow)
            .where(
                before.id == CalendarRow.id,
                CalendarRow.id == SyncJobRow.calendar_id,
                SyncJobRow.id == job_id,
                SyncJobRow.status.in_([SyncStatus.QUEUED, SyncStatus.RUNNING]),
                ConnectionRow.id == CalendarRow.connection_id,
                or_(
                    CalendarRow.leased_until.is_(None),
                    CalendarRow.leased_until <= now,
                    and_(literal(worker_lost), SyncJobRow.status == SyncStatus.RUNNING),
                ),
                ~between_pieces,
            )
            .values(lease_token=token, leased_until=until)
            .returning(CalendarRow, ConnectionRow, before.lease_token),
            execution_options={"populate_existing": True},
        ).one_or_none()
        if taken is None:
            return None
        calendar, connection, abandoned = taken
        if abandoned is not None:
            self._end_abandoned(calendar.id, job_id, now)
        job = self._session.scalars(
            update(SyncJobRow)
            .where(SyncJobRow.id == job_id)
            .values(
                status=SyncStatus.RUNNING,
                started_at=case((SyncJobRow.pages > 0, SyncJobRow.started_at), else_=now),
                attempts=SyncJobRow.attempts + 1,
                error=None,
                error_reason=None,
            )
            .returning(SyncJobRow),
            execution_options={"populate_existing": True},
        ).one()
        return self._lease(token, job, calendar, connection)

    def keep(self, lease: Lease, *, until: datetime) -> None:
        """Lock the calendar for this transaction and renew the lease.

        Raises:
            LeaseLostError: Somebody else holds the calendar by now.
        """
        self._write(lease, leased_until=until)

    def turn_into_full(self, lease: Lease) -> None:
        """Note that a running job has to read everything, because there is no usable cursor."""
        self._session.execute(
            update(SyncJobRow).where(SyncJobRow.id == lease.job_id).values(kind=SyncKind.FULL)
        )

    def start_over(self, lease: Lease, *, now: datetime) -> None:
        """Forget what earlier attempts of a running job have counted."""
        self._session.execute(
            update(SyncJobRow)
            .where(SyncJobRow.id == lease.job_id)
            .values(
                started_at=now,
                pages=0,
                created_count=0,
                updated_count=0,
                deleted_count=0,
                unchanged_count=0,
                rejected_count=0,
                rejections=[],
            )
        )

    def pause(self, lease: Lease, *, resend_at: datetime) -> None:
        """Let go of the calendar between two pieces of a full read; the job goes on running.

        Its next piece is sent at ``resend_at`` if no message for it comes before.
        """
        self._write(lease, lease_token=None, leased_until=None)
        self._end_job(lease, resend_at=resend_at)

    def complete(
        self,
        lease: Lease,
        *,
        cursor: str,
        version: int,
        next_turns: NextTurns,
        now: datetime,
        materialized: Span,
        complete_as_of: datetime,
    ) -> UUID | None:
        """End a successful run, storing the cursor.

        Args:
            lease: The right to write.
            cursor: Where the next run goes on.
            version: The normalizer that was at work.
            next_turns: When the calendar is due again.
            now: The present.
            materialized: The span in which series are laid out.
            complete_as_of: When the read began; what changed later may be missing.

        Returns:
            The job that was asked for meanwhile and has to be sent now, None when there is none.

        Raises:
            LeaseLostError: Somebody else holds the calendar by now.
        """
        start, end = materialized.start, materialized.end
        self._write(
            lease,
            lease_token=None,
            leased_until=None,
            cursor=cursor,
            cursor_version=version,
            # Where the horizon rolled on during the read, only what both have laid out is sure.
            materialized_from=func.greatest(CalendarRow.materialized_from, start),
            materialized_until=func.least(CalendarRow.materialized_until, end),
            last_synced_at=complete_as_of,
            last_synced_via=ReadVia(lease.trigger.via),
            failures=0,
            error=None,
            held_at=None,
            held_deletions=None,
            accepted_deletions=None,
            next_sync_at=next_sync_at(next_turns, now),
        )
        return self._end_job(lease, status=SyncStatus.SUCCEEDED, finished_at=now)

    def hold(
        self, lease: Lease, *, message: str, deletions: int, next_sync_at: datetime, now: datetime
    ) -> UUID | None:
        """End a run that the circuit breaker stopped; the copy and the cursor stay.

        Args:
            lease: The right to write.
            message: What it would have done, for a person.
            deletions: How many events it would have deleted.
            next_sync_at: When to look again whether the source is back.
            now: The present.

        What it returns and raises is as with :meth:`complete`.
        """
        self._write(
            lease,
            lease_token=None,
            leased_until=None,
            held_at=func.coalesce(CalendarRow.held_at, now),
            held_deletions=deletions,
            accepted_deletions=None,
            error=message,
            next_sync_at=next_sync_at,
        )
        return self._end_job(
            lease,
            status=SyncStatus.HELD,
            finished_at=now,
            error=message,
            error_reason="too_many_deletions",
        )

    def fail(
        self,
        lease: Lease,
        *,
        message: str,
        reason: str,
        next_sync_at: datetime,
        now: datetime,
    ) -> UUID | None:
        """End a run that failed for good; the cursor stays where it was.

        Args:
            lease: The right to write.
            message: What went wrong, for a person.
            reason: The same as a code.
            next_sync_at: When to try again.
            now: The present.

        Returns:
            As :meth:`complete`.

        Raises:
            LeaseLostError: Somebody else holds the calendar by now.
        """
        self._write(
            lease,
            lease_token=None,
            leased_until=None,
            failures=CalendarRow.failures + 1,
            error=message,
            next_sync_at=next_sync_at,
        )
        return self._end_job(
            lease, status=SyncStatus.FAILED, finished_at=now, error=message, error_reason=reason
        )

    def put_back(
        self,
        lease: Lease,
        *,
        message: str,
        reason: str,
        retry_at: datetime,
        resend_at: datetime,
        progressed: bool = False,
        held_back: bool = False,
        now: datetime,
    ) -> UUID | None:
        """Let a run wait for its next attempt.

        Should another job wait for the calendar already, that one is the next attempt.

        Args:
            lease: The right to write.
            message: What went wrong, for a person.
            reason: The same as a code.
            retry_at: When the next attempt is due.
            resend_at: When it is sent if no message for it comes before.
            progressed: Whether the run came further than the attempt before it.
            held_back: Whether we ourselves had it wait, which is no failure.
            now: The present.

        Returns:
            The job to send, so that it starts at ``retry_at``.

        Raises:
            LeaseLostError: Somebody else holds the calendar by now.
        """
        failures = 1 if progressed else CalendarRow.failures + 1
        self._write(
            lease,
            lease_token=None,
            leased_until=None,
            next_sync_at=retry_at,
            **({} if held_back else {"failures": failures, "error": message}),
        )
        attempts = {"attempts": SyncJobRow.attempts - 1} if held_back else {}
        try:
            with self._session.begin_nested():
                self._end_job(
                    lease,
                    status=SyncStatus.QUEUED,
                    resend_at=resend_at,
                    error=message,
                    error_reason=reason,
                    **attempts,
                )
        except IntegrityError:
            # Another job of the calendar waits, and only one may.
            waiting = self._end_job(
                lease, status=SyncStatus.FAILED, finished_at=now, error=message, error_reason=reason
            )
            self._session.execute(
                update(SyncJobRow).where(SyncJobRow.id == waiting).values(resend_at=resend_at)
            )
            return waiting
        return lease.job_id

    def _end_abandoned(self, calendar_id: UUID, job_id: UUID, now: datetime) -> None:
        """End a job whose worker died, for it would stand in the way of the next one."""
        self._session.execute(
            update(SyncJobRow)
            .where(
                SyncJobRow.calendar_id == calendar_id,
                SyncJobRow.status == SyncStatus.RUNNING,
                SyncJobRow.id != job_id,
            )
            .values(
                status=SyncStatus.FAILED,
                finished_at=now,
                error="The worker stopped before the end; a later run took over.",
                error_reason="worker_lost",
            )
        )

    def _write(self, lease: Lease, **values: Any) -> None:  # noqa: ANN401 - the columns have types.
        statement = (
            update(CalendarRow)
            .where(CalendarRow.id == lease.calendar.id, CalendarRow.lease_token == lease.token)
            .values(**values)
        )
        if execute_count(self._session, statement) == 0:
            raise LeaseLostError(f"the lease on calendar {lease.calendar.id} is lost")

    def _end_job(self, lease: Lease, **values: Any) -> UUID | None:  # noqa: ANN401 - as _write.
        return self._session.scalars(
            update(SyncJobRow)
            .where(SyncJobRow.id == lease.job_id)
            .values(**values)
            .returning(self._waiting_query(lease).scalar_subquery())
        ).one_or_none()

    def _waiting_query(self, lease: Lease) -> Any:  # noqa: ANN401 - a select of one column.
        waiting = SyncJobRow.__table__.alias("waiting")
        return select(waiting.c.id).where(
            waiting.c.calendar_id == lease.calendar.id, waiting.c.status == SyncStatus.QUEUED
        )

    def _lease(
        self, token: UUID, job: SyncJobRow, calendar: CalendarRow, connection: ConnectionRow
    ) -> Lease:
        return Lease(
            token=token,
            job_id=job.id,
            kind=SyncKind(job.kind),
            trigger=SyncTrigger(job.trigger),
            queued_at=job.queued_at,
            attempts=job.attempts,
            pages=job.pages,
            calendar=calendar_from_row(calendar),
            connection=connection_from_row(connection),
            # Whoever needs them fails over their lack under the lease, and the job says so. Failing
            # here would leave it queued and sent again for ever.
            tokens=self._connections.try_open_tokens(connection),
            cursor=calendar.cursor,
            cursor_version=calendar.cursor_version,
            failures=calendar.failures,
            materialized=materialized_span(calendar),
            held=calendar.held_at is not None,
            accepted_deletions=calendar.accepted_deletions,
        )
