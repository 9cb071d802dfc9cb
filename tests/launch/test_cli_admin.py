"""The commands of those who run an installation, on real servers."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.fernet import Fernet
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from calendar_manager.accounts.administration import BATCH
from calendar_manager.accounts.passwords import Passwords
from calendar_manager.bootstrap import Services, build_services
from calendar_manager.cli import app, batches
from calendar_manager.config import load_settings
from calendar_manager.job_queue import GROUP, ROUTINE, URGENT
from calendar_manager.launch.running_environment import announce_environment, find_environment
from calendar_manager.sandbox.server import SandboxThread
from tests.factories import add_calendar, add_connection, add_user
from tests.launch.command_line import Command

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse battery"

Run = Callable[..., Result]


@pytest.fixture
def environ(
    clean_database: Engine, database_url: str, clean_redis: str, redis_url: str
) -> dict[str, str]:
    """The settings of an installation with empty servers."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "JWT_SECRET": "a secret of at least thirty-two bytes, for tests",
        "TOKEN_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "FRONTEND_URL": "http://127.0.0.1:1",
    }


@pytest.fixture
def run(environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command with these settings, in a folder without ``.env``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def run(*arguments: str, typed: str | None = None, **changes: str) -> Result:
        for name, value in (environ | changes).items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(app, list(arguments), input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        assert "Traceback" not in result.output
        return result

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def services(environ: dict[str, str]) -> Iterator[Services]:
    services = build_services(load_settings(environ))
    yield services
    services.store.engine.dispose()
    services.redis.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxThread]:
    with SandboxThread() as thread:
        yield thread


def checks(result: Result) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(result.stdout)["checks"]}


def actions(services: Services) -> list[str]:
    with services.store.begin() as uow:
        entries = uow.administration.list_audit(after=None, limit=50)
    return [entry.line.action for entry in entries]


def test_people_are_made_promoted_and_erased(run: Run, services: Services) -> None:
    made = run(
        "users", "create", "ada@example.com", "--name", "Ada", typed=f"{PASSWORD}\n{PASSWORD}\n"
    )
    assert made.exit_code == 0, made.output
    assert PASSWORD not in made.output

    assert run("users", "promote", "ADA@example.com").exit_code == 0
    assert "already" in run("users", "promote", "ada@example.com").output
    (ada,) = json.loads(run("users", "list", "--json").stdout)["users"]
    assert (ada["email"], ada["role"]) == ("ada@example.com", "admin")
    assert "ada@example.com" in run("users", "list").output

    assert run("users", "demote", "ada@example.com").exit_code == 0
    kept = run("users", "delete", "ada@example.com", typed="n\n")
    assert kept.exit_code == 1
    assert "Nothing was erased" in kept.output
    assert run("users", "delete", "ada@example.com", "--yes").exit_code == 0
    assert json.loads(run("users", "list", "--json").stdout)["users"] == []
    assert actions(services) == [
        "admin.user_deleted",
        "user.erased",
        "admin.demoted",
        "admin.promoted",
        "admin.user_created",
    ]


def test_a_password_is_set_and_signs_everybody_out(run: Run, services: Services) -> None:
    run("users", "create", "ada@example.com", "--name", "Ada", typed=f"{PASSWORD}\n{PASSWORD}\n")
    new = "an even longer horse"
    changed = run("users", "set-password", "ada@example.com", "--password-stdin", typed=f"{new}\n")
    assert changed.exit_code == 0, changed.output
    with services.store.begin() as uow:
        found = uow.users.find_credentials("ada@example.com")
    assert found is not None
    assert Passwords().matches(new, found.password_hash)
    assert "admin.password_set" in actions(services)


def test_mistakes_about_people_are_said_in_words(run: Run) -> None:
    for command in ("promote", "demote", "delete"):
        unknown = run("users", command, "nobody@example.com")
        assert unknown.exit_code == 1
        assert "Nobody signs in with nobody@example.com" in unknown.output
    wrong = run(
        *("users", "create", "nowhere", "--name", "Ada", "--time-zone", "Mars"),
        "--password-stdin",
        typed="short\n",
    )
    assert wrong.exit_code == 2
    for field in ("email", "password", "time_zone"):
        assert field in wrong.output


def test_connections_are_listed_by_state(run: Run, services: Services) -> None:
    assert "There are none." in run("connections", "list").output
    with services.store.begin() as uow:
        user = add_user(uow)
        connection = add_connection(uow, user.id)
    (shown,) = json.loads(run("connections", "list", "--json").stdout)["connections"]
    assert (shown["id"], shown["status"]) == (str(connection.id), "active")
    broken = run("connections", "list", "--status", "needs_reauth", "--json")
    assert json.loads(broken.stdout)["connections"] == []
    assert run("connections", "list", "--status", "odd").exit_code == 2


def test_long_lists_are_whole(
    run: Run, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    people, accounts = [], []
    # Their transactions are apart, so each came after the one before.
    for _ in range(4):
        with services.store.begin() as uow:
            people.append(user := add_user(uow))
            accounts.append(add_connection(uow, user.id))
    users = json.loads(run("users", "list", "--json").stdout)["users"]
    assert [one["id"] for one in users] == [str(one.id) for one in reversed(people)]
    shown = json.loads(run("connections", "list", "--json").stdout)["connections"]
    assert [one["id"] for one in shown] == [str(one.id) for one in reversed(accounts)]


def test_a_sync_without_anything_to_read_or_anybody_to_do_it_is_said(run: Run) -> None:
    nothing = run("sync")
    assert nothing.exit_code == 1
    assert "nothing to read" in nothing.output
    nobody = run("sync", "--wait")
    assert nobody.exit_code == 1
    assert "No worker answers" in nobody.output


def test_many_calendars_are_read_as_routine_and_few_before_it(run: Run, services: Services) -> None:
    with services.store.begin() as uow:
        crowd, ada = add_user(uow), add_user(uow)
        connection = add_connection(uow, crowd.id)
        for _ in range(BATCH + 10):
            add_calendar(uow, connection)
    with services.store.begin() as uow:
        mine = [add_calendar(uow, add_connection(uow, ada.id)).id for _ in range(2)]
    asked = run("sync", "--user", ada.email)
    assert "read 2 calendars" in asked.output
    assert (services.redis.llen(URGENT), services.redis.llen(ROUTINE)) == (2, 0)
    asked = run("sync")
    assert f"read {BATCH + 12} calendars" in asked.output
    with services.store.begin() as uow:
        jobs = uow.sync_jobs.list(crowd.id, limit=2 * BATCH)
        assert len(uow.sync_jobs.list(ada.id, limit=9)) == len(mine)
    assert len(jobs) == BATCH + 10
    # Sent again, they are routine as well.
    assert not any(job.trigger.urgent for job in jobs)
    # Those that a person waits for already stay as urgent as they were, and are sent once more.
    assert services.redis.llen(URGENT) == 4
    # Groups of the first transaction, then the few of the second one.
    assert services.redis.llen(ROUTINE) == BATCH // GROUP + 10
    assert actions(services) == ["admin.sync_requested"] * 2


def test_keys_are_rotated(run: Run, services: Services, environ: dict[str, str]) -> None:
    with services.store.begin() as uow:
        connection = add_connection(uow, add_user(uow).id)
    new = Fernet.generate_key().decode()
    rotated = run("rotate-keys", TOKEN_ENCRYPTION_KEYS=f"{new},{environ['TOKEN_ENCRYPTION_KEYS']}")
    assert rotated.exit_code == 0, rotated.output
    assert "may drop the old key" in rotated.output
    fresh = build_services(load_settings(environ | {"TOKEN_ENCRYPTION_KEYS": new}))
    with fresh.store.begin() as uow:
        assert uow.connections.load_tokens(connection.id) is not None
    fresh.store.engine.dispose()
    again = run("rotate-keys", TOKEN_ENCRYPTION_KEYS=new)
    assert "0 secrets are encrypted anew; the others were already." in again.output
    lost = run("rotate-keys", TOKEN_ENCRYPTION_KEYS=Fernet.generate_key().decode())
    assert "None of the keys opens 2 secrets" in lost.output
    assert "the others were already" not in lost.output
    assert "all others that can be read were already" in lost.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("users", "list"),
        ("users", "promote", "ada@example.com"),
        ("connections", "list"),
        ("sync",),
        ("rotate-keys",),
    ],
)
def test_a_database_that_is_away_is_said(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments, DATABASE_URL="postgresql://me@127.0.0.1:1/none")
    assert result.exit_code == 1
    assert "The database cannot be reached" in result.output


def test_a_database_without_our_schema_is_said(run: Run, empty_database_url: str) -> None:
    result = run("users", "list", DATABASE_URL=empty_database_url)
    assert result.exit_code == 1
    assert "alembic upgrade head" in result.output
    found = checks(run("doctor", "--json", DATABASE_URL=empty_database_url))
    assert found["migrations"]["state"] == "failed"
    assert "alembic upgrade head" in found["migrations"]["advice"]


def test_the_doctor_names_every_wrong_setting(run: Run) -> None:
    result = run("doctor", "--json", POLL_MINUTES="often", JWT_SECRET="hunter2")
    assert result.exit_code == 1
    found = checks(result)
    assert found["setting POLL_MINUTES"]["state"] == "failed"
    assert "Make one with" in found["setting JWT_SECRET"]["advice"]
    assert "hunter2" not in result.output


def test_the_doctor_tells_a_stopped_redis_from_a_running_database(run: Run) -> None:
    result = run("doctor", "--json", REDIS_URL="redis://127.0.0.1:1/0")
    assert result.exit_code == 1
    found = checks(result)
    assert found["database"]["state"] == found["migrations"]["state"] == "ok"
    assert found["Redis"]["state"] == "failed"
    assert "REDIS_URL" in found["Redis"]["advice"]
    assert found["worker"]["state"] == found["beat"]["state"] == "skipped"


def test_the_doctor_misses_workers_and_the_api(run: Run) -> None:
    result = run("doctor")
    assert result.exit_code == 1
    assert "No worker answers" in result.output
    assert "To mend it:" in result.output
    assert "http://127.0.0.1:1 cannot be reached" in result.output
    assert "PUBLIC_URL" in result.output


def test_the_doctor_tells_an_accepted_client_from_a_refused_one(
    run: Run, sandbox: SandboxThread
) -> None:
    control = sandbox.control
    settings = {
        **control.google_settings(),
        **control.microsoft_settings(),
        **control.caldotcom_settings(),
    }
    found = checks(run("doctor", "--json", **settings))
    for name in ("Google", "Microsoft 365", "Cal.com"):
        assert found[name]["state"] == "ok", found[name]
        assert f"clock of {name}" in found
    wrong = {name: "wrong" for name in settings if name.endswith("_SECRET")}
    assert len(wrong) == 3
    found = checks(run("doctor", "--json", **(settings | wrong)))
    for name in ("Google", "Microsoft 365", "Cal.com"):
        assert found[name]["state"] == "failed", found[name]
        assert "_CLIENT_SECRET" in found[name]["advice"]
    away = {"GOOGLE_TOKEN_URL": "http://127.0.0.1:1/token"}
    found = checks(run("doctor", "--json", **(settings | away)))
    assert found["Google"]["state"] == "failed"
    assert "cannot be reached" in found["Google"]["detail"]


def test_what_runs_is_found_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    assert find_environment(tmp_path) is None
    odd = 'it\'s $HOME \\ and "more" #1'
    withdraw = announce_environment(
        tmp_path / "demo", {"DATABASE_URL": odd, "PATH": "/bin", "PUBLIC_URL": ""}
    )
    assert (
        find_environment(tmp_path) == find_environment(tmp_path / "demo") == {"DATABASE_URL": odd}
    )
    assert (tmp_path / "demo" / "running.env").stat().st_mode & 0o077 == 0
    withdraw()
    assert find_environment(tmp_path) is None


def test_a_folder_in_which_nothing_runs_is_said(run: Run, tmp_path: Path) -> None:
    result = run("users", "list", "--home", str(tmp_path / "nothing"))
    assert result.exit_code == 1
    assert "Nothing runs with the data folder" in result.output


def test_the_doctor_finds_a_running_stack_healthy(
    start_command: Callable[..., Command], home: Path, run: Run, tmp_path: Path
) -> None:
    ports = ("--port", "0", "--flower-port", "0", "--sandbox-port", "0")
    stack = start_command("up", "--json", *ports)
    stack.read_line()
    at_home = ("--home", str(home))
    result = run("doctor", "--json", *at_home, DATABASE_URL="postgresql://me@127.0.0.1:1/none")
    states = {name: one["state"] for name, one in checks(result).items()}
    # For its first minute nobody knows yet whether beat's work is done.
    assert set(states.values()) <= {"ok", "warning"}, result.output
    assert states["worker"] == states["database"] == states["FRONTEND_URL"] == "ok"
    assert result.exit_code == 0

    made = run(
        *("users", "create", "ada@example.com", "--name", "Ada", "--admin", *at_home),
        "--password-stdin",
        typed=f"{PASSWORD}\n",
    )
    assert made.exit_code == 0, made.output
    assert "admin" in run("users", "list", *at_home).output
    assert stack.end() == 0
    assert not (home / "running.env").exists()
