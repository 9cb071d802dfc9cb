"""Sync tokens: which list they continue, and where."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

from calendar_manager.sandbox.google.errors import (
    GoogleApiError,
    full_sync_required,
    invalid_value,
)

FORBIDDEN = frozenset(
    {
        "iCalUID",
        "orderBy",
        "privateExtendedProperty",
        "sharedExtendedProperty",
        "q",
        "timeMin",
        "timeMax",
        "updatedMin",
    }
)
"""Parameters that cannot go with a sync token (reference of ``events.list``)."""

_FREE = frozenset(
    {
        "syncToken",
        "pageToken",
        "showDeleted",
        "fields",
        "alt",
        "key",
        "oauth_token",
        "prettyPrint",
        "quotaUser",
        "userIp",
    }
)


@dataclass(frozen=True)
class SyncToken:
    """A place in the history of one resource.

    Attributes:
        resource: Fingerprint of the calendar, or of the account's calendar list.
        change: The resource's change counter at the first page of the list that gave the token.
        epoch: The resource's epoch then; a later epoch makes the token too old.
        query: Fingerprint of the list's parameters.
    """

    resource: str
    change: int
    epoch: int
    query: str

    def write(self) -> str:
        """Return the opaque text."""
        packed = json.dumps(astuple(self), separators=(",", ":"))
        return base64.urlsafe_b64encode(f"{_digest(packed)}{packed}".encode()).decode()


def make_token(resource: str, change: int, epoch: int, query: Mapping[str, Any]) -> str:
    """Return the token that ends a list."""
    return SyncToken(_digest(resource), change, epoch, fingerprint_query(query)).write()


def read_token(text: str, resource: str, epoch: int, query: Mapping[str, Any]) -> int:
    """Return the change counter from which to continue.

    Raises:
        GoogleApiError: 400, the token is not one, is another resource's, or comes with forbidden
            or other parameters than the first call's; 410, it is too old.
    """
    for name in sorted(FORBIDDEN & query.keys()):
        raise GoogleApiError(
            400,
            "invalid",
            f"Sync token cannot be used with the parameter {name}.",
            location=("parameter", name),
        )
    if query.get("showDeleted") is False:
        raise invalid_value("Sync token requires showDeleted to be true.", "showDeleted")
    try:
        packed = base64.urlsafe_b64decode(text.encode()).decode()
        if packed[:12] != _digest(packed[12:]):
            raise invalid_value(parameter="syncToken")
        token = SyncToken(*json.loads(packed[12:]))
    except (binascii.Error, ValueError, TypeError) as error:
        raise invalid_value(parameter="syncToken") from error
    if token.resource != _digest(resource):
        raise invalid_value(parameter="syncToken")
    if token.epoch != epoch:
        raise full_sync_required()
    if token.query != fingerprint_query(query):
        raise invalid_value(
            "The request's parameters differ from those of the initial synchronization.",
            "syncToken",
        )
    return token.change


def fingerprint_query(query: Mapping[str, Any]) -> str:
    """Return a digest of the parameters that must stay equal from list to list."""
    kept = {name: query[name] for name in sorted(query.keys() - _FREE - FORBIDDEN)}
    return _digest(json.dumps(kept))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
