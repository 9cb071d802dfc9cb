"""Google's error bodies, byte for byte as its clients classify them.

Source: https://developers.google.com/workspace/calendar/api/guides/errors and recorded answers.
"""

from collections.abc import Mapping
from typing import Any

REASON_DOMAINS = {
    "rateLimitExceeded": "usageLimits",
    "userRateLimitExceeded": "usageLimits",
    "quotaExceeded": "usageLimits",
    "dailyLimitExceeded": "usageLimits",
    "variableTermLimitExceeded": "usageLimits",
    "fullSyncRequired": "calendar",
    "timeRangeEmpty": "calendar",
    "requiredAccessLevel": "calendar",
    "pushNotSupportedForRequestedResource": "calendar",
}

REASON_MESSAGES = {
    "rateLimitExceeded": "Rate Limit Exceeded",
    "userRateLimitExceeded": "User Rate Limit Exceeded",
    "quotaExceeded": "Calendar usage limits exceeded.",
    "backendError": "Backend Error",
    "notFound": "Not Found",
    "invalid": "Invalid Value",
}


class GoogleApiError(Exception):
    """An answer of the Calendar API other than success.

    Args:
        status: HTTP status.
        reason: ``errors[0].reason``, by which clients classify.
        message: Human text; by default the usual one of the reason.
        location: What is wrong, as ``(locationType, location)``.
        headers: Extra response headers.
        status_name: ``error.status`` of the newer error form (``UNAUTHENTICATED``…).
        details: ``error.details`` of the newer error form.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str | None = None,
        *,
        location: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        status_name: str | None = None,
        details: list[dict[str, Any]] | None = None,
    ) -> None:
        self.status = status
        self.reason = reason
        self.message = message or REASON_MESSAGES.get(reason, reason)
        self.location = location
        self.headers = dict(headers or {})
        self.status_name = status_name
        self.details = details
        super().__init__(self.message)

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        inner_message = self.message
        if self.status_name == "UNAUTHENTICATED":
            inner_message = "Invalid Credentials"
        elif self.status_name == "PERMISSION_DENIED":
            inner_message = "Insufficient Permission"
        item = {
            "domain": REASON_DOMAINS.get(self.reason, "global"),
            "reason": self.reason,
            "message": inner_message,
        }
        if self.location:
            item["locationType"], item["location"] = self.location
        error: dict[str, Any] = {"errors": [item], "code": self.status, "message": self.message}
        if self.status_name:
            error["status"] = self.status_name
        if self.details:
            error["details"] = self.details
        return {"error": error}


def invalid_value(message: str = "Invalid Value", parameter: str | None = None) -> GoogleApiError:
    """Return the 400 for a value that cannot be used, naming the parameter where there is one."""
    location = ("parameter", parameter) if parameter else None
    return GoogleApiError(400, "invalid", message, location=location)


def not_found() -> GoogleApiError:
    """Return the 404 for anything that is not there, or not for this account."""
    return GoogleApiError(404, "notFound")


def full_sync_required() -> GoogleApiError:
    """Return the recorded 410 for an expired sync token."""
    return GoogleApiError(
        410,
        "fullSyncRequired",
        "Sync token is no longer valid, a full sync is required.",
        location=("parameter", "syncToken"),
    )


def unauthenticated() -> GoogleApiError:
    """Return the 401 for a missing, unknown or expired access token."""
    return GoogleApiError(
        401,
        "authError",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential. See "
        "https://developers.google.com/identity/sign-in/web/devconsole-project.",
        location=("header", "Authorization"),
        headers={
            "WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
        },
        status_name="UNAUTHENTICATED",
    )


def insufficient_scope(method_id: str) -> GoogleApiError:
    """Return the 403 for an access token whose scopes do not allow the method."""
    return GoogleApiError(
        403,
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        headers={
            "WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", '
            'error="insufficient_scope"'
        },
        status_name="PERMISSION_DENIED",
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                "domain": "googleapis.com",
                "metadata": {"service": "calendar-json.googleapis.com", "method": method_id},
            }
        ],
    )
