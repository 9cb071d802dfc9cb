"""Private busy feeds, found by the user or by what is stored of their token."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from calendar_manager.domain.feeds import Feed
from calendar_manager.domain.users import User
from calendar_manager.store.execution import execute_count
from calendar_manager.store.repositories.users import user_from_row
from calendar_manager.store.tables import FeedRow, UserRow


class FeedRepository:
    """Queries over feeds.

    Args:
        session: The transaction's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, user_id: UUID) -> Feed | None:
        """Return a user's feed, or None."""
        row = self._session.scalars(select(FeedRow).where(FeedRow.user_id == user_id)).one_or_none()
        return None if row is None else _feed_from_row(row)

    def find_by_token(self, token_hash: bytes) -> tuple[User, Feed] | None:
        """Return the feed with a token and whose it is, or None.

        Args:
            token_hash: What is stored of the token. How long the look-up takes tells nothing
                about the token, because who guesses tokens cannot choose their hashes.
        """
        row = self._session.execute(
            select(UserRow, FeedRow)
            .join(FeedRow, FeedRow.user_id == UserRow.id)
            .where(FeedRow.token_hash == token_hash)
        ).one_or_none()
        return None if row is None else (user_from_row(row[0]), _feed_from_row(row[1]))

    def replace(self, user_id: UUID, token_hash: bytes, *, now: datetime) -> None:
        """Give a user a feed in place of the one that they may have had.

        Args:
            user_id: Whose; has to be there.
            token_hash: What is stored of its token.
            now: When it was made.
        """
        statement = insert(FeedRow).values(user_id=user_id, token_hash=token_hash, created_at=now)
        self._session.execute(
            statement.on_conflict_do_update(
                index_elements=[FeedRow.user_id],
                set_={
                    "token_hash": statement.excluded.token_hash,
                    "created_at": statement.excluded.created_at,
                    "last_fetched_at": None,
                    "updated_at": func.now(),
                },
            )
        )

    def remove(self, user_id: UUID) -> bool:
        """Remove a user's feed; tell if there was one."""
        statement = delete(FeedRow).where(FeedRow.user_id == user_id)
        return execute_count(self._session, statement) > 0

    def note_fetch(self, token_hash: bytes, now: datetime, *, unless_after: datetime) -> None:
        """Store that a feed was asked for.

        Args:
            token_hash: What is stored of its token.
            now: When.
            unless_after: Nothing is written when the stored moment is later than this.
        """
        self._session.execute(
            update(FeedRow)
            .where(
                FeedRow.token_hash == token_hash,
                or_(
                    FeedRow.last_fetched_at.is_(None),
                    FeedRow.last_fetched_at <= unless_after,
                ),
            )
            .values(last_fetched_at=now)
        )


def _feed_from_row(row: FeedRow) -> Feed:
    return Feed(user_id=row.user_id, created_at=row.created_at, last_fetched_at=row.last_fetched_at)
