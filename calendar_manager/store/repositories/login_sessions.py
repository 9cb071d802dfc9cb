"""Login sessions: one row per signed-in device, which all of its tokens hang on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from calendar_manager.store.execution import execute_count
from calendar_manager.store.tables import LoginSessionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSession:
    """A signed-in device.

    Attributes:
        id: Ours.
        created_at: When somebody signed in.
        refreshed_at: When it last got new tokens.
        expires_at: Until when it lets somebody in, unless it gets new tokens before.
    """

    id: UUID
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime


class LoginSessionRepository:
    """Queries over login sessions.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self,
        *,
        session_id: UUID,
        user_id: UUID,
        refresh_token_hash: bytes,
        expires_at: datetime,
    ) -> None:
        """Store a new session under an id that its first tokens already carry."""
        self._session.add(
            LoginSessionRow(
                id=session_id,
                user_id=user_id,
                refresh_token_hash=refresh_token_hash,
                expires_at=expires_at,
            )
        )
        self._session.flush()

    def list_live(
        self,
        user_id: UUID,
        *,
        after: tuple[datetime, UUID] | None,
        limit: int,
        now: datetime,
        latest_first: bool = False,
    ) -> Sequence[LoginSession]:
        """List the sessions that let somebody in.

        Args:
            user_id: Whose.
            after: The beginning and the id of the last one already seen.
            limit: How many at most.
            now: The present.
            latest_first: Whether the one that began last comes first, instead of the oldest.
        """
        query = select(LoginSessionRow).where(
            LoginSessionRow.user_id == user_id,
            LoginSessionRow.revoked_at.is_(None),
            LoginSessionRow.expires_at > now,
        )
        order = (LoginSessionRow.created_at, LoginSessionRow.id)
        if after is not None:
            key = tuple_(*order)
            query = query.where(key < after if latest_first else key > after)
        if latest_first:
            query = query.order_by(*(column.desc() for column in order))
        else:
            query = query.order_by(*order)
        rows = self._session.scalars(query.limit(limit))
        return [
            LoginSession(
                id=row.id,
                created_at=row.created_at,
                refreshed_at=row.updated_at,
                expires_at=row.expires_at,
            )
            for row in rows
        ]

    def rotate(
        self,
        user_id: UUID,
        session_id: UUID,
        *,
        old_hash: bytes,
        new_hash: bytes,
        expires_at: datetime,
        now: datetime,
    ) -> bool:
        """Replace the refresh token of a live session; tell if the old one was the current one.

        One statement decides, so that of two requests with the same token only one wins.
        """
        statement = (
            update(LoginSessionRow)
            .where(
                LoginSessionRow.id == session_id,
                LoginSessionRow.user_id == user_id,
                LoginSessionRow.refresh_token_hash == old_hash,
                LoginSessionRow.revoked_at.is_(None),
                LoginSessionRow.expires_at > now,
            )
            .values(refresh_token_hash=new_hash, expires_at=expires_at)
        )
        return execute_count(self._session, statement) > 0

    def revoke_others(self, user_id: UUID, session_id: UUID, *, now: datetime) -> int:
        """End all sessions of a user but one; return how many were alive."""
        statement = (
            update(LoginSessionRow)
            .where(
                LoginSessionRow.user_id == user_id,
                LoginSessionRow.id != session_id,
                LoginSessionRow.revoked_at.is_(None),
                LoginSessionRow.expires_at > now,
            )
            .values(revoked_at=now)
        )
        return execute_count(self._session, statement)

    def revoke_all(self, user_id: UUID, *, now: datetime) -> int:
        """End all sessions of a user; return how many were alive."""
        statement = (
            update(LoginSessionRow)
            .where(
                LoginSessionRow.user_id == user_id,
                LoginSessionRow.revoked_at.is_(None),
                LoginSessionRow.expires_at > now,
            )
            .values(revoked_at=now)
        )
        return execute_count(self._session, statement)

    def revoke(self, user_id: UUID, session_id: UUID, *, now: datetime) -> bool:
        """End a session; tell if it was alive."""
        statement = (
            update(LoginSessionRow)
            .where(
                LoginSessionRow.id == session_id,
                LoginSessionRow.user_id == user_id,
                LoginSessionRow.revoked_at.is_(None),
            )
            .values(revoked_at=now)
        )
        return execute_count(self._session, statement) > 0
