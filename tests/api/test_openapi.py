"""The API describes itself: every route, every parameter, every answer, every problem."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import jsonschema
import pytest
from fastapi import FastAPI

from calendar_manager.accounts.errors import AccountsError
from calendar_manager.api.openapi import TAGS
from calendar_manager.api.write_openapi import render_document

pytestmark = pytest.mark.store

ROOT: Final = Path(__file__).parents[2]
METHODS: Final = {"get", "post", "put", "patch", "delete"}
PROBLEM: Final = "application/problem+json"

SIGNED_OUT: Final = {"not_authenticated", "token_expired", "token_invalid", "session_ended"}
ANYBODY: Final = {"GET /api/auth/callback/{provider}"}
"""Looks at who is signed in, and serves those who are not."""

LIMITED: Final = {
    "POST /api/auth/register",
    "POST /api/auth/login",
    "POST /api/auth/refresh",
    "POST /api/auth/password",
    "GET /feeds/{token}.ics",
}
BEFORE_ROUTES: Final = {"bad_request", "http_error", "method_not_allowed"}
"""Codes of requests that reach no route, so that no route can tell them."""

NOT_READY: Final = ("GET /health/ready", "503")
"""Tells what is missing in the shape of its success."""


class Operation(NamedTuple):
    where: str
    described: dict[str, Any]

    @property
    def needs_login(self) -> bool:
        return bool(self.described.get("security")) and self.where not in ANYBODY

    @property
    def changes(self) -> bool:
        return not self.where.startswith("GET ")

    def codes(self, status: int) -> set[str]:
        """Return the codes that may come with a status."""
        answer = self.described["responses"].get(str(status), {})
        return set(answer.get("content", {}).get(PROBLEM, {}).get("examples", {}))


@pytest.fixture
def document(served: tuple[FastAPI, str]) -> dict[str, Any]:
    document: dict[str, Any] = served[0].openapi()
    return document


@pytest.fixture
def operations(document: dict[str, Any]) -> list[Operation]:
    """Every operation, with the answers that it has in common with others put in."""
    shared = document["components"]["responses"]

    def resolve(operation: dict[str, Any]) -> dict[str, Any]:
        responses = {
            status: shared[answer["$ref"].rsplit("/", 1)[1]] if "$ref" in answer else answer
            for status, answer in operation["responses"].items()
        }
        return {**operation, "responses": responses}

    return [
        Operation(f"{method.upper()} {path}", resolve(operation))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def test_the_document_is_served(http: httpx.Client, document: dict[str, Any]) -> None:
    assert http.get("/openapi.json").json() == document


def test_the_committed_document_is_in_step() -> None:
    committed = (ROOT / "docs/openapi.json").read_text(encoding="utf-8")
    assert committed == render_document(), (
        "docs/openapi.json is not what the application says of itself."
        " Renew it: uv run python -m calendar_manager.api.write_openapi"
    )


def test_every_operation_is_named_and_explained(operations: list[Operation]) -> None:
    names = [operation["operationId"] for _, operation in operations]
    assert len(names) == len(set(names))
    known = {tag["name"] for tag in TAGS}
    for where, operation in operations:
        assert operation["operationId"].isidentifier(), where
        assert operation["summary"], where
        assert operation["description"], where
        assert operation["tags"], where
        assert known.issuperset(operation["tags"]), where


def test_every_parameter_is_explained_with_an_example_that_fits(
    document: dict[str, Any], operations: list[Operation]
) -> None:
    for where, operation in operations:
        for parameter in operation.get("parameters", ()):
            name = f"{where} {parameter['name']}"
            assert parameter.get("description"), name
            assert "example" in parameter, name
            validate(document, parameter["schema"], parameter["example"], name)


def test_every_body_has_an_example_that_fits(
    document: dict[str, Any], operations: list[Operation]
) -> None:
    for where, operation in operations:
        for media_type, body in operation.get("requestBody", {}).get("content", {}).items():
            assert "example" in body, f"{where} {media_type}"
            validate(document, body["schema"], body["example"], where)


def test_every_answer_has_an_example_that_fits(
    document: dict[str, Any], operations: list[Operation]
) -> None:
    for where, operation in operations:
        for status, answer in operation["responses"].items():
            assert answer["description"], f"{where} {status}"
            for media_type, shown in answer.get("content", {}).items():
                if media_type == PROBLEM:
                    continue
                name = f"{where} {status} {media_type}"
                assert shown.get("example"), name
                validate(document, shown["schema"], shown["example"], name)


def test_examples_of_schemas_fit_their_schemas(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        if "example" in schema:
            reference = {"$ref": f"#/components/schemas/{name}"}
            validate(document, reference, schema["example"], name)


def test_every_problem_has_an_example_of_each_code(
    document: dict[str, Any], operations: list[Operation]
) -> None:
    schema = {"$ref": "#/components/schemas/ProblemOut"}
    for where, operation in operations:
        for status, answer in operation["responses"].items():
            if int(status) < 400 or (where, status) == NOT_READY:
                continue
            examples = answer["content"][PROBLEM]["examples"]
            assert examples, f"{where} {status}"
            for code, example in examples.items():
                validate(document, schema, example["value"], where)
                assert example["value"]["status"] == int(status), where
                assert example["value"]["code"] == code, where
                assert example["summary"] == example["value"]["detail"], where


def test_every_operation_tells_the_problems_of_its_kind(operations: list[Operation]) -> None:
    for operation in operations:
        where, described = operation
        assert operation.codes(500) == {"internal_error"}, where
        assert operation.needs_login == (operation.codes(401) >= SIGNED_OUT), where
        csrf = operation.needs_login and operation.changes
        assert csrf == ("csrf_failed" in operation.codes(403)), where
        assert ("requestBody" in described) <= ("body_too_large" in operation.codes(413)), where
        asked = described.get("requestBody") or described.get("parameters")
        # Providers are told that what they sent is malformed, which is none of our forms.
        if asked and "/webhooks/" not in where:
            assert operation.codes(422) == {"validation_failed"}, where
        if not where.startswith(("GET /health", "GET /metrics")):
            assert "database_unavailable" in operation.codes(503), where
        for noun in re.findall(r"{(\w+)_id}", where):
            code = f"{noun if noun != 'job' else 'sync_job'}_not_found"
            assert code in operation.codes(404), where


def test_limited_operations_tell_when_to_try_again(operations: list[Operation]) -> None:
    limited = {operation.where: operation for operation in operations if operation.codes(429)}
    assert limited.keys() >= LIMITED
    for where, operation in limited.items():
        headers = operation.described["responses"]["429"]["headers"]
        assert headers["Retry-After"]["example"] > 0, where


def test_every_code_of_the_use_cases_is_told_by_some_operation(
    operations: list[Operation],
) -> None:
    assert find_codes(operations) >= {error.code for error in subclasses(AccountsError)}


def test_the_table_in_the_documentation_has_every_code(operations: list[Operation]) -> None:
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (\d{3}|any) \| \S.* \|$", text, re.MULTILINE))
    assert rows.keys() - BEFORE_ROUTES == find_codes(operations)
    assert rows.keys() >= BEFORE_ROUTES
    statuses = {
        (code, status)
        for operation in operations
        for status in operation.described["responses"]
        for code in operation.codes(int(status))
    }
    assert {(code, rows[code]) for code, _ in statuses} == statuses


def test_every_operation_that_the_documentation_names_exists(
    document: dict[str, Any], operations: list[Operation]
) -> None:
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    known = {operation.where for operation in operations}
    for named in re.findall(r"`((?:GET|POST|PATCH|DELETE) /\S+)`", text):
        assert named in known
    shapes = [re.sub(r"{\w+}", "[^/]+", path) for path in document["paths"]]
    for called in re.findall(r"/api/[\w/${}-]+", text):
        path = re.sub(r"[${}]", "", called).rstrip("/")
        # The redirect address is written with dots for the provider.
        known_path = any(re.fullmatch(shape, path) for shape in shapes)
        assert known_path or path == "/api/auth/callback", called


def test_there_are_no_errors_in_fastapis_own_shape(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in str(document)


def find_codes(operations: list[Operation]) -> set[str]:
    return {
        code
        for operation in operations
        for status in operation.described["responses"]
        for code in operation.codes(int(status))
    }


def subclasses(kind: type[AccountsError]) -> Iterator[type[AccountsError]]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def validate(
    document: Mapping[str, Any], schema: Mapping[str, Any], example: Any, where: str
) -> None:
    described = {**schema, "components": document["components"]}
    errors = list(jsonschema.Draft202012Validator(described).iter_errors(example))
    assert errors == [], where
