"""A schedule of ours at Cal.com: made once, changed as a whole, never somebody else's."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests

from calendar_manager.domain.accounts import Tokens
from calendar_manager.domain.caldotcom_export import ExportedSchedule, schedule_to_document
from calendar_manager.domain.changes import GroupRead
from calendar_manager.domain.rules import DateOverride, WallWindow, default_rules
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.providers.base import ScheduleProvider
from calendar_manager.providers.caldotcom import CalDotCom, CalDotComSettings
from calendar_manager.providers.caldotcom.out_of_office import OUR_NOTES
from calendar_manager.providers.caldotcom.provider import CalDotComProvider
from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    ProviderError,
    RetryLaterError,
    SchedulesUnavailableError,
)
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.server import SandboxThread
from tests.providers.caldotcom_sandbox import HOST, NOW, add_account, open_account

pytestmark = pytest.mark.unit

SCHEDULES = "/calcom/v2/schedules"
DESCRIPTION = Path(__file__).parents[3] / "shared" / "specs" / "calcom-v2.json"
BODY = schedule_to_document(
    ExportedSchedule(
        "Europe/Berlin",
        default_rules("Europe/Berlin").weekly,
        (
            DateOverride(NOW.date(), ()),
            DateOverride(NOW.date().replace(day=9), (WallWindow(600, 660), WallWindow(840, 1440))),
        ),
    ),
    "Calendar Manager",
)


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxThread]:
    with SandboxThread() as server:
        yield server


@pytest.fixture
def control(server: SandboxThread) -> ControlClient:
    add_account(server.control)
    return server.control


@pytest.fixture
def provider(control: ControlClient) -> Iterator[CalDotComProvider]:
    provider = open_account(control)
    yield provider
    provider.close()


def call(control: ControlClient, method: str, path: str) -> Any:
    """Ask the sandbox as the person's own program would."""
    key = control.caldotcom.create_api_key(HOST)
    with requests.Session() as session:
        answer = session.request(
            method,
            control.caldotcom_settings()["CALCOM_API_URL"] + path,
            headers={"Authorization": f"Bearer {key}", "cal-api-version": "2024-06-11"},
            timeout=10,
        )
    assert answer.ok, answer.text
    control.clear_requests()
    return answer.json().get("data")


def list_schedules(control: ControlClient) -> list[dict[str, Any]]:
    return list(call(control, "GET", "schedules"))


def open_with(control: ControlClient, access_token: str) -> CalDotComProvider:
    settings = CalDotComSettings(api_url=control.caldotcom_settings()["CALCOM_API_URL"])
    tokens = Tokens(
        access_token=access_token, refresh_token=None, expires_at=None, scopes=frozenset()
    )
    return CalDotCom(settings).open(tokens)


def test_it_is_made_beside_the_default_one(
    control: ControlClient, provider: CalDotComProvider
) -> None:
    assert isinstance(provider, ScheduleProvider)
    (before,) = list_schedules(control)
    made = provider.push_schedule(BODY, schedule_id=None)
    default, ours = list_schedules(control)
    assert default == before
    assert str(ours["id"]) == made
    assert {name: ours[name] for name in BODY} == BODY
    assert (default["isDefault"], ours["isDefault"]) == (True, False)


def test_a_change_replaces_the_whole_with_one_request(
    control: ControlClient, provider: CalDotComProvider
) -> None:
    made = provider.push_schedule(BODY, schedule_id=None)
    control.clear_requests()
    less = {**BODY, "overrides": [], "timeZone": "Asia/Tokyo"}
    assert provider.push_schedule(less, schedule_id=made) == made
    assert control.count_requests(SCHEDULES) == control.count_requests(SCHEDULES, "PATCH") == 1
    _, ours = list_schedules(control)
    assert {name: ours[name] for name in less} == less


def test_one_that_was_deleted_by_hand_is_made_anew(
    control: ControlClient, provider: CalDotComProvider
) -> None:
    made = provider.push_schedule(BODY, schedule_id=None)
    call(control, "DELETE", f"schedules/{made}")
    anew = provider.push_schedule(BODY, schedule_id=made)
    assert anew != made
    assert [str(one["id"]) for one in list_schedules(control)][1:] == [anew]


def test_one_whose_making_got_no_answer_is_found_again(
    control: ControlClient, provider: CalDotComProvider
) -> None:
    control.add_fault("reset_mid_body", path=f"{SCHEDULES}$", method="POST", times=1)
    with pytest.raises(RetryLaterError):
        provider.push_schedule(BODY, schedule_id=None)
    made = provider.push_schedule(BODY, schedule_id=None)
    assert [str(one["id"]) for one in list_schedules(control)][1:] == [made]


def test_the_default_one_is_never_taken_for_ours(
    control: ControlClient, provider: CalDotComProvider
) -> None:
    (default,) = list_schedules(control)
    namesake = {**BODY, "name": default["name"]}
    made = provider.push_schedule(namesake, schedule_id=None)
    assert made != str(default["id"])
    assert list_schedules(control)[0] == default


def add_absence(control: ControlClient, first: date, last: date, notes: str) -> None:
    control.caldotcom.add_ooo(
        HOST,
        datetime.combine(first, time(), UTC),
        datetime.combine(last, time(12), UTC),
        notes=notes,
    )


def list_absences(control: ControlClient) -> list[tuple[str, str, str | None]]:
    return [(one["start"], one["end"], one.get("notes")) for one in call(control, "GET", "me/ooo")]


def test_absences_of_ours_follow_and_those_of_the_person_stay(
    control: ControlClient, provider: CalDotComProvider
) -> None:
    add_absence(control, date(2026, 2, 1), date(2026, 2, 8), OUR_NOTES)
    add_absence(control, date(2026, 3, 10), date(2026, 3, 12), OUR_NOTES)
    add_absence(control, date(2026, 4, 1), date(2026, 4, 9), "Mine")
    wanted = [
        DateSpan(date(2026, 4, 1), date(2026, 4, 10)),
        DateSpan(date(2026, 5, 1), date(2026, 5, 4)),
    ]
    for _ in range(2):
        provider.push_absences(wanted, today=NOW.date())
        assert list_absences(control) == [
            ("2026-02-01T00:00:00.000Z", "2026-02-08T23:59:59.999Z", OUR_NOTES),
            ("2026-04-01T00:00:00.000Z", "2026-04-09T23:59:59.999Z", "Mine"),
            ("2026-05-01T00:00:00.000Z", "2026-05-03T23:59:59.999Z", OUR_NOTES),
        ]


def test_absences_of_ours_are_read_as_mirrors(
    control: ControlClient, provider: CalDotComProvider
) -> None:
    add_absence(control, date(2026, 4, 1), date(2026, 4, 9), "Mine")
    provider.push_absences([DateSpan(date(2026, 5, 1), date(2026, 5, 4))], today=NOW.date())
    *_, last = provider.pull_changes(
        "bookings", cursor=None, window=Span(NOW, NOW + timedelta(days=90))
    )
    (group,) = [one for one in last.changes if isinstance(one, GroupRead)]
    assert [event.mirror for event in group.events] == [False, True]


def test_a_build_without_absences_is_left_alone(
    control: ControlClient, provider: CalDotComProvider
) -> None:
    control.caldotcom.change_caldotcom_settings(out_of_office=False)
    provider.push_absences([DateSpan(date(2026, 5, 1), date(2026, 5, 4))], today=NOW.date())
    assert control.count_requests("/calcom/v2/me/ooo", "POST") == 0


def test_missing_scope_is_told_and_condemns_nothing(control: ControlClient) -> None:
    tokens = control.caldotcom.issue_tokens(HOST, scopes=["BOOKING_READ", "SCHEDULE_READ"])
    provider = open_with(control, tokens.access_token)
    with pytest.raises(SchedulesUnavailableError, match="SCHEDULE_WRITE"):
        provider.push_schedule(BODY, schedule_id=None)
    with pytest.raises(SchedulesUnavailableError, match="SCHEDULE_WRITE"):
        provider.push_absences([DateSpan(date(2026, 5, 1), date(2026, 5, 4))], today=NOW.date())
    provider.close()


def test_revoked_key_is_an_access_token_that_is_rejected(
    control: ControlClient, provider: CalDotComProvider
) -> None:
    control.caldotcom.revoke_api_keys(HOST)
    with pytest.raises(AccessTokenRejectedError):
        provider.push_schedule(BODY, schedule_id=None)


def test_what_cal_com_does_not_take_is_final(
    control: ControlClient, provider: CalDotComProvider
) -> None:
    with pytest.raises(ProviderError) as caught:
        provider.push_schedule({**BODY, "timeZone": "Nowhere"}, schedule_id=None)
    assert not isinstance(caught.value, RetryLaterError)
    assert len(list_schedules(control)) == 1


def test_every_request_passes_the_gate(control: ControlClient) -> None:
    passed: list[None] = []
    provider = open_account(control, gate=lambda: passed.append(None))
    provider.push_schedule(BODY, schedule_id=None)
    provider.close()
    assert len(passed) == control.count_requests(SCHEDULES) == 2


def test_what_we_send_is_as_described() -> None:
    if not DESCRIPTION.exists():
        pytest.skip(f"Cal.com's official description is not beside this checkout ({DESCRIPTION})")
    description = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    for method, path, body in (
        ("post", "/v2/schedules", {**BODY, "isDefault": False}),
        ("patch", "/v2/schedules/{scheduleId}", BODY),
    ):
        operation = description["paths"][path][method]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        name = schema["$ref"].rpartition("/")[2]
        schema = describe(description["components"]["schemas"][name], description)
        jsonschema.Draft202012Validator(schema).validate(body)
        assert body.keys() <= schema["properties"].keys()


def describe(schema: Any, description: dict[str, Any]) -> Any:
    """Put references in, and mend what is no JSON schema: enums and patterns of arrays."""
    if isinstance(schema, list):
        return [describe(one, description) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return describe(description["components"]["schemas"][name], description)
    left_out = {"example", "enum"} if schema.get("type") == "array" else {"example"}
    described = {
        key: describe(value, description) for key, value in schema.items() if key not in left_out
    }
    if described.get("pattern") == "TIME_FORMAT_HH_MM":
        described["pattern"] = "^([01][0-9]|2[0-3]):[0-5][0-9]$"
    return described
