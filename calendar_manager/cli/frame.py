"""What all commands share: where people read, what went wrong, and the exit codes."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from redis.exceptions import RedisError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from calendar_manager.accounts.errors import AccountsError, InvalidFieldsError
from calendar_manager.config import SettingsError
from calendar_manager.embedded import EmbeddedServerError, default_home
from calendar_manager.launch.errors import LaunchError, StopRequested
from calendar_manager.store.unit_of_work import StoreUnavailableError
from calendar_manager.store.vital_signs import DatabaseDownError

FAILED: Final = 1
WRONG_SETTINGS: Final = 2
INTERRUPTED: Final = 130

DOCTOR: Final = "`calendar-manager doctor` tells more."

AsJson = Annotated[bool, typer.Option("--json", help="Print one line of JSON for programs.")]


def make_console(*, as_json: bool = False) -> Console:
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
        count = len(error.problems)
        console.print(f"[bold red]{count} setting{'s' if count > 1 else ''} to mend[/]\n")
        console.print(make_list(error.problems))
        raise typer.Exit(WRONG_SETTINGS) from None
    except InvalidFieldsError as error:
        console.print("[bold red]This cannot be used[/]\n")
        console.print(make_list(error.problems))
        raise typer.Exit(WRONG_SETTINGS) from None
    except (StoreUnavailableError, DatabaseDownError):
        show_failure(console, LaunchError(f"The database cannot be reached. {DOCTOR}"))
        raise typer.Exit(FAILED) from None
    except RedisError:
        show_failure(console, LaunchError(f"Redis cannot be reached. {DOCTOR}"))
        raise typer.Exit(FAILED) from None
    except (LaunchError, EmbeddedServerError, AccountsError) as error:
        show_failure(console, error)
        raise typer.Exit(FAILED) from None
    except (StopRequested, KeyboardInterrupt):
        raise typer.Exit(INTERRUPTED) from None


def make_list(lines: Mapping[str, str]) -> Table:
    """Return names with what is to be said of each."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, text in lines.items():
        table.add_row(f"[bold]{escape(name)}[/]", escape(text))
    return table


def show_failure(console: Console, error: Exception) -> None:
    """Say what failed."""
    console.print()
    console.print(f"[bold red]Failed:[/] {escape(str(error))}", soft_wrap=True)


def announce_line(line: Mapping[str, Any]) -> None:
    """Print one line of JSON to standard output, at once."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
