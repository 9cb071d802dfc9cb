"""What Google is asked for when it should call us, and what it promises.

A channel watches one calendar's events for a week at most. It cannot be renewed, only followed by
another, and nobody can list the channels that there are, so that both ids have to be kept
(https://developers.google.com/workspace/calendar/api/guides/push).
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from calendar_manager.providers.base import ChannelHandle, ChannelRequest, OpenedChannel
from calendar_manager.providers.errors import RetryLaterError
from calendar_manager.providers.google.fields import read_text
from calendar_manager.providers.google.wire import GoogleChannel

LONGEST_LIFE: Final = timedelta(days=7)
"""The life that is asked for; Google grants no more than about this, whatever is asked."""

ASSUMED_LIFE: Final = timedelta(days=1)
"""How long a channel is trusted whose end Google does not tell in a way that can be read."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID_LIMIT = 1024


def write_request(request: ChannelRequest) -> GoogleChannel:
    """Return the body of ``events.watch``.

    The life is asked for in seconds rather than as an ``expiration``, so that it does not depend
    on the difference between two clocks.
    """
    return {
        "id": str(request.channel_id),
        "type": "web_hook",
        "address": request.address,
        "token": request.token,
        "params": {"ttl": str(int(LONGEST_LIFE.total_seconds()))},
    }


def write_stop(channel: ChannelHandle, resource_id: str) -> GoogleChannel:
    """Return the body of ``channels.stop``."""
    return {"id": channel.provider_channel_id, "resourceId": resource_id}


def read_channel(answer: GoogleChannel, request: ChannelRequest) -> OpenedChannel:
    """Return what Google promised.

    Raises:
        RetryLaterError: It does not name what is watched, without which neither its messages can
            be checked nor the channel be stopped.
    """
    resource_id = read_text(answer.get("resourceId"), limit=_ID_LIMIT)
    if resource_id is None:
        raise RetryLaterError(
            "Google opened a channel without saying what it watches", reason="noResourceId"
        )
    # A channel without a readable end surely has one nevertheless. Taken for short, it is merely
    # followed by another early; taken for endless, it would fall silent unnoticed.
    expires_at = _read_expiration(answer.get("expiration"), request.now)
    return OpenedChannel(
        provider_channel_id=str(request.channel_id),
        resource_id=resource_id,
        expires_at=expires_at or request.now + ASSUMED_LIFE,
    )


def _read_expiration(value: object, now: datetime) -> datetime | None:
    """Return the end of a channel, milliseconds since 1970, or None.

    The discovery document says that the number comes as a text, the guide's example shows it bare.
    One that is already over is taken for a mistake, or channels would be opened in a circle.
    """
    if not isinstance(value, int | str):
        return None
    try:
        expires_at = _EPOCH + timedelta(milliseconds=int(value))
    except (ValueError, OverflowError):
        return None
    return expires_at if expires_at > now else None
