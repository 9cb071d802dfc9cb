"""Run the sandbox over HTTP: in the foreground, or in a thread for tests."""

import logging
import socket
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from calendar_manager.sandbox.app import create_app
from calendar_manager.sandbox.clock import read_system_clock
from calendar_manager.sandbox.connection import AbortableProtocol
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.default_accounts import GOOGLE_ACCOUNT

DEFAULT_ACCOUNT = GOOGLE_ACCOUNT
"""The Google account that ``run`` creates."""

_STARTUP_SECONDS = 20.0
_BACKLOG = 512
_SHOWN_PROBLEMS = 20
_log = logging.getLogger(__name__)


def run(
    host: str = "127.0.0.1",
    port: int = 0,
    seed_path: Path | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the sandbox until SIGINT or SIGTERM.

    One account at each provider is there from the start, see ``sandbox.default_accounts``.

    Args:
        host: Address to listen on.
        port: TCP port; 0 picks a free one.
        seed_path: An iCalendar file for the Google account's primary calendar; without it the
            account is seeded with the packaged freelancer's week.
        ready: Called once with the base URL, such as ``http://127.0.0.1:40123``, when it serves.

    Raises:
        OSError: The address is taken or the seed cannot be read.
    """
    app = create_app()
    result = app.state.sandbox.add_default_accounts(seed_path)
    if seed_path is not None and (result.problems or not result.loaded):
        report = "%s: %d events loaded, %d could not be read."
        _log.warning(report, seed_path, result.loaded, result.rejected)
        for problem in result.problems[:_SHOWN_PROBLEMS]:
            _log.warning("  %s", problem)
    listener = _listen(host, port)
    server = _Server(_config(app), ready=lambda: ready(_base_url(listener)) if ready else None)
    with listener:
        server.run(sockets=[listener])


class SandboxThread:
    """The sandbox in a thread of this process, on a free loopback port.

    Use it as a context manager; inside, ``base_url`` is where it serves and ``control`` drives it.

    Args:
        clock: Source of time for tokens, channels and stamps.
    """

    def __init__(self, clock: Callable[[], datetime] = read_system_clock) -> None:
        self._listener = _listen("127.0.0.1", 0)
        self.base_url = _base_url(self._listener)
        self.control = ControlClient(self.base_url)
        self._started = threading.Event()
        self._server = _Server(_config(create_app(clock=clock)), ready=self._started.set)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, name="sandbox"
        )

    def __enter__(self) -> Self:
        """Start serving; return when requests are answered."""
        self._thread.start()
        if not self._started.wait(_STARTUP_SECONDS):
            self.stop()
            message = "The sandbox did not start in time."
            raise TimeoutError(message)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop serving and wait for the thread."""
        self.stop()

    def stop(self) -> None:
        """Stop serving, wait for the thread, release the port. Safe to call twice."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_STARTUP_SECONDS)
        self._listener.close()
        self.control.close()


class _Server(uvicorn.Server):
    """A uvicorn server that says when it serves."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def _config(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # FastAPI is an ASGI application of Starlette's typing.
        http=AbortableProtocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_level="warning",
        access_log=False,
        # The application dates its answers by the sandbox's own clock.
        date_header=False,
        timeout_graceful_shutdown=1,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's algorithm off only where it is, and
    # every answer would wait 40 ms otherwise.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - Compares; binds nothing.
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
