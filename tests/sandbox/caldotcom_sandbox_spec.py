"""Cal.com's official description, as JSON schemas.

It bears no licence, so that it lies beside the checkout instead of in it. Two readings are needed:
``oneOf`` is taken as ``anyOf``, because its alternatives overlap; and where an own example of a
property goes against its schema, the example is believed. ``MISTAKEN`` says where that is.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

SPEC = Path(__file__).parents[3] / "shared" / "specs" / "calcom-v2.json"

Json = dict[str, Any]

needs_description = pytest.mark.skipif(
    not SPEC.exists(), reason=f"Cal.com's description is not there: {SPEC}"
)

MISTAKEN = {
    # The name of a constant stands where its regular expression should.
    "ScheduleAvailabilityInput_2024_06_11.startTime": "pattern",
    "ScheduleAvailabilityInput_2024_06_11.endTime": "pattern",
    "ScheduleOverrideInput_2024_06_11.startTime": "pattern",
    "ScheduleOverrideInput_2024_06_11.endTime": "pattern",
    # The days that each item may be are given for the array, too.
    "ScheduleAvailabilityInput_2024_06_11.days": "enum",
    # A boolean is called an object.
    "NameDefaultFieldOutput_2024_06_14.isDefault": "type",
    "EmailDefaultFieldOutput_2024_06_14.isDefault": "type",
}

_NOTES = {"example", "description", "default", "deprecated", "nullable", "title", "format"}


@cache
def load_spec() -> Json:
    return dict(json.loads(SPEC.read_text(encoding="utf-8")))


def to_json_schema(schema: Any) -> Any:
    """Turn OpenAPI 3.0 into closed JSON schemas: a property that is not named is an error."""
    if isinstance(schema, list):
        return [to_json_schema(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result: Json = {}
    for name, value in schema.items():
        if name == "$ref":
            result["$ref"] = "#/$defs/" + value.rpartition("/")[2]
        elif name == "oneOf":
            result["anyOf"] = to_json_schema(value)
        elif name == "properties":
            result["properties"] = {n: to_json_schema(p) for n, p in value.items()}
            result["additionalProperties"] = False
        elif name in {"enum", "required"}:
            result[name] = value
        elif name not in _NOTES:
            result[name] = to_json_schema(value)
    return {"anyOf": [result, {"type": "null"}]} if schema.get("nullable") else result


@cache
def load_definitions() -> Json:
    schemas = load_spec()["components"]["schemas"]
    definitions = {name: to_json_schema(schema) for name, schema in schemas.items()}
    for place, keyword in MISTAKEN.items():
        name, _, field = place.partition(".")
        del definitions[name]["properties"][field][keyword]
    return definitions


def operation(method: str, path: str) -> Json:
    return dict(load_spec()["paths"][path][method.lower()])


def response_schema(method: str, path: str, status: int) -> Json:
    answer = operation(method, path)["responses"][str(status)]
    return dict(to_json_schema(answer["content"]["application/json"]["schema"]))


def request_schema(method: str, path: str) -> Json:
    body = operation(method, path)["requestBody"]
    return dict(to_json_schema(body["content"]["application/json"]["schema"]))


def check(body: Any, schema: Json) -> None:
    validator = jsonschema.Draft202012Validator({**schema, "$defs": load_definitions()})
    error = jsonschema.exceptions.best_match(validator.iter_errors(body))
    if error is not None:
        raise error


def broken_by_own_example(place: str) -> set[str]:
    """The keywords of a property's schema that its own example goes against."""
    name, _, field = place.partition(".")
    raw = load_spec()["components"]["schemas"][name]["properties"][field]
    validator = jsonschema.Draft202012Validator(to_json_schema(raw))
    return {str(error.validator) for error in validator.iter_errors(raw["example"])}
