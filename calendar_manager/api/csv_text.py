"""Tables as CSV (RFC 4180) that no spreadsheet mistakes for formulas."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

MEDIA_TYPE: Final = "text/csv; charset=utf-8"

_FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a cell begins with that spreadsheets take for a formula (OWASP, CSV injection)."""


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as CSV.

    Texts that could be read as formulas get an apostrophe in front; numbers and dates stay as
    they are.

    Args:
        header: The names of the columns.
        rows: A value for each column; None leaves its cell empty.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    # Some spreadsheets read the wide forms of the signs like the narrow ones.
    narrow = unicodedata.normalize("NFKC", text)
    if isinstance(value, str) and narrow.lstrip(" ").startswith(_FORMULA_SIGNS):
        return f"'{text}"
    return text
