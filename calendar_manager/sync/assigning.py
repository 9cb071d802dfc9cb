"""Telling by rules whom events belong to: of those that changed, and of all when rules change."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from calendar_manager.domain.clients import traits_of
from calendar_manager.store.repositories.events import StoredEvent
from calendar_manager.store.unit_of_work import Store, UnitOfWork

log = structlog.get_logger(__name__)

BATCH: Final = 1000
"""How many events one transaction looks at, so that no sync waits for long."""

PATIENCE: Final = timedelta(minutes=1)
"""Rules that wait longer than this to be applied were forgotten by a crash."""


def assign_changed(
    uow: UnitOfWork, user_id: UUID, calendar_id: UUID, events: Iterable[StoredEvent]
) -> None:
    """Let the rules tell whom changed events belong to, in the transaction that changes them.

    It costs one statement where the user has no rules, none without events, and a few for a page
    of events otherwise. It belongs after :func:`~calendar_manager.sync.layout.lay_out`, which
    shares the lock on the user that a change of rules waits for: whoever comes second sees what
    the first has written.

    Args:
        uow: The transaction.
        user_id: Whose events.
        calendar_id: On which calendar they are.
        events: What was just saved.
    """
    changed = list(events)
    if not changed:
        return
    matcher = uow.clients.load_matcher(user_id)
    if not matcher:
        return
    uow.assignments.apply_rules(
        user_id,
        {
            one.event_id: matcher.find(
                traits_of(calendar_id, one.event.title, one.event.organizer, one.event.attendees)
            )
            for one in changed
        },
    )


def reassign_clients(store: Store, user_id: UUID, *, batch: int = BATCH) -> int:
    """Let the rules tell anew whom all of a user's events belong to.

    In short transactions, each with the rules as they are then. A run that dies is begun again;
    so is one during which the rules change once more, by the message of that change.

    Args:
        store: PostgreSQL.
        user_id: Whose events.
        batch: How many events one transaction looks at.

    Returns:
        How many assignments are different now.
    """
    with store.begin() as uow:
        asked_at = uow.clients.find_reassign(user_id)
    if asked_at is None:
        return 0
    changed, last = 0, None
    while True:
        with store.begin() as uow:
            # A sync may not change an event between our reading it and writing whose it is.
            uow.clients.lock(user_id)
            matcher = uow.clients.load_matcher(user_id)
            page = uow.assignments.list_traits(user_id, after=last, limit=batch)
            if not page:
                uow.clients.end_reassign(user_id, asked_at)
                break
            changed += uow.assignments.apply_rules(
                user_id, {event_id: matcher.find(traits) for _, event_id, traits in page}
            )
        last = page[-1][0]
    log.info("clients_reassigned", user_id=str(user_id), changed=changed)
    return changed


def find_users_to_reassign(store: Store) -> Sequence[UUID]:
    """Return the users whose rules a crash left unapplied."""
    with store.begin() as uow:
        return uow.clients.users_to_reassign(older_than=PATIENCE)
