"""Channels: a provider's promise to call us when a calendar changes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
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

OPENING_PATIENCE: Final = timedelta(minutes=5)
"""How long an opening may take; longer than any worker is allowed to. After that, whoever began
it is gone."""

DOUBT_PATIENCE: Final = timedelta(minutes=2)
"""How long a message may be late before its channel is replaced."""


class PushStatus(StrEnum):
    """Whether a provider tells us when a calendar changes."""

    LIVE = "live"
    OPENING = "opening"
    DOUBTFUL = "doubtful"
    UNAVAILABLE = "unavailable"
    OFF = "off"


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
        requested_at: When we began to open it.
        opened_at: When the provider last confirmed it, by opening or extending it; None while
            that is still open.
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
    requested_at: datetime
    opened_at: datetime | None
    expires_at: datetime | None
    last_message_at: datetime | None
    doubted_at: datetime | None
    stopped_at: datetime | None

    def is_being_opened(self, now: datetime) -> bool:
        """Tell whether somebody is opening it right now."""
        if self.opened_at is not None or self.stopped_at is not None:
            return False
        return now - self.requested_at < OPENING_PATIENCE

    def serves(self, now: datetime) -> bool:
        """Tell whether it may stay: open, not at its end, and not silent for too long."""
        if self.opened_at is None or self.stopped_at is not None:
            return False
        if self.doubted_at is not None and now - self.doubted_at >= DOUBT_PATIENCE:
            return False
        return self.expires_at is None or self.expires_at > now

    def find_next_look(self, jitter: float) -> datetime:
        """Return when an open channel has to be looked at again.

        Args:
            jitter: A number in ``[0, 1)``.

        Raises:
            ValueError: It is not open.
        """
        if self.opened_at is None:
            raise ValueError("a channel that is not open has no renewal")
        renewal = find_renewal(now=self.opened_at, expires_at=self.expires_at, jitter=jitter)
        return (
            renewal if self.doubted_at is None else min(renewal, self.doubted_at + DOUBT_PATIENCE)
        )

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPlan:
    """What is to be done about the channels of one calendar, in this order.

    Attributes:
        keeps: The channel that serves; None when one has to be opened, if one is wanted.
        extends: Whether that one has to be renewed now.
        closes: What is no longer needed once one serves.
    """

    keeps: Channel | None = None
    extends: bool = False
    closes: tuple[Channel, ...] = ()


def plan_channels(channels: Iterable[Channel], *, wanted: bool, now: datetime) -> ChannelPlan:
    """Decide what is to be done so that exactly one channel serves, or none.

    Args:
        channels: All of a calendar's that are not known to be closed.
        wanted: Whether the calendar is to have one.
        now: The present.
    """
    given = tuple(channels)
    if not wanted:
        return ChannelPlan(closes=tuple(one for one in given if not one.is_being_opened(now)))
    serving = [one for one in given if one.serves(now)]
    newest = max(serving, key=lambda one: one.requested_at, default=None)
    return ChannelPlan(
        keeps=newest,
        # A full jitter gives the earliest of the instants between which renewals are spread.
        extends=newest is not None
        and newest.doubted_at is None
        and newest.find_next_look(1.0) <= now,
        closes=tuple(one for one in given if one is not newest and not one.is_being_opened(now)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What a person is told about the channel of a calendar.

    Attributes:
        status: Whether changes are told.
        expires_at: When the provider lets the channel end; None when it sets no end, or there is
            no channel.
        last_message_at: When the provider last called.
        error: Why there is no channel, in a sentence.
    """

    status: PushStatus
    expires_at: datetime | None = None
    last_message_at: datetime | None = None
    error: str | None = None


NO_PUSH: Final = Push(status=PushStatus.OFF)
"""Of a calendar that is not read, or of an installation that providers cannot reach."""


def find_push(channel: Channel | None, error: str | None, *, now: datetime) -> Push:
    """Tell how the channel of a calendar is doing that is to have one.

    Args:
        channel: The one that serves best; None when there is none.
        error: Why the last attempt to open one failed.
        now: The present.
    """
    if channel is None or not channel.serves(now):
        status = PushStatus.OPENING if error is None else PushStatus.UNAVAILABLE
        if channel is None or channel.opened_at is None or channel.doubted_at is None:
            return Push(status=status, error=error)
    doubtful = channel.doubted_at is not None
    return Push(
        status=PushStatus.DOUBTFUL if doubtful else PushStatus.LIVE,
        expires_at=channel.expires_at,
        last_message_at=channel.last_message_at,
        error=error,
    )
