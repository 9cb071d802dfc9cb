"""What surrounds every request: its id, its size, its log line, and a net under everything.

Plain ASGI, because Starlette's base class for middleware runs the application in another task,
in which bound log context is lost.
"""

import re
import secrets
import time
import uuid
from http import HTTPStatus
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from calendar_manager.api.problems import (
    MAXIMUM_BODY_BYTES,
    ProblemError,
    answer_problem,
    http_problem,
)
from calendar_manager.config import SettingsError
from calendar_manager.telemetry.instruments import REQUESTS
from calendar_manager.telemetry.tally import OTHER, TALLY

log = structlog.get_logger(__name__)

REQUEST_ID_HEADER: Final = "X-Request-ID"

_SANE_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECRET_PATH: Final = re.compile(r"\A/feeds/.*", re.DOTALL)
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
"""No page loads anything from elsewhere, and none has scripts or styles of its own in its text.

The nonce lets the one style element pass that FullCalendar fills; its fonts are data URLs.
"""
_SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_CACHEABLE: Final = "/static/"


class RequestMiddleware:
    """Names each request, logs and counts it, and answers for what nothing else caught.

    The id is taken over when the caller sends a sane one. The log line has the path without the
    query, because queries carry codes and cursors, and without the token in a feed's address.

    Args:
        app: What is surrounded.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get(REQUEST_ID_HEADER))
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        path = _SECRET_PATH.sub("/feeds/…", scope["path"])
        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_named)
            except Exception:
                log.exception("request_failed", method=scope["method"], path=path)
                if status:
                    # Half an answer is on its way; cutting the line tells that it is broken.
                    raise
                await answer_problem(Request(scope), _internal_error())(scope, receive, send_named)
            finally:
                took = time.perf_counter() - began
                log.info(
                    "request",
                    method=scope["method"],
                    path=path,
                    status=status,
                    milliseconds=round(took * 1000, 1),
                )
                method = scope["method"] if scope["method"] in _METHODS else OTHER
                TALLY.observe(REQUESTS, took, _name_route(scope), method, str(status))
                # Whose request it was is learnt further in, in this very context.
                structlog.contextvars.unbind_contextvars("user_id")


class SecurityHeadersMiddleware:
    """Tells browsers what our answers are never meant for.

    Args:
        app: What is surrounded.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope["csp_nonce"] = nonce
        policy = _POLICY.format(nonce=nonce)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith(_CACHEABLE):
                    headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("Content-Security-Policy", policy)
            await send(message)

        await self._app(scope, receive, send_guarded)


class BodyLimitMiddleware:
    """Refuses bodies that are larger than anything we ask for.

    Args:
        app: What is surrounded.
        maximum: In bytes.
    """

    def __init__(self, app: ASGIApp, *, maximum: int = MAXIMUM_BODY_BYTES) -> None:
        self._app = app
        self._maximum = maximum

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self._maximum:
            problem = http_problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            await answer_problem(Request(scope), problem)(scope, receive, send)
            return
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > self._maximum:
                    # FastAPI lets this kind through while it reads a body, and no other.
                    raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, receive_counted, send)


class ReadableStartMiddleware:
    """Lets a server that cannot start say why in plain words instead of a traceback.

    Args:
        app: What is surrounded.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the server's start and stop."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        failure: Message | None = None

        async def send_later(message: Message) -> None:
            nonlocal failure
            if message["type"] == "lifespan.startup.failed":
                failure = message
            else:
                await send(message)

        try:
            await self._app(scope, receive, send_later)
        except Exception as error:
            if failure is not None:
                if isinstance(error, SettingsError):
                    failure = {**failure, "message": f"The settings cannot be used.\n{error}"}
                await send(failure)
            raise


def _request_id(sent: str | None) -> str:
    if sent is not None and _SANE_REQUEST_ID.fullmatch(sent):
        return sent
    return str(uuid.uuid4())


def _name_route(scope: Scope) -> str:
    """Return a request's route with its parameters' names, of which there are few."""
    path = getattr(scope.get("route"), "path", None)
    if path is not None:
        return str(path)
    return _CACHEABLE if scope["path"].startswith(_CACHEABLE) else "unknown"


def _internal_error() -> ProblemError:
    return ProblemError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        f"Something broke on our side. The {REQUEST_ID_HEADER} of this answer leads to the reason.",
    )
