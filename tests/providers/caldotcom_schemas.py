"""The parts of Cal.com's API v2 that we use, written down by hand, and the check of requests.

The official description has no licence and stays outside; where a checkout has it beside it,
``test_caldotcom_description.py`` holds this one, our requests and our payloads against it.
"""

from collections.abc import Mapping
from typing import Any

import jsonschema

from tests.providers.google_stub import Request

API_PATH = "/v2/"
STATUS = "unconfirmed|upcoming|recurring|past|cancelled"
INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"

SORT = {"enum": ["asc", "desc"]}
COUNT = {"pattern": "^[0-9]+$"}
PARAMETERS: dict[str, dict[str, Any]] = {
    "me": {},
    "bookings": {
        "status": {"pattern": f"^({STATUS})(,({STATUS}))*$"},
        "afterUpdatedAt": {"pattern": f"^{INSTANT}$"},
        "sortUpdatedAt": SORT,
        "take": {"pattern": "^[1-9][0-9]*$"},
        "skip": COUNT,
    },
    "me/ooo": {"take": {"pattern": "^([1-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|250)$"}, "skip": COUNT}
    | {"sortStart": SORT},
}
CURSOR_PARAMETERS = {
    "status": {"pattern": f"^({STATUS})$"},
    "afterUpdatedAt": {"pattern": f"^{INSTANT}$"},
    "limit": {"pattern": "^[1-9][0-9]*$"},
    "cursor": {"minLength": 1},
}
VERSIONS = {"me": None, "bookings": "2024-08-13", "me/ooo": None}

TEXT = {"type": "string"}
ATTENDEE: dict[str, Any] = {
    "type": "object",
    "required": ["name", "email", "displayEmail", "timeZone"],
    "properties": {"name": TEXT, "email": TEXT, "displayEmail": TEXT, "timeZone": TEXT},
}
HOST = {**ATTENDEE, "required": [*ATTENDEE["required"], "id"]}
BOOKING: dict[str, Any] = {
    "type": "object",
    "required": [
        "id", "uid", "title", "description", "hosts", "status", "start", "end", "duration",
        "eventType", "location", "absentHost", "createdAt", "updatedAt", "attendees",
    ],
    "properties": {
        "id": {"type": "number"},
        "uid": TEXT,
        "hosts": {"type": "array", "items": HOST},
        "status": {"enum": ["accepted", "pending", "cancelled", "rejected"]},
        "start": TEXT,
        "end": TEXT,
        "duration": {"type": "number"},
        "eventType": {"type": "object", "required": ["id", "slug"]},
        "attendees": {"type": "array", "items": ATTENDEE},
        "guests": {"type": "array", "items": TEXT},
        "rescheduledFromUid": TEXT,
        "rescheduledToUid": TEXT,
        "recurringBookingUid": TEXT,
        "icsUid": TEXT,
    },
}  # fmt: skip
OFFSET_PAGES = {
    "type": "object",
    "required": [
        "totalItems", "remainingItems", "returnedItems", "itemsPerPage", "currentPage",
        "totalPages", "hasNextPage", "hasPreviousPage",
    ],
}  # fmt: skip
CURSOR_PAGES = {"type": "object", "required": ["nextCursor", "hasMore"]}
PROFILE = {
    "type": "object",
    "required": ["id", "email", "timeZone"],
    "properties": {"id": {"type": "number"}, "email": TEXT, "timeZone": TEXT},
}
OUT_OF_OFFICE = {
    "type": "object",
    "required": ["id", "uuid", "userId", "start", "end"],
    "properties": {
        "id": {"type": "integer"},
        "uuid": TEXT,
        "start": {"pattern": f"^{INSTANT}$"},
        "end": {"pattern": f"^{INSTANT}$"},
        "reason": {"enum": ["unspecified", "vacation", "travel", "sick", "public_holiday"]},
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "me": {"required": ["status", "data"], "properties": {"data": PROFILE}},
    "bookings": {
        "required": ["status", "data", "pagination"],
        "properties": {
            "data": {"type": "array", "items": BOOKING},
            "pagination": {"anyOf": [OFFSET_PAGES, CURSOR_PAGES]},
        },
    },
    "me/ooo": {
        "required": ["status", "data"],
        "properties": {"data": {"type": "array", "items": OUT_OF_OFFICE}},
    },
}


def find_request_problems(request: Request, version: str | None = "2024-08-13") -> list[str]:
    """Compare a request to the API with what is written down above."""
    path = request.path.removeprefix(API_PATH)
    if request.method != "GET" or path not in PARAMETERS:
        return [f"no endpoint that we use is {request.method} {request.path}"]
    known = PARAMETERS[path]
    wanted = {**VERSIONS, "bookings": version}[path]
    if path == "bookings" and "limit" in request.query:
        known = CURSOR_PARAMETERS
    problems = [
        problem
        for name, values in request.query.items()
        for problem in find_parameter_problems(name, values, known)
    ]
    if request.headers.get("cal-api-version") != wanted:
        problems.append(f"{path} was asked for in {request.headers.get('cal-api-version')}")
    if not request.headers.get("authorization", "").startswith("Bearer "):
        problems.append(f"{path} was asked for without a token")
    return problems


def find_parameter_problems(
    name: str, values: list[str], known: Mapping[str, dict[str, Any]]
) -> list[str]:
    if name not in known:
        return [f"{name} is no parameter"]
    if len(values) != 1:
        return [f"{name} is repeated"]
    schema = {"type": "string", **known[name]}
    return [
        f"{name}={values[0]}: {error.message}"
        for error in jsonschema.Draft202012Validator(schema).iter_errors(values[0])
    ]


def find_answer_problems(path: str, body: Mapping[str, Any]) -> list[str]:
    """Compare an answer of a test's own server with what is written down above."""
    validator = jsonschema.Draft202012Validator({"type": "object", **ANSWERS[path]})
    return [f"{path}: {error.message}" for error in validator.iter_errors(body)]
