"""A walk over every route of the OpenAPI document with everything that a stranger may try."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from calendar_manager.api.problems import MAXIMUM_BODY_BYTES
from calendar_manager.bootstrap import Services
from calendar_manager.sandbox.control_client import ControlClient
from tests.api.callers import Person, expect_problem
from tests.api.full_person import FullPerson, fill, read_tables

pytestmark = pytest.mark.store

CALLBACK = "/api/auth/callback/{provider}"
"""Knows who comes back by the state as well, so it is open; a state belongs to one person."""

BODIES: dict[str, dict[str, Any]] = {
    "PATCH /api/calendars/{calendar_id}": {"sync_enabled": False},
    "PATCH /api/clients/{client_id}": {"name": "Stolen"},
    "PATCH /api/events/{event_id}/client": {"client_id": None, "scope": "series"},
    "POST /api/conflicts/{conflict_id}/resolve": {"resolution": "ignored", "note": "mine"},
}
"""What a route with an id asks for; without it the answer would be about the body."""

QUERIES = {
    "/api/events": "?start=2026-11-01&end=2026-12-01",
    "/api/availability": "?start=2026-11-23&end=2026-11-24",
    "/api/availability/explain": "?at=2026-11-23T09:00:00Z&duration=30",
    "/api/clients/{client_id}/hours": "?start=2026-11-01&end=2026-12-01",
}
"""What a route has to be asked with."""

IN_QUERIES = {
    "/api/sync-jobs": "calendar_id",
    "/api/events?start=2026-11-23&end=2026-11-24": "calendar_id",
    "/api/events?start=2026-11-23&end=2026-11-25": "client_id",
    "/api/availability?start=2026-11-23&end=2026-11-24": "calendar_id",
    "/api/availability/export": "connection_id",
}
"""Where an id is given beside the path."""

WRONG_BODIES: list[Any] = [
    None,
    7,
    "x",
    [],
    [[[]]],
    {},
    {"unknown": 1},
    {"\ud800": "\ud800"},
    {"email": {"a": 1}, "id": -1},
]
WRONG_VALUES: list[Any] = [
    None,
    -1,
    10**400,
    1e308,
    "",
    "\u0000",
    "\ud800",
    "x" * 100_000,
    [],
    {"a": []},
    True,
    "9999-12-31T23:59:59+14:00",
    "0001-01-01",
]
WRONG_QUERIES = [
    "",
    "\x00",
    "x" * 5000,
    "-1",
    "9" * 400,
    "0001-01-01",
    "9999-12-31",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30",
    "Mars/Olympus",
    "NaN",
    "null",
    "'; DROP TABLE users; --",
    "\u202e",
]

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture
def operations(served: tuple[FastAPI, str]) -> list[Operation]:
    """Every operation: its method, its path, and its description."""
    return [
        (method.upper(), path, operation)
        for path, methods in served[0].openapi()["paths"].items()
        for method, operation in methods.items()
    ]


@pytest.fixture
def full(
    mara: Person,
    otto: Person,
    services: Services,
    google: ControlClient,
    work: Callable[[], None],
) -> FullPerson:
    return fill(mara, services=services, google=google, work=work)


def is_open(path: str, operation: dict[str, Any]) -> bool:
    """Tell whether a route serves strangers; which do is listed in test_problem_details.py."""
    return not operation.get("security") or path == CALLBACK


def place(path: str, ids: dict[str, str]) -> str:
    """Put ids in the places of a path."""
    for name, value in {"provider": "google", "token": "nothing", **ids}.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"the walk does not know an id for {path}"
    return path


def call(
    http: httpx.Client, method: str, path: str, headers: dict[str, str], body: Any = ...
) -> httpx.Response:
    headers = {"Accept": "application/json", **headers}
    content = None
    if body is not ...:
        content = json.dumps(body).encode("ascii")
        headers["Content-Type"] = "application/json"
    return http.request(method, path, content=content, headers=headers)


def expect_refusal(answer: httpx.Response, full: FullPerson, *statuses: int) -> None:
    """Assert that an answer is one of these problems and tells nothing of the person."""
    where = f"{answer.request.method} {answer.request.url.path}"
    assert answer.status_code in statuses, f"{where}: {answer.status_code} {answer.text[:300]}"
    assert answer.headers["Content-Type"] == "application/problem+json", where
    for secret in full.secrets:
        assert secret not in answer.text, where


def test_without_a_login_every_other_route_is_closed(
    http: httpx.Client, full: FullPerson, operations: list[Operation]
) -> None:
    for method, path, operation in operations:
        if is_open(path, operation):
            continue
        for headers in ({}, {"Authorization": "Bearer nothing"}, {"Cookie": "a=b"}):
            for body in (..., {}, BODIES.get(f"{method} {path}", {})):
                answer = call(http, method, place(path, full.ids), headers, body)
                expect_refusal(answer, full, 401)


def test_open_routes_tell_nothing_to_strangers(
    http: httpx.Client, full: FullPerson, operations: list[Operation]
) -> None:
    for method, path, operation in operations:
        if is_open(path, operation):
            answer = call(http, method, place(path, full.ids), {})
            assert answer.status_code < 500, f"{method} {path}: {answer.text}"
            assert not [secret for secret in full.secrets if secret in answer.text], path


def test_another_users_things_are_not_there(
    full: FullPerson, otto: Person, operations: list[Operation], clean_database: Engine
) -> None:
    before = _rows_of(clean_database, full.person.id)
    walked = 0
    for method, path, _ in operations:
        if "_id}" not in path:
            continue
        walked += 1
        body = BODIES.get(f"{method} {path}", ...)
        where = place(path, full.ids) + QUERIES.get(path, "")
        expect_refusal(call(otto.http, method, where, otto.bearer, body), full, 404)
    assert walked > 15
    for path, name in IN_QUERIES.items():
        joined = f"{path}{'&' if '?' in path else '?'}{name}={full.ids[name]}"
        expect_refusal(call(otto.http, "GET", joined, otto.bearer), full, 404)
    asked = f"/api/availability?start=2026-11-23&end=2026-11-24&user_id={full.person.id}"
    expect_refusal(call(otto.http, "GET", asked, otto.bearer), full, 404)
    leave = {"connection_id": full.ids["connection_id"]}
    left = call(otto.http, "POST", "/api/auth/disconnect/google", otto.bearer, leave)
    expect_refusal(left, full, 404)
    assert _rows_of(clean_database, full.person.id) == before


def test_lists_and_answers_of_another_user_hold_nothing_of_this_one(
    full: FullPerson, otto: Person, operations: list[Operation]
) -> None:
    for method, path, _ in operations:
        if method == "GET" and "{" not in path:
            answer = call(otto.http, "GET", f"{path}{QUERIES.get(path, '')}", otto.bearer)
            assert answer.status_code < 500, path
            assert not [secret for secret in full.secrets if secret in answer.text], path
            assert full.person.id not in answer.text, path


def test_a_wrong_id_is_not_found_and_no_id_is_refused(
    mara: Person, google: ControlClient, operations: list[Operation]
) -> None:
    nobody = FullPerson(mara, {})
    for method, path, operation in operations:
        for parameter in _ids_of(operation):
            body = BODIES.get(f"{method} {path}", ...)
            where = place(path, {parameter: str(uuid4())}) + QUERIES.get(path, "")
            wrong = call(mara.http, method, where, mara.bearer, body)
            expect_refusal(wrong, nobody, 404)
            for value in ("1", "x", "%00", "..%2f..%2fetc", "'", "0" * 5000, "%ff", "null"):
                odd = call(mara.http, method, place(path, {parameter: value}), mara.bearer, body)
                expect_refusal(odd, nobody, 404, 405, 422)


def test_what_is_too_large_is_refused_everywhere(
    mara: Person, google: ControlClient, operations: list[Operation]
) -> None:
    ids = _any_ids(operations)
    for method, path, operation in operations:
        if "requestBody" in operation:
            headers = {**mara.bearer, "Content-Type": "application/json"}
            huge = b'"' + b"x" * MAXIMUM_BODY_BYTES + b'"'
            answer = mara.http.request(method, place(path, ids), content=huge, headers=headers)
            expect_problem(answer, 413, "body_too_large")


def test_wrong_bodies_are_refused_and_break_nothing(
    mara: Person, google: ControlClient, operations: list[Operation]
) -> None:
    ids, nobody = _any_ids(operations), FullPerson(mara, {})
    for method, path, operation in operations:
        if "requestBody" not in operation:
            continue
        where = place(path, ids)
        for body in (*WRONG_BODIES, *_spoil(operation, mara)):
            answer = call(mara.http, method, where, mara.bearer, body)
            if answer.status_code >= 400:
                # A form without any field is a wish to change nothing, and refusals of tokens,
                # signatures and passwords have codes of their own.
                expect_refusal(answer, nobody, 400, 401, 404, 409, 422, 429)
            for header in ("[" * 3000, "\xff", "{", '{"a": NaN}'):
                raw = mara.http.request(
                    method,
                    where,
                    content=header.encode("latin-1"),
                    headers={**mara.bearer, "Content-Type": "application/json"},
                )
                assert raw.status_code < 500, f"{method} {path}: {raw.text}"
            if answer.status_code == 429:
                break


def test_wrong_queries_break_nothing(
    mara: Person, google: ControlClient, operations: list[Operation]
) -> None:
    ids = _any_ids(operations)
    asked = 0
    for method, path, operation in operations:
        names = [one for one in operation.get("parameters", ()) if one["in"] == "query"]
        if method != "GET" or path == "/api/auth/export":
            continue
        required = {one["name"]: "2026-11-23" for one in names if one.get("required")}
        for parameter in names:
            for value in WRONG_QUERIES:
                asked += 1
                answer = mara.http.get(
                    place(path, ids),
                    params={**required, parameter["name"]: value},
                    headers={**mara.bearer, "Accept": "application/json"},
                )
                assert answer.status_code < 500, f"{path} {parameter['name']}={value!r}"
    assert asked > 300


def _ids_of(operation: dict[str, Any]) -> list[str]:
    return [
        one["name"]
        for one in operation.get("parameters", ())
        if one["in"] == "path" and one["name"].endswith("_id")
    ]


def _any_ids(operations: list[Operation]) -> dict[str, str]:
    """Return an id of nothing for every parameter of a path."""
    return {name: str(uuid4()) for _, _, operation in operations for name in _ids_of(operation)}


def _spoil(operation: dict[str, Any], person: Person) -> Iterator[Any]:
    """Yield objects in which one field of an operation's body has a value of the wrong kind."""
    schema = operation["requestBody"]["content"].get("application/json", {}).get("schema", {})
    document = person.http.get("/openapi.json").json()
    names = schema.get("properties", {})
    if "$ref" in schema:
        names = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]].get(
            "properties", {}
        )
    for name in names:
        for value in WRONG_VALUES:
            yield {name: value}


def _rows_of(engine: Engine, user_id: str) -> dict[str, list[str]]:
    return {
        table: sorted(row for row in rows if user_id in row)
        for table, rows in read_tables(engine).items()
    }
