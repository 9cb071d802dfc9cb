"""Private busy feeds."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from calendar_manager.store.tables.base import Row


class FeedRow(Row):
    """The private address at which a user's busy time can be read; one for each user at most."""

    __tablename__ = "feeds"

    user_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), unique=True
    )
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    last_fetched_at: Mapped[datetime | None]
