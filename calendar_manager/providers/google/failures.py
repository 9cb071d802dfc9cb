"""What Google's refusals mean for us, decided by their reason rather than their status.

https://developers.google.com/workspace/calendar/api/guides/errors
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime

from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    CalendarGoneError,
    ConsentLostError,
    CursorExpiredError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.providers.google.fields import read_list, read_mapping, read_text

QUOTA_PAUSE = timedelta(hours=2)
"""How long to wait when a quota is used up that is counted over hours."""

LONGEST_PAUSE = timedelta(days=1)
"""A ``Retry-After`` beyond this is taken for a mistake."""

_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_REQUEST_TIMEOUT = 408
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500
_MESSAGE_LIMIT = 300
_RATE_REASONS = frozenset(
    {"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"}
)
_QUOTA_REASONS = frozenset({"quotaExceeded", "dailyLimitExceeded"})
_CONSENT_REASONS = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
_CURSOR_REASONS = frozenset({"fullSyncRequired", "updatedMinTooLongAgo"})
_GONE_REASONS = frozenset(
    {"notFound", "NOT_FOUND", "forbidden", "requiredAccessLevel", "deleted", "insufficientAccess"}
)


class BriefTroubleError(RetryLaterError):
    """Trouble that a second try at once often ends, such as a broken line or a 503."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request was about, because one refusal means different things to different ones.

    Attributes:
        calendar: Whether it asked for one calendar.
        sync_token: Whether it went on from a cursor.
        page_token: Whether it asked for a later page.
    """

    calendar: bool = False
    sync_token: bool = False
    page_token: bool = False


def classify_refusal(
    status: int, headers: Mapping[str, str], body: bytes, *, asked: Asked
) -> ProviderError:
    """Turn an answer other than success into the error that says what to do.

    Args:
        status: The HTTP status.
        headers: The answer's headers, names in lower case.
        body: The answer's body, JSON or not.
        asked: What the request was about.
    """
    reason, message = _read_error(body)
    text = f"Google answered {status}, {reason}: {message}"
    pause = read_retry_after(headers)
    if reason in _RATE_REASONS or status == _TOO_MANY_REQUESTS:
        return RetryLaterError(text, reason=reason, retry_after=pause)
    if reason in _QUOTA_REASONS:
        return RetryLaterError(text, reason=reason, retry_after=pause or QUOTA_PAUSE)
    if reason in _CONSENT_REASONS:
        return ConsentLostError(
            "Google no longer lets us read the calendars of this account; connect it again and "
            "leave every box ticked.",
            reason=reason,
        )
    return _classify_by_request(status, reason, text, asked) or _classify_by_status(
        status, reason, text, pause
    )


def read_retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long the server asks us to wait (RFC 9110, section 10.2.3), or None.

    A date is read against the server's own clock, its ``Date`` header.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        if value.isdecimal():
            pause = timedelta(seconds=int(value))
        else:
            sent_at = parsedate_to_datetime(headers.get("date", ""))
            pause = parsedate_to_datetime(value) - sent_at
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(pause, timedelta(0)), LONGEST_PAUSE)


def _classify_by_request(status: int, reason: str, text: str, asked: Asked) -> ProviderError | None:
    """Return what a refusal means for the cursor, page or calendar asked for, if for any."""
    if reason in _CURSOR_REASONS or (status in (400, 410) and asked.sync_token):
        # A sync token that Google cannot read is a plain "400 invalid" without a location.
        return CursorExpiredError(text, reason=reason)
    if status == _BAD_REQUEST and asked.page_token:
        # Page tokens age, too; the next read begins with the first page.
        return RetryLaterError(text, reason=reason)
    if status in (403, 404, 410) and asked.calendar and reason in _GONE_REASONS:
        return CalendarGoneError(
            "Google says that this calendar does not exist or is not shared with this account "
            "any more.",
            reason=reason,
        )
    return None


def _classify_by_status(
    status: int, reason: str, text: str, pause: timedelta | None
) -> ProviderError:
    if status == _UNAUTHORIZED:
        return AccessTokenRejectedError(text, reason=reason)
    if status < _SERVER_ERRORS and status != _REQUEST_TIMEOUT:
        return ProviderError(text, reason=reason)
    if pause is not None:
        # A server that names a time wants no second try before it.
        return RetryLaterError(text, reason=reason, retry_after=pause)
    return BriefTroubleError(text, reason=reason)


def _read_error(body: bytes) -> tuple[str, str]:
    """Return the reason and the message of an error body, in the older or the newer form."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return "unknown", "an answer that is not JSON"
    error = read_mapping(read_mapping(answer).get("error"))
    message = read_text(error.get("message"), limit=_MESSAGE_LIMIT) or "no message"
    candidates = [
        *(read_mapping(entry).get("reason") for entry in read_list(error.get("errors"))),
        *(read_mapping(entry).get("reason") for entry in read_list(error.get("details"))),
        error.get("status"),
    ]
    reasons = (read_text(candidate, limit=_MESSAGE_LIMIT) for candidate in candidates)
    return next((reason for reason in reasons if reason), "unknown"), message
