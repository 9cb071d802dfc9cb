"""Problem details (RFC 9457): the one shape of every error answer.

``type`` stays ``about:blank``, so ``title`` is the phrase of the status; what went wrong is told
to programs by ``code``, which never changes, and to people by ``detail``.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from calendar_manager.web.negotiation import wants_page
from calendar_manager.web.problem_pages import render_problem_page
from calendar_manager.web.return_paths import is_htmx

MEDIA_TYPE: Final = "application/problem+json"
CHALLENGE: Final = 'Bearer realm="calendar-manager"'
"""What an answer with status 401 asks for (RFC 6750 section 3)."""


MAXIMUM_BODY_BYTES: Final = 1024 * 1024
"""How much a request may send."""

_HTTP_CODES: Final = {
    HTTPStatus.BAD_REQUEST: ("bad_request", "The request cannot be read."),
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "method_not_allowed",
        "This address does not answer to this method.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "body_too_large",
        f"A request may have {MAXIMUM_BODY_BYTES} bytes at most.",
    ),
}
# Python's phrases differ between its versions; these are the ones of RFC 9110.
_PHRASES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str = Field(
        description="Where, as a path: `time_zone`, `weekly.0.end`, `limit`.",
        examples=["time_zone"],
    )
    message: str = Field(
        description="What is wrong and how to mend it.",
        examples=["This is not an IANA time zone. Write it as Europe/Berlin."],
    )


class ProblemOut(BaseModel):
    """Why a request was not fulfilled (RFC 9457)."""

    type: str = Field("about:blank", description="Always `about:blank`; see `code`.")
    title: str = Field(description="The phrase of the status.", examples=["Not Found"])
    status: int = Field(description="The status of the answer.", examples=[404])
    detail: str = Field(
        description="What went wrong, for a person.", examples=["There is no such calendar."]
    )
    code: str = Field(
        description="What went wrong, for programs; it never changes.",
        examples=["calendar_not_found"],
    )
    errors: list[FieldProblem] = Field(
        default_factory=list, description="The fields at fault, when it is about fields."
    )


class ProblemError(Exception):
    """Ends a request with problem details.

    Args:
        status: The status of the answer.
        code: What went wrong, for programs.
        detail: What went wrong, for a person.
        errors: Pairs of a field's path and what is wrong with it.
        headers: Headers that belong to the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class NotFoundError(ProblemError):
    """There is no such thing, or it is somebody else's, which is nobody's business.

    Args:
        noun: Such as ``calendar`` or ``sync job``.
    """

    def __init__(self, noun: str) -> None:
        code = f"{noun.replace(' ', '_')}_not_found"
        super().__init__(HTTPStatus.NOT_FOUND, code, f"There is no such {noun}.")


class InvalidFieldError(ProblemError):
    """One field cannot be used.

    Args:
        field: Where, as a path.
        message: What is wrong with it.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "validation_failed",
            "Some of the input cannot be used.",
            errors=[(field, message)],
        )


def http_problem(status: int, headers: Mapping[str, str] | None = None) -> ProblemError:
    """Return the problem of a status about which there is no more to say."""
    code, detail = _HTTP_CODES.get(HTTPStatus(status), ("http_error", f"{phrase_of(status)}."))
    return ProblemError(status, code, detail, headers=headers)


def phrase_of(status: int) -> str:
    """Return the phrase of a status (RFC 9110 section 15)."""
    return _PHRASES.get(status, HTTPStatus(status).phrase)


def render_problem(problem: ProblemError) -> JSONResponse:
    """Return the answer that tells a problem."""
    headers = dict(problem.headers)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", CHALLENGE)
    body = ProblemOut(
        type="about:blank",
        title=phrase_of(problem.status),
        status=problem.status,
        detail=problem.detail,
        code=problem.code,
        errors=[
            FieldProblem(field=_writable(field), message=_writable(message))
            for field, message in problem.errors
        ],
    )
    return JSONResponse(
        body.model_dump(), status_code=problem.status, headers=headers, media_type=MEDIA_TYPE
    )


def answer_problem(request: Request, problem: ProblemError) -> Response:
    """Return a problem as its asker can read it: a page in a browser, else problem details.

    Scripts on our pages, htmx among them, take the details and say them beside what was done.
    """
    if is_htmx(request) or not wants_page(request):
        return render_problem(problem)
    page = render_problem_page(request, problem.status, problem.detail, problem.errors)
    page.headers.update(problem.headers)
    return page


def _writable(text: str) -> str:
    """Return a text that UTF-8 has: the name of an unknown field may hold half a character."""
    return text.encode(errors="replace").decode()


def describe_problem(status: int, code: str, detail: str, *fields: tuple[str, str]) -> Any:  # noqa: ANN401 - OpenAPI is plain JSON.
    """Return the OpenAPI description of one problem that a route may answer with.

    To be used as ``responses={404: describe_problem(404, "calendar_not_found", "…")}``.

    Args:
        status: The status of the answer.
        code: What went wrong, for programs.
        detail: What went wrong, for a person.
        fields: Pairs of a field's path and what is wrong with it.
    """
    example = {
        "type": "about:blank",
        "title": phrase_of(status),
        "status": status,
        "detail": detail,
        "code": code,
        "errors": [{"field": field, "message": message} for field, message in fields],
    }
    return {
        "description": detail,
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/ProblemOut"},
                "examples": {code: {"summary": detail, "value": example}},
            }
        },
    }


def join_problems(*described: Any) -> Any:  # noqa: ANN401 - OpenAPI is plain JSON.
    """Return the description of several problems that share their status.

    Args:
        described: What :func:`describe_problem` returned for each; the first one of a code stays.
    """
    examples: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    for one in described:
        headers |= one.get("headers", {})
        for code, example in one["content"][MEDIA_TYPE]["examples"].items():
            examples.setdefault(code, example)
    details = dict.fromkeys(example["summary"] for example in examples.values())
    content = {**described[0]["content"][MEDIA_TYPE], "examples": examples}
    joined = {"description": " Or: ".join(details), "content": {MEDIA_TYPE: content}}
    return {**joined, "headers": headers} if headers else joined


TOO_MANY: Final = {
    **describe_problem(429, "too_many_requests", "That was too often. Try again in 12 minutes."),
    "headers": {
        "Retry-After": {
            "description": "Seconds after which it is worth trying again.",
            "schema": {"type": "integer"},
            "example": 720,
        }
    },
}
"""What a route answers that may only be asked so often."""
