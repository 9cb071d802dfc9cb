"""What people could book by rules that are only being tried out, day by day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from calendar_manager.domain.availability import working_windows
from calendar_manager.domain.freshness import Freshness, find_blocking
from calendar_manager.domain.rules import AvailabilityRules
from calendar_manager.domain.times import day_span, find_zone, local_date
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.answer_cache import AnswerCache
from calendar_manager.scheduling.asked_time import resolve_moment
from calendar_manager.scheduling.availability import find_busy_time
from calendar_manager.scheduling.busy_time import BusyTime
from calendar_manager.scheduling.calendars import find_freshness, load_calendars
from calendar_manager.scheduling.free_time import FreeTime, find_free_time, span_to_load
from calendar_manager.scheduling.public_holidays import name_holidays
from calendar_manager.store.unit_of_work import Store

_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewDay:
    """One local day in the rules' zone.

    Attributes:
        day: Its date.
        span: Its instants.
        working: The hours that the rules give it.
        busy: What makes the person busy on it, without buffers.
        free: When the person is free on it.
        slots: The bookable starts on it, with their ends.
        holiday: The name of its public holiday; None when it is none that the rules know.
        is_day_off: Whether it is one of the days off.
        is_override: Whether it has hours of its own.
    """

    day: date
    span: Span
    working: Sequence[Span]
    busy: Sequence[Span]
    free: Sequence[Span]
    slots: Sequence[Span]
    holiday: str | None
    is_day_off: bool
    is_override: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Some days as people could book them.

    Attributes:
        rules: By which rules.
        days: In order.
        freshness: Of each calendar that took part.
    """

    rules: AvailabilityRules
    days: Sequence[PreviewDay]
    freshness: Sequence[Freshness]


def find_preview(
    store: Store,
    user: User,
    rules: AvailabilityRules,
    days: DateSpan,
    *,
    now: datetime,
    maximum_age: timedelta,
    answers: AnswerCache | None = None,
) -> Preview:
    """Return what people could book if rules held; nothing is stored.

    Args:
        store: PostgreSQL.
        user: Whose calendars.
        rules: The rules to try out.
        days: Which local days in the rules' zone.
        now: The moment of the question.
        maximum_age: Copies of calendars older than this are stale.
        answers: Where busy time is kept that was loaded for the same question before.

    Raises:
        InvalidQuestionError: The days are further away than any calendar reaches.
        InvalidRulesError: The holidays that the rules name are not known.
    """
    zone = find_zone(rules.time_zone)
    for day in (days.first, days.end):
        resolve_moment(day, "start", zone)
    asked = day_span(days, zone)
    with store.begin() as uow:
        calendars = load_calendars(uow.lookups, user.id, ())
    taking_part = [entry for entry in calendars if entry.calendar.blocks_availability]
    freshness = find_freshness(taking_part, now, maximum_age)
    decisive = span_to_load(rules, asked, now)
    load = asked if decisive is None else asked.hull(decisive)
    busy = find_busy_time(store, user, taking_part, load, answers)
    free = FreeTime()
    if not find_blocking(freshness):
        free = find_free_time(
            rules,
            busy,
            asked,
            now=now,
            duration=timedelta(minutes=rules.slot_duration_minutes),
            step=timedelta(minutes=rules.slot_step_minutes),
        )
    return Preview(rules=rules, days=_list_days(rules, days, busy, free), freshness=freshness)


def _list_days(
    rules: AvailabilityRules, days: DateSpan, busy: BusyTime, free: FreeTime
) -> list[PreviewDay]:
    zone = find_zone(rules.time_zone)
    holidays: Mapping[date, str] = name_holidays(rules.holidays, days.first - _ONE_DAY, days.end)
    working = working_windows(rules, days.first - _ONE_DAY, days.end, frozenset(holidays))
    listed = []
    for offset in range(days.days):
        day = days.first + timedelta(days=offset)
        span = day_span(DateSpan(day, day + _ONE_DAY), zone)
        listed.append(
            PreviewDay(
                day=day,
                span=span,
                working=_cut(working, span),
                busy=_cut(busy.spans, span),
                free=_cut(free.windows, span),
                slots=[slot for slot in free.slots if local_date(slot.start, zone) == day],
                holiday=holidays.get(day),
                is_day_off=any(off.first <= day <= off.last for off in rules.days_off),
                is_override=any(override.day == day for override in rules.overrides),
            )
        )
    return listed


def _cut(spans: Iterable[Span], within: Span) -> list[Span]:
    """Return what of spans lies within another one."""
    parts = (span.intersection(within) for span in spans)
    return [part for part in parts if part is not None]
