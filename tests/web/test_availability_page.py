"""The availability page: what it keeps, what it previews, and what it never shows."""

import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine
from sqlalchemy import text as sql

from calendar_manager.api.schemas.availability import RULES_EXAMPLE
from tests.api.test_availability_api import Desk, desk, make_desk
from tests.api.test_pages import sign_in, token_of
from tests.factories import make_event

pytestmark = pytest.mark.store

__all__ = ["desk", "make_desk"]

PAGE = "/availability"
Fields = dict[str, Any]


class FormReader(HTMLParser):
    """Collects what a browser would send of the form with the rules."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self._inside = False
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self._inside = values.get("id") == "rules"
        elif tag == "input" and self._inside and values.get("name"):
            self._add(str(values["name"]), values.get("value") or "")
        elif tag == "select" and self._inside:
            self._select = str(values["name"])
        elif tag == "option" and self._inside and "selected" in values:
            self._add(self._select, values.get("value") or "hours")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False

    def _add(self, name: str, value: str) -> None:
        self.fields.setdefault(name, []).append(value)


def fields_of(page: str) -> dict[str, list[str]]:
    reader = FormReader()
    reader.feed(page)
    return reader.fields


def open_page(browser: httpx.Client) -> str:
    answer = browser.get(PAGE)
    assert answer.status_code == 200, answer.text
    return answer.text


def save(browser: httpx.Client, **changes: Any) -> httpx.Response:
    """Send the form as it is shown, but for some fields."""
    return browser.post(PAGE, data={**fields_of(open_page(browser)), **changes})


def preview(browser: httpx.Client, **changes: Any) -> str:
    answer = browser.post(f"{PAGE}/preview", data={**fields_of(open_page(browser)), **changes})
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def explain(browser: httpx.Client, **question: Any) -> str:
    asked = {"why_date": "2026-03-03", "why_time": "10:00", "why_minutes": "30", **question}
    answer = browser.post(f"{PAGE}/explain", data={**fields_of(open_page(browser)), **asked})
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def words(page: str) -> str:
    """Return what a person reads, with single blanks and none before punctuation."""
    return re.sub(r" ([:,])", r"\1", " ".join(re.sub(r"<[^>]*>", " ", unescape(page)).split()))


def rules_of(desk: Desk) -> dict[str, Any]:
    rules: dict[str, Any] = desk.person.get("/api/availability/rules").json()
    return rules


def test_saving_the_form_as_it_is_shown_changes_nothing(browser: httpx.Client, desk: Desk) -> None:
    desk.rule(**RULES_EXAMPLE)
    before = rules_of(desk)
    sign_in(browser)
    answer = save(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/availability?done=saved")
    assert rules_of(desk) == before
    assert "Saved." in browser.get(answer.headers["location"]).text


def test_what_is_saved_replaces_the_rules_as_a_whole(browser: httpx.Client, desk: Desk) -> None:
    desk.rule(**RULES_EXAMPLE)
    sign_in(browser)
    hours: dict[str, list[str] | str]
    hours = {f"{day}-{edge}": [] for day in ("wed", "thu", "fri") for edge in ("start", "end")}
    for day in ("mon", "tue"):
        hours |= {f"{day}-start": ["10"], f"{day}-end": ["16:00"]}
    answer = save(browser, **hours, **{"off-first": [], "off-last": []}, country="", region="")
    assert answer.status_code == 303
    rules = rules_of(desk)
    assert rules["weekly"] == [{"days": ["mon", "tue"], "start": "10:00", "end": "16:00"}]
    assert (rules["days_off"], rules["holidays"]) == ([], None)


def test_refused_rules_stay_typed_with_the_problem_beside_its_field(
    browser: httpx.Client, desk: Desk
) -> None:
    desk.rule()
    before = rules_of(desk)
    sign_in(browser)
    answer = save(browser, **{"tue-start": ["12:00"], "tue-end": ["11:30"]}, horizon_days="<77>")
    assert answer.status_code == 422
    assert rules_of(desk) == before
    field = re.search(r'<input[^>]*name="tue-end"[^>]*>', answer.text)
    assert field
    assert 'value="11:30"' in field[0]
    assert 'aria-invalid="true" aria-describedby="problem-tue-end-0"' in field[0]
    assert "Hours end after they start" in answer.text
    note = re.search(r'id="problem-horizon_days-0" data-problem>([^<]+)<', answer.text)
    assert note
    assert note[1] == "Write a whole number."
    assert 'value="&lt;77&gt;"' in answer.text


def test_the_preview_shows_what_the_form_says_and_stores_nothing(
    browser: httpx.Client, desk: Desk
) -> None:
    desk.rule()
    before = rules_of(desk)
    desk.save(make_event("secret call", "03-03 13:00", "03-03 13:30"))
    sign_in(browser)
    assert "09:00–11:00" in open_page(browser)
    tried = preview(browser, **{"tue-start": ["13:00"], "tue-end": ["16:00"]})
    assert "Tue 3 Mar" in tried
    assert "13:00–14:00" in tried
    assert "14:30–16:00" in tried
    assert "09:00–11:00" not in tried
    assert "secret call" not in tried, "a preview tells when, and not what"
    assert rules_of(desk) == before


def test_the_preview_says_why_a_day_has_no_hours(browser: httpx.Client, desk: Desk) -> None:
    desk.rule(
        weekly=[{"days": ["mon", "tue", "wed", "thu"], "start": "09:00", "end": "10:00"}],
        overrides=[{"date": "2026-03-04", "windows": []}],
        days_off=[{"first": "2026-03-05", "last": "2026-03-05"}],
        holidays="DE-BE",
    )
    desk.save(make_event("long", "03-03 07:00", "03-03 12:00"))
    sign_in(browser)
    page = preview(browser)
    for words in ("Nothing left", "Day off by its own hours", "Day off", "No working hours"):
        assert words in page
    assert "Holiday: Women's Day" in page
    assert "Holiday: Good Friday" in preview(
        browser, preview_from="2026-04-03", **{"fri-start": ["09:00"], "fri-end": ["10:00"]}
    )


def test_a_form_that_means_no_rules_has_no_preview_but_says_where(
    browser: httpx.Client, desk: Desk
) -> None:
    sign_in(browser)
    page = preview(browser, **{"mon-start": ["9"], "mon-end": [""]})
    assert 'data-field-problem="mon-end:0">Monday: ' in page
    assert '<svg class="bar"' not in page
    far = preview(browser, preview_from="9999-12-31")
    assert 'data-field-problem="preview_from:0"' in far


def test_freshness_is_told_with_the_preview(browser: httpx.Client, desk: Desk) -> None:
    sign_in(browser)
    assert "1 calendar behind this, all complete as of 02 Mar 2026, 09:00" in open_page(browser)
    desk.add(name="Client", failures=2, unreadable_policy="block")
    page = unescape(preview(browser))
    assert "“Client” cannot be read at the moment: you chose that nothing is free" in page
    assert "Nothing for 30 minutes can be booked" in page


def test_a_calendar_that_was_never_read_is_not_said_to_be_complete(
    browser: httpx.Client, desk: Desk
) -> None:
    desk.add(name="Fresh", last_synced_at=None, last_synced_via=None)
    sign_in(browser)
    page = words(open_page(browser))
    assert "2 calendars behind this Work: up to date, complete as of 02 Mar 2026, 09:00" in page
    assert "Fresh: being read, complete as of never" in page


def test_rules_with_holidays_that_nobody_knows_any_more_can_be_mended(
    browser: httpx.Client, desk: Desk, clean_database: Engine
) -> None:
    desk.rule(holidays="DE-BE")
    with clean_database.begin() as connection:
        connection.execute(
            sql("UPDATE availability_rules SET document = document || :changes"),
            {"changes": '{"holidays": "ZZ"}'},
        )
    sign_in(browser)
    page = unescape(open_page(browser))
    assert "The holidays of 'ZZ' are not known" in page
    assert "The rules as they are saved cannot be used any more." in page
    part = browser.get(f"{PAGE}/text", params={"text_minutes": "30", "text_zone": "Asia/Tokyo"})
    assert part.status_code == 200
    assert "cannot be used any more" in part.text
    assert save(browser, country="DE", region="BE").status_code == 303
    assert "cannot be used any more" not in open_page(browser)


def test_why_not_names_what_is_behind_it_and_what_is_near(
    browser: httpx.Client, desk: Desk
) -> None:
    desk.rule()
    desk.save(make_event("Review", "03-03 09:00", "03-03 10:00"))
    sign_in(browser)
    page = explain(browser)
    assert "Not bookable" in page
    assert "'Review'" in page
    assert "calendar 'Work'" in page
    assert 'data-ask-day="2026-03-03" data-ask-clock="09:30"' in page
    assert "Bookable" in explain(browser, why_time="09:00")


def test_why_not_is_judged_by_the_form(browser: httpx.Client, desk: Desk) -> None:
    desk.rule()
    sign_in(browser)
    assert "Not bookable" in explain(browser, why_time="15:00")
    longer = {"tue-start": ["09:00"], "tue-end": ["18:00"]}
    assert "Not bookable" not in explain(browser, why_time="15:00", **longer)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ({"why_time": "99"}, "Choose a date, and a time"),
        ({"why_date": ""}, "Choose a date, and a time"),
        ({"why_minutes": "0"}, "A booking lasts from 1"),
        ({"why_date": "9000-01-01"}, "Ask for a time between"),
        ({"why_date": "0001-01-01", "why_time": "00:00"}, "Ask for a time between"),
        ({"why_date": "9999-12-31", "why_time": "23:59"}, "Ask for a time between"),
        ({"why_client": "nobody"}, "This client does not exist"),
        ({"horizon_days": "x"}, "Mend what is marked"),
    ],
)
def test_a_question_that_cannot_be_answered_says_so(
    browser: httpx.Client, desk: Desk, question: Fields, sentence: str
) -> None:
    sign_in(browser)
    assert sentence in explain(browser, **question)


def test_free_times_are_written_for_the_guest(browser: httpx.Client, desk: Desk) -> None:
    desk.rule()
    desk.save(make_event("call", "03-03 08:30", "03-03 09:00"))
    sign_in(browser)
    assert "Tuesday 3 March: 09:00–09:30, 10:00–11:00 (Europe/Berlin)" in open_page(browser)
    asked = {"text_day": "2026-03-03", "text_minutes": "60", "text_zone": "Europe/London"}
    text = browser.get(f"{PAGE}/text", params=asked).text
    assert "Tuesday 3 March: 09:00–10:00 (Europe/London)" in text
    wrong = browser.get(f"{PAGE}/text", params=asked | {"text_zone": "<Mars>"}).text
    assert "This is not a time zone" in wrong
    assert 'value="&lt;Mars&gt;"' in wrong
    assert "choose a day" in browser.get(f"{PAGE}/text", params=asked | {"text_day": ""}).text


def test_the_address_of_a_feed_is_shown_once(browser: httpx.Client, desk: Desk) -> None:
    sign_in(browser)
    token = token_of(open_page(browser))
    made = browser.post(f"{PAGE}/feed", data={"csrf_token": token}).text
    address = re.search(r'id="feed-url"[^>]*value="([^"]+)"', made)
    assert address
    assert browser.get(address[1]).status_code == 200
    assert browser.get(f"{PAGE}/feed").headers["location"] == PAGE
    later = open_page(browser)
    assert "feed-url" not in later
    assert "Last fetched</dt><dd>02 Mar 2026, 09:00" in later
    gone = browser.post(f"{PAGE}/feed/revoke", data={"csrf_token": token})
    assert gone.headers["location"] == "/availability?done=feed-revoked#feed"
    assert browser.get(address[1]).status_code == 404
    assert "Make a private address" in open_page(browser)


def test_parts_of_a_country_can_be_chosen_by_name(browser: httpx.Client, desk: Desk) -> None:
    desk.rule(holidays="DE-BE")
    sign_in(browser)
    page = open_page(browser)
    assert '<option value="DE" selected>Germany</option>' in page
    assert '<option value="BE" selected>Berlin</option>' in page
    parts = browser.get(f"{PAGE}/regions", params={"country": "GB"}).text
    assert '<option value="SCT">Scotland</option>' in parts
    assert "<option" not in browser.get(f"{PAGE}/regions", params={"country": "ZZ"}).text


@pytest.mark.parametrize(
    "path",
    [
        PAGE,
        f"{PAGE}/preview",
        f"{PAGE}/explain",
        f"{PAGE}/feed",
        f"{PAGE}/feed/revoke",
        f"{PAGE}/export/{UUID(int=1)}",
        f"{PAGE}/export/{UUID(int=1)}/stop",
    ],
)
def test_forms_of_other_sites_and_strangers_change_nothing(
    browser: httpx.Client, desk: Desk, path: str
) -> None:
    before = rules_of(desk)
    answer = browser.post(path, data={"time_zone": "UTC"})
    assert answer.headers["location"].startswith("/login")
    sign_in(browser)
    assert browser.post(path, data={"time_zone": "UTC"}).status_code == 403
    assert rules_of(desk) == before
    assert desk.person.get("/api/availability/feed").json()["active"] is False


def test_nothing_of_another_user_is_shown(
    browser: httpx.Client, make_desk: Callable[..., Desk]
) -> None:
    mara, otto = make_desk(), make_desk("otto@example.com")
    mara.add(name="Mara's secret calendar")
    mara.save(make_event("Mara's secret", "03-03 08:00", "03-03 16:00"))
    client = mara.person.post("/api/clients", json={"name": "Mara's client"}).json()["id"]
    otto.rule()
    sign_in(browser, "otto@example.com")
    page = unescape(open_page(browser))
    assert "Mara's" not in page
    assert "09:00–11:00" in page, "her meeting does not block him"
    assert "Mara's" not in explain(browser)
    assert "This client does not exist" in explain(browser, why_client=client)
