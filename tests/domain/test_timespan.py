"""Spans against an oracle that knows nothing but sets of minutes."""

import copy
import pickle
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.domain.errors import InvalidSpanError
from calendar_manager.domain.timespan import DateSpan, Span, merge_spans, subtract_spans

pytestmark = pytest.mark.unit

ORIGIN = datetime(2026, 3, 29, tzinfo=UTC)
EDGES = st.integers(0, 60)


def span(first: int, last: int) -> Span:
    return Span(ORIGIN + timedelta(minutes=first), ORIGIN + timedelta(minutes=last))


def minutes(*spans: Span) -> set[int]:
    """The minutes that lie inside any of the spans."""
    return {
        minute
        for one in spans
        for minute in range(
            int((one.start - ORIGIN).total_seconds()) // 60,
            int((one.end - ORIGIN).total_seconds()) // 60,
        )
    }


SPANS = st.tuples(EDGES, EDGES).map(lambda edges: span(*sorted(edges)))


@given(SPANS, SPANS)
def test_two_spans_relate_as_their_minutes_do(one: Span, other: Span) -> None:
    shared = minutes(one) & minutes(other)
    assert one.overlaps(other) is bool(shared)
    assert one.overlaps(other) is other.overlaps(one)
    both = one.intersection(other)
    assert (minutes(both) if both else set()) == shared
    assert both is None or not both.is_empty
    if not other.is_empty:
        assert one.contains(other) is (minutes(other) <= minutes(one))
    hull = one.hull(other)
    assert hull.contains(one)
    assert hull.contains(other)
    assert {hull.start, hull.end} <= {one.start, one.end, other.start, other.end}


@given(SPANS)
def test_a_span_has_as_many_minutes_as_it_lasts(one: Span) -> None:
    assert one.duration == timedelta(minutes=len(minutes(one)))
    assert one.is_empty is not bool(minutes(one))
    assert not one.overlaps(span(0, 0))


@given(st.lists(SPANS))
def test_merged_spans_are_the_same_minutes_sorted_and_apart(spans: list[Span]) -> None:
    merged = merge_spans(spans)
    assert minutes(*merged) == minutes(*spans)
    assert not any(one.is_empty for one in merged)
    assert all(one.end < other.start for one, other in pairwise(merged))
    assert merge_spans(merged) == merged


@given(st.lists(SPANS, max_size=8), st.lists(SPANS, max_size=8))
def test_subtracted_spans_leave_the_other_minutes(keep: list[Span], take: list[Span]) -> None:
    left = subtract_spans(keep, take)
    assert minutes(*left) == minutes(*keep) - minutes(*take)
    assert not any(one.is_empty for one in left)
    assert left == merge_spans(left)


def test_widening_moves_both_ends_outwards() -> None:
    widened = span(10, 20).widened(timedelta(minutes=5), timedelta(minutes=7))
    assert widened == span(5, 27)


def test_touching_spans_do_not_overlap_and_merge_into_one() -> None:
    assert not span(0, 10).overlaps(span(10, 20))
    assert merge_spans([span(10, 20), span(0, 10)]) == [span(0, 20)]


def test_a_span_is_kept_in_utc() -> None:
    east = timezone(timedelta(hours=9))
    made = Span(ORIGIN.astimezone(east), (ORIGIN + timedelta(hours=1)).astimezone(east))
    assert made.start.tzinfo is UTC
    assert made.end.tzinfo is UTC
    assert made == span(0, 60)


def test_a_span_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(InvalidSpanError, match="before it starts"):
        span(1, 0)


@pytest.mark.parametrize(
    ("start", "end"),
    [(ORIGIN.replace(tzinfo=None), ORIGIN), (ORIGIN, ORIGIN.replace(tzinfo=None))],
)
def test_a_span_of_wall_clocks_is_refused(start: datetime, end: datetime) -> None:
    with pytest.raises(InvalidSpanError, match="time zone"):
        Span(start, end)


def test_a_span_cannot_be_changed_and_a_copy_of_it_is_checked_again() -> None:
    made = span(0, 60)
    with pytest.raises(FrozenInstanceError):
        made.end = made.start  # type: ignore[misc]  # This is what is refused.
    assert replace(made, end=span(0, 90).end) == span(0, 90)
    with pytest.raises(InvalidSpanError, match="before it starts"):
        replace(made, start=span(61, 90).start)
    for same in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301 - our own.
        assert same == made
        assert hash(same) == hash(made)


def test_days_are_counted_without_the_end() -> None:
    assert DateSpan(date(2024, 2, 28), date(2024, 3, 1)).days == 2
    assert DateSpan(date(2024, 2, 28), date(2024, 2, 28)).days == 0
    with pytest.raises(InvalidSpanError, match="before they start"):
        DateSpan(date(2024, 2, 28), date(2024, 2, 27))
