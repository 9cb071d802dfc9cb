"""The main job as one person does it, in a browser, from registering to leaving."""

import re
from typing import Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.web.browser import Window
from tests.web.stage import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

SYNC_MILLISECONDS: Final = 60_000
"""How long the first sync of an account may take on a busy machine."""

ACCOUNTS: Final = {
    "Google": ("freelancer@example.com", "Allow"),
    "Microsoft 365": ("mara.lind@harbour.example", "Accept"),
    "Cal.com": ("mara@lind.example", "Allow"),
}
"""Each provider's account, and the button of its consent page."""


def test_from_registering_to_leaving(chromium: Browser, stage: Stage) -> None:
    window = Window(chromium, stage.address)
    page = window.page
    register(page)
    connect_all(page)
    see_the_week(page, stage)
    give_a_meeting_to_a_client(page, stage)
    resolve_a_conflict(page)
    work_on_thursday_evenings(page)
    ask_why_not(page)
    make_a_feed(page)
    disconnect(page)
    sign_out(page)
    window.close()


def go_to(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("."))


def register(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Register").click()
    page.get_by_label("Name").fill("Mara Story")
    page.get_by_label("E-mail address").fill("story@example.com")
    page.get_by_label("Password").fill("short")
    # New people are offered the zone of their browser.
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")
    page.get_by_label("Password").fill("ten calm words")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", level=1, name="Connections")).to_be_visible()
    expect(page.get_by_text("No account is connected yet.")).to_be_visible()


def connect_all(page: Page) -> None:
    """Connect each account on its consent page, and watch it arrive without loading anew."""
    for provider, (account, agree) in ACCOUNTS.items():
        page.get_by_role("link", name=f"Connect {provider}").click()
        page.get_by_role("radio", name=account).check()
        page.get_by_role("button", name=agree, exact=True).click()
        expect(page.get_by_role("heading", level=1, name="Connections")).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("The account is connected.")
        page.evaluate("window.sameDocument = true")
        card = page.get_by_role("region", name=account)
        expect(card).to_contain_text(
            re.compile(r"(All \d calendars|Both calendars|Its calendar) (are|is) current"),
            timeout=SYNC_MILLISECONDS,
        )
        assert page.evaluate("window.sameDocument"), "it came without loading the page anew"
        expect(card.get_by_text("Connected", exact=True)).to_be_visible()


def find_meeting(page: Page, title: str) -> Locator:
    return page.get_by_role("link", name=re.compile(rf"^{re.escape(title)}\b"))


def open_week(page: Page, stage: Stage) -> None:
    page.goto(f"/week?view=week&date={stage.monday}")
    expect(page.get_by_text(re.compile(r"^\d+ meetings"))).to_be_visible()


def see_the_week(page: Page, stage: Stage) -> None:
    open_week(page, stage)
    first = stage.monday
    expect(page.get_by_role("heading", level=1)).to_contain_text(str(first.year))
    # A series of Google's, a meeting of Microsoft's, a booking at Cal.com.
    expect(find_meeting(page, "Nordlicht: daily stand-up").first).to_be_visible()
    expect(find_meeting(page, "Harbour: architecture board")).to_have_count(1)
    expect(find_meeting(page, "Website check")).to_have_count(1)
    both = find_meeting(page, "Intro call")
    expect(both).to_have_count(1)
    expect(both).to_have_accessible_name(re.compile(r"on [\w. ]+ and [\w. ]+"))
    clash = find_meeting(page, "Tax adviser")
    expect(clash).to_have_accessible_name(re.compile("high conflict", re.IGNORECASE))
    expect(find_meeting(page, "Choir")).not_to_have_accessible_name(re.compile("conflict"))


def give_a_meeting_to_a_client(page: Page, stage: Stage) -> None:
    go_to(page, "Clients")
    page.get_by_label("Name", exact=True).fill("Harbour & Sons")
    page.get_by_role("button", name="Add the client").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Harbour & Sons")
    open_week(page, stage)
    meeting = find_meeting(page, "Harbour: architecture board")
    meeting.click()
    details = page.get_by_role("dialog", name="Harbour: architecture board")
    expect(details).to_contain_text("No rule of yours finds a client for this.")
    details.get_by_label("Belongs to").select_option("Harbour & Sons")
    details.get_by_label("Project").fill("Pier 4")
    details.get_by_role("button", name="Save client").click()
    expect(details.get_by_text("Saved.")).to_be_visible()
    details.get_by_role("button", name="Close").click()
    expect(details).to_be_hidden()
    expect(meeting).to_be_focused()
    expect(meeting).to_have_accessible_name(re.compile("Harbour & Sons"))


def resolve_a_conflict(page: Page) -> None:
    go_to(page, "Conflicts")
    first = page.get_by_role("article").first
    name = first.get_by_role("heading").inner_text()
    card = page.get_by_role("article", name=name, exact=True).first
    card.get_by_text(re.compile("^Resolve or ignore")).click()
    card.get_by_label("Note").fill("Ida takes the call without me.")
    card.get_by_role("button", name="Resolved").click()
    expect(page.get_by_role("article").first).to_contain_text("Ida takes the call without me.")
    page.get_by_role("link", name=re.compile("^Resolved")).click()
    expect(page.get_by_role("article", name=name, exact=True)).to_have_count(1)
    expect(page.get_by_role("article")).to_contain_text("Ida takes the call without me.")


def work_on_thursday_evenings(page: Page) -> None:
    """Change the hours; the preview follows at once, what can be copied follows the saving."""
    go_to(page, "Availability")
    preview = page.get_by_role("region", name="What people can book")
    evening = preview.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Thu"))
    evening = evening.filter(has_text="20:00")
    expect(evening).to_have_count(0)
    letter = page.get_by_label("The text")
    expect(letter).not_to_have_value(re.compile("18:00"))
    before = count_starts(preview)
    page.get_by_role("button", name="Add hours on Thursday").click()
    page.get_by_label("Thursday, from").last.fill("18")
    page.get_by_label("Thursday, until").last.fill("20:00")
    page.get_by_label("Thursday, until").last.press("Tab")
    expect(page.get_by_label("Thursday, from").last).to_have_value("18:00")
    expect(page.get_by_text("Not saved yet.")).to_be_visible()
    expect(evening.first).to_be_visible()
    assert count_starts(preview) > before
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    expect(evening.first).to_be_visible()
    for day in page.get_by_role("group", name="Days").get_by_role("checkbox", name="Thu").all():
        if day.is_enabled():
            day.check()
            break
    expect(letter).to_have_value(re.compile("18:00"))


def count_starts(preview: Locator) -> int:
    words = preview.get_by_role("status").filter(has_text="in these two weeks").inner_text()
    found = re.match(r"\d+", words)
    return int(found.group()) if found else 0


def ask_why_not(page: Page) -> None:
    page.get_by_role("button", name="Why not?").click()
    dialog = page.get_by_role("dialog", name="Why not?")
    today = dialog.get_by_label("Date").input_value()
    dialog.get_by_label("Start").fill("03:00")
    dialog.get_by_role("button", name="Ask").click()
    expect(dialog.get_by_text("Not bookable")).to_be_visible()
    expect(dialog.get_by_role("listitem").first).to_have_text(re.compile("hours|past|notice"))
    assert today
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def make_a_feed(page: Page) -> None:
    page.get_by_role("button", name="Make a private address").click()
    address = page.get_by_label("Address of the feed").input_value()
    feed = page.request.get(address)
    assert feed.ok
    assert feed.text().startswith("BEGIN:VCALENDAR")
    assert "Nordlicht" not in feed.text(), "it says when, and not what"


def disconnect(page: Page) -> None:
    go_to(page, "Connections")
    account, _ = ACCOUNTS["Microsoft 365"]
    page.get_by_role("link", name=f"Disconnect {account}").click()
    dialog = page.get_by_role("dialog", name=f"Disconnect {account}?")
    expect(dialog).to_contain_text("1 calendar")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name=f"Disconnect {account}").click()
    dialog.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("The account is disconnected")).to_be_visible()
    expect(page.get_by_role("region", name=account)).to_have_count(0)
    expect(page.get_by_role("region", name=ACCOUNTS["Google"][0])).to_be_visible()


def sign_out(page: Page) -> None:
    page.get_by_text("Mara Story").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/conflicts")
    expect(page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()
