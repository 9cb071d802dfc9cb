"""The description of the API: what FastAPI derives, with our problems in place of its errors."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from calendar_manager.api.deps import SAFE_METHODS
from calendar_manager.api.openapi_examples import add_examples
from calendar_manager.api.problems import (
    MAXIMUM_BODY_BYTES,
    MEDIA_TYPE,
    ProblemOut,
    describe_problem,
    join_problems,
)
from calendar_manager.web.cookies import CSRF_HEADER

TAGS: Final = [
    {"name": "account", "description": "Register, sign in, settings, leave."},
    {"name": "connections", "description": "Accounts at providers, connected by OAuth."},
    {"name": "calendars", "description": "Calendars, their settings, and syncing them."},
    {"name": "sync jobs", "description": "Progress and history of syncs."},
    {"name": "events", "description": "Occurrences of events in a range."},
    {"name": "clients", "description": "Whom hours belong to, and how many they are."},
    {"name": "conflicts", "description": "Meetings that get in each other's way."},
    {"name": "availability", "description": "Free windows and bookable slots."},
    {"name": "webhooks", "description": "Where providers tell us that something changed."},
    {"name": "administration", "description": "The installation, for those who run it."},
    {"name": "health", "description": "How the installation is doing."},
]

DESCRIPTION: Final = """
One copy of all your calendars, conflicts before they hurt, and free time with proof of how fresh
the answer is.

* Send the access token of `/api/auth/login` as `Authorization: Bearer …`.
* Errors are problem details (RFC 9457) with a stable `code`.
* Lists come in pages: send `next_cursor` as `cursor` for the next one.
* Every answer has an `X-Request-ID`; yours is taken over when you send one.
"""

INVALID: Final = describe_problem(
    422,
    "validation_failed",
    "Some of the input cannot be used.",
    ("time_zone", "This is not an IANA time zone. Write it as Europe/Berlin."),
)
UNAUTHORIZED: Final = join_problems(
    describe_problem(
        401,
        "not_authenticated",
        "Sign in first, and send the access token as a bearer token.",
    ),
    describe_problem(401, "token_expired", "The token has expired."),
    describe_problem(401, "token_invalid", "The token is not valid here."),
    describe_problem(401, "session_ended", "The session has ended. Sign in again."),
)
_CSRF_FAILED: Final = describe_problem(
    403,
    "csrf_failed",
    f"A change on a session cookie needs its CSRF token in the header {CSRF_HEADER}.",
)
_TOO_LARGE: Final = describe_problem(
    413, "body_too_large", f"A request may have {MAXIMUM_BODY_BYTES} bytes at most."
)
_UNAVAILABLE: Final = {
    **describe_problem(
        503, "database_unavailable", "The database cannot be reached. Try again in a while."
    ),
    "headers": {
        "Retry-After": {
            "description": "Seconds after which it is worth trying again.",
            "schema": {"type": "integer"},
            "example": 5,
        }
    },
}
_BROKEN: Final = describe_problem(
    500,
    "internal_error",
    "Something broke on our side. The X-Request-ID of this answer leads to the reason.",
)
_SIGN_IN_OPTIONAL: Final = frozenset({"finish_connecting"})
"""Operations that look at who is signed in, and serve those who are not."""

_OF_THE_PROCESS: Final = ("/health", "/metrics")
"""Beginnings of the paths that tell by an answer of their own that a server is away."""

_METHODS: Final = ("get", "post", "put", "patch", "delete")


def install_openapi(app: FastAPI) -> None:
    """Let the application describe itself with :func:`describe_api`."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe_api(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it.


def describe_api(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, in which every route tells the problems that it may have."""
    schema = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    schemas: dict[str, Any] = schema.setdefault("components", {}).setdefault("schemas", {})
    problem = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["ProblemOut"] = problem
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for described in schemas.values():
        if "example" in described:
            _restore_nulls(schemas, described, described["example"])
    for address, path in schema["paths"].items():
        for method in _METHODS:
            if method in path:
                _complete(path[method], path=address, method=method)
                add_examples(path[method], schemas)
    schema["components"]["responses"] = _share_problems(schema["paths"])
    return schema


def _complete(operation: dict[str, Any], *, path: str, method: str) -> None:
    """Tell what every route of its kind may answer."""
    responses = operation["responses"]
    if "422" in responses and MEDIA_TYPE not in responses["422"].get("content", {}):
        responses["422"] = INVALID
    if operation["operationId"] in _SIGN_IN_OPTIONAL:
        operation["security"].append({})
    elif operation.get("security"):
        _add(responses, "401", UNAUTHORIZED)
        if method.upper() not in SAFE_METHODS:
            _add(responses, "403", _CSRF_FAILED)
    if "requestBody" in operation:
        _add(responses, "413", _TOO_LARGE)
    if not path.startswith(_OF_THE_PROCESS):
        _add(responses, "503", _UNAVAILABLE)
    _add(responses, "500", _BROKEN)
    operation["responses"] = dict(sorted(responses.items()))


def _add(responses: dict[str, Any], status: str, problem: Mapping[str, Any]) -> None:
    known = responses.get(status)
    responses[status] = problem if known is None else join_problems(known, problem)


def _share_problems(paths: Mapping[str, Any]) -> dict[str, Any]:
    """Let routes refer to problems that they have in common, and return those by name.

    Otherwise nine tenths of the document would be the same few problems.
    """
    answers = [
        (operation["responses"], status, answer)
        for path in paths.values()
        for operation in path.values()
        for status, answer in operation["responses"].items()
        if MEDIA_TYPE in answer.get("content", {})
    ]
    shared: dict[str, Any] = {}
    for responses, status, answer in answers:
        name = "-".join([status, *answer["content"][MEDIA_TYPE]["examples"]])
        if shared.setdefault(name, answer) == answer:
            responses[status] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(shared.items()))


def _restore_nulls(schemas: Mapping[str, Any], schema: Mapping[str, Any], example: Any) -> None:  # noqa: ANN401 - any JSON.
    """Put back the null values of an example, which FastAPI drops from all of its document."""
    if "$ref" in schema:
        _restore_nulls(schemas, schemas[schema["$ref"].rsplit("/", 1)[1]], example)
    for choice in schema.get("anyOf", ()):
        _restore_nulls(schemas, choice, example)
    if isinstance(example, list):
        for item in example:
            _restore_nulls(schemas, schema.get("items", {}), item)
    if isinstance(example, dict):
        for name, described in schema.get("properties", {}).items():
            if name in example:
                _restore_nulls(schemas, described, example[name])
            elif name in schema.get("required", ()) and {"type": "null"} in described.get(
                "anyOf", ()
            ):
                example[name] = None
