"""The whole application in processes of its own, and a person whose calendars are in it."""

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser
from rich.console import Console
from sqlalchemy import create_engine, text

from calendar_manager.launch.api_client import ApiClient
from calendar_manager.launch.stack import Plan, Stack, erase_stack
from calendar_manager.launch.tour import Tour, TourUser
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.default_accounts import choose_monday
from tests.launch.command_line import OURS
from tests.web.browser import find_chromium, start_browser

SETTLED: Final = TourUser("settled@example.com", "nine warm lamps")
"""Somebody whose three accounts are connected and read, with two clients."""

NEW: Final = TourUser("new@example.com", "nine cold lamps")
"""Somebody who only registered."""

RATE: Final = {"rate": "95.00", "currency": "EUR"}
"""What an hour costs both clients."""


@dataclass(frozen=True)
class Stage:
    """A running stack with its sandbox.

    Attributes:
        address: Of the pages.
        sandbox: Of the stand-in for the providers.
        monday: First day of the week that the sandbox's calendars are about.
        database_url: Of the stack's database.
    """

    address: str
    sandbox: str
    monday: date
    database_url: str

    def settle(self) -> None:
        """Register both people, and bring the first one's calendars in, over the public API."""
        self._register(NEW)
        api = ApiClient(self.address)
        with ControlClient(self.sandbox) as control:
            quiet = Console(file=io.StringIO())
            tour = Tour(api, control, quiet, monday=self.monday, expect_conflicts=True)
            tour.sign_up(SETTLED)
            tour.connect()
            tour.watch_first_sync()
        for name, color, title, budget in (
            ("Nordlicht GmbH", "#2563eb", "Nordlicht", 600),
            ("Harbour & Sons", "#c2703d", "Harbour", 240),
        ):
            client = {"name": name, "color": color, "weekly_budget_minutes": budget}
            rule = {"kind": "title", "pattern": title}
            api.post("/api/clients", {**client, "rules": [rule], **RATE})
        api.close()
        self._promote(SETTLED)

    def _register(self, user: TourUser) -> None:
        api = ApiClient(self.address)
        person = {"name": "Nils New", "time_zone": "Europe/Berlin"}
        api.post("/api/auth/register", {"email": user.email, "password": user.password, **person})
        api.close()

    def _promote(self, user: TourUser) -> None:
        """Let somebody see the pages of the installation."""
        engine = create_engine(self.database_url)
        with engine.begin() as connection:
            role = text("UPDATE users SET role = 'admin' WHERE email = :email")
            connection.execute(role, {"email": user.email})
        engine.dispose()


@contextmanager
def run_stage() -> Iterator[Stage]:
    """Start PostgreSQL, Redis, the sandbox, the API, a worker and beat; stop and erase them."""
    place = Path(tempfile.mkdtemp(prefix="cm-"))
    home = place / "home"
    environ = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    plan = Plan(home, environ, port=0, flower_port=0, sandbox_port=0)
    try:
        with Stack(plan, lambda _: None) as stack:
            assert stack.addresses.sandbox is not None
            yield Stage(
                address=stack.addresses.api,
                sandbox=stack.addresses.sandbox,
                # The sandbox asks the real clock which week it is.
                monday=choose_monday(datetime.now(UTC)),  # noqa: TID251 - as the sandbox does.
                database_url=stack.environ["DATABASE_URL"],
            )
    finally:
        erase_stack(home)
        shutil.rmtree(place)


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """The running application; nothing is started where there is no browser to look at it."""
    find_chromium()
    with run_stage() as stage:
        yield stage


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser; it ends with its module, because its event loop would be in others' way."""
    with start_browser() as browser:
        yield browser
