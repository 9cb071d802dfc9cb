import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from calendar_manager.launch.stack import erase_stack
from tests.launch.command_line import Command


@pytest.fixture
def empty_database_url(database_url: str) -> Iterator[str]:
    """A database beside the worker's own, without any table."""
    server = make_url(database_url)
    name = f"{server.database}_empty"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()


@pytest.fixture
def start_command(tmp_path: Path, home: Path) -> Iterator[Callable[..., Command]]:
    """Start `calendar-manager` on the test's data folder; ends what a failed test left running."""
    started: list[Command] = []

    def start(*arguments: str, environ: Mapping[str, str] | None = None) -> Command:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Command(folder, *arguments, "--home", str(home), environ=environ))
        return started[-1]

    yield start
    for command in started:
        if command.process.poll() is None:
            command.end()


@pytest.fixture
def home() -> Iterator[Path]:
    """A data folder, erased with all that runs in it; short, for the sake of sockets."""
    place = Path(tempfile.mkdtemp(prefix="cm-"))
    home = place / "home"
    yield home
    for folder in (home / "demo", home):
        erase_stack(folder)
    shutil.rmtree(place)
