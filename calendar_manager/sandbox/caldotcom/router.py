"""All of Cal.com's HTTP doors, below ``/calcom``."""

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from calendar_manager.sandbox.caldotcom import (
    bookings,
    event_types,
    me,
    oauth,
    out_of_office,
    schedules,
    slots,
    tokens,
    webhooks,
)
from calendar_manager.sandbox.caldotcom.call import json_response
from calendar_manager.sandbox.caldotcom.errors import CaldotcomApiError, not_found
from calendar_manager.sandbox.caldotcom.oauth import caldotcom_state
from calendar_manager.sandbox.caldotcom.refusals import PREFIX

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]

missing_router = APIRouter()


@missing_router.api_route("/{path:path}", methods=_METHODS)
async def answer_missing(request: Request) -> Response:
    """Answer any other path or method in Cal.com's form."""
    raise not_found(f"Cannot {request.method} {own_path(request)}")


def own_path(request: Request) -> str:
    """Return the request's path and query as Cal.com itself would see them."""
    query = f"?{request.url.query}" if request.url.query else ""
    return request.url.path.removeprefix(PREFIX) + query


def mount_caldotcom(app: FastAPI) -> None:
    """Add Cal.com's doors and error bodies to the application."""
    caldotcom = APIRouter(prefix=PREFIX, tags=["caldotcom"], include_in_schema=False)
    caldotcom.include_router(oauth.router)
    for resource in (tokens, me, out_of_office, bookings, event_types, schedules, slots, webhooks):
        caldotcom.include_router(resource.router, prefix="/v2")
    caldotcom.include_router(missing_router, prefix="/v2")
    app.include_router(caldotcom)
    app.add_exception_handler(CaldotcomApiError, _answer_error)


async def _answer_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, CaldotcomApiError)  # noqa: S101 - Registered for this class only.
    now_at = caldotcom_state(request).clock()
    return json_response(error.body(own_path(request), now_at), error.status, error.headers)
