"""Connected accounts: listing them, and leaving them."""

from collections.abc import Callable
from uuid import UUID, uuid4

import httpx
import pytest

from calendar_manager.bootstrap import Services
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sync.quota import PAUSES_KEY, account_name
from tests.api.callers import Person, expect_problem
from tests.factories import NOW

pytestmark = pytest.mark.store

ACCOUNT = "mara@example.com"
Count = Callable[[str], int]


def test_a_connection_has_the_fields_of_the_contract(mara: Person, google: ControlClient) -> None:
    mara.connected(ACCOUNT)
    (connection,) = mara.get("/api/connections").json()["items"]
    assert set(connection) == {
        "id",
        "provider",
        "account",
        "status",
        "reason",
        "reason_code",
        "advice",
        "reconnect_url",
        "token_expires_at",
        "created_at",
    }
    assert connection["created_at"].endswith("Z")


def test_nobody_sees_connections_of_others(
    mara: Person, otto: Person, google: ControlClient
) -> None:
    mara.connected(ACCOUNT)
    assert otto.get("/api/connections").json() == {"items": [], "next_cursor": None}


def test_connections_come_in_pages(mara: Person, google: ControlClient) -> None:
    accounts = [f"account{number}@example.com" for number in range(5)]
    for account in accounts:
        google.add_account(account)
        mara.connected(account)
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        query = {"limit": 2} if cursor is None else {"limit": 2, "cursor": cursor}
        page = mara.get("/api/connections", params=query).json()
        seen += [connection["account"] for connection in page["items"]]
        cursor = page["next_cursor"]
    assert seen == accounts
    assert cursor is None


def test_disconnecting_revokes_and_removes_everything_read(
    mara: Person, google: ControlClient, count: Count, work: Callable[[], None], services: Services
) -> None:
    google.seed_packaged(ACCOUNT, "freelancer")
    connection = mara.connected(ACCOUNT)
    work()
    assert count("occurrences") > 0
    answer = mara.post("/api/auth/disconnect/google", json={"connection_id": connection["id"]})
    assert answer.status_code == 200
    assert answer.json()["id"] == connection["id"]
    assert answer.json()["status"] == "disconnected"
    for table in ("connections", "calendars", "events", "occurrences", "sync_jobs"):
        assert count(table) == 0, table
    assert google.count_requests("/google/revoke", "POST") == 1
    assert mara.get("/api/connections").json()["items"] == []
    assert services.redis.llen("sync.urgent") == 1, "conflicts with what is gone are to end"


def test_the_only_account_needs_no_name(mara: Person, google: ControlClient, count: Count) -> None:
    mara.connected(ACCOUNT)
    assert mara.post("/api/auth/disconnect/google").status_code == 200
    assert count("connections") == 0


@pytest.mark.parametrize("body", [{}, {"connection_id": None}])
def test_one_of_several_accounts_has_to_be_named(
    mara: Person, google: ControlClient, count: Count, body: dict[str, None]
) -> None:
    google.add_account("studio@example.com")
    mara.connected(ACCOUNT)
    mara.connected("studio@example.com")
    expect_problem(
        mara.post("/api/auth/disconnect/google", json=body), 409, "connection_id_required"
    )
    assert count("connections") == 2


def test_disconnecting_works_while_the_provider_is_down(
    mara: Person, google: ControlClient, count: Count
) -> None:
    mara.connected(ACCOUNT)
    google.add_fault("server_error", path="/google/revoke")
    assert mara.post("/api/auth/disconnect/google").status_code == 200
    assert count("connections") == 0


def test_an_account_that_somebody_else_reads_too_keeps_its_grant(
    mara: Person, otto: Person, google: ControlClient
) -> None:
    """Google has one grant per account and application, so revoking would end Otto's as well."""
    mara.connected(ACCOUNT)
    otto.connected(ACCOUNT)
    assert mara.post("/api/auth/disconnect/google").status_code == 200
    assert google.count_requests("/google/revoke", "POST") == 0
    assert otto.post("/api/auth/disconnect/google").status_code == 200
    assert google.count_requests("/google/revoke", "POST") == 1


def test_a_pause_of_an_account_is_forgotten_with_the_last_who_reads_it(
    mara: Person, otto: Person, google: ControlClient, services: Services
) -> None:
    google.add_account("studio@example.com")
    studio = mara.connected("studio@example.com")
    mara.connected(ACCOUNT)
    shared = otto.connected(ACCOUNT)
    with services.store.begin() as uow:
        names = [account_name(one) for one in uow.connections.list(UUID(mara.id))]
    services.redis.zadd(PAUSES_KEY, dict.fromkeys(names, NOW.timestamp()))
    assert services.redis.zcard(PAUSES_KEY) == 2
    for person, connection, left in ((otto, shared, 2), (mara, studio, 1)):
        body = {"connection_id": connection["id"]}
        assert person.post("/api/auth/disconnect/google", json=body).status_code == 200
        assert services.redis.zcard(PAUSES_KEY) == left
    assert mara.post("/api/auth/disconnect/google").status_code == 200
    assert services.redis.zcard(PAUSES_KEY) == 0


def test_connections_of_others_cannot_be_left(
    mara: Person, otto: Person, google: ControlClient, count: Count
) -> None:
    connection = mara.connected(ACCOUNT)
    for body in ({"connection_id": connection["id"]}, {"connection_id": str(uuid4())}, {}):
        expect_problem(
            otto.post("/api/auth/disconnect/google", json=body), 404, "connection_not_found"
        )
    expect_problem(
        mara.post("/api/auth/disconnect/microsoft", json={"connection_id": connection["id"]}),
        404,
        "connection_not_found",
    )
    assert count("connections") == 1


def test_a_connection_id_that_is_none_is_named(mara: Person) -> None:
    answer = mara.post("/api/auth/disconnect/google", json={"connection_id": "first"})
    expect_problem(answer, 422, "validation_failed", "connection_id")


def test_listing_needs_a_login(http: httpx.Client) -> None:
    expect_problem(http.get("/api/connections"), 401, "not_authenticated")
    expect_problem(http.post("/api/auth/disconnect/google"), 401, "not_authenticated")
