"""Graph's error bodies.

Source: https://learn.microsoft.com/en-us/graph/errors and answers quoted in public issue threads.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any


class GraphApiError(Exception):
    """An answer of Graph other than success.

    Args:
        status: HTTP status.
        code: ``error.code``, by which clients classify, ignoring case.
        message: Human text.
        headers: Extra response headers.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        super().__init__(message)

    def body(self, request_id: str, now_at: datetime) -> dict[str, Any]:
        """Return the JSON body, whose ``innerError`` names the request."""
        inner = {
            "date": now_at.strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": request_id,
        }
        return {"error": {"code": self.code, "message": self.message, "innerError": inner}}


def make_request_id() -> str:
    """Return a new ``request-id``."""
    return str(uuid.uuid4())


def bad_request(message: str, code: str = "ErrorInvalidRequest") -> GraphApiError:
    """Return a 400."""
    return GraphApiError(400, code, message)


def invalid_property(message: str) -> GraphApiError:
    """Return the 400 for a value that the calendar refuses."""
    return GraphApiError(400, "ErrorPropertyValidationFailure", message)


def unknown_zone(name: str) -> GraphApiError:
    """Return the 400 for a time zone that Graph does not know."""
    return GraphApiError(
        400,
        "TimeZoneNotSupportedException",
        f"A valid TimeZone value must be specified. The following TimeZone value is not "
        f"supported: '{name}'.",
    )


def item_not_found() -> GraphApiError:
    """Return the 404 for anything that is not there, or not for this mailbox."""
    return GraphApiError(
        404, "ErrorItemNotFound", "The specified object was not found in the store."
    )


def malformed_id() -> GraphApiError:
    """Return the 400 for an id that cannot be one."""
    return GraphApiError(400, "ErrorInvalidIdMalformed", "Id is malformed.")


def access_denied() -> GraphApiError:
    """Return the 403 for too little permission, by scope or by sharing."""
    return GraphApiError(
        403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."
    )


def unauthenticated(message: str) -> GraphApiError:
    """Return the 401 for a missing, unknown or expired access token."""
    challenge = (
        'Bearer realm="", authorization_uri='
        '"https://login.microsoftonline.com/common/oauth2/authorize"'
    )
    headers = {"WWW-Authenticate": challenge}
    return GraphApiError(401, "InvalidAuthenticationToken", message, headers)


def mailbox_concurrency() -> GraphApiError:
    """Return the 429 for more requests at once than a mailbox takes."""
    return GraphApiError(
        429,
        "ApplicationThrottled",
        "Application is over its MailboxConcurrency limit.",
        {"Retry-After": "1"},
    )


def changed_meanwhile() -> GraphApiError:
    """Return the 412 for an ``If-Match`` that names another version."""
    return GraphApiError(
        412,
        "ErrorIrresolvableConflict",
        "The send or update operation could not be performed because the change key passed in "
        "the request does not match the current change key for the item.",
    )


def sync_state_not_found(status: int, location: str | None = None) -> GraphApiError:
    """Return the answer to a delta or next link that is too old."""
    headers = {"Location": location} if location else {}
    return GraphApiError(
        status,
        "SyncStateNotFound",
        "The sync state generation is not found; generation=1;[highest=2][2].",
        headers,
    )
