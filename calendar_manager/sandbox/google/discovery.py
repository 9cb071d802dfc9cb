"""What each method accepts, from Google's own discovery document inside googleapiclient."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, cast

from calendar_manager.sandbox.google.errors import GoogleApiError, invalid_value

Value = str | int | bool | list[str]

SCOPE_PREFIX = "https://www.googleapis.com/auth/"


@dataclass(frozen=True)
class Method:
    """One API method: its id (``events.list``), query parameters and sufficient scopes."""

    name: str
    parameters: dict[str, dict[str, Any]]
    scopes: frozenset[str]

    def read_query(self, pairs: Iterable[tuple[str, str]]) -> dict[str, Value]:
        """Return the query parameters by name, typed as the document says.

        Raises:
            GoogleApiError: 400, an unknown or repeated parameter, a wrong type, a value outside the
                enum or range, or a required one that is missing.
        """
        values: dict[str, Value] = {}
        for name, text in pairs:
            rule = self.parameters.get(name)
            if rule is None:
                raise invalid_value(
                    f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query '
                    f"parameter. Field '{name}' could not be found in request message.",
                    name,
                )
            if rule.get("repeated"):
                cast("list[str]", values.setdefault(name, [])).append(str(_read(name, text, rule)))
            elif name in values:
                raise invalid_value(f"Parameter {name} is given twice.", name)
            else:
                values[name] = _read(name, text, rule)
        for name, rule in self.parameters.items():
            if rule.get("required") and name not in values:
                raise GoogleApiError(
                    400, "required", f"Required parameter: {name}", location=("parameter", name)
                )
        return values


def _read(name: str, text: str, rule: dict[str, Any]) -> Value:
    if rule["type"] == "boolean":
        if text.lower() not in {"true", "false"}:
            raise invalid_value(f"Invalid boolean value: '{text}'.", name)
        return text.lower() == "true"
    if rule["type"] == "integer":
        number = int(text) if re.fullmatch(r"-?\d{1,9}", text) else None
        low, high = int(rule.get("minimum", "-999999999")), int(rule.get("maximum", "999999999"))
        if number is None or not low <= number <= high:
            raise invalid_value(f"Invalid integer value: '{text}'.", name)
        return number
    if "enum" in rule and text not in rule["enum"]:
        raise invalid_value(f"Invalid string value: '{text}'.", name)
    return text


@cache
def read_document() -> dict[str, Any]:
    """Return the discovery document of Calendar v3."""
    folder = resources.files("googleapiclient") / "discovery_cache" / "documents"
    text = (folder / "calendar.v3.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


@cache
def read_method(name: str) -> Method:
    """Return a method by its id without the API's name, such as ``events.list``."""
    document = read_document()
    resource, _, method_name = name.partition(".")
    method = document["resources"][resource]["methods"][method_name]
    parameters = {
        **document["parameters"],
        **{n: p for n, p in method.get("parameters", {}).items() if p["location"] == "query"},
    }
    return Method(name, parameters, frozenset(method["scopes"]))


@cache
def read_fields(schema: str) -> frozenset[str]:
    """Return the property names of a schema, such as ``Event``."""
    return frozenset(read_document()["schemas"][schema]["properties"])


@cache
def known_scopes() -> frozenset[str]:
    """Return every scope that the sandbox can grant, OpenID Connect's included."""
    calendar = frozenset(read_document()["auth"]["oauth2"]["scopes"])
    return calendar | {
        "openid",
        f"{SCOPE_PREFIX}userinfo.email",
        f"{SCOPE_PREFIX}userinfo.profile",
    }


def check_fields(body: dict[str, Any], schema: str) -> None:
    """Refuse a request body with a field that the schema does not have.

    Raises:
        GoogleApiError: 400, naming the field.
    """
    for name in body:
        if name not in read_fields(schema):
            raise invalid_value(
                f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
            )
