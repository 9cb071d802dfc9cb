"""The accounts at providers that are read."""

from functools import partial
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table

from calendar_manager.cli.batches import load_batches
from calendar_manager.cli.frame import AsJson, announce_line, explained, make_console
from calendar_manager.cli.installation import InstallationHome, opened
from calendar_manager.cli.users import show_instant
from calendar_manager.domain.accounts import ConnectionStatus
from calendar_manager.store.repositories.administration import ConnectionEntry

TONES: Final = {
    ConnectionStatus.ACTIVE: "green",
    ConnectionStatus.NEEDS_REAUTH: "red",
    ConnectionStatus.DISCONNECTED: "dim",
}

app = typer.Typer(help="List connected accounts.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """List connected accounts."""


@app.command("list")
def list_connections(
    *,
    status: Annotated[
        ConnectionStatus | None, typer.Option(help="Only connections in this state.")
    ] = None,
    home: InstallationHome = None,
    as_json: AsJson = False,
) -> None:
    """List everybody's connections, the latest first."""
    console = make_console(as_json=as_json)
    with explained(console), opened(home) as services:
        found = list(
            load_batches(
                services.store,
                lambda uow: partial(uow.administration.list_connections, status=status),
            )
        )
        with services.store.begin() as uow:
            emails = uow.administration.find_emails({one.user_id for one in found})
        if as_json:
            announce_line({"connections": [_to_json(one) for one in found]})
            return
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for title in ("Of", "Provider", "State", "Reason", "Last read (UTC)"):
            table.add_column(title)
        for one in found:
            table.add_row(
                escape(emails.get(one.user_id, "")),
                one.provider.value,
                f"[{TONES[one.status]}]{one.status}[/]",
                escape(one.reason_code or ""),
                show_instant(one.last_synced_at),
            )
        console.print(table if found else "There are none.")


def _to_json(one: ConnectionEntry) -> dict[str, object]:
    return {
        "id": str(one.id),
        "user_id": str(one.user_id),
        "provider": one.provider.value,
        "status": one.status.value,
        "reason_code": one.reason_code,
        "last_synced_at": one.last_synced_at.isoformat() if one.last_synced_at else None,
    }
