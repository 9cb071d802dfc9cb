"""When is a user free? From the rules, the calendars, and how far they can be trusted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from calendar_manager.domain.availability import bookable_span
from calendar_manager.domain.freshness import Freshness, find_blocking
from calendar_manager.domain.rules import AvailabilityRules
from calendar_manager.domain.rules_document import rules_from_document
from calendar_manager.domain.times import find_zone, local_date, start_of_day
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.answer_cache import AnswerCache, name_question
from calendar_manager.scheduling.asked_time import Moment, resolve_span
from calendar_manager.scheduling.busy_time import BusyTime, load_busy_time
from calendar_manager.scheduling.calendars import find_freshness, load_calendars
from calendar_manager.scheduling.free_time import (
    FreeTime,
    cut_free_time,
    find_free_time,
    span_to_load,
)
from calendar_manager.scheduling.public_holidays import check_place
from calendar_manager.store.agenda_entries import AgendaCalendar
from calendar_manager.store.unit_of_work import Store

LONGEST: Final = timedelta(days=731)
"""The longest stretch that one question may be about: two years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityQuestion:
    """What is asked of somebody's availability.

    Attributes:
        start: From when on.
        end: Until when.
        time_zone: The IANA zone of the dates in the question; None for that of the rules.
        duration_minutes: How long a slot is; None for what the rules say.
        step_minutes: The grid of the slots; None for what the rules say.
        calendar_ids: Which calendars are asked; empty for all that are read.
        grid_zone: The IANA zone whose clock the slots stand on; None for that of the rules.
    """

    start: Moment
    end: Moment
    time_zone: str | None = None
    duration_minutes: int | None = None
    step_minutes: int | None = None
    calendar_ids: Collection[UUID] = ()
    grid_zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityAnswer:
    """When a user is free, and how far that can be trusted.

    Attributes:
        time_zone: The zone of the question.
        duration_minutes: How long the slots are.
        step_minutes: The grid of the slots.
        free: The windows and slots.
        freshness: Of each calendar that took part.
    """

    time_zone: str
    duration_minutes: int
    step_minutes: int
    free: FreeTime
    freshness: Sequence[Freshness]


@dataclass(frozen=True, slots=True)
class Background:
    """What an answer about somebody begins with.

    Attributes:
        user: Whose availability.
        rules: Theirs.
        calendars: Which are asked, as loaded before the events.
    """

    user: User
    rules: AvailabilityRules
    calendars: Sequence[AgendaCalendar]


def find_availability(
    store: Store,
    user: User,
    question: AvailabilityQuestion,
    *,
    now: datetime,
    maximum_age: timedelta,
    answers: AnswerCache | None = None,
) -> AvailabilityAnswer:
    """Return when a user is free to be booked.

    A calendar that cannot be read keeps the user busy all the time when its policy is ``block``.
    With ``warn`` and ``ignore`` its last known copy counts.

    Args:
        store: PostgreSQL.
        user: Whose availability.
        question: What is asked.
        now: The moment of the question.
        maximum_age: Copies of calendars older than this are stale.
        answers: Where busy time is kept that was loaded for the same question before.

    Raises:
        InvalidQuestionError: The stretch of time cannot be used.
        UnknownTimeZoneError: There is no such zone.
        UnknownSubjectError: The user has no such calendar.
        InvalidRulesError: The holidays that the rules name are not known.
    """
    with store.look_up() as lookups:
        rules = lookups.load_rules(user.id, time_zone=user.time_zone)
        # A question that nobody could answer is refused before a calendar that is not there.
        resolve_question(question, rules)
        calendars = load_calendars(lookups, user.id, question.calendar_ids)
    return answer_question(
        store,
        Background(user, rules, calendars),
        question,
        now=now,
        maximum_age=maximum_age,
        answers=answers,
    )


def resolve_question(question: AvailabilityQuestion, rules: AvailabilityRules) -> Span:
    """Return which stretch of time a question is about.

    Args:
        question: What is asked.
        rules: Their zone is that of the question when it names none.

    Raises:
        InvalidQuestionError: The stretch of time cannot be used.
        UnknownTimeZoneError: There is no such zone.
    """
    zone = find_zone(question.time_zone or rules.time_zone)
    return resolve_span(question.start, question.end, zone, longest=LONGEST)


def answer_question(
    store: Store,
    background: Background,
    question: AvailabilityQuestion,
    *,
    now: datetime,
    maximum_age: timedelta,
    answers: AnswerCache | None = None,
) -> AvailabilityAnswer:
    """As :func:`find_availability`, from what is loaded already."""
    user, rules = background.user, background.rules
    asked = resolve_question(question, rules)
    taking_part = [entry for entry in background.calendars if entry.calendar.blocks_availability]
    freshness = find_freshness(taking_part, now, maximum_age)
    load = None if find_blocking(freshness) else span_to_load(rules, asked, now)
    duration = question.duration_minutes or rules.slot_duration_minutes
    step = question.step_minutes or rules.slot_step_minutes
    free = FreeTime()
    if load is not None:
        wish = _Wish(
            rules=rules,
            asked=asked,
            duration=timedelta(minutes=duration),
            step=timedelta(minutes=step),
            grid_zone=question.grid_zone,
        )
        free = _find_free(store, user, taking_part, load, wish, now, answers)
    return AvailabilityAnswer(
        time_zone=question.time_zone or rules.time_zone,
        duration_minutes=duration,
        step_minutes=step,
        free=free,
        freshness=freshness,
    )


def find_busy_time(
    store: Store,
    user: User,
    calendars: Sequence[AgendaCalendar],
    span: Span,
    answers: AnswerCache | None,
    *,
    key: str | None = None,
) -> BusyTime:
    """Return a user's busy time from the cache, or else from the database.

    No transaction is open while the cache is asked.

    Args:
        store: PostgreSQL.
        user: Whose busy time.
        calendars: Those that take part, as loaded a moment ago.
        span: Only what overlaps this.
        answers: Where busy time is kept that was loaded for the same question before.
        key: The name of the question, where it is known already.
    """
    if key is None:
        key = name_question(user, calendars, span)
    kept = None if answers is None else answers.find(key)
    if kept is not None:
        return kept
    with store.begin() as uow:
        busy = BusyTime.of(load_busy_time(uow, user, calendars, [span]))
    if answers is not None:
        answers.keep(key, busy)
    return busy


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What is wanted of somebody's time, whatever the moment of the question."""

    rules: AvailabilityRules
    asked: Span
    duration: timedelta
    step: timedelta
    grid_zone: str | None

    def fulfil(self, busy: BusyTime, now: datetime) -> FreeTime:
        return find_free_time(
            self.rules,
            busy,
            self.asked,
            now=now,
            duration=self.duration,
            step=self.step,
            grid_zone=self.grid_zone,
        )

    def without_notice(self) -> "_Wish":
        return replace(self, rules=replace(self.rules, minimum_notice_minutes=0))


def _find_free(
    store: Store,
    user: User,
    calendars: Sequence[AgendaCalendar],
    load: Span,
    wish: _Wish,
    now: datetime,
    answers: AnswerCache | None,
) -> FreeTime:
    """Return the free time, the same with a memory and without.

    What is remembered holds all day long, as if the question were asked at midnight and no notice
    were needed; the moment of the question only cuts off what lies before.
    """
    if answers is None:
        return wish.fulfil(find_busy_time(store, user, calendars, load, None), now)
    key = name_question(user, calendars, load)
    zone = find_zone(wish.rules.time_zone)
    today = start_of_day(local_date(now, zone), zone)

    def compute() -> FreeTime:
        busy = find_busy_time(store, user, calendars, load, answers, key=key)
        return wish.without_notice().fulfil(busy, today)

    free = answers.find_free((key, wish, today), compute)
    return cut_free_time(free, bookable_span(wish.rules, now).start)


def load_rules(store: Store, user: User) -> AvailabilityRules:
    """Return a user's rules, or the default ones in the user's zone."""
    with store.look_up() as lookups:
        return lookups.load_rules(user.id, time_zone=user.time_zone)


def replace_rules(store: Store, user: User, document: Mapping[str, object]) -> AvailabilityRules:
    """Replace a user's rules as a whole, and return them.

    Args:
        store: PostgreSQL.
        user: Whose.
        document: The shape of :mod:`calendar_manager.domain.rules_document`.

    Raises:
        InvalidRulesError: The document breaks a rule; nothing is changed.
    """
    rules = rules_from_document(document)
    check_place(rules.holidays)
    with store.begin() as uow:
        uow.rules.save(user.id, rules)
    return rules
