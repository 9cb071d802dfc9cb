"""The plain pages: forms, sessions, and what they never do."""

import re
from collections.abc import Callable, Iterator
from html import unescape

import httpx
import pytest

from calendar_manager.accounts.attempts import SIGN_IN_ACCOUNT
from calendar_manager.sandbox.control_client import ControlClient, approve_consent
from tests.api.callers import NO_AUTHORITIES, PASSWORD, Person

pytestmark = pytest.mark.store

ACCOUNT = "mara@example.com"
NEW = {
    "email": "new@example.com",
    "password": PASSWORD,
    "name": "New Person",
    "time_zone": "Europe/Berlin",
}


@pytest.fixture
def browser(base_url: str) -> Iterator[httpx.Client]:
    """A browser that asks for pages and stops at redirects."""
    headers = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    with httpx.Client(
        base_url=base_url, headers=headers, timeout=30, verify=NO_AUTHORITIES
    ) as client:
        yield client


def send_form(browser: httpx.Client, page: str, fields: dict[str, str]) -> httpx.Response:
    """Open a page, fill in its form, and send it."""
    return browser.post(page, data={**fields, "csrf_token": token_of(browser.get(page).text)})


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page)
    assert found, page
    return found[1]


def sign_in(browser: httpx.Client, email: str = ACCOUNT) -> None:
    answer = send_form(browser, "/login", {"email": email, "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_strangers_are_led_to_the_sign_in_page(browser: httpx.Client) -> None:
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_registering_signs_in_and_shows_the_accounts(browser: httpx.Client) -> None:
    answer = send_form(browser, "/register", NEW)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert browser.get("/").headers["location"] == "/connections", "there is no week to see yet"
    page = browser.get("/connections")
    assert page.status_code == 200
    assert "New Person" in page.text
    assert "No account is connected yet." in page.text
    assert 'href="/api/auth/connect/google"' in page.text
    assert browser.get("/login").headers["location"] == "/"
    assert browser.get("/register").headers["location"] == "/"


def test_an_account_that_is_made_is_said_even_when_signing_in_is_refused(
    browser: httpx.Client, base_url: str
) -> None:
    wrong = {"email": NEW["email"], "password": "a wrong password"}
    for _ in range(SIGN_IN_ACCOUNT.amount):
        httpx.post(f"{base_url}/api/auth/login", json=wrong)
    answer = send_form(browser, "/register", NEW)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    page = unescape(answer.text)
    assert "Your account is made, only signing in was refused. That was too often." in page
    assert 'action="/login"' in page, "there is nothing left to register"
    assert f'value="{NEW["email"]}"' in page
    again = send_form(browser, "/register", NEW)
    assert "There is already an account" in again.text


def test_what_was_typed_stays_but_the_password(browser: httpx.Client) -> None:
    answer = send_form(
        browser, "/register", {**NEW, "time_zone": "Mars", "password": "short", "name": '<"x">'}
    )
    assert answer.status_code == 422
    assert 'value="new@example.com"' in answer.text
    assert 'value="Mars"' in answer.text
    assert "This is not an IANA time zone." in answer.text
    assert "Use 10 to 200 characters." in answer.text
    assert '<"x">' not in answer.text
    assert "&lt;&#34;x&#34;&gt;" in answer.text
    assert "short" not in unescape(answer.text)


def test_a_taken_address_is_said_beside_its_field(browser: httpx.Client, mara: Person) -> None:
    answer = send_form(browser, "/register", {**NEW, "email": ACCOUNT})
    assert answer.status_code == 409
    assert "There is already an account with this e-mail address." in answer.text


@pytest.mark.parametrize(("email", "password"), [(ACCOUNT, "wrong"), ("x\u0000", "y"), ("", "")])
def test_a_wrong_sign_in_can_be_tried_again(
    browser: httpx.Client, mara: Person, email: str, password: str
) -> None:
    answer = send_form(browser, "/login", {"email": email, "password": password})
    assert answer.status_code == 401
    assert "The e-mail address or the password is wrong." in answer.text
    sign_in(browser)


def test_signing_out_ends_the_session(browser: httpx.Client, mara: Person) -> None:
    sign_in(browser)
    session = browser.cookies["calendar_manager_session"]
    token = token_of(browser.get("/connections").text)
    answer = browser.post("/logout", data={"csrf_token": token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    browser.cookies.set("calendar_manager_session", session)
    assert browser.get("/").headers["location"] == "/login"


@pytest.mark.parametrize("page", ["/login", "/register"])
@pytest.mark.parametrize("token", [None, "", "0" * 64])
def test_forms_of_other_sites_are_refused(
    browser: httpx.Client, mara: Person, page: str, token: str | None
) -> None:
    browser.get(page)
    fields = {**NEW, **({} if token is None else {"csrf_token": token})}
    answer = browser.post(page, data=fields)
    assert answer.status_code == 403
    assert "calendar_manager_session" not in browser.cookies


def test_a_form_from_another_browser_is_refused(
    browser: httpx.Client, mara: Person, base_url: str
) -> None:
    foreign = httpx.get(f"{base_url}/login")
    browser.get("/login")
    fields = {"email": ACCOUNT, "password": PASSWORD, "csrf_token": token_of(foreign.text)}
    assert browser.post("/login", data=fields).status_code == 403


def test_changes_of_other_sites_are_refused(
    browser: httpx.Client, mara: Person, google: ControlClient, count: Callable[[str], int]
) -> None:
    connection = mara.connected(ACCOUNT)
    sign_in(browser)
    path = f"/connections/{connection['id']}/disconnect"
    assert browser.post(path, data={"provider": "google"}).status_code == 403
    assert browser.post("/logout").status_code == 403
    assert count("connections") == 1
    assert browser.get("/connections").status_code == 200


def test_an_account_is_connected_and_left_by_hand(
    browser: httpx.Client, mara: Person, google: ControlClient, work: Callable[[], None]
) -> None:
    sign_in(browser)
    begun = browser.get("/api/auth/connect/google")
    assert begun.status_code == 302
    address = approve_consent(mara.browser, begun.headers["location"], ACCOUNT)
    back = browser.get(address)
    assert back.status_code == 303
    landed = browser.get(browser.get(back.headers["location"]).headers["location"])
    assert "is connected" in landed.text
    work()

    assert browser.get("/").headers["location"] == "/week"
    page = browser.get("/connections").text
    assert ACCOUNT in page
    assert ">Connected<" in page
    assert "Side projects" in page
    assert "Both calendars are current." in page
    asked = re.search(r'href="(/connections/[^"]+/disconnect)"', page)
    assert asked
    question = browser.get(asked[1]).text
    found = re.search(r'action="(/connections/[^"]+/disconnect)"', question)
    assert found
    fields = {"provider": "google", "csrf_token": token_of(question)}
    gone = "/connections?done=disconnected"
    assert browser.post(found[1], data=fields).headers["location"] == gone
    assert "No account is connected yet." in browser.get("/connections").text
    assert browser.post(found[1], data=fields).headers["location"] == gone, "twice is as good"


def test_connecting_leads_strangers_to_the_sign_in_page(browser: httpx.Client) -> None:
    answer = browser.get("/api/auth/connect/google")
    back_here = "/login?next=%2Fapi%2Fauth%2Fconnect%2Fgoogle"
    assert (answer.status_code, answer.headers["location"]) == (303, back_here)
    browser.cookies.set("calendar_manager_session", "nonsense")
    answer = browser.get("/api/auth/connect/google")
    assert (answer.status_code, answer.headers["location"]) == (303, back_here)


def test_accounts_of_others_cannot_be_left(
    browser: httpx.Client, mara: Person, otto: Person, google: ControlClient
) -> None:
    connection = mara.connected(ACCOUNT)
    sign_in(browser, otto.email)
    fields = {"provider": "google", "csrf_token": token_of(browser.get("/connections").text)}
    browser.post(f"/connections/{connection['id']}/disconnect", data=fields)
    assert len(mara.get("/api/connections").json()["items"]) == 1


@pytest.mark.parametrize(
    "query",
    [
        "provider=<script>alert(1)</script>&outcome=denied&reason=<b>x</b>",
        "provider=google&outcome=denied&reason=https://evil.example",
        "outcome=denied",
        "",
    ],
)
def test_the_outcome_page_shows_nothing_from_its_address(browser: httpx.Client, query: str) -> None:
    page = browser.get(f"/connected?{query}")
    assert page.status_code == 400
    assert "<script>" not in page.text
    assert "evil" not in page.text
    assert "<b>" not in page.text
    assert "could not be understood" in page.text


def test_pages_need_nothing_inline_and_nothing_from_elsewhere(
    browser: httpx.Client, mara: Person
) -> None:
    pages = [browser.get(path).text for path in ("/login", "/register", "/connected", "/docs")]
    sign_in(browser)
    paths = ("week", "conflicts", "availability", "clients", "connections", "settings")
    pages += [browser.get(f"/{path}").text for path in paths]
    for page in pages:
        assert not re.search(r"<script(?! src=\"/static/)", page)
        assert "<style" not in page
        assert " style=" not in page
        assert not re.search(r"<[^>]*\son[a-z]+=", page)
        assert not re.search(r"""(?:src|href|action)=["'](?!/[a-z]|/"|#)""", page)
        for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
            assert browser.get(address).status_code == 200, address


def test_the_policy_lets_no_script_in_the_text_run(browser: httpx.Client, mara: Person) -> None:
    sign_in(browser)
    first, second = (
        browser.get(path).headers["content-security-policy"] for path in ("/week", "/docs")
    )
    assert "script-src 'self';" in first
    assert "unsafe" not in first + second
    assert re.findall("nonce-[^']+", first) != re.findall("nonce-[^']+", second)


@pytest.mark.parametrize(
    "path", ["/nowhere", "/conflicts/nowhere", "/api/calendars/nowhere", "/static/nowhere.css"]
)
def test_a_browser_gets_errors_as_pages(browser: httpx.Client, mara: Person, path: str) -> None:
    sign_in(browser)
    answer = browser.get(path)
    assert answer.status_code in {401, 404, 405, 422}
    assert answer.headers["content-type"].startswith("text/html")
    assert 'href="/"' in answer.text


def test_signing_in_leads_back_to_where_one_was(browser: httpx.Client, mara: Person) -> None:
    asked = browser.get("/conflicts?status=open")
    assert asked.headers["location"] == "/login?next=%2Fconflicts%3Fstatus%3Dopen"
    fields = {"email": ACCOUNT, "password": PASSWORD, "next": "/conflicts?status=open"}
    answer = send_form(browser, "/login", fields)
    assert answer.headers["location"] == "/conflicts?status=open"


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a\nb"]
)
def test_signing_in_leads_to_no_other_site(browser: httpx.Client, mara: Person, path: str) -> None:
    fields = {"email": ACCOUNT, "password": PASSWORD, "next": path}
    assert send_form(browser, "/login", fields).headers["location"] == "/"


@pytest.mark.parametrize(
    "path", ["/login?next=https://evil.example", "/?next=//evil.example", "//evil.example"]
)
def test_no_redirect_leaves_the_installation(
    browser: httpx.Client, mara: Person, path: str
) -> None:
    sign_in(browser)
    answer = browser.get(path)
    assert answer.headers.get("location", "/") in {"/", "/login", "/connections"}


def test_where_one_was_is_kept_between_signing_in_and_registering(browser: httpx.Client) -> None:
    page = browser.get("/login?next=/conflicts?status=open").text
    other = re.search(r'href="(/register[^"]*)"', page)
    assert other
    page = browser.get(unescape(other[1])).text
    assert 'name="next" value="/conflicts?status=open"' in page
    back = re.search(r'href="(/login[^"]*)"', page)
    assert back
    assert back[1] == "/login?next=/conflicts%3Fstatus%3Dopen"
    answer = send_form(browser, unescape(other[1]), {**NEW, "next": "/conflicts?status=open"})
    assert answer.headers["location"] == "/conflicts?status=open"


def test_too_many_tries_are_told_in_the_form(browser: httpx.Client, mara: Person) -> None:
    wrong = {"email": ACCOUNT, "password": "wrong", "next": "/clients"}
    answers = [send_form(browser, "/login", wrong) for _ in range(30)]
    assert {answer.status_code for answer in answers} == {401, 429}
    assert "That was too often. Try again in" in answers[-1].text
    assert f'value="{ACCOUNT}"' in answers[-1].text, "what was typed stays"
    assert int(answers[-1].headers["Retry-After"]) > 0
