"""Health: alive, ready, and how every part is doing."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, text

from calendar_manager.api.app import create_app
from calendar_manager.bootstrap import Services, build_services
from calendar_manager.job_queue import BEAT_LOCK_KEY, HEARTBEAT_KEY
from calendar_manager.sandbox.control_client import ControlClient
from tests.api.callers import Person
from tests.api.conftest import address_of, listen, make_settings, serve

pytestmark = pytest.mark.store


def test_a_process_that_answers_is_alive(http: httpx.Client) -> None:
    answer = http.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_it_is_ready_with_the_database_its_newest_schema_and_redis(http: httpx.Client) -> None:
    answer = http.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert {name: check["ok"] for name, check in answer.json()["checks"].items()} == {
        "database": True,
        "migrations": True,
        "redis": True,
    }


def test_it_is_not_ready_on_an_older_schema(http: httpx.Client, clean_database: Engine) -> None:
    with clean_database.begin() as connection:
        newest = connection.scalar(text("SELECT version_num FROM alembic_version"))
        connection.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    try:
        answer = http.get("/health/ready")
    finally:
        with clean_database.begin() as connection:
            connection.execute(
                text("UPDATE alembic_version SET version_num = :newest"), {"newest": newest}
            )
    assert answer.status_code == 503
    check = answer.json()["checks"]["migrations"]
    assert check["ok"] is False
    assert "alembic upgrade head" in check["detail"]


def test_it_is_not_ready_without_its_servers(google: ControlClient) -> None:
    settings = make_settings(
        "postgresql://nobody:hunter2@127.0.0.1:1/nothing", "redis://127.0.0.1:1/0", google
    )
    services = build_services(settings)
    with serve(create_app(services), listen()) as url:
        alive = httpx.get(f"{url}/health/live")
        ready = httpx.get(f"{url}/health/ready", timeout=30)
        detailed = httpx.get(f"{url}/health/detailed", timeout=30)
    services.redis.close()
    assert alive.status_code == 200
    assert ready.status_code == 503
    assert [check["ok"] for check in ready.json()["checks"].values()] == [False] * 3
    assert detailed.status_code == 200
    assert detailed.json()["status"] == "degraded"
    assert not any(check["ok"] for check in detailed.json()["checks"].values())
    assert "hunter2" not in ready.text + detailed.text


def test_details_tell_what_is_missing(http: httpx.Client) -> None:
    body = http.get("/health/detailed").json()
    assert body["status"] == "degraded"
    assert body["checks"]["worker"] == {"ok": False, "detail": "No worker answers."}
    assert body["checks"]["beat"]["ok"] is False
    assert body["checks"]["dispatch"]["ok"] is True
    assert body["queues"] == {"sync.urgent": 0, "sync": 0, "maintenance": 0}
    assert body["oldest_due_at"] is None


def test_details_tell_what_waits(
    mara: Person,
    google: ControlClient,
    services: Services,
    http: httpx.Client,
    clean_database: Engine,
) -> None:
    mara.connected("mara@example.com")
    services.redis.set(HEARTBEAT_KEY, services.clock().isoformat())
    body = http.get("/health/detailed").json()
    assert body["checks"]["heartbeat"]["ok"] is True
    assert body["queues"]["sync.urgent"] == 2
    assert body["queue_waits"]["sync.urgent"] >= 0
    assert body["queue_waits"]["maintenance"] == 0
    assert body["providers"] == {"google": {"syncing": 2}}
    assert body["oldest_due_at"] is not None
    with clean_database.begin() as connection:
        connection.execute(
            text("UPDATE calendars SET next_sync_at = next_sync_at - interval '6 minutes'")
        )
    body = http.get("/health/detailed").json()
    assert body["checks"]["dispatch"]["ok"] is False
    assert "due for 36" in body["checks"]["dispatch"]["detail"]


@pytest.mark.parametrize(
    ("signs", "well"),
    [
        ((), []),
        ((BEAT_LOCK_KEY,), ["beat"]),
        ((HEARTBEAT_KEY,), ["heartbeat"]),
        ((BEAT_LOCK_KEY, HEARTBEAT_KEY), ["beat", "heartbeat"]),
    ],
    ids=["nothing", "beat without workers", "beat just gone", "both"],
)
def test_details_tell_a_stopped_beat_from_stopped_workers(
    services: Services, http: httpx.Client, signs: tuple[str, ...], well: list[str]
) -> None:
    for key in signs:
        services.redis.set(key, services.clock().isoformat())
    checks = http.get("/health/detailed").json()["checks"]
    assert [name for name in ("beat", "heartbeat") if checks[name]["ok"]] == well


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (lambda env: env.clear(), ["DATABASE_URL", "REDIS_URL", "JWT_SECRET", "It is missing."]),
        (lambda env: env.update(JWT_SECRET="short"), ["JWT_SECRET", "at least 32 are needed"]),
    ],
)
def test_a_server_with_bad_settings_says_what_to_mend_and_ends(
    tmp_path: Path,
    database_url: str,
    redis_url: str,
    changes: Callable[[dict[str, str]], None],
    words: list[str],
) -> None:
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "JWT_SECRET": "s" * 40,
        "TOKEN_ENCRYPTION_KEYS": "b8dWqPtVNY0lhDkIhnHeWBsAC5FVlmYcCvYzBGk2kWs=",
    }
    changes(environment)
    command = [sys.executable, "-m", "uvicorn", "calendar_manager.main:app", "--port", "0"]
    ended = subprocess.run(
        command,
        check=False,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode != 0
    told = ended.stdout + ended.stderr
    for word in words:
        assert word in told
    assert "Traceback" not in told


def test_a_server_started_from_its_settings_alone_serves_and_stops(
    tmp_path: Path, engine: Engine, database_url: str, redis_url: str
) -> None:
    listener = listen()
    url = address_of(listener)
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "JWT_SECRET": "s" * 40,
        "TOKEN_ENCRYPTION_KEYS": "b8dWqPtVNY0lhDkIhnHeWBsAC5FVlmYcCvYzBGk2kWs=",
        "LOG_FORMAT": "json",
    }
    descriptor = str(listener.fileno())
    command = [sys.executable, "-m", "uvicorn", "calendar_manager.main:app", "--fd", descriptor]
    server = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        pass_fds=[listener.fileno()],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        # The port is taken already, so the request waits until the server serves.
        ready = httpx.get(f"{url}/health/ready", headers={"X-Request-ID": "mine"}, timeout=60)
    finally:
        server.terminate()
        _, told = server.communicate(timeout=60)
        listener.close()
    assert ready.json()["status"] == "ready"
    # Uvicorn says two lines of its own before our logging is set up.
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    (request,) = [line for line in lines if line.get("path") == "/health/ready"]
    assert (request["status"], request["request_id"]) == (200, "mine")
