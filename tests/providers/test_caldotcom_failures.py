"""Every refusal of Cal.com's becomes the error that says what to do."""

import json
from collections.abc import Mapping
from datetime import timedelta

import pytest

from calendar_manager.providers.caldotcom.failures import (
    LONGEST_PAUSE,
    Asked,
    BadRequestError,
    BriefTroubleError,
    NotFoundError,
    PageAgedError,
    classify_refusal,
    find_request_id,
    read_retry_after,
)
from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    ChannelsUnavailableError,
    ConsentLostError,
    ProviderError,
    RetryLaterError,
)

pytestmark = pytest.mark.unit

LIST = Asked(path="bookings", version="2024-08-13", version_setting="CALCOM_BOOKINGS_VERSION")
LATER = Asked(path="bookings", version=None, version_setting="X", cursor=True)
WEBHOOK = Asked(path="webhooks/5", webhooks=True)


def refuse(
    status: int,
    message: str = "Words",
    *,
    asked: Asked = LIST,
    headers: Mapping[str, str] | None = None,
) -> ProviderError:
    body = {"status": "error", "error": {"code": "CODE", "message": message}}
    return classify_refusal(status, headers or {}, json.dumps(body).encode(), asked=asked)


@pytest.mark.parametrize(
    ("status", "asked", "expected"),
    [
        (200, LIST, ProviderError),
        (302, LIST, ProviderError),
        (400, LIST, BadRequestError),
        (400, LATER, PageAgedError),
        (400, WEBHOOK, BadRequestError),
        (403, WEBHOOK, ChannelsUnavailableError),
        (404, WEBHOOK, NotFoundError),
        (401, LIST, AccessTokenRejectedError),
        (401, LATER, AccessTokenRejectedError),
        (403, LIST, ConsentLostError),
        (404, LIST, NotFoundError),
        (408, LIST, BriefTroubleError),
        (409, LIST, ProviderError),
        (422, LIST, ProviderError),
        (429, LIST, RetryLaterError),
        (500, LIST, BriefTroubleError),
        (502, LATER, BriefTroubleError),
        (503, LIST, BriefTroubleError),
    ],
)
def test_refusal_is_classified_by_its_status(
    status: int, asked: Asked, expected: type[ProviderError]
) -> None:
    error = refuse(status, asked=asked)
    assert type(error) is expected
    assert error.reason == "CODE"


def test_pause_is_the_one_that_cal_com_asks_for() -> None:
    for status in (429, 503):
        error = refuse(status, headers={"retry-after": "120"})
        assert type(error) is RetryLaterError
        assert error.retry_after == timedelta(minutes=2)


def test_rate_limit_without_a_time_leaves_the_backoff_to_us() -> None:
    error = refuse(429)
    assert isinstance(error, RetryLaterError)
    assert error.retry_after is None


@pytest.mark.parametrize(("status", "named"), [(400, True), (404, True), (422, False)])
def test_refusal_about_the_version_names_the_setting(status: int, named: bool) -> None:  # noqa: FBT001 - A column of the table.
    text = str(refuse(status, "The cal-api-version 2024-08-13 is not known"))
    assert ("CALCOM_BOOKINGS_VERSION" in text) is named


def test_other_bad_request_is_told_as_it_is() -> None:
    assert "CALCOM" not in str(refuse(400, "take must not be greater than 100"))


def test_frameworks_own_shape_is_understood() -> None:
    body = json.dumps({"statusCode": 403, "message": "Forbidden resource", "error": "Forbidden"})
    error = classify_refusal(403, {}, body.encode(), asked=LIST)
    assert type(error) is ConsentLostError
    assert error.reason == "Forbidden"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'"text"', b'{"error": 5}', b'{"error": {}}', b"\xff", b"[" * 100_000],
)
def test_refusal_without_cal_coms_words_is_judged_by_its_status(body: bytes) -> None:
    # A firewall's 403 says nothing about the person's consent.
    assert type(classify_refusal(403, {}, body, asked=LIST)) is ProviderError
    assert type(classify_refusal(401, {}, body, asked=LIST)) is AccessTokenRejectedError
    assert type(classify_refusal(404, {}, body, asked=LIST)) is NotFoundError
    assert type(classify_refusal(502, {}, body, asked=LIST)) is BriefTroubleError


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"x-request-id": "r1", "cf-ray": "ray"}, "r1"),
        ({"cf-ray": "ray"}, "ray"),
        ({"x-request-id": " "}, None),
    ],
)
def test_request_is_named_for_the_log(headers: dict[str, str], expected: str | None) -> None:
    assert find_request_id(headers) == expected
    assert refuse(500, headers=headers).request_id == expected


DATE = "Wed, 21 Oct 2026 07:27:00 GMT"


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
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": DATE}, timedelta(minutes=1)),
        ({"retry-after": "Wed, 21 Oct 2026 07:26:00 GMT", "date": DATE}, timedelta(0)),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "today"}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], expected: timedelta | None) -> None:
    assert read_retry_after(headers) == expected
