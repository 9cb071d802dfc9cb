"""Hours of clients, from what is laid out and from beyond it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.client_hours import (
    BudgetUse,
    ClientMeeting,
    Hours,
    Period,
    PeriodHours,
    budget_use,
    divide_hours,
    total_hours,
    week_around,
)
from calendar_manager.domain.clients import Client
from calendar_manager.domain.explanation_of_budgets import ClientBudget
from calendar_manager.domain.meetings import BusyOccurrence, Meeting, group_meetings
from calendar_manager.domain.occurrences import name_occurrence
from calendar_manager.domain.times import find_zone
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.client_owners import load_owners
from calendar_manager.scheduling.errors import UnknownSubjectError
from calendar_manager.scheduling.series import find_gaps, load_beyond
from calendar_manager.store.client_rows import NOT_SAID, OwnedOccurrence, Owner, find_strongest
from calendar_manager.store.unit_of_work import Store, UnitOfWork

MANY_CLIENTS: Final = 10_000
"""More than anybody has; a bound for one look at all of them."""


@dataclass(frozen=True, slots=True)
class HoursQuestion:
    """What is asked of a client's hours.

    Attributes:
        span: Which stretch of time.
        period: How to divide it.
        zone: Whose midnight divides the days.
        include_all_day: Whether all-day events count, with all of their days.
    """

    span: Span
    period: Period
    zone: ZoneInfo
    include_all_day: bool = False


@dataclass(frozen=True, slots=True)
class ClientHours:
    """A client's hours.

    Attributes:
        client: Whose.
        rows: By period and project.
        total: Over all of them; a meeting in several periods counts once.
    """

    client: Client
    rows: Sequence[PeriodHours]
    total: Hours


@dataclass(frozen=True, slots=True)
class Totals:
    """Everybody's hours in one stretch of time.

    Attributes:
        clients: By client; who has none is missing.
        unassigned: Of the meetings of which nobody and no rule says whom they belong to.
    """

    clients: Mapping[UUID, Hours]
    unassigned: Hours


def list_hours(store: Store, user: User, client_id: UUID, question: HoursQuestion) -> ClientHours:
    """Return how much time a client has taken, or will take.

    Each meeting counts once, however many calendars it is on, and belongs to whom the strongest
    answer among its copies names. Cancelled, declined and free ones take no time.

    Args:
        store: PostgreSQL.
        user: Whose client.
        client_id: Which client.
        question: What is asked.

    Raises:
        UnknownSubjectError: The user has no such client.
    """
    with store.begin() as uow:
        client = uow.clients.find(user.id, client_id)
        if client is None:
            raise UnknownSubjectError("client")
        booked = _load_booked(uow, user, question.span)
    meetings = group_by_client(booked, all_day=question.include_all_day).get(client_id, [])
    return ClientHours(
        client,
        divide_hours(meetings, question.span, question.period, question.zone),
        total_hours(meetings, question.span),
    )


def load_totals(uow: UnitOfWork, user: User, span: Span) -> Totals:
    """Add up the meetings of everybody in one stretch of time; all-day events do not count.

    Args:
        uow: The transaction.
        user: Whose meetings.
        span: Which stretch of time.
    """
    grouped = _group_by_owner(_load_booked(uow, user, span), all_day=False)
    unsaid = [one for owner, one in grouped if owner.rank == NOT_SAID]
    mine: dict[UUID, list[ClientMeeting]] = {}
    for owner, one in grouped:
        if owner.client_id is not None:
            mine.setdefault(owner.client_id, []).append(one)
    return Totals(
        {client_id: total_hours(meetings, span) for client_id, meetings in mine.items()},
        total_hours(unsaid, span),
    )


def load_budgets(uow: UnitOfWork, user: User, at: datetime) -> list[tuple[Client, BudgetUse]]:
    """Tell how much of the weekly budgets is taken in the week of an instant.

    Each client's week begins in the client's own zone, or else in the user's. All-day events
    take nothing of a budget.

    Args:
        uow: The transaction.
        user: Whose clients.
        at: An instant in the week.

    Returns:
        The clients that have a budget, the oldest first.
    """
    clients = [
        (client, client.weekly_budget_minutes, find_zone(client.time_zone or user.time_zone))
        for client in uow.clients.list(user.id, limit=MANY_CLIENTS)
    ]
    weeks = [week_around(at, zone)[1] for _, budget, zone in clients if budget is not None]
    if not weeks:
        return []
    around = Span(min(week.start for week in weeks), max(week.end for week in weeks))
    meetings = group_by_client(_load_booked(uow, user, around), all_day=False)
    return [
        (
            client,
            budget_use((one.span for one in meetings.get(client.id, ())), at, budget, zone),
        )
        for client, budget, zone in clients
        if budget is not None
    ]


def load_budgets_of(uow: UnitOfWork, user: User, slot: Span) -> list[ClientBudget]:
    """Tell how much of the weekly budgets is taken in the weeks that a booking touches.

    Args:
        uow: The transaction.
        user: Whose clients.
        slot: The booking, not empty and shorter than a week.

    Returns:
        By week and then as :func:`load_budgets`; a client whose week ends inside the booking
        stands there twice.
    """
    budgets = load_budgets(uow, user, slot.start)
    if any(use.week.end < slot.end for _, use in budgets):
        known = {(client.id, use.first_on) for client, use in budgets}
        budgets += [
            (client, use)
            for client, use in load_budgets(uow, user, slot.end - timedelta.resolution)
            if (client.id, use.first_on) not in known
        ]
    return [ClientBudget(client.id, client.name, use) for client, use in budgets]


def group_by_client(
    occurrences: Sequence[OwnedOccurrence], *, all_day: bool
) -> Mapping[UUID, list[ClientMeeting]]:
    """Return meetings by the client whom they belong to.

    Args:
        occurrences: All that take time, everybody's.
        all_day: Whether all-day ones count.
    """
    grouped: dict[UUID, list[ClientMeeting]] = {}
    for owner, meeting in _group_by_owner(occurrences, all_day=all_day):
        if owner.client_id is not None:
            grouped.setdefault(owner.client_id, []).append(meeting)
    return grouped


def _group_by_owner(
    occurrences: Sequence[OwnedOccurrence], *, all_day: bool
) -> list[tuple[Owner, ClientMeeting]]:
    """Return meetings of some length, each once, with the strongest answer among its copies."""
    owners = {one.occurrence_id: one.owner for one in occurrences}
    grouped: list[tuple[Owner, ClientMeeting]] = []
    for meeting in group_meetings(
        BusyOccurrence(
            occurrence_id=one.occurrence_id,
            event_id=one.event_id,
            calendar_id=one.calendar_id,
            span=one.span,
            busy=one.busy,
            all_day=one.all_day,
            ical_uid=one.ical_uid,
        )
        for one in occurrences
        if all_day or not one.all_day
    ):
        owner = _owner_of(meeting, owners)
        if not meeting.span.is_empty:
            grouped.append((owner, ClientMeeting(meeting.span, owner.project)))
    return grouped


def _owner_of(meeting: Meeting, owners: Mapping[UUID, Owner]) -> Owner:
    return find_strongest(owners[copy.occurrence_id] for copy in meeting.occurrences)


def _load_booked(uow: UnitOfWork, user: User, span: Span) -> list[OwnedOccurrence]:
    booked = uow.assignments.load_booked(user.id, [span])
    calendars = uow.lookups.load_calendars(user.id)
    beyond = load_beyond(
        uow, user.id, find_gaps(calendars, [span]), find_zone(user.time_zone), mirrors=False
    )
    beyond = [one for one in beyond if one[0].busy is not Busy.FREE]
    owners = load_owners(uow, beyond, {one.calendar.id: one.calendar for one in calendars})
    for (series, occurrence), owner in zip(beyond, owners, strict=True):
        booked.append(
            OwnedOccurrence(
                occurrence_id=name_occurrence(series.event_id, occurrence.original_start),
                event_id=series.event_id,
                calendar_id=series.calendar_id,
                span=occurrence.span,
                all_day=occurrence.dates is not None,
                busy=series.busy,
                ical_uid=series.master.ical_uid,
                owner=owner,
            )
        )
    return booked
