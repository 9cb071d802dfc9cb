"""Connecting a Google account by OAuth, through the sandbox's real consent page."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, text

from calendar_manager.bootstrap import Services
from calendar_manager.sandbox.control_client import ControlClient, approve_consent
from tests.api.callers import Person, expect_problem
from tests.api.conftest import Clock

pytestmark = pytest.mark.store

ACCOUNT = "mara@example.com"
CALENDAR_LIST_SCOPE = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
AS_PROGRAM = {"Accept": "application/json"}
Count = Callable[[str], int]


def expect_nothing_stored(count: Count) -> None:
    assert {table: count(table) for table in ("connections", "calendars", "sync_jobs")} == {
        "connections": 0,
        "calendars": 0,
        "sync_jobs": 0,
    }
    assert count("oauth_states") == 0, "a state that came back is used up"


def state_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["state"][0]


def test_a_program_gets_the_address_and_a_guarded_cookie(
    mara: Person, base_url: str, google: ControlClient, count: Count
) -> None:
    headers = {**mara.bearer, **AS_PROGRAM}
    answer = mara.http.get("/api/auth/connect/google", headers=headers)
    assert answer.status_code == 200
    address = answer.json()["authorization_url"]
    assert address.startswith(f"{google.base_url}/google/o/oauth2/v2/auth?")
    query = parse_qs(urlsplit(address).query)
    assert query["redirect_uri"] == [f"{base_url}/api/auth/callback/google"]
    assert query["code_challenge_method"] == ["S256"]
    assert len(state_of(address)) >= 43
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("calendar_manager_consent=")
    for attribute in ("HttpOnly", "Max-Age=600", "Path=/api/auth", "SameSite=lax"):
        assert attribute in cookie
    assert state_of(address) not in cookie
    assert count("oauth_states") == 1


def test_no_secret_of_a_consent_is_stored_readably(
    mara: Person, google: ControlClient, clean_database: Engine
) -> None:
    state = state_of(mara.begin_consent())
    with clean_database.connect() as connection:
        row = connection.execute(text("SELECT * FROM oauth_states")).mappings().one()
    stored = " ".join(
        bytes(value).hex() if isinstance(value, memoryview) else str(value)
        for value in row.values()
    )
    for secret in (state, mara.browser.cookies["calendar_manager_consent"], "code_verifier"):
        assert secret not in stored


@pytest.mark.parametrize("accept", ["text/html,application/xhtml+xml,*/*;q=0.8", "*/*"])
def test_a_browser_is_led_to_the_provider(mara: Person, google: ControlClient, accept: str) -> None:
    answer = mara.http.get("/api/auth/connect/google", headers={**mara.bearer, "Accept": accept})
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{google.base_url}/google/")


def test_connecting_stores_the_account_its_calendars_and_their_first_syncs(
    mara: Person, google: ControlClient, services: Services
) -> None:
    answer = mara.connect(ACCOUNT)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["outcome"] == "connected"
    connection = body["connection"]
    assert connection["provider"] == "google"
    assert connection["account"] == ACCOUNT
    assert connection["status"] == "active"
    assert connection["reason"] is None
    assert connection["token_expires_at"]

    calendars = mara.get("/api/calendars").json()["items"]
    assert {calendar["name"] for calendar in calendars} == {ACCOUNT, "Side projects"}
    assert {calendar["connection_id"] for calendar in calendars} == {connection["id"]}
    assert {calendar["status"] for calendar in calendars} == {"syncing"}

    jobs = mara.get("/api/sync-jobs").json()["items"]
    assert {job["calendar_id"] for job in jobs} == {calendar["id"] for calendar in calendars}
    assert {(job["kind"], job["trigger"], job["status"]) for job in jobs} == {
        ("initial", "connect", "queued")
    }
    assert services.redis.llen("sync.urgent") == 2, "workers are told at once"


def test_tokens_are_stored_encrypted_only(
    mara: Person, google: ControlClient, clean_database: Engine, services: Services
) -> None:
    connection = mara.connected(ACCOUNT)
    with clean_database.connect() as database:
        row = database.execute(text("SELECT * FROM connections")).mappings().one()
    with services.store.begin() as uow:
        loaded = uow.connections.load_tokens(row["id"])
    assert loaded is not None
    stored = " ".join(str(value) for value in row.values())
    assert str(row["id"]) == connection["id"]
    for token in (loaded[1].access_token, loaded[1].refresh_token):
        assert token
        assert token not in stored


def test_a_browser_is_led_back_to_the_front_end(
    mara: Person, base_url: str, google: ControlClient
) -> None:
    mara.browser.headers["Authorization"] = mara.bearer["Authorization"]
    begun = mara.browser.get(
        f"{base_url}/api/auth/connect/google", allow_redirects=False, timeout=30
    )
    del mara.browser.headers["Authorization"]
    address = approve_consent(mara.browser, begun.headers["Location"], ACCOUNT)
    answer = mara.come_back(address)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{base_url}/connected?provider=google&outcome=connected"
    assert "calendar_manager_consent" not in mara.browser.cookies
    page = mara.browser.get(answer.headers["Location"], timeout=30)
    # Nobody is signed in in this browser; whoever signs in goes on to the connected account.
    assert page.url == f"{base_url}/login?next=/connections?done=connected"


def test_a_program_at_the_callback_is_answered_in_json(
    mara: Person, base_url: str, google: ControlClient
) -> None:
    mara.browser.headers["Authorization"] = mara.bearer["Authorization"]
    begun = mara.browser.get(
        f"{base_url}/api/auth/connect/google", allow_redirects=False, timeout=30
    )
    address = approve_consent(mara.browser, begun.headers["Location"], ACCOUNT)
    mara.browser.headers.update(AS_PROGRAM)
    answer = mara.come_back(address)
    assert answer.status_code == 200
    assert answer.json()["outcome"] == "connected"


def test_the_same_account_twice_is_one_connection_with_fresh_tokens(
    mara: Person, google: ControlClient, services: Services, count: Count
) -> None:
    first = mara.connected(ACCOUNT)
    with services.store.begin() as uow:
        old = uow.connections.load_tokens(_id(first))
        uow.connections.mark_needs_reauth(_id(first), "Connect the account again.")
    assert mara.get("/api/connections").json()["items"][0]["status"] == "needs_reauth"

    second = mara.connected(ACCOUNT)
    assert second["id"] == first["id"]
    assert second["status"] == "active"
    assert second["reason"] is None
    assert count("connections") == 1
    assert count("calendars") == 2
    with services.store.begin() as uow:
        new = uow.connections.load_tokens(_id(second))
    assert old is not None
    assert new is not None
    assert new[1].access_token != old[1].access_token


def test_two_accounts_of_one_provider_are_two_connections(
    mara: Person, google: ControlClient
) -> None:
    google.add_account("studio@example.com")
    ids = {mara.connected(ACCOUNT)["id"], mara.connected("studio@example.com")["id"]}
    assert len(ids) == 2
    listed = mara.get("/api/connections").json()["items"]
    assert [connection["account"] for connection in listed] == [ACCOUNT, "studio@example.com"]


def test_a_hidden_calendar_is_known_and_not_synced(mara: Person, google: ControlClient) -> None:
    google.add_calendar(ACCOUNT, "Moon phases", selected=False)
    mara.connected(ACCOUNT)
    calendars = {item["name"]: item for item in mara.get("/api/calendars").json()["items"]}
    assert calendars["Moon phases"]["sync_enabled"] is False
    assert len(mara.get("/api/sync-jobs").json()["items"]) == 2


# What can go wrong


def test_denied_consent_is_told_and_stores_nothing(
    mara: Person, google: ControlClient, count: Count
) -> None:
    expect_problem(mara.connect(ACCOUNT, deny=True), 403, "consent_denied")
    expect_nothing_stored(count)


def test_an_unticked_scope_is_told_and_stores_nothing(
    mara: Person, google: ControlClient, count: Count
) -> None:
    answer = mara.connect(ACCOUNT, untick=[CALENDAR_LIST_SCOPE])
    problem = expect_problem(answer, 403, "scope_missing")
    assert "tick" in problem["detail"]
    expect_nothing_stored(count)


def test_a_browser_is_told_of_a_failure_by_a_page(
    mara: Person, base_url: str, google: ControlClient, count: Count
) -> None:
    mara.browser.headers["Authorization"] = mara.bearer["Authorization"]
    begun = mara.browser.get(
        f"{base_url}/api/auth/connect/google", allow_redirects=False, timeout=30
    )
    address = approve_consent(mara.browser, begun.headers["Location"], ACCOUNT, deny=True)
    answer = mara.come_back(address)
    assert answer.status_code == 303
    assert answer.headers["Location"] == (
        f"{base_url}/connected?provider=google&outcome=denied&reason=consent_denied"
    )
    assert (
        "You did not allow the access."
        in mara.browser.get(answer.headers["Location"], timeout=30).text
    )
    expect_nothing_stored(count)


def test_a_state_serves_once(mara: Person, google: ControlClient, count: Count) -> None:
    address = approve_consent(mara.browser, mara.begin_consent(), ACCOUNT)
    cookie = f"calendar_manager_consent={mara.browser.cookies['calendar_manager_consent']}"
    assert mara.come_back(address).status_code == 200
    again = mara.http.get(address, headers={**AS_PROGRAM, "Cookie": cookie})
    expect_problem(again, 400, "oauth_state_invalid")
    assert count("connections") == 1
    assert mara.get("/api/connections").json()["items"][0]["status"] == "active"


def test_of_two_ways_back_at_once_only_one_arrives(
    mara: Person, google: ControlClient, count: Count
) -> None:
    address = approve_consent(mara.browser, mara.begin_consent(), ACCOUNT)
    cookie = f"calendar_manager_consent={mara.browser.cookies['calendar_manager_consent']}"
    headers = {**AS_PROGRAM, "Cookie": cookie}
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda _: httpx.get(address, headers=headers, timeout=30), range(4))
        statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 400, 400, 400]
    assert count("connections") == 1


def test_a_state_without_its_browser_is_refused_and_used_up(
    mara: Person, google: ControlClient, count: Count
) -> None:
    address = approve_consent(mara.browser, mara.begin_consent(), ACCOUNT)
    expect_problem(mara.http.get(address), 400, "oauth_state_invalid")
    mara.browser.headers.update(AS_PROGRAM)
    expect_problem(mara.come_back(address), 400, "oauth_state_invalid")
    expect_nothing_stored(count)


def test_a_consent_of_somebody_else_is_refused(
    mara: Person, otto: Person, google: ControlClient, count: Count
) -> None:
    """An attacker who lures a victim to the end of his consent must not get her calendar."""
    address = approve_consent(mara.browser, mara.begin_consent(), ACCOUNT)
    otto.begin_consent()
    expect_problem(otto.come_back(address), 400, "oauth_state_invalid")
    assert count("connections") == 0


def test_a_browser_that_changed_hands_is_refused(
    mara: Person, otto: Person, google: ControlClient, count: Count
) -> None:
    address = approve_consent(mara.browser, mara.begin_consent(), ACCOUNT)
    mara.browser.headers["Authorization"] = otto.bearer["Authorization"]
    expect_problem(mara.come_back(address), 400, "oauth_state_invalid")
    expect_nothing_stored(count)


def test_an_unknown_state_is_refused(mara: Person, google: ControlClient, count: Count) -> None:
    address = approve_consent(mara.browser, mara.begin_consent(), ACCOUNT)
    forged = address.replace(state_of(address), "x" * 43)
    mara.browser.headers.update(AS_PROGRAM)
    expect_problem(mara.come_back(forged), 400, "oauth_state_invalid")
    assert count("connections") == 0
    mara.browser.headers["Accept"] = "*/*"
    assert (
        mara.come_back(forged)
        .headers["Location"]
        .endswith("/connected?provider=google&outcome=denied&reason=oauth_state_invalid")
    )


@pytest.mark.parametrize("query", ["", "?code=abc", "?state=", "?state=%00", "?state=%ff&code=x"])
def test_a_callback_without_a_proper_state_is_refused(
    http: httpx.Client, google: ControlClient, query: str
) -> None:
    answer = http.get(f"/api/auth/callback/google{query}", headers=AS_PROGRAM)
    expect_problem(answer, 400, "oauth_state_invalid")


def test_an_expired_state_is_refused(
    mara: Person, google: ControlClient, clock: Clock, count: Count
) -> None:
    address = approve_consent(mara.browser, mara.begin_consent(), ACCOUNT)
    clock.advance(timedelta(minutes=10))
    problem = expect_problem(mara.come_back(address), 400, "oauth_state_invalid")
    assert "too long" in problem["detail"]
    expect_nothing_stored(count)


def test_a_state_of_another_provider_is_refused(
    mara: Person, google: ControlClient, count: Count
) -> None:
    address = approve_consent(mara.browser, mara.begin_consent(), ACCOUNT)
    mara.browser.headers.update(AS_PROGRAM)
    answer = mara.come_back(address.replace("/callback/google", "/callback/microsoft"))
    expect_problem(answer, 400, "oauth_state_invalid")
    assert count("connections") == 0


def test_a_forged_code_is_refused(mara: Person, google: ControlClient, count: Count) -> None:
    address = approve_consent(mara.browser, mara.begin_consent(), ACCOUNT)
    code = parse_qs(urlsplit(address).query)["code"][0]
    forged = f"{address.split('?')[0]}?state={state_of(address)}&code=x{len(code)}"
    expect_problem(mara.come_back(forged), 502, "provider_refused")
    expect_nothing_stored(count)


def test_a_provider_that_is_down_is_told_and_stores_nothing(
    mara: Person, google: ControlClient, count: Count
) -> None:
    google.add_fault("status", path="/google/token", status=503)
    expect_problem(mara.connect(ACCOUNT), 503, "provider_unavailable")
    expect_nothing_stored(count)


def test_an_account_whose_calendars_cannot_be_read_is_given_back(
    mara: Person, google: ControlClient, count: Count
) -> None:
    google.add_fault("status", path="calendarList", status=503)
    expect_problem(mara.connect(ACCOUNT), 503, "provider_unavailable")
    expect_nothing_stored(count)
    assert google.count_requests("/google/revoke", "POST") == 1


def test_when_storing_fails_the_grant_is_given_back(
    mara: Person, google: ControlClient, clean_database: Engine, count: Count
) -> None:
    address = approve_consent(mara.browser, mara.begin_consent(), ACCOUNT)
    with clean_database.begin() as connection:
        connection.execute(
            text("ALTER TABLE calendars ADD CONSTRAINT nothing_fits CHECK (name = '')")
        )
    try:
        answer = mara.come_back(address)
    finally:
        with clean_database.begin() as connection:
            connection.execute(text("ALTER TABLE calendars DROP CONSTRAINT nothing_fits"))
    problem = expect_problem(answer, 500, "internal_error")
    assert "constraint" not in str(problem).lower()
    expect_nothing_stored(count)
    assert google.count_requests("/google/revoke", "POST") == 1


def test_a_failed_reconnect_leaves_the_working_connection_alone(
    mara: Person, google: ControlClient
) -> None:
    """Google has one grant per account, so giving the new one back would end the old one."""
    mara.connected(ACCOUNT)
    google.add_fault("status", path="calendarList", status=503)
    expect_problem(mara.connect(ACCOUNT), 503, "provider_unavailable")
    assert google.count_requests("/google/revoke", "POST") == 0
    assert mara.get("/api/connections").json()["items"][0]["status"] == "active"


def test_a_user_who_left_meanwhile_gets_no_connection(
    mara: Person, google: ControlClient, count: Count
) -> None:
    address = approve_consent(mara.browser, mara.begin_consent(), ACCOUNT)
    assert mara.delete("/api/auth/me").status_code == 204
    expect_problem(mara.http.get(address, headers=AS_PROGRAM), 400, "oauth_state_invalid")
    expect_nothing_stored(count)


@pytest.mark.parametrize("provider", ["yahoo", "GOOGLE", "google%00", "..%2F"])
def test_an_unknown_provider_is_not_found(mara: Person, provider: str) -> None:
    for call, path in ((mara.get, "connect"), (mara.get, "callback"), (mara.post, "disconnect")):
        assert call(f"/api/auth/{path}/{provider}").status_code == 404


def test_a_provider_that_is_not_set_up_says_so(mara: Person) -> None:
    problem = expect_problem(
        mara.get("/api/auth/connect/microsoft"), 409, "provider_not_configured"
    )
    assert "microsoft" in problem["detail"]


def test_connecting_needs_a_login(http: httpx.Client) -> None:
    expect_problem(
        http.get("/api/auth/connect/google", headers=AS_PROGRAM),
        401,
        "not_authenticated",
    )
    page = http.get("/api/auth/connect/google", headers={"Accept": "text/html"})
    assert page.status_code == 303
    assert page.headers["location"] == "/login?next=%2Fapi%2Fauth%2Fconnect%2Fgoogle"


def _id(connection: dict[str, str]) -> UUID:
    return UUID(connection["id"])
