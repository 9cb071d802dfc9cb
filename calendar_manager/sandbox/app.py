"""The sandbox as one ASGI application."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from fastapi import FastAPI

from calendar_manager.sandbox.caldotcom.refusals import make_refusals as refuse_as_caldotcom
from calendar_manager.sandbox.caldotcom.router import mount_caldotcom
from calendar_manager.sandbox.caldotcom.state import CaldotcomState
from calendar_manager.sandbox.clock import SandboxClock, read_system_clock
from calendar_manager.sandbox.control import mount_control
from calendar_manager.sandbox.date_header import DateMiddleware
from calendar_manager.sandbox.default_accounts import (
    add_caldotcom_account,
    add_google_account,
    add_microsoft_account,
    choose_monday,
    write_booking,
)
from calendar_manager.sandbox.faults import FaultBook, FaultMiddleware
from calendar_manager.sandbox.google.router import mount_google
from calendar_manager.sandbox.google.seeding import SeedResult
from calendar_manager.sandbox.google.state import GoogleState
from calendar_manager.sandbox.graph.router import make_refusals, mount_graph
from calendar_manager.sandbox.graph.state import GraphState
from calendar_manager.sandbox.request_log import RequestLog
from calendar_manager.sandbox.settings import SandboxSettings


class Sandbox:
    """Everything that one sandbox holds: the clock, settings, faults, log and each provider.

    Args:
        clock: Source of time.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = SandboxClock(clock)
        self.settings = SandboxSettings()
        self.faults = FaultBook()
        self.log = RequestLog()
        self.google = GoogleState(self.clock, self.settings)
        self.graph = GraphState(self.clock, self.settings)
        self.caldotcom = CaldotcomState(self.clock, self.settings)

    def reset(self) -> None:
        """Return to the state of a new sandbox."""
        self.settings.restore()
        self.faults.clear()
        self.log.clear()
        self.clock.reset()
        self.google.clear()
        self.graph.clear()
        self.caldotcom.clear()

    def add_default_accounts(self, seed_path: Path | None = None) -> SeedResult:
        """Create one account at each provider; ``sandbox.default_accounts`` describes them.

        Args:
            seed_path: A person's own iCalendar file for the Google account.

        Returns:
            What came of the Google account's main calendar.

        Raises:
            OSError: The file cannot be read.
        """
        own = None if seed_path is None else seed_path.read_bytes()
        monday = choose_monday(self.clock())
        result = add_google_account(self.google, monday, own)
        add_microsoft_account(self.graph, monday)
        booking = add_caldotcom_account(self.caldotcom, monday)
        if own is None:
            write_booking(self.google, booking)
        return result


def create_app(clock: Callable[[], datetime] = read_system_clock) -> FastAPI:
    """Return a new sandbox with nothing in it; ``app.state.sandbox`` holds its state.

    Args:
        clock: Source of time, aware; the control API can move the sandbox's own clock besides.
    """
    sandbox = Sandbox(clock)

    @asynccontextmanager
    async def live(_: FastAPI) -> AsyncIterator[None]:
        yield
        sandbox.google.close()
        sandbox.graph.close()
        sandbox.caldotcom.close()

    app = FastAPI(
        title="Calendar Manager sandbox",
        lifespan=live,
        docs_url="/_control/docs",
        openapi_url="/_control/openapi.json",
        redoc_url=None,
    )
    app.state.sandbox = sandbox
    mount_control(app)
    mount_google(app)
    mount_graph(app)
    mount_caldotcom(app)
    app.add_middleware(
        FaultMiddleware,
        faults=sandbox.faults,
        log=sandbox.log,
        refusals={**make_refusals(sandbox.clock), **refuse_as_caldotcom(sandbox.clock)},
    )
    # What is added last is outermost, and dates the refusals, too.
    app.add_middleware(DateMiddleware, clock=sandbox.clock)
    return app
