"""Outlook's two kinds of ids.

The ordinary id of an item and its immutable id are different texts for the same item; which one an
answer carries is decided by each request's ``Prefer: IdType="ImmutableId"``. An occurrence's id is
its master's with its original start behind it, so that it is the same for an occurrence and for
the exception it becomes. Ids are case-sensitive. Calendars have one id.

Source: https://learn.microsoft.com/en-us/graph/outlook-immutable-id
"""

import base64
import hashlib
from dataclasses import dataclass

_ORDINARY = "AAMkAG"
_IMMUTABLE = "AAkALg"
_BODY_LENGTH = 86


@dataclass(frozen=True)
class ItemId:
    """An id taken apart: the item it names, and the occurrence's original start or nothing."""

    head: str
    original: str


def make_head(key: str, *, immutable: bool) -> str:
    """Return the id of the single event or master with this key."""
    prefix = _IMMUTABLE if immutable else _ORDINARY
    digest = hashlib.sha512(f"{prefix}{key}".encode()).digest()
    return prefix + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def make_id(key: str, original: str = "", *, immutable: bool) -> str:
    """Return the id of an item, or of one occurrence of it."""
    tail = base64.urlsafe_b64encode(original.encode()).decode().rstrip("=")
    return make_head(key, immutable=immutable) + tail + "="


def make_calendar_id(key: str) -> str:
    """Return the id of the calendar with this key."""
    return make_id(f"calendar {key}", immutable=False)


def take_apart(item_id: str) -> ItemId | None:
    """Return the parts of an id of either kind; None when it cannot be one."""
    head_length = len(_ORDINARY) + _BODY_LENGTH
    head, tail = item_id[:head_length], item_id[head_length:].rstrip("=")
    if not head.startswith((_ORDINARY, _IMMUTABLE)) or len(head) < head_length:
        return None
    try:
        original = base64.urlsafe_b64decode(tail + "=" * (-len(tail) % 4)).decode("ascii")
    except ValueError:
        return None
    return ItemId(head, original)
