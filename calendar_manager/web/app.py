"""Putting the pages and their style sheet into the application."""

from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from calendar_manager.web import pages, sign_in
from calendar_manager.web.errors import FormForgedError, SignInNeededError
from calendar_manager.web.rendering import render


def install_pages(app: FastAPI) -> None:
    """Let the application serve the pages."""
    folder = Path(__file__).parent / "static"
    app.mount("/static", StaticFiles(directory=folder), name="static")
    app.include_router(sign_in.router)
    app.include_router(pages.router)
    app.add_exception_handler(SignInNeededError, _lead_to_sign_in)
    app.add_exception_handler(FormForgedError, _refuse_form)


async def _lead_to_sign_in(_request: Request, _error: Exception) -> Response:
    return RedirectResponse("/login", HTTPStatus.SEE_OTHER)


async def _refuse_form(_request: Request, _error: Exception) -> Response:
    return render(
        "problem.html",
        status=HTTPStatus.FORBIDDEN,
        user=None,
        title="The form is too old",
        detail="It was opened in another session, or cookies are switched off. Nothing was done.",
    )
