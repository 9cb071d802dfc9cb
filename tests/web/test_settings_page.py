"""The page of a person's own settings: what it stores, what it refuses, and whose it is."""

import re
from collections.abc import Callable
from html import unescape

import httpx
import pytest
from sqlalchemy import Engine, text

from calendar_manager.bootstrap import Services
from calendar_manager.web.settings_view import MANY_DEVICES
from tests.api.callers import PASSWORD, Person
from tests.api.test_pages import send_form, sign_in, token_of
from tests.factories import count_statements

pytestmark = pytest.mark.store

PAGE = "/settings"
NEW_PASSWORD = "an even longer horse battery"
CONFLICTS: dict[str, str | list[str]] = {
    "types": ["overlap", "travel"],
    "minimum_overlap_minutes": "5",
    "buffer_minutes": "10",
    "travel_minutes": "30",
}


def open_page(browser: httpx.Client, path: str = PAGE) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def send(browser: httpx.Client, path: str, **fields: str | list[str]) -> httpx.Response:
    token = token_of(browser.get(PAGE).text)
    return browser.post(f"{PAGE}/{path}", data={**fields, "csrf_token": token})


def is_done(answer: httpx.Response, word: str) -> bool:
    return (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?done={word}")


def problem_beside(answer: httpx.Response, field: str) -> str:
    """Return what the page says beside a field, which it also marks."""
    page = unescape(answer.text)
    assert re.search(rf'id="{field}"[^>]*aria-invalid="true"', page), page
    found = re.search(rf'class="note problem" id="{field}-note">([^<]*)<', page)
    assert found, page
    return found[1]


def settings_of(person: Person) -> dict[str, object]:
    settings = person.get("/api/auth/me").json()["settings"]
    return dict(settings)


def test_name_and_zone_are_stored(browser: httpx.Client, mara: Person) -> None:
    sign_in(browser)
    assert is_done(send(browser, "profile", name=" Mara L. ", time_zone="Asia/Tokyo"), "saved")
    me = mara.get("/api/auth/me").json()
    assert (me["name"], me["time_zone"]) == ("Mara L.", "Asia/Tokyo")
    page = open_page(browser, f"{PAGE}?done=saved")
    assert 'value="Asia/Tokyo"' in page
    assert "Saved." in page


def test_what_cannot_be_used_is_said_beside_its_field(browser: httpx.Client, mara: Person) -> None:
    sign_in(browser)
    answer = send(browser, "profile", name="  ", time_zone="Mars")
    assert answer.status_code == 422
    assert problem_beside(answer, "name") == "Enter a name."
    assert "not an IANA time zone" in problem_beside(answer, "time_zone")
    assert 'value="Mars"' in answer.text
    assert mara.get("/api/auth/me").json()["time_zone"] == "Europe/Berlin"


def test_busy_and_conflict_settings_are_stored(browser: httpx.Client, mara: Person) -> None:
    sign_in(browser)
    answer = send(browser, "conflicts", **CONFLICTS, all_day="true")
    assert is_done(answer, "saved")
    assert settings_of(mara) == {
        "tentative_blocks": False,
        "conflict_types": ["overlap", "travel"],
        "minimum_overlap_minutes": 5,
        "conflict_buffer_minutes": 10,
        "travel_minutes": 30,
        "all_day_conflicts": True,
    }
    page = open_page(browser)
    assert re.search(r'value="travel" checked', page)
    assert not re.search(r'value="back_to_back" checked', page)
    assert is_done(send(browser, "conflicts", **CONFLICTS, tentative_blocks="true"), "saved")
    after = settings_of(mara)
    assert (after["tentative_blocks"], after["all_day_conflicts"]) == (True, False)


@pytest.mark.parametrize("minutes", ["", "-1", "1441", "1.5", "ten", "٣"])
def test_minutes_are_whole_and_within_a_day(
    browser: httpx.Client, mara: Person, minutes: str
) -> None:
    sign_in(browser)
    before = settings_of(mara)
    answer = send(browser, "conflicts", **{**CONFLICTS, "travel_minutes": minutes})
    assert answer.status_code == 422
    assert "from 0 to 1440" in problem_beside(answer, "travel_minutes")
    page = unescape(answer.text)
    assert f'name="travel_minutes" type="number" autocomplete="off" value="{minutes}"' in page
    assert 'value="back_to_back" checked' not in page, "what was ticked stays as well"
    assert settings_of(mara) == before


def test_free_time_is_shared_and_taken_back(
    browser: httpx.Client, mara: Person, otto: Person
) -> None:
    sign_in(browser)
    assert is_done(send(browser, "sharing", email=otto.email), "shared")
    page = open_page(browser)
    assert "They may ask when you are free" in page
    found = re.search(r'action="/settings/(sharing/[^"]+/end)"', page)
    assert found
    with httpx.Client(base_url=browser.base_url) as other:
        sign_in(other, otto.email)
        assert "You may ask when they are free" in open_page(other)
    assert is_done(send(browser, found[1]), "unshared")
    assert "They may ask when you are free" not in open_page(browser)
    assert send(browser, found[1]).status_code == 404


def test_agreements_of_others_cannot_be_ended(
    browser: httpx.Client, mara: Person, otto: Person, sign_up: Callable[..., Person]
) -> None:
    eve = sign_up("eve@example.com")
    sign_in(browser)
    send(browser, "sharing", email=otto.email)
    found = re.search(r'action="/settings/(sharing/[^"]+/end)"', open_page(browser))
    assert found
    with httpx.Client(base_url=browser.base_url) as other:
        sign_in(other, eve.email)
        assert otto.email not in open_page(other)
        assert send(other, found[1]).status_code == 404
    assert otto.email in open_page(browser)


@pytest.mark.parametrize("email", ["", "nobody", "mara@example.com"])
def test_an_address_that_cannot_be_shared_with_is_refused(
    browser: httpx.Client, mara: Person, email: str
) -> None:
    sign_in(browser)
    answer = send(browser, "sharing", email=email)
    assert answer.status_code == 422
    assert problem_beside(answer, "email")


def test_the_password_is_changed(browser: httpx.Client, mara: Person) -> None:
    sign_in(browser)
    answer = send(browser, "password", current_password=PASSWORD, new_password=NEW_PASSWORD)
    assert is_done(answer, "password")
    assert mara.get("/api/auth/me").status_code == 401, "the other device is signed out"
    open_page(browser)
    with httpx.Client(base_url=browser.base_url) as other:
        fields = {"email": mara.email, "password": PASSWORD}
        assert send_form(other, "/login", fields).status_code == 401
        fields["password"] = NEW_PASSWORD
        assert send_form(other, "/login", fields).status_code == 303


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [("wrong", NEW_PASSWORD, "current_password"), (PASSWORD, "short", "new_password")],
)
def test_a_password_that_is_wrong_or_too_short_changes_nothing(
    browser: httpx.Client, mara: Person, current: str, new: str, field: str
) -> None:
    sign_in(browser)
    answer = send(browser, "password", current_password=current, new_password=new)
    assert answer.status_code == 422
    assert problem_beside(answer, field)
    assert NEW_PASSWORD not in answer.text
    assert mara.get("/api/auth/me").status_code == 200


def test_guessing_the_password_ends(browser: httpx.Client, mara: Person) -> None:
    sign_in(browser)
    answers = [
        send(browser, "password", current_password="wrong", new_password=NEW_PASSWORD)
        for _ in range(15)
    ]
    assert {answer.status_code for answer in answers} == {422, 429}
    assert "too often" in problem_beside(answers[-1], "current_password")


def test_devices_are_listed_and_signed_out(browser: httpx.Client, mara: Person) -> None:
    sign_in(browser)
    page = open_page(browser)
    assert page.count("This device") == 1
    found = re.findall(r'action="/settings/(devices/[^"]+/end)"', page)
    assert len(found) == 1, "this one is left by signing out"
    assert is_done(send(browser, found[0]), "device")
    assert mara.get("/api/auth/me").status_code == 401
    assert send(browser, found[0]).status_code == 404


def test_this_device_and_the_latest_are_shown_however_many_there_are(
    browser: httpx.Client, mara: Person, clean_database: Engine, services: Services
) -> None:
    with clean_database.begin() as connection:
        query = """
            INSERT INTO login_sessions (id, user_id, refresh_token_hash, expires_at, created_at)
            SELECT gen_random_uuid(), user_id, refresh_token_hash, expires_at,
                   created_at - number * interval '1 minute'
            FROM login_sessions, generate_series(1, 210) AS number
        """
        connection.execute(text(query))
    sign_in(browser)
    with count_statements(services.store.engine) as seen:
        page = open_page(browser)
    assert sum("ORDER BY login_sessions." in statement for statement in seen) == 1
    assert page.count("This device") == 1
    with clean_database.connect() as connection:
        query = "SELECT id::text FROM login_sessions ORDER BY created_at DESC LIMIT :most"
        _, *others = connection.scalars(text(query), {"most": MANY_DEVICES + 1})
    assert re.findall(r'action="/settings/devices/([^"]+)/end"', page) == others


def test_this_device_is_shown_although_many_others_signed_in_later(
    browser: httpx.Client, mara: Person, clean_database: Engine
) -> None:
    sign_in(browser)
    with clean_database.begin() as connection:
        query = """
            INSERT INTO login_sessions (id, user_id, refresh_token_hash, expires_at, created_at)
            SELECT gen_random_uuid(), user_id, refresh_token_hash, expires_at,
                   created_at + number * interval '1 minute'
            FROM login_sessions, generate_series(1, 210) AS number
        """
        connection.execute(text(query))
    page = open_page(browser)
    assert page.count("This device") == 1
    assert len(re.findall(r'action="/settings/devices/[^"]+/end"', page)) == MANY_DEVICES


def test_devices_of_others_cannot_be_signed_out(
    browser: httpx.Client, mara: Person, otto: Person
) -> None:
    (session,) = otto.get("/api/auth/sessions").json()["items"]
    sign_in(browser)
    assert session["id"] not in open_page(browser)
    assert send(browser, f"devices/{session['id']}/end").status_code == 404
    assert otto.get("/api/auth/me").status_code == 200


def test_the_activity_is_ones_own_and_goes_on_over_pages(
    browser: httpx.Client, mara: Person, otto: Person
) -> None:
    sign_in(browser)
    for number in range(52):
        mara.patch("/api/auth/me", json={"name": f"Mara {number}"})
    otto.post("/api/availability/feed")
    page = open_page(browser, f"{PAGE}/activity")
    assert page.count("Settings were changed.") == 50
    assert "feed" not in page
    older = re.search(r'href="(/settings/activity\?[^"]+)"', page)
    assert older
    page = open_page(browser, older[1])
    assert page.count("Settings were changed.") == 2
    assert "You registered." in page
    assert "Older" not in page


def test_ones_data_can_be_taken_away(browser: httpx.Client, mara: Person) -> None:
    sign_in(browser)
    links = re.findall(r'href="(/api/auth/export[^"]*)"', open_page(browser))
    assert len(links) == 2
    for link in links:
        answer = browser.get(link)
        assert answer.status_code == 200
        assert "attachment" in answer.headers["content-disposition"]


def test_the_account_is_deleted_by_typing_its_address(
    browser: httpx.Client, mara: Person, otto: Person, count: Callable[[str], int]
) -> None:
    sign_in(browser)
    part = browser.get(f"{PAGE}/delete", headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert "Delete your account?" in part
    answer = send(browser, "delete", confirmation="otto@example.com")
    assert answer.status_code == 422
    assert "Nothing was deleted." in problem_beside(answer, "confirmation")
    assert count("users") == 2
    answer = send(browser, "delete", confirmation=" MARA@example.com ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?done=erased")
    assert count("users") == 1
    assert "calendar_manager_session" not in browser.cookies
    assert "are deleted." in open_page(browser, answer.headers["location"])
    assert otto.get("/api/auth/me").status_code == 200


def test_nothing_is_stored_without_the_token_of_the_session(
    browser: httpx.Client, mara: Person, count: Callable[[str], int]
) -> None:
    (session,) = mara.get("/api/auth/sessions").json()["items"]
    before = mara.get("/api/auth/me").json()
    sign_in(browser)
    for path in (
        "profile",
        "conflicts",
        "sharing",
        f"sharing/{session['id']}/end",
        "password",
        f"devices/{session['id']}/end",
        "delete",
    ):
        data = {"csrf_token": "0" * 64, "name": "X", "confirmation": mara.email}
        assert browser.post(f"{PAGE}/{path}", data=data).status_code == 403, path
    assert mara.get("/api/auth/me").json() == before
    assert count("users") == 1


def test_settings_are_for_people_who_are_signed_in(browser: httpx.Client, mara: Person) -> None:
    for path in (PAGE, f"{PAGE}/activity", f"{PAGE}/delete"):
        answer = browser.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login?next=")
