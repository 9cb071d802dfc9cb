"""The embedded servers of a stack: watched, and started again where they were when they end."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil
import redis

from calendar_manager.embedded import EmbeddedServerError, Running, start_postgres, start_redis
from calendar_manager.embedded.running import launch, stop_process, wait_until
from calendar_manager.launch.errors import LaunchError
from calendar_manager.launch.patience import Patience
from calendar_manager.launch.supervisor import STOP_STEPS

REDIS_SECONDS: Final = 30.0
"""A large append-only file takes a while to read."""


class WatchedServer:
    """A server that has to run.

    Args:
        name: What people call it.
        running: The server.
        revive: Brings a dead server back at the same address.
    """

    def __init__(self, name: str, running: Running, revive: Callable[[Running], Running]) -> None:
        self._name = name
        self._running = running
        self._revive = revive
        self._patience = Patience()
        self._trouble = ""

    @property
    def url(self) -> str:
        """Its address, the same for as long as this object lives."""
        return self._running.url

    @property
    def pid(self) -> int:
        """The number of its present process."""
        return self._running.pid

    def check(self) -> None:
        """Bring it back if it ended; soon after its start, after a growing pause.

        Raises:
            LaunchError: It ended too often, or does not come back.
        """
        if self._running.is_running():
            return
        self._patience.has_ended()
        if self._patience.is_exhausted():
            times = self._patience.ends
            raise LaunchError(
                f"{self._name} ended {times} times soon after its start. {self._trouble}".strip()
            )
        if self._patience.is_over():
            try:
                self._running = self._revive(self._running)
            except EmbeddedServerError as error:
                # It counts as one more end.
                self._trouble = str(error)
            self._patience.has_started()

    def stop(self) -> None:
        """Stop it with its data safe on disk."""
        self._running.stop()


def watch_postgres(home: Path, connections: int) -> WatchedServer:
    """Start PostgreSQL with the data of a folder; its socket stays where it is.

    Args:
        home: The data folder.
        connections: How many it accepts at once.

    Raises:
        EmbeddedServerError: It does not start.
    """
    options = {"max_connections": str(connections)}

    def revive(dead: Running) -> Running:
        # Frees the folder; its next server first stops what the dead one left.
        dead.stop()
        return start_postgres(home, options)

    return WatchedServer("PostgreSQL", start_postgres(home, options), revive)


def watch_redis(home: Path) -> WatchedServer:
    """Start Redis with the data of a folder; once chosen, its port stays the same.

    Raises:
        EmbeddedServerError: It does not start.
    """
    first = start_redis(home)
    folder, log = home / "redis", home / "redis" / "valkey.log"
    # Everybody knows the port by now, and the server's configuration file names it.
    command = (psutil.Process(first.pid).exe(), str(folder / "valkey.conf"))

    def revive(_dead: Running) -> Running:
        with log.open("ab") as output:
            process = launch(
                command,
                stdout=output,
                stderr=output,
                env={"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"},
                cwd=folder,
                start_new_session=True,
                umask=0o077,
            )

        def stop() -> None:
            stop_process(process, STOP_STEPS)
            # The folder is still the first server's.
            first.stop()

        try:
            wait_until(lambda: _answers(first.url), process, REDIS_SECONDS, log)
        except BaseException:
            stop_process(process, STOP_STEPS)
            raise
        return Running(first.url, process, stop)

    return WatchedServer("Redis", first, revive)


def _answers(url: str) -> bool:
    with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
