"""Replacing the key that stored secrets are encrypted with."""

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from calendar_manager.accounts.key_rotation import RotationProgress, rotate_keys
from calendar_manager.cli.frame import explained, make_console
from calendar_manager.cli.installation import InstallationHome, opened


def rotate(*, home: InstallationHome = None) -> None:
    """Encrypt all stored tokens with the first of TOKEN_ENCRYPTION_KEYS.

    Everything may go on running: give every process the new key as the last one, then as the
    first one, then run this, then drop the old key.
    """
    console = make_console()
    with explained(console), opened(home) as services:
        columns = (
            TextColumn("Encrypting anew"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        done = RotationProgress(total=0)
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task("", total=None)
            for done in rotate_keys(services.store):
                progress.update(bar, total=max(done.total, done.rows), completed=done.rows)
        others = "all others that can be read" if done.unreadable else "the others"
        console.print(
            f"[green]✓[/] {done.renewed} secrets are encrypted anew; {others} were already."
        )
        if done.unreadable:
            console.print(
                f"[yellow]![/] None of the keys opens {done.unreadable} secrets. They were lost"
                " before; their accounts have to be connected again."
            )
        if len(services.settings.token_encryption_keys) > 1:
            console.print("Now every process may drop the old key.", style="dim")
