"""Why a slot is not inside the working hours: hours, overrides, days off and holidays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from calendar_manager.domain.availability import working_windows
from calendar_manager.domain.reasons import Reason, ReasonCode
from calendar_manager.domain.rules import AvailabilityRules, WallWindow, weekday_of
from calendar_manager.domain.times import (
    dates_within,
    day_span,
    find_zone,
    local_date,
    wall_clock,
)
from calendar_manager.domain.timespan import DateSpan, Span

_ONE_DAY = timedelta(days=1)


def explain_hours(
    slot: Span, rules: AvailabilityRules, holidays: Mapping[date, str], zone: ZoneInfo
) -> list[Reason]:
    """Return every reason why a slot is not inside the working hours.

    A holiday on a day without hours tells both, because taking away one leaves the other.

    Args:
        slot: Not empty.
        rules: Whose hours.
        holidays: The names of the public holidays that the rules name, by their dates.
        zone: The zone in which times are told to the person.

    Returns:
        None exactly when the slot lies inside the working hours.
    """
    home = find_zone(rules.time_zone)
    days = dates_within(slot, home)
    first, last = days[0] - _ONE_DAY, days[-1]
    working = working_windows(rules, first, last, holidays.keys())
    if _cover(working, slot):
        return []
    usual = working_windows(replace(rules, days_off=()), first, last, frozenset())
    started = next((one for one in working if one.start <= slot.start < one.end), None)
    reasons: list[Reason] = []
    for day in days:
        part = slot.intersection(day_span(DateSpan(day, day + _ONE_DAY), home))
        if part is None or _cover(working, part):
            continue
        closed = list(_explain_closed_day(day, rules, holidays))
        reasons += closed
        if closed and _cover(usual, part):
            continue
        if started is None:
            reasons.append(_explain_hours_of_day(day, rules))
        elif not any(map(_is_misfit, reasons)):
            reasons.append(_explain_misfit(slot, started, zone))
    # A clock change at midnight can leave a stretch that belongs to no day.
    return reasons or [_explain_hours_of_day(local_date(slot.start, home), rules)]


def hours_of_day(day: date, rules: AvailabilityRules) -> tuple[tuple[WallWindow, ...], bool]:
    """Return the hours of a local day before days off and holidays, and whether they are its own.

    Returns:
        The hours in order, and whether an override set them.
    """
    for override in rules.overrides:
        if override.day == day:
            return tuple(sorted(override.windows)), True
    name = weekday_of(day)
    return tuple(sorted(entry.window for entry in rules.weekly if name in entry.days)), False


def _cover(windows: Sequence[Span], part: Span) -> bool:
    return any(window.contains(part) for window in windows)


def _is_misfit(reason: Reason) -> bool:
    return reason.code is ReasonCode.DOES_NOT_FIT


def _explain_closed_day(
    day: date, rules: AvailabilityRules, holidays: Mapping[date, str]
) -> Iterator[Reason]:
    for days_off in rules.days_off:
        if days_off.first <= day <= days_off.last:
            yield Reason(
                code=ReasonCode.DAY_OFF,
                detail=f"{day} is a day off: you are off from {days_off.first} to {days_off.last}."
                if days_off.first != days_off.last
                else f"{day} is a day off.",
                day=day,
                days_off=days_off,
            )
    if day in holidays:
        yield Reason(
            code=ReasonCode.HOLIDAY,
            detail=f"{day} is a public holiday in {rules.holidays}: {holidays[day]}.",
            day=day,
            name=holidays[day],
        )


def _explain_hours_of_day(day: date, rules: AvailabilityRules) -> Reason:
    hours, is_override = hours_of_day(day, rules)
    shown = ", ".join(f"{_clock(one.start)} to {_clock(one.end)}" for one in hours)
    if is_override:
        detail = f"On {day} you have hours of your own for that date: {shown or 'none at all'}."
    elif hours:
        detail = f"Your hours on {day:%A}s are {shown} in {rules.time_zone}."
    else:
        detail = f"You have no hours on {day:%A}s."
    code = ReasonCode.OVERRIDE if is_override else ReasonCode.OUTSIDE_HOURS
    return Reason(code=code, detail=detail, day=day, hours=hours)


def _explain_misfit(slot: Span, window: Span, zone: ZoneInfo) -> Reason:
    minutes = (slot.end - window.end) // timedelta(minutes=1)
    return Reason(
        code=ReasonCode.DOES_NOT_FIT,
        detail=f"It would go on for {minutes} minutes after your hours end at "
        f"{wall_clock(window.end, zone):%H:%M}.",
        window=window,
        minutes=minutes,
    )


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
