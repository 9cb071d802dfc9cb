"""Webhooks: who wants to hear of an account's bookings, and what is sent to them.

Source: https://cal.com/docs/developing/guides/automation/webhooks. There is no second attempt, no
id of the message and no time in the signature.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from calendar_manager.sandbox.caldotcom.times import write_instant
from calendar_manager.sandbox.postman import Delivery, Manner, Parcel, Postman, find_waits
from calendar_manager.sandbox.settings import SandboxSettings

Json = dict[str, Any]

SIGNATURE_HEADER = "X-Cal-Signature-256"
"""The header that proves where a message comes from."""

UNSIGNED = "no-secret-provided"
"""What stands there where the webhook has no secret."""

PAYLOAD_VERSION = "2021-10-20"
"""The only version of payloads."""

_PLACEHOLDER = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


@dataclass(frozen=True)
class Webhook:
    """One webhook of an account.

    Attributes:
        id: Its number.
        user_id: The account's.
        url: Where messages are posted.
        triggers: What it wants to hear of.
        active: Whether it is sent anything.
        secret: What messages are signed with; None leaves them unsigned.
        template: What messages look like instead of the usual; None for that.
    """

    id: int
    user_id: int
    url: str
    triggers: tuple[str, ...]
    active: bool
    secret: str | None = None
    template: str | None = None


def _pack(parcels: Sequence[Parcel]) -> Parcel:
    (parcel,) = parcels
    return parcel


_MANNER = Manner(pack=_pack, gathers=False, accepted=range(200, 300), waits=())


class WebhookBoard:
    """The webhooks of the sandbox. Everything but the delivery runs on the caller's thread.

    Args:
        clock: Gives the present instant, aware.
        settings: The way of notifications.
    """

    def __init__(self, clock: Callable[[], datetime], settings: SandboxSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._postman = Postman("sandbox-caldotcom-webhooks", _MANNER)
        self._webhooks: dict[int, Webhook] = {}
        self._sent = 0

    def clear(self) -> None:
        """Drop every webhook and every message that is not yet sent."""
        self._webhooks.clear()
        self._postman.forget()

    def close(self) -> None:
        """Stop the delivery thread."""
        self._postman.close()

    def all(self) -> list[Webhook]:
        """Return every webhook, the oldest first."""
        return list(self._webhooks.values())

    def of(self, user_id: int) -> list[Webhook]:
        """Return the webhooks of one account, the oldest first."""
        return [one for one in self._webhooks.values() if one.user_id == user_id]

    def put(self, webhook: Webhook) -> None:
        """Add or replace a webhook."""
        self._webhooks[webhook.id] = webhook

    def remove(self, webhook_id: int) -> None:
        """Remove a webhook; a message under way still arrives."""
        self._webhooks.pop(webhook_id, None)

    def send(self, user_id: int, trigger: str, payload: Json) -> None:
        """Tell an account's webhooks of something, in the way the settings say."""
        mode, delay = self._settings.notifications, self._settings.notification_delay_seconds
        created_at = write_instant(self._clock())
        message = {"triggerEvent": trigger, "createdAt": created_at, "payload": payload}
        for webhook in self.of(user_id):
            if not webhook.active or trigger not in webhook.triggers:
                continue
            self._sent += 1
            parcel = _write(webhook, message)
            for wait in find_waits(mode, delay, odd=self._sent % 2 == 1):
                self._postman.post(webhook.url, parcel, wait)

    def deliveries(self) -> list[Delivery]:
        """Return what was sent, oldest first."""
        return self._postman.deliveries()

    def wait_until_sent(self, timeout: float = 30.0) -> bool:
        """Wait until no message is waiting; False when the time is over first."""
        return self._postman.wait_until_empty(timeout)


def sign(body: bytes, secret: str | None) -> str:
    """Return the signature of a body: the HMAC-SHA256 in hexadecimal digits, without a prefix."""
    if not secret:
        return UNSIGNED
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _write(webhook: Webhook, message: Json) -> Parcel:
    content_type = "application/json"
    if webhook.template is None:
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    else:
        body = _fill(webhook.template, message)
        if not _is_json(webhook.template):
            content_type = "application/x-www-form-urlencoded"
    raw = body.encode()
    headers = {
        "Content-Type": content_type,
        SIGNATURE_HEADER: sign(raw, webhook.secret),
        "X-Cal-Webhook-Version": PAYLOAD_VERSION,
    }
    return Parcel(headers, raw)


def _fill(template: str, message: Json) -> str:
    """Put the payload's fields, such as ``{{attendees.0.name}}``, into a template."""
    fields = {
        **message["payload"],
        **{name: message[name] for name in message if name != "payload"},
    }

    def find(found: re.Match[str]) -> str:
        value: Any = fields
        for step in found[1].split("."):
            if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
                value = value[int(step)]
            elif isinstance(value, dict):
                value = value.get(step)
            else:
                value = None
        return "" if value is None else str(value)

    return _PLACEHOLDER.sub(find, template)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
