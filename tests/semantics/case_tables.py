"""The tables of named cases in ``docs/semantics.md``, read strictly."""

import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "semantics.md"

Case = dict[str, str]
"""The cells of one row by the names of their columns, without the quotes of code."""

_RULE = re.compile(r"\|( --- \|)+")


def read_cases(text: str, columns: tuple[str, ...]) -> dict[str, Case]:
    """Read every table that has exactly these columns, the first of which names the row.

    Args:
        text: A Markdown document.
        columns: The heads of the columns in their order.

    Returns:
        The rows by their names.

    Raises:
        ValueError: A row has more or fewer cells than its table has columns, a table lacks the
            line under its heads, or two rows have the same name.
    """
    cases: dict[str, Case] = {}
    for table in _tables(text):
        heads, rule, *rows = table
        if _cells(heads) != columns:
            continue
        if not _RULE.fullmatch(rule):
            raise ValueError(f"no line under the heads: {heads}")
        for row in rows:
            cells = _cells(row)
            if len(cells) != len(columns):
                raise ValueError(f"{len(cells)} cells under {len(columns)} heads: {row}")
            case = dict(zip(columns, cells, strict=True))
            name = cells[0]
            if name in cases:
                raise ValueError(f"a second row of this name: {row}")
            cases[name] = case
    return cases


def read_heads(text: str) -> list[tuple[str, ...]]:
    """Return the heads of all tables."""
    return [_cells(table[0]) for table in _tables(text)]


def _tables(text: str) -> list[list[str]]:
    tables: list[list[str]] = []
    before = ""
    for line in text.splitlines():
        if line.startswith("|"):
            if not before.startswith("|"):
                tables.append([])
            tables[-1].append(line)
        before = line
    return tables


def _cells(row: str) -> tuple[str, ...]:
    return tuple(cell.strip().replace("`", "") for cell in row.strip().strip("|").split("|"))
