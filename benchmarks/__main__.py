"""``uv run python -m benchmarks``: measure everything in one run, and say what it means."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks import answering, arriving, computing, syncing
from benchmarks.installation import start_installation
from benchmarks.report import write_report
from benchmarks.results import Row, draw_table

REPORT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"

Part = Callable[[], Iterator[Row]]


def main() -> int:
    """Measure, print a table, and write the report unless it was a quick look.

    Returns:
        0; what an aim missed is said in the table and is no failure of the run.
    """
    arguments = _read_arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    console = Console(width=None if sys.stdout.isatty() else 200)
    rows: list[Row] = []
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console
    ) as progress:
        shown = progress.add_task("starting PostgreSQL, Redis and the sandbox", total=None)
        for row in _measure_all(quick=arguments.quick, only=set(arguments.only)):
            rows.append(row)
            progress.update(shown, description=f"done: {row.what}")
    console.print(draw_table(rows))
    if not arguments.quick and not arguments.only:
        write_report(REPORT, rows)
        console.print(f"Written to {REPORT.relative_to(Path.cwd())}")
    return 0


def _measure_all(*, quick: bool, only: set[str]) -> Iterator[Row]:
    """Yield the rows of every part that is wanted."""
    with tempfile.TemporaryDirectory(prefix="cm-bench-") as folder:
        home = Path(folder)
        with start_installation(home / "one") as installation:
            engine = installation.services.store.engine
            parts: dict[str, Part] = {
                "computing": lambda: computing.measure(
                    engine, computing.QUICK if quick else computing.FULL
                ),
                "syncing": lambda: syncing.measure(
                    installation, syncing.QUICK if quick else syncing.FULL
                ),
                "answering": lambda: answering.measure(
                    installation, answering.QUICK if quick else answering.FULL
                ),
            }
            for name, part in parts.items():
                if not only or name in only:
                    yield from part()
        if not only or "arriving" in only:
            yield from arriving.measure(home / "two", arriving.QUICK if quick else arriving.FULL)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one run of each")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=["computing", "syncing", "answering", "arriving"],
        help="measure this part only; may be repeated",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
