"""Examples for the description of the API: whole ones, put together from those of the parts."""

from collections.abc import Mapping
from typing import Any, Final

_ID: Final = "0192f0c1-7a10-7d10-8a55-d2a0c4f5e011"
_ZONE: Final = "Europe/Berlin"
_CURSOR: Final = "WyIyMDI2LTExLTIwVDA5OjAwOjAwKzAwOjAwIiwiMDE5MmYwYzEtN2ExMC03ZDEwIl0"

PARAMETERS: Final[Mapping[str, tuple[str, Any]]] = {
    "action": ("", "connection.connected"),
    "at_least": ("", 2),
    "calendar_id": ("The id of the calendar, from `GET /api/calendars`.", _ID),
    "calendar_manager_consent": ("", "q1Jb8c0fJd2L3v7n"),
    "client_id": ("The id of the client, from `GET /api/clients`.", _ID),
    "conflict_id": ("The id of the conflict, from `GET /api/conflicts`.", _ID),
    "connection_id": ("The id of the account, from `GET /api/connections`.", _ID),
    "cursor": ("", _CURSOR),
    "duration": ("", 60),
    "event_id": ("The `id` of the event, from `GET /api/events`.", _ID),
    "grant_id": ("The id of the grant, from `GET /api/availability/grants`.", _ID),
    "include": ("", "description"),
    "job_id": ("The id of the run, from `GET /api/sync-jobs`.", _ID),
    "limit": ("", 50),
    "max_age": ("", 300),
    "max_wait": ("", 5),
    "occurrence_id": ("", _ID),
    "q": ("", "stand-up"),
    "session_id": ("The id of the session, from `GET /api/auth/sessions`.", _ID),
    "step": ("", 30),
    "token": (
        "The secret of the address, as it was shown once.",
        "pYk3Wm0cVb8fLd2v7nQ1Jb8c0fJd2L3v",
    ),
    "tz": ("", _ZONE),
    "user_id": ("The id of the user.", _ID),
}
"""Name of a parameter → what to say of it where its route says nothing, and an example."""

_NONE: Final = object()


def add_examples(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> None:
    """Give each parameter, body and answer of an operation that has no example one.

    Args:
        operation: One of the OpenAPI document; it is changed.
        schemas: The schemas of the document by name.
    """
    for parameter in operation.get("parameters", ()):
        _complete_parameter(parameter, schemas)
    contents = [operation.get("requestBody", {}).get("content", {})]
    contents += [answer.get("content", {}) for answer in operation["responses"].values()]
    for content in contents:
        for shown in content.values():
            if "example" not in shown and "examples" not in shown:
                example = find_example(shown.get("schema", {}), schemas)
                if example is not _NONE:
                    shown["example"] = example


def find_example(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON.
    """Return an example of a schema: its own, or one of its parts'; `_NONE` when it has none."""
    if "$ref" in schema:
        return find_example(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas)
    own = [*schema.get("examples", ()), *schema.get("enum", ())]
    own += [schema[name] for name in ("example", "const", "default") if name in schema]
    if own:
        return own[0]
    if schema.get("properties"):
        return _join(schema, schemas)
    if "items" in schema:
        example = find_example(schema["items"], schemas)
        return _NONE if example is _NONE else [example]
    choices = (find_example(choice, schemas) for choice in schema.get("anyOf", ()))
    return next((example for example in choices if example is not _NONE), _NONE)


def _join(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON.
    """Return an example of an object, if everything that it must have has one."""
    example = {name: find_example(part, schemas) for name, part in schema["properties"].items()}
    found = {name: value for name, value in example.items() if value is not _NONE}
    if "next_cursor" in example:
        found["next_cursor"] = None
    return found if found.keys() >= set(schema.get("required", ())) else _NONE


def _complete_parameter(parameter: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    described, example = PARAMETERS.get(parameter["name"], ("", _NONE))
    if described:
        parameter.setdefault("description", described)
    if "example" in parameter or "examples" in parameter:
        return
    schema = parameter["schema"]
    own = _find_value(schema, schemas)
    if own is not _NONE:
        parameter["example"] = own
    elif example is not _NONE:
        parameter["example"] = [example] if "items" in schema else example


def _find_value(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON.
    """Return an example of a parameter that says something, which its default may not."""
    if schema.get("default") not in (None, []):
        return schema["default"]
    said = {name: value for name, value in schema.items() if name != "default"}
    found = find_example(said, schemas)
    if "items" in schema:
        one = find_example(schema["items"], schemas)
        found = _NONE if one is _NONE else [one]
    return _NONE if found is None else found
