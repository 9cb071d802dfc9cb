"""Secrets that an installation makes for itself, once."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet
from dotenv import dotenv_values

FILE: Final = "secrets.env"

_PURPOSE: Final = "Made by calendar-manager. Keep it with the data and from everybody else."


def load_or_make_secrets(home: Path) -> dict[str, str]:
    """Return the secrets of a data folder, making those that are missing.

    They stand in ``secrets.env``, readable by its owner only. Losing it makes the stored tokens of
    all connections unreadable, so it belongs into the same backup as the data.

    Returns:
        ``JWT_SECRET``, ``TOKEN_ENCRYPTION_KEYS`` and ``FLOWER_PASSWORD``.
    """
    path = home / FILE
    made = {
        "JWT_SECRET": secrets.token_urlsafe(48),
        "TOKEN_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "FLOWER_PASSWORD": secrets.token_urlsafe(12),
    }
    kept = {name: value for name, value in dotenv_values(path).items() if name in made and value}
    if kept.keys() != made.keys():
        write_private(path, made | kept, _PURPOSE)
    return made | kept


def write_private(path: Path, values: Mapping[str, str], purpose: str) -> None:
    """Write variables into a file that only its owner can read.

    It is replaced in one step, so that an interruption leaves the old or the new one.

    Args:
        path: The file.
        values: Name → value.
        purpose: What stands above them, in a sentence.
    """
    aside = path.with_suffix(".making")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"# {purpose}\n")
        file.writelines(f"{name}='{_quote(value)}'\n" for name, value in values.items())
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)


def _quote(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
