"""Every page for everybody: by axe-core, on a phone, in the dark, and with the keyboard alone.

The pictures in ``docs/images`` come from here; to take them anew:
``UPDATE_SCREENSHOTS=1 uv run pytest -n0 tests/web/test_accessibility.py``.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from calendar_manager.launch.tour import TourUser
from tests.web.axe import find_barriers
from tests.web.browser import DESK, PHONE, Look, Window
from tests.web.stage import NEW, SETTLED, Stage

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

PICTURES: Final = Path(__file__).parents[2] / "docs" / "images"

SCREENSHOTS: Final = "UPDATE_SCREENSHOTS"
"""Environment variable; with ``1`` the pictures of the documentation are taken anew."""

LOOKS: Final = {"desk": DESK, "phone": PHONE}

DARK_AND_NARROW: Final = {"week"}
"""Pages of which there are also pictures in the dark and on a phone."""


@pytest.fixture(scope="module")
def people(stage: Stage) -> None:
    """Two people: one whose calendars are in, and one who only registered."""
    stage.settle()


@pytest.fixture(params=LOOKS)
def window(
    chromium: Browser, stage: Stage, people: None, request: pytest.FixtureRequest
) -> Iterator[Window]:
    window = Window(chromium, stage.address, LOOKS[request.param])
    yield window
    window.close()


class Judge:
    """Looks at pages in one window, in both schemes, and remembers what is wrong.

    Args:
        window: Where they are opened.
        look: Its screen.

    Attributes:
        on_phone: Whether that is a phone's.
        findings: What is wrong, each with its page.
    """

    def __init__(self, window: Window, look: Look) -> None:
        self._window = window
        self._look = look
        self.on_phone = look == PHONE
        self.findings: list[str] = []

    def visit(self, path: str, name: str = "") -> None:
        """Open a page and judge it; the name is that of its picture."""
        self._window.open(path)
        self.judge(path, name)

    def report(self) -> str:
        """Return all findings, one a line."""
        return "\n".join(self.findings)

    def judge(self, path: str, name: str = "") -> None:
        """Judge the page that is open."""
        page = self._window.page
        found = find_barriers(page, path)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append("it scrolls sideways")
        self._keep(name, "")
        self._window.resize(replace(self._look, scheme="dark"))
        found += [f"dark: {one}" for one in find_barriers(page, path, only_colors=True)]
        self._keep(name, "-dark")
        self._window.resize(self._look)
        self.findings += [f"{path} {name}: {one}" for one in found]

    def _keep(self, name: str, scheme: str) -> None:
        phone = "-phone" if self.on_phone else ""
        if os.environ.get(SCREENSHOTS) != "1" or not name:
            return
        if (scheme or phone) and (name not in DARK_AND_NARROW or (scheme and phone)):
            return
        PICTURES.mkdir(exist_ok=True)
        self._window.picture(PICTURES / f"{name}{phone}{scheme}.png")


@pytest.fixture
def judge(window: Window, request: pytest.FixtureRequest) -> Judge:
    return Judge(window, LOOKS[request.node.callspec.params["window"]])


def sign_in(page: Page, user: TourUser) -> None:
    page.goto("/login")
    page.get_by_label("E-mail address").fill(user.email)
    page.get_by_label("Password").fill(user.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()


def follow(window: Window, link: Locator) -> None:
    address = link.get_attribute("href")
    assert address is not None
    window.open(address)


def test_the_door(window: Window, judge: Judge) -> None:
    judge.visit("/login", "login")
    judge.visit("/register", "register")
    window.page.get_by_label("Name").fill("Mara")
    window.page.get_by_label("E-mail address").fill("mara@example.com")
    window.page.get_by_label("Password").fill("short")
    window.page.get_by_label("Time zone").fill("Middle/Earth")
    window.page.get_by_role("button", name="Register").click()
    expect(window.page.locator("[aria-invalid=true]").first).to_be_visible()
    judge.judge("/register refused")
    judge.visit("/nowhere", "problem")
    window.expect_trouble("404")
    window.expect_trouble("422")
    assert not judge.findings, judge.report()


def test_pages_with_nothing_on_them_yet(window: Window, judge: Judge) -> None:
    sign_in(window.page, NEW)
    for path in ("/week", "/conflicts", "/availability", "/clients", "/connections", "/settings"):
        judge.visit(path)
    assert not judge.findings, judge.report()


def test_pages_full_of_data(window: Window, judge: Judge, stage: Stage) -> None:
    sign_in(window.page, SETTLED)
    # What is shown unasked is the week on a desk, and the agenda on a phone.
    judge.visit(f"/week?date={stage.monday}", "week")
    for view in ("day", "month", "week" if judge.on_phone else "agenda"):
        judge.visit(f"/week?view={view}&date={stage.monday}", "" if judge.on_phone else view)
    for path in ("/conflicts", "/availability", "/clients", "/connections", "/settings"):
        judge.visit(path, path.strip("/"))
    assert not judge.findings, judge.report()


def test_pages_of_one_thing_and_of_the_installation(
    window: Window, judge: Judge, stage: Stage
) -> None:
    page = window.page
    sign_in(page, SETTLED)
    window.open(f"/week?view=agenda&date={stage.monday}")
    page.get_by_role("link", name=re.compile("^Tax adviser")).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    judge.judge("an event", "event")
    window.open("/conflicts")
    follow(window, page.get_by_role("article").first.get_by_role("heading").get_by_role("link"))
    judge.judge("a conflict", "conflict")
    window.open("/clients")
    follow(window, page.get_by_role("link", name="Harbour & Sons"))
    judge.judge("a client", "client")
    window.open("/connections")
    page.get_by_role("link", name=re.compile("^Disconnect free")).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    judge.judge("leaving")
    for path in ("/admin", "/admin/users", "/admin/connections", "/admin/failures", "/admin/audit"):
        judge.visit(path, path.strip("/").replace("/", "-"))
    judge.visit("/settings/activity")
    window.open("/docs")
    expect(page.get_by_text("/api/conflicts", exact=True).first).to_be_visible()
    judge.judge("/docs", "docs")
    assert not judge.findings, judge.report()


FOCUS: Final = """() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const label = one.getAttribute("aria-label") || one.innerText || one.labels?.[0]?.innerText || "";
  return { label: label.trim(), ring: ring || style.boxShadow !== "none", tag: one.localName };
}"""
"""What has the focus, by its name, and whether eyes can tell."""


def walk(page: Page, steps: int) -> list[str]:
    """Press Tab so many times; return what it came by, and check that each was marked."""
    names = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        assert focus["ring"] or focus["tag"] == "body", f"nobody sees the focus on {focus}"
        names.append(re.sub(r"\s+", " ", focus["label"]))
    return names


def test_the_keyboard_reaches_everything_that_matters(
    chromium: Browser, stage: Stage, people: None
) -> None:
    window = Window(chromium, stage.address)
    page = window.page
    sign_in(page, SETTLED)
    window.open(f"/week?view=week&date={stage.monday}")

    page.keyboard.press("Tab")
    assert page.evaluate(FOCUS)["label"] == "Skip to the content"
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    assert walk(page, 4)[:1] == ["Today"], "the pages' names were skipped"

    window.open(f"/week?view=week&date={stage.monday}")
    came_by = walk(page, 24)
    for name in ("Conflicts", "Connections", "Today", "Earlier", "Month", "Agenda"):
        assert any(one.startswith(name) for one in came_by), (name, came_by)
    window.close()


def test_escape_leaves_a_dialog_and_the_focus_comes_back(
    chromium: Browser, stage: Stage, people: None
) -> None:
    window = Window(chromium, stage.address)
    page = window.page
    sign_in(page, SETTLED)

    window.open(f"/week?view=week&date={stage.monday}")
    meeting = page.get_by_role("link", name=re.compile("^Tax adviser"))
    leave_again(page, meeting)

    window.open("/availability")
    leave_again(page, page.get_by_role("button", name="Why not?"))

    window.open("/connections")
    leave_again(page, page.get_by_role("link", name=re.compile("^Disconnect free")))
    window.close()


def test_the_focus_stays_on_a_meeting_that_is_drawn_anew(
    chromium: Browser, stage: Stage, people: None
) -> None:
    window = Window(chromium, stage.address)
    page = window.page
    sign_in(page, SETTLED)
    for view in ("week", "agenda"):
        window.open(f"/week?view={view}&date={stage.monday}")
        meeting = page.get_by_role("link", name=re.compile("^Tax adviser"))
        meeting.focus()
        page.evaluate("document.activeElement.dataset.drawnBefore = 'yes'")
        with page.expect_response(re.compile("/week/events")):
            page.evaluate("document.dispatchEvent(new CustomEvent('week-changed'))")
        window.settle()
        expect(page.locator("[data-drawn-before]")).to_have_count(0)
        expect(meeting).to_be_focused()
    window.close()


def leave_again(page: Page, opener: Locator) -> None:
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Tab")
    assert dialog.evaluate("(one) => one.contains(document.activeElement)"), "Tab stays inside"
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
