"""What every call to the sandbox's Cal.com meets: versions, keys, scopes, limits, faults."""

from datetime import datetime

import pytest
import requests

from calendar_manager.sandbox.control_client import ControlClient, ControlError
from tests.sandbox.caldotcom_sandbox_api import HOST, NOW, CaldotcomApi, at, open_account

pytestmark = pytest.mark.unit


@pytest.fixture
def api(control: ControlClient, web: requests.Session) -> CaldotcomApi:
    return open_account(control, web)


def test_errors_have_cal_coms_envelope(api: CaldotcomApi) -> None:
    answer = api.send("GET", "bookings", params={"take": 0, "skip": 1})
    body = answer.json()
    at_ = datetime.fromisoformat(body.pop("timestamp"))
    assert abs(at_ - NOW).total_seconds() < 60
    message = "take must be a number from 1 to 100"
    assert (answer.status_code, body) == (
        400,
        {
            "status": "error",
            "path": "/v2/bookings?take=0&skip=1",
            "error": {
                "code": "BadRequestException",
                "message": message,
                "details": {"message": message, "error": "Bad Request", "statusCode": 400},
            },
        },
    )


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("bookings", "2024-06-14"),
        ("bookings", None),
        ("schedules", "2024-08-13"),
        ("event-types", "2024-06-11"),
        ("slots", "2024-08-13"),
    ],
)
def test_a_missing_version_or_that_of_another_path_is_400(
    api: CaldotcomApi, path: str, version: str | None
) -> None:
    status, message = api.refused("GET", path, version=version)
    assert status == 400
    assert message.startswith("cal-api-version must be one of: ")


def test_each_method_of_bookings_has_versions_of_its_own(api: CaldotcomApi) -> None:
    for version in ("2024-08-13", "2026-02-25", "2026-05-01"):
        assert api.ok("GET", "bookings", version=version) == []
    # The version of the cursor list is none for writing.
    for version, told in (("2026-02-25", "start"), ("2026-05-01", "cal-api-version")):
        status, message = api.refused("POST", "bookings", version=version, json={})
        assert (status, message.split()[0]) == (400, told)


def test_a_path_without_versions_looks_at_none(api: CaldotcomApi) -> None:
    for version in (None, "2024-08-13", "whatever"):
        assert api.ok("GET", "me", version=version)["email"] == HOST


def test_older_builds_answer_bookings_in_the_older_shape(
    control: ControlClient, api: CaldotcomApi
) -> None:
    control.caldotcom.change_caldotcom_settings(unversioned="older_shape")
    (booking,) = control.caldotcom.book(HOST, at(3, 10))
    for version in (None, "2020-01-01"):
        data = api.ok("GET", "bookings", version=version)
        assert data.keys() == {"bookings", "recurringInfo", "nextCursor"}
        (older,) = data["bookings"]
        assert (older["uid"], older["startTime"]) == (booking["uid"], booking["start"])
        assert older["status"] == "ACCEPTED"
        assert "start" not in older
    assert "startTime" in api.ok("GET", f"bookings/{booking['uid']}", version=None)
    assert api.refused("GET", "schedules", version=None)[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "me", "PROFILE_READ"),
        ("GET", "bookings", "BOOKING_READ"),
        ("GET", "bookings/none", "BOOKING_READ"),
        ("POST", "bookings/none/confirm", "BOOKING_WRITE"),
        ("POST", "bookings/none/decline", "BOOKING_WRITE"),
        ("POST", "bookings/none/mark-absent", "BOOKING_WRITE"),
        ("GET", "event-types", "EVENT_TYPE_READ"),
        ("POST", "event-types", "EVENT_TYPE_WRITE"),
        ("GET", "schedules", "SCHEDULE_READ"),
        ("GET", "schedules/default", "SCHEDULE_READ"),
        ("POST", "schedules", "SCHEDULE_WRITE"),
        ("PATCH", "schedules/1", "SCHEDULE_WRITE"),
        ("DELETE", "schedules/1", "SCHEDULE_WRITE"),
        ("GET", "me/ooo", "SCHEDULE_READ"),
        ("POST", "me/ooo", "SCHEDULE_WRITE"),
        ("PATCH", "me/ooo/1", "SCHEDULE_WRITE"),
        ("DELETE", "me/ooo/1", "SCHEDULE_WRITE"),
    ],
)
def test_an_access_token_needs_the_scope_and_an_api_key_none(
    control: ControlClient, api: CaldotcomApi, method: str, path: str, scope: str
) -> None:
    key = api.token
    api.token = control.caldotcom.issue_tokens(HOST, ["APPS_READ"]).access_token
    status, message = api.refused(method, path, json={})
    assert status == 403
    assert message.endswith(f"Required: {scope}. Token has: APPS_READ")
    api.token = control.caldotcom.issue_tokens(HOST, [scope]).access_token
    assert api.send(method, path, json={}).status_code in {200, 400, 404}
    api.token = key
    assert api.send(method, path, json={}).status_code in {200, 400, 404}
    api.token = "cal_made_up"
    assert api.refused(method, path, json={})[0] == 401


def test_guests_need_no_account(api: CaldotcomApi, control: ControlClient) -> None:
    (booking,) = control.caldotcom.book(HOST, at(3, 10))
    api.token = None
    assert api.refused("GET", "bookings")[0] == 401
    assert api.refused("POST", f"bookings/{booking['uid']}/confirm")[0] == 401
    assert api.get(f"bookings/{booking['uid']}")["uid"] == booking["uid"]
    assert api.post(f"bookings/{booking['uid']}/cancel")["status"] == "cancelled"
    api.token = control.caldotcom.issue_tokens(HOST, ["APPS_READ"]).access_token
    (other,) = control.caldotcom.book(HOST, at(3, 12))
    assert api.post(f"bookings/{other['uid']}/cancel")["status"] == "cancelled"


def test_only_the_host_may_confirm(api: CaldotcomApi, control: ControlClient) -> None:
    control.caldotcom.add_account("other@example.com")
    (booking,) = control.caldotcom.book(HOST, at(3, 10), status="pending")
    api.token = control.caldotcom.create_api_key("other@example.com")
    assert api.refused("POST", f"bookings/{booking['uid']}/confirm")[0] == 403


def test_other_authorizations_are_401(api: CaldotcomApi) -> None:
    for header in ("Basic abc", "Bearer", "Bearer nobody"):
        assert api.refused("GET", "me", headers={"Authorization": header})[0] == 401


def test_the_limit_holds_per_key_over_a_sliding_minute(
    control: ControlClient, api: CaldotcomApi
) -> None:
    control.caldotcom.change_caldotcom_settings(requests_per_minute=2)
    assert api.get("me")
    control.advance_clock(30)
    assert api.get("me")
    refused = api.send("GET", "me")
    assert refused.status_code == 429
    assert 25 <= int(refused.headers["Retry-After"]) <= 30
    assert refused.json()["error"]["code"] == "ThrottlerException"
    key, api.token = api.token, control.caldotcom.create_api_key(HOST)
    assert api.get("me")
    api.token = key
    control.advance_clock(31)
    assert api.get("me")
    assert api.send("GET", "me").status_code == 429
    control.caldotcom.change_caldotcom_settings(send_retry_after=False)
    assert "Retry-After" not in api.send("GET", "me").headers


def test_faults_strike_in_cal_coms_form(control: ControlClient, api: CaldotcomApi) -> None:
    control.add_fault("too_many_requests", path="/calcom/v2/bookings", retry_after=7, times=1)
    control.add_fault("server_error", path="/calcom/v2/bookings", times=1)
    control.add_fault("status", status=403, reason="TEAPOT", message="No", times=1)
    limited = api.send("GET", "bookings", params={"take": 5})
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
    assert limited.json()["path"] == "/v2/bookings"
    assert api.refused("GET", "bookings") == (500, "Internal server error")
    third = api.send("GET", "bookings").json()["error"]
    assert (third["code"], third["message"]) == ("TEAPOT", "No")
    assert api.get("bookings") == []


def test_faults_reach_the_token_endpoint_in_its_own_form(
    control: ControlClient, web: requests.Session
) -> None:
    control.add_fault("status", path="oauth2/token", status=503)
    url = control.caldotcom_settings()["CALCOM_TOKEN_URL"]
    answer = web.post(url, data={}, timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (503, "server_error")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "no/such/thing"), ("PUT", "me"), ("DELETE", "bookings/one"), ("GET", "teams")],
)
def test_unknown_paths_and_methods_are_404(api: CaldotcomApi, method: str, path: str) -> None:
    told = f"Cannot {method} /v2/{path}"
    assert api.refused(method, path) == (404, told)


@pytest.mark.parametrize("body", ["{", "[]", '"text"', "5"])
def test_bodies_that_are_no_objects_are_400(api: CaldotcomApi, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    assert api.refused("POST", "schedules", data=body, headers=headers)[0] == 400


def test_names_that_are_not_known_are_400(api: CaldotcomApi) -> None:
    told = (400, "property surprise should not exist")
    assert api.refused("GET", "me", params={"surprise": 1}) == told
    assert api.refused("POST", "schedules", json={"surprise": 1}) == told
    assert api.refused("POST", "me/ooo", json={"surprise": 1}) == told
    twice = [("sortStart", "asc"), ("sortStart", "desc")]
    assert api.refused("GET", "bookings", params=twice)[0] == 400


def test_reset_forgets_cal_com_too(control: ControlClient, api: CaldotcomApi) -> None:
    control.caldotcom.change_caldotcom_settings(booking_pages="offset")
    control.reset()
    assert api.refused("GET", "me")[0] == 401
    assert control.caldotcom.change_caldotcom_settings()["booking_pages"] == "asked"
    with pytest.raises(ControlError, match="404"):
        control.caldotcom.truth(HOST)


def test_wrong_control_calls_say_what_is_wrong(control: ControlClient, api: CaldotcomApi) -> None:
    del api
    caldotcom = control.caldotcom
    with pytest.raises(ControlError, match="requests_per_minute"):
        caldotcom.change_caldotcom_settings(requests_per_minute=-1)
    with pytest.raises(ControlError, match="exists already"):
        caldotcom.add_account(HOST)
    with pytest.raises(ControlError, match="Unknown time zone"):
        caldotcom.add_account("new@example.com", time_zone="Mars/Base")
    with pytest.raises(ControlError, match="no event type"):
        caldotcom.book(HOST, at(3, 10), event_type="none")
    (booking,) = caldotcom.book(HOST, at(3, 10))
    with pytest.raises(ControlError, match="start is required"):
        caldotcom.mutate(HOST, "reschedule", booking["uid"])
    with pytest.raises(ControlError, match="not pending"):
        caldotcom.mutate(HOST, "confirm", booking["uid"])
    caldotcom.add_account("other@example.com")
    with pytest.raises(ControlError, match="does not host"):
        caldotcom.mutate("other@example.com", "cancel", booking["uid"])
