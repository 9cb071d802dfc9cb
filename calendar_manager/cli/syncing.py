"""Asking the workers for syncs, and watching them."""

from collections import Counter
from collections.abc import Collection, Sequence
from threading import Event
from typing import Annotated, Final
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from calendar_manager.bootstrap import Services
from calendar_manager.cli.frame import FAILED, explained, make_console
from calendar_manager.cli.installation import InstallationHome, opened
from calendar_manager.domain.sync_jobs import SyncJob, SyncStatus
from calendar_manager.launch.errors import LaunchError
from calendar_manager.web.deps import build_accounts

POLL_SECONDS: Final = 0.5
UNFINISHED: Final = frozenset({SyncStatus.QUEUED, SyncStatus.RUNNING})


def sync(
    *,
    user: Annotated[
        str | None, typer.Option(help="Only this person's calendars.", metavar="EMAIL")
    ] = None,
    calendar: Annotated[UUID | None, typer.Option(help="Only this calendar.", metavar="ID")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything anew instead of the news.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until all of it is done.")] = False,
    home: InstallationHome = None,
) -> None:
    """Ask the workers to read calendars now: everybody's, one person's, or one.

    Exit code 1 if --wait was given and a run failed.
    """
    console = make_console()
    with explained(console), opened(home) as services:
        services.redis.ping()
        if wait and not services.queue.count_workers():
            raise LaunchError("No worker answers, so there is nothing to wait for. Start one.")
        jobs = build_accounts(services).administration.sync(
            email=user, calendar_id=calendar, full=full
        )
        if not wait:
            console.print(f"[green]✓[/] The workers are asked to read {_calendars(len(jobs))}.")
            return
        ended = watch(services, [job.id for job in jobs], console)
    failed = _show(ended, console)
    if failed:
        raise typer.Exit(FAILED)


def watch(services: Services, job_ids: Collection[UUID], console: Console) -> Sequence[SyncJob]:
    """Show how far some runs have come, and return them once all have ended."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("[dim]{task.fields[events]} events[/]"),
        TimeElapsedColumn(),
    )
    pause = Event()
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("Reading", total=len(job_ids), events=0)
        while True:
            with services.store.begin() as uow:
                jobs = uow.administration.find_jobs(job_ids)
            # A run whose calendar was deleted meanwhile is there no more, and has ended too.
            waiting = sum(job.status in UNFINISHED for job in jobs)
            events = sum(job.counts.total for job in jobs)
            progress.update(bar, completed=len(job_ids) - waiting, events=events)
            if not waiting:
                return jobs
            pause.wait(POLL_SECONDS)


def _show(jobs: Sequence[SyncJob], console: Console) -> int:
    """Say what became of the runs; return how many failed."""
    counts = Counter(job.status for job in jobs)
    changed = sum(job.counts.total - job.counts.unchanged for job in jobs)
    console.print(
        f"[green]✓[/] {_calendars(counts[SyncStatus.SUCCEEDED])} read, {changed} events changed."
    )
    if counts[SyncStatus.HELD]:
        console.print(
            f"[yellow]![/] {_calendars(counts[SyncStatus.HELD])} would lose so many events that"
            " their owner is asked first."
        )
    if counts[SyncStatus.FAILED]:
        console.print(
            f"[red]✗[/] {_calendars(counts[SyncStatus.FAILED])} could not be read. Why, the page"
            " /admin/failures and the log of the worker tell."
        )
    return counts[SyncStatus.FAILED]


def _calendars(count: int) -> str:
    return f"{count} calendar{'' if count == 1 else 's'}"
