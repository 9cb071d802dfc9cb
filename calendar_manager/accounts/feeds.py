"""The private address of a user's busy time: making it, revoking it, and opening it."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from calendar_manager.accounts.attempts import Attempts
from calendar_manager.accounts.errors import FeedNotFoundError, UserGoneError
from calendar_manager.domain.feeds import Feed
from calendar_manager.domain.users import User
from calendar_manager.store.unit_of_work import Store

TOKEN_BYTES: Final = 32
"""How much randomness an address has, which is all that protects it."""
NOTED_EVERY: Final = timedelta(minutes=1)
"""How often at most it is written down that a feed was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFeed:
    """A feed that was just made.

    Attributes:
        token: The secret part of its address, which nobody can show again.
        created_at: When it was made.
    """

    token: str = field(repr=False)
    created_at: datetime


class Feeds:
    """The use cases of private busy feeds.

    Args:
        store: The database.
        clock: Tells the time.
        attempts: Refuses what is asked for too often.
    """

    def __init__(self, *, store: Store, clock: Callable[[], datetime], attempts: Attempts) -> None:
        self._store = store
        self._attempts = attempts
        self._clock = clock

    def find(self, user_id: UUID) -> Feed | None:
        """Return a user's feed, or None."""
        with self._store.begin() as uow:
            return uow.feeds.find(user_id)

    def create(self, user_id: UUID) -> NewFeed:
        """Make a private address; the one before it leads nowhere from then on.

        Raises:
            UserGoneError: The user was erased meanwhile.
        """
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self._clock()
        with self._store.begin() as uow:
            if uow.users.lock(user_id) is None:
                raise UserGoneError
            replaced = uow.feeds.find(user_id) is not None
            uow.feeds.replace(user_id, _hash(token), now=now)
            uow.audit.record("feed.created", user_id=user_id, detail={"replaced": replaced})
        return NewFeed(token=token, created_at=now)

    def revoke(self, user_id: UUID) -> None:
        """Let a user's private address lead nowhere; without one, do nothing."""
        with self._store.begin() as uow:
            if uow.feeds.remove(user_id):
                uow.audit.record("feed.revoked", user_id=user_id)

    def open(self, token: str, *, address: str | None = None) -> tuple[User, Feed]:
        """Return whose feed has a token, and note that somebody asked for it.

        Whatever the token looks like, it is hashed and looked up in the same way.

        Args:
            token: The secret part of an address, as it was asked for.
            address: The network address that the request came from, where there was one.

        Raises:
            FeedNotFoundError: No feed has this token, or not any more.
            TooManyAttemptsError: Somebody there asks too often.
        """
        self._attempts.count_feed(token, address)
        token_hash, now = _hash(token), self._clock()
        noted_before = now - NOTED_EVERY
        with self._store.begin() as uow:
            found = uow.feeds.find_by_token(token_hash)
            last_fetched_at = None if found is None else found[1].last_fetched_at
            if found and (last_fetched_at is None or last_fetched_at <= noted_before):
                uow.feeds.note_fetch(token_hash, now, unless_after=noted_before)
        if found is None:
            self._attempts.count_missing_feed(address)
            raise FeedNotFoundError
        return found


def _hash(token: str) -> bytes:
    """Return what is stored of a token: it has enough randomness for a plain hash."""
    return hashlib.sha256(token.encode(errors="replace")).digest()
