"""What a row of the tables is given: rules, settings and the moment of the question."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from calendar_manager.domain.rules import (
    WEEKDAYS,
    AvailabilityRules,
    DateOverride,
    DaysOff,
    WallWindow,
    Weekday,
    WeeklyWindow,
)
from tests.semantics.case_notation import ONE_DAY, match, read_day, read_days, read_instants

_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
_OFFICE = WeeklyWindow(WEEKDAYS[:5], WallWindow(9 * 60, 17 * 60))


@dataclass(kw_only=True)
class Scene:
    """Everything but the events.

    Attributes:
        rules: As :class:`AvailabilityRules` takes them.
        weekly: Weekly hours; those of an office when none are given.
        overrides: Dates with hours of their own.
        days_off: Days without hours.
        now: The moment of the question, long before it unless a row says otherwise.
        tentative_blocks: The user's setting.
        never_blocking: The calendars with ``blocks_availability`` off.
        all_day_free: The calendars with ``all_day_blocks`` off.
        grid_zone: By whose clock slots stand; None for that of the rules.
    """

    rules: dict[str, Any] = field(
        default_factory=lambda: {"time_zone": "Europe/Berlin", "horizon_days": 730}
    )
    weekly: list[WeeklyWindow] = field(default_factory=list)
    overrides: list[DateOverride] = field(default_factory=list)
    days_off: list[DaysOff] = field(default_factory=list)
    now: datetime = _LONG_AGO
    tentative_blocks: bool = True
    never_blocking: set[str] = field(default_factory=set)
    all_day_free: set[str] = field(default_factory=set)
    grid_zone: str | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the rules, by whose clock the row is written."""
        return ZoneInfo(self.rules["time_zone"])

    def make_rules(self) -> AvailabilityRules:
        """Return the rules."""
        return AvailabilityRules(
            **self.rules,
            weekly=tuple(self.weekly) or (_OFFICE,),
            overrides=tuple(self.overrides),
            days_off=tuple(self.days_off),
        )


def read_scene(text: str) -> Scene:
    """Read clauses that are parted by semicolons; nothing at all is the usual scene.

    Raises:
        ValueError: A clause cannot be read.
    """
    scene = Scene()
    for clause in text.split("; ") if text else ():
        for pattern, read in _CLAUSES:
            if found := pattern.fullmatch(clause):
                read(scene, found)
                break
        else:
            raise ValueError(f"cannot read {clause!r}")
    return scene


_CLOCK = re.compile(r"(\d\d):(\d\d)")
_WINDOW = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")
_HOURS = r"(?P<hours>\d\d:\d\d-\d\d:\d\d(?: and \d\d:\d\d-\d\d:\d\d)*)"


def _windows(text: str) -> list[WallWindow]:
    return [
        WallWindow(_minutes(found[1]), _minutes(found[2]))
        for part in text.split(" and ")
        for found in [match(_WINDOW, part)]
    ]


def _minutes(text: str) -> int:
    found = match(_CLOCK, text)
    return int(found[1]) * 60 + int(found[2])


def _read_zone(scene: Scene, found: re.Match[str]) -> None:
    scene.rules["time_zone"] = found["zone"]


def _read_weekly(scene: Scene, found: re.Match[str]) -> None:
    days = WEEKDAYS
    if found["first"]:
        first = WEEKDAYS.index(Weekday(found["first"].lower()))
        last = WEEKDAYS.index(Weekday((found["last"] or found["first"]).lower()))
        days = WEEKDAYS[first : last + 1]
    scene.weekly += [WeeklyWindow(days, window) for window in _windows(found["hours"])]


def _read_override(scene: Scene, found: re.Match[str]) -> None:
    windows = tuple(_windows(found["hours"])) if found["hours"] else ()
    scene.overrides.append(DateOverride(read_day(found["day"]), windows))


def _read_days_off(scene: Scene, found: re.Match[str]) -> None:
    days = read_days(found["days"])
    scene.days_off.append(DaysOff(days.first, days.end - ONE_DAY))


def _read_holidays(scene: Scene, found: re.Match[str]) -> None:
    scene.rules["holidays"] = found["place"]


def _read_number(name: str) -> Callable[[Scene, re.Match[str]], None]:
    def read(scene: Scene, found: re.Match[str]) -> None:
        scene.rules[name] = int(found["number"])

    return read


def _read_now(scene: Scene, found: re.Match[str]) -> None:
    (scene.now,) = read_instants(found["now"], scene.zone)


def _read_tentative(scene: Scene, _: re.Match[str]) -> None:
    scene.tentative_blocks = False


def _read_calendar(scene: Scene, found: re.Match[str]) -> None:
    never = found["setting"] == "blocks_availability"
    (scene.never_blocking if never else scene.all_day_free).add(found["calendar"])


def _read_grid(scene: Scene, found: re.Match[str]) -> None:
    scene.grid_zone = found["zone"]


_ZONE = r"(?P<zone>[A-Z]\w+/\w+|UTC)"
_CLAUSES = [
    (re.compile(pattern), read)
    for pattern, read in (
        (_ZONE, _read_zone),
        (rf"(?:daily|(?P<first>[A-Z][a-z]+)(?:-(?P<last>[A-Z][a-z]+))?) {_HOURS}", _read_weekly),
        (rf"on (?P<day>[\d-]+) (?:no hours|{_HOURS})", _read_override),
        (r"off (?P<days>[\d.-]+)", _read_days_off),
        (r"holidays (?P<place>[A-Z]{2}(?:-\w+)?)", _read_holidays),
        (r"buffer before (?P<number>\d+) min", _read_number("buffer_before_minutes")),
        (r"buffer after (?P<number>\d+) min", _read_number("buffer_after_minutes")),
        (r"notice (?P<number>\d+) min", _read_number("minimum_notice_minutes")),
        (r"horizon (?P<number>\d+) days?", _read_number("horizon_days")),
        (r"step (?P<number>\d+) min", _read_number("slot_step_minutes")),
        (r"slots of (?P<number>\d+) min", _read_number("slot_duration_minutes")),
        (r"at most (?P<number>\d+) meetings?", _read_number("max_meetings_per_day")),
        (r"at most (?P<number>\d+) min", _read_number("max_minutes_per_day")),
        (r"now (?P<now>[\d: +-]+)", _read_now),
        (r"tentative_blocks off", _read_tentative),
        (r"(?P<calendar>\w+) (?P<setting>blocks_availability|all_day_blocks) off", _read_calendar),
        (rf"slots by the clock of {_ZONE}", _read_grid),
    )
]
"""What a clause looks like, and what it does to the scene."""
