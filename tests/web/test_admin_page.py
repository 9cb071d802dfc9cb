"""The pages of the administration: whom they open for, what they show, and what they do."""

from collections.abc import Callable
from html import unescape
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from calendar_manager.bootstrap import Services
from calendar_manager.domain.users import Role
from calendar_manager.sandbox.control_client import ControlClient
from tests.api.callers import Person
from tests.api.full_person import MARK, FullPerson, fill
from tests.api.test_pages import sign_in, token_of

pytestmark = pytest.mark.store

PAGES = (
    "/admin",
    "/admin/users",
    "/admin/connections",
    "/admin/failures",
    "/admin/audit",
)


@pytest.fixture
def admin(sign_up: Callable[..., Person], services: Services) -> Person:
    person = sign_up("ada@example.com")
    with services.store.begin() as uow:
        uow.users.save_role(UUID(person.id), Role.ADMIN)
    return person


@pytest.fixture
def full(
    mara: Person, services: Services, google: ControlClient, work: Callable[[], None]
) -> FullPerson:
    return fill(mara, services=services, google=google, work=work)


def open_page(browser: httpx.Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


@pytest.mark.parametrize("path", PAGES)
def test_strangers_are_led_to_the_sign_in_page(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


def test_for_everybody_else_there_is_nothing(
    browser: httpx.Client, mara: Person, full: FullPerson, services: Services
) -> None:
    sign_in(browser)
    assert 'href="/admin"' not in open_page(browser, "/settings")
    for path in PAGES:
        answer = browser.get(path)
        assert answer.status_code == 404, path
        assert "There is nothing here" in answer.text
    token = token_of(browser.get("/settings").text)
    path = f"/admin/connections/{full.ids['connection_id']}/sync"
    assert browser.post(path, data={"csrf_token": token}).status_code == 404
    with services.store.begin() as uow:
        assert not uow.administration.list_audit(action="admin.sync_requested", after=None, limit=1)


def test_administrators_find_the_way_and_see_the_state(
    browser: httpx.Client, admin: Person, full: FullPerson
) -> None:
    sign_in(browser, admin.email)
    assert 'href="/admin"' in open_page(browser, "/settings")
    page = open_page(browser, "/admin")
    assert "2 ok" in page
    assert "no worker answers" in page
    assert "sync.urgent" in page


def test_no_page_shows_a_title_or_an_attendee(
    browser: httpx.Client, admin: Person, full: FullPerson, services: Services
) -> None:
    with services.store.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE sync_jobs SET status = 'failed', finished_at = now(),"
                " error = :error, error_reason = 'rateLimitExceeded'"
            ),
            {"error": f"Google says no to {MARK}"},
        )
    sign_in(browser, admin.email)
    for path in PAGES:
        page = open_page(browser, path).replace(f"Mara {MARK}", "")
        assert MARK not in page, path
    assert "rateLimitExceeded" in open_page(browser, "/admin/failures")
    assert "rateLimitExceeded" in open_page(browser, "/admin")
    assert full.person.email in open_page(browser, "/admin/failures")


def test_connections_are_narrowed_down_and_explained(
    browser: httpx.Client, admin: Person, full: FullPerson, services: Services
) -> None:
    sign_in(browser, admin.email)
    assert full.person.email in open_page(browser, "/admin/connections?status=active")
    assert full.person.email not in open_page(browser, "/admin/connections?status=needs_reauth")
    with services.store.engine.begin() as connection:
        connection.execute(
            text("UPDATE connections SET status = 'needs_reauth', reason_code = 'revoked'")
        )
    page = open_page(browser, "/admin/connections?status=needs_reauth")
    assert full.person.email in page
    assert "revoked" in page
    assert "/sync" not in page, "what cannot be read cannot be synced"
    assert "2 to reconnect" in open_page(browser, "/admin")


def test_a_sync_is_asked_for_from_the_list(
    browser: httpx.Client, admin: Person, full: FullPerson, services: Services
) -> None:
    sign_in(browser, admin.email)
    path = f"/admin/connections/{full.ids['connection_id']}/sync"
    assert path in open_page(browser, "/admin/connections")
    assert browser.post(path, data={"csrf_token": "0" * 64}).status_code == 403
    token = token_of(browser.get("/admin/connections").text)
    answer = browser.post(path, data={"csrf_token": token})
    assert answer.status_code == 303
    assert "The workers are asked" in open_page(browser, answer.headers["location"])
    with services.store.begin() as uow:
        (entry,) = uow.administration.list_audit(action="admin.sync_requested", after=None, limit=9)
    assert entry.user_id == UUID(admin.id)


def test_the_log_is_narrowed_down_and_goes_back(
    browser: httpx.Client, admin: Person, full: FullPerson, services: Services
) -> None:
    with services.store.begin() as uow:
        for number in range(60):
            uow.audit.record("session.refused", user_id=None, subject=f"try {number}")
    sign_in(browser, admin.email)
    page = open_page(browser, "/admin/audit?action=session.refused")
    assert "connection.connected" not in page
    older = page.split('href="/admin/audit?action=session.refused&at=')[1].split('"')[0]
    rest = open_page(browser, f"/admin/audit?action=session.refused&at={older}")
    shown = [f"try {number}<" in page or f"try {number}<" in rest for number in range(60)]
    assert all(shown)
    mine = open_page(browser, f"/admin/audit?user_id={full.person.id}")
    assert "connection.connected" in mine
    assert "try " not in mine


def test_an_id_that_is_none_is_said_beside_its_field(browser: httpx.Client, admin: Person) -> None:
    sign_in(browser, admin.email)
    answer = browser.get("/admin/audit", params={"user_id": "<mara>"})
    assert answer.status_code == 422
    assert "This is not the id of a person." in answer.text
    assert "<mara>" not in answer.text
    for odd in ("?at=x", "?action=%00", "?action=%0d%0a", "?at=2026-01-01T00:00&after=1"):
        assert browser.get(f"/admin/audit{odd}").status_code in {200, 422}, odd
    assert browser.get("/admin/connections?status=%00").status_code == 200
