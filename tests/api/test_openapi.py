"""The API describes itself: every route, every answer, every problem."""

from typing import Any

import httpx
import jsonschema
import pytest
from fastapi import FastAPI

pytestmark = pytest.mark.store

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def document(served: tuple[FastAPI, str]) -> dict[str, Any]:
    document: dict[str, Any] = served[0].openapi()
    return document


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def test_the_document_is_served(http: httpx.Client, document: dict[str, Any]) -> None:
    assert http.get("/openapi.json").json() == document


def test_every_operation_is_named_and_explained(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))
    for where, operation in operations(document):
        assert operation["operationId"].isidentifier(), where
        assert operation["summary"], where
        assert operation["description"], where
        assert operation["tags"], where


def test_every_operation_tells_its_problems(document: dict[str, Any]) -> None:
    for where, operation in operations(document):
        problems = {
            status: answer
            for status, answer in operation["responses"].items()
            if int(status) >= 400 and not (where == "GET /health/ready" and status == "503")
        }
        assert "500" in problems, where
        if operation.get("security"):
            assert "401" in problems, where
        if operation.get("requestBody") or operation.get("parameters"):
            # Providers are told that what they sent is malformed, which is none of our forms.
            assert "422" in problems or where.startswith(("GET /api/auth/c", "POST /webhooks/"))
        for status, answer in problems.items():
            example = answer["content"]["application/problem+json"]["example"]
            assert example["status"] == int(status), where
            assert example["code"], where
            _validate(document, {"$ref": "#/components/schemas/ProblemOut"}, example)


def test_every_answer_has_an_example_that_fits(document: dict[str, Any]) -> None:
    for where, operation in operations(document):
        for status, answer in operation["responses"].items():
            schema = answer.get("content", {}).get("application/json", {}).get("schema")
            if int(status) >= 300 or not schema or where.startswith("GET /health"):
                continue
            assert _has_example(document, schema), f"{where} {status}"


def test_examples_of_schemas_fit_their_schemas(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        if "example" in schema:
            _validate(document, {"$ref": f"#/components/schemas/{name}"}, schema["example"])


def test_there_are_no_errors_in_fastapis_own_shape(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in str(document)


def _validate(document: dict[str, Any], schema: dict[str, Any], example: Any) -> None:
    jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(
        example
    )


def _has_example(document: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Tell whether a schema, or those it is made of, carry an example."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return _has_example(document, document["components"]["schemas"][name])
    if "example" in schema or "examples" in schema:
        return True
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    if "items" in schema:
        inner.append(schema["items"])
    return any(_has_example(document, part) for part in inner)
