"""Between the domain's spans and PostgreSQL's ranges."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, and_, cast, literal
from sqlalchemy.dialects.postgresql import TSTZMULTIRANGE, Range
from sqlalchemy.orm import InstrumentedAttribute

from calendar_manager.domain.timespan import Span

EVERYTHING: Final = Span(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
"""All instants that a row can have; an unbounded range is read as this."""


def range_of(span: Span) -> Range[datetime]:
    """Return a span as a ``tstzrange``; :data:`EVERYTHING` has no bounds."""
    if span == EVERYTHING:
        return Range(None, None)
    return Range(span.start, span.end, bounds="[)")


def span_of(stored: Range[datetime]) -> Span:
    """Return a stored ``tstzrange`` as a span; a missing bound is that of :data:`EVERYTHING`."""
    return Span(stored.lower or EVERYTHING.start, stored.upper or EVERYTHING.end)


def overlaps_any(
    column: InstrumentedAttribute[Range[datetime]], spans: Sequence[Span]
) -> ColumnElement[bool]:
    """Return the condition of a ``tstzrange`` column that overlaps one of some spans.

    A GiST index answers it in one descent that visits only pages that one of the spans touches,
    so spans far apart cost nothing in between. The span around them all is asked for as well:
    PostgreSQL has statistics of how many rows overlap a range, but guesses one row in a hundred
    for a multirange, and would rather read a whole table than look up so many.

    Args:
        column: The column.
        spans: At least one.
    """
    hull = Span(min(span.start for span in spans), max(span.end for span in spans))
    around = column.overlaps(range_of(hull))
    return around if len(spans) == 1 else and_(around, column.bool_op("&&")(multirange_of(spans)))


def multirange_of(spans: Iterable[Span]) -> ColumnElement[Any]:
    """Return spans as a ``tstzmultirange``."""
    text = ",".join(f"[{span.start.isoformat()},{span.end.isoformat()})" for span in spans)
    # psycopg2 knows no multiranges, so PostgreSQL reads this one from its text.
    return cast(literal(f"{{{text}}}", Text()), TSTZMULTIRANGE)
