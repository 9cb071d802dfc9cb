"""All of Microsoft's HTTP doors: ``/microsoft`` signs people in, ``/graph/v1.0`` is Graph."""

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse, Response

from calendar_manager.sandbox.faults import Refusal, RefusalMaker, Rule
from calendar_manager.sandbox.graph import (
    authorize,
    calendars,
    events,
    subscription_doors,
    tokens,
    views,
)
from calendar_manager.sandbox.graph.call import GRAPH_PATH
from calendar_manager.sandbox.graph.errors import GraphApiError, make_request_id
from calendar_manager.sandbox.graph.identity_errors import IdentityError

IDENTITY_PATH = "/microsoft"
"""Where the identity platform is mounted."""

_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
_CODES = {
    401: ("InvalidAuthenticationToken", "Access token has expired or is not yet valid."),
    403: ("ErrorAccessDenied", "Access is denied. Check credentials and try again."),
    404: ("ErrorItemNotFound", "The specified object was not found in the store."),
    410: ("SyncStateNotFound", "The sync state generation is not found; generation=1;[highest=2]."),
    429: ("TooManyRequests", "Too many requests."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable."),
    504: ("GatewayTimeout", "The request timed out."),
}
_CONCURRENCY = "Application is over its MailboxConcurrency limit."
_STATUSES = {"quota_403": 403, "too_many_requests": 429, "server_error": 500, "status": 500}


def mount_graph(app: FastAPI) -> None:
    """Add Microsoft's doors and error bodies to the application."""
    identity = APIRouter(prefix=IDENTITY_PATH, tags=["microsoft"], include_in_schema=False)
    identity.include_router(authorize.router)
    identity.include_router(tokens.router)
    app.include_router(identity)
    graph = APIRouter(prefix=GRAPH_PATH, tags=["microsoft"], include_in_schema=False)
    # Views come before events, whose paths end in any id.
    for resource in (views, calendars, events, subscription_doors):
        graph.include_router(resource.router)
    graph.add_api_route("/{path:path}", _refuse_path, methods=_METHODS)
    app.include_router(graph)
    app.add_exception_handler(GraphApiError, _answer_error)


async def _refuse_path(path: str) -> Response:
    segment = path.rstrip("/").rpartition("/")[2]
    message = f"Resource not found for the segment '{segment}'."
    raise GraphApiError(400, "BadRequest", message)


async def _answer_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GraphApiError)  # noqa: S101 - Registered for this class only.
    request_id = request.headers.get("client-request-id") or make_request_id()
    body = error.body(request_id, request.app.state.sandbox.graph.clock())
    headers = {"request-id": request_id, "client-request-id": request_id, **error.headers}
    return JSONResponse(body, error.status, headers)


def make_refusals(clock: Callable[[], datetime]) -> dict[str, RefusalMaker]:
    """Return how fault rules are answered below each of Microsoft's paths.

    A rule's ``reason`` is the error code; ``MailboxConcurrency`` stands for Outlook's own.

    Args:
        clock: Gives the instant that answers name.
    """

    def refuse_graph(rule: Rule, _path: str) -> Refusal:
        status = rule.status or _STATUSES.get(rule.kind, 500)
        code, message = _CODES.get(status, ("UnknownError", "An internal server error occurred."))
        code = rule.reason or code
        if code == "MailboxConcurrency":
            code, message = "ApplicationThrottled", _CONCURRENCY
        request_id = make_request_id()
        body = GraphApiError(status, code, rule.message or message).body(request_id, clock())
        return Refusal(status, body, {"request-id": request_id, **rule.headers()})

    def refuse_identity(rule: Rule, _path: str) -> Refusal:
        status = rule.status or _STATUSES.get(rule.kind, 500)
        usual = "temporarily_unavailable" if status >= 500 or status == 429 else "invalid_request"  # noqa: PLR2004 - HTTP.
        text = rule.message or "The service is temporarily unavailable. Please retry later."
        error = IdentityError(rule.reason or usual, 90033, text)
        return Refusal(status, error.body(clock()), rule.headers())

    return {GRAPH_PATH: refuse_graph, IDENTITY_PATH: refuse_identity}
