"""A uvicorn HTTP protocol whose connection an application may cut off."""

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

ABORT_EXTENSION = "sandbox.abort"
"""The ASGI extension; its value has one key, ``call``, a function without arguments."""


class AbortableProtocol(H11Protocol):
    """HTTP/1.1 protocol that offers the application an abrupt end of the connection.

    ASGI has no way to break a connection. Faults need one, so the scope's ``extensions`` carry a
    function that resets it.
    """

    def connection_made(  # type: ignore[override]  # As the base class: a narrower transport.
        self, transport: asyncio.Transport
    ) -> None:
        """Remember the transport and hand its abort to the application with each request."""
        super().connection_made(transport)
        app = self.app

        async def app_with_abort(
            scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
        ) -> None:
            known = cast("dict[str, object]", scope.get("extensions") or {})
            extensions = {**known, ABORT_EXTENSION: {"call": self.abort}}
            await app(cast("Scope", {**scope, "extensions": extensions}), receive, send)

        self.app = app_with_abort

    def abort(self) -> None:
        """Reset the connection: the peer sees ECONNRESET or an answer cut short."""
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            # Zero linger makes the kernel send RST in place of an orderly end.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
