"""The signed-in user: settings, what follows from changing them, and leaving."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, event, text

from calendar_manager.bootstrap import Services
from calendar_manager.sandbox.control_client import ControlClient
from tests.api.callers import PASSWORD, Person, escaped_json, expect_problem
from tests.factories import add_connection

pytestmark = pytest.mark.store

Count = Callable[[str], int]
DAY_OFF = {"summary": "Off", "start": {"date": "2026-12-24"}, "end": {"date": "2026-12-25"}}


def test_me_is_who_signed_in(mara: Person, otto: Person) -> None:
    assert mara.get("/api/auth/me").json()["id"] == mara.id
    assert otto.get("/api/auth/me").json()["email"] == "otto@example.com"


def test_settings_change_one_by_one(mara: Person) -> None:
    changed = mara.patch(
        "/api/auth/me",
        json={"name": " Mara Lind ", "settings": {"travel_minutes": 30, "tentative_blocks": False}},
    )
    assert changed.status_code == 200
    body = mara.get("/api/auth/me").json()
    assert body == changed.json()
    assert body["name"] == "Mara Lind"
    assert body["time_zone"] == "Europe/Berlin"
    assert body["settings"] == {
        "tentative_blocks": False,
        "conflict_types": ["back_to_back", "overlap", "travel"],
        "minimum_overlap_minutes": 0,
        "conflict_buffer_minutes": 0,
        "travel_minutes": 30,
        "all_day_conflicts": False,
    }


def test_every_setting_can_be_changed(mara: Person) -> None:
    settings = {
        "tentative_blocks": False,
        "conflict_types": ["overlap"],
        "minimum_overlap_minutes": 5,
        "conflict_buffer_minutes": 10,
        "travel_minutes": 1440,
        "all_day_conflicts": True,
    }
    body = {"time_zone": "America/St_Johns", "settings": settings}
    assert mara.patch("/api/auth/me", json=body).status_code == 200
    stored = mara.get("/api/auth/me").json()
    assert stored["settings"] == settings
    assert stored["time_zone"] == "America/St_Johns"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": None}, "time_zone"),
        ({"name": ""}, "name"),
        ({"name": "a\u0000"}, "name"),
        ({"email": "new@example.com"}, "email"),
        ({"settings": None}, "settings"),
        ({"settings": {"travel_minutes": -1}}, "settings.travel_minutes"),
        ({"settings": {"travel_minutes": 1441}}, "settings.travel_minutes"),
        ({"settings": {"travel_minutes": 10**30}}, "settings.travel_minutes"),
        ({"settings": {"travel_minutes": "soon"}}, "settings.travel_minutes"),
        ({"settings": {"travel_minutes": None}}, "settings.travel_minutes"),
        ({"settings": {"conflict_types": ["collision"]}}, "settings.conflict_types.0"),
        ({"settings": {"conflict_types": "overlap"}}, "settings.conflict_types"),
        ({"settings": {"tentative_blocks": "perhaps"}}, "settings.tentative_blocks"),
        ({"settings": {"tentative": True}}, "settings.tentative"),
        ([], "body"),
        ("x", "body"),
    ],
)
def test_bad_settings_name_the_field_and_change_nothing(
    mara: Person, body: Any, field: str
) -> None:
    before = mara.get("/api/auth/me").json()
    sent = escaped_json(body)
    sent["headers"] |= mara.bearer
    expect_problem(mara.http.patch("/api/auth/me", **sent), 422, "validation_failed", field)
    assert mara.get("/api/auth/me").json() == before


def test_a_new_zone_moves_all_day_events_and_looks_for_conflicts_again(
    mara: Person,
    google: ControlClient,
    services: Services,
    clean_database: Engine,
    count: Count,
    work: Callable[[], None],
) -> None:
    google.create_events(mara.email, [DAY_OFF])
    mara.connected(mara.email)
    work()
    assert _span(clean_database) == (
        datetime(2026, 12, 23, 23, tzinfo=UTC),
        datetime(2026, 12, 24, 23, tzinfo=UTC),
    )
    assert mara.patch("/api/auth/me", json={"time_zone": "Asia/Tokyo"}).status_code == 200
    assert _span(clean_database) == (
        datetime(2026, 12, 23, 15, tzinfo=UTC),
        datetime(2026, 12, 24, 15, tzinfo=UTC),
    )
    assert count("conflict_checks") > 0
    assert services.redis.llen("sync.urgent") == 1


@pytest.mark.parametrize(
    ("settings", "looks"),
    [({"travel_minutes": 20}, True), ({"tentative_blocks": False}, True), ({}, False)],
)
def test_conflicts_are_looked_for_again_only_when_the_answer_may_change(
    mara: Person, services: Services, count: Count, settings: dict[str, Any], *, looks: bool
) -> None:
    mara.patch("/api/auth/me", json={"name": "Somebody else", "settings": settings})
    assert services.redis.llen("sync.urgent") == int(looks)
    assert bool(count("conflict_checks")) is looks


def test_leaving_erases_everything_but_a_line_without_a_name(
    mara: Person,
    otto: Person,
    google: ControlClient,
    clean_database: Engine,
    work: Callable[[], None],
) -> None:
    google.add_account("otto@example.com")
    otto.connected("otto@example.com")
    google.create_events(mara.email, [DAY_OFF])
    mara.connected(mara.email)
    work()
    assert {"events", "occurrences"} <= set(_rows_of(clean_database, mara.id))
    assert mara.delete("/api/auth/me").status_code == 204

    assert google.count_requests("/google/revoke", "POST") == 1
    left = _rows_of(clean_database, mara.id)
    assert set(left) == {"audit_log"}
    told = " ".join(str(row) for row in left["audit_log"])
    assert "user.erased" in told
    assert "mara@example.com" not in told
    expect_problem(mara.get("/api/auth/me"), 401, "session_ended")
    assert len(otto.get("/api/connections").json()["items"]) == 1
    assert otto.get("/api/calendars").json()["items"]


def test_an_account_that_is_connected_while_its_user_leaves_is_given_back_as_well(
    mara: Person, google: ControlClient, services: Services, count: Count
) -> None:
    mara.connected("mara@example.com")
    engine = services.store.engine
    late: list[bool] = []

    def connect_another(*arguments: Any) -> None:
        if "FROM users" in arguments[2] and "FOR UPDATE" in arguments[2] and not late:
            late.append(True)
            with services.store.begin() as uow:
                add_connection(uow, UUID(mara.id))

    event.listen(engine, "before_cursor_execute", connect_another)
    try:
        assert mara.delete("/api/auth/me").status_code == 204
    finally:
        event.remove(engine, "before_cursor_execute", connect_another)
    assert late
    assert count("connections") == 0
    assert google.count_requests("/google/revoke", "POST") == 2


def test_leaving_works_while_the_provider_is_down(
    mara: Person, google: ControlClient, count: Count
) -> None:
    mara.connected("mara@example.com")
    google.add_fault("server_error", path="/google/revoke")
    assert mara.delete("/api/auth/me").status_code == 204
    assert count("users") == 0


def test_the_address_is_free_again_after_leaving(http: httpx.Client, mara: Person) -> None:
    mara.delete("/api/auth/me")
    body = {"email": mara.email, "password": PASSWORD, "name": "M", "time_zone": "UTC"}
    assert http.post("/api/auth/register", json=body).status_code == 201


def _span(engine: Engine) -> tuple[datetime, datetime]:
    """Return the instants of the only occurrence."""
    with engine.connect() as connection:
        row = connection.execute(text("SELECT start_at, end_at FROM occurrences")).one()
    return row.start_at, row.end_at


def _rows_of(engine: Engine, user_id: str) -> dict[str, list[Any]]:
    """Return every row of the database that still carries a user's id."""
    found: dict[str, list[Any]] = {}
    with engine.connect() as connection:
        tables = connection.scalars(
            text("SELECT table_name FROM information_schema.columns WHERE column_name = 'user_id'")
        ).all()
        assert len(tables) > 10
        for table in tables:
            rows = connection.execute(
                text(f"SELECT * FROM {table} WHERE user_id = :user"),  # noqa: S608 - as above.
                {"user": user_id},
            ).all()
            if rows:
                found[table] = list(rows)
    return found
