"""Removing a data folder for good."""

import shutil
from pathlib import Path

from calendar_manager.embedded.home import FolderLock
from calendar_manager.embedded.postgres import stop_leftover_postgres
from calendar_manager.embedded.redis import stop_leftover_redis


def erase_home(home: Path) -> None:
    """Stop what still runs in a data folder, and delete the folder with all data.

    Raises:
        HomeInUseError: A live process works in it; nothing is deleted then.
    """
    home = home.resolve()
    with FolderLock(home, "postgres"), FolderLock(home, "redis"):
        stop_leftover_postgres(home)
        stop_leftover_redis(home)
        cluster = home / "postgres"
        if cluster.is_symlink():
            # Root's data may lie in a place of its own, see root.py.
            shutil.rmtree(cluster.resolve(), ignore_errors=True)
        shutil.rmtree(home)
