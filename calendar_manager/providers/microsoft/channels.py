"""Channels of Microsoft: Graph's subscriptions to the events of a calendar.

Subscriptions carry no data of events, only that something changed. Graph calls both addresses and
waits for their answer before it answers us, so the web process has to be up meanwhile.

* https://learn.microsoft.com/graph/api/subscription-post-subscriptions
* https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
* https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from calendar_manager.providers.base import ChannelHandle, ChannelRequest, OpenedChannel
from calendar_manager.providers.errors import RetryLaterError
from calendar_manager.providers.microsoft.addresses import name_events
from calendar_manager.providers.microsoft.client import GraphClient
from calendar_manager.providers.microsoft.failures import (
    Asked,
    ChannelGoneError,
    LifeTooLongError,
)
from calendar_manager.providers.microsoft.fields import read_text
from calendar_manager.providers.microsoft.times import read_instant

MARGIN = timedelta(minutes=10)
"""By how much less than the longest life is asked for, because clocks differ."""

LIFE = timedelta(minutes=10_080) - MARGIN
"""How long a subscription is to live, seven days at most
(https://learn.microsoft.com/graph/api/resources/subscription#subscription-lifetime)."""

SHORTER_LIFE = timedelta(minutes=4_230) - MARGIN
"""How long where seven days are refused, which were less than three once."""

_CHANGES = "created,updated,deleted"
_ID_LIMIT = 1_024


def open_subscription(
    client: GraphClient, calendar_id: str, request: ChannelRequest
) -> OpenedChannel:
    """Subscribe to the events of a calendar.

    Where lifecycle events are told can be said now only, not later.

    Raises:
        ChannelsUnavailableError: Graph does not tell us of this calendar.
        ProviderError: As :class:`~calendar_manager.providers.base.ChannelProvider` says.
    """
    subscription = {
        "changeType": _CHANGES,
        "resource": name_events(calendar_id),
        "notificationUrl": request.address,
        "lifecycleNotificationUrl": f"{request.address}/lifecycle",
        "clientState": request.token,
    }
    url = client.addresses.subscriptions()
    return _ask_for_life(
        lambda end: client.write("POST", url, Asked.OPENING, {**subscription, **end}), request.now
    )


def extend_subscription(
    client: GraphClient, channel: ChannelHandle, now: datetime
) -> OpenedChannel | None:
    """Have a subscription live longer, which also answers ``reauthorizationRequired``.

    Returns:
        The subscription with its new end; None when it is gone or cannot be extended.

    Raises:
        ProviderError: As :class:`~calendar_manager.providers.base.ChannelProvider` says.
    """
    url = client.addresses.subscription(channel.provider_channel_id)
    try:
        return _ask_for_life(lambda end: client.write("PATCH", url, Asked.EXTENDING, end), now)
    except ChannelGoneError:
        return None


def close_subscription(client: GraphClient, channel: ChannelHandle) -> None:
    """Delete a subscription; one that is already gone is a success.

    Raises:
        ProviderError: As :class:`~calendar_manager.providers.base.ChannelProvider` says.
    """
    url = client.addresses.subscription(channel.provider_channel_id)
    try:
        client.write("DELETE", url, Asked.CLOSING)
    except ChannelGoneError:
        return


def _ask_for_life(
    ask: Callable[[Mapping[str, object]], Mapping[str, object]], now: datetime
) -> OpenedChannel:
    """Ask for the longest life first, and for the shorter one where Graph refuses that."""

    def ask_for(life: timedelta) -> OpenedChannel:
        expires_at = now + life
        end = f"{expires_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return _read_channel(ask({"expirationDateTime": end}), expires_at)

    try:
        return ask_for(LIFE)
    except LifeTooLongError:
        return ask_for(SHORTER_LIFE)


def _read_channel(answer: Mapping[str, object], asked_for: datetime) -> OpenedChannel:
    """Return the subscription of an answer; its end is the one that Graph names."""
    subscription_id = read_text(answer.get("id"), limit=_ID_LIMIT)
    if subscription_id is None:
        raise RetryLaterError("Microsoft's answer names no subscription", reason="invalidBody")
    return OpenedChannel(
        provider_channel_id=subscription_id,
        resource_id=None,
        expires_at=read_instant(answer.get("expirationDateTime")) or asked_for,
    )
