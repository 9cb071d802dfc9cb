"""What Graph's refusals mean for us, decided by their code as well as their status.

https://learn.microsoft.com/graph/errors and https://learn.microsoft.com/graph/throttling
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from enum import Enum

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
from calendar_manager.providers.microsoft.fields import read_mapping, read_text

LONGEST_PAUSE = timedelta(days=1)
"""A ``Retry-After`` beyond this is taken for a mistake."""

_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_REQUEST_TIMEOUT = 408
_GONE = 410
_GONE_STATUSES = frozenset({404, _GONE})
_LOCKED = 423
_TOO_MANY_REQUESTS = 429
# A mailbox that is moved to another server is locked meanwhile.
_PASSING_STATUSES = frozenset({_REQUEST_TIMEOUT, _LOCKED, _TOO_MANY_REQUESTS})
_CLIENT_ERRORS = range(400, 500)
_SERVER_ERRORS = 500
_TEXT_LIMIT = 300
_DEEPEST = 5
# Graph writes codes in more than one way of capitals, so they are compared in lower case.
_CURSOR_CODES = frozenset(
    {
        "syncstatenotfound",
        "syncstateinvalid",
        "errorinvalidsyncstatedata",
        "resyncrequired",
        "resyncchangesapplydifferences",
        "resyncchangesuploaddifferences",
    }
)
_PASSING_CODES = frozenset(
    {
        "toomanyrequests",
        "activitylimitreached",
        "applicationthrottled",
        "mailboxconcurrency",
        "errorserverbusy",
        "errorexceededconnectioncount",
        "errormailboxmoveinprogress",
        "errormailboxstoreunavailable",
        "errortimeoutexpired",
        "errorinternalservertransienterror",
        "servicenotavailable",
    }
)
_SCOPE_CODES = frozenset({"authorization_requestdenied", "insufficientpermissions"})
_CLOSED_CODES = frozenset({"erroraccessdenied", "accessdenied", "forbidden"})
_MAILBOX_CODES = frozenset(
    {
        "mailboxnotenabledforrestapi",
        "mailboxnotsupportedforrestapi",
        # A personal account without Outlook, which Graph answers with a 401.
        "organizationfromtenantguidnotfound",
    }
)


class BriefTroubleError(RetryLaterError):
    """Trouble that a second try at once often ends, such as a broken line or a 503."""


class EventUnavailableError(ProviderError):
    """One event is gone, or closed to us; never leaves this package.

    Attributes:
        gone: Whether it is gone.
    """

    def __init__(self, message: str, *, reason: str, request_id: str | None, gone: bool) -> None:
        super().__init__(message, reason=reason, request_id=request_id)
        self.gone = gone


class ChannelGoneError(ProviderError):
    """A subscription is gone, or cannot be extended; never leaves this package."""


class LifeTooLongError(ProviderError):
    """A subscription may not live as long as was asked for."""


class Asked(Enum):
    """What a request was about, because one refusal means different things to different ones."""

    CALENDARS = "the list of calendars"
    BASELINE = "the first page of a calendar, read from its beginning"
    BASELINE_PAGE = "a later page of it"
    RESUMED = "the page behind which a full read broke off"
    DELTA = "what changed in a calendar since a cursor"
    EVENT = "one event"
    OPENING = "a new subscription"
    EXTENDING = "a longer life of a subscription"
    CLOSING = "the end of a subscription"


_CHANNEL = frozenset({Asked.OPENING, Asked.EXTENDING, Asked.CLOSING})


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
    refusal = _read_refusal(status, headers, body)
    code = refusal.reason.lower()
    if status in _PASSING_STATUSES or refusal.codes & _PASSING_CODES:
        return refusal.retry_later()
    if status == _UNAUTHORIZED and code not in _MAILBOX_CODES:
        return refusal.become(AccessTokenRejectedError)
    if status in _CLIENT_ERRORS:
        classify = _classify_channel if asked in _CHANNEL else _classify_by_request
        return classify(status, code, refusal, asked)
    if status < _SERVER_ERRORS:
        return refusal.become(ProviderError)
    if refusal.pause is not None:
        # A server that names a time wants no second try before it.
        return refusal.retry_later()
    return BriefTroubleError(refusal.text, reason=refusal.reason, request_id=refusal.request_id)


def read_retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long the server asks us to wait (RFC 9110, section 10.2.3), or None.

    A date is read against the server's own clock, its ``Date`` header.

    Args:
        headers: The answer's headers, names in lower case.
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


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An answer other than success.

    Attributes:
        reason: Graph's code, as Graph writes it.
        codes: All codes in lower case, those inside the error included.
        text: What happened, for logs.
        request_id: What Microsoft's support asks for.
        pause: How long the server asks us to wait.
    """

    reason: str
    codes: frozenset[str]
    text: str
    request_id: str | None
    pause: timedelta | None

    def become(self, kind: type[ProviderError], text: str | None = None) -> ProviderError:
        return kind(text or self.text, reason=self.reason, request_id=self.request_id)

    def retry_later(self) -> RetryLaterError:
        return RetryLaterError(
            self.text, reason=self.reason, request_id=self.request_id, retry_after=self.pause
        )


def _read_refusal(status: int, headers: Mapping[str, str], body: bytes) -> _Refusal:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    error = read_mapping(read_mapping(answer).get("error"))
    inner = _read_inner(error)
    code = read_text(error.get("code"), limit=_TEXT_LIMIT) or "unknown"
    message = read_text(error.get("message"), limit=_TEXT_LIMIT) or "no message"
    request_id = read_text(headers.get("request-id"), limit=_TEXT_LIMIT) or read_text(
        inner.get("request-id"), limit=_TEXT_LIMIT
    )
    return _Refusal(
        code,
        frozenset({code.lower(), *_find_inner_codes(inner)}),
        f"Microsoft answered {status}, {code}: {message}",
        request_id,
        read_retry_after(headers),
    )


def _read_inner(error: Mapping[str, object]) -> Mapping[str, object]:
    return read_mapping(error.get("innerError") or error.get("innererror"))


def _find_inner_codes(inner: Mapping[str, object]) -> Iterator[str]:
    """Yield the codes inside an error, which become more exact inwards.

    https://learn.microsoft.com/graph/errors
    """
    for _ in range(_DEEPEST):
        code = read_text(inner.get("code"), limit=_TEXT_LIMIT)
        if code is not None:
            yield code.lower()
        inner = _read_inner(inner)


def _classify_by_request(status: int, code: str, refusal: _Refusal, asked: Asked) -> ProviderError:
    """Return what a refusal means for what was asked for."""
    if code in _MAILBOX_CODES:
        return refusal.become(
            ProviderError,
            "This Microsoft account has no calendar that other applications may read: its mailbox "
            "is inactive, unlicensed, or on a server of the organization's own.",
        )
    if code in _SCOPE_CODES:
        return _consent_lost(refusal)
    if asked is Asked.EVENT:
        return _classify_event(status, code, refusal)
    if asked is Asked.CALENDARS:
        closed = status == _FORBIDDEN and code in _CLOSED_CODES
        return _consent_lost(refusal) if closed else refusal.become(ProviderError)
    return _classify_calendar(status, code, refusal, asked)


def _classify_event(status: int, code: str, refusal: _Refusal) -> ProviderError:
    gone = status in _GONE_STATUSES and code != "unknown"
    if not gone and code not in _CLOSED_CODES:
        return refusal.become(ProviderError)
    return EventUnavailableError(
        refusal.text, reason=refusal.reason, request_id=refusal.request_id, gone=gone
    )


def _classify_calendar(status: int, code: str, refusal: _Refusal, asked: Asked) -> ProviderError:
    lost_its_place = status == _GONE or bool(refusal.codes & _CURSOR_CODES)
    # A token that cannot be read at all is a plain 400 of one of many codes.
    if asked is Asked.DELTA and (lost_its_place or status == _BAD_REQUEST):
        return refusal.become(CursorExpiredError)
    if asked is Asked.RESUMED and (lost_its_place or status == _BAD_REQUEST):
        return refusal.become(PositionExpiredError)
    if asked is Asked.BASELINE_PAGE and lost_its_place:
        # There is no cursor yet that could be dropped. The next read begins behind the last page,
        # and if Graph refuses that as well it begins anew.
        return refusal.retry_later()
    if (status in _GONE_STATUSES and code != "unknown") or code in _CLOSED_CODES:
        return refusal.become(
            CalendarGoneError,
            "Microsoft says that this calendar does not exist or is not shared with this account "
            "any more.",
        )
    return refusal.become(ProviderError)


def _classify_channel(status: int, code: str, refusal: _Refusal, asked: Asked) -> ProviderError:
    if asked is Asked.OPENING:
        return _classify_opening(status, code, refusal)
    if asked is Asked.EXTENDING and _complains_of_silence(code, refusal):
        # The subscription lives on for the rest of its time, so there is time to try again.
        return refusal.retry_later()
    if asked is Asked.EXTENDING and _complains_of_life(status, refusal):
        return refusal.become(LifeTooLongError)
    # A subscription that Graph does not let us extend is opened anew, which also says why not.
    closed = asked is Asked.EXTENDING and status in {_BAD_REQUEST, _FORBIDDEN}
    return refusal.become(ChannelGoneError if closed or status in _GONE_STATUSES else ProviderError)


def _classify_opening(status: int, code: str, refusal: _Refusal) -> ProviderError:
    """Return why there is no subscription; Graph's own words may quote what we sent."""
    if _complains_of_silence(code, refusal):
        return refusal.become(
            ChannelsUnavailableError,
            "Microsoft called this installation to make sure that it can, and got no right "
            "answer. Check that PUBLIC_URL can be reached from the internet over https, without "
            "a login in front of it.",
        )
    if _complains_of_life(status, refusal):
        return refusal.become(LifeTooLongError, "Microsoft grants subscriptions a shorter life.")
    if status == _FORBIDDEN or status in _GONE_STATUSES:
        return refusal.become(
            ChannelsUnavailableError,
            "Microsoft does not tell us of changes to this calendar, because it belongs to "
            "somebody else or because the permission does not reach so far.",
        )
    if status == _BAD_REQUEST:
        return refusal.become(
            ChannelsUnavailableError,
            f"Microsoft does not tell us of changes to this calendar ({refusal.reason}).",
        )
    return refusal.become(
        ProviderError, f"Microsoft refused to tell us of changes ({status}, {refusal.reason})."
    )


def _complains_of_silence(code: str, refusal: _Refusal) -> bool:
    # Without a code of its own: "Subscription validation request timed out."
    return code == "validationerror" or "validation request" in refusal.text.lower()


def _complains_of_life(status: int, refusal: _Refusal) -> bool:
    # "Subscription expiration can only be 4230 minutes in the future." has no code of its own.
    return status == _BAD_REQUEST and "expir" in refusal.text.lower()


def _consent_lost(refusal: _Refusal) -> ProviderError:
    return refusal.become(
        ConsentLostError,
        "Microsoft no longer lets us read the calendars of this account. Connect it again; if "
        "that is refused, its organization's administrator has to allow this application.",
    )
