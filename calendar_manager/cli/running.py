"""Running everything on one machine, the demo, and the sandbox."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape

from calendar_manager.cli.frame import (
    announce_line,
    choose_home,
    explained,
    make_console,
    show_failure,
)
from calendar_manager.config import load_environment
from calendar_manager.launch.demo import (
    make_demo_environment,
    make_user,
    refuse_real_users,
    run_tour,
)
from calendar_manager.launch.errors import LaunchError, StopRequested
from calendar_manager.launch.ports import choose_port
from calendar_manager.launch.stack import (
    Addresses,
    Plan,
    Stack,
    erase_stack,
    make_stand_in_settings,
)
from calendar_manager.launch.steps import Steps
from calendar_manager.launch.stopping import stop_on_signals
from calendar_manager.launch.tour import TourUser
from calendar_manager.sandbox.default_accounts import ACCOUNTS
from calendar_manager.sandbox.server import run as run_sandbox

API_PORT: Final = 8000
FLOWER_PORT: Final = 5555
SANDBOX_PORT: Final = 8010

APPLICATIONS: Final = frozenset(
    {"GOOGLE_CLIENT_ID", "MICROSOFT_CLIENT_ID", "CALCOM_CLIENT_ID", "CALCOM_API_KEY"}
)
"""Settings any of which makes a provider one that can be connected."""

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
        help="Calendar file (.ics) for the sandbox's Google account.",
        exists=True,
        dir_okay=False,
        readable=True,
        metavar="FILE",
    ),
]


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
    the sandbox providers run too, and stand in for each provider whose application is not set.
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
            if sandbox_port is None and not environ.keys() & APPLICATIONS:
                console.print(
                    "No provider is offered yet: set the client id and secret of Google,"
                    " Microsoft or Cal.com, see .env.example.\n",
                    style="yellow",
                )
            announce(stack.addresses, as_json=as_json)
            stay(stack, steps, console)


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
    """Show all of it with made-up accounts: no registration, no account anywhere.

    A Google, a Microsoft 365 and a Cal.com account are connected through their consent pages.

    Each demo starts afresh in a folder of its own, and touches no real installation. Ports that
    are taken are replaced by free ones.
    """
    console = make_console(as_json=as_json)
    with explained(console), stop_on_signals():
        environ = make_demo_environment(os.environ)
        folder = choose_home(home, environ) / "demo"
        erase_stack(folder)
        user = make_user(alone="DATABASE_URL" not in environ)
        plan = Plan(
            home=folder,
            environ=environ | {"DEMO_EMAIL": user.email, "DEMO_PASSWORD": user.password},
            host=host,
            port=port,
            flower_port=flower_port,
            sandbox_port=sandbox_port,
            insist_on_ports=False,
            seed=seed,
            approve_database=refuse_real_users,
        )
        with Steps(console) as steps, Stack(plan, steps) as stack:
            steps.finish()
            try:
                run_tour(stack.addresses, console, user, own_seed=seed)
            except LaunchError as error:
                if once:
                    raise
                show_failure(console, error)
            if once:
                console.print("\n[green]✓[/] All of it worked.")
            else:
                show_addresses(console, stack.addresses, folder, user)
            announce(stack.addresses, user, as_json=as_json)
            if not once:
                stay(stack, steps, console)
        if once:
            erase_stack(folder)


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
            console.print(f"[green]✓[/] The sandbox serves at {_link(url)} with the accounts\n")
            show_lines(console, ACCOUNTS)
            console.print("\nSettings that point an installation at it:\n")
            settings = make_stand_in_settings(url, {})
            lines = [f"{name}={value}" for name, value in settings.items()]
            console.print("\n".join(lines), style="cyan", highlight=False, soft_wrap=True)
            console.print("\nCtrl-C stops it.", style="dim")
            if as_json:
                announce_line({"sandbox": url})

        # The server ends in good order first, and then passes the signal on.
        with suppress(StopRequested), stop_on_signals():
            run_sandbox(host, chosen, seed, show)


def show_addresses(
    console: Console, addresses: Addresses, home: Path, user: TourUser | None = None
) -> None:
    """Show where everything is, with the logins, each on a line of its own and never cut off."""
    tasks_user, tasks_password = addresses.flower_login
    lines = {"Pages": _link(addresses.api)}
    if user:
        lines |= {"Login": escape(user.email), "Password": escape(user.password)}
    lines |= {
        "API": _link(f"{addresses.api}/docs"),
        "Tasks": _link(addresses.flower),
        "Tasks login": escape(tasks_user),
        "Tasks password": escape(tasks_password),
    }
    if addresses.sandbox:
        lines["Sandbox"] = _link(addresses.sandbox)
    lines |= {"Data": escape(str(home)), "Logs": escape(str(addresses.logs))}
    console.print("\n[bold green]Calendar Manager runs[/]\n")
    show_lines(console, lines)
    console.print()


def show_lines(console: Console, lines: Mapping[str, str]) -> None:
    """Print names and values below each other; a terminal may break a line, nothing shortens it.

    Args:
        console: Where to write.
        lines: Name → value, as markup.
    """
    width = max(map(len, lines)) + 2
    for name, value in lines.items():
        console.print(f"  [dim]{name:<{width}}[/]{value}", soft_wrap=True)


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
    announce_line(line)


def stay(stack: Stack, steps: Steps, console: Console) -> None:
    """Keep everything running until a signal asks for the end."""
    console.print("Ctrl-C stops it.", style="dim")
    try:
        stack.watch()
    except StopRequested:
        steps("Stopping")
