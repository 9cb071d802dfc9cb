"""Chromium in front of the served pages, and everything that goes wrong inside it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, WebError, expect, sync_playwright

VARIABLE: Final = "CHROMIUM"
"""Environment variable with the path of another Chromium than the system's own."""

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

STEP_MILLISECONDS: Final = 20_000
"""How long one step may take, on a machine that does other things besides."""

expect.set_options(timeout=STEP_MILLISECONDS)


@dataclass(frozen=True, slots=True)
class Look:
    """The screen that somebody looks at.

    Attributes:
        width: Of the page's part of the window, in CSS pixels.
        height: The same.
        scheme: What the person prefers.
    """

    width: int
    height: int
    scheme: Literal["light", "dark"] = "light"


DESK: Final = Look(1280, 800)
PHONE: Final = Look(390, 844)


def find_chromium() -> str:
    """Return the path of Chromium; without one the test is skipped, in CI it fails."""
    found = shutil.which(os.environ.get(VARIABLE) or "chromium")
    if found is not None:
        return found
    reason = f"There is no Chromium: apt-get install chromium, or set {VARIABLE} to its path."
    if "CI" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def start_browser() -> Iterator[Browser]:
    """Run a headless Chromium."""
    path = find_chromium()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


class Window:
    """One person's window: a page with its cookies, and what went wrong in it so far.

    Errors of scripts, refusals by the Content-Security-Policy and files that are missing all
    show on the console, and each fails the test when the window is closed.

    Args:
        browser: Where it opens.
        address: Of the application, without a slash at the end.
        look: The screen.
    """

    def __init__(self, browser: Browser, address: str, look: Look = DESK) -> None:
        self.address = address
        self.troubles: list[str] = []
        self._posing = False
        self._context = browser.new_context(
            base_url=address,
            viewport={"width": look.width, "height": look.height},
            color_scheme=look.scheme,
            locale="en-GB",
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
        )
        self._context.set_default_timeout(STEP_MILLISECONDS)
        self._context.on("console", self._hear)
        self._context.on("weberror", self._note_error)
        self.page: Page = self._context.new_page()

    def resize(self, look: Look) -> None:
        """Go over to another screen, on the same page."""
        self.page.set_viewport_size({"width": look.width, "height": look.height})
        self.page.emulate_media(color_scheme=look.scheme, reduced_motion="reduce")

    def open(self, path: str) -> Page:
        """Open a page and wait until it is quiet enough to be looked at."""
        self.page.goto(path, wait_until="load")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait for fonts, for what htmx loads, and for the grid of the week."""
        # Not by wait_for_function, which needs eval, and the pages' policy allows none.
        expect(self.page.locator(".htmx-request, #grid[aria-busy=true]")).to_have_count(0)
        self.page.evaluate("document.fonts.ready.then(() => true)")

    def picture(self, path: Path) -> None:
        """Keep what the window shows, as a PNG."""
        # While it takes a picture, Playwright adds a style of its own, which the policy refuses.
        self._posing = True
        self.page.screenshot(path=path, animations="disabled", caret="hide")
        self._posing = False

    def expect_trouble(self, part: str) -> None:
        """Take from the troubles those that the test itself asked for; there has to be one."""
        asked = [one for one in self.troubles if part in one]
        assert asked, f"nothing on the console says {part!r}: {self.troubles}"
        self.troubles = [one for one in self.troubles if part not in one]

    def close(self) -> None:
        """Close it, and fail if anything went wrong in it."""
        self._context.close()
        assert not self.troubles, "\n".join(self.troubles)

    def _hear(self, message: ConsoleMessage) -> None:
        where: Any = message.location.get("url", "")
        # The consent pages of the sandbox have no icon, and Chromium asks every server for one.
        foreign = where.endswith("/favicon.ico") and not where.startswith(self.address)
        if message.type in {"error", "warning"} and not foreign and not self._posing:
            self.troubles.append(f"{message.type}: {message.text} ({where})")

    def _note_error(self, error: WebError) -> None:
        self.troubles.append(f"script: {error.error}")
