"""Which clients have no room left for a booking in its week.

A budget is a wish and no rule: it never keeps a start from being booked, but whoever books should
know of it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from calendar_manager.domain.client_hours import BudgetUse, whole_minutes
from calendar_manager.domain.timespan import DateSpan, Span

_ONE_WEEK = timedelta(days=7)


class BudgetWarningCode(StrEnum):
    """The kinds of warnings of this module; ``docs/semantics.md`` says what each means."""

    CLIENT_BUDGET = "client_budget"


@dataclass(frozen=True, slots=True)
class ClientBudget:
    """How much of a client's weekly budget is taken.

    Attributes:
        client_id: Whose budget.
        name: What the user calls them.
        use: What is taken of it in one week of the client's zone.
    """

    client_id: UUID
    name: str
    use: BudgetUse


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetWarning:
    """A client who takes more of a week than the user wants, or would with a booking.

    Attributes:
        code: Which kind.
        detail: What it is, for a person.
        client_id: Whose budget.
        week: The days of the week in the client's zone, Monday to Sunday.
        booked: How many whole minutes their meetings take in it.
        limit: How many they may take.
        minutes: How many the booking would take in it.
    """

    code: BudgetWarningCode = BudgetWarningCode.CLIENT_BUDGET
    detail: str
    client_id: UUID
    week: DateSpan
    booked: int
    limit: int
    minutes: int


def warn_of_booking(slot: Span, budgets: Iterable[ClientBudget]) -> Iterator[BudgetWarning]:
    """Tell whose budget would not bear a booking.

    Args:
        slot: The booking; not empty.
        budgets: Of the client whom it would be for, one for each week that it touches.

    Yields:
        A warning for each week whose budget would be exceeded by what of the slot lies in it.
    """
    for budget in budgets:
        more = _time_in_week(slot, budget)
        if more and not budget.use.allows(more):
            effect = f"and {whole_minutes(more)} more would be over that"
            yield _warn(budget, more, effect)


def warn_of_used_up(slot: Span, budgets: Iterable[ClientBudget]) -> Iterator[BudgetWarning]:
    """Tell whose budget is used up in the weeks of a booking, whomever it is for.

    Args:
        slot: The booking; not empty.
        budgets: Of all clients, for each week that it touches.
    """
    for budget in budgets:
        more = _time_in_week(slot, budget)
        if more and budget.use.left <= timedelta():
            yield _warn(budget, more, "so nothing of it is left")


def _time_in_week(slot: Span, budget: ClientBudget) -> timedelta:
    inside = slot.intersection(budget.use.week)
    return timedelta() if inside is None else inside.duration


def _warn(budget: ClientBudget, more: timedelta, effect: str) -> BudgetWarning:
    use = budget.use
    booked, limit = whole_minutes(use.booked), whole_minutes(use.budget)
    return BudgetWarning(
        detail=f"{budget.name!r} has {booked} of {limit} minutes booked in the week from "
        f"{use.first_on}, {effect}.",
        client_id=budget.client_id,
        week=DateSpan(use.first_on, use.first_on + _ONE_WEEK),
        booked=booked,
        limit=limit,
        minutes=whole_minutes(more),
    )
