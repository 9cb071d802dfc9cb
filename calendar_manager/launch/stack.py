"""Everything on one machine, started in order and stopped in reverse."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Final, Self

from calendar_manager.config import load_settings
from calendar_manager.embedded import FolderLock, erase_home, open_home
from calendar_manager.launch import programs
from calendar_manager.launch.external import check_database, check_redis
from calendar_manager.launch.generated_secrets import load_or_make_secrets
from calendar_manager.launch.ports import choose_port, make_url
from calendar_manager.launch.readiness import answers, wait_until_ready, worker_answers
from calendar_manager.launch.running_environment import announce_environment
from calendar_manager.launch.servers import WatchedServer, watch_postgres, watch_redis
from calendar_manager.launch.stopping import ignore_signals
from calendar_manager.launch.supervisor import Supervisor, find_marked, stop_marked
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.store.migrations import upgrade_database

WATCH_SECONDS: Final = 0.5

STAND_INS: Final = {"DATABASE_URL": "postgresql:///later", "REDIS_URL": "redis://later"}
"""Addresses that let the other settings be checked before our own servers run."""

Report = Callable[[str], None]
"""Told in a few words what happens now."""


@dataclass(frozen=True)
class Plan:
    """What to start, and where.

    Attributes:
        home: Data folder; its own name for the data of this stack.
        environ: Variables that the person set; they win over what is made here.
        host: Address that everything listens on.
        port: Port of the API and pages; 0 picks a free one.
        flower_port: Port of Flower; 0 picks a free one.
        sandbox_port: Port of the sandbox, None for no sandbox.
        insist_on_ports: Whether a taken port is an error; otherwise a free one is picked.
        seed: Calendar file for the sandbox; None takes its own.
        approve_database: Looks at an external database before anything is changed in it.
    """

    home: Path
    environ: Mapping[str, str] = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    flower_port: int = 5555
    sandbox_port: int | None = None
    insist_on_ports: bool = True
    seed: Path | None = None
    approve_database: Callable[[str], None] | None = None


@dataclass(frozen=True)
class Addresses:
    """Where it all serves.

    Attributes:
        api: The API and the pages.
        flower: The task monitor.
        flower_login: Its user and password.
        sandbox: The stand-in for the providers, or None.
        logs: Folder of the logs.
    """

    api: str
    flower: str
    flower_login: tuple[str, str] = field(repr=False)
    sandbox: str | None
    logs: Path


class Stack:
    """PostgreSQL, Redis, the migrated schema, API, worker, beat, Flower, and maybe the sandbox.

    Args:
        plan: What to start.
        report: Told about each step.

    Attributes:
        addresses: Where it all serves, once entered.
        environ: The environment of its processes, secrets included, once entered.

    Raises on entering:
        EmbeddedServerError: A server of ours does not start, or the data folder is in use.
        SettingsError: The variables cannot be used.
        LaunchError: A process does not start.
    """

    def __init__(self, plan: Plan, report: Report) -> None:
        self._plan = plan
        self._report = report
        self._stack = ExitStack()
        self._servers: dict[str, WatchedServer] = {}
        self._supervisor: Supervisor | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def watch(self) -> None:
        """Keep everything running until an exception, such as a signal's, ends it.

        Raises:
            LaunchError: Something ended too often.
        """
        pause = Event()
        while True:
            self.check()
            pause.wait(WATCH_SECONDS)

    def check(self) -> None:
        """Start again what ended by itself.

        Raises:
            LaunchError: Something ended too often.
        """
        for server in self._servers.values():
            server.check()
        if self._supervisor is not None:
            self._supervisor.check()

    @property
    def pids(self) -> dict[str, int]:
        """The present main process of each part, by name, such as ``worker`` or ``postgres``."""
        children = self._supervisor.children if self._supervisor is not None else ()
        programs = {child.program.name: int(child.process.pid) for child in children}
        return {name: server.pid for name, server in self._servers.items()} | programs

    def _stop(self) -> None:
        # A second Ctrl-C in the middle of it would leave processes behind; each step is bounded.
        with ignore_signals():
            self._stack.close()

    def _start(self) -> None:
        home = open_home(self._plan.home)
        self._stack.enter_context(FolderLock(home, "stack"))
        # The lock is ours, so processes still marked with this folder belong to nobody any more.
        if any(find_marked(home)):
            self._report("Stopping what an earlier run left")
            stop_marked(home)
        self._supervisor = Supervisor(home)
        ports = self._choose_ports()
        environ = self._make_environment(home, ports)
        self._stack.callback(self._supervisor.stop)
        self._report("Bringing the database up to date")
        upgrade_database(environ["DATABASE_URL"])
        self.environ = environ
        self._stack.callback(announce_environment(home, environ))
        self.addresses = self._start_programs(self._supervisor, environ, ports)

    def _choose_ports(self) -> dict[str, int]:
        plan = self._plan
        wanted = {"--port": plan.port, "--flower-port": plan.flower_port}
        if plan.sandbox_port is not None:
            wanted["--sandbox-port"] = plan.sandbox_port
        chosen: dict[str, int] = {}
        for option, port in wanted.items():
            chosen[option] = choose_port(
                plan.host, port, option, insist=plan.insist_on_ports, besides=chosen.values()
            )
        return chosen

    def _make_environment(self, home: Path, ports: Mapping[str, int]) -> dict[str, str]:
        plan = self._plan
        environ = {
            **load_or_make_secrets(home),
            # The logs are files, and people read them.
            "LOG_FORMAT": "console",
            "FRONTEND_URL": make_url(plan.host, ports["--port"]),
            **plan.environ,
        }
        if "--sandbox-port" in ports:
            sandbox_url = make_url(plan.host, ports["--sandbox-port"])
            environ |= make_stand_in_settings(sandbox_url, environ)
            # The sandbox reaches us on this machine; providers of the world would not.
            environ.setdefault("PUBLIC_URL", make_url(plan.host, ports["--port"]))
        # Before anything starts, so that mistakes show at once.
        settings = load_settings(STAND_INS | environ)
        api_processes = settings.web_concurrency or programs.choose_api_processes()
        # As a plain number, which is all that uvicorn understands.
        environ["WEB_CONCURRENCY"] = str(api_processes)
        self._start_servers(home, environ, programs.count_connections(api_processes))
        return environ

    def _start_servers(self, home: Path, environ: dict[str, str], connections: int) -> None:
        if "DATABASE_URL" in environ:
            self._report("Looking at DATABASE_URL")
            url = load_settings(STAND_INS | environ).database_url
            check_database(url)
            if self._plan.approve_database is not None:
                self._plan.approve_database(url)
            environ["DATABASE_URL"] = url
        else:
            self._report("Starting PostgreSQL")
            environ["DATABASE_URL"] = self._keep("postgres", watch_postgres(home, connections))
        if "REDIS_URL" in environ:
            self._report("Looking at REDIS_URL")
            check_redis(environ["REDIS_URL"])
        else:
            self._report("Starting Redis")
            environ["REDIS_URL"] = self._keep("redis", watch_redis(home))

    def _keep(self, name: str, server: WatchedServer) -> str:
        """Watch a server until the end, and return its address."""
        self._stack.callback(server.stop)
        self._servers[name] = server
        return server.url

    def _start_programs(
        self, supervisor: Supervisor, environ: Mapping[str, str], ports: Mapping[str, int]
    ) -> Addresses:
        plan = self._plan
        settings = load_settings(environ)
        login = (settings.flower_user, environ["FLOWER_PASSWORD"])
        api_url = make_url(plan.host, ports["--port"])
        flower_url = make_url(plan.host, ports["--flower-port"])
        sandbox_url: str | None = None
        waits = []
        self._report("Starting the API, worker, beat and Flower")
        if "--sandbox-port" in ports:
            port = ports["--sandbox-port"]
            sandbox_url = make_url(plan.host, port)
            sandbox = programs.sandbox_program(environ, plan.host, port, plan.seed)
            waits.append((supervisor.start(sandbox), answers(f"{sandbox_url}/_control/health")))
        api = programs.api_program(environ, plan.host, ports["--port"])
        worker = programs.worker_program(environ)
        flower = programs.flower_program(environ, plan.host, ports["--flower-port"], login)
        waits.append((supervisor.start(api), answers(f"{api_url}/health/ready")))
        waits.append((supervisor.start(worker), worker_answers(settings.redis_url)))
        supervisor.start(programs.beat_program(environ))
        waits.append((supervisor.start(flower), answers(flower_url, login)))
        for child, question in waits:
            self._report(f"Waiting for {child.program.name}")
            wait_until_ready(child, question, supervisor.children)
        return Addresses(
            api=api_url,
            flower=flower_url,
            flower_login=login,
            sandbox=sandbox_url,
            logs=supervisor.logs,
        )


def make_stand_in_settings(sandbox_url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings for the providers that the sandbox stands in for.

    Args:
        sandbox_url: Where it serves.
        environ: What is set; a provider whose application is named there stays the real one.
    """
    settings: dict[str, str] = {}
    with ControlClient(sandbox_url) as control:
        if "GOOGLE_CLIENT_ID" not in environ:
            settings |= control.google_settings()
        if "MICROSOFT_CLIENT_ID" not in environ:
            settings |= control.microsoft_settings()
        if not environ.keys() & {"CALCOM_CLIENT_ID", "CALCOM_API_KEY"}:
            settings |= control.caldotcom_settings()
    return settings


def erase_stack(home: Path) -> None:
    """Stop what a killed stack left in a data folder, and delete the folder.

    Raises:
        HomeInUseError: A live process works in it.
    """
    if home.is_dir():
        home = home.resolve()
        with FolderLock(home, "stack"):
            stop_marked(home)
            erase_home(home)
