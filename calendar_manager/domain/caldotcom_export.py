"""A person's free time as a schedule of Cal.com: weekly hours, and dates that differ from them.

Cal.com's schedules are wall clocks in one zone, to the minute. An override takes the place of a
date's weekly hours; a date may have several, and one that starts and ends at 00:00 is a day off.

What Cal.com makes of them decides what is written, and all doubt goes against offering time:

- There is no 24:00. A range that ends at 23:59 is read as one that ends at midnight, so that
  midnight is written 23:59, and a real 23:59 is written 23:58.
- An override that ends at midnight can keep the next date's own override from counting
  (onehashai/Cal-ID#931), so that before such a date it ends at 23:58.
- Nobody says how an hour that a clock change repeats is read. A window that starts or ends in one
  is cut back until it is free by either reading.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from calendar_manager.domain.availability import free_windows
from calendar_manager.domain.rules import (
    MINUTES_PER_DAY,
    WEEKDAYS,
    AvailabilityRules,
    DateOverride,
    WallWindow,
    Weekday,
    WeeklyWindow,
    weekday_of,
)
from calendar_manager.domain.times import (
    MIDNIGHT,
    find_zone,
    local_date,
    resolve_wall,
    start_of_day,
    wall_clock,
)
from calendar_manager.domain.timespan import DateSpan, Span

EXPORTED_DAYS: Final = 56
"""For how many local days after today dates are compared with the weekly hours: eight weeks."""

LONG_ABSENCE: Final = timedelta(days=3)
"""From how many days off in a row on people are told that the person is away."""

_ONE_DAY: Final = timedelta(days=1)
_ONE_MINUTE: Final = timedelta(minutes=1)
_LAST_MINUTE: Final = MINUTES_PER_DAY - 1
"""23:59, which Cal.com reads as midnight where it is an end."""

_DAY_NAMES: Final = {
    Weekday.MON: "Monday",
    Weekday.TUE: "Tuesday",
    Weekday.WED: "Wednesday",
    Weekday.THU: "Thursday",
    Weekday.FRI: "Friday",
    Weekday.SAT: "Saturday",
    Weekday.SUN: "Sunday",
}


@dataclass(frozen=True, slots=True)
class ExportedSchedule:
    """Free time as Cal.com keeps it.

    Attributes:
        time_zone: The IANA zone of every wall clock and date.
        weekly: The hours of each week, those that meet as one.
        overrides: The dates on which free time differs from them, in order; one without windows
            is a day off.
    """

    time_zone: str
    weekly: tuple[WeeklyWindow, ...]
    overrides: tuple[DateOverride, ...]


def exported_span(rules: AvailabilityRules, now: datetime) -> Span:
    """Return the local days that an export compares with the weekly hours.

    Args:
        rules: Their zone and horizon count.
        now: The moment of the export.

    Returns:
        From the start of today to the end of the last day, in UTC. It is the same all day long.
    """
    zone = find_zone(rules.time_zone)
    today = local_date(now, zone)
    last = today + timedelta(days=min(rules.horizon_days, EXPORTED_DAYS))
    return Span(start_of_day(today, zone), start_of_day(last + _ONE_DAY, zone))


def export_schedule(
    rules: AvailabilityRules,
    busy: Sequence[Span],
    now: datetime,
    holidays: AbstractSet[date],
    meetings: Sequence[Span] | None = None,
) -> ExportedSchedule:
    """Return a person's free time as a schedule of Cal.com.

    The minimum notice counts in whole days: dates that end before it are days off, and the one
    on which it ends is free all day, because otherwise the schedule would change every minute.
    The rest of it, and what lies beyond the horizon, is for the event types at Cal.com to say.

    Args:
        rules: The person's rules.
        busy: What blocks, as for :func:`calendar_manager.domain.availability.free_windows`.
        now: The moment of the export.
        holidays: The dates of the public holidays that the rules name.
        meetings: What counts against the daily limits; None for all of ``busy``.
    """
    zone = find_zone(rules.time_zone)
    span = exported_span(rules, now)
    soonest = local_date(now + timedelta(minutes=rules.minimum_notice_minutes), zone)
    lasting = replace(rules, minimum_notice_minutes=0)
    free = free_windows(lasting, busy, span, span.start, holidays, meetings)
    weekly = {weekday: _join_windows(rules, weekday) for weekday in WEEKDAYS}
    overrides = []
    for day in _days_of(span, zone):
        windows = () if day < soonest else tuple(_windows_on(day, free, zone))
        if windows != weekly[weekday_of(day)]:
            overrides.append(DateOverride(day, windows))
    return ExportedSchedule(rules.time_zone, _group_days(weekly), tuple(overrides))


def find_long_absences(rules: AvailabilityRules, now: datetime) -> list[DateSpan]:
    """Return the days off that last so long that Cal.com is to tell people of them.

    Args:
        rules: Their days off, those that meet taken together.
        now: The moment of the export.

    Returns:
        In order and apart; none that is over, and all cut off at the end of the year after next.
    """
    today = local_date(now, find_zone(rules.time_zone))
    latest = date(min(today.year + 3, date.max.year), 1, 1)
    joined: list[DateSpan] = []
    for days in sorted(rules.days_off, key=lambda one: one.first):
        end = min(days.last, latest - _ONE_DAY) + _ONE_DAY
        if days.first >= end:
            continue
        if joined and days.first <= joined[-1].end:
            joined[-1] = DateSpan(joined[-1].first, max(joined[-1].end, end))
        else:
            joined.append(DateSpan(days.first, end))
    return [one for one in joined if one.end - one.first >= LONG_ABSENCE and one.end > today]


def schedule_to_document(schedule: ExportedSchedule, name: str) -> dict[str, object]:
    """Return a schedule as the body of Cal.com's ``/v2/schedules``, version 2024-06-11.

    Equal schedules have equal documents.

    Args:
        schedule: The schedule.
        name: What it is called at Cal.com.
    """
    overridden = {override.day for override in schedule.overrides}
    availability = [
        {"days": [_DAY_NAMES[day] for day in entry.days], "startTime": row[0], "endTime": row[1]}
        for entry in schedule.weekly
        if (row := _write_window(entry.window)) is not None
    ]
    overrides = [
        {"date": override.day.isoformat(), "startTime": start, "endTime": end}
        for override in schedule.overrides
        for start, end in _write_override(override, overridden)
    ]
    return {
        "name": name,
        "timeZone": schedule.time_zone,
        "availability": availability,
        "overrides": overrides,
    }


def hash_document(document: Mapping[str, object]) -> str:
    """Return what tells whether two documents are the same: the SHA-256 of their JSON."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _days_of(span: Span, zone: ZoneInfo) -> Iterator[date]:
    day = local_date(span.start, zone)
    while start_of_day(day, zone) < span.end:
        yield day
        day += _ONE_DAY


def _group_days(
    weekly: Mapping[Weekday, Sequence[WallWindow]],
) -> tuple[WeeklyWindow, ...]:
    """Return each window once, with all the days that have it."""
    windows = sorted({window for windows in weekly.values() for window in windows})
    return tuple(
        WeeklyWindow(tuple(day for day in WEEKDAYS if window in weekly[day]), window)
        for window in windows
    )


def _join_windows(rules: AvailabilityRules, weekday: Weekday) -> tuple[WallWindow, ...]:
    """Return the hours of a weekday, those that meet as one, as free windows have them."""
    joined: list[WallWindow] = []
    for window in sorted(entry.window for entry in rules.weekly if weekday in entry.days):
        if joined and joined[-1].end == window.start:
            joined[-1] = WallWindow(joined[-1].start, window.end)
        else:
            joined.append(window)
    return tuple(joined)


def _windows_on(day: date, free: Sequence[Span], zone: ZoneInfo) -> Iterator[WallWindow]:
    """Yield the free windows of a local day as wall clocks, in whole minutes."""
    whole = Span(start_of_day(day, zone), start_of_day(day + _ONE_DAY, zone))
    for window in free:
        part = window.intersection(whole)
        if part is None or part.is_empty:
            continue
        start = _minute_of(day, part.start, zone)
        while start < MINUTES_PER_DAY and _read(day, start, zone) < part.start:
            start += 1
        end = _minute_of(day, part.end, zone)
        while end > start and _read(day, end, zone, late=True) > part.end:
            end -= 1
        if start < end:
            yield WallWindow(start, end)


def _minute_of(day: date, instant: datetime, zone: ZoneInfo) -> int:
    """Return the minute that the clock shows at an instant, as one of a day."""
    since = wall_clock(instant, zone) - datetime.combine(day, MIDNIGHT)
    return min(max(since // _ONE_MINUTE, 0), MINUTES_PER_DAY)


def _read(day: date, minute: int, zone: ZoneInfo, *, late: bool = False) -> datetime:
    wall = datetime.combine(day, MIDNIGHT) + timedelta(minutes=minute)
    return resolve_wall(wall, zone, late=late)


def _write_override(
    override: DateOverride, overridden: AbstractSet[date]
) -> Iterator[tuple[str, str]]:
    """Yield the rows of a date, a day off as the one row that stands for it."""
    last = _LAST_MINUTE - 1 if override.day + _ONE_DAY in overridden else _LAST_MINUTE
    rows = [
        row
        for window in override.windows
        if (row := _write_window(window, midnight=last)) is not None
    ]
    yield from rows or [("00:00", "00:00")]


def _write_window(window: WallWindow, *, midnight: int = _LAST_MINUTE) -> tuple[str, str] | None:
    """Return start and end as Cal.com reads them; None when nothing can be written.

    Args:
        window: The hours.
        midnight: The minute that stands for 24:00.
    """
    end = midnight if window.end == MINUTES_PER_DAY else min(window.end, _LAST_MINUTE - 1)
    return (_write(window.start), _write(end)) if window.start < end else None


def _write(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
