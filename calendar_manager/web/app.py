"""Putting the pages and their static files into the application."""

from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from calendar_manager.web import (
    admin,
    api_viewer,
    availability,
    clients,
    conflicts,
    connections,
    settings_pages,
    sign_in,
    week,
)
from calendar_manager.web.errors import FormForgedError, SignInNeededError
from calendar_manager.web.problem_pages import render_problem_page
from calendar_manager.web.return_paths import is_htmx, sign_in_path

_PAGES = (
    sign_in,
    connections,
    week,
    conflicts,
    availability,
    clients,
    settings_pages,
    api_viewer,
    admin,
)


def install_pages(app: FastAPI) -> None:
    """Let the application serve the pages."""
    folder = Path(__file__).parent / "static"
    app.mount("/static", StaticFiles(directory=folder), name="static")
    for module in _PAGES:
        app.include_router(module.router)
    app.add_exception_handler(SignInNeededError, _lead_to_sign_in)
    app.add_exception_handler(FormForgedError, _refuse_form)


async def _lead_to_sign_in(request: Request, _error: Exception) -> Response:
    path = sign_in_path(request)
    if is_htmx(request):
        # A redirect would put the sign-in page into a corner of the one that is shown.
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": path})
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


async def _refuse_form(request: Request, _error: Exception) -> Response:
    return render_problem_page(
        request,
        HTTPStatus.FORBIDDEN,
        "The form is too old: it was opened in another session, or cookies are switched off."
        " Nothing was done.",
    )
