"""What the scripts of pages do, in a browser in front of the served application."""

import re
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from playwright.sync_api import Browser, expect

from calendar_manager.bootstrap import Services
from tests.api.callers import PASSWORD, Person
from tests.factories import add_calendar, add_connection
from tests.web.browser import Window

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture
def window(
    chromium: Browser, services: Services, sign_up: Callable[..., Person], base_url: str
) -> Iterator[Window]:
    """Somebody in Berlin with one calendar, signed in."""
    person = sign_up()
    with services.store.begin() as uow:
        add_calendar(uow, add_connection(uow, UUID(person.id)))
    window = Window(chromium, base_url)
    page = window.open("/login")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    yield window
    window.close()


def test_a_zone_is_found_whatever_its_letters_and_a_wrong_one_is_marked(window: Window) -> None:
    page = window.open("/week?view=week&date=2026-03-02")
    page.locator("#zone summary").click()
    name = page.get_by_label("Name of the zone")
    name.fill("Mars/Base")
    page.locator("#zone-form").get_by_role("button", name="Show").click()
    expect(page.get_by_text("There is no such time zone.")).to_be_visible()
    expect(name).to_have_attribute("aria-invalid", "true")

    for typed, zone in (("asia/tokyo", "Asia/Tokyo"), ("asia/calcutta", "Asia/Calcutta")):
        page.locator("#zone").evaluate("(one) => { one.open = true; }")
        name.fill(typed)
        with page.expect_response(re.compile("/week/events")) as answered:
            page.locator("#zone-form").get_by_role("button", name="Show").click()
        assert answered.value.status == 200
        expect(page.locator("#zone-name")).to_have_text(zone)
        expect(name).to_have_attribute("aria-invalid", "false")


def test_dates_added_to_a_refused_form_are_not_mixed_up(window: Window) -> None:
    page = window.open("/availability")
    rules = page.locator("#rules")
    add = page.get_by_role("button", name="Add a date")
    dates = rules.get_by_label("Date with hours of its own")
    for day in ("2027-01-04", "2027-01-05", "2027-01-06"):
        add.click()
        dates.last.fill(day)
    for _ in range(2):
        rules.get_by_role("button", name="Remove this date").first.click()
    page.get_by_label("Bookable ahead").fill("often")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#refused")).to_be_visible()

    for day in ("2027-02-01", "2027-02-02"):
        page.get_by_role("button", name="Add a date").click()
        dates.last.fill(day)
    page.get_by_label("Bookable ahead").fill("60")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    kept = [dates.nth(position).input_value() for position in range(dates.count())]
    assert kept == ["2027-01-06", "2027-02-01", "2027-02-02"]
    window.expect_trouble("422")


def test_what_cannot_be_copied_is_selected_for_the_person(window: Window) -> None:
    page = window.open("/availability")
    page.get_by_role("button", name="Make a private address").click()
    address = page.get_by_label("Address of the feed")
    # As on every page that is not opened over https.
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy the address").click()
    expect(page.get_by_text("This browser does not let the page copy.")).to_be_visible()
    selected = address.evaluate("(one) => one.value.slice(one.selectionStart, one.selectionEnd)")
    assert selected == address.input_value() != ""
