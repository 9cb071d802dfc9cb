"""All of Google's HTTP doors, below ``/google``."""

from fastapi import APIRouter, FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from calendar_manager.sandbox.google import (
    calendar_list,
    calendars,
    events,
    freebusy,
    oauth,
    tokens,
    watch,
)
from calendar_manager.sandbox.google.call import json_response
from calendar_manager.sandbox.google.errors import GoogleApiError, not_found

API_PATH = "/google/calendar/v3"
"""Where the Calendar API is mounted."""


def mount_google(app: FastAPI) -> None:
    """Add Google's doors and error bodies to the application."""
    google = APIRouter(prefix="/google", tags=["google"], include_in_schema=False)
    google.include_router(oauth.router)
    google.include_router(tokens.router)
    for resource in (watch, calendar_list, calendars, events, freebusy):
        google.include_router(resource.router, prefix="/calendar/v3")
    app.include_router(google)
    app.add_exception_handler(GoogleApiError, _answer_error)
    app.add_exception_handler(HTTPException, _answer_missing)


async def _answer_error(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, GoogleApiError)  # noqa: S101 - Registered for this class only.
    return json_response(error.body(), error.status, error.headers)


async def _answer_missing(request: Request, error: Exception) -> Response:
    """Answer an unknown path in Google's form, or plainly elsewhere."""
    assert isinstance(error, HTTPException)  # noqa: S101 - Registered for this class only.
    if request.url.path.startswith(API_PATH):
        missing = not_found()
        return json_response(missing.body(), missing.status)
    return json_response({"error": error.detail}, error.status_code)
