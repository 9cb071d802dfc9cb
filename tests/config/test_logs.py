import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import structlog

from calendar_manager.logs import LogFormat, configure_logging, hide_secrets

pytestmark = pytest.mark.unit


def connect(url: str) -> None:
    raise ValueError(f"cannot reach {url}")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Output:
    """What was written to standard error so far."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self._text = ""

    def read(self) -> str:
        self._text += self._capture.readouterr().err
        return self._text

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.read().splitlines()]


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Iterator[Output]:
    """Standard error, with logging put back as it was afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("calendar_manager")
    before = (root.level, ours.level, list(root.handlers))
    yield Output(capsys)
    root.handlers[:] = before[2]
    root.setLevel(before[0])
    ours.setLevel(before[1])
    logging.captureWarnings(capture=False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def test_an_event_is_one_json_line_with_its_context(output: Output) -> None:
    configure_logging("INFO", "json")
    structlog.contextvars.bind_contextvars(request_id="r-1")

    structlog.get_logger("calendar_manager.sync").info("sync_finished", job=UUID(int=7), pages=2)

    (line,) = output.lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "sync_finished",
        "level": "info",
        "logger": "calendar_manager.sync",
        "request_id": "r-1",
        "job": "00000000-0000-0000-0000-000000000007",
        "pages": 2,
    }


def test_the_standard_librarys_logging_looks_the_same(output: Output) -> None:
    configure_logging("INFO", "json")
    structlog.contextvars.bind_contextvars(task_id="t-1")

    logging.getLogger("celery.worker").warning("lost %s of %d", "one", 3)

    (line,) = output.lines()
    assert line["event"] == "lost one of 3"
    assert line["logger"] == "celery.worker"
    assert line["task_id"] == "t-1"


def test_a_terminal_gets_readable_lines_and_a_file_json(
    output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure_logging("INFO")
    structlog.get_logger("calendar_manager.x").info("to_a_file")
    assert output.lines()[0]["event"] == "to_a_file"

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    configure_logging("INFO")
    structlog.get_logger("calendar_manager.x").info("to_a_terminal")

    assert "to_a_terminal" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")


def test_debug_is_for_our_own_code(output: Output) -> None:
    configure_logging("DEBUG", "json")

    structlog.get_logger("calendar_manager.x").debug("ours")
    logging.getLogger("urllib3.connectionpool").debug("theirs")

    assert [line["event"] for line in output.lines()] == ["ours"]


def test_the_level_applies_to_all(output: Output) -> None:
    configure_logging("WARNING", "json")

    structlog.get_logger("calendar_manager.x").info("ours")
    logging.getLogger("uvicorn").info("theirs")
    structlog.get_logger("calendar_manager.x").warning("bad")

    assert [line["event"] for line in output.lines()] == ["bad"]


def test_configuring_twice_writes_once(output: Output) -> None:
    configure_logging("INFO", "json")
    configure_logging("INFO", "json")

    logging.getLogger("any").warning("once")

    assert len(output.lines()) == 1


def test_uvicorns_own_handlers_are_replaced(
    output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = logging.getLogger("uvicorn.access")
    # The API turns this logger off for good, for it has a line of its own.
    monkeypatch.setattr(access, "disabled", False)
    access.addHandler(logging.StreamHandler())
    access.propagate = False
    configure_logging("INFO", "json")

    access.info("GET /health/live")

    assert [line["event"] for line in output.lines()] == ["GET /health/live"]


def test_warnings_are_logged(output: Output) -> None:
    configure_logging("INFO", "json")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    assert output.lines()[0]["logger"] == "py.warnings"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_values_with_a_secrets_name_are_hidden(output: Output, log_format: LogFormat) -> None:
    configure_logging("INFO", log_format)
    secret_values = {
        "password": "hunter2",
        "access_token": "hunter2",
        "Authorization": "hunter2",
        "headers": {"Set-Cookie": "hunter2", "deeper": {"client_secret": "hunter2"}},
        "token_encryption_keys": ["hunter2"],
    }

    structlog.get_logger("calendar_manager.x").info("said", token_type="bearer", **secret_values)

    assert "hunter2" not in output.read()
    assert "bearer" in output.read()


def test_the_callers_own_values_are_not_changed(output: Output) -> None:
    configure_logging("INFO", "json")
    headers = {"cookie": "kept"}

    structlog.get_logger("calendar_manager.x").info("said", headers=headers)

    assert headers == {"cookie": "kept"}
    assert "kept" not in output.read()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_secrets_in_tracebacks_and_messages_are_hidden(
    output: Output, log_format: LogFormat
) -> None:
    configure_logging("INFO", log_format)
    local_secret = "hunter2"
    try:
        connect("postgresql://me:hunter" + "2@host/name")
    except ValueError:
        structlog.get_logger("calendar_manager.x").exception("failed", length=len(local_secret))
        logging.getLogger("other").exception("failed at /callback?x=1&code=%s", local_secret)

    shown = output.read()
    assert "ValueError" in shown
    assert "postgresql://me:***@host/name" in shown
    assert "hunter2" not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:pass@host:1/0", "redis://:***@host:1/0"),
        ("GET /api/auth/callback/google?state=a&code=b&scope=c", None),
        ("Authorization: Bearer abc.def-ghi_jkl==", "Authorization: Bearer ***"),
        ("GET /feeds/abcdef.ics 200", "GET /feeds/***.ics 200"),
        (
            "grant_type=refresh_token&refresh_token=abc",
            "grant_type=refresh_token&refresh_token=***",
        ),
        ("at https://host/a:b?c=d", "at https://host/a:b?c=d"),
        ("state=open code=404", "state=open code=404"),
    ],
)
def test_secrets_in_text(text: str, shown: str | None) -> None:
    expected = shown or "GET /api/auth/callback/google?state=***&code=***&scope=c"

    assert hide_secrets(text) == expected
