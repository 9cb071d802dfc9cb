"""What Cal.com's refusals mean for us.

Cal.com answers ``{"status": "error", "error": {"code", "message"}}``; what stands in front of it
may answer anything.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime

from calendar_manager.providers.caldotcom.fields import read_mapping, read_text
from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    ChannelsUnavailableError,
    ConsentLostError,
    ProviderError,
    RetryLaterError,
    SchedulesUnavailableError,
)

LONGEST_PAUSE = timedelta(days=1)
"""A ``Retry-After`` beyond this is taken for a mistake."""

SILENCE = "timeout"
"""The reason of trouble with a line on which nothing came for too long; what was asked may have
been done all the same."""

_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_NOT_FOUND = 404
_REQUEST_TIMEOUT = 408
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500
_PASSING = frozenset({_REQUEST_TIMEOUT, _TOO_MANY_REQUESTS})
_MESSAGE_LIMIT = 300
_REQUEST_ID_HEADERS = ("x-request-id", "cf-ray")


class BriefTroubleError(RetryLaterError):
    """Trouble that a second try at once often ends, such as a broken line or a 503."""


class NotFoundError(ProviderError):
    """There is nothing at an address, which some endpoints take for an answer."""


class BadRequestError(ProviderError):
    """Cal.com does not take what it was sent.

    This may be a build's way to say that it is too old for it, or that a place in a list has aged.
    """


class PageAgedError(RetryLaterError):
    """A later page can no longer be asked for; the next read begins with the first page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request was about, because one refusal means different things to different ones.

    Attributes:
        path: The path under the API's root.
        version: The ``cal-api-version`` that was sent; None when none was.
        version_setting: The environment variable that sets it; None where there is none.
        cursor: Whether it asked for a later page by a cursor.
        webhooks: Whether it was about webhooks, which accounts can do without.
        schedules: Whether it was about schedules, likewise.
    """

    path: str
    version: str | None = None
    version_setting: str | None = None
    cursor: bool = False
    webhooks: bool = False
    schedules: bool = False

    @property
    def hint(self) -> str:
        """Say which settings decide whether Cal.com understands the request."""
        sent = f"version {self.version}" if self.version else "no version"
        sets = f"{self.version_setting} sets it and " if self.version_setting else ""
        return f"We asked for {sent} of /{self.path}; {sets}CALCOM_API_URL says where Cal.com is."


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
    speech = _read_error(body)
    reason, message = speech or (str(status), "an answer that is not Cal.com's")
    text = f"Cal.com answered {status}, {reason}: {message}"
    request_id = find_request_id(headers)
    make: type[ProviderError] = ProviderError
    if status == _UNAUTHORIZED:
        make = AccessTokenRejectedError
    elif status == _FORBIDDEN and asked.webhooks:
        make = ChannelsUnavailableError
    elif status == _FORBIDDEN and asked.schedules:
        make = SchedulesUnavailableError
        text = (
            f"Cal.com does not let us keep a schedule ({message}). Connect the account again and "
            "allow SCHEDULE_WRITE, or connect it by an API key."
        )
    elif status == _FORBIDDEN and speech is not None:
        # A refusal in other words is a firewall's, and nothing that the person could allow.
        make = ConsentLostError
        text = (
            f"Cal.com no longer lets us read this account ({message}). Connect it again and allow "
            "everything that is asked for."
        )
    elif status in _PASSING or status >= _SERVER_ERRORS:
        pause = read_retry_after(headers)
        # A server that names a time wants no second try before it.
        brief = status != _TOO_MANY_REQUESTS and pause is None
        passing = BriefTroubleError if brief else RetryLaterError
        return passing(text, reason=reason, request_id=request_id, retry_after=pause)
    elif status == _BAD_REQUEST and asked.cursor:
        make = PageAgedError
    elif status == _NOT_FOUND:
        # A version that a build does not know is no route on some builds and a 400 on others.
        make = NotFoundError
        text = f"{text}. {asked.hint}"
    elif status == _BAD_REQUEST:
        make = BadRequestError
        if "version" in message.lower():
            text = f"{text}. {asked.hint}"
    return make(text, reason=reason, request_id=request_id)


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


def find_request_id(headers: Mapping[str, str]) -> str | None:
    """Return the id by which Cal.com, or the proxy before it, can find the request."""
    for name in _REQUEST_ID_HEADERS:
        request_id = read_text(headers.get(name), limit=_MESSAGE_LIMIT)
        if request_id is not None:
            return request_id
    return None


def _read_error(body: bytes) -> tuple[str, str] | None:
    """Return the code and the message of an error; None when the body is not Cal.com's."""
    try:
        answer = read_mapping(json.loads(body))
    except (ValueError, RecursionError):
        return None
    error = read_mapping(answer.get("error"))
    code = read_text(error.get("code"), limit=_MESSAGE_LIMIT)
    message = read_text(error.get("message"), limit=_MESSAGE_LIMIT)
    if code is None and message is None:
        # Errors from before the routing have the framework's shape.
        code = read_text(answer.get("error"), limit=_MESSAGE_LIMIT)
        message = read_text(answer.get("message"), limit=_MESSAGE_LIMIT)
    if code is None and message is None:
        return None
    return code or "unknown", message or "no message"
