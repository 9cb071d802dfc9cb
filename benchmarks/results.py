"""What the benchmarks found: one row for each question, beside its floor and its aim."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.table import Table

from benchmarks.timing import Timing

Verdict = Literal["reached", "missed", ""]

_MARKS = {"reached": "✓", "missed": "✗", "": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison.

    Attributes:
        what: What was measured.
        ours: How long ours took.
        floor_name: What it is compared with, in the same run; empty without any.
        floor: How long that took.
        aim: What is to be reached, in words.
        reached: Whether it is; None where there is no aim.
        remark: What else there is to know.
    """

    what: str
    ours: Timing
    floor_name: str = ""
    floor: Timing | None = None
    aim: str = ""
    reached: bool | None = None
    remark: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times as long ours takes as the floor."""
        return None if self.floor is None else self.ours.median / self.floor.median

    @property
    def verdict(self) -> Verdict:
        """Whether the aim is reached."""
        if self.reached is None:
            return ""
        return "reached" if self.reached else "missed"

    def cells(self) -> tuple[str, ...]:
        """Return what stands in the columns of a table."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2g} ×"
        floor = (
            "" if self.floor is None else f"{self.floor_name}: {show_seconds(self.floor.median)}"
        )
        spread = f"{show_seconds(self.ours.low)}–{show_seconds(self.ours.high)}"
        return (
            self.what,
            floor,
            show_seconds(self.ours.median),
            spread if self.ours.runs > 1 else "",
            ratio,
            self.aim,
            _MARKS[self.verdict],
            self.remark,
        )


COLUMNS = ("what", "floor", "ours (median)", "spread (10–90 %)", "ratio", "aim", "", "remark")


def show_seconds(seconds: float) -> str:
    """Return a time with a fitting unit."""
    if seconds >= 1:
        return f"{seconds:.3g} s"
    if seconds >= 1e-3:  # noqa: PLR2004 - a thousandth, for which there is a unit.
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds * 1e6:.3g} µs"


def draw_table(rows: Sequence[Row]) -> Table:
    """Return the rows as a table for a terminal."""
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*row.cells())
    return table


def write_table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the rows as a table in Markdown."""
    yield "| " + " | ".join(COLUMNS) + " |"
    yield "|" + " --- |" * len(COLUMNS)
    for row in rows:
        yield "| " + " | ".join(row.cells()) + " |"
