"""All commands in one place."""

import typer

from calendar_manager.cli import connections, doctor, keys, running, syncing, users

app = typer.Typer(
    name="calendar-manager",
    help="Self-hosted calendar sync, conflict detection and availability for freelancers.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)

for command in (running.up, running.demo, running.sandbox):
    app.command(rich_help_panel="Run")(command)
app.add_typer(users.app, name="users", rich_help_panel="Administer")
app.add_typer(connections.app, name="connections", rich_help_panel="Administer")
app.command(rich_help_panel="Administer")(syncing.sync)
app.command(rich_help_panel="Administer")(doctor.doctor)
app.command("rotate-keys", rich_help_panel="Administer")(keys.rotate)
