"""Packaged calendars; ``SOURCES.md`` says where each comes from."""

from importlib import resources

from calendar_manager.sandbox.google.errors import invalid_value


def load_seed(name: str) -> str:
    """Return the text of ``<name>.ics``.

    Raises:
        GoogleApiError: 400, there is none of this name.
    """
    folder = resources.files(__package__)
    known = sorted(path.name.removesuffix(".ics") for path in folder.iterdir())
    if name not in known or not (folder / f"{name}.ics").is_file():
        raise invalid_value(f"There is no packaged seed {name!r}.")
    return (folder / f"{name}.ics").read_text(encoding="utf-8")
