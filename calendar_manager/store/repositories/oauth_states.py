"""OAuth states: what is remembered while a person gives consent at a provider."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.store.crypto import TokenCipher
from calendar_manager.store.tables import OAuthStateRow


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthState:
    """A consent that somebody is giving right now.

    Attributes:
        user_id: Who asked to connect an account.
        provider: Where.
        cookie_hash: SHA-256 of the secret in the browser that the consent began in.
        memory: What has to be known again at the end; secret.
        wants_json: Whether a program began it, which is answered in JSON.
        expires_at: When it is too late to come back.
    """

    user_id: UUID
    provider: ProviderKind
    cookie_hash: bytes = field(repr=False)
    memory: Mapping[str, str] = field(repr=False)
    wants_json: bool
    expires_at: datetime


class OAuthStateRepository:
    """Queries over OAuth states.

    Args:
        session: The transaction's session.
        cipher: Opens and seals the memory.
    """

    def __init__(self, session: Session, cipher: TokenCipher) -> None:
        self._session = session
        self._cipher = cipher

    def add(self, state: OAuthState, *, state_hash: bytes) -> None:
        """Store a state under the SHA-256 of its secret."""
        self._session.add(
            OAuthStateRow(
                user_id=state.user_id,
                provider=state.provider,
                state_hash=state_hash,
                cookie_hash=state.cookie_hash,
                memory=self._cipher.encrypt(json.dumps(dict(state.memory))),
                wants_json=state.wants_json,
                expires_at=state.expires_at,
            )
        )
        self._session.flush()

    def take(self, state_hash: bytes) -> OAuthState | None:
        """Remove a state and return it; None when it is unknown or was taken before.

        It is gone for everybody once the transaction is committed, so it serves only once.
        Whether it has expired is the caller's to ask.
        """
        row = self._session.scalars(
            delete(OAuthStateRow)
            .where(OAuthStateRow.state_hash == state_hash)
            .returning(OAuthStateRow)
        ).one_or_none()
        if row is None:
            return None
        return OAuthState(
            user_id=row.user_id,
            provider=ProviderKind(row.provider),
            cookie_hash=row.cookie_hash,
            memory=json.loads(self._cipher.decrypt(row.memory)),
            wants_json=row.wants_json,
            expires_at=row.expires_at,
        )
