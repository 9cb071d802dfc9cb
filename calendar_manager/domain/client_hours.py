"""Hours of a client: meetings added up by project and period, and the budget of a week."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final, assert_never
from zoneinfo import ZoneInfo

from calendar_manager.domain.times import dates_within, local_date, start_of_day
from calendar_manager.domain.timespan import Span, merge_spans

_ONE_DAY: Final = timedelta(days=1)
_ONE_WEEK: Final = timedelta(days=7)
_MINUTE: Final = timedelta(minutes=1)
_HOUR_SECONDS: Final = 3600
_CENT: Final = Decimal("0.01")


class Period(StrEnum):
    """How hours are divided; a week begins on Monday (ISO 8601)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class ClientMeeting:
    """A meeting that belongs to a client, once for all its copies.

    Attributes:
        span: When.
        project: Of which project it is; None when of none.
    """

    span: Span
    project: str | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """Meetings added up.

    Attributes:
        meetings: How many there are.
        booked: How long they are together.
        distinct: How much time they take: where two overlap, it counts once.
    """

    meetings: int
    booked: timedelta
    distinct: timedelta

    @property
    def minutes(self) -> int:
        """The booked time in whole minutes; half a minute is one."""
        return whole_minutes(self.booked)

    @property
    def distinct_minutes(self) -> int:
        """The time taken in whole minutes; half a minute is one."""
        return whole_minutes(self.distinct)

    def amount(self, rate: Decimal) -> Decimal:
        """Return what the booked time costs, to the hundredth; half of one is a whole one.

        Args:
            rate: What an hour costs.
        """
        seconds = Decimal(self.booked // timedelta(microseconds=1)) / 1_000_000
        return (seconds * rate / _HOUR_SECONDS).quantize(_CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class PeriodHours:
    """The hours of one project in one period.

    Attributes:
        first_on: The period's first local day.
        end_on: The local day after its last.
        project: Which project; None for what is of none.
        hours: The meetings in it.
    """

    first_on: date
    end_on: date
    project: str | None
    hours: Hours


def add_up(spans: Sequence[Span]) -> Hours:
    """Add up the spans of meetings."""
    booked = sum((span.duration for span in spans), timedelta())
    distinct = sum((span.duration for span in merge_spans(spans)), timedelta())
    return Hours(len(spans), booked, distinct)


def divide_hours(
    meetings: Iterable[ClientMeeting], within: Span, period: Period, zone: ZoneInfo
) -> list[PeriodHours]:
    """Add up meetings by period and project.

    A meeting is cut at the ends of the periods and of the whole, in real time, so that days with
    a change of the clock have 23 or 25 hours. One that reaches into several periods counts as a
    meeting in each.

    Args:
        meetings: Each meeting once.
        within: What lies outside is left out.
        period: How to divide; a period at an end of ``within`` is cut there as well.
        zone: Whose midnight divides the days.

    Returns:
        Only periods and projects with time in them, by period and then project, what is of no
        project first.
    """
    whole = _whole(within, zone)
    parts: dict[tuple[date, date, str | None], list[Span]] = {}
    for meeting in meetings:
        inside = meeting.span.intersection(within)
        if inside is None:
            continue
        for (first, end), part in _split(inside, period, zone, whole):
            parts.setdefault((first, end, meeting.project), []).append(part)
    return [
        PeriodHours(first, end, project, add_up(spans))
        for (first, end, project), spans in sorted(
            parts.items(), key=lambda one: (one[0][0], one[0][2] is not None, one[0][2] or "")
        )
    ]


def total_hours(meetings: Iterable[ClientMeeting], within: Span) -> Hours:
    """Add up meetings over all periods and projects; each counts once."""
    parts = [part for one in meetings if (part := one.span.intersection(within)) is not None]
    return add_up(parts)


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """How much of a client's weekly budget is taken.

    Attributes:
        first_on: The Monday of the week.
        week: Its instants.
        booked: How much time meetings take in it; where two overlap, it counts once.
        budget: How much they may take.
    """

    first_on: date
    week: Span
    booked: timedelta
    budget: timedelta

    @property
    def left(self) -> timedelta:
        """What is free; negative when more is booked than may be."""
        return self.budget - self.booked

    def allows(self, more: timedelta) -> bool:
        """Tell whether so much more fits into the week."""
        return self.booked + more <= self.budget


def week_around(instant: datetime, zone: ZoneInfo) -> tuple[date, Span]:
    """Return the Monday of a local week, and its instants: 167, 168 or 169 hours."""
    day = local_date(instant, zone)
    monday = day - timedelta(days=day.weekday())
    return monday, Span(start_of_day(monday, zone), start_of_day(monday + _ONE_WEEK, zone))


def budget_use(
    meetings: Iterable[Span], at: datetime, budget_minutes: int, zone: ZoneInfo
) -> BudgetUse:
    """Tell how much of a weekly budget is taken.

    Args:
        meetings: The client's meetings; what lies outside the week is left out.
        at: An instant in the week.
        budget_minutes: How much of a week the client may take.
        zone: Whose Monday begins the week.
    """
    monday, week = week_around(at, zone)
    inside = [part for span in meetings if (part := span.intersection(week)) is not None]
    return BudgetUse(monday, week, add_up(inside).distinct, budget_minutes * _MINUTE)


def whole_minutes(time: timedelta) -> int:
    """Return a time in whole minutes; half a minute is one."""
    return (time + _MINUTE / 2) // _MINUTE


def _whole(within: Span, zone: ZoneInfo) -> tuple[date, date]:
    """Return the local days that a span touches as first day and the day after the last."""
    days = dates_within(within, zone)
    return days[0], days[-1] + _ONE_DAY


def _split(
    span: Span, period: Period, zone: ZoneInfo, whole: tuple[date, date]
) -> Iterator[tuple[tuple[date, date], Span]]:
    """Cut a span at the ends of periods."""
    if period is Period.TOTAL:
        yield whole, span
        return
    start = span.start
    first, end = _period_around(local_date(start, zone), period)
    while start < span.end:
        # A clock that is put back over midnight shows a day twice; its second reading belongs to
        # the next period, which began with the first midnight.
        until = min(span.end, start_of_day(end, zone))
        if start < until:
            yield (first, end), Span(start, until)
            start = until.astimezone(UTC)
        first, end = _period_around(end, period)


def _period_around(day: date, period: Period) -> tuple[date, date]:
    """Return the first day of the period that a day is in, and the day after its last."""
    match period:
        case Period.DAY:
            return day, day + _ONE_DAY
        case Period.WEEK:
            monday = day - timedelta(days=day.weekday())
            return monday, monday + _ONE_WEEK
        case Period.MONTH:
            first = day.replace(day=1)
            return first, (first + timedelta(days=31)).replace(day=1)
        case Period.TOTAL:
            raise ValueError("the whole is no period around a day")
        case _:
            assert_never(period)
