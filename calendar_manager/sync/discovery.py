"""Keeping the list of an account's calendars up to date."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog

from calendar_manager.domain.accounts import Connection, RemoteCalendar
from calendar_manager.domain.sync_jobs import SyncJob, SyncTrigger
from calendar_manager.providers.errors import ProviderError
from calendar_manager.store.unit_of_work import UnitOfWork
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.pull import with_account
from calendar_manager.sync.requests import request_sync

log = structlog.get_logger(__name__)


def discover_calendars(context: SyncContext, connection_id: UUID) -> list[SyncJob]:
    """Ask a provider which calendars an account has.

    When the provider cannot answer, everything stays as it is until the next turn.

    Returns:
        The first runs over calendars that are new, to be sent to the workers.
    """
    with context.store.begin() as uow:
        loaded = uow.connections.load_tokens(connection_id)
    if loaded is None:
        return []
    connection, _ = loaded
    try:
        remote = with_account(context, connection, lambda provider: list(provider.pull_calendars()))
    except ProviderError as error:
        log.warning("discovery_failed", connection_id=str(connection_id), reason=error.reason)
        return []
    with context.store.begin() as uow:
        return adopt_calendars(uow, connection, remote, now=context.clock())


def adopt_calendars(
    uow: UnitOfWork, connection: Connection, remote: Sequence[RemoteCalendar], *, now: datetime
) -> list[SyncJob]:
    """Bring our list in line with a provider's, and queue the first runs over what is new.

    Where calendars came back or went away, conflicts come and end with them. A list that is empty
    although there were calendars is never believed: every account has one of its own that cannot
    be deleted, so it is the answer that is wrong, and everything stays as it is.

    Returns:
        The jobs to send to the workers after the commit.
    """
    if not remote and uow.calendars.list_of_connection(connection.id):
        log.warning(
            "discovery_disbelieved",
            connection_id=str(connection.id),
            provider=connection.provider.value,
        )
        return []
    discovered = uow.calendars.merge_discovered(connection, remote, now=now)
    if discovered.gone:
        uow.conflicts.request_check_all(connection.user_id)
    return [
        # What one that came back has missed is unknown, so it is read anew as a whole.
        request_sync(uow, calendar, trigger=SyncTrigger.CONNECT, now=now, full=True)
        for calendar in discovered.wanted
    ]
