"""Availability rules: when a person can be booked, as the person says it.

Hours are wall clocks, in minutes since local midnight, and become instants only in
:mod:`calendar_manager.domain.availability`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise

from calendar_manager.domain.errors import InvalidRulesError
from calendar_manager.domain.times import is_zone

MINUTES_PER_DAY = 24 * 60
MAXIMUM_HORIZON_DAYS = 730
MAXIMUM_NOTICE_MINUTES = 365 * MINUTES_PER_DAY

Path = tuple[str | int, ...]

_HOLIDAYS = re.compile(r"[A-Z]{2}(-\w[\w ]{0,39})?")


class Weekday(StrEnum):
    """The days of the week, Monday first (ISO 8601)."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


WEEKDAYS = tuple(Weekday)


def weekday_of(day: date) -> Weekday:
    """Return the day of the week of a date."""
    return WEEKDAYS[day.weekday()]


@dataclass(frozen=True, slots=True, order=True)
class WallWindow:
    """Hours on one local day, half-open.

    Attributes:
        start: Minutes since local midnight, 0 to 1439.
        end: Minutes since local midnight, after ``start``; 1440 is ``24:00``. Hours over
            midnight are two windows, of two days.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class WeeklyWindow:
    """Hours that come back every week.

    Attributes:
        days: On which days; at least one, none twice.
        window: The hours.
    """

    days: tuple[Weekday, ...]
    window: WallWindow


@dataclass(frozen=True, slots=True)
class DateOverride:
    """The hours of one date in place of the weekly ones.

    Attributes:
        day: Which date.
        windows: Its hours; none is a day off.
    """

    day: date
    windows: tuple[WallWindow, ...]


@dataclass(frozen=True, slots=True)
class DaysOff:
    """Days without any hours.

    Attributes:
        first: The first day off.
        last: The last day off, included.
    """

    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityRules:
    """All rules of one person. What breaks a rule cannot be made.

    Attributes:
        time_zone: The IANA zone of every wall clock and date here.
        weekly: The hours of each week; windows of one day do not overlap.
        overrides: Dates with hours of their own, each date once.
        days_off: Days without hours, whatever the weekly hours and overrides say.
        holidays: Whose public holidays are days off, as ``CC`` or ``CC-SUBDIVISION`` in the
            spelling of the ``holidays`` package; None for no one's. Whether the place exists is
            the caller's to check.
        buffer_before_minutes: Free time that a new booking needs before itself.
        buffer_after_minutes: Free time that a new booking needs after itself.
        minimum_notice_minutes: How long before its start a booking must be made.
        horizon_days: How many local days after today can be booked.
        slot_step_minutes: Slots start at multiples of this since local midnight.
        slot_duration_minutes: How long a slot is when nobody says otherwise.
        max_meetings_per_day: On a day with so many meetings nothing more is offered.
        max_minutes_per_day: No slot is offered that would book more of a day than this.

    Raises:
        InvalidRulesError: At the first rule that is broken; the field is a path into the
            document of :mod:`calendar_manager.domain.rules_document`.
    """

    time_zone: str
    weekly: tuple[WeeklyWindow, ...] = ()
    overrides: tuple[DateOverride, ...] = ()
    days_off: tuple[DaysOff, ...] = ()
    holidays: str | None = None
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    minimum_notice_minutes: int = 0
    horizon_days: int = 60
    slot_step_minutes: int = 30
    slot_duration_minutes: int = 30
    max_meetings_per_day: int | None = None
    max_minutes_per_day: int | None = None

    def __post_init__(self) -> None:
        if not is_zone(self.time_zone):
            raise InvalidRulesError(f"{self.time_zone!r} is not an IANA zone", ("time_zone",))
        _check_weekly(self.weekly)
        _check_overrides(self.overrides)
        _check_days_off(self.days_off)
        if self.holidays is not None and not _HOLIDAYS.fullmatch(self.holidays):
            message = f"{self.holidays!r} is not a country code such as DE, or DE-BE for a part"
            raise InvalidRulesError(message, ("holidays",))
        for name, (least, most) in _BOUNDS.items():
            _check_bounds(name, getattr(self, name), least, most)


# A buffer or a slot longer than a day is a mistyped number rather than a wish.
_BOUNDS = {
    "buffer_before_minutes": (0, MINUTES_PER_DAY),
    "buffer_after_minutes": (0, MINUTES_PER_DAY),
    "minimum_notice_minutes": (0, MAXIMUM_NOTICE_MINUTES),
    "horizon_days": (1, MAXIMUM_HORIZON_DAYS),
    "slot_step_minutes": (1, MINUTES_PER_DAY),
    "slot_duration_minutes": (1, MINUTES_PER_DAY),
    "max_meetings_per_day": (1, MINUTES_PER_DAY),
    "max_minutes_per_day": (1, MINUTES_PER_DAY),
}


def default_rules(time_zone: str) -> AvailabilityRules:
    """Return the rules of somebody who has not said any: Monday to Friday, 09:00 to 17:00.

    Args:
        time_zone: The person's IANA zone.

    Raises:
        InvalidRulesError: When there is no such zone.
    """
    office_hours = WeeklyWindow(WEEKDAYS[:5], WallWindow(9 * 60, 17 * 60))
    return AvailabilityRules(time_zone=time_zone, weekly=(office_hours,))


def _check_bounds(name: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise InvalidRulesError(f"{value} is not between {least} and {most}", (name,))


def _check_weekly(weekly: tuple[WeeklyWindow, ...]) -> None:
    by_day: dict[Weekday, list[tuple[WallWindow, Path]]] = {day: [] for day in WEEKDAYS}
    for index, entry in enumerate(weekly):
        path: Path = ("weekly", index)
        if not entry.days:
            raise InvalidRulesError("name at least one day", (*path, "days"))
        if len(set(entry.days)) < len(entry.days):
            raise InvalidRulesError("a day stands here twice", (*path, "days"))
        _check_window(entry.window, path)
        for day in entry.days:
            by_day[day].append((entry.window, path))
    for day, windows in by_day.items():
        _check_apart(windows, f"on {day.value}")


def _check_overrides(overrides: tuple[DateOverride, ...]) -> None:
    seen: set[date] = set()
    for index, override in enumerate(overrides):
        path: Path = ("overrides", index)
        if override.day in seen:
            raise InvalidRulesError(f"{override.day} has an override already", (*path, "date"))
        seen.add(override.day)
        windows: list[tuple[WallWindow, Path]] = []
        for position, window in enumerate(override.windows):
            place = (*path, "windows", position)
            _check_window(window, place)
            windows.append((window, place))
        _check_apart(windows, f"on {override.day}")


def _check_days_off(days_off: tuple[DaysOff, ...]) -> None:
    for index, days in enumerate(days_off):
        if days.last < days.first:
            message = f"the days off end on {days.last}, before they start on {days.first}"
            raise InvalidRulesError(message, ("days_off", index, "last"))


def _check_window(window: WallWindow, path: Path) -> None:
    if not 0 <= window.start < MINUTES_PER_DAY:
        raise InvalidRulesError("hours start between 00:00 and 23:59", (*path, "start"))
    if not 0 < window.end <= MINUTES_PER_DAY:
        raise InvalidRulesError("hours end between 00:01 and 24:00", (*path, "end"))
    if window.end <= window.start:
        message = "hours end after they start; hours over midnight are two windows"
        raise InvalidRulesError(message, (*path, "end"))


def _check_apart(windows: Iterable[tuple[WallWindow, Path]], when: str) -> None:
    """Refuse windows that overlap, at the one that stands later in the document."""
    for (earlier, path), (later, other_path) in pairwise(sorted(windows, key=lambda w: w[0])):
        if later.start < earlier.end:
            raise InvalidRulesError(f"hours overlap {when}", max(path, other_path, key=_positions))


def _positions(path: Path) -> tuple[int, ...]:
    return tuple(part for part in path if isinstance(part, int))
