"""Connecting a Cal.com account by an API key, at the sandbox's Cal.com."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from calendar_manager.api.app import create_app
from calendar_manager.bootstrap import Services, build_services
from calendar_manager.sandbox.control_client import CaldotcomControl
from calendar_manager.sandbox.server import SandboxThread
from calendar_manager.web.deps import build_accounts
from tests.api.callers import Person, expect_problem
from tests.api.conftest import Clock, QuickPasswords, listen, make_settings, serve

pytestmark = pytest.mark.store

ACCOUNT = "mara@example.com"
PATH = "/api/auth/connect/caldotcom"
Count = Callable[[str], int]


@pytest.fixture
def caldotcom(sandbox: SandboxThread) -> CaldotcomControl:
    """The sandbox's Cal.com, empty but for one account."""
    sandbox.control.reset()
    control = sandbox.control.caldotcom
    control.add_account(ACCOUNT, time_zone="Europe/Berlin")
    return control


@pytest.fixture
def api_key(caldotcom: CaldotcomControl) -> str:
    return caldotcom.create_api_key(ACCOUNT)


@pytest.fixture
def installation_key() -> str | None:
    """The installation's own key; there is none unless a test has one."""
    return None


@pytest.fixture
def services(
    clean_database: Engine,
    clean_redis: str,
    database_url: str,
    sandbox: SandboxThread,
    caldotcom: CaldotcomControl,
    installation_key: str | None,
    clock: Clock,
) -> Iterator[Services]:
    """The parts of an installation that has no OAuth client at Cal.com."""
    variables = {"CALCOM_API_URL": caldotcom.caldotcom_settings()["CALCOM_API_URL"]}
    if installation_key is not None:
        variables["CALCOM_API_KEY"] = installation_key
    settings = make_settings(database_url, clean_redis, sandbox.control, **variables)
    services = build_services(settings, clock=clock)
    yield services
    services.store.engine.dispose()
    services.redis.close()


@pytest.fixture
def base_url(services: Services) -> Iterator[str]:
    app = create_app(services)
    app.state.accounts = build_accounts(services, passwords=QuickPasswords())
    with serve(app, listen()) as url:
        yield url


def connection_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["outcome"] == "connected"
    connection: dict[str, Any] = body["connection"]
    return connection


def expect_nothing_stored(count: Count) -> None:
    assert [count(table) for table in ("connections", "calendars", "sync_jobs")] == [0, 0, 0]


class TestKey:
    def test_connects_the_account_and_starts_its_first_sync(
        self, mara: Person, api_key: str, services: Services
    ) -> None:
        connection = connection_of(mara.post(PATH, json={"api_key": api_key}))
        assert connection["provider"] == "caldotcom"
        assert connection["account"] == ACCOUNT
        assert connection["status"] == "active"
        assert connection["token_expires_at"] is None
        (calendar,) = mara.get("/api/calendars").json()["items"]
        assert calendar["connection_id"] == connection["id"]
        assert calendar["time_zone"] == "Europe/Berlin"
        (job,) = mara.get("/api/sync-jobs").json()["items"]
        assert (job["kind"], job["trigger"], job["status"]) == ("initial", "connect", "queued")
        assert services.redis.llen("sync.urgent") == 1

    def test_is_never_told_and_stored_encrypted_only(
        self, mara: Person, api_key: str, clean_database: Engine
    ) -> None:
        answer = mara.post(PATH, json={"api_key": api_key})
        assert answer.status_code == 200
        assert api_key not in answer.text
        assert api_key not in mara.get("/api/connections").text
        with clean_database.connect() as connection:
            row = connection.execute(text("SELECT * FROM connections")).mappings().one()
        stored = [
            bytes(value) if isinstance(value, memoryview) else str(value).encode()
            for value in row.values()
        ]
        assert api_key.encode() not in b" ".join(stored)

    def test_same_key_twice_is_one_connection(
        self, mara: Person, api_key: str, count: Count
    ) -> None:
        first, second = (
            connection_of(mara.post(PATH, json={"api_key": api_key})) for _ in range(2)
        )
        assert first["id"] == second["id"]
        assert (count("connections"), count("calendars")) == (1, 1)

    def test_new_key_of_the_same_account_mends_its_connection(
        self, mara: Person, api_key: str, caldotcom: CaldotcomControl, count: Count
    ) -> None:
        first = connection_of(mara.post(PATH, json={"api_key": api_key}))
        caldotcom.revoke_api_keys(ACCOUNT)
        new_key = caldotcom.create_api_key(ACCOUNT)
        expect_problem(mara.post(PATH, json={"api_key": api_key}), 502, "provider_refused")
        second = connection_of(mara.post(PATH, json={"api_key": new_key}))
        assert second["id"] == first["id"]
        assert second["status"] == "active"
        assert count("connections") == 1

    def test_two_users_may_connect_the_same_account(
        self, mara: Person, otto: Person, api_key: str
    ) -> None:
        first, second = (
            connection_of(person.post(PATH, json={"api_key": api_key})) for person in (mara, otto)
        )
        assert first["id"] != second["id"]
        assert len(mara.get("/api/connections").json()["items"]) == 1


class TestRefusal:
    @pytest.mark.parametrize("wrong", ["cal_live_wrong", "two words", "schlüssel", "a\r\nX: b"])
    def test_wrong_key_is_told_in_words_and_stores_nothing(
        self, mara: Person, wrong: str, count: Count
    ) -> None:
        answer = mara.post(PATH, json={"api_key": wrong})
        problem = expect_problem(answer, 502, "provider_refused")
        assert "does not accept this API key" in problem["detail"]
        assert wrong not in answer.text
        expect_nothing_stored(count)

    @pytest.mark.parametrize("body", [None, {}, {"api_key": None}])
    def test_no_key_at_all_names_the_field(
        self, mara: Person, body: dict[str, None] | None, count: Count
    ) -> None:
        answer = mara.post(PATH) if body is None else mara.post(PATH, json=body)
        expect_problem(answer, 422, "validation_failed", "api_key")
        expect_nothing_stored(count)

    @pytest.mark.parametrize("key", ["", "k" * 501, 7, ["k"]])
    def test_what_cannot_be_a_key_names_the_field(self, mara: Person, key: object) -> None:
        answer = mara.post(PATH, json={"api_key": key})
        expect_problem(answer, 422, "validation_failed", "api_key")

    def test_login_is_needed(self, http: httpx.Client, api_key: str) -> None:
        expect_problem(http.post(PATH, json={"api_key": api_key}), 401, "not_authenticated")

    @pytest.mark.parametrize("fault", ["server_error", "too_many_requests"])
    def test_provider_down_is_told_and_stores_nothing(
        self, mara: Person, api_key: str, sandbox: SandboxThread, fault: Any, count: Count
    ) -> None:
        sandbox.control.add_fault(fault, path="/calcom/")
        answer = mara.post(PATH, json={"api_key": api_key})
        expect_problem(answer, 503, "provider_unavailable")
        expect_nothing_stored(count)
        sandbox.control.clear_faults()
        connection_of(mara.post(PATH, json={"api_key": api_key}))


class TestInstallationKey:
    """``CALCOM_API_KEY`` opens its owner's account, so it serves on a one-person installation."""

    @pytest.fixture
    def installation_key(self, api_key: str) -> str:
        return api_key

    @pytest.mark.parametrize("body", [None, {}, {"api_key": None}])
    def test_serves_who_is_alone(self, mara: Person, body: dict[str, None] | None) -> None:
        answer = mara.post(PATH) if body is None else mara.post(PATH, json=body)
        assert connection_of(answer)["account"] == ACCOUNT

    def test_serves_nobody_once_there_are_two(
        self, mara: Person, otto: Person, count: Count
    ) -> None:
        for person in (mara, otto):
            expect_problem(person.post(PATH), 422, "validation_failed", "api_key")
        expect_nothing_stored(count)

    def test_gives_way_to_a_key_of_ones_own(
        self, mara: Person, caldotcom: CaldotcomControl
    ) -> None:
        caldotcom.add_account("studio@example.com")
        own_key = caldotcom.create_api_key("studio@example.com")
        connection = connection_of(mara.post(PATH, json={"api_key": own_key}))
        assert connection["account"] == "studio@example.com"
