"""``uv run python -m benchmarks``: measure everything in one run, and say what it means."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

import structlog
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from benchmarks import answering, arriving, computing, growth, large, memory, mixed, syncing
from benchmarks.installation import Installation, start_installation
from benchmarks.report import CHART, describe_run, write_sections
from benchmarks.results import Row, draw_table, write_table


class Tell(Protocol):
    """Shows what was done, and whether a part of the run ends with it."""

    def __call__(self, what: str, *, ends_part: bool = False) -> None:
        """Show it."""


PARTS: Final = ("computing", "syncing", "answering", "mixed", "arriving")
COLUMNS: Final = (
    SpinnerColumn(),
    BarColumn(bar_width=20),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    TextColumn("{task.description}"),
)
MEMORY_SIZES: Final = (1_000, 10_000, 100_000)


def main() -> int:
    """Measure, print, and write the report unless only a part was asked for.

    Returns:
        0; an aim that was missed is said in the table and is no failure of the run.
    """
    arguments = _read_arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    console = Console(width=None if sys.stdout.isatty() else 200)
    whole = not arguments.quick and not arguments.only
    wanted = set(arguments.only or PARTS)
    with Progress(*COLUMNS, console=console) as progress:
        # Growth and memory belong to a whole run; how long a large one takes, its own words say.
        parts = None if arguments.large else len(wanted) + 2 * whole
        shown = progress.add_task("starting PostgreSQL, Redis and the sandbox", total=parts)

        def tell(what: str, *, ends_part: bool = False) -> None:
            progress.update(shown, description=what, advance=ends_part)

        if arguments.large:
            sections = _measure_large(arguments.users, tell, console)
        else:
            rows = list(_measure(wanted, tell, quick=arguments.quick))
            console.print(draw_table(rows))
            sections = {"table": f"{describe_run()}\n\n" + "\n".join(write_table(rows))}
            if whole:
                sections |= _measure_growth(tell) | _measure_memory(tell)
    if whole:
        write_sections(sections)
        console.print("Written to docs/performance.md")
    return 0


def _measure(wanted: set[str], tell: Tell, *, quick: bool) -> Iterator[Row]:
    """Yield the rows of every part that is wanted."""
    inside = [part for part in PARTS if part in wanted and part != "arriving"]
    with tempfile.TemporaryDirectory(prefix="cm-bench-") as folder:
        home = Path(folder)
        if inside:
            with start_installation(home / "one") as installation:
                for part in inside:
                    yield from _told(_measure_inside(installation, part, quick=quick), part, tell)
        if "arriving" in wanted:
            rows = arriving.measure(home / "two", arriving.QUICK if quick else arriving.FULL)
            yield from _told(rows, "arriving", tell)


def _told(rows: Iterator[Row], part: str, tell: Tell) -> Iterator[Row]:
    for row in rows:
        tell(f"done: {row.what}")
        yield row
    tell(f"done: {part}", ends_part=True)


def _measure_inside(installation: Installation, part: str, *, quick: bool) -> Iterator[Row]:
    if part == "computing":
        engine = installation.services.store.engine
        return computing.measure(engine, computing.QUICK if quick else computing.FULL)
    if part == "syncing":
        return syncing.measure(installation, syncing.QUICK if quick else syncing.FULL)
    if part == "answering":
        return answering.measure(installation, answering.QUICK if quick else answering.FULL)
    return mixed.measure(installation, mixed.QUICK if quick else mixed.FULL)


def _measure_growth(tell: Tell) -> dict[str, str]:
    found: list[growth.Growth] = []
    with (
        tempfile.TemporaryDirectory(prefix="cm-bench-") as folder,
        start_installation(Path(folder)) as installation,
    ):
        for one in growth.measure(installation.services, base=1_000, runs=15):
            tell(f"done: {one.what}, exponent {one.exponent:.2f}")
            found.append(one)
    growth.draw(found, CHART)
    tell("done: growth", ends_part=True)
    return {"growth": "\n".join(growth.write_table(found))}


def _measure_memory(tell: Tell) -> dict[str, str]:
    found: list[memory.Footprint] = []
    for one in memory.measure(MEMORY_SIZES):
        tell(f"done: memory of a first sync of {one.events:,} events")
        found.append(one)
    tell("done: memory", ends_part=True)
    return {"memory": "\n".join(memory.write_table(found))}


def _measure_large(users: int, tell: Tell, console: Console) -> dict[str, str]:
    with (
        tempfile.TemporaryDirectory(prefix="cm-bench-") as folder,
        start_installation(Path(folder), postgres=large.POSTGRES) as installation,
    ):
        rows = list(large.measure_large(installation.services, users=users, runs=15, tell=tell))
        sizes = "\n".join(large.write_sizes(installation.services))
    console.print(draw_table(rows))
    table = "\n".join(write_table(rows))
    return {"large": f"{describe_run()}\n\n{table}\n\n{sizes}"}


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one run of each")
    parser.add_argument(
        "--only", action="append", choices=PARTS, help="measure this part only; may be repeated"
    )
    parser.add_argument(
        "--large", action="store_true", help="measure a large installation instead; takes long"
    )
    parser.add_argument(
        "--users", type=int, default=large.USERS, help="how many people it has (default 10,000)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
