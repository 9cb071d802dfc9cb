"""Asking for syncs."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.sync_jobs import SyncJob, SyncKind, SyncTrigger
from calendar_manager.store.unit_of_work import UnitOfWork

QUIET: Final = timedelta(seconds=30)
"""For so long after a job was sent, further notifications send it no more."""


def request_sync(
    uow: UnitOfWork, calendar: Calendar, *, trigger: SyncTrigger, now: datetime, full: bool = False
) -> SyncJob:
    """Queue a run over a calendar, or return the one that already waits.

    The caller sends the job to the workers after the commit.

    Args:
        uow: The transaction.
        calendar: Which calendar.
        trigger: Why.
        now: The present.
        full: Whether to read everything anew instead of the news.
    """
    if calendar.last_synced_at is None:
        kind = SyncKind.INITIAL
    else:
        kind = SyncKind.FULL if full else SyncKind.INCREMENTAL
    return uow.sync_jobs.request(
        user_id=calendar.user_id, calendar_id=calendar.id, kind=kind, trigger=trigger, now=now
    )


def request_sync_once(
    uow: UnitOfWork, calendar: Calendar, *, trigger: SyncTrigger, now: datetime
) -> UUID | None:
    """Queue a run over the news of a calendar, however many ask for one at the same time.

    Args:
        uow: The transaction.
        calendar: Which calendar.
        trigger: Why.
        now: The present.

    Returns:
        The job that the caller has to send to the workers after the commit; None when it is on
        its way already.
    """
    return uow.sync_jobs.request_once(
        user_id=calendar.user_id,
        calendar_id=calendar.id,
        kind=SyncKind.INITIAL if calendar.last_synced_at is None else SyncKind.INCREMENTAL,
        trigger=trigger,
        now=now,
        quiet=QUIET,
    )
