"""Every refusal of Graph's becomes the error that says what to do."""

import json
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

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
from calendar_manager.providers.microsoft.addresses import GraphAddresses
from calendar_manager.providers.microsoft.failures import (
    LONGEST_PAUSE,
    Asked,
    BriefTroubleError,
    ChannelGoneError,
    EventUnavailableError,
    LifeTooLongError,
    classify_refusal,
    read_retry_after,
)

pytestmark = pytest.mark.unit

LIST, FIRST, LATER = Asked.CALENDARS, Asked.BASELINE, Asked.BASELINE_PAGE
DELTA, EVENT, RESUMED = Asked.DELTA, Asked.EVENT, Asked.RESUMED
OPENING, EXTENDING, CLOSING = Asked.OPENING, Asked.EXTENDING, Asked.CLOSING
EXPIRY = "Subscription expiration can only be 4230 minutes in the future."
SILENCE = "Subscription validation request timed out."


def refuse(
    status: int,
    code: str,
    asked: Asked,
    message: str = "Words",
    inner: Mapping[str, Any] = MappingProxyType({}),
    headers: Mapping[str, str] = MappingProxyType({}),
) -> ProviderError:
    inner = {"date": "2026-11-20T12:00:00", "request-id": "from-the-body", **inner}
    body = {"error": {"code": code, "message": message, "innerError": inner}}
    return classify_refusal(status, headers, json.dumps(body).encode(), asked=asked)


@pytest.mark.parametrize(
    ("status", "code", "asked", "expected"),
    [
        (401, "InvalidAuthenticationToken", LIST, AccessTokenRejectedError),
        (401, "InvalidAuthenticationToken", DELTA, AccessTokenRejectedError),
        (401, "unauthenticated", EVENT, AccessTokenRejectedError),
        (429, "TooManyRequests", DELTA, RetryLaterError),
        (429, "ApplicationThrottled", EVENT, RetryLaterError),
        (429, "unknown", LIST, RetryLaterError),
        (503, "MailboxConcurrency", DELTA, RetryLaterError),
        (403, "ErrorServerBusy", DELTA, RetryLaterError),
        (408, "unknown", DELTA, RetryLaterError),
        (410, "SyncStateNotFound", DELTA, CursorExpiredError),
        (410, "resyncRequired", DELTA, CursorExpiredError),
        (410, "unknown", DELTA, CursorExpiredError),
        (404, "syncStateNotFound", DELTA, CursorExpiredError),
        (400, "SYNCSTATENOTFOUND", DELTA, CursorExpiredError),
        (400, "ErrorInvalidUrlQuery", DELTA, CursorExpiredError),
        (410, "SyncStateNotFound", LATER, RetryLaterError),
        (404, "SyncStateNotFound", LATER, RetryLaterError),
        (410, "SyncStateNotFound", RESUMED, PositionExpiredError),
        (404, "syncStateNotFound", RESUMED, PositionExpiredError),
        (400, "ErrorInvalidUrlQuery", RESUMED, PositionExpiredError),
        (404, "ErrorItemNotFound", RESUMED, CalendarGoneError),
        (503, "ServiceUnavailable", RESUMED, BriefTroubleError),
        (423, "ErrorMailboxMoveInProgress", DELTA, RetryLaterError),
        (423, "unknown", EVENT, RetryLaterError),
        (409, "errorServerBusy", DELTA, RetryLaterError),
        (401, "OrganizationFromTenantGuidNotFound", LIST, ProviderError),
        (400, "ErrorInvalidUrlQuery", FIRST, ProviderError),
        (404, "ErrorItemNotFound", FIRST, CalendarGoneError),
        (404, "ErrorItemNotFound", DELTA, CalendarGoneError),
        (404, "erroritemnotfound", LATER, CalendarGoneError),
        (403, "ErrorAccessDenied", FIRST, CalendarGoneError),
        (403, "ErrorAccessDenied", DELTA, CalendarGoneError),
        (403, "ErrorAccessDenied", LIST, ConsentLostError),
        (403, "Authorization_RequestDenied", LIST, ConsentLostError),
        (403, "Authorization_RequestDenied", DELTA, ConsentLostError),
        (404, "ErrorItemNotFound", EVENT, EventUnavailableError),
        (403, "ErrorAccessDenied", EVENT, EventUnavailableError),
        (400, "ErrorInvalidIdMalformed", EVENT, ProviderError),
        (404, "MailboxNotEnabledForRESTAPI", LIST, ProviderError),
        (404, "MailboxNotEnabledForRESTAPI", DELTA, ProviderError),
        (404, "unknown", LIST, ProviderError),
        (302, "unknown", DELTA, ProviderError),
        (500, "ErrorInternalServerError", DELTA, BriefTroubleError),
        (502, "UnknownError", EVENT, BriefTroubleError),
        (503, "ServiceUnavailable", DELTA, BriefTroubleError),
        (401, "InvalidAuthenticationToken", OPENING, AccessTokenRejectedError),
        (429, "TooManyRequests", OPENING, RetryLaterError),
        (503, "ServiceUnavailable", OPENING, BriefTroubleError),
        (400, "ValidationError", OPENING, ChannelsUnavailableError),
        (400, "InvalidRequest", OPENING, ChannelsUnavailableError),
        (403, "ErrorAccessDenied", OPENING, ChannelsUnavailableError),
        (403, "Authorization_RequestDenied", OPENING, ChannelsUnavailableError),
        (404, "ErrorItemNotFound", OPENING, ChannelsUnavailableError),
        (409, "Conflict", OPENING, ProviderError),
        (404, "ResourceNotFound", EXTENDING, ChannelGoneError),
        (410, "unknown", EXTENDING, ChannelGoneError),
        (400, "ErrorInvalidParameter", EXTENDING, ChannelGoneError),
        (403, "ErrorAccessDenied", EXTENDING, ChannelGoneError),
        (429, "TooManyRequests", EXTENDING, RetryLaterError),
        (400, "ValidationError", EXTENDING, RetryLaterError),
        (404, "ResourceNotFound", CLOSING, ChannelGoneError),
        (410, "unknown", CLOSING, ChannelGoneError),
        (403, "ErrorAccessDenied", CLOSING, ProviderError),
    ],
)
def test_refusal_is_classified_by_status_and_code(
    status: int, code: str, asked: Asked, expected: type[ProviderError]
) -> None:
    error = refuse(status, code, asked)
    assert type(error) is expected
    assert error.reason == code
    assert error.request_id == "from-the-body"


@pytest.mark.parametrize(
    ("status", "code", "message", "asked", "expected"),
    [
        (400, "ExtensionError", EXPIRY, OPENING, LifeTooLongError),
        (400, "InvalidRequest", EXPIRY, EXTENDING, LifeTooLongError),
        (403, "ExtensionError", EXPIRY, OPENING, ChannelsUnavailableError),
        (400, "InvalidRequest", SILENCE, OPENING, ChannelsUnavailableError),
        (400, "InvalidRequest", SILENCE, EXTENDING, RetryLaterError),
    ],
)
def test_subscription_is_refused_in_words_where_graph_has_no_code(
    status: int, code: str, message: str, asked: Asked, expected: type[ProviderError]
) -> None:
    assert type(refuse(status, code, asked, message)) is expected


def test_refused_subscription_names_what_to_do_and_quotes_nothing() -> None:
    silent = refuse(400, "ValidationError", OPENING, "at https://here/?secret")
    assert "PUBLIC_URL" in str(silent)
    shared = refuse(403, "ErrorAccessDenied", OPENING, "secret")
    assert "belongs to somebody else" in str(shared)
    odd = refuse(400, "InvalidRequest", OPENING, "secret")
    assert "InvalidRequest" in str(odd)
    assert "secret" not in f"{silent}{shared}{odd}"


@pytest.mark.parametrize(
    ("asked", "inner", "expected"),
    [
        (DELTA, {"code": "syncStateNotFound"}, CursorExpiredError),
        (EVENT, {"code": "MailboxConcurrency"}, RetryLaterError),
        (EVENT, {"innererror": {"code": "applicationThrottled"}}, RetryLaterError),
        (EVENT, {"code": 7, "innerError": "text"}, ProviderError),
    ],
)
def test_more_exact_codes_inside_the_error_count(
    asked: Asked, inner: dict[str, Any], expected: type[ProviderError]
) -> None:
    error = refuse(409, "generalException", asked, inner=inner)
    assert type(error) is expected
    assert error.reason == "generalException"


def test_event_that_is_gone_is_told_from_one_that_is_closed() -> None:
    gone, closed = refuse(404, "ErrorItemNotFound", EVENT), refuse(403, "AccessDenied", EVENT)
    assert isinstance(gone, EventUnavailableError)
    assert isinstance(closed, EventUnavailableError)
    assert (gone.gone, closed.gone) == (True, False)


def test_request_id_of_the_headers_comes_first() -> None:
    assert (
        refuse(500, "x", LIST, headers={"request-id": "from-the-head"}).request_id
        == "from-the-head"
    )


@pytest.mark.parametrize("status", [429, 503, 504])
def test_pause_is_the_one_that_graph_asks_for(status: int) -> None:
    error = refuse(status, "any", DELTA, headers={"retry-after": "120"})
    assert type(error) is RetryLaterError
    assert error.retry_after == timedelta(minutes=2)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"error": "text"}',
        b'{"error": {"code": 7, "innerError": []}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_refusal_without_graphs_words_is_judged_by_its_status(body: bytes) -> None:
    assert type(classify_refusal(404, {}, body, asked=FIRST)) is ProviderError
    assert type(classify_refusal(404, {}, body, asked=EVENT)) is ProviderError
    assert type(classify_refusal(403, {}, body, asked=DELTA)) is ProviderError
    assert type(classify_refusal(401, {}, body, asked=FIRST)) is AccessTokenRejectedError
    assert type(classify_refusal(502, {}, body, asked=FIRST)) is BriefTroubleError


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "0"}, timedelta(0)),
        ({"retry-after": "30"}, timedelta(seconds=30)),
        ({"retry-after": "999999999"}, LONGEST_PAUSE),
        ({"retry-after": "9" * 30}, None),
        (
            {
                "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT",
                "date": "Wed, 21 Oct 2026 07:27:00 GMT",
            },
            timedelta(minutes=1),
        ),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], expected: timedelta | None) -> None:
    assert read_retry_after(headers) == expected


ROOT = "https://graph.microsoft.com/v1.0/"


@pytest.mark.parametrize(
    ("link", "inside"),
    [
        (f"{ROOT}me/calendars/x/calendarView/delta?$deltatoken=abc", True),
        ("https://GRAPH.microsoft.com/v1.0/users/7/calendarView/delta?$skiptoken=a%2Fb", True),
        ("http://graph.microsoft.com/v1.0/me", False),
        ("https://graph.microsoft.com:8443/v1.0/me", False),
        ("https://graph.microsoft.com/beta/me", False),
        ("https://graph.microsoft.com/v1.0/../beta/me", False),
        ("https://graph.microsoft.com/v1.0/%2e%2e/beta/me", False),
        ("https://graph.microsoft.com/v1.0/..\\beta/me", False),
        ("https://graph.microsoft.com.evil.test/v1.0/me", False),
        ("https://graph.microsoft.com@evil.test/v1.0/me", False),
        ("https://evil.test/v1.0/me?x=https://graph.microsoft.com/v1.0/", False),
        ("//graph.microsoft.com/v1.0/me", False),
        ("https://[broken/v1.0/me", False),
        ("https://graph.microsoft.com/v1.0/me\r\nHost: evil.test", False),
        ("", False),
    ],
)
def test_only_links_to_the_configured_place_are_followed(link: str, *, inside: bool) -> None:
    addresses = GraphAddresses(ROOT.rstrip("/"))
    assert addresses.is_inside(link) is inside
    if inside:
        assert addresses.check(link) == link
    else:
        with pytest.raises(ProviderError, match="another place"):
            addresses.check(link)
