"""Cal.com's error bodies.

Source: the envelope of API v2 as its filters wrote it and as public issue threads quote it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from calendar_manager.sandbox.caldotcom.times import write_instant

_NAMES = {
    400: ("BadRequestException", "Bad Request"),
    401: ("UnauthorizedException", "Unauthorized"),
    403: ("ForbiddenException", "Forbidden"),
    404: ("NotFoundException", "Not Found"),
    409: ("ConflictException", "Conflict"),
    429: ("ThrottlerException", "Too Many Requests"),
}
_OTHER = ("INTERNAL_SERVER_ERROR", "Internal Server Error")


class CaldotcomApiError(Exception):
    """An answer of Cal.com's API other than success.

    Args:
        status: HTTP status.
        message: Human text.
        code: ``error.code``; by default the usual one of the status.
        headers: Extra response headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.message = message
        self.code = code or _NAMES.get(status, _OTHER)[0]
        self.headers = dict(headers or {})
        super().__init__(message)

    def body(self, path: str, now_at: datetime) -> dict[str, Any]:
        """Return the JSON body, which names the request's path and query."""
        title = _NAMES.get(self.status, _OTHER)[1]
        details = {"message": self.message, "error": title, "statusCode": self.status}
        return {
            "status": "error",
            "timestamp": write_instant(now_at),
            "path": path,
            "error": {"code": self.code, "message": self.message, "details": details},
        }


def bad_request(message: str) -> CaldotcomApiError:
    """Return a 400."""
    return CaldotcomApiError(400, message)


def not_found(message: str) -> CaldotcomApiError:
    """Return the 404 for anything that is not there, or not this account's."""
    return CaldotcomApiError(404, message)


def unauthenticated(message: str) -> CaldotcomApiError:
    """Return the 401 for a missing, unknown or expired key or token."""
    return CaldotcomApiError(401, message)


def insufficient_scope(required: str, granted: frozenset[str]) -> CaldotcomApiError:
    """Return the 403 for an access token whose scopes do not allow the call."""
    return CaldotcomApiError(
        403,
        "insufficient_scope: token does not have the required scopes. "
        f"Required: {required}. Token has: {', '.join(sorted(granted))}",
    )


def too_many_requests(retry_after_seconds: int | None) -> CaldotcomApiError:
    """Return the 429 for more requests in a minute than a key may make."""
    headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
    message = "CustomThrottlerGuard - Too many requests. Please try again later."
    return CaldotcomApiError(429, message, headers=headers)
