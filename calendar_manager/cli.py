"""The command line: everything on one machine, the demo, and the sandbox."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
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
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.server import DEFAULT_ACCOUNT
from calendar_manager.sandbox.server import run as run_sandbox

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
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)

Home = Annotated[
    Path | None,
    typer.Option(
        help="Data folder; ~/.local/share/calendar-manager by default.",
        envvar="CALENDAR_MANAGER_HOME",
        show_default=False,
        file_okay=False,
        metavar="FOLDER",
    ),
]
Host = Annotated[str, typer.Option(help="Address to listen on.", metavar="ADDRESS")]
Port = Annotated[
    int,
    typer.Option(
        help="Port of the API and pages; 0 picks a free one.", metavar="PORT", min=0, max=65535
    ),
]
FlowerPort = Annotated[
    int,
    typer.Option(
        help="Port of Flower, the task monitor; 0 picks a free one.",
        metavar="PORT",
        min=0,
        max=65535,
    ),
]
SandboxPort = Annotated[
    int | None,
    typer.Option(
        help="Port of the sandbox providers; 0 picks a free one.", metavar="PORT", min=0, max=65535
    ),
]
OwnSandboxPort = Annotated[
    int,
    typer.Option(
        help="Port of the sandbox providers; 0 picks a free one.", metavar="PORT", min=0, max=65535
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
        metavar="FILE",
    ),
]


@app.command()
def up(
    *,
    home: Home = None,
    host: Host = "127.0.0.1",
    port: Port = API_PORT,
    flower_port: FlowerPort = FLOWER_PORT,
    sandbox_port: SandboxPort = None,
    as_json: AsJson = False,
) -> None:
    """Run everything on this machine: API and pages, worker, beat, Flower.

    PostgreSQL and Redis come along unless DATABASE_URL and REDIS_URL are set. With --sandbox-port
    the sandbox providers run too, and stand in for Google while GOOGLE_CLIENT_ID is not set.
    """
    console = make_console(as_json=as_json)
    with explained(console), stop_on_signals():
        environ = load_environment()
        plan = Plan(
            home=choose_home(home, environ),
            environ=environ,
            host=host,
            port=port,
            flower_port=flower_port,
            sandbox_port=sandbox_port,
        )
        with Steps(console) as steps, Stack(plan, steps) as stack:
            steps.finish()
            show_addresses(console, stack.addresses, plan.home)
            if "GOOGLE_CLIENT_ID" not in environ and sandbox_port is None:
                console.print(
                    "Google is not offered yet: set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET,"
                    " see .env.example.\n",
                    style="yellow",
                )
            announce(stack.addresses, as_json=as_json)
            stay(stack, steps, console)


@app.command()
def demo(
    *,
    home: Home = None,
    host: Host = "127.0.0.1",
    port: Port = API_PORT,
    flower_port: FlowerPort = FLOWER_PORT,
    sandbox_port: OwnSandboxPort = SANDBOX_PORT,
    seed: Seed = None,
    once: Annotated[
        bool, typer.Option("--once", help="End after the tour; exit code 0 if all went well.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show all of it with a made-up account: no registration, no account anywhere.

    Each demo starts afresh in a folder of its own, and touches no real installation. Ports that
    are taken are replaced by free ones.
    """
    console = make_console(as_json=as_json)
    with explained(console), stop_on_signals():
        environ = make_demo_environment(os.environ)
        folder = choose_home(home, environ) / "demo"
        erase_stack(folder)
        plan = Plan(
            home=folder,
            environ=environ,
            host=host,
            port=port,
            flower_port=flower_port,
            sandbox_port=sandbox_port,
            insist_on_ports=False,
            seed=seed,
            approve_database=refuse_real_users,
        )
        user = make_user(alone="DATABASE_URL" not in environ)
        with Steps(console) as steps, Stack(plan, steps) as stack:
            steps.finish()
            try:
                run_tour(stack.addresses, console, user, own_seed=seed)
            except LaunchError as error:
                if once:
                    raise
                show_failure(console, error)
            announce(stack.addresses, user, as_json=as_json)
            if once:
                console.print("\n[green]✓[/] All of it worked.")
            else:
                show_addresses(console, stack.addresses, folder, user)
                stay(stack, steps, console)
        if once:
            erase_stack(folder)


@app.command()
def sandbox(
    *,
    home: Annotated[Path | None, typer.Option(hidden=True)] = None,
    host: Host = "127.0.0.1",
    port: Annotated[int | None, typer.Option(hidden=True, min=0, max=65535)] = None,
    flower_port: Annotated[int | None, typer.Option(hidden=True)] = None,
    sandbox_port: OwnSandboxPort = SANDBOX_PORT,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Run only the sandbox: a stand-in for the calendar providers, to try or test against."""
    # One set of options fits all three commands, so that scripts need not tell them apart.
    del home, flower_port
    console = make_console(as_json=as_json)
    with explained(console):
        chosen = choose_port(
            host, sandbox_port if port is None else port, "--sandbox-port", insist=False
        )

        def show(url: str) -> None:
            with ControlClient(url) as control:
                lines = [f"{name}={value}" for name, value in control.google_settings().items()]
            console.print(
                f"[green]✓[/] The sandbox serves at [link={url}]{url}[/link]"
                f" with the Google account {DEFAULT_ACCOUNT}.\n"
                "Settings that point an installation at it:\n"
            )
            console.print("\n".join(lines), "\n", style="cyan", highlight=False, soft_wrap=True)
            console.print("Ctrl-C stops it.", style="dim")
            if as_json:
                print_json({"sandbox": url})

        # The server ends in good order first, and then passes the signal on.
        with suppress(StopRequested), stop_on_signals():
            run_sandbox(host, chosen, seed, show)


def make_console(*, as_json: bool) -> Console:
    """Return where people read; standard output is left to the one line when JSON is wanted."""
    return Console(stderr=as_json, highlight=False)


def choose_home(option: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the data folder: the option's, the variable's, or the default."""
    if option is not None:
        return option.expanduser().absolute()
    named = environ.get("CALENDAR_MANAGER_HOME")
    return Path(named).expanduser().absolute() if named else default_home()


@contextmanager
def explained(console: Console) -> Iterator[None]:
    """Turn expected failures into a readable message and an exit code."""
    try:
        yield
    except SettingsError as error:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for name, problem in error.problems.items():
            table.add_row(f"[bold]{name}[/]", escape(problem))
        count = len(error.problems)
        console.print(f"[bold red]{count} setting{'s' if count > 1 else ''} to mend[/]\n")
        console.print(table)
        raise typer.Exit(WRONG_SETTINGS) from None
    except (LaunchError, EmbeddedServerError) as error:
        show_failure(console, error)
        raise typer.Exit(FAILED) from None
    except (StopRequested, KeyboardInterrupt):
        raise typer.Exit(INTERRUPTED) from None


def show_failure(console: Console, error: Exception) -> None:
    """Say what failed."""
    console.print()
    console.print(f"[bold red]Failed:[/] {escape(str(error))}", soft_wrap=True)


def show_addresses(
    console: Console, addresses: Addresses, home: Path, user: TourUser | None = None
) -> None:
    """Show where everything is, with the logins."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("", "Address", "Login", "Password"):
        table.add_column(heading, no_wrap=True)
    login = (user.email, user.password) if user else ("", "")
    table.add_row("Pages", _link(addresses.api), *map(escape, login))
    table.add_row("API", _link(f"{addresses.api}/docs"))
    table.add_row("Tasks", _link(addresses.flower), *map(escape, addresses.flower_login))
    if addresses.sandbox:
        table.add_row("Sandbox", _link(addresses.sandbox), DEFAULT_ACCOUNT)
    console.print()
    console.print(Panel(table, title="Calendar Manager runs", border_style="green", expand=False))
    console.print(f"Data in {escape(str(home))}, logs in its folder logs.", soft_wrap=True)


def _link(url: str) -> str:
    return f"[link={url}]{url}[/link]"


def announce(addresses: Addresses, user: TourUser | None = None, *, as_json: bool) -> None:
    """Print the one line of JSON, if it is wanted."""
    if not as_json:
        return
    line: dict[str, Any] = {"api": addresses.api, "flower": addresses.flower}
    if addresses.sandbox:
        line["sandbox"] = addresses.sandbox
    if user:
        line["users"] = [{"email": user.email, "password": user.password}]
    print_json(line)


def print_json(line: Mapping[str, Any]) -> None:
    """Print one line of JSON to standard output, at once."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def stay(stack: Stack, steps: Steps, console: Console) -> None:
    """Keep everything running until a signal asks for the end."""
    console.print("Ctrl-C stops it.", style="dim")
    try:
        stack.watch()
    except StopRequested:
        steps("Stopping")
