"""The private busy feed: a user's busy time at an address that only its readers know."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """That a user has a private address, which itself is not known any more.

    Attributes:
        user_id: Whose busy time.
        created_at: When the address was made.
        last_fetched_at: When the feed was last asked for, to the minute; None when never.
    """

    user_id: UUID
    created_at: datetime
    last_fetched_at: datetime | None
