"""What notifications look like on their way in, provider by provider."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from calendar_manager.domain.errors import CalendarManagerError
from calendar_manager.providers.registry import is_signed_by_caldotcom
from calendar_manager.sync.notifications import Message, News, knows

_ID: Final = re.compile(r"[\x20-\x7e]{1,1024}")
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_VALIDATION_TOKEN: Final = re.compile(r"[\x20-\x7e]{1,2048}")
_HEX_LENGTH: Final = 32

_LIFECYCLE: Final[Mapping[str, News]] = {
    "reauthorizationRequired": News.REAUTHORIZE,
    "subscriptionRemoved": News.REMOVED,
    "missed": News.CHANGED,
}


class MalformedNotificationError(CalendarManagerError):
    """A notification does not have the shape that its provider gives it.

    Attributes:
        field: Where, as a path or the name of a header.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class UnsignedNotificationError(CalendarManagerError):
    """A notification carries no proof of where it comes from."""


def read_google(headers: Mapping[str, str]) -> Message | None:
    """Read a message of Google's, which is all in its headers.

    Returns:
        None when it names a channel that cannot be one of ours.

    Raises:
        MalformedNotificationError: A header is missing or unreadable.

    Source: https://developers.google.com/workspace/calendar/api/guides/push, "Receive
    notifications".
    """
    name = _read_header(headers, "X-Goog-Channel-ID")
    state = _read_header(headers, "X-Goog-Resource-State")
    number = _read_header(headers, "X-Goog-Message-Number")
    resource_id = _read_header(headers, "X-Goog-Resource-ID")
    if not _NUMBER.fullmatch(number):
        raise MalformedNotificationError("X-Goog-Message-Number", "This is not a number.")
    channel_id = _read_uuid(name)
    if channel_id is None or str(channel_id) != name:
        return None
    return Message(
        channel_id=channel_id,
        # "exists", "not_exists", and whatever may come to mean that something happened.
        news=News.GREETING if state == "sync" else News.CHANGED,
        proves=knows(headers.get("X-Goog-Channel-Token", "")),
        provider_channel_id=name,
        resource_id=resource_id,
        number=int(number),
    )


def read_graph(body: bytes) -> list[Message | None]:
    """Read a collection of Microsoft's change and lifecycle notifications.

    Returns:
        An entry for each; None where its ``clientState`` cannot be of any channel of ours.

    Raises:
        MalformedNotificationError: It is not such a collection.

    Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks and
    https://learn.microsoft.com/graph/change-notifications-lifecycle-events.
    """
    document = _read_json(body)
    items = document.get("value") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise MalformedNotificationError("value", "This is not a list of notifications.")
    return [_read_graph_item(f"value.{index}", item) for index, item in enumerate(items)]


def read_caldotcom(body: bytes, signature: str | None, channel: str | None) -> Message | None:
    """Read a message of Cal.com's.

    Args:
        body: As it came over the wire, because the signature is over its bytes.
        signature: The header with the signature.
        channel: Our id of the channel, from the address that Cal.com was given.

    Returns:
        None when it names a channel that cannot be one of ours.

    Raises:
        UnsignedNotificationError: There is no signature.
        MalformedNotificationError: The body is not a notification.

    Source: https://cal.com/docs/developing/guides/automation/webhooks.
    """
    if not signature:
        raise UnsignedNotificationError("The header X-Cal-Signature-256 is missing.")
    document = _read_json(body)
    if not isinstance(document, dict):
        raise MalformedNotificationError("body", "This is not a JSON object.")
    event = document.get("triggerEvent")
    if not isinstance(event, str):
        raise MalformedNotificationError("triggerEvent", "This is missing or not a text.")
    channel_id = _read_uuid(channel or "")
    if channel_id is None:
        return None
    return Message(
        channel_id=channel_id,
        news=News.GREETING if event == "PING" else News.CHANGED,
        proves=lambda token: is_signed_by_caldotcom(body, signature, token),
        fingerprint=hashlib.sha256(body).hexdigest(),
    )


def read_validation_token(token: str) -> str:
    """Check the text that Microsoft wants repeated before it sends notifications.

    It is sent back as plain text, so nothing in it can do harm; still, what is no readable text of
    sensible length is not repeated.

    Raises:
        MalformedNotificationError: It is not a token of Microsoft's.
    """
    if not _VALIDATION_TOKEN.fullmatch(token):
        raise MalformedNotificationError(
            "validationToken", "This is not a text of at most 2048 printable ASCII characters."
        )
    return token


def _read_graph_item(path: str, item: Any) -> Message | None:  # noqa: ANN401 - any JSON.
    if not isinstance(item, dict):
        raise MalformedNotificationError(path, "This is not a JSON object.")
    subscription_id = item.get("subscriptionId")
    if not isinstance(subscription_id, str) or not _ID.fullmatch(subscription_id):
        raise MalformedNotificationError(
            f"{path}.subscriptionId", "This is missing or not an id of a subscription."
        )
    event = item.get("lifecycleEvent")
    if event is not None and not isinstance(event, str):
        raise MalformedNotificationError(f"{path}.lifecycleEvent", "This is not a text.")
    state = item.get("clientState")
    if not isinstance(state, str):
        return None
    channel_id = _read_uuid(state.partition(".")[0], length=_HEX_LENGTH)
    if channel_id is None:
        return None
    return Message(
        channel_id=channel_id,
        news=News.CHANGED if event is None else _LIFECYCLE.get(event, News.CHANGED),
        proves=knows(state),
        provider_channel_id=subscription_id,
    )


def _read_json(body: bytes) -> Any:  # noqa: ANN401 - any JSON.
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedNotificationError("body", "This is not JSON.") from None


def _read_header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if value is None or not _ID.fullmatch(value):
        raise MalformedNotificationError(name, "This header is missing or unreadable.")
    return value


def _read_uuid(text: str, *, length: int = 36) -> UUID | None:
    if len(text) != length or not text.isascii():
        return None
    try:
        return UUID(text)
    except ValueError:
        return None
