"""Every refusal of Google's becomes the error that says what to do."""

import json
from datetime import timedelta
from pathlib import Path

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
from calendar_manager.providers.google.failures import (
    LONGEST_PAUSE,
    QUOTA_PAUSE,
    Asked,
    BriefTroubleError,
    ChannelGoneError,
    classify_refusal,
    read_retry_after,
)

pytestmark = pytest.mark.unit

RECORDED = Path(__file__).parents[1] / "wire" / "google" / "incremental"
LIST = Asked()
LATER_LIST = Asked(page_token=True)
FULL = Asked(calendar=True)
LATER_FULL = Asked(calendar=True, page_token=True)
DELTA = Asked(calendar=True, sync_token=True)
LATER_DELTA = Asked(calendar=True, sync_token=True, page_token=True)
RESUMED = Asked(calendar=True, page_token=True, resuming=True)
WATCH = Asked(calendar=True, channel=True)
STOP = Asked(channel=True)


def refuse(status: int, reason: str, asked: Asked, **headers: str) -> ProviderError:
    entry = {"domain": "any", "reason": reason, "message": "Words"}
    body = {"error": {"code": status, "message": "Words", "errors": [entry]}}
    return classify_refusal(status, headers, json.dumps(body).encode(), asked=asked)


@pytest.mark.parametrize(
    ("status", "reason", "asked", "expected"),
    [
        (401, "authError", LIST, AccessTokenRejectedError),
        (401, "authError", DELTA, AccessTokenRejectedError),
        (401, "push.webhookUrlUnauthorized", WATCH, ChannelsUnavailableError),
        (401, "authError", WATCH, AccessTokenRejectedError),
        (401, "authError", STOP, AccessTokenRejectedError),
        (403, "rateLimitExceeded", FULL, RetryLaterError),
        (403, "rateLimitExceeded", WATCH, RetryLaterError),
        (403, "subscriptionRateLimitExceeded", WATCH, RetryLaterError),
        (403, "userRateLimitExceeded", FULL, RetryLaterError),
        (429, "rateLimitExceeded", DELTA, RetryLaterError),
        (429, "anything", LIST, RetryLaterError),
        (403, "quotaExceeded", FULL, RetryLaterError),
        (403, "dailyLimitExceeded", LIST, RetryLaterError),
        (403, "variableTermLimitExceeded", STOP, RetryLaterError),
        (403, "insufficientPermissions", LIST, ConsentLostError),
        (403, "insufficientPermissions", FULL, ConsentLostError),
        (403, "forbidden", FULL, CalendarGoneError),
        (403, "requiredAccessLevel", DELTA, CalendarGoneError),
        (404, "notFound", FULL, CalendarGoneError),
        (404, "notFound", DELTA, CalendarGoneError),
        (410, "deleted", FULL, CalendarGoneError),
        (403, "forbidden", LIST, ProviderError),
        (404, "notFound", LIST, ProviderError),
        (403, "forbidden", WATCH, ChannelsUnavailableError),
        (404, "notFound", WATCH, CalendarGoneError),
        (404, "notFound", STOP, ChannelGoneError),
        (410, "deleted", STOP, ChannelGoneError),
        (403, "forbidden", STOP, ProviderError),
        (400, "channelIdNotUnique", WATCH, RetryLaterError),
        (400, "invalid", WATCH, ProviderError),
        (403, "accessNotConfigured", FULL, ProviderError),
        (403, "notACalendarUser", FULL, ProviderError),
        (410, "fullSyncRequired", DELTA, CursorExpiredError),
        (410, "updatedMinTooLongAgo", DELTA, CursorExpiredError),
        (410, "anything", LATER_DELTA, CursorExpiredError),
        (400, "invalid", DELTA, CursorExpiredError),
        (400, "invalid", LATER_DELTA, CursorExpiredError),
        (400, "invalid", LATER_FULL, RetryLaterError),
        (400, "invalid", LATER_LIST, RetryLaterError),
        (400, "invalid", RESUMED, PositionExpiredError),
        (410, "updatedMinTooLongAgo", RESUMED, PositionExpiredError),
        (403, "forbidden", RESUMED, CalendarGoneError),
        (404, "notFound", RESUMED, CalendarGoneError),
        (400, "invalid", FULL, ProviderError),
        (408, "timeout", FULL, BriefTroubleError),
        (500, "backendError", FULL, BriefTroubleError),
        (503, "backendError", DELTA, BriefTroubleError),
        (400, "backendError", DELTA, BriefTroubleError),
        (410, "internalError", DELTA, BriefTroubleError),
        (404, "backendError", FULL, BriefTroubleError),
        (400, "UNAVAILABLE", RESUMED, BriefTroubleError),
        (404, "backendError", STOP, BriefTroubleError),
        (302, "unknown", FULL, ProviderError),
        (409, "duplicate", FULL, ProviderError),
    ],
)
def test_refusal_is_classified_by_its_reason(
    status: int, reason: str, asked: Asked, expected: type[ProviderError]
) -> None:
    error = refuse(status, reason, asked)
    assert type(error) is expected
    assert error.reason == reason


def test_pause_is_the_one_that_google_asks_for() -> None:
    asked = {"retry-after": "120"}
    for status, reason in [
        (429, "rateLimitExceeded"),
        (403, "quotaExceeded"),
        (503, "backend"),
        (503, "backendError"),
    ]:
        error = refuse(status, reason, FULL, **asked)
        assert type(error) is RetryLaterError
        assert error.retry_after == timedelta(minutes=2)


def test_used_up_quota_pauses_for_hours_while_a_rate_limit_leaves_the_backoff_to_us() -> None:
    quota, rate = refuse(403, "quotaExceeded", FULL), refuse(403, "rateLimitExceeded", FULL)
    assert isinstance(quota, RetryLaterError)
    assert quota.retry_after == QUOTA_PAUSE >= timedelta(hours=1)
    assert isinstance(rate, RetryLaterError)
    assert rate.retry_after is None


def test_newer_error_form_is_understood() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo"}]
    body = {"code": 403, "message": "Request had insufficient authentication scopes."}
    body |= {"status": "PERMISSION_DENIED"}
    scoped = {**body, "details": [*details, {"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}
    for error, expected in [(scoped, ConsentLostError), (body, ProviderError)]:
        payload = json.dumps({"error": error}).encode()
        assert type(classify_refusal(403, {}, payload, asked=FULL)) is expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'"text"',
        b'{"error": "text"}',
        b'{"error": {"errors": ["x"], "message": 7}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_refusal_without_googles_words_is_judged_by_its_status(body: bytes) -> None:
    assert type(classify_refusal(404, {}, body, asked=FULL)) is ProviderError
    assert type(classify_refusal(403, {}, body, asked=DELTA)) is ProviderError
    assert type(classify_refusal(401, {}, body, asked=FULL)) is AccessTokenRejectedError
    assert type(classify_refusal(502, {}, body, asked=FULL)) is BriefTroubleError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("error__error.invalidSyncToken", CursorExpiredError),
        ("error__error.google.invalidValue", CursorExpiredError),
    ],
)
def test_recorded_refusals(name: str, expected: type[ProviderError]) -> None:
    answer = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    body = json.dumps(answer["body"]).encode()
    assert type(classify_refusal(answer["status"], {}, body, asked=DELTA)) is expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "0"}, timedelta(0)),
        ({"retry-after": "30"}, timedelta(seconds=30)),
        ({"retry-after": "9" * 30}, None),
        ({"retry-after": "999999999"}, LONGEST_PAUSE),
        (
            {
                "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT",
                "date": "Wed, 21 Oct 2026 07:27:00 GMT",
            },
            timedelta(minutes=1),
        ),
        (
            {
                "retry-after": "Wed, 21 Oct 2026 07:26:00 GMT",
                "date": "Wed, 21 Oct 2026 07:27:00 GMT",
            },
            timedelta(0),
        ),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "today"}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], expected: timedelta | None) -> None:
    assert read_retry_after(headers) == expected
