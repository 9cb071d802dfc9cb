"""Clients and their hours as the pages show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from calendar_manager.accounts.errors import ClientNotFoundError
from calendar_manager.domain.client_hours import BudgetUse, Hours, Period, whole_minutes
from calendar_manager.domain.clients import Client
from calendar_manager.domain.times import find_zone, local_date, start_of_day
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.asked_time import resolve_span
from calendar_manager.scheduling.client_hours import (
    HoursQuestion,
    list_hours,
    load_budgets,
    load_totals,
)
from calendar_manager.scheduling.errors import InvalidQuestionError
from calendar_manager.store.unit_of_work import Store
from calendar_manager.web.client_chart import Chart, draw_chart, show_hours
from calendar_manager.web.wall_clocks import show_day
from calendar_manager.web.week_events import Named, name_calendars, name_clients

LONGEST: Final = timedelta(days=53 * 7)
"""The longest range that is drawn: as many weeks as a year touches."""

_WEEKS: Final = 12
_ONE_DAY: Final = timedelta(days=1)
_ONE_WEEK: Final = timedelta(days=7)
_MONTHS: Final = 3


class Range(StrEnum):
    """Which hours are shown."""

    WEEKS = "weeks"
    QUARTER = "quarter"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of a week is taken.

    Attributes:
        percent: Of the budget, at most 100.
        words: The same for people.
        over: Whether more is taken than may be.
    """

    percent: int
    words: str
    over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A client in the list.

    Attributes:
        id: Ours.
        shown: Name and colour.
        rate: What an hour costs, in words; may be empty.
        hours: What is booked in the month.
        amount: What that costs; may be empty.
        meetings: How many meetings that are.
        budget: Of the week, or None.
        ruled: Whether anything but the person's own hand finds their meetings.
    """

    id: UUID
    shown: Named
    rate: str
    hours: str
    amount: str
    meetings: int
    budget: Budget | None
    ruled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientList:
    """The list.

    Attributes:
        month: Its name.
        rows: The clients, the oldest first.
        unassigned: Hours of the month that belong to nobody; empty when there are none.
        deleted: The ones that can be restored.
    """

    month: str
    rows: Sequence[Row]
    unassigned: str
    deleted: Sequence[Client]


@dataclass(frozen=True, slots=True)
class AskedHours:
    """Which hours are wanted; the days are as typed and count for a custom range only."""

    range: Range = Range.WEEKS
    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursView:
    """A client's hours.

    Attributes:
        range: Which way the days were chosen.
        days: The first and the last one, for people.
        zone: Whose days.
        chart: The drawing.
        total: All hours.
        meetings: How many meetings that are.
        amount: What that costs; may be empty.
        csv: Where the same is as CSV.
        problems: What is wrong with the days, by field.
        typed: The days as they stand in the form.
    """

    range: Range
    days: str
    zone: str
    chart: Chart
    total: str
    meetings: int
    amount: str
    csv: str
    problems: Mapping[str, str]
    typed: Mapping[str, str]


def load_clients(store: Store, user: User, *, now: datetime) -> ClientList:
    """Return a user's clients with their hours of the month and of the week."""
    zone = find_zone(user.time_zone)
    today = local_date(now, zone)
    month = _month_around(today)
    span = Span(start_of_day(month[0], zone), start_of_day(month[1], zone))
    with store.begin() as uow:
        clients = uow.clients.list(user.id)
        totals = load_totals(uow, user, span)
        budgets = {client.id: use for client, use in load_budgets(uow, user, now)}
        deleted = uow.clients.list(user.id, deleted=True)
        by_calendar = {entry.calendar.client_id for entry in uow.lookups.load_calendars(user.id)}
    named = name_clients(clients)
    rows = [
        _show_row(
            client,
            named[client.id],
            totals.clients.get(client.id),
            budgets.get(client.id),
            ruled=bool(client.rules) or client.id in by_calendar,
        )
        for client in clients
    ]
    unassigned = totals.unassigned.distinct_minutes
    return ClientList(
        month=f"{today:%B}",
        rows=rows,
        unassigned=show_hours(unassigned) if unassigned else "",
        deleted=deleted,
    )


def load_hours(
    store: Store, user: User, client: Client, color: str, asked: AskedHours, *, now: datetime
) -> HoursView:
    """Return a client's hours by week.

    Args:
        store: PostgreSQL.
        user: Whose client.
        client: Which client.
        color: The client's on the page.
        asked: Which hours.
        now: The present.
    """
    zone = find_zone(client.time_zone or user.time_zone)
    (first, end), problems = _find_days(asked, local_date(now, zone), zone)
    span = Span(start_of_day(first, zone), start_of_day(end, zone))
    hours = list_hours(store, user, client.id, HoursQuestion(span, Period.WEEK, zone))
    query = {"start": first, "end": end, "period": Period.WEEK, "tz": zone.key, "format": "csv"}
    last = end - _ONE_DAY
    typed = {"first": first.isoformat(), "last": last.isoformat()}
    return HoursView(
        range=asked.range,
        days=f"{show_day(first).split(' ', 1)[1]} to {show_day(last).split(' ', 1)[1]}",
        zone=zone.key.replace("_", " "),
        chart=draw_chart(hours.rows, first, end, color),
        total=show_hours(hours.total.minutes),
        meetings=hours.total.meetings,
        amount=_show_amount(client, hours.total),
        csv=f"/api/clients/{client.id}/hours?{urlencode(query)}",
        problems=problems,
        typed={"first": asked.first, "last": asked.last} if problems else typed,
    )


def load_surroundings(
    store: Store, user: User, client: Client
) -> tuple[Named, Mapping[UUID, Named], Sequence[str]]:
    """Return a client's name and colour, all calendars, and those that are the client's own.

    Raises:
        ClientNotFoundError: The client was deleted since it was found.
    """
    with store.begin() as uow:
        named = name_clients(uow.clients.list(user.id))
        calendars = uow.lookups.load_calendars(user.id)
    if client.id not in named:
        raise ClientNotFoundError
    own = [one.calendar.name for one in calendars if one.calendar.client_id == client.id]
    return named[client.id], name_calendars(calendars), own


def _show_row(
    client: Client, shown: Named, hours: Hours | None, use: BudgetUse | None, *, ruled: bool
) -> Row:
    return Row(
        id=client.id,
        shown=shown,
        rate="" if client.rate is None else f"{client.rate:,.2f} {client.currency} an hour",
        hours=show_hours(0 if hours is None else hours.minutes),
        amount="" if hours is None else _show_amount(client, hours),
        meetings=0 if hours is None else hours.meetings,
        budget=None if use is None else _show_budget(use),
        ruled=ruled,
    )


def _show_amount(client: Client, hours: Hours) -> str:
    if client.rate is None or not hours.minutes:
        return ""
    return f"{hours.amount(client.rate):,.2f} {client.currency}"


def _show_budget(use: BudgetUse) -> Budget:
    booked, budget = whole_minutes(use.booked), whole_minutes(use.budget)
    words = f"{show_hours(booked)} of {show_hours(budget)}"
    if booked > budget:
        words += f", {show_hours(booked - budget)} too much"
    return Budget(min(100, round(100 * booked / budget)), words, booked > budget)


def _find_days(
    asked: AskedHours, today: date, zone: ZoneInfo
) -> tuple[tuple[date, date], dict[str, str]]:
    """Return the first day and the day after the last, and what is wrong with what was typed."""
    monday = today - timedelta(days=today.weekday())
    weeks = (monday - (_WEEKS - 1) * _ONE_WEEK, monday + _ONE_WEEK)
    if asked.range is Range.QUARTER:
        return _quarter_around(today), {}
    if asked.range is Range.WEEKS:
        return weeks, {}
    days: dict[str, date] = {}
    problems: dict[str, str] = {}
    for name, text in (("first", asked.first), ("last", asked.last)):
        try:
            days[name] = date.fromisoformat(text.strip())
        except ValueError:
            problems[name] = "This is not a date. Write it as 2026-11-20."
    if problems:
        return weeks, problems
    try:
        end = days["last"] + _ONE_DAY
        resolve_span(days["first"], end, zone, longest=LONGEST + _ONE_DAY)
    except OverflowError:
        return weeks, {"last": "This is too far away."}
    except InvalidQuestionError as error:
        return weeks, {"first" if error.field == "start" else "last": str(error)}
    return (days["first"], end), {}


def _month_around(day: date) -> tuple[date, date]:
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def _quarter_around(day: date) -> tuple[date, date]:
    first = day.replace(month=(day.month - 1) // _MONTHS * _MONTHS + 1, day=1)
    return first, (first + timedelta(days=_MONTHS * 31)).replace(day=1)
