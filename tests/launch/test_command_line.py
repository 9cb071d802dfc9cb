"""Mistakes of a person on the command line, and the sandbox alone."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from calendar_manager.cli import app
from calendar_manager.embedded import FolderLock, open_home
from tests.launch.command_line import Command, get

pytestmark = pytest.mark.e2e


def test_wrong_settings_are_listed_at_once_and_start_nothing(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("POLL_MINUTES=often\nGOOGLE_CLIENT_ID=only half\n")
    monkeypatch.setenv("JWT_SECRET", "hunter2")

    result = CliRunner().invoke(app, ["up", "--home", str(home), "--port", "0"])

    assert result.exit_code == 2
    assert "3 settings to mend" in result.output
    for name in ("POLL_MINUTES", "GOOGLE_CLIENT_SECRET", "JWT_SECRET"):
        assert name in result.output
    assert "hunter2" not in result.output
    assert not (home / "postgres").exists()


def test_a_taken_port_is_said_before_anything_starts(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        result = CliRunner().invoke(app, ["up", "--home", str(home), "--port", port])

    assert result.exit_code == 1, result.output
    assert f"port {port}" in result.output
    assert not (home / "postgres").exists()


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_folder_in_use_is_said(home: Path, command: str) -> None:
    used = home / "demo" if command == "demo" else home
    home.mkdir()
    with FolderLock(open_home(used), "stack"):
        result = CliRunner().invoke(app, [command, "--home", str(home), "--port", "0"])

    assert result.exit_code == 1, result.output
    assert "in use by process" in result.output


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("DATABASE_URL", "postgresql://me@127.0.0.1:1/none"),
        ("REDIS_URL", "redis://127.0.0.1:1/0"),
    ],
)
def test_an_external_server_that_is_not_there_is_said(
    home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, variable: str, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv(variable, url)

    result = CliRunner().invoke(
        app, ["up", "--home", str(home), "--port", "0", "--flower-port", "0"]
    )

    assert result.exit_code == 1, result.output
    assert f"{variable} cannot be reached" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["sandbox", "--seed", "missing.ics"],
        ["up", "--port", "70000"],
        ["up", "--port", "first"],
        ["fly"],
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_the_sandbox_runs_alone_with_a_persons_own_calendar(
    start_command: Callable[..., Command], tmp_path: Path
) -> None:
    calendar = tmp_path / "mine.ics"
    calendar.write_text(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:u1\r\n"
        "DTSTAMP:20261101T080000Z\r\nDTSTART:20261123T080000Z\r\nDTEND:20261123T090000Z\r\n"
        "SUMMARY:My very own meeting\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    options = ("--sandbox-port", "0", "--json", "--seed", str(calendar))

    sandbox = start_command("sandbox", *options)
    url = sandbox.read_line()["sandbox"]
    found = get(f"{url}/_control/accounts/freelancer@example.com/calendars/primary/events")

    assert "My very own meeting" in json.dumps(found.json())
    shown = sandbox.errors.read_text()
    assert "mara@lind.example" in shown
    for setting in (
        f"GOOGLE_TOKEN_URL={url}/google/token\n",
        f"MICROSOFT_AUTHORITY={url}/microsoft\n",
        f"CALCOM_API_URL={url}/calcom/v2/\n",
    ):
        assert setting in shown
    assert sandbox.end() == 0
