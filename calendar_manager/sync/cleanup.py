"""Removing for good what has been kept long enough."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from calendar_manager.store.unit_of_work import Store

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are kept.

    Attributes:
        sync_jobs: Sync jobs after their end.
        conflicts: Conflicts after they were closed.
        deleted: Events and calendars after they were deleted, restorable until then.
    """

    sync_jobs: timedelta
    conflicts: timedelta
    deleted: timedelta


def clean_up(store: Store, *, now: datetime, retention: Retention) -> dict[str, int]:
    """Remove what is older than its retention, each kind in a transaction of its own.

    Returns:
        How many rows went, by kind.
    """
    removed: dict[str, int] = {}
    with store.begin() as uow:
        removed["sync_jobs"] = uow.sync_jobs.delete_finished(before=now - retention.sync_jobs)
    with store.begin() as uow:
        removed["conflicts"] = uow.conflicts.delete_closed(before=now - retention.conflicts)
    with store.begin() as uow:
        removed["events"] = uow.events.purge_deleted(before=now - retention.deleted)
        removed["calendars"] = uow.calendars.purge_deleted(before=now - retention.deleted)
    with store.begin() as uow:
        removed["oauth_states"] = uow.oauth_states.delete_expired(now=now)
        removed["login_sessions"] = uow.login_sessions.delete_expired(now=now)
    log.info("cleaned_up", **removed)
    return removed
