"""Removing for good what has been kept long enough."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from calendar_manager.store.repositories.expired import ExpiredRepository, Expiring
from calendar_manager.store.unit_of_work import Store

log = structlog.get_logger(__name__)

BATCH: Final = 2000
"""How many rows one transaction deletes, so that none holds its locks for long."""

_AT_ONCE: Final = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are kept.

    Attributes:
        sync_jobs: Sync jobs after their end.
        conflicts: Conflicts after they were closed and over.
        deleted: Events, calendars and clients after they were deleted, restorable until then.
        oauth_states: Consents that nobody came back with, after they expired.
        channels: Push channels after their end.
    """

    sync_jobs: timedelta
    conflicts: timedelta
    deleted: timedelta
    oauth_states: timedelta
    channels: timedelta


def clean_up(
    store: Store, *, now: datetime, retention: Retention, batch: int = BATCH
) -> dict[str, int]:
    """Remove what is older than its retention, in transactions of a few thousand rows.

    Returns:
        How many rows went, by kind; of calendars how many were emptied.
    """
    ages = {
        Expiring.SYNC_JOBS: retention.sync_jobs,
        Expiring.CONFLICTS: retention.conflicts,
        Expiring.EVENTS: retention.deleted,
        Expiring.OAUTH_STATES: retention.oauth_states,
        Expiring.LOGIN_SESSIONS: _AT_ONCE,
    }
    removed = {
        kind.value: _delete_all(store, kind, before=now - age, batch=batch)
        for kind, age in ages.items()
    }
    with store.begin() as uow:
        # Their events went with the others, so little is left to do.
        removed["calendars"] = uow.calendars.purge_deleted(before=now - retention.deleted)
        removed["clients"] = uow.clients.purge_deleted(before=now - retention.deleted)
    with store.begin() as uow:
        removed["channels"] = uow.channels.delete_ended(before=now - retention.channels)
    log.info("cleaned_up", **removed)
    return removed


def _delete_all(store: Store, kind: Expiring, *, before: datetime, batch: int) -> int:
    removed, last = 0, None
    while True:
        with store.begin() as uow:
            expired = ExpiredRepository(uow.session)
            ids: list[UUID] = expired.find_batch(kind, before=before, after=last, limit=batch)
            if not ids:
                return removed
            removed += expired.delete_batch(kind, ids, before=before)
        last = ids[-1]
