"""What Google's refusals mean for us, decided by their reason rather than their status.

* Calendar: https://developers.google.com/workspace/calendar/api/guides/errors
* The newer form of errors: https://cloud.google.com/apis/design/errors

What refuses a channel is in neither list. Its reasons are those of answers that other projects
recorded: ``push.webhookUrlUnauthorized`` came with 401 and with 400, ``push.webhookUrlNotHttps``,
``pushNotSupportedForRequestedResource`` and ``channelIdNotUnique`` with 400.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime

from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    CalendarGoneError,
    ChannelsUnavailableError,
    ConsentLostError,
    CursorExpiredError,
    PositionExpiredError,
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
_FORBIDDEN = 403
_REQUEST_TIMEOUT = 408
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500
_MESSAGE_LIMIT = 300
_RATE_REASONS = frozenset(
    {
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "subscriptionRateLimitExceeded",
        "RATE_LIMIT_EXCEEDED",
        "RESOURCE_EXHAUSTED",
    }
)
_QUOTA_REASONS = frozenset({"quotaExceeded", "dailyLimitExceeded", "variableTermLimitExceeded"})
# Google's own trouble, which must cost neither cursor nor calendar, whatever the status.
_BRIEF_REASONS = frozenset(
    {"backendError", "internalError", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"}
)
_CONSENT_REASONS = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
_CURSOR_REASONS = frozenset({"fullSyncRequired", "updatedMinTooLongAgo"})
_CLOSED_REASONS = frozenset({"forbidden", "requiredAccessLevel", "insufficientAccess"})
_GONE_REASONS = frozenset({"notFound", "NOT_FOUND", "deleted"}) | _CLOSED_REASONS
_PUSH_REASONS = "push"
_CHANNEL_TEXTS = {
    "pushNotSupportedForRequestedResource": "Google does not tell of changes in this calendar.",
    "push.webhookUrlUnauthorized": "Google does not call this installation's public address. Its "
    "domain may have to be verified for the project of the OAuth client.",
    "push.webhookUrlNotHttps": "Google calls only public addresses that begin with https.",
}


class BriefTroubleError(RetryLaterError):
    """Trouble that a second try at once often ends, such as a broken line or a 503."""


class ChannelGoneError(ProviderError):
    """The channel that was to be stopped is not there, or no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request was about, because one refusal means different things to different ones.

    Attributes:
        calendar: Whether it asked for one calendar.
        sync_token: Whether it went on from a cursor.
        page_token: Whether it asked for a later page.
        resuming: Whether that page's token was kept from a read that broke off.
        channel: Whether it opened a channel, on a calendar, or stopped one.
    """

    calendar: bool = False
    sync_token: bool = False
    page_token: bool = False
    resuming: bool = False
    channel: bool = False


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
    if reason in _BRIEF_REASONS:
        return _pause_or_try_again(reason, text, pause)
    if asked.channel:
        error = _classify_by_channel(status, reason, text, asked)
    else:
        error = _classify_by_reading(status, reason, text, asked)
    return (
        error
        or _classify_by_calendar(status, reason, asked)
        or _classify_by_status(status, reason, text, pause)
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


def _classify_by_channel(status: int, reason: str, text: str, asked: Asked) -> ProviderError | None:
    """Return what a refusal means for the channel that was to be opened or stopped, if anything."""
    if not asked.calendar:
        return ChannelGoneError(text, reason=reason) if status in (404, 410) else None
    if reason == "channelIdNotUnique":
        # Ids are ours and random, so an earlier try was heard and only its answer got lost. What
        # it opened cannot be stopped without the resource's id, and ends by itself within a week.
        return RetryLaterError(text, reason=reason)
    if reason.startswith(_PUSH_REASONS):
        # With a 401 this is about the address, not about the access token.
        return ChannelsUnavailableError(_CHANNEL_TEXTS.get(reason, text), reason=reason)
    if status == _FORBIDDEN and reason in _CLOSED_REASONS:
        # Whether the calendar may be read is for reading it to find out.
        return ChannelsUnavailableError(
            "Google does not let this account be told of changes in this calendar.", reason=reason
        )
    return None


def _classify_by_reading(status: int, reason: str, text: str, asked: Asked) -> ProviderError | None:
    """Return what a refusal means for the cursor or the page that was asked for, if anything."""
    if asked.resuming and status in (400, 410):
        return PositionExpiredError(text, reason=reason)
    if reason in _CURSOR_REASONS or (status in (400, 410) and asked.sync_token):
        # A sync token that Google cannot read is a plain "400 invalid" without a location.
        return CursorExpiredError(text, reason=reason)
    if status == _BAD_REQUEST and asked.page_token:
        # Page tokens age, too; the next read goes on from its position or begins anew.
        return RetryLaterError(text, reason=reason)
    return None


def _classify_by_calendar(status: int, reason: str, asked: Asked) -> ProviderError | None:
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
    return _pause_or_try_again(reason, text, pause)


def _pause_or_try_again(reason: str, text: str, pause: timedelta | None) -> RetryLaterError:
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
