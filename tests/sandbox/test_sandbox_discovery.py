"""What the sandbox sends and accepts, against Google's own discovery document."""

from datetime import datetime
from typing import Any

import jsonschema
import pytest

from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.google.discovery import read_document
from tests.sandbox.sandbox_api import ALL_SCOPES, EMAIL, EVENTS, Api, Json, timed

pytestmark = pytest.mark.unit


def to_json_schema(schema: Json) -> Json:
    """A discovery schema as a closed JSON schema: an unknown property is an error."""
    result: Json = {}
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    if schema.get("type", "any") != "any":
        result["type"] = schema["type"]
    if "format" in schema and schema["format"] in {"date-time", "date"}:
        result["format"] = schema["format"]
    if "properties" in schema:
        result["properties"] = {n: to_json_schema(p) for n, p in schema["properties"].items()}
        result["additionalProperties"] = False
    if "additionalProperties" in schema:
        result["additionalProperties"] = to_json_schema(schema["additionalProperties"])
    if "items" in schema:
        result["items"] = to_json_schema(schema["items"])
    return result


FORMATS = jsonschema.FormatChecker(["date"])


@FORMATS.checks("date-time", raises=ValueError)
def is_instant(value: object) -> bool:
    return datetime.fromisoformat(str(value)).tzinfo is not None


DEFINITIONS = {n: to_json_schema(s) for n, s in read_document()["schemas"].items()}


def check(body: Json, schema: str) -> Json:
    jsonschema.validate(
        body,
        {"$ref": f"#/$defs/{schema}", "$defs": DEFINITIONS},
        format_checker=FORMATS,
    )
    return body


@pytest.fixture
def filled(api: Api, control: ControlClient) -> Api:
    control.seed_packaged(EMAIL, "freelancer")
    control.add_calendar(EMAIL, "Hidden", hidden=True)
    return api


def test_everything_sent_fits_its_schema(filled: Api, control: ControlClient) -> None:
    for query in ({}, {"singleEvents": "true", "maxResults": 50}, {"showDeleted": "true"}):
        assert check(filled.get(EVENTS, **query), "Events")["items"]
    series = next(row for row in control.truth(EMAIL) if "recurrence" in row)
    check(filled.get(f"{EVENTS}/{series['id']}/instances", maxResults=5), "Events")
    check(filled.get(f"{EVENTS}/{series['id']}"), "Event")
    check(filled.get("users/me/calendarList", showHidden="true"), "CalendarList")
    check(filled.get("users/me/calendarList/primary"), "CalendarListEntry")
    check(filled.get("calendars/primary"), "Calendar")
    check(filled.post("calendars", {"summary": "New", "timeZone": "UTC"}), "Calendar")
    question = {
        "timeMin": "2026-01-05T00:00:00Z",
        "timeMax": "2026-01-12T00:00:00Z",
        "items": [{"id": "primary"}, {"id": "unknown"}],
    }
    answer = check(filled.post("freeBusy", question), "FreeBusyResponse")
    assert answer["calendars"]["primary"]["busy"]
    channel = {"id": "one", "type": "web_hook", "address": "https://app.example/hook"}
    check(filled.post(f"{EVENTS}/watch", channel), "Channel")


def test_the_schema_check_can_fail() -> None:
    with pytest.raises(jsonschema.ValidationError):
        check({"kind": "calendar#event", "surprise": 1}, "Event")
    with pytest.raises(jsonschema.ValidationError):
        check({"kind": "calendar#event", "start": {"dateTime": "2026-01-01T09:00:00"}}, "Event")


def methods() -> list[Any]:
    served = {
        "calendarList": ["delete", "get", "insert", "list", "patch", "watch"],
        "calendars": ["delete", "get", "insert", "patch"],
        "events": [
            "delete",
            "get",
            "import",
            "insert",
            "instances",
            "list",
            "move",
            "patch",
            "update",
            "watch",
        ],
        "channels": ["stop"],
        "freebusy": ["query"],
    }
    resources = read_document()["resources"]
    return [
        pytest.param(resources[resource]["methods"][name], id=f"{resource}.{name}")
        for resource, names in served.items()
        for name in names
    ]


VALUES = {"boolean": "true", "integer": "1", "string": "x"}
MEANINGFUL = {
    "pageToken",
    "syncToken",
    "timeMin",
    "timeMax",
    "updatedMin",
    "originalStart",
    "timeZone",
    "orderBy",
    "destination",
    "alt",
    "fields",
}


@pytest.mark.parametrize("method", methods())
def test_exactly_the_documented_parameters_are_accepted(api: Api, method: Json) -> None:
    path = method["path"].format(calendarId="primary", eventId="standup")
    required = {
        name: "x"
        for name, rule in method.get("parameters", {}).items()
        if rule["location"] == "query" and rule.get("required")
    }
    accepted = dict(required)
    for name, rule in method.get("parameters", {}).items():
        if rule["location"] == "query" and name not in MEANINGFUL:
            accepted[name] = rule.get("enum", [VALUES[rule["type"]]])[0]
    answer = api.send(method["httpMethod"], path, params=accepted, json={})
    assert "Unknown name" not in answer.text
    surprise = api.send(method["httpMethod"], path, params={**accepted, "surprise": "1"}, json={})
    assert surprise.status_code == 400
    assert 'Unknown name \\"surprise\\"' in surprise.text


@pytest.mark.parametrize("method", methods())
def test_a_token_without_a_documented_scope_is_403(
    api: Api, control: ControlClient, method: Json
) -> None:
    api.token = control.issue_tokens(EMAIL, ["openid"]).access_token
    path = method["path"].format(calendarId="primary", eventId="standup")
    answer = api.error(method["httpMethod"], path, json={})
    assert answer == (403, "insufficientPermissions")
    api.token = "ya29.made-up"
    assert api.error(method["httpMethod"], path, json={}) == (401, "authError")


@pytest.mark.parametrize("method", methods())
def test_every_documented_scope_is_sufficient(
    api: Api, control: ControlClient, method: Json
) -> None:
    path = method["path"].format(calendarId="primary", eventId="standup")
    for scope in method["scopes"]:
        api.token = control.issue_tokens(EMAIL, [scope]).access_token
        answer = api.send(method["httpMethod"], path, params={"surprise": "1"}, json={})
        assert answer.status_code == 400, scope


def test_narrow_scopes_reach_only_their_calendars(api: Api, control: ControlClient) -> None:
    prefix = f"{ALL_SCOPES[0]}."
    api.token = control.issue_tokens(EMAIL, [f"{prefix}app.created"]).access_token
    assert api.error("GET", EVENTS) == (404, "notFound")
    made = api.post("calendars", {"summary": "Mirrors"})["id"]
    body = timed("2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z", zone="UTC")
    assert api.post(f"calendars/{made}/events", body)["status"] == "confirmed"
    api.token = control.issue_tokens(EMAIL, [f"{prefix}events.freebusy"]).access_token
    (row,) = api.get(f"calendars/{made}/events")["items"]
    assert "summary" not in row
    control.add_calendar(EMAIL, "Read only", calendar_id="ro@example.com", access_role="reader")
    api.token = control.issue_tokens(EMAIL, [f"{prefix}events.owned.readonly"]).access_token
    assert api.get(EVENTS)["accessRole"] == "owner"
    answer = api.error("GET", "calendars/ro@example.com/events")
    assert answer == (403, "insufficientPermissions")


@pytest.mark.parametrize(
    "query",
    [
        {"maxResults": "0"},
        {"maxResults": "many"},
        {"singleEvents": "yes"},
        {"orderBy": "whim"},
        {"timeMin": "2026-01-01"},
        {"timeMin": "2026-01-01T00:00:00"},
        {"timeZone": "Mars/Base"},
        {"alt": "xml"},
        {"eventTypes": "party"},
    ],
)
def test_wrong_values_are_400(api: Api, query: dict[str, str]) -> None:
    assert api.error("GET", EVENTS, params=query) == (400, "invalid")


def test_an_inverted_range_is_empty(api: Api) -> None:
    query = {"timeMin": "2026-01-02T00:00:00Z", "timeMax": "2026-01-01T00:00:00Z"}
    assert api.error("GET", EVENTS, params=query) == (400, "timeRangeEmpty")


def test_unknown_paths_and_broken_json_have_googles_form(api: Api) -> None:
    assert api.error("GET", "no/such/thing") == (404, "notFound")
    headers = {"Content-Type": "application/json"}
    broken = api.error("POST", EVENTS, data="{", headers=headers)
    assert broken == (400, "parseError")
