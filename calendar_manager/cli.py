"""The command line: everything on one machine, the demo, and the sandbox."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from calendar_manager.config import SettingsError, load_environment
from calendar_manager.embedded import EmbeddedServerError, default_home
from calendar_manager.launch.demo import (
    make_demo_environment,
    make_user,
    refuse_real_users,
    run_tour,
)
from calendar_manager.launch.errors import LaunchError, StopRequested
from calendar_manager.launch.ports import choose_port
from calendar_manager.launch.stack import Addresses, Plan, Stack, erase_stack
from calendar_manager.launch.steps import Steps
from calendar_manager.launch.stopping import stop_on_signals
from calendar_manager.launch.tour import TourUser

API_PORT: Final = 8000
FLOWER_PORT: Final = 5555
SANDBOX_PORT: Final = 8010

FAILED: Final = 1
WRONG_SETTINGS: Final = 2
INTERRUPTED: Final = 130

app = typer.Typer(
    name="calendar-manager",
    help="Self-hosted calendar sync, conflict detection and availability for freelancers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)

Home = Annotated[
    Path | None,
    typer.Option(
        help="Data folder.",
        envvar="CALENDAR_MANAGER_HOME",
        show_default="~/.local/share/calendar-manager",
        file_okay=False,
    ),
]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[
    int | None,
    typer.Option(
        help="Port of the API and pages; 0 picks a free one.",
        show_default=str(API_PORT),
        min=0,
        max=65535,
    ),
]
FlowerPort = Annotated[
    int | None,
    typer.Option(
        help="Port of Flower, the task monitor; 0 picks a free one.",
        show_default=str(FLOWER_PORT),
        min=0,
        max=65535,
    ),
]
SandboxPort = Annotated[
    int | None,
    typer.Option(
        help="Port of the sandbox providers; 0 picks a free one.", min=0, max=65535
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the addresses as one line of JSON, once all serves.")
]
Seed = Annotated[
    Path | None,
    typer.Option(
        help="Calendar file (.ics) for the sandbox account.",
        exists=True,
        dir_okay=False,
        readable=True,
    ),
]


@app.command()
def up(
    *,
    home: Home = None,
    host: Host = "127.0.0.1",
    port: Port = None,
    flower_port: FlowerPort = None,
    sandbox_port: SandboxPort = None,
    as_json: AsJson = False,
) -> None:
    """Run everything on this machine: API and pages, worker, beat, Flower.

    PostgreSQL and Redis come along unless DATABASE_URL and REDIS_URL are set. With --sandbox-port
    the sandbox providers run too, and stand in for Google when no GOOGLE_CLIENT_ID is set.
    """
    console = make_console(as_json=as_json)
    with explained(console), stop_on_signals():
        environ = load_environment()
        plan = Plan(
            home=choose_home(home, environ),
            environ=environ,
            host=host,
            port=API_PORT if port is None else port,
            flower_port=FLOWER_PORT if flower_port is None else flower_port,
            sandbox_port=sandbox_port,
        )
        with Steps(console) as steps:
            stack = Stack(plan, steps)
            stack.__enter__()
"""
