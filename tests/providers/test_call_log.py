"""One line for every request to a provider, and nothing in it that is data."""

import pytest
from structlog.testing import capture_logs

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.providers.call_log import ProviderCall, make_template
from calendar_manager.providers.errors import RetryLaterError
from calendar_manager.providers.microsoft.addresses import GraphAddresses
from calendar_manager.telemetry.tally import TALLY, Part

pytestmark = pytest.mark.unit

GRAPH = "https://graph.microsoft.com/v1.0"


def refuse(call: ProviderCall) -> None:
    with call.request():
        call.status = 429
        raise RetryLaterError("Slow down.", reason="rateLimitExceeded")


def test_each_request_is_a_line_that_counts_the_tries_before() -> None:
    call = ProviderCall(ProviderKind.GOOGLE, "GET", "calendar.events.list")
    with capture_logs() as lines:
        with pytest.raises(RetryLaterError):
            refuse(call)
        with pytest.raises(ZeroDivisionError), call.request():
            _ = 1 / 0
        with call.request():
            call.status = 200
    for line in lines:
        assert line.pop("duration_ms") >= 0
        assert (line.pop("event"), line.pop("log_level")) == ("provider_call", "info")
        assert line.pop("endpoint") == "calendar.events.list"
        assert (line.pop("provider"), line.pop("method")) == ("google", "GET")
    assert lines == [
        {"status": 429, "retries": 0, "reason": "rateLimitExceeded"},
        {"status": None, "retries": 1, "reason": "ZeroDivisionError"},
        {"status": 200, "retries": 2, "reason": None},
    ]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("rateLimitExceeded", "rateLimitExceeded"),
        ("503", "503"),
        ("Mailbox of anna@example.com is full", "other"),
        ("ya29.a0AfH6SMB" + "x" * 80, "other"),
        ("", "other"),
    ],
)
def test_prose_of_a_provider_is_no_reason(reason: str, told: str) -> None:
    TALLY.take()
    with (
        capture_logs() as lines,
        pytest.raises(RetryLaterError),
        ProviderCall(ProviderKind.MICROSOFT, "GET", "me").request(),
    ):
        raise RetryLaterError("No.", reason=reason)
    assert lines[0]["reason"] == told
    assert TALLY.take()[Part("provider_errors", ("microsoft", told), "count")] == 1


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        (f"{GRAPH}/me/calendars?$top=500", "me/calendars"),
        (f"{GRAPH}/me/calendars/AAMk%3D/events/AAB", "me/calendars/{id}/events/{id}"),
        (
            f"{GRAPH}/me/calendars('AAMk=')/calendarView/delta?$deltatoken=secret",
            "me/calendars/{id}/calendarView/delta",
        ),
        (f"{GRAPH}/users/anna@example.com/events", "{id}/{id}/events"),
        (f"{GRAPH}/subscriptions/7f1c", "subscriptions/{id}"),
    ],
)
def test_an_endpoint_of_graph_has_neither_ids_nor_a_query(url: str, endpoint: str) -> None:
    assert GraphAddresses(GRAPH).name_endpoint(url) == endpoint


def test_only_known_words_are_left_of_a_path() -> None:
    words = {"schedules", "me"}
    assert make_template("schedules/12", words) == "schedules/{id}"
    assert make_template("/me/anna%40example.com/", words) == "me/{id}"
    assert make_template("schedules('x')/other('y')", words) == "schedules/{id}/{id}"
