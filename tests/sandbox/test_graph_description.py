"""What the sandbox's Graph sends and accepts, against Microsoft's own description."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests

from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.graph.wire import IGNORED_IN_REQUESTS, CalendarIn, EventIn
from tests.sandbox.graph_api import PERSON, VIEW, GraphApi, Json, all_day, repeat, timed

pytestmark = pytest.mark.unit

SPEC: Json = json.loads(
    (Path(__file__).parents[1] / "specs" / "graph-calendar.json").read_text(encoding="utf-8")
)
NAMESPACE = "microsoft.graph."
NOT_SERVED = {
    "POST /me/calendar/getSchedule",
    "POST /me/findMeetingTimes",
    "POST /me/events/{event-id}/forward",
    "POST /me/events/{event-id}/snoozeReminder",
    "PATCH /me/mailboxSettings",
}
UNTRACKED = "Change tracking is not supported"
RECURRING = timed(
    "2026-03-02T09:00:00",
    "2026-03-02T10:00:00",
    subject="Standup",
    recurrence=repeat("2026-03-02", "weekly", daysOfWeek=["monday", "friday"]),
)


def resolve(schema: Json) -> Json:
    """The schema behind a reference."""
    while "$ref" in schema:
        node: Any = SPEC
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        schema = dict(node)
    return schema


def properties_of(schema: Json) -> Json:
    """The properties of an object schema, inherited ones included."""
    schema = resolve(schema)
    found: Json = {}
    for part in schema.get("allOf", []):
        found |= properties_of(part)
    found |= schema.get("properties", {})
    return found


def close(schema: Json) -> Json:
    """A schema of the description as a closed JSON schema, where an unknown property is an error.

    Annotations (``@odata.…``) are no properties. The description's generator loses ``nullable``
    beside references; Graph does send ``"recurrence": null``.
    """
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref'].rpartition('/')[2]}"}
    closed: Json = {
        name: schema[name]
        for name in ("type", "enum", "pattern", "format", "minimum", "maximum")
        if name in schema
    }
    properties = properties_of(schema)
    if properties:
        closed["type"] = "object"
        closed["properties"] = {
            name: {"anyOf": [close(one), {"type": "null"}]} if "$ref" in one else close(one)
            for name, one in properties.items()
        }
        closed["patternProperties"] = {"^@(odata\\..+|removed)$": True}
        closed["additionalProperties"] = False
    if "items" in schema:
        closed["items"] = close(schema["items"])
    if schema.get("nullable") and "type" in closed:
        closed["type"] = [closed["type"], "null"]
    return closed


@cache
def definitions() -> Json:
    return {name: close(schema) for name, schema in SPEC["components"]["schemas"].items()}


def check(body: Any, schema: Json) -> None:
    jsonschema.validate(
        body,
        {**close(schema), "$defs": definitions()},
        format_checker=jsonschema.FormatChecker(),
    )


def success_schema(operation: Json) -> Json | None:
    answer = resolve(operation["responses"]["2XX"])
    content = answer.get("content", {}).get("application/json")
    return content["schema"] if content else None


def error_schema(operation: Json) -> Json:
    answer = resolve(operation["responses"]["default"])
    schema: Json = answer["content"]["application/json"]["schema"]
    return schema


def parameters_of(operation: Json) -> list[Json]:
    return [resolve(one) for one in operation.get("parameters", [])]


def operations() -> list[Any]:
    return [
        pytest.param(method.upper(), path, operation, id=f"{method.upper()} {path}")
        for path, item in SPEC["paths"].items()
        for method, operation in item.items()
        if method in {"get", "post", "patch", "delete"}
        and f"{method.upper()} {path}" not in NOT_SERVED
    ]


@pytest.fixture
def ids(control: ControlClient) -> dict[str, str]:
    graph = control.graph
    graph.add_account(PERSON, name="Ana Lee")
    graph.add_calendar(PERSON, "Team", owner="boss@client.example", can_edit=False)
    calendar = str(graph.add_calendar(PERSON, "Work", color="lightTeal")["id"])
    me = {"emailAddress": {"address": PERSON, "name": "Ana"}, "type": "required"}
    boss = {"emailAddress": {"address": "boss@client.example", "name": "Boss"}}
    lunch = timed("2026-03-03T12:00:00", "2026-03-03T13:00:00", attendees=[me], organizer=boss)
    lunch |= {
        "location": {"displayName": "Room"},
        "onlineMeeting": {"joinUrl": "https://x.example"},
    }
    created = graph.create_events(
        PERSON, [RECURRING, lunch, all_day("2026-03-05", "2026-03-07")], calendar
    )
    series = str(created[0]["id"])
    graph.mutate(
        PERSON,
        "edit_one",
        series,
        calendar_id=calendar,
        original_start="2026-03-06T09:00:00+01:00",
        changes={"subject": "Own"},
    )
    return {"calendar-id": calendar, "event-id": series, "invited": str(created[1]["id"])}


@pytest.fixture
def api(control: ControlClient, web: requests.Session, ids: dict[str, str]) -> GraphApi:
    del ids
    api = GraphApi(control, web)
    scopes = ["Calendars.ReadWrite", "User.Read", "MailboxSettings.Read"]
    api.token = control.graph.issue_tokens(PERSON, scopes).access_token
    return api


def fill(path: str, ids: dict[str, str]) -> str:
    """A path of the description with ids that exist where the path looks for them."""
    chosen = dict(ids)
    if path.endswith(("accept", "decline", "tentativelyAccept")):
        chosen["event-id"] = ids["invited"]
    for name, value in chosen.items():
        path = path.replace(f"{{{name}}}", value)
    return path.lstrip("/")


def usual_query(operation: Json) -> dict[str, str]:
    names = {one["name"] for one in parameters_of(operation) if one["in"] == "query"}
    return {name: VIEW[name] for name in names & VIEW.keys()}


# Subscriptions are validated with their handshake, in a file of their own.
READS = [
    one
    for one in operations()
    if one.values[0] == "GET" and "subscription-id" not in str(one.values[1])
]
LISTS = [one for one in READS if "delta" not in str(one.values[1])]


@pytest.mark.parametrize(("method", "path", "operation"), READS)
def test_every_answer_fits_its_schema(
    api: GraphApi, ids: dict[str, str], method: str, path: str, operation: Json
) -> None:
    answer = api.send(method, fill(path, ids), params=usual_query(operation))
    if path.endswith("events/delta"):
        assert UNTRACKED in answer.text
        check(
            answer.json(),
            resolve(operation["responses"]["default"])["content"]["application/json"]["schema"],
        )
        return
    assert answer.status_code == 200, answer.text
    schema = success_schema(operation)
    assert schema is not None
    check(answer.json(), schema)


@pytest.mark.parametrize("setting", [{}, {"ical_uid": "occurrence"}])
def test_deltas_after_changes_fit_their_schema(
    api: GraphApi, ids: dict[str, str], control: ControlClient, setting: Any
) -> None:
    control.graph.change_graph_settings(occurrence_tombstones=True, **setting)
    path = f"me/calendars/{ids['calendar-id']}"
    rows, link = api.baseline(path)
    control.graph.mutate(
        PERSON,
        "delete_one",
        ids["event-id"],
        calendar_id=ids["calendar-id"],
        original_start="2026-03-09T09:00:00+01:00",
    )
    changed, _ = api.follow(link)
    assert any("@removed" in row for row in changed)
    operation = SPEC["paths"]["/me/calendars/{calendar-id}/calendarView/delta"]["get"]
    schema = success_schema(operation)
    assert schema is not None
    check({"value": rows + changed, "@odata.deltaLink": link}, schema)
    truth = control.graph.truth(PERSON, ids["calendar-id"])
    check({"value": truth}, schema)


def test_the_schema_check_can_fail(api: GraphApi) -> None:
    schema = success_schema(SPEC["paths"]["/me/events"]["get"])
    assert schema is not None
    for wrong in ({"surprise": 1}, {"showAs": "asleep"}, {"originalStart": "noon"}, {"start": 1}):
        with pytest.raises(jsonschema.ValidationError):
            check({"value": [wrong]}, schema)


@pytest.mark.parametrize(("method", "path", "operation"), operations())
def test_every_path_is_there_and_refuses_strangers_in_graphs_form(
    api: GraphApi, ids: dict[str, str], method: str, path: str, operation: Json
) -> None:
    api.token = "made-up"
    target = fill(path, ids).replace("{subscription-id}", "x")
    answer = api.send(method, target, json={})
    assert answer.status_code == 401
    assert answer.headers["request-id"]
    check(answer.json(), error_schema(operation))
    inner = answer.json()["error"]["innerError"]
    assert inner["request-id"] == answer.headers["request-id"]


def test_paths_outside_the_description_are_not_there(api: GraphApi, ids: dict[str, str]) -> None:
    for entry in NOT_SERVED:
        method, path = entry.split(" ")
        answer = api.send(method, fill(path, ids), json={})
        assert "Resource not found for the segment" in answer.text, entry
    assert "segment 'messages'" in api.send("GET", "me/messages").text


PLAIN = {"$top": "1", "$skip": "0", "$count": "true", "$orderby": "id", "$select": "id"}


@pytest.mark.parametrize(("method", "path", "operation"), LISTS)
def test_documented_query_options_are_accepted(
    api: GraphApi, ids: dict[str, str], method: str, path: str, operation: Json
) -> None:
    names = {one["name"] for one in parameters_of(operation)}
    query = {name: value for name, value in PLAIN.items() if name in names}
    answer = api.send(method, fill(path, ids), params={**usual_query(operation), **query})
    assert answer.status_code == 200, answer.text
    rows = answer.json().get("value", [answer.json()])
    assert "$select" not in query or all(
        set(row) <= {"id", "@odata.etag", "@odata.context"} for row in rows
    )


def test_writes_answer_what_the_description_says(api: GraphApi, ids: dict[str, str]) -> None:
    def operation(method: str, path: str) -> Json:
        found: Json = SPEC["paths"][path][method]
        return found

    event = api.post("me/events", RECURRING)
    for made, schema in (
        (event, success_schema(operation("post", "/me/events"))),
        (
            api.patch(f"me/events/{event['id']}", {"subject": "New"}),
            success_schema(operation("patch", "/me/events/{event-id}")),
        ),
        (
            api.post("me/calendars", {"name": "Third"}),
            success_schema(operation("post", "/me/calendars")),
        ),
        (
            api.patch("me/calendar", {"color": "lightRed"}),
            success_schema(operation("patch", "/me/calendar")),
        ),
    ):
        assert schema is not None
        check(made, schema)
    for action in ("accept", "tentativelyAccept", "decline"):
        body = operation("post", f"/me/events/{{event-id}}/{action}")["requestBody"]
        given = properties_of(body["content"]["application/json"]["schema"])
        sent = {name: "x" if name == "Comment" else None for name in given}
        api.post(f"me/events/{ids['invited']}/{action}", sent, status=202)


def compare(model: Json, described: Json, definitions: Json, path: str) -> None:
    """Every property that a request model takes is described, with the same choices."""
    if "$ref" in model:
        model = definitions[model["$ref"].rpartition("/")[2]]
    for choice in model.get("anyOf", []):
        if choice.get("type") != "null":
            compare(choice, described, definitions, path)
    described = resolve(described)
    if "enum" in model:
        assert set(model["enum"]) == set(described["enum"]), path
    if "items" in model:
        compare(model["items"], described["items"], definitions, path)
    known = properties_of(described)
    for name, inner in model.get("properties", {}).items():
        assert name in known, f"{path}.{name}"
        compare(inner, known[name], definitions, f"{path}.{name}")


@pytest.mark.parametrize(("model", "name"), [(EventIn, "event"), (CalendarIn, "calendar")])
def test_requests_may_say_what_the_description_says(model: Any, name: str) -> None:
    schema = model.model_json_schema(by_alias=True)
    described = SPEC["components"]["schemas"][NAMESPACE + name]
    compare(schema, described, schema.get("$defs", {}), name)


def test_read_only_properties_are_the_described_ones() -> None:
    described = properties_of(SPEC["components"]["schemas"][NAMESPACE + "event"])
    writable = {field.alias for field in EventIn.model_fields.values()}
    plain = {name for name, one in described.items() if not one.get("x-ms-navigationProperty")}
    assert writable | IGNORED_IN_REQUESTS == (plain - {"calendar"}) | {
        "singleValueExtendedProperties"
    }
