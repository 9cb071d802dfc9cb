"""The private busy feed, as the API tells of it."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from calendar_manager.domain.feeds import Feed


class FeedMadeOut(BaseModel):
    """A private address that was just made."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "url": "https://calendar.example.com/feeds/"
                "Zb1vGm0Qd6p3H0mXo2Yx7Jt5Lk9Rw4Cs8NfUeTaIiKE.ics",
                "created_at": "2026-11-21T08:00:00Z",
            }
        }
    )

    url: str = Field(
        description="Who knows it can read your busy time. It is shown once, here and now."
    )
    created_at: datetime = Field(description="When it was made.")


class FeedOut(BaseModel):
    """Whether there is a private address, and whether anybody reads there."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "active": True,
                "created_at": "2026-11-21T08:00:00Z",
                "last_fetched_at": "2026-11-21T09:15:00Z",
            }
        }
    )

    active: bool = Field(description="Whether there is an address.")
    created_at: datetime | None = Field(description="When it was made.")
    last_fetched_at: datetime | None = Field(
        description="When somebody last asked for the feed, to the minute; null when nobody has."
    )

    @classmethod
    def of(cls, feed: Feed | None) -> "FeedOut":
        """Return how a feed is shown; None is that there is none."""
        if feed is None:
            return cls(active=False, created_at=None, last_fetched_at=None)
        return cls(active=True, created_at=feed.created_at, last_fetched_at=feed.last_fetched_at)
