"""Which clients have no room left for a booking in its week."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.domain.client_hours import budget_use
from calendar_manager.domain.explanation_of_budgets import (
    BudgetWarning,
    ClientBudget,
    warn_of_booking,
    warn_of_used_up,
)
from calendar_manager.domain.timespan import DateSpan, Span

pytestmark = pytest.mark.unit

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 1, 23, tzinfo=UTC)
"""Midnight in Berlin."""
ACME = UUID(int=1)


def slot(start: int, minutes: int) -> Span:
    begin = MONDAY + timedelta(minutes=start)
    return Span(begin, begin + timedelta(minutes=minutes))


def budget(limit: int, *meetings: Span, at: datetime = MONDAY) -> ClientBudget:
    return ClientBudget(ACME, "Acme", budget_use(meetings, at, limit, BERLIN))


def test_a_booking_that_just_fits_is_no_warning() -> None:
    booked = slot(0, 60)
    assert list(warn_of_booking(slot(600, 30), [budget(90, booked)])) == []
    assert list(warn_of_booking(slot(600, 31), [budget(90, booked)])) == [
        BudgetWarning(
            detail="'Acme' has 60 of 90 minutes booked in the week from 2026-03-02, and 31 more "
            "would be over that.",
            client_id=ACME,
            week=DateSpan(date(2026, 3, 2), date(2026, 3, 9)),
            booked=60,
            limit=90,
            minutes=31,
        )
    ]


def test_a_budget_is_used_up_when_nothing_is_left_of_it() -> None:
    assert list(warn_of_used_up(slot(600, 30), [budget(90, slot(0, 89))])) == []
    (warning,) = warn_of_used_up(slot(600, 30), [budget(90, slot(0, 90))])
    assert (warning.booked, warning.limit, warning.minutes) == (90, 90, 30)
    assert warning.detail.endswith("so nothing of it is left.")


def test_a_week_that_the_booking_does_not_touch_says_nothing() -> None:
    next_week = MONDAY + timedelta(days=7)
    full = budget(30, Span(next_week, next_week + timedelta(hours=1)), at=next_week)
    sunday = slot(7 * 1440 - 60, 60)
    assert [*warn_of_booking(sunday, [full]), *warn_of_used_up(sunday, [full])] == []


@given(
    start=st.integers(7 * 1440 - 120, 7 * 1440 + 30),
    length=st.integers(1, 240),
    booked=st.tuples(st.integers(0, 120), st.integers(0, 120)),
    limit=st.integers(1, 240),
)
def test_a_booking_over_the_end_of_a_week_is_held_against_each_week_by_its_part(
    start: int, length: int, booked: tuple[int, int], limit: int
) -> None:
    weeks = [MONDAY, MONDAY + timedelta(days=7)]
    budgets = [
        budget(limit, Span(week, week + timedelta(minutes=minutes)), at=week)
        for week, minutes in zip(weeks, booked, strict=True)
    ]
    before = max(0, min(length, 7 * 1440 - start))
    parts = (before, length - before)
    expected = [
        (taken, part)
        for taken, part in zip(booked, parts, strict=True)
        if part and taken + part > limit
    ]
    found = [(one.booked, one.minutes) for one in warn_of_booking(slot(start, length), budgets)]
    assert found == expected
