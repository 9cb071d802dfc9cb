"""What a running stack tells the command line beside it: the settings that its parts were given."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from calendar_manager.config import Settings
from calendar_manager.launch.generated_secrets import write_private

FILE: Final = "running.env"


def announce_environment(home: Path, environ: Mapping[str, str]) -> Callable[[], None]:
    """Write the settings of a stack into its data folder, readable by its owner only.

    Args:
        home: The data folder.
        environ: The environment of its processes; what is no setting of ours is left out.

    Returns:
        Takes them away again.
    """
    names = [name.upper() for name in Settings.model_fields]
    path = home / FILE
    write_private(
        path,
        {name: environ[name] for name in names if environ.get(name)},
        "Written while everything runs, for calendar-manager's other commands.",
    )
    return lambda: path.unlink(missing_ok=True)


def find_environment(home: Path) -> dict[str, str] | None:
    """Return the settings of the stack that runs with a data folder; None when none does.

    A demo keeps its data in a folder inside; it is found from outside as well.
    """
    for folder in (home, home / "demo"):
        try:
            found = dotenv_values(folder / FILE, encoding="utf-8", interpolate=False)
        except OSError:
            continue
        if found:
            return {name: value for name, value in found.items() if value}
    return None
