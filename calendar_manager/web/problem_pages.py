"""Errors as people see them in a browser: what went wrong, and a way on."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from calendar_manager.web.rendering import render

_TITLES: Final = {
    HTTPStatus.UNAUTHORIZED: "Sign in first",
    HTTPStatus.FORBIDDEN: "This is not allowed",
    HTTPStatus.NOT_FOUND: "There is nothing here",
    HTTPStatus.METHOD_NOT_ALLOWED: "This page cannot be used that way",
    HTTPStatus.CONFLICT: "This cannot be done now",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "That was too much at once",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Something was not understood",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many tries",
    HTTPStatus.BAD_GATEWAY: "The provider refused",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not available for a moment",
}


def render_problem_page(
    request: Request, status: int, detail: str, errors: Sequence[tuple[str, str]] = ()
) -> Response:
    """Return a page that tells a problem.

    Args:
        request: What is answered.
        status: The status of the answer.
        detail: What went wrong, as a sentence.
        errors: Pairs of a field's name and what is wrong with it.
    """
    code = HTTPStatus(status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        title = _TITLES.get(code, "Something broke on our side")
    else:
        title = _TITLES.get(code, "This did not work")
    return render(request, "problem.html", status=code, title=title, detail=detail, errors=errors)
