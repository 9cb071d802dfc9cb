"""Channels: a provider's promise to call us when a calendar changes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from calendar_manager.domain.accounts import ProviderKind

RENEW_AT_SHARE: Final = 0.8
"""How much of a channel's life may pass before it is renewed."""

JITTER_SHARE: Final = 0.1
"""Renewals are spread over so much of a life before that, so that channels that were opened
together are not renewed together."""

CHECK_INTERVAL: Final = timedelta(days=1)
"""How often a channel is looked at whose provider sets it no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel of one calendar.

    Attributes:
        id: Ours; Google knows the channel by it as well.
        user_id: Whose calendar it is on.
        calendar_id: The calendar.
        provider: Which provider calls.
        provider_channel_id: The provider's id; None until it has confirmed the channel.
        resource_id: Google's id of what is watched; None with the other providers.
        token: What every message has to prove to know.
        opened_at: When the provider confirmed it; None while that is still open.
        expires_at: When the provider lets it end; None when it sets no end.
        last_message_at: When the provider last called, its greeting included.
        doubted_at: Since when polls have found changes that it did not tell of; None when it
            told of all.
        stopped_at: When it was given up.
    """

    id: UUID
    user_id: UUID
    calendar_id: UUID
    provider: ProviderKind
    provider_channel_id: str | None
    resource_id: str | None
    token: str = field(repr=False)
    opened_at: datetime | None
    expires_at: datetime | None
    last_message_at: datetime | None
    doubted_at: datetime | None
    stopped_at: datetime | None

    def is_healthy(self, now: datetime) -> bool:
        """Tell whether changes will be told, so that polls may be rarer.

        It has to be open and not at its end, and it must not have kept a change to itself since
        it last called.
        """
        if self.opened_at is None or self.stopped_at is not None or self.doubted_at is not None:
            return False
        return self.expires_at is None or self.expires_at > now


def find_renewal(*, now: datetime, expires_at: datetime | None, jitter: float) -> datetime:
    """Return when a channel that was just opened has to be renewed.

    Args:
        now: The present, at which its life begins.
        expires_at: When it ends; None when it has no end and is only looked at.
        jitter: A number in ``[0, 1)``.
    """
    life = CHECK_INTERVAL if expires_at is None else max(expires_at - now, timedelta(0))
    return now + life * (RENEW_AT_SHARE - JITTER_SHARE * jitter)
