"""Random questions about free time, near changes of the clocks, and their form for PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from calendar_manager.domain.rules import (
    WEEKDAYS,
    AvailabilityRules,
    DateOverride,
    DaysOff,
    WallWindow,
    WeeklyWindow,
)
from calendar_manager.domain.timespan import Span

Place = tuple[str, datetime]
"""A zone, and an instant at which its clock is changed."""

_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Question:
    """What :func:`calendar_manager.domain.availability.free_windows` is asked."""

    rules: AvailabilityRules
    busy: list[Span]
    asked: Span
    now: datetime
    holidays: frozenset[date]


def make_questions(random: Random, places: Sequence[Place], number: int) -> list[Question]:
    """Make up questions, each about some days around one of the places."""
    return [_question(random, *random.choice(places)) for _ in range(number)]


def show_question(question: Question, name: int) -> dict[str, object]:
    """Return a question with nothing worked out: clocks, minutes and instants as they are."""
    rules = question.rules
    weekly: dict[int, list[list[int]]] = {}
    for entry in rules.weekly:
        for day in entry.days:
            weekly.setdefault(WEEKDAYS.index(day) + 1, []).append(_window(entry.window))
    days_off = {
        off.first + number * _DAY
        for off in rules.days_off
        for number in range((off.last - off.first).days + 1)
    }
    return {
        "name": name,
        "zone": rules.time_zone,
        "now": question.now.isoformat(),
        "asked": [question.asked.start.isoformat(), question.asked.end.isoformat()],
        "buffer_before": rules.buffer_before_minutes,
        "buffer_after": rules.buffer_after_minutes,
        "notice": rules.minimum_notice_minutes,
        "horizon": rules.horizon_days,
        "weekly": weekly,
        "overrides": {
            override.day.isoformat(): [_window(window) for window in override.windows]
            for override in rules.overrides
        },
        "removed": sorted(day.isoformat() for day in days_off | question.holidays),
        "busy": [[span.start.isoformat(), span.end.isoformat()] for span in question.busy],
    }


def _window(window: WallWindow) -> list[int]:
    return [window.start, window.end]


def _question(random: Random, zone: str, change: datetime) -> Question:
    asked = _span(random, change - _DAY, 48 * 60, 120 * 60)
    today = change.astimezone(ZoneInfo(zone)).date()

    def some_day() -> date:
        return today + random.randint(-2, 3) * _DAY

    rules = AvailabilityRules(
        time_zone=zone,
        weekly=tuple(
            WeeklyWindow(tuple(random.sample(WEEKDAYS, random.randint(3, 7))), window)
            for window in _windows(random)
        ),
        overrides=tuple(
            DateOverride(day, _windows(random))
            for day in sorted({some_day() for _ in range(random.randint(0, 2))})
        ),
        days_off=tuple(
            DaysOff(day, day + random.randint(0, 2) * _DAY)
            for day in [some_day() for _ in range(random.choice((0, 0, 1)))]
        ),
        buffer_before_minutes=random.choice((0, 0, 10, 45, 90, 600)),
        buffer_after_minutes=random.choice((0, 0, 5, 60, 75, 300)),
        minimum_notice_minutes=random.choice((0, 0, 30, 600, 2000)),
        horizon_days=random.randint(1, 8),
    )
    return Question(
        rules=rules,
        busy=[_span(random, change, 72 * 60, 240) for _ in range(random.randint(0, 8))],
        asked=asked,
        now=change - random.randint(-720, 4320) * _MINUTE - random.randint(0, 59) * _SECOND,
        holidays=frozenset(some_day() for _ in range(random.choice((0, 0, 0, 1)))),
    )


def _span(random: Random, near: datetime, around: int, longest: int) -> Span:
    """Return a span on a grid of five minutes, so that many touch, or with odd microseconds."""
    start = near + random.randint(-around // 5, around // 5) * 5 * _MINUTE
    length = random.randint(0, longest // 5) * 5 * _MINUTE
    if random.random() < 0.2:
        start += timedelta(microseconds=random.randint(0, 10**8))
    return Span(start, start + length)


def _windows(random: Random) -> tuple[WallWindow, ...]:
    """Return hours apart from each other; many edges lie in the night, when clocks change."""
    edges = {
        random.choice((random.randint(0, 1440), random.randint(0, 240), random.randint(0, 96) * 15))
        for _ in range(random.choice((0, 2, 2, 4, 4, 6)))
    }
    pairs = sorted(edges)[: len(edges) // 2 * 2]
    return tuple(WallWindow(*pair) for pair in zip(pairs[::2], pairs[1::2], strict=True))
