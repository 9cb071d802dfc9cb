"""Faults on demand, the request log and the rest of the control API."""

import socket
import threading
import time
from datetime import UTC, datetime

import pytest
import requests

from calendar_manager.sandbox.control_client import ControlClient, ControlError
from tests.sandbox.sandbox_api import EMAIL, EVENTS, Api, timed

pytestmark = pytest.mark.unit

# Which of the two depends on how much the client had read when the reset came.
BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
BODY = timed("2026-03-02T09:00:00", "2026-03-02T10:00:00", id="meet1")


def test_quota_errors_have_googles_domain_and_reason(api: Api, control: ControlClient) -> None:
    control.add_fault("quota_403", path="/events", times=1)
    control.add_fault("quota_403", path="/events", times=1, reason="quotaExceeded")
    first = api.send("GET", EVENTS)
    assert first.status_code == 403
    assert first.json()["error"]["errors"] == [
        {
            "domain": "usageLimits",
            "reason": "rateLimitExceeded",
            "message": "Rate Limit Exceeded",
        }
    ]
    second = api.send("GET", EVENTS).json()["error"]
    assert second["errors"][0]["reason"] == "quotaExceeded"
    assert second["message"] == "Calendar usage limits exceeded."
    assert api.send("GET", EVENTS).ok


def test_too_many_requests_say_when_to_come_back(api: Api, control: ControlClient) -> None:
    control.add_fault("too_many_requests", retry_after=17, times=1)
    answer = api.send("GET", EVENTS)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "17")


def test_rules_match_path_and_method_and_can_skip(api: Api, control: ControlClient) -> None:
    control.add_fault("server_error", path=r"/events$", method="POST", skip=1, times=1)
    assert api.send("GET", EVENTS).ok
    assert api.send("POST", EVENTS, json=BODY).ok
    assert api.error("POST", EVENTS, json=BODY) == (500, "backendError")
    assert api.error("POST", EVENTS, json=BODY) == (409, "duplicate")


def test_any_status_and_reason_can_be_answered(api: Api, control: ControlClient) -> None:
    control.add_fault("status", status=410, reason="fullSyncRequired", message="Gone")
    answer = api.send("GET", EVENTS)
    assert answer.status_code == 410
    assert answer.json()["error"]["errors"][0]["domain"] == "calendar"
    control.clear_faults()
    assert api.send("GET", EVENTS).ok


def test_a_seeded_probability_strikes_the_same_requests_again(
    api: Api, control: ControlClient
) -> None:
    def struck() -> list[int]:
        control.clear_faults()
        control.add_fault("server_error", probability=0.5, seed=7)
        return [api.send("GET", EVENTS).status_code for _ in range(12)]

    first = struck()
    assert set(first) == {200, 500}
    assert struck() == first


@pytest.mark.parametrize("path", [EVENTS, f"{EVENTS}/meet1"])
def test_a_reset_in_mid_body_breaks_the_answer(api: Api, control: ControlClient, path: str) -> None:
    api.post(EVENTS, BODY)
    control.add_fault("reset_mid_body", times=1)
    with pytest.raises(BROKEN):
        api.send("GET", path)
    assert api.send("GET", path).ok


def test_a_reset_loses_the_answer_of_a_write_that_took_place(
    api: Api, control: ControlClient
) -> None:
    control.add_fault("reset_mid_body", method="POST", times=1)
    with pytest.raises(BROKEN):
        api.send("POST", EVENTS, json=BODY)
    assert api.error("POST", EVENTS, json=BODY) == (409, "duplicate")
    control.add_fault("reset_mid_body", method="DELETE", times=1)
    with pytest.raises(BROKEN):
        api.send("DELETE", f"{EVENTS}/meet1")
    assert api.error("DELETE", f"{EVENTS}/meet1") == (410, "deleted")


def test_the_reset_is_a_real_one_after_half_of_the_answer(api: Api, control: ControlClient) -> None:
    control.add_fault("reset_mid_body", times=1)
    host, port = control.base_url.removeprefix("http://").split(":")
    request = (
        f"GET /google/calendar/v3/{EVENTS} HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {api.token}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request.encode())
        received = read_until_reset(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    (length,) = (int(line[16:]) for line in head.split(b"\r\n") if line[:15] == b"content-length:")
    assert len(body) == length // 2


def read_until_reset(connection: socket.socket) -> bytes:
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionResetError:
        return received
    pytest.fail("The connection ended in good order.")


def test_a_slow_answer_keeps_nobody_else_waiting(api: Api, control: ControlClient) -> None:
    control.add_fault("slow", path="/events", seconds=1.0, times=1)
    slow = threading.Thread(target=api.send, args=("GET", EVENTS))
    began = time.monotonic()
    slow.start()
    while not any(one["struck"] for one in list_faults(control)):
        pass
    assert control.count_requests("/events") == 0
    assert time.monotonic() - began < 0.9
    slow.join()
    assert time.monotonic() - began >= 1.0
    assert control.count_requests("/events") == 1


def list_faults(control: ControlClient) -> list[dict[str, int]]:
    with requests.Session() as session:
        answer = session.get(f"{control.base_url}/_control/faults", timeout=30)
    items: list[dict[str, int]] = answer.json()["items"]
    return items


def test_faults_reach_the_token_endpoint_too(
    control: ControlClient, web: requests.Session, api: Api
) -> None:
    del api
    control.add_fault("status", path="/google/token", status=503)
    url = control.google_settings()["GOOGLE_TOKEN_URL"]
    assert web.post(url, data={}, timeout=30).status_code == 503


def test_the_log_counts_what_was_asked(api: Api, control: ControlClient) -> None:
    control.clear_requests()
    control.add_fault("server_error", times=1)
    api.send("GET", EVENTS, params={"maxResults": 5})
    api.listed()
    api.post(EVENTS, BODY)
    assert control.count_requests("/events") == 3
    assert control.count_requests("/events", "post") == 1
    first, second, third = control.requests("/events$")
    assert (first.status, first.fault, first.query) == (500, "server_error", "maxResults=5")
    assert (second.method, second.status, second.fault) == ("GET", 200, None)
    assert third.number == second.number + 1
    assert control.count_requests("_control") == 0


def test_reset_forgets_everything(api: Api, control: ControlClient) -> None:
    control.add_fault("server_error")
    control.change_settings(page_size=1, access_token_seconds=5)
    control.set_clock(datetime(2030, 1, 1, tzinfo=UTC))
    control.reset()
    assert api.send("GET", EVENTS).status_code == 401
    assert control.count_requests() == 1
    assert control.change_settings()["access_token_seconds"] == 3599
    assert control.advance_clock(0).year < 2030
    with pytest.raises(ControlError, match="404"):
        control.truth(EMAIL)


def test_wrong_control_calls_say_what_is_wrong(api: Api, control: ControlClient) -> None:
    del api
    with pytest.raises(ControlError, match="empty_page_every"):
        control.change_settings(empty_page_every=1)
    with pytest.raises(ControlError, match="not a regular expression"):
        control.add_fault("server_error", path="(")
    with pytest.raises(ControlError, match="not a regular expression"):
        control.requests("(")
    with pytest.raises(ControlError, match="exists already"):
        control.add_account(EMAIL)
    with pytest.raises(ControlError, match="no packaged seed"):
        control.seed_packaged(EMAIL, "nothing")
    control.create_events(EMAIL, [BODY])
    with pytest.raises(ControlError, match="original_start"):
        control.mutate(EMAIL, "edit_one", "meet1")


def test_the_moved_clock_stamps_changes(api: Api, control: ControlClient) -> None:
    control.set_clock(datetime(2027, 5, 5, 12, tzinfo=UTC))
    assert api.token
    api.token = control.issue_tokens(EMAIL).access_token
    assert api.post(EVENTS, BODY)["updated"].startswith("2027-05-05T12:00")
