"""Availability rules as the JSON document that the API shows and the database stores."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import TypeVar

from calendar_manager.domain.errors import InvalidRulesError
from calendar_manager.domain.rules import (
    AvailabilityRules,
    DateOverride,
    DaysOff,
    Path,
    WallWindow,
    Weekday,
    WeeklyWindow,
)

_Parsed = TypeVar("_Parsed")

_WALL_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)

_NUMBERS = (
    "buffer_before_minutes",
    "buffer_after_minutes",
    "minimum_notice_minutes",
    "horizon_days",
    "slot_step_minutes",
    "slot_duration_minutes",
)
_LIMITS = ("max_meetings_per_day", "max_minutes_per_day")
_FIELDS = frozenset(
    {"time_zone", "weekly", "overrides", "days_off", "holidays", *_NUMBERS, *_LIMITS}
)


def rules_to_document(rules: AvailabilityRules) -> dict[str, object]:
    """Write rules as a document of JSON values, every field present.

    Args:
        rules: What to write.

    Returns:
        The shape of the HTTP contract; :func:`rules_from_document` reads it back.
    """
    return {
        "time_zone": rules.time_zone,
        "weekly": [
            {"days": [day.value for day in entry.days], **_window_to_document(entry.window)}
            for entry in rules.weekly
        ],
        "overrides": [
            {
                "date": override.day.isoformat(),
                "windows": [_window_to_document(window) for window in override.windows],
            }
            for override in rules.overrides
        ],
        "days_off": [
            {"first": days.first.isoformat(), "last": days.last.isoformat()}
            for days in rules.days_off
        ],
        "holidays": rules.holidays,
        **{name: getattr(rules, name) for name in (*_NUMBERS, *_LIMITS)},
    }


def rules_from_document(document: Mapping[str, object]) -> AvailabilityRules:
    """Read rules from a document of JSON values.

    Args:
        document: The shape of the HTTP contract. ``time_zone`` must be there; what else is
            missing has its default, which for the hours is none.

    Raises:
        InvalidRulesError: At the first thing that cannot be read or breaks a rule, an unknown
            field included, because a misspelt rule would silently not hold.
    """
    _refuse_unknown(document, _FIELDS, ())
    numbers = {
        name: _whole_number(document[name], (name,)) for name in _NUMBERS if name in document
    }
    limits = {
        name: _whole_number(document[name], (name,))
        for name in _LIMITS
        if document.get(name) is not None
    }
    holidays = document.get("holidays")
    return AvailabilityRules(
        time_zone=_text(document, "time_zone", ()),
        weekly=_each(document, "weekly", (), _weekly_window),
        overrides=_each(document, "overrides", (), _override),
        days_off=_each(document, "days_off", (), _days_off),
        holidays=None if holidays is None else _text(document, "holidays", ()),
        **numbers,
        **limits,
    )


def _weekly_window(value: object, path: Path) -> WeeklyWindow:
    fields = _object(value, {"days", "start", "end"}, path)
    return WeeklyWindow(_each(fields, "days", path, _weekday), _window_of(fields, path))


def _override(value: object, path: Path) -> DateOverride:
    fields = _object(value, {"date", "windows"}, path)
    if "windows" not in fields:
        raise InvalidRulesError("is missing; an empty list is a day off", (*path, "windows"))
    return DateOverride(_day(fields, "date", path), _each(fields, "windows", path, _window))


def _days_off(value: object, path: Path) -> DaysOff:
    fields = _object(value, {"first", "last"}, path)
    return DaysOff(_day(fields, "first", path), _day(fields, "last", path))


def _window(value: object, path: Path) -> WallWindow:
    return _window_of(_object(value, {"start", "end"}, path), path)


def _window_of(fields: Mapping[str, object], path: Path) -> WallWindow:
    return WallWindow(_wall_clock(fields, "start", path), _wall_clock(fields, "end", path))


def _weekday(value: object, path: Path) -> Weekday:
    for day in Weekday:
        if value == day.value:
            return day
    days = ", ".join(day.value for day in Weekday)
    raise InvalidRulesError(f"{value!r} is none of {days}", path)


def _wall_clock(fields: Mapping[str, object], name: str, path: Path) -> int:
    text = _text(fields, name, path)
    match = _WALL_CLOCK.fullmatch(text)
    if match is None:
        message = f"{text!r} is not a time as HH:MM between 00:00 and 24:00"
        raise InvalidRulesError(message, (*path, name))
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _day(fields: Mapping[str, object], name: str, path: Path) -> date:
    text = _text(fields, name, path)
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise InvalidRulesError(f"{text!r} is not a date as YYYY-MM-DD", (*path, name)) from error
    if day.isoformat() != text:
        raise InvalidRulesError(f"{text!r} is not a date as YYYY-MM-DD", (*path, name))
    return day


def _whole_number(value: object, path: Path) -> int:
    # JSON's true is an int to Python and a mistake here.
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidRulesError(f"{value!r} is not a whole number", path)
    return value


def _text(fields: Mapping[str, object], name: str, path: Path) -> str:
    value = fields.get(name)
    if value is None:
        raise InvalidRulesError("is missing", (*path, name))
    if not isinstance(value, str):
        raise InvalidRulesError(f"{value!r} is not text", (*path, name))
    return value


def _each(
    fields: Mapping[str, object],
    name: str,
    path: Path,
    parse: Callable[[object, Path], _Parsed],
) -> tuple[_Parsed, ...]:
    values = fields.get(name, [])
    if not isinstance(values, list | tuple):
        raise InvalidRulesError("is not a list", (*path, name))
    return tuple(parse(value, (*path, name, index)) for index, value in enumerate(values))


def _object(value: object, names: set[str], path: Path) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise InvalidRulesError("is not an object", path)
    _refuse_unknown(value, names, path)
    return value


def _refuse_unknown(value: Mapping[str, object], names: Iterable[str], path: Path) -> None:
    unknown = sorted(str(name) for name in value if name not in set(names))
    if unknown:
        raise InvalidRulesError("there is no such field", (*path, unknown[0]))


def _window_to_document(window: WallWindow) -> dict[str, object]:
    return {"start": _wall_text(window.start), "end": _wall_text(window.end)}


def _wall_text(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
