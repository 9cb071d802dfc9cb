"""Looking whether an installation can work, and saying how to mend what cannot."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from calendar_manager.bootstrap import build_services
from calendar_manager.cli.checks import Finding, State, check_servers, check_settings
from calendar_manager.cli.frame import FAILED, AsJson, announce_line, explained, make_console
from calendar_manager.cli.installation import InstallationHome, load_installation
from calendar_manager.cli.outside_checks import check_addresses, check_providers
from calendar_manager.config import SettingsError, load_settings
from calendar_manager.logs import configure_logging

SIGNS: Final = {
    State.OK: "[green]✓[/]",
    State.WARNING: "[yellow]![/]",
    State.FAILED: "[red]✗[/]",
    State.SKIPPED: "[dim]-[/]",
}


def doctor(*, home: InstallationHome = None, as_json: AsJson = False) -> None:
    """Check settings, database, Redis, clocks, providers, workers and addresses.

    Nothing is changed. Exit code 1 if anything failed; warnings alone are no failure.
    """
    console = make_console(as_json=as_json)
    with explained(console):
        # What goes wrong is told below; the log lines about it would only repeat it.
        configure_logging("ERROR", "console")
        with console.status("Looking at the settings") as status:
            findings = examine(load_installation(home), status.update)
    if as_json:
        announce_line(_to_json(findings))
    else:
        _show(findings, console)
    if any(one.state is State.FAILED for one in findings):
        raise typer.Exit(FAILED)


def examine(environ: dict[str, str], report: Callable[[str], None]) -> list[Finding]:
    """Make every check that can be made.

    Args:
        environ: The variables of the installation.
        report: Told what is being looked at.
    """
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        wrong = [
            Finding(f"setting {name}", State.FAILED, "It cannot be used.", problem)
            for name, problem in error.problems.items()
        ]
        return [*wrong, Finding("everything else", State.SKIPPED, "Mend the settings first.")]
    services = build_services(settings)
    try:
        findings = check_settings(settings)
        report("Asking PostgreSQL and Redis")
        findings += check_servers(services)
        report("Asking the providers")
        findings += check_providers(services)
        report("Asking our own addresses")
        findings += check_addresses(settings)
    finally:
        services.store.engine.dispose()
        services.redis.close()
    return findings


def _show(findings: Sequence[Finding], console: Console) -> None:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for one in findings:
        text = escape(one.detail)
        if one.advice:
            text += f"\n[bold]To mend it:[/] {escape(one.advice)}"
        table.add_row(SIGNS[one.state], escape(one.name), text)
    console.print(table)
    counts = Counter(one.state for one in findings)
    failed, warned = counts[State.FAILED], counts[State.WARNING]
    console.print()
    if failed:
        console.print(f"[bold red]{failed} to mend[/], {warned} to think about.")
    elif warned:
        console.print(f"[bold green]It works[/], with {warned} to think about.")
    else:
        console.print("[bold green]All is well.[/]")


def _to_json(findings: Sequence[Finding]) -> dict[str, object]:
    return {
        "ok": all(one.state is not State.FAILED for one in findings),
        "checks": [
            {
                "name": one.name,
                "state": one.state.value,
                "detail": one.detail,
                "advice": one.advice,
            }
            for one in findings
        ],
    }
