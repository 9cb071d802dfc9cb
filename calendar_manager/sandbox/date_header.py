"""The ``Date`` of every answer, by the sandbox's clock.

RFC 9110, section 6.6.1, has the origin's own time in it, and clients count from it: how long a
token or a cursor lives, or until when a ``Retry-After`` given as a date lasts.
"""

from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class DateMiddleware:
    """ASGI middleware that dates answers; the server must not do so itself.

    Args:
        app: The application.
        clock: Gives the present instant, aware, in UTC.
    """

    def __init__(self, app: ASGIApp, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(self._clock(), usegmt=True).encode()
                message = {**message, "headers": [*message["headers"], (b"date", date)]}
            await send(message)

        await self._app(scope, receive, send_dated)
