"""Asking for syncs."""

from collections.abc import Iterable
from datetime import datetime

from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.sync_jobs import SyncJob, SyncKind, SyncTrigger
from calendar_manager.store.unit_of_work import UnitOfWork


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


def request_first_syncs(
    uow: UnitOfWork, calendars: Iterable[Calendar], *, now: datetime
) -> list[SyncJob]:
    """Queue the first run over calendars that were just found."""
    return [
        request_sync(uow, calendar, trigger=SyncTrigger.CONNECT, now=now) for calendar in calendars
    ]
