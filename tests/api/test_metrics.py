"""What Prometheus is told, after a scripted state."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text

from calendar_manager.api.app import create_app
from calendar_manager.bootstrap import Services, build_services
from calendar_manager.sandbox.control_client import ControlClient
from tests.api.callers import Person
from tests.api.conftest import Clock, listen, make_settings, serve
from tests.deploy.monitoring import load_panels, load_rules
from tests.factories import count_statements

pytestmark = pytest.mark.store

ACCOUNT = "mara@example.com"
Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(http: httpx.Client) -> Callable[..., float | None]:
    """Scrape, and return what looks a number up by its name and labels."""
    answer = http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    numbers: Numbers = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }

    def find(name: str, **labels: str) -> float | None:
        return numbers.get((f"calendar_manager_{name}", frozenset(labels.items())))

    return find


@pytest.fixture
def change(clean_database: Engine) -> Callable[..., None]:
    def change(statement: str, **parameters: Any) -> None:
        with clean_database.begin() as connection:
            connection.execute(text(statement), parameters)

    return change


def test_an_empty_installation_has_numbers(http: httpx.Client) -> None:
    find = scrape(http)
    assert find("up", server="postgresql") == 1
    assert find("up", server="redis") == 1
    assert find("open_conflicts") == 0
    assert find("queue_length", queue="sync.urgent") == 0
    assert find("connections", provider="google", status="active", reason_code="") is None


def test_accounts_calendars_and_jobs_are_counted(
    mara: Person,
    google: ControlClient,
    http: httpx.Client,
    services: Services,
    clock: Clock,
    work: Callable[[], None],
    change: Callable[..., None],
) -> None:
    for name in ("second@example.com", "third@example.com", "fourth@example.com"):
        google.add_account(name)
        mara.connected(name)
    lost = mara.connected(ACCOUNT)
    assert scrape(http)("sync_jobs_unfinished", provider="google", kind="initial", status="queued")
    assert scrape(http)("queue_length", queue="sync.urgent") == 5
    work()
    with services.store.begin() as uow:
        uow.connections.mark_needs_reauth(UUID(lost["id"]), "Gone.", reason_code="revoked")
    of = "UPDATE calendars SET {} FROM connections c WHERE c.id = connection_id AND c.account = :a"
    change(of.format("held_at = now()"), a="second@example.com")
    change(of.format("failures = 2"), a="third@example.com")
    change(of.format("next_sync_at = :due"), a="fourth@example.com", due=ago(clock, minutes=7))
    find = scrape(http)
    active = {"provider": "google", "status": "active", "reason_code": ""}
    assert find("connections", **active) == 3
    gone = {"provider": "google", "status": "needs_reauth", "reason_code": "revoked"}
    assert find("connections", **gone) == 1
    by_status = {
        status: find("calendars", provider="google", status=status)
        for status in ("ok", "held", "failing", "stale")
    }
    # The lost account has two calendars, which fail with it.
    assert by_status == {"ok": 1, "held": 1, "failing": 3, "stale": None}
    jobs = {"provider": "google", "kind": "initial", "outcome": "succeeded"}
    assert find("sync_jobs_last_hour", **jobs) == 5
    assert 415 < (find("calendar_oldest_due_lag_seconds", provider="google") or 0) < 430
    assert 3500 < (find("token_soonest_expiry_seconds", provider="google") or 0) <= 3600
    clock.advance(timedelta(hours=2))
    find = scrape(http)
    assert find("sync_jobs_last_hour", **jobs) is None
    assert find("calendars", provider="google", status="stale") == 1


def ago(clock: Clock, **span: float) -> datetime:
    return clock() - timedelta(**span)


def test_channels_and_conflicts_are_counted(
    mara: Person,
    google: ControlClient,
    http: httpx.Client,
    clock: Clock,
    work: Callable[[], None],
    change: Callable[..., None],
) -> None:
    start = (clock() + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    when = {
        "start": {"dateTime": start.isoformat()},
        "end": {"dateTime": (start + timedelta(hours=1)).isoformat()},
    }
    google.create_events(ACCOUNT, [{"summary": "A", **when}, {"summary": "B", **when}])
    mara.connected(ACCOUNT)
    work()
    add = (
        "INSERT INTO channels (id, user_id, calendar_id, provider, token, opened_at, expires_at,"
        " doubted_at, stopped_at) SELECT gen_random_uuid(), user_id, id, provider, '', :opened,"
        ' :expires, :doubted, :stopped FROM calendars WHERE "primary"'
    )
    now, later = clock(), clock() + timedelta(days=3)
    for opened, expires, doubted, stopped in [
        (now, later, None, None),
        (now, later + timedelta(days=1), None, None),
        (now, later, now, None),
        (None, None, None, None),
        (now, now - timedelta(seconds=1), None, None),
        (now, now + timedelta(hours=1), None, now),
    ]:
        change(add, opened=opened, expires=expires, doubted=doubted, stopped=stopped)
    find = scrape(http)
    assert find("channels", provider="google", state="live") == 2
    assert find("channels", provider="google", state="doubted") == 1
    left = find("channel_soonest_expiry_seconds", provider="google")
    assert left == pytest.approx(timedelta(days=3).total_seconds(), abs=30)
    assert find("open_conflicts") == 1


def test_ages_of_copies_are_a_histogram(
    mara: Person,
    google: ControlClient,
    http: httpx.Client,
    clock: Clock,
    work: Callable[[], None],
    change: Callable[..., None],
) -> None:
    mara.connected(ACCOUNT)
    work()
    change('UPDATE calendars SET last_synced_at = :at WHERE "primary"', at=ago(clock, hours=30))
    find = scrape(http)
    buckets = {
        bound: find("calendar_age_seconds_bucket", provider="google", le=bound)
        for bound in ("300.0", "86400.0", "+Inf")
    }
    assert buckets == {"300.0": 1, "86400.0": 1, "+Inf": 2}
    assert find("calendar_age_seconds_count", provider="google") == 2
    total = find("calendar_age_seconds_sum", provider="google")
    assert total == pytest.approx(timedelta(hours=30).total_seconds(), abs=120)


def test_what_processes_count_themselves_is_there(
    mara: Person, google: ControlClient, http: httpx.Client, work: Callable[[], None]
) -> None:
    start = "2027-03-01T09:00:00Z"
    when = {"start": {"dateTime": start}, "end": {"dateTime": "2027-03-01T10:00:00Z"}}
    google.create_events(ACCOUNT, [{"summary": "A", **when}, {"summary": "B", **when}])
    mara.connected(ACCOUNT)
    before = scrape(http)
    work()
    mara.get("/api/events/6f1f4b1e-0000-4000-8000-000000000000")
    http.get("/nowhere/6f1f4b1e")
    after = scrape(http)

    def grown(name: str, **labels: str) -> float:
        return (after(name, **labels) or 0) - (before(name, **labels) or 0)

    assert grown("events_changed_total", provider="google", change="created") == 2
    listed = {"provider": "google", "endpoint": "calendar.events.list", "status": "200"}
    assert grown("provider_call_seconds_count", **listed) == 2
    assert grown("provider_call_seconds_bucket", **listed, le="+Inf") == 2
    asked = {"route": "/api/events/{event_id}", "method": "GET", "status": "404"}
    assert grown("request_seconds_count", **asked) == 1
    assert grown("request_seconds_count", route="unknown", method="GET", status="404") == 1
    # Nothing tripped, and a later trip is to be seen as an increase.
    assert after("breaker_trips_total", provider="caldotcom") == 0


SLOW_ON_PURPOSE = (
    ("/metrics", 200),
    ("/health/detailed", 200),
    ("/connections/progress", 303),
    ("/admin", 303),
    ("/api/admin/overview", 401),
)
"""What streams, or waits for workers; and what a stranger is answered."""

COUNTED = (("/admin/users", 303), ("/connections", 303), ("/api/availability", 401))


def test_what_waits_on_purpose_counts_as_no_slow_request(http: httpx.Client) -> None:
    slow = next(rule["expr"] for rule in load_rules() if rule["alert"] == "ApiSlow")
    panel = next(one for one in load_panels() if one["title"].startswith("Slowest"))
    left_out = re.findall(r'route!~"([^"]+)"', slow + panel["targets"][0]["expr"])
    assert len(left_out) == 2
    before = scrape(http)
    for path, status in (*SLOW_ON_PURPOSE, *COUNTED):
        assert http.get(path).status_code == status
    after = scrape(http)
    for path, status in (*SLOW_ON_PURPOSE, *COUNTED):
        name = {"route": path, "method": "GET", "status": str(status)}
        counted = after("request_seconds_count", **name) or 0
        # The alert can only leave out what goes by this very name.
        assert counted > (before("request_seconds_count", **name) or 0), path
        for pattern in left_out:
            found = re.fullmatch(pattern, path) is not None
            assert found is ((path, status) in SLOW_ON_PURPOSE), path


def test_a_scrape_names_nobody_and_costs_few_statements(
    mara: Person, google: ControlClient, http: httpx.Client, services: Services
) -> None:
    connection = mara.connected(ACCOUNT)
    with count_statements(services.store.engine) as statements:
        answer = http.get("/metrics")
    assert len(statements) == 7, statements
    for secret in (ACCOUNT, mara.id, connection["id"]):
        assert secret not in answer.text


def test_a_scrape_goes_on_without_servers(database_url: str, google: ControlClient) -> None:
    away = "redis://127.0.0.1:1/0"
    nowhere = "postgresql+psycopg2://nobody@127.0.0.1:1/none"
    services = build_services(make_settings(nowhere, away, google))
    app: FastAPI = create_app(services)
    with serve(app, listen()) as url, httpx.Client(base_url=url, timeout=30) as http:
        find = scrape(http)
    services.store.engine.dispose()
    services.redis.close()
    assert find("up", server="postgresql") == 0
    assert find("up", server="redis") == 0
    assert find("open_conflicts") is None


def test_health_tells_how_many_accounts_are_lost_and_not_which(
    mara: Person, google: ControlClient, http: httpx.Client, services: Services
) -> None:
    connection = mara.connected(ACCOUNT)
    assert http.get("/health/detailed").json()["accounts_to_reconnect"] == 0
    with services.store.begin() as uow:
        uow.connections.mark_needs_reauth(UUID(connection["id"]), "Gone.", reason_code="revoked")
    answer = http.get("/health/detailed")
    assert answer.json()["accounts_to_reconnect"] == 1
    assert ACCOUNT not in answer.text
    assert connection["id"] not in answer.text
