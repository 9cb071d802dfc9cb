"""Leases: one sync per calendar at a time, whatever dies.

A worker that runs a job holds the calendar's lease under a token of its own and renews it with
every page. A worker that was killed stops renewing, so another may take over; should the first
one still be alive, it finds that its token no longer fits and writes nothing more.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session, aliased

from calendar_manager.domain.accounts import Calendar, Connection, ReadVia, Tokens
from calendar_manager.domain.errors import CalendarManagerError
from calendar_manager.domain.sync_jobs import SyncKind, SyncStatus, SyncTrigger
from calendar_manager.domain.timespan import Span
from calendar_manager.store.execution import execute_count
from calendar_manager.store.repositories.calendars import calendar_from_row
from calendar_manager.store.repositories.connections import (
    ConnectionRepository,
    connection_from_row,
)
from calendar_manager.store.tables import CalendarRow, ConnectionRow, SyncJobRow


class LeaseLostError(CalendarManagerError):
    """Another worker took over the calendar; this one must stop writing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A worker's right to write one calendar, and all that it needs for that.

    Attributes:
        token: Proves the right.
        job_id: The job that it runs.
        kind: What the job reads.
        trigger: Why it was asked for.
        attempts: How often it was started, this time included.
        calendar: The calendar.
        connection: The account that the calendar belongs to.
        tokens: The account's tokens; None when they were removed.
        cursor: Where the last complete read ended.
        cursor_version: The normalizer that was at work then.
        failures: How many runs in a row have failed.
        materialized: The span in which series are laid out; None before the first time.
    """

    token: UUID
    job_id: UUID
    kind: SyncKind
    trigger: SyncTrigger
    attempts: int
    calendar: Calendar
    connection: Connection
    tokens: Tokens | None
    cursor: str | None
    cursor_version: int | None
    failures: int
    materialized: Span | None

    def usable_cursor(self, normalizer_version: int) -> str | None:
        """Return the cursor if the job may go on from it.

        It may not when everything is to be read anew, or when another normalizer wrote what we
        have, since unchanged events would keep the older one's reading.
        """
        if self.kind is SyncKind.FULL or self.cursor_version != normalizer_version:
            return None
        return self.cursor


class LeaseRepository:
    """Taking, keeping and ending leases.

    Args:
        session: The transaction's session.
        connections: Opens the account's tokens.
    """

    def __init__(self, session: Session, connections: ConnectionRepository) -> None:
        self._session = session
        self._connections = connections

    def take(self, job_id: UUID, *, token: UUID, now: datetime, until: datetime) -> Lease | None:
        """Start a job: take its calendar's lease and mark it running.

        Returns:
            None when there is nothing to do: the job has ended, or somebody else holds the
            calendar and will see to the waiting job.
        """
        before = aliased(CalendarRow)
        taken = self._session.execute(
            update(CalendarRow)
            .where(
                before.id == CalendarRow.id,
                CalendarRow.id == SyncJobRow.calendar_id,
                SyncJobRow.id == job_id,
                SyncJobRow.status.in_([SyncStatus.QUEUED, SyncStatus.RUNNING]),
                ConnectionRow.id == CalendarRow.connection_id,
                or_(CalendarRow.leased_until.is_(None), CalendarRow.leased_until <= now),
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
                started_at=now,
                attempts=SyncJobRow.attempts + 1,
                pages=0,
                created_count=0,
                updated_count=0,
                deleted_count=0,
                unchanged_count=0,
                rejected_count=0,
                rejections=[],
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
        """Note that a running job has to read everything, because the cursor is unknown."""
        self._session.execute(
            update(SyncJobRow).where(SyncJobRow.id == lease.job_id).values(kind=SyncKind.FULL)
        )

    def complete(
        self,
        lease: Lease,
        *,
        cursor: str,
        version: int,
        next_sync_at: datetime,
        now: datetime,
        materialized: Span,
    ) -> UUID | None:
        """End a successful run, storing the cursor.

        Returns:
            The job that was asked for meanwhile and has to be sent now, None when there is none.

        Raises:
            LeaseLostError: Somebody else holds the calendar by now.
        """
        self._write(
            lease,
            lease_token=None,
            leased_until=None,
            cursor=cursor,
            cursor_version=version,
            materialized_from=materialized.start,
            materialized_until=materialized.end,
            last_synced_at=now,
            last_synced_via=ReadVia(lease.trigger.via),
            failures=0,
            error=None,
            next_sync_at=next_sync_at,
        )
        return self._end_job(lease, status=SyncStatus.SUCCEEDED, finished_at=now)

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
        self, lease: Lease, *, message: str, reason: str, retry_at: datetime, now: datetime
    ) -> UUID | None:
        """Let a run wait for its next attempt.

        Should another job wait for the calendar already, that one is the next attempt.

        Returns:
            The job to send, so that it starts at ``retry_at``.

        Raises:
            LeaseLostError: Somebody else holds the calendar by now.
        """
        self._write(
            lease,
            lease_token=None,
            leased_until=None,
            failures=CalendarRow.failures + 1,
            error=message,
            next_sync_at=retry_at,
        )
        waiting = self._waiting(lease)
        if waiting is not None:
            self._end_job(
                lease,
                status=SyncStatus.FAILED,
                finished_at=now,
                error=message,
                error_reason=reason,
            )
            self._session.execute(
                update(SyncJobRow).where(SyncJobRow.id == waiting).values(resend_at=retry_at)
            )
            return waiting
        self._end_job(
            lease, status=SyncStatus.QUEUED, resend_at=retry_at, error=message, error_reason=reason
        )
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

    def _waiting(self, lease: Lease) -> UUID | None:
        return self._session.scalars(self._waiting_query(lease)).one_or_none()

    def _waiting_query(self, lease: Lease) -> Any:  # noqa: ANN401 - a select of one column.
        waiting = SyncJobRow.__table__.alias("waiting")
        return select(waiting.c.id).where(
            waiting.c.calendar_id == lease.calendar.id, waiting.c.status == SyncStatus.QUEUED
        )

    def _lease(
        self,
        token: UUID,
        job: SyncJobRow,
        calendar: CalendarRow,
        connection: ConnectionRow,
    ) -> Lease:
        materialized = None
        if calendar.materialized_from is not None and calendar.materialized_until is not None:
            materialized = Span(calendar.materialized_from, calendar.materialized_until)
        return Lease(
            token=token,
            job_id=job.id,
            kind=SyncKind(job.kind),
            trigger=SyncTrigger(job.trigger),
            attempts=job.attempts,
            calendar=calendar_from_row(calendar),
            connection=connection_from_row(connection),
            tokens=self._connections.open_tokens(connection),
            cursor=calendar.cursor,
            cursor_version=calendar.cursor_version,
            failures=calendar.failures,
            materialized=materialized,
        )


def lock_calendar(session: Session, calendar_id: UUID) -> CalendarRow | None:
    """Lock a calendar against writers for the rest of the transaction."""
    return session.scalars(
        select(CalendarRow).where(CalendarRow.id == calendar_id).with_for_update()
    ).one_or_none()
