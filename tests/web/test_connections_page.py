"""The page of connected accounts: what it tells, what can be done on it, and the live progress."""

import re
from collections.abc import Callable
from html import unescape
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Engine, text

from calendar_manager.bootstrap import Services
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.store.unit_of_work import UnitOfWork
from calendar_manager.web import connections_view, sync_progress
from calendar_manager.web.connections_view import load_overview
from calendar_manager.web.week_events import name_calendars
from tests.api.callers import Person
from tests.api.test_pages import sign_in, token_of
from tests.factories import add_calendar

pytestmark = pytest.mark.store

ACCOUNT = "mara@example.com"
PAGE = "/connections"
HTMX = {"HX-Request": "true"}
Work = Callable[[], None]


def open_page(browser: httpx.Client, path: str = PAGE) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def send(
    browser: httpx.Client, path: str, *, headers: dict[str, str] | None = None, **fields: str
) -> httpx.Response:
    token = token_of(browser.get("/settings").text)
    return browser.post(path, data={**fields, "csrf_token": token}, headers=headers)


def seed(google: ControlClient, number: int) -> list[str]:
    events = google.create_events(
        ACCOUNT,
        [
            {
                "summary": f"Secret {day}",
                "start": {"date": f"2027-01-{day:02}"},
                "end": {"date": f"2027-01-{day + 1:02}"},
            }
            for day in range(1, number + 1)
        ],
    )
    return [str(event["id"]) for event in events]


def main_calendar(person: Person) -> dict[str, object]:
    items = person.get("/api/calendars").json()["items"]
    (calendar,) = [one for one in items if one["primary"]]
    return dict(calendar)


def events_of(stream: str) -> list[tuple[str, str]]:
    """Take a stream apart as a browser does: the name and the data of each event."""
    found = []
    for block in stream.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith((":", "retry:"))]
        names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
        data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        if names:
            found.append((names[0], "\n".join(data)))
    return found


def stream_address(page: str) -> str:
    found = re.search(r'sse-connect="([^"]+)"', page)
    assert found, page
    return found[1]


def test_an_account_shows_its_calendars_and_how_they_are(
    browser: httpx.Client, mara: Person, google: ControlClient, work: Work
) -> None:
    mara.connected(ACCOUNT)
    work()
    sign_in(browser)
    page = open_page(browser)
    assert "Side projects" in page
    assert "Both calendars are current." in page
    assert page.count('<span class="badge good">Current</span>') == 2
    assert "sse-connect" not in page, "nothing is under way"


def test_switches_are_stored(
    browser: httpx.Client, mara: Person, google: ControlClient, work: Work
) -> None:
    mara.connected(ACCOUNT)
    work()
    sign_in(browser)
    calendar = main_calendar(mara)
    path = f"{PAGE}/calendars/{calendar['id']}"
    answer = send(
        browser,
        path,
        headers=HTMX,
        sync_enabled="true",
        all_day_blocks="true",
        unreadable_policy="block",
        color="#123456",
        shown_color="#abcdef",
    )
    assert answer.status_code == 204, "the switches stay as they were moved"
    assert answer.headers["HX-Trigger"] == "accounts-changed", "the colour is shown elsewhere too"
    after = main_calendar(mara)
    stored = {name: after[name] for name in ("sync_enabled", "blocks_availability", "color")}
    assert stored == {"sync_enabled": True, "blocks_availability": False, "color": "#123456"}
    assert (after["all_day_blocks"], after["unreadable_policy"]) == (True, "block")
    shown = {"color": "#abcdef", "shown_color": "#abcdef"}
    answer = send(browser, path, headers=HTMX, sync_enabled="true", **shown)
    assert (answer.status_code, "HX-Trigger" in answer.headers) == (204, False)
    assert main_calendar(mara)["all_day_blocks"] is False
    plain = send(browser, path)
    assert (plain.status_code, plain.headers["location"]) == (303, f"{PAGE}?done=saved")
    assert main_calendar(mara)["sync_enabled"] is False
    assert main_calendar(mara)["color"] == "#123456", "a colour that was not changed stays"
    assert "Not read" in open_page(browser)


def test_a_sync_can_be_asked_for(
    browser: httpx.Client, mara: Person, google: ControlClient, work: Work
) -> None:
    connection = mara.connected(ACCOUNT)
    work()
    sign_in(browser)
    answer = send(browser, f"{PAGE}/{connection['id']}/sync", headers=HTMX)
    assert "Looking for news in 2 calendars" in answer.text
    assert "sse-connect" in answer.text, "from now on the page follows"
    queued = mara.get("/api/sync-jobs?status=queued").json()["items"]
    assert [job["kind"] for job in queued] == ["incremental"] * 2
    work()
    anew = f"{PAGE}/calendars/{main_calendar(mara)['id']}/read-anew"
    assert send(browser, anew).headers["location"] == f"{PAGE}?done=reading"
    (job,) = mara.get("/api/sync-jobs?status=queued").json()["items"]
    assert job["kind"] == "full"


def test_held_deletions_are_shown_and_confirmed(
    browser: httpx.Client, mara: Person, google: ControlClient, work: Work
) -> None:
    ids = seed(google, 12)
    mara.connected(ACCOUNT)
    work()
    for event_id in ids:
        google.mutate(ACCOUNT, "delete", event_id)
    google.expire_sync_tokens(ACCOUNT)
    calendar = main_calendar(mara)
    mara.post(f"/api/calendars/{calendar['id']}/sync")
    work()
    sign_in(browser)
    page = open_page(browser)
    assert "12 of 12" in page
    assert "Confirm: delete 12 events here" in page
    confirm = f"{PAGE}/calendars/{calendar['id']}/confirm"
    assert send(browser, confirm).status_code == 303
    work()
    assert "Confirm: delete" not in open_page(browser)
    assert send(browser, confirm).status_code == 303, "twice is as good"


def test_leaving_says_what_goes(
    browser: httpx.Client, mara: Person, google: ControlClient, work: Work
) -> None:
    seed(google, 5)
    connection = mara.connected(ACCOUNT)
    work()
    sign_in(browser)
    path = f"{PAGE}/{connection['id']}/disconnect"
    page = open_page(browser, path)
    assert re.search(r">2</b> calendars", page)
    assert re.search(r">5</b> events", page)
    part = browser.get(path, headers=HTMX).text
    assert "<html" not in part
    assert "Disconnect mara@example.com?" in part


@pytest.mark.parametrize("method", ["get", "post"])
def test_accounts_and_calendars_of_others_are_not_there(
    browser: httpx.Client,
    mara: Person,
    otto: Person,
    google: ControlClient,
    work: Work,
    method: str,
) -> None:
    connection = mara.connected(ACCOUNT)
    work()
    calendar = main_calendar(mara)
    sign_in(browser, otto.email)
    if method == "get":
        assert browser.get(f"{PAGE}/{connection['id']}/disconnect").status_code == 404
        assert ACCOUNT not in open_page(browser)
        return
    strangers = [
        f"{PAGE}/{connection['id']}/sync",
        *(f"{PAGE}/calendars/{calendar['id']}{end}" for end in ("", "/read-anew", "/confirm")),
    ]
    for path in strangers:
        assert send(browser, path).status_code == 404, path
        assert send(browser, path.replace(connection["id"], str(uuid4()))).status_code == 404
    assert main_calendar(mara) == calendar
    assert mara.get("/api/sync-jobs?status=queued").json()["items"] == []


def test_no_change_without_the_token_of_the_session(
    browser: httpx.Client, mara: Person, google: ControlClient, work: Work
) -> None:
    connection = mara.connected(ACCOUNT)
    work()
    calendar = main_calendar(mara)
    sign_in(browser)
    paths = [
        f"{PAGE}/{connection['id']}/sync",
        f"{PAGE}/caldotcom/key",
        *(f"{PAGE}/calendars/{calendar['id']}{end}" for end in ("", "/read-anew", "/confirm")),
    ]
    for path in paths:
        assert browser.post(path, data={"csrf_token": "0" * 64}).status_code == 403, path
    assert main_calendar(mara) == calendar


def test_a_calendar_has_one_colour_whether_or_not_others_are_read(
    browser: httpx.Client, mara: Person, google: ControlClient, services: Services
) -> None:
    mara.connected(ACCOUNT)
    with services.store.begin() as uow:
        (connection,) = uow.connections.list(UUID(mara.id))
        found = [one for one, _ in uow.calendars.list(UUID(mara.id))]
        found += [add_calendar(uow, connection, name=name) for name in ("Third", "Fourth")]
        # Nobody chose a colour; the first is not read, and only some pages know of it.
        for position, one in enumerate(found):
            uow.calendars.change(one.user_id, one.id, color=None, sync_enabled=position > 0)
    with services.store.begin() as uow:
        elsewhere = name_calendars(uow.lookups.load_calendars(UUID(mara.id)))
    overview = load_overview(services, UUID(mara.id))
    here = {
        one.calendar.id: one.color for account in overview.accounts for one in account.calendars
    }
    assert len(elsewhere) == len(here) - 1 == 3
    assert {one: here[one] for one in elsewhere} == {
        one: named.color for one, named in elsewhere.items()
    }
    assert len(set(here.values())) == len(here)


def test_the_stream_follows_a_first_sync_to_its_end(
    browser: httpx.Client,
    mara: Person,
    google: ControlClient,
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seed(google, 7)
    connection = mara.connected(ACCOUNT)
    sign_in(browser)
    page = open_page(browser)
    assert "Reading for the first time: 0 events so far, 0 of 2 calendars current." in page
    monkeypatch.setattr(sync_progress, "BETWEEN_LOOKS", 0.02)
    told = ""
    with browser.stream("GET", stream_address(page)) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for chunk in answer.iter_text():
            if "0 of 2 calendars current" in chunk:
                work()
            told += chunk
    events = events_of(told)
    progress = [data for name, data in events if name == f"progress-{connection['id']}"]
    assert "0 of 2 calendars current" in progress[0]
    assert "Both calendars are current." in progress[-1]
    calendar = [data for name, data in events if name == f"calendar-{main_calendar(mara)['id']}"]
    assert "Waits for its turn" in calendar[0]
    assert "Current" in calendar[-1]
    assert [name for name, _ in events[-2:]] == ["said", "done"]
    assert events[-2][1].strip() == f"Google, {ACCOUNT}: Both calendars are current."


def test_a_sync_that_ends_while_the_page_is_made_shows_in_its_calendar(
    browser: httpx.Client, mara: Person, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    mara.connected(ACCOUNT)
    sign_in(browser)
    load_runs = connections_view._load_runs

    def finish_meanwhile(uow: UnitOfWork, user_id: UUID, calendars: int) -> object:
        work()
        return load_runs(uow, user_id, calendars)

    monkeypatch.setattr(connections_view, "_load_runs", finish_meanwhile)
    assert "Both calendars are current." in open_page(browser)


def test_the_progress_counts_the_events_of_all_calendars(
    browser: httpx.Client,
    mara: Person,
    google: ControlClient,
    work: Work,
    clean_database: Engine,
) -> None:
    mara.connected(ACCOUNT)
    with clean_database.begin() as connection:
        (first, second) = connection.scalars(text("SELECT id FROM sync_jobs")).all()
        connection.execute(
            text("UPDATE sync_jobs SET status = 'running', created_count = 1200 WHERE id = :id"),
            {"id": first},
        )
        connection.execute(
            text(
                "UPDATE sync_jobs SET status = 'succeeded', created_count = 40, updated_count = 1"
                " WHERE id = :id"
            ),
            {"id": second},
        )
    sign_in(browser)
    page = open_page(browser)
    assert "Reading for the first time: 1,241 events so far" in page
    assert "1,200 events so far" in page


def test_a_stream_of_a_page_that_has_fallen_behind_asks_for_it_anew(
    browser: httpx.Client, mara: Person, google: ControlClient
) -> None:
    mara.connected(ACCOUNT)
    sign_in(browser)
    assert events_of(browser.get("/connections/progress?shape=old").text) == [
        ("changed", ""),
        ("done", ""),
    ]
    fresh = browser.get("/connections/accounts", headers=HTMX)
    assert stream_address(fresh.text) != "/connections/progress?shape=old"


def test_a_stream_ends_with_the_session(
    browser: httpx.Client,
    mara: Person,
    google: ControlClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mara.connected(ACCOUNT)
    sign_in(browser)
    page = open_page(browser)
    monkeypatch.setattr(sync_progress, "BETWEEN_LOOKS", 0.02)
    leaver = httpx.Client(base_url=browser.base_url, cookies=browser.cookies)
    told = ""
    with leaver, browser.stream("GET", stream_address(page)) as answer:
        for chunk in answer.iter_text():
            if not told:
                leaver.post("/logout", data={"csrf_token": token_of(page)})
            told += chunk
    assert [name for name, _ in events_of(told)[-2:]] == ["changed", "done"]


def test_a_stream_is_of_limited_life_and_keeps_the_line_open(
    browser: httpx.Client,
    mara: Person,
    google: ControlClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mara.connected(ACCOUNT)
    sign_in(browser)
    page = open_page(browser)
    for name, value in (("BETWEEN_LOOKS", 0.02), ("PING_EVERY", 0.05), ("LIFE", 0.5)):
        monkeypatch.setattr(sync_progress, name, value)
    told = browser.get(stream_address(page)).text
    assert told.startswith("retry: 1000\n\n")
    assert "\n: still at it\n" in told
    assert "done" not in [name for name, _ in events_of(told)], "the browser is to come back"


def test_a_stream_that_is_opened_anew_after_signing_out_leads_to_the_sign_in(
    browser: httpx.Client, mara: Person, google: ControlClient
) -> None:
    mara.connected(ACCOUNT)
    sign_in(browser)
    page = open_page(browser)
    browser.post("/logout", data={"csrf_token": token_of(page)})
    # What browsers send for an EventSource; it takes no other kind of answer.
    answer = browser.get(stream_address(page), headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (
        200,
        "text/event-stream",
    )
    assert events_of(answer.text) == [("changed", ""), ("done", "")]
    accounts = browser.get("/connections/accounts", headers=HTMX)
    assert accounts.headers["HX-Redirect"].startswith("/login")


def test_strangers_follow_nothing(browser: httpx.Client, mara: Person) -> None:
    assert browser.get("/connections/progress").status_code == 303


def test_a_provider_without_credentials_tells_its_operator_what_to_do(
    browser: httpx.Client, mara: Person, services: Services
) -> None:
    sign_in(browser)
    page = open_page(browser)
    assert 'href="/api/auth/connect/google"' in page
    assert 'href="/api/auth/connect/microsoft"' not in page
    base = services.settings.frontend_url
    for told in (
        "MICROSOFT_CLIENT_ID",
        "MICROSOFT_CLIENT_SECRET",
        f"{base}/api/auth/callback/microsoft",
        "docs/providers/microsoft.md",
        f"{base}/api/auth/callback/caldotcom",
    ):
        assert told in page
    assert "GOOGLE_CLIENT_ID" not in page


def test_a_failed_consent_is_told_on_the_page(browser: httpx.Client, mara: Person) -> None:
    sign_in(browser)
    answer = browser.get("/connected?provider=google&outcome=denied&reason=consent_denied")
    assert answer.status_code == 400
    page = unescape(answer.text)
    assert "Google was not connected." in page
    assert "You did not allow the access." in page
    assert 'href="/api/auth/connect/google">Try again' in page
    foreign = browser.get("/connected?provider=<b>evil</b>&outcome=denied&reason=<i>evil</i>")
    assert "evil" not in foreign.text
    assert "Try again" not in foreign.text


@pytest.mark.parametrize(("key", "problem"), [("", "Enter the key."), ("x" * 501, "at most 500")])
def test_a_key_that_cannot_be_one_is_refused_beside_its_field(
    browser: httpx.Client, mara: Person, count: Callable[[str], int], key: str, problem: str
) -> None:
    sign_in(browser)
    answer = send(browser, f"{PAGE}/caldotcom/key", api_key=key)
    assert answer.status_code == 422
    assert re.search(rf'id="api-key-note">[^<]*{problem}', unescape(answer.text))
    assert count("connections") == 0


def test_a_lost_consent_stops_the_progress_and_says_why(
    browser: httpx.Client, mara: Person, google: ControlClient, services: Services
) -> None:
    connection = mara.connected(ACCOUNT)
    with services.store.begin() as uow:
        uow.connections.mark_needs_reauth(
            UUID(connection["id"]), "Google ended it.", reason_code="revoked"
        )
    sign_in(browser)
    page = open_page(browser)
    assert "Google ended it." in page
    assert "Waits for the account" in page
    assert "Sync now" not in page
    assert "sse-connect" not in page
