"""Which installation a command is about, and its parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from calendar_manager.api.routes.health import find_newest_revision
from calendar_manager.bootstrap import Services, build_services
from calendar_manager.cli.frame import choose_home
from calendar_manager.config import load_environment, load_settings
from calendar_manager.launch.errors import LaunchError
from calendar_manager.launch.running_environment import find_environment
from calendar_manager.logs import configure_logging
from calendar_manager.store.vital_signs import load_revision

InstallationHome = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="Data folder of a running `up` or `demo`. Without it the settings of the environment"
        " and `.env` count, or else those of what runs with the default folder.",
        show_default=False,
        file_okay=False,
        metavar="FOLDER",
    ),
]


def load_installation(home: Path | None) -> dict[str, str]:
    """Return the variables of the installation that a command is about.

    Args:
        home: The data folder that was named; None for none.

    Raises:
        LaunchError: Nothing runs with this folder.
    """
    environ = load_environment()
    if home is None and "DATABASE_URL" in environ:
        return environ
    folder = choose_home(home, environ)
    found = find_environment(folder)
    if found is None and home is not None:
        raise LaunchError(
            f"Nothing runs with the data folder {folder}. Start it with"
            f" `calendar-manager up --home {folder}`, or name another one."
        )
    # What the processes were given counts, whatever this terminal has set.
    return environ | (found or {})


@contextmanager
def opened(home: Path | None) -> Iterator[Services]:
    """Open the parts of an installation whose database fits this program.

    Raises:
        LaunchError: Nothing runs there, or the database has another schema.
        SettingsError: The settings cannot be used.
        DatabaseDownError: The database does not answer.
    """
    settings = load_settings(load_installation(home))
    configure_logging("WARNING", "console")
    services = build_services(settings)
    try:
        present, newest = load_revision(services.store.engine), find_newest_revision()
        if present != newest:
            raise LaunchError(
                f"The database is at {present or 'no migration'}, this program needs {newest}."
                " Run `alembic upgrade head` first."
            )
        yield services
    finally:
        services.store.engine.dispose()
        services.redis.close()
