"""Who may sign in, and who runs the installation."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from calendar_manager.cli.batches import load_batches
from calendar_manager.cli.frame import (
    AsJson,
    announce_line,
    explained,
    make_console,
)
from calendar_manager.cli.installation import InstallationHome, opened
from calendar_manager.domain.users import Role
from calendar_manager.launch.errors import LaunchError
from calendar_manager.store.repositories.administration import UserEntry
from calendar_manager.web.deps import build_accounts

app = typer.Typer(help="List, create, promote and delete people.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="What they sign in with.", metavar="EMAIL")]
FromInput = Annotated[
    bool,
    typer.Option(
        "--password-stdin", help="Read the password from standard input instead of asking for it."
    ),
]


@app.command("list")
def list_users(*, home: InstallationHome = None, as_json: AsJson = False) -> None:
    """List everybody, the one who came last first."""
    console = make_console(as_json=as_json)
    with explained(console), opened(home) as services:
        users = list(load_batches(services.store, lambda uow: uow.administration.list_users))
        if as_json:
            announce_line({"users": [_to_json(user) for user in users]})
            return
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for title in ("E-mail", "Name", "Role", "Accounts", "Since (UTC)", "Last sign-in"):
            table.add_column(title, justify="right" if title == "Accounts" else "left")
        for user in users:
            table.add_row(
                escape(user.email),
                escape(user.name),
                f"[bold]{user.role}[/]" if user.role is Role.ADMIN else user.role.value,
                str(user.connections),
                show_instant(user.created_at),
                show_instant(user.signed_in_at),
            )
        console.print(table if users else "Nobody has registered yet.")


@app.command()
def create(
    email: Email,
    *,
    name: Annotated[str, typer.Option(help="What to call them.", prompt=True)],
    time_zone: Annotated[
        str, typer.Option(help="IANA zone of their all-day events.", metavar="ZONE")
    ] = "UTC",
    admin: Annotated[bool, typer.Option("--admin", help="Let them run the installation.")] = False,
    from_input: FromInput = False,
    home: InstallationHome = None,
) -> None:
    """Add somebody who can sign in; the password is asked for."""
    console = make_console()
    with explained(console), opened(home) as services:
        administration = build_accounts(services).administration
        user = administration.create_user(
            email=email,
            password=read_password(from_input=from_input),
            name=name,
            time_zone=time_zone,
        )
        if admin:
            administration.set_role(user.email, Role.ADMIN)
        role = " and runs the installation" if admin else ""
        console.print(f"[green]✓[/] {escape(user.email)} can sign in{role}.")


@app.command()
def promote(email: Email, *, home: InstallationHome = None) -> None:
    """Let somebody run the installation."""
    console = make_console()
    with explained(console), opened(home) as services:
        changed = build_accounts(services).administration.set_role(email, Role.ADMIN)
        now = "runs the installation now" if changed else "runs the installation already"
        console.print(f"[green]✓[/] {escape(email)} {now}.")


@app.command()
def demote(email: Email, *, home: InstallationHome = None) -> None:
    """Take that back."""
    console = make_console()
    with explained(console), opened(home) as services:
        changed = build_accounts(services).administration.set_role(email, Role.USER)
        now = "no longer runs" if changed else "did not run"
        console.print(f"[green]✓[/] {escape(email)} {now} the installation.")


@app.command("set-password")
def set_password(
    email: Email, *, from_input: FromInput = False, home: InstallationHome = None
) -> None:
    """Give somebody a new password; all their devices are signed out."""
    console = make_console()
    with explained(console), opened(home) as services:
        administration = build_accounts(services).administration
        administration.find_user(email)
        ended = administration.set_password(email, read_password(from_input=from_input))
        console.print(f"[green]✓[/] The password is changed; {ended} devices were signed out.")


@app.command()
def delete(
    email: Email,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: InstallationHome = None,
) -> None:
    """Erase somebody with everything of theirs; their grants are given back at the providers."""
    console = make_console()
    with explained(console), opened(home) as services:
        accounts = build_accounts(services)
        user = accounts.administration.find_user(email)
        if not yes and not typer.confirm(
            f"Erase {user.email} with all connections, events and settings?"
        ):
            raise LaunchError("Nothing was erased.")
        accounts.disconnecting.erase(user.id)
        accounts.administration.record_deletion(user.id)
        console.print(f"[green]✓[/] {escape(user.email)} and everything of theirs is erased.")


def read_password(*, from_input: bool) -> str:
    """Return a password that a person types twice, or that a program sends in one line."""
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed


def show_instant(instant: datetime | None) -> str:
    """Return an instant for a table, in UTC as the logs have it."""
    return "never" if instant is None else instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _to_json(user: UserEntry) -> dict[str, object]:
    return {
        "id": str(user.id),
        "email": user.email,
        "name": user.name,
        "role": user.role.value,
        "connections": user.connections,
        "created_at": user.created_at.isoformat(),
        "last_sign_in_at": user.signed_in_at.isoformat() if user.signed_in_at else None,
    }
