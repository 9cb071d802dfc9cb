"""Closing the channels of an account that is left, as far as the provider lets us."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from calendar_manager.domain.accounts import ProviderKind, Tokens
from calendar_manager.domain.channels import Channel
from calendar_manager.providers.base import ChannelProvider
from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    ConsentLostError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.providers.registry import Registry
from calendar_manager.sync.channels import handle_of

log = structlog.get_logger(__name__)


def close_all(
    registry: Registry,
    kind: ProviderKind,
    tokens: Tokens,
    channels: Sequence[tuple[Channel, str]],
    *,
    now: datetime,
) -> Tokens:
    """Close channels whose rows are gone already.

    A provider that is away is not waited for: messages of channels that are still open are
    refused, and the channels end by themselves or with the grant.

    Args:
        registry: The configured providers.
        kind: Which provider.
        tokens: Of the account.
        channels: Each with the provider's id of its calendar.
        now: The present.

    Returns:
        The tokens as they are by now; a refresh may have replaced them.
    """
    known = [(one, calendar_id) for one, calendar_id in channels if one.provider_channel_id]
    if not known:
        return tokens
    try:
        factory = registry.get(kind)
        if tokens.expires_at is not None and tokens.expires_at <= now:
            tokens = factory.auth.refresh(tokens, now=now)
        account = factory.open(tokens)
    except ProviderError as error:
        log.warning("channels_not_closed", provider=kind.value, reason=error.reason)
        return tokens
    try:
        if isinstance(account, ChannelProvider):
            _close(account, known)
    finally:
        account.close()
    return tokens


def _close(account: ChannelProvider, channels: Sequence[tuple[Channel, str]]) -> None:
    for channel, calendar_id in channels:
        try:
            account.close_channel(handle_of(channel, calendar_id))
        except ProviderError as error:
            log.warning("channel_not_closed", channel_id=str(channel.id), reason=error.reason)
            if isinstance(error, RetryLaterError | ConsentLostError | AccessTokenRejectedError):
                # The others would fare no better.
                return
