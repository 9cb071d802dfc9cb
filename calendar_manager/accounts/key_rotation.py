"""Replacing the key that stored secrets are encrypted with, while everything runs.

``TOKEN_ENCRYPTION_KEYS`` names several keys: the first encrypts, all decrypt. So a key is replaced
in four steps, none of which stops anything:

1. Every process gets the new key as the last one, so that all can read it.
2. Every process gets the new key as the first one; from now on nothing new uses the old one.
3. :func:`rotate_keys` encrypts what is stored with the new key.
4. Every process drops the old key.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from calendar_manager.store.repositories.sealed import SealedPlace
from calendar_manager.store.unit_of_work import Store

BATCH: Final = 200
"""Rows of one transaction: it locks them, and the refresh of their tokens waits that long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationProgress:
    """How far a rotation has come.

    Attributes:
        total: How many rows there were to look at in the beginning; some may come or go.
        rows: How many were looked at so far.
        renewed: How many secrets were encrypted anew so far; none when a rotation is repeated.
        unreadable: How many secrets none of the keys opens. They were lost before, and their
            accounts have to be connected again.
    """

    total: int
    rows: int = 0
    renewed: int = 0
    unreadable: int = 0


def rotate_keys(store: Store, *, batch: int = BATCH) -> Iterator[RotationProgress]:
    """Encrypt every stored secret with the first key; yields after each batch, which is committed.

    What the first key already opens is left alone. A rotation that breaks off is begun again, and
    quickly passes over what is done.

    Args:
        store: The database, opened with the new key first and the old ones behind it.
        batch: How many rows go into one transaction.

    Raises:
        StoreUnavailableError: The database cannot be reached.
    """
    with store.begin() as uow:
        progress = RotationProgress(total=uow.sealed.count())
    yield progress
    for place in SealedPlace:
        after: UUID | None = None
        while True:
            with store.begin() as uow:
                done = uow.sealed.reseal(place, after=after, limit=batch)
            if done.last_id is None:
                break
            after = done.last_id
            progress = replace(
                progress,
                rows=progress.rows + done.rows,
                renewed=progress.renewed + done.renewed,
                unreadable=progress.unreadable + done.unreadable,
            )
            yield progress
    with store.begin() as uow:
        uow.audit.record(
            "keys.rotated",
            user_id=None,
            detail={"renewed": progress.renewed, "unreadable": progress.unreadable},
        )
