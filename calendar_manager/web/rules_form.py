"""Availability rules as a form: what was typed, the rules that it means, and what is wrong.

A problem is named by the field that it belongs to, as ``name:position``: the position counts the
fields of that name on the page, so that the script can find the same one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from starlette.datastructures import FormData

from calendar_manager.domain.errors import InvalidRulesError
from calendar_manager.domain.rules import (
    WEEKDAYS,
    AvailabilityRules,
    WallWindow,
    Weekday,
    WeeklyWindow,
)
from calendar_manager.domain.rules_document import rules_from_document
from calendar_manager.scheduling.public_holidays import check_place

DAY_NAMES: Final = dict(
    zip(
        WEEKDAYS,
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        strict=True,
    )
)
UNITS: Final = {"days": 1440, "hours": 60, "minutes": 1}
"""In what a notice can be said, and how many minutes each is; the longest first."""

NUMBERS: Final = (
    "buffer_before_minutes",
    "buffer_after_minutes",
    "minimum_notice_minutes",
    "horizon_days",
    "slot_step_minutes",
    "slot_duration_minutes",
)
LIMITS: Final = ("max_meetings_per_day", "max_minutes_per_day")

_LABELS: Final = {
    "time_zone": "Time zone",
    "country": "Public holidays",
    "buffer_before_minutes": "Free time before",
    "buffer_after_minutes": "Free time after",
    "minimum_notice_minutes": "Notice",
    "horizon_days": "Bookable ahead",
    "slot_step_minutes": "Starts every",
    "slot_duration_minutes": "Length of a booking",
    "max_meetings_per_day": "Meetings a day",
    "max_minutes_per_day": "Time in meetings a day",
    "override": "Dates with hours of their own",
    "off": "Days off",
    "preview_from": "From",
}
_CLOCK: Final = re.compile(r"([0-9]{1,2})(?:[:.h]?([0-9]{2}))?", re.ASCII)
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,7}", re.ASCII)
_OVERRIDE: Final = re.compile(r"override-([0-9]{1,6})-date", re.ASCII)

Problems = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TypedPair:
    """Two fields that belong together as they were typed: hours, or the first and last day off."""

    start: str = ""
    end: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed yet, so that the row means nothing."""
        return not self.start.strip() and not self.end.strip()


@dataclass(frozen=True, slots=True)
class TypedOverride:
    """A date with hours of its own; ``key`` keeps its fields together."""

    key: str
    day: str
    windows: tuple[TypedPair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedRules:
    """Everything in the form as it was typed.

    Attributes:
        time_zone: The zone of the rules.
        weekly: The hours of each weekday.
        overrides: Dates with hours of their own.
        days_off: First and last days.
        country: Whose public holidays are days off; empty for none.
        region: Which part of the country.
        numbers: The fields of :data:`NUMBERS` and :data:`LIMITS`.
        notice_unit: In what the notice is said.
    """

    time_zone: str
    weekly: Mapping[Weekday, tuple[TypedPair, ...]]
    overrides: tuple[TypedOverride, ...]
    days_off: tuple[TypedPair, ...]
    country: str
    region: str
    numbers: Mapping[str, str]
    notice_unit: str


class RulesRefusedError(Exception):
    """What was typed means no rules.

    Attributes:
        problems: The field, as ``name:position``, → what is wrong with it.
    """

    def __init__(self, problems: Problems) -> None:
        super().__init__("Some of the rules cannot be used.")
        self.problems = problems


def show_rules(rules: AvailabilityRules) -> TypedRules:
    """Return rules as somebody would type them."""
    weekly: dict[Weekday, list[WallWindow]] = {day: [] for day in WEEKDAYS}
    for entry in rules.weekly:
        for day in entry.days:
            weekly[day].append(entry.window)
    country, _, region = (rules.holidays or "").partition("-")
    notice = rules.minimum_notice_minutes
    unit = next(unit for unit, size in UNITS.items() if notice % size == 0) if notice else "hours"
    values = {name: getattr(rules, name) for name in (*NUMBERS, *LIMITS)}
    values["minimum_notice_minutes"] = notice // UNITS[unit]
    return TypedRules(
        time_zone=rules.time_zone,
        weekly={day: tuple(map(_show_window, sorted(weekly[day]))) for day in WEEKDAYS},
        overrides=tuple(
            TypedOverride(
                str(key), one.day.isoformat(), tuple(map(_show_window, sorted(one.windows)))
            )
            for key, one in enumerate(sorted(rules.overrides, key=lambda one: one.day))
        ),
        days_off=tuple(
            TypedPair(days.first.isoformat(), days.last.isoformat())
            for days in sorted(rules.days_off, key=lambda days: days.first)
        ),
        country=country,
        region=region,
        numbers={name: "" if value is None else str(value) for name, value in values.items()},
        notice_unit=unit,
    )


def read_form(form: FormData) -> TypedRules:
    """Return what was typed; nothing is judged."""
    keys = [match[1] for name in form if (match := _OVERRIDE.fullmatch(name))]
    country, region = _text(form, "country"), _text(form, "region")
    return TypedRules(
        time_zone=_text(form, "time_zone"),
        weekly={day: _pairs(form, f"{day.value}-start", f"{day.value}-end") for day in WEEKDAYS},
        overrides=tuple(
            TypedOverride(
                key,
                _text(form, f"override-{key}-date"),
                _pairs(form, f"override-{key}-start", f"override-{key}-end"),
            )
            for key in keys
        ),
        days_off=_pairs(form, "off-first", "off-last"),
        country=country,
        region=region,
        numbers={name: _text(form, name) for name in (*NUMBERS, *LIMITS)},
        notice_unit=_text(form, "notice_unit"),
    )


def parse_rules(typed: TypedRules) -> AvailabilityRules:
    """Return the rules that were typed.

    Hours that several weekdays share become one entry.

    Raises:
        RulesRefusedError: They break a rule, or cannot be read.
    """
    problems: dict[str, str] = {}
    numbers = _parse_numbers(typed, problems)
    weekly = [
        (day, position, window)
        for day in WEEKDAYS
        for position, window in _filled(typed.weekly[day])
    ]
    overrides = [one for one in typed.overrides if one.day or list(_filled(one.windows))]
    days_off = list(_filled(typed.days_off))
    fields = _Fields(weekly, overrides, days_off)
    document: dict[str, object] = {
        "time_zone": typed.time_zone,
        "weekly": [{"days": [day.value], **_write_window(window)} for day, _, window in weekly],
        "overrides": [
            {"date": one.day, "windows": [_write_window(pair) for _, pair in _filled(one.windows)]}
            for one in overrides
        ],
        # A single day off needs its date only once.
        "days_off": [
            {"first": pair.start or pair.end, "last": pair.end or pair.start}
            for _, pair in days_off
        ],
        "holidays": "-".join(part for part in (typed.country, typed.region) if part) or None,
        **numbers,
    }
    rules = None
    try:
        rules = rules_from_document(document)
        check_place(rules.holidays)
    except InvalidRulesError as error:
        problems.setdefault(fields.name(error.field), _say(str(error)))
    if problems or rules is None:
        raise RulesRefusedError(problems)
    return replace(rules, weekly=_join_days(rules.weekly))


def name_problems(problems: Problems) -> list[tuple[str, str, str]]:
    """Return problems for a list apart from the form: field, what people call it, and problem."""
    return [(key, _find_label(key.partition(":")[0]), text) for key, text in problems.items()]


def _find_label(name: str) -> str:
    prefix = name.partition("-")[0]
    if prefix in DAY_NAMES:
        return DAY_NAMES[Weekday(prefix)]
    return _LABELS.get(prefix, prefix)


class _Fields:
    """Finds the field that a path into the document came from."""

    def __init__(
        self,
        weekly: Sequence[tuple[Weekday, int, TypedPair]],
        overrides: Sequence[TypedOverride],
        days_off: Sequence[tuple[int, TypedPair]],
    ) -> None:
        self._weekly = weekly
        self._overrides = overrides
        self._days_off = days_off

    def name(self, path: tuple[str | int, ...]) -> str:
        match path:
            case ("weekly", int(index), *rest):
                day, position, _ = self._weekly[index]
                name = f"{day.value}-{_edge(rest)}:{position}"
            case ("overrides", int(index), "windows", int(window), *rest):
                override = self._overrides[index]
                position = list(_filled(override.windows))[window][0]
                name = f"override-{override.key}-{_edge(rest)}:{position}"
            case ("overrides", int(index), *_):
                name = f"override-{self._overrides[index].key}-date:0"
            case ("days_off", int(index), *rest):
                edge = "last" if rest == ["last"] else "first"
                name = f"off-{edge}:{self._days_off[index][0]}"
            case ("holidays",):
                name = "country:0"
            case _:
                name = f"{path[0]}:0"
        return name


def _edge(rest: Sequence[str | int]) -> str:
    """Tell which field of a window is meant; the first one, when it is the window itself."""
    return "end" if list(rest) == ["end"] else "start"


def _parse_numbers(typed: TypedRules, problems: dict[str, str]) -> dict[str, int | None]:
    numbers: dict[str, int | None] = {}
    for name in (*NUMBERS, *LIMITS):
        text = typed.numbers[name].strip()
        if not text and name in LIMITS:
            numbers[name] = None
        elif _WHOLE_NUMBER.fullmatch(text):
            numbers[name] = int(text)
        else:
            problems[f"{name}:0"] = "Write a whole number."
    notice = numbers.get("minimum_notice_minutes")
    if notice is not None:
        numbers["minimum_notice_minutes"] = notice * UNITS.get(typed.notice_unit, 1)
    return numbers


def _filled(pairs: Sequence[TypedPair]) -> Iterator[tuple[int, TypedPair]]:
    """Yield the rows in which something was typed, with their positions."""
    return ((position, pair) for position, pair in enumerate(pairs) if not pair.is_blank)


def _write_window(pair: TypedPair) -> dict[str, str]:
    end = _read_clock(pair.end)
    return {"start": _read_clock(pair.start), "end": "24:00" if end == "00:00" else end}


def _read_clock(text: str) -> str:
    """Return a time as ``HH:MM`` that may be typed as 9, 900, 9:00 or 9.00; else as it is."""
    match = _CLOCK.fullmatch(text.strip())
    return f"{int(match[1]):02}:{match[2] or '00'}" if match else text.strip()


def _show_window(window: WallWindow) -> TypedPair:
    return TypedPair(
        *(f"{minute // 60:02}:{minute % 60:02}" for minute in (window.start, window.end))
    )


def _join_days(weekly: Sequence[WeeklyWindow]) -> tuple[WeeklyWindow, ...]:
    """Return each window once, with all the days that have it."""
    days: dict[WallWindow, list[Weekday]] = {}
    for entry in weekly:
        days.setdefault(entry.window, []).extend(entry.days)
    return tuple(WeeklyWindow(tuple(found), window) for window, found in sorted(days.items()))


def _say(message: str) -> str:
    """Return a message of the domain as a sentence with the names of days written out."""
    for day, name in DAY_NAMES.items():
        message = re.sub(rf"\bon {day.value}\b", f"on {name}", message)
    if message.startswith("''"):
        message = message.replace("''", "this", 1)
    return f"{message[:1].upper()}{message[1:]}."


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip()[:200] if isinstance(value, str) else ""


def _pairs(form: FormData, first: str, second: str) -> tuple[TypedPair, ...]:
    starts, ends = ([str(value)[:200] for value in form.getlist(name)] for name in (first, second))
    return tuple(map(TypedPair, starts, ends))
