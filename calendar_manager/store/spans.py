"""Between the domain's spans and PostgreSQL's ranges."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, cast, literal
from sqlalchemy.dialects.postgresql import TSTZMULTIRANGE, Range

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


def multirange_of(spans: Iterable[Span]) -> ColumnElement[Any]:
    """Return spans as a ``tstzmultirange``.

    A GiST index on a range column answers ``column && multirange`` in one descent that visits
    only pages that one of the spans touches, so spans far apart cost nothing in between.
    """
    text = ",".join(f"[{span.start.isoformat()},{span.end.isoformat()})" for span in spans)
    # psycopg2 knows no multiranges, so PostgreSQL reads this one from its text.
    return cast(literal(f"{{{text}}}", Text()), TSTZMULTIRANGE)
