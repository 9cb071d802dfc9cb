"""Microsoft Graph's official description, and what of requests and answers goes against it."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator

SPEC = Path(__file__).parents[1] / "specs" / "graph-calendar.json"
SCHEMA = "#/components/schemas/microsoft.graph."

# The delta's collection is written out in its path instead of among the schemas.
DELTA = {
    "type": "object",
    "required": ["value"],
    "properties": {
        "value": {"type": "array", "items": {"$ref": f"{SCHEMA}event"}},
        "@odata.nextLink": {"type": "string"},
        "@odata.deltaLink": {"type": "string"},
    },
}


@cache
def load_spec() -> dict[str, Any]:
    return dict(json.loads(SPEC.read_text(encoding="utf-8")))


@cache
def load_components() -> dict[str, Any]:
    return dict(_to_json_schema(load_spec()["components"]))


def _to_json_schema(value: Any) -> Any:
    """Turn OpenAPI 3.0's ``nullable`` into JSON Schema; complex properties may be null, too."""
    if isinstance(value, list):
        return [_to_json_schema(one) for one in value]
    if not isinstance(value, dict):
        return value
    schema = {name: _to_json_schema(one) for name, one in value.items() if name != "nullable"}
    if isinstance(schema.get("properties"), dict):
        schema["properties"] = {
            name: {"anyOf": [one, {"type": "null"}]} if set(one) == {"$ref"} else one
            for name, one in schema["properties"].items()
        }
    if value.get("nullable") is True:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema


def find_answer_problems(payload: Any, schema: Mapping[str, Any] | str) -> list[str]:
    """Return what of an answer goes against a schema, or against a named one."""
    wanted = {"$ref": f"{SCHEMA}{schema}"} if isinstance(schema, str) else dict(schema)
    validator = Draft202012Validator({**wanted, "components": load_components()})
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(payload)]


def find_operation(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """Return the described path and operation that a request's path belongs to."""
    for template, item in load_spec()["paths"].items():
        pattern = re.sub(r"\\\{[^}]+\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in item:
            return template, dict(item[method.lower()])
    return None


def find_request_problems(method: str, path: str, query: Mapping[str, list[str]]) -> list[str]:
    """Compare a request with the description; links that Graph gave carry tokens of its own."""
    found = find_operation(method, path)
    if found is None:
        return [f"no operation is {method} {unquote(path)}"]
    parameters = [
        load_spec()["components"]["parameters"][one["$ref"].rpartition("/")[2]]
        if "$ref" in one
        else one
        for one in found[1].get("parameters", ())
    ]
    known = {one["name"] for one in parameters if one["in"] == "query"}
    if query.keys() & {"$deltatoken", "$skiptoken"}:
        return []
    required = {one["name"] for one in parameters if one["in"] == "query" and one.get("required")}
    return [
        *(f"{name} is no parameter of {found[0]}" for name in query.keys() - known),
        *(f"{name} is missing for {found[0]}" for name in required - query.keys()),
        *(f"{name} is repeated" for name, values in query.items() if len(values) != 1),
    ]


def find_selection_problems(selection: str) -> list[str]:
    """Return which properties of ``$select`` an event does not have."""
    names: set[str] = set()
    schemas = load_spec()["components"]["schemas"]
    for name in ("entity", "outlookItem", "event"):
        schema = schemas[f"microsoft.graph.{name}"]
        for part in [schema, *schema.get("allOf", ())]:
            names |= part.get("properties", {}).keys()
    return [
        f"{name} is no property of an event" for name in selection.split(",") if name not in names
    ]
