"""Our requests, our payloads and our own schemas, held against Cal.com's official description.

The description has no licence, so it is no part of this repository. These tests run where a
checkout has it beside it, as ``../shared/specs/calcom-v2.json``, and say so where it is not. It
tells nothing of ``/me/ooo``, of OAuth and of versions from 2026 on.
"""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from calendar_manager.domain.timespan import Span
from calendar_manager.providers.caldotcom.channels import BASIC_TRIGGERS, TRIGGERS
from calendar_manager.providers.caldotcom.wire import (
    CalDotComAttendee,
    CalDotComBooking,
    CalDotComEventType,
    CalDotComHost,
    CalDotComOffsetPages,
    CalDotComProfile,
    CalDotComWebhook,
)
from tests.providers.caldotcom_schemas import (
    ATTENDEE,
    BOOKING,
    HOST,
    OFFSET_PAGES,
    PARAMETERS,
    PROFILE,
    VERSIONS,
)
from tests.providers.caldotcom_stub import PROFILE as IDA
from tests.providers.caldotcom_stub import UPDATED, booking, counted, open_provider, run_stub
from tests.providers.google_stub import Request

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
DESCRIPTION = ROOT.parent / "shared" / "specs" / "calcom-v2.json"
WHOLE = sorted((ROOT / "tests" / "wire" / "caldotcom" / "bookings").glob("*.json"))
WINDOW = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
DESCRIBED = ("me", "bookings")


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    if not DESCRIPTION.exists():
        pytest.skip(
            "Cal.com's official description may not be kept in the repository and is not beside "
            f"this checkout ({DESCRIPTION}); our own schemas are checked everywhere"
        )
    return dict(json.loads(DESCRIPTION.read_text(encoding="utf-8")))


def operation(description: dict[str, Any], path: str) -> dict[str, Any]:
    return dict(description["paths"][f"/v2/{path}"]["get"])


def resolve(schema: Any, description: dict[str, Any]) -> Any:
    """Turn an OpenAPI 3.0 schema into a JSON schema: references put in, ``nullable`` spelt out."""
    if isinstance(schema, list):
        return [resolve(one, description) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return resolve(description["components"]["schemas"][name], description)
    resolved = {
        key: resolve(value, description) for key, value in schema.items() if key != "example"
    }
    if resolved.pop("nullable", False):
        return {"anyOf": [resolved, {"type": "null"}]}
    return resolved


def record_requests() -> list[Request]:
    """Read everything over several pages, and then what changed."""
    with run_stub() as stub:
        stub.script.extend(
            [
                counted(booking("a"), booking("b"), more=True),
                counted(booking("b"), booking("c", updatedAt="2026-03-21T10:00:00.000Z")),
                counted(booking("b", updatedAt=UPDATED)),
            ]
        )
        provider = open_provider(stub.url)
        provider.pull_calendars()
        *_, last = provider.pull_changes("bookings", cursor=None, window=WINDOW)
        list(provider.pull_changes("bookings", cursor=last.cursor, window=WINDOW))
        provider.close()
        return stub.requests


def test_every_request_is_one_that_is_described(description: dict[str, Any]) -> None:
    requests = record_requests()
    described = [one for one in requests if one.path.removeprefix("/v2/") in DESCRIBED]
    assert {one.path for one in requests} == {"/v2/me", "/v2/bookings", "/v2/me/ooo"}
    assert len(described) > 4
    for request in described:
        known = {
            (one["in"], one["name"].lower()): one
            for one in operation(description, request.path.removeprefix("/v2/"))["parameters"]
        }
        for (place, name), parameter in known.items():
            if place == "header" and parameter["required"]:
                assert request.headers.get(name)
        version = known.get(("header", "cal-api-version"))
        assert request.headers.get("cal-api-version") == (
            version["schema"]["default"] if version else None
        )
        for name, values in request.query.items():
            (value,) = values
            check_value(value, known[("query", name.lower())]["schema"])


def check_value(value: str, schema: dict[str, Any]) -> None:
    """Check one value of a query; the description joins arrays by commas."""
    if schema["type"] == "array":
        for one in value.split(","):
            check_value(one, schema["items"])
    elif schema["type"] == "number":
        assert re.fullmatch("[0-9]+", value)
    else:
        assert value in schema.get("enum", [value])


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_every_whole_payload_is_one_that_is_described(
    path: Path, description: dict[str, Any]
) -> None:
    schemas = operation(description, "bookings")["responses"]["200"]["content"]
    envelope = resolve(schemas["application/json"]["schema"], description)
    rows = {"anyOf": envelope["properties"]["data"]["items"]["oneOf"]}
    jsonschema.Draft202012Validator(rows).validate(json.loads(path.read_text(encoding="utf-8")))


def test_rows_and_pages_of_the_stand_in_are_described_ones(description: dict[str, Any]) -> None:
    schemas = operation(description, "bookings")["responses"]["200"]["content"]
    envelope = resolve(schemas["application/json"]["schema"], description)
    items = envelope["properties"]["data"]["items"]
    envelope["properties"]["data"]["items"] = {"anyOf": items["oneOf"]}
    page = counted(booking("a"), booking("b"), more=True)
    jsonschema.Draft202012Validator(envelope).validate(json.loads(page.payload))


@pytest.mark.parametrize("path", DESCRIBED)
def test_own_parameters_are_described_ones(path: str, description: dict[str, Any]) -> None:
    parameters = operation(description, path)["parameters"]
    described = {one["name"] for one in parameters if one["in"] == "query"}
    assert PARAMETERS[path].keys() <= described
    versions = [one for one in parameters if one["name"] == "cal-api-version"]
    assert [one["schema"]["default"] for one in versions] == [
        version for version in [VERSIONS[path]] if version
    ]


@pytest.mark.parametrize(
    ("own", "name"),
    [
        (BOOKING, "BookingOutput_2024_08_13"),
        (HOST, "BookingHost"),
        (ATTENDEE, "BookingAttendee"),
        (OFFSET_PAGES, "PaginationMetaDto"),
        (PROFILE, "MeOutput"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_own_schemas_promise_no_more_than_the_description(
    own: dict[str, Any], name: str, description: dict[str, Any]
) -> None:
    theirs = resolve(description["components"]["schemas"][name], description)
    assert set(own["required"]) <= set(theirs["required"])
    assert own.get("properties", {}).keys() - {"recurringBookingUid"} <= theirs["properties"].keys()


@pytest.mark.parametrize(
    ("own", "names"),
    [
        (CalDotComProfile, ["MeOutput"]),
        (CalDotComHost, ["BookingHost"]),
        (CalDotComAttendee, ["BookingAttendee", "SeatedAttendee"]),
        (CalDotComEventType, ["EventType"]),
        (CalDotComBooking, ["BookingOutput_2024_08_13", "RecurringBookingOutput_2024_08_13"]),
        (CalDotComOffsetPages, ["PaginationMetaDto"]),
        (CalDotComWebhook, ["UserWebhookOutputDto"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_names_on_the_wire_are_described_ones(
    own: type, names: list[str], description: dict[str, Any]
) -> None:
    schemas = [description["components"]["schemas"][name] for name in names]
    assert own.__annotations__.keys() <= {key for one in schemas for key in one["properties"]}


@pytest.mark.parametrize("triggers", [BASIC_TRIGGERS, TRIGGERS])
@pytest.mark.parametrize(("path", "method"), [("", "post"), ("/{webhookId}", "patch")])
def test_webhooks_are_asked_for_as_described(
    triggers: tuple[str, ...], path: str, method: str, description: dict[str, Any]
) -> None:
    operation = description["paths"][f"/v2/webhooks{path}"][method]
    assert {one["name"] for one in operation["parameters"]} <= {"Authorization", "webhookId"}
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    own = {"subscriberUrl": "https://a.example/x?channel=1", "active": True, "secret": "s"}
    closed = {**resolve(schema, description), "additionalProperties": False}
    jsonschema.Draft202012Validator(closed).validate({**own, "triggers": list(triggers)})


def test_own_schemas_hold_for_own_payloads() -> None:
    for path in WHOLE:
        jsonschema.Draft202012Validator(BOOKING).validate(
            json.loads(path.read_text(encoding="utf-8"))
        )
    jsonschema.Draft202012Validator(PROFILE).validate(IDA)
