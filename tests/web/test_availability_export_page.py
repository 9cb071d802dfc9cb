"""Cal.com on the availability page: what is exported, pushing it, and switching it off."""

from html import unescape

import httpx
import pytest
from sqlalchemy import Engine, text

from calendar_manager.sandbox.control_client import ControlClient
from tests.api.callers import Person
from tests.api.conftest import Clock
from tests.api.test_export_api import (
    ANY,
    base_url,
    caldotcom,
    connection_id,
    control,
    door,
    exporting,
    find_ours,
    rule,
    services,
)
from tests.api.test_pages import sign_in, token_of

pytestmark = pytest.mark.store

__all__ = [
    "base_url",
    "caldotcom",
    "connection_id",
    "control",
    "door",
    "exporting",
    "services",
]

PAGE = "/availability"


def post(browser: httpx.Client, path: str, **fields: str | list[str]) -> httpx.Response:
    token = token_of(browser.get(PAGE).text)
    return browser.post(f"{PAGE}/export/{path}", data={"csrf_token": token, **fields})


def show(browser: httpx.Client) -> str:
    return unescape(browser.get(PAGE).text)


def test_without_an_account_the_page_says_what_to_do(browser: httpx.Client, mara: Person) -> None:
    sign_in(browser)
    assert "No Cal.com account is connected." in show(browser)


def test_what_is_exported_is_shown_before_anything_is_pushed(
    browser: httpx.Client, mara: Person, control: ControlClient, connection_id: str
) -> None:
    rule(mara)
    sign_in(browser)
    part = browser.get(f"{PAGE}/export/{connection_id}/preview").text
    assert "Mon, Tue, Wed, Thu, Fri, Sat, Sun" in part
    assert "08:00–20:00" in part
    assert find_ours(control) == []


def test_pushing_keeps_a_schedule_and_switching_off_leaves_it(
    browser: httpx.Client, mara: Person, control: ControlClient, connection_id: str
) -> None:
    rule(mara)
    sign_in(browser)
    answer = post(browser, connection_id)
    assert answer.headers["location"] == "/availability?done=pushed#caldotcom"
    assert len(find_ours(control)) == 1
    page = show(browser)
    assert "kept current" in page
    assert "Cal.com had everything as of" in page
    answer = post(browser, f"{connection_id}/stop")
    assert answer.headers["location"] == "/availability?done=saved#caldotcom"
    assert len(find_ours(control)) == 1
    page = show(browser)
    assert "kept current" not in page
    assert "Switched off." in page


def test_calendars_that_caldotcom_reads_are_kept_and_let_go(
    browser: httpx.Client,
    mara: Person,
    connection_id: str,
    clean_database: Engine,
) -> None:
    calendars = mara.get("/api/calendars").json()["items"]
    own = calendars[0]["id"]
    sign_in(browser)
    post(browser, connection_id, left_out=[own])
    query = text("SELECT cardinality(left_out) FROM caldotcom_exports")
    with clean_database.connect() as connection:
        assert connection.scalar(query) == 1
    post(browser, connection_id)
    with clean_database.connect() as connection:
        assert connection.scalar(query) == 0


def test_a_refusal_is_told_in_words_and_stays_until_it_is_over(
    browser: httpx.Client, mara: Person, control: ControlClient, connection_id: str
) -> None:
    rule(mara)
    sign_in(browser)
    control.add_fault("server_error", path=ANY)
    answer = post(browser, connection_id)
    assert answer.status_code == 502
    assert "Cal.com cannot answer now. It is tried again by itself." in answer.text
    assert browser.get(answer.url.path).headers["location"] == PAGE
    page = show(browser)
    assert "not pushed" in page
    assert "Cal.com did not take the last change" in page


def test_rules_that_cannot_be_exported_are_no_fault_of_caldotcom(
    browser: httpx.Client,
    mara: Person,
    control: ControlClient,
    connection_id: str,
    clean_database: Engine,
) -> None:
    rule(mara)
    with clean_database.begin() as connection:
        query = text("UPDATE availability_rules SET document = document || :changes")
        connection.execute(query, {"changes": '{"holidays": "ZZ"}'})
    sign_in(browser)
    answer = post(browser, connection_id)
    assert answer.status_code == 422
    assert "The holidays of 'ZZ' are not known" in unescape(answer.text)
    assert find_ours(control) == []


def test_accounts_of_others_are_neither_shown_nor_pushed_to(
    browser: httpx.Client,
    mara: Person,
    otto: Person,
    control: ControlClient,
    connection_id: str,
    clock: Clock,
) -> None:
    rule(mara)
    sign_in(browser, otto.email)
    assert "No Cal.com account is connected." in show(browser)
    part = browser.get(f"{PAGE}/export/{connection_id}/preview").text
    assert "not connected any more" in part
    assert "08:00" not in part
    assert post(browser, connection_id).status_code == 404
    post(browser, f"{connection_id}/stop")
    assert find_ours(control) == []
