"""Why not then? One start, all that keeps it from being booked, and what is free nearby."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from calendar_manager.domain.availability import bookable_span
from calendar_manager.domain.explanation import Surroundings, explain_slot, show_time
from calendar_manager.domain.explanation_of_budgets import (
    BudgetWarning,
    warn_of_booking,
    warn_of_used_up,
)
from calendar_manager.domain.freshness import Freshness, find_blocking
from calendar_manager.domain.reasons import Reason, ReasonCode
from calendar_manager.domain.rules import AvailabilityRules
from calendar_manager.domain.times import (
    dates_within,
    day_span,
    find_zone,
    resolve_wall,
    wall_clock,
)
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.asked_time import resolve_moment
from calendar_manager.scheduling.blocking_meetings import load_blocking_meetings
from calendar_manager.scheduling.busy_time import BusyTime, load_busy_time
from calendar_manager.scheduling.calendars import find_freshness, load_calendars
from calendar_manager.scheduling.client_hours import load_budgets_of
from calendar_manager.scheduling.errors import UnknownSubjectError
from calendar_manager.scheduling.free_time import find_free_time, span_to_load
from calendar_manager.scheduling.public_holidays import name_holidays
from calendar_manager.store.agenda_entries import AgendaCalendar
from calendar_manager.store.unit_of_work import Store, UnitOfWork

HOW_MANY: Final = 3
"""How many other starts are proposed."""

_ONE_DAY: Final = timedelta(days=1)
_REACHES: Final = (_ONE_DAY, timedelta(days=7), timedelta(days=35))
"""How far around a start others are looked for at first; after that, everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplanationQuestion:
    """Which start is asked about.

    Attributes:
        at: An aware instant, or a naive wall clock in the zone of the question.
        time_zone: The IANA zone of the question; None for that of the rules.
        duration_minutes: How long the booking would be; None for what the rules say.
        step_minutes: The grid of the slots; None for what the rules say.
        calendar_ids: Which calendars are asked; empty for all that are read.
        client_id: Whom the booking would be for; None when that is not known.
    """

    at: datetime
    time_zone: str | None = None
    duration_minutes: int | None = None
    step_minutes: int | None = None
    calendar_ids: Collection[UUID] = ()
    client_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Whether a start can be booked, and if not, why.

    Attributes:
        slot: What would be booked.
        time_zone: The zone of the question.
        step_minutes: The grid of the slots.
        reasons: Why it cannot be booked; empty exactly when it can.
        alternatives: The nearest slots at other starts, the nearest first, the earlier first
            where two are as near.
        freshness: Of each calendar that took part.
        budgets: What the weekly budgets of clients say; they never keep a start from being
            booked.
    """

    slot: Span
    time_zone: str
    step_minutes: int
    reasons: Sequence[Reason]
    alternatives: Sequence[Span]
    freshness: Sequence[Freshness]
    budgets: Sequence[BudgetWarning]

    @property
    def bookable(self) -> bool:
        """Whether :func:`find_availability` offers this start to the same question."""
        return not self.reasons


def explain_start(
    store: Store,
    user: User,
    question: ExplanationQuestion,
    *,
    now: datetime,
    maximum_age: timedelta,
    rules: AvailabilityRules | None = None,
) -> Explanation:
    """Tell whether a user can be booked at a start, every reason why not, and what is near.

    Args:
        store: PostgreSQL.
        user: Whose availability.
        question: What is asked.
        now: The moment of the question.
        maximum_age: Copies of calendars older than this are stale.
        rules: What the user tries out; None for the rules that hold.

    Raises:
        InvalidQuestionError: The start is further away than any calendar reaches.
        UnknownTimeZoneError: There is no such zone.
        UnknownSubjectError: The user has no such calendar, or no such client.
        InvalidRulesError: The holidays that the rules name are not known.
    """
    with store.begin() as uow:
        rules = rules or uow.lookups.load_rules(user.id, time_zone=user.time_zone)
        time_zone = question.time_zone or rules.time_zone
        zone = find_zone(time_zone)
        start, missing = _resolve(question.at, zone)
        duration = timedelta(minutes=question.duration_minutes or rules.slot_duration_minutes)
        step = timedelta(minutes=question.step_minutes or rules.slot_step_minutes)
        slot = Span(start, start + duration)
        calendars = load_calendars(uow.lookups, user.id, question.calendar_ids)
        taking_part = [entry for entry in calendars if entry.calendar.blocks_availability]
        freshness = find_freshness(taking_part, now, maximum_age)
        around = Surroundings(
            rules=rules,
            meetings=load_blocking_meetings(
                uow, user, taking_part, _find_surrounding_span(slot, rules)
            ),
            holidays=_name_holidays(slot, rules),
            freshness=freshness,
            now=now,
            step=step,
            zone=zone,
        )
        alternatives: Sequence[Span] = ()
        if not find_blocking(freshness):
            alternatives = _find_alternatives(uow, user, taking_part, slot, around)
        budgets = _explain_budgets(uow, user, slot, question.client_id)
    return Explanation(
        slot=slot,
        time_zone=time_zone,
        step_minutes=step // timedelta(minutes=1),
        reasons=[*missing, *explain_slot(slot, around)],
        alternatives=alternatives,
        freshness=freshness,
        budgets=budgets,
    )


def _explain_budgets(
    uow: UnitOfWork, user: User, slot: Span, client_id: UUID | None
) -> list[BudgetWarning]:
    """Return what the budgets say: the client's, or else all that are used up."""
    if client_id is None:
        return list(warn_of_used_up(slot, load_budgets_of(uow, user, slot)))
    if uow.clients.find(user.id, client_id) is None:
        raise UnknownSubjectError("client")
    budgets = load_budgets_of(uow, user, slot)
    return list(warn_of_booking(slot, (one for one in budgets if one.client_id == client_id)))


def _resolve(at: datetime, zone: ZoneInfo) -> tuple[datetime, list[Reason]]:
    """Return the instant that was asked for, and the reason when the clock never shows it."""
    if at.tzinfo is not None:
        return resolve_moment(at, "at", zone), []
    instant = resolve_moment(resolve_wall(at, zone), "at", zone)
    if wall_clock(instant, zone) == at:
        return instant, []
    reason = Reason(
        code=ReasonCode.DOES_NOT_EXIST,
        detail=f"The clock in {zone.key} never shows {at:%Y-%m-%d %H:%M}, because it is put "
        f"forward over it. Instead this is about {show_time(instant, zone)}.",
        nearest=(instant,),
    )
    return instant, [reason]


def _find_surrounding_span(slot: Span, rules: AvailabilityRules) -> Span:
    """Return where meetings decide about a slot: its local days, and what the buffers reach."""
    zone = find_zone(rules.time_zone)
    days = dates_within(slot, zone)
    before = timedelta(minutes=rules.buffer_before_minutes)
    after = timedelta(minutes=rules.buffer_after_minutes)
    whole_days = day_span(DateSpan(days[0], days[-1] + _ONE_DAY), zone)
    return slot.widened(before, after).hull(whole_days)


def _name_holidays(slot: Span, rules: AvailabilityRules) -> Mapping[date, str]:
    days = dates_within(slot, find_zone(rules.time_zone))
    return name_holidays(rules.holidays, days[0] - _ONE_DAY, days[-1])


def _find_reaches(start: datetime, bookable: Span) -> Iterator[timedelta]:
    """Yield how far to look around a start, ending with all that can be booked."""
    everywhere = max(abs(start - bookable.start), abs(bookable.end - start))
    yield from (reach for reach in _REACHES if reach < everywhere)
    yield everywhere


def _find_alternatives(
    uow: UnitOfWork,
    user: User,
    calendars: Sequence[AgendaCalendar],
    slot: Span,
    around: Surroundings,
) -> Sequence[Span]:
    """Return the nearest slots at other starts, looking further away until there are enough."""
    rules = around.rules
    found: Sequence[Span] = ()
    for reach in _find_reaches(slot.start, bookable_span(rules, around.now)):
        asked = slot.widened(reach, reach)
        load = span_to_load(rules, asked, around.now)
        if load is None:
            continue
        busy = load_busy_time(uow, user, calendars, [load])
        free = find_free_time(
            rules,
            BusyTime.of(busy),
            asked,
            now=around.now,
            duration=slot.duration,
            step=around.step,
        )
        others = (one for one in free.slots if one.start != slot.start)
        found = sorted(others, key=lambda one: (abs(one.start - slot.start), one.start))[:HOW_MANY]
        if len(found) == HOW_MANY:
            break
    return found
