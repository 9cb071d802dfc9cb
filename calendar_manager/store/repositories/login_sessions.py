"""Login sessions: one row per signed-in device, which all of its tokens hang on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from calendar_manager.domain.users import User
from calendar_manager.store.execution import execute_count
from calendar_manager.store.repositories.users import user_from_row
from calendar_manager.store.tables import LoginSessionRow, UserRow


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

    def find_user(self, user_id: UUID, session_id: UUID, *, now: datetime) -> User | None:
        """Return whom a session belongs to; None when it is unknown, revoked or over.

        One query, because every authenticated request asks it.
        """
        row = self._session.scalars(
            select(UserRow)
            .join(LoginSessionRow, LoginSessionRow.user_id == UserRow.id)
            .where(
                UserRow.id == user_id,
                LoginSessionRow.id == session_id,
                LoginSessionRow.revoked_at.is_(None),
                LoginSessionRow.expires_at > now,
            )
        ).one_or_none()
        return None if row is None else user_from_row(row)

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
