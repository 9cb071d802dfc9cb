"""Half-open spans of instants and of dates, and their arithmetic.

A span includes its start and excludes its end, so two spans that merely touch do not overlap,
and a span of zero length overlaps nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter

from calendar_manager.domain.errors import InvalidSpanError


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open stretch of time ``[start, end)``.

    Attributes:
        start: The first instant inside, aware, kept in UTC.
        end: The first instant after, aware, kept in UTC; never before ``start``.

    Raises:
        InvalidSpanError: When an instant is naive or the end comes before the start.
    """

    start: datetime
    end: datetime

    def __init__(self, start: datetime, end: datetime) -> None:
        if start.tzinfo is not UTC or end.tzinfo is not UTC:
            start, end = _in_utc(start), _in_utc(end)
        if end < start:
            raise InvalidSpanError(f"the span ends at {end} before it starts at {start}")
        _set_start(self, start)
        _set_end(self, end)

    @property
    def duration(self) -> timedelta:
        """The real time between start and end."""
        return self.end - self.start

    @property
    def is_empty(self) -> bool:
        """Whether the span has no length."""
        return self.start == self.end

    def overlaps(self, other: "Span") -> bool:
        """Tell whether the two spans share a stretch of more than zero length."""
        return max(self.start, other.start) < min(self.end, other.end)

    def contains(self, other: "Span") -> bool:
        """Tell whether ``other`` lies wholly inside."""
        return self.start <= other.start and other.end <= self.end

    def intersection(self, other: "Span") -> "Span | None":
        """Return the shared stretch, or None when there is none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        if start is self.start and end is self.end and start < end:
            return self
        return Span(start, end) if start < end else None

    def hull(self, other: "Span") -> "Span":
        """Return the smallest span that contains both."""
        return Span(min(self.start, other.start), max(self.end, other.end))

    def widened(self, before: timedelta, after: timedelta) -> "Span":
        """Return the span grown by ``before`` at its start and ``after`` at its end."""
        return Span(self.start - before, self.end + after)


# Answers are made of thousands of spans. Writing into the slots takes a third less time for each
# than the initializer that a frozen dataclass is given, which passes through object.__setattr__.
_set_start = Span.__dict__["start"].__set__
_set_end = Span.__dict__["end"].__set__


def _in_utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise InvalidSpanError("a span needs instants with a time zone")
    return instant.astimezone(UTC)


@dataclass(frozen=True, slots=True, order=True)
class DateSpan:
    """A half-open stretch of days ``[first, end)``, the span of an all-day event.

    Attributes:
        first: The first day.
        end: The day after the last (exclusive, as in RFC 5545 section 3.6.1 ``DTEND``).

    Raises:
        InvalidSpanError: When the end comes before the first day.
    """

    first: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.first:
            raise InvalidSpanError(f"the days end on {self.end} before they start on {self.first}")

    @property
    def days(self) -> int:
        """The number of days."""
        return (self.end - self.first).days


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Join overlapping and touching spans; return them sorted, apart, and none empty."""
    merged: list[Span] = []
    first: Span | None = None
    end: datetime | None = None
    # By start alone, because comparing whole spans takes several times as long.
    for span in sorted(spans, key=attrgetter("start")):
        if span.start == span.end:
            continue
        if first is None or end is None:
            first, end = span, span.end
        elif span.start > end:
            merged.append(_until(first, end))
            first, end = span, span.end
        elif span.end > end:
            end = span.end
    if first is not None and end is not None:
        merged.append(_until(first, end))
    return merged


def _until(span: Span, end: datetime) -> Span:
    """Return the span with that end: itself when it has it, which is cheaper than a new one."""
    return span if span.end == end else Span(span.start, end)


def subtract_spans(keep: Sequence[Span], take: Sequence[Span]) -> list[Span]:
    """Return what of ``keep`` is left without ``take``.

    Args:
        keep: Spans in any order.
        take: Spans in any order.

    Returns:
        Sorted, disjoint, non-empty spans.
    """
    left: list[Span] = []
    taken = merge_spans(take)
    position = 0
    for span in merge_spans(keep):
        start = span.start
        while position < len(taken) and taken[position].end <= start:
            position += 1
        index = position
        while index < len(taken) and taken[index].start < span.end:
            if start < taken[index].start:
                left.append(Span(start, taken[index].start))
            start = max(start, taken[index].end)
            index += 1
        if start < span.end:
            left.append(Span(start, span.end))
    return left
