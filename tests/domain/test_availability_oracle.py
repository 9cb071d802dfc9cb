"""Free time and slots against an oracle that walks through every minute.

The oracle never turns a wall clock into an instant. It writes down what the wall clock shows at
each minute of a few days and looks the rules' hours up in that list, so that gaps and folds
cannot fool it in the way that they could fool the code.
"""

import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_manager.domain.availability import free_windows
from calendar_manager.domain.rules import (
    AvailabilityRules,
    DateOverride,
    DaysOff,
    WallWindow,
    Weekday,
    WeeklyWindow,
)
from calendar_manager.domain.slots import find_slots
from calendar_manager.domain.timespan import Span

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "Africa/Johannesburg",
    "America/Anchorage",
    "America/Asuncion",
    "America/Chicago",
    "America/Denver",
    "America/Godthab",
    "America/Halifax",
    "America/Havana",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/Miquelon",
    "America/New_York",
    "America/Santiago",
    "America/Scoresbysund",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Famagusta",
    "Asia/Gaza",
    "Asia/Hebron",
    "Asia/Jerusalem",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Nicosia",
    "Asia/Tokyo",
    "Atlantic/Azores",
    "Atlantic/Bermuda",
    "Atlantic/Canary",
    "Atlantic/Faroe",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Chisinau",
    "Europe/Dublin",
    "Europe/Istanbul",
    "Europe/Kyiv",
    "Europe/Lisbon",
    "Europe/London",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Easter",
    "Pacific/Kiritimati",
    "Pacific/Norfolk",
]


def changed_days(zone_name: str) -> list[date]:
    """List the days of three years on which the clock is changed."""
    zone = ZoneInfo(zone_name)
    noons = [datetime(2025, 1, 1, 12, tzinfo=UTC) + DAY * number for number in range(3 * 365)]
    return [
        noon.astimezone(zone).date()
        for noon in noons
        if noon.astimezone(zone).utcoffset() != (noon - DAY).astimezone(zone).utcoffset()
    ]


PLACES = [
    *((zone, day) for zone in ZONES for day in changed_days(zone)),
    *((zone, date(2026, 6, 10)) for zone in ZONES),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("America/Sao_Paulo", date(2018, 2, 17)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("Asia/Pyongyang", date(2018, 5, 4)),
    ("America/Caracas", date(2016, 5, 1)),
]


@pytest.fixture(scope="module", params=["UTC", "America/New_York", "Asia/Kolkata"], autouse=True)
def server_zone(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@dataclass(frozen=True)
class Question:
    rules: AvailabilityRules
    busy: list[Span]
    asked: Span
    now: datetime
    holidays: frozenset[date]
    duration: timedelta
    step: timedelta
    day: date


@st.composite
def questions(draw: st.DrawFn) -> Question:
    zone_name, day = draw(st.sampled_from(PLACES))
    noon = datetime.combine(day, datetime.min.time(), UTC) + DAY / 2

    def some_span(longest_minutes: int) -> Span:
        start = noon + MINUTE * draw(st.integers(-36 * 60, 36 * 60))
        return Span(start, start + MINUTE * draw(st.integers(0, longest_minutes)))

    def some_windows() -> tuple[WallWindow, ...]:
        clocks = st.one_of(
            st.integers(0, 96).map(lambda quarter: quarter * 15), st.integers(0, 240)
        )
        edges = draw(st.lists(clocks, unique=True, max_size=6))
        pairs = sorted(edges[: len(edges) // 2 * 2])
        return tuple(
            WallWindow(pairs[index], pairs[index + 1]) for index in range(0, len(pairs), 2)
        )

    days = st.integers(-1, 2).map(lambda number: day + DAY * number)
    some_days = st.frozensets(st.sampled_from(Weekday), min_size=1)
    off = draw(st.lists(days, max_size=1))
    limits = st.none() | st.integers(1, 4)
    minutes = draw(limits)
    rules = AvailabilityRules(
        time_zone=zone_name,
        weekly=tuple(WeeklyWindow(tuple(draw(some_days)), window) for window in some_windows()),
        overrides=tuple(
            DateOverride(other, some_windows())
            for other in draw(st.lists(days, unique=True, max_size=2))
        ),
        days_off=tuple(DaysOff(other, other) for other in off),
        buffer_before_minutes=draw(st.sampled_from([0, 0, 10, 45])),
        buffer_after_minutes=draw(st.sampled_from([0, 0, 5, 60])),
        minimum_notice_minutes=draw(st.integers(0, 600)),
        horizon_days=draw(st.integers(1, 3)),
        max_meetings_per_day=draw(limits),
        max_minutes_per_day=None if minutes is None else 90 * minutes,
    )
    return Question(
        rules=rules,
        busy=[some_span(200) for _ in range(draw(st.integers(0, 6)))],
        asked=some_span(48 * 60),
        now=noon - MINUTE * draw(st.integers(0, 48 * 60)),
        holidays=frozenset(draw(st.lists(days, max_size=1))),
        duration=MINUTE * draw(st.sampled_from([15, 30, 60, 95])),
        step=MINUTE * draw(st.sampled_from([5, 15, 30, 60, 100])),
        day=day,
    )


Clock = dict[datetime, datetime]
"""What the wall clock shows at each minute."""
Readings = dict[datetime, list[datetime]]
"""At which minutes the wall clock shows it."""


@lru_cache(maxsize=64)
def wall_clocks(zone_name: str, day: date) -> tuple[Clock, Readings]:
    """Write down what the wall clock shows at each minute of ten days."""
    zone = ZoneInfo(zone_name)
    first = datetime.combine(day, datetime.min.time(), UTC) - 4 * DAY
    clock: Clock = {}
    readings: Readings = {}
    for number in range(10 * 24 * 60):
        instant = first + MINUTE * number
        wall = instant.astimezone(zone).replace(tzinfo=None, fold=0)
        clock[instant] = wall
        readings.setdefault(wall, []).append(instant)
    return clock, readings


class Oracle:
    def __init__(self, question: Question) -> None:
        self.question = question
        self.clock, self.readings = wall_clocks(question.rules.time_zone, question.day)
        self.booked: dict[date, set[datetime]] = defaultdict(set)
        self.meetings: Counter[date] = Counter()
        for span in question.busy:
            minutes = set(minutes_of(span))
            for minute in minutes:
                self.booked[self.clock[minute].date()].add(minute)
            self.meetings.update({self.clock[minute].date() for minute in minutes})

    def free_minutes(self) -> set[datetime]:
        question, rules = self.question, self.question.rules
        free = self._working_minutes()
        before = MINUTE * rules.buffer_after_minutes
        after = MINUTE * rules.buffer_before_minutes
        for span in question.busy:
            if span.start < span.end:
                free -= set(minutes_of(Span(span.start - before, span.end + after)))
        earliest = max(question.asked.start, question.now + MINUTE * rules.minimum_notice_minutes)
        last_day = self.clock[question.now].date() + DAY * rules.horizon_days
        return {
            minute
            for minute in free
            if earliest <= minute < question.asked.end
            and self.clock[minute].date() <= last_day
            and not self._is_full(self.clock[minute].date())
        }

    def slot_starts(self, free: set[datetime]) -> list[datetime]:
        step = int(self.question.step / MINUTE)
        return [
            minute
            for minute in sorted(free)
            if (self.clock[minute].hour * 60 + self.clock[minute].minute) % step == 0
            and self._fits(list(minutes_of(Span(minute, minute + self.question.duration))), free)
        ]

    def _fits(self, slot: list[datetime], free: set[datetime]) -> bool:
        most = self.question.rules.max_minutes_per_day
        taken = Counter(self.clock[minute].date() for minute in slot)
        return free.issuperset(slot) and (
            most is None or all(len(self.booked[day]) + more <= most for day, more in taken.items())
        )

    def _is_full(self, day: date) -> bool:
        meetings = self.question.rules.max_meetings_per_day
        minutes = self.question.rules.max_minutes_per_day
        return (meetings is not None and self.meetings[day] >= meetings) or (
            minutes is not None and len(self.booked[day]) >= minutes
        )

    def _working_minutes(self) -> set[datetime]:
        rules = self.question.rules
        working: set[datetime] = set()
        overrides = {override.day: override.windows for override in rules.overrides}
        removed = self.question.holidays | {off.first for off in rules.days_off}
        existing = sorted({wall.date() for wall in self.clock.values()})[1:-1]
        for day in existing:
            if day in removed:
                continue
            name = f"{day:%a}".lower()
            weekly = tuple(entry.window for entry in rules.weekly if name in entry.days)
            for window in overrides.get(day, weekly):
                midnight = datetime.combine(day, datetime.min.time())
                start = self._reading(midnight + MINUTE * window.start, which=0)
                end = self._reading(midnight + MINUTE * window.end, which=-1)
                if start < end:
                    working.update(minutes_of(Span(start, end)))
        return working

    def _reading(self, wall: datetime, *, which: int) -> datetime:
        if wall in self.readings:
            return self.readings[wall][which]
        # The clock never shows it: go on from the last minute before the gap.
        last = max(instant for instant, shown in self.clock.items() if shown < wall)
        return last + (wall - self.clock[last])


def minutes_of(span: Span) -> Iterator[datetime]:
    minute = span.start
    while minute < span.end:
        yield minute
        minute += MINUTE


@given(questions())
@settings(max_examples=100)
def test_every_minute_agrees(question: Question) -> None:
    windows = free_windows(
        question.rules, question.busy, question.asked, question.now, question.holidays
    )
    oracle = Oracle(question)
    free = oracle.free_minutes()
    assert {minute for window in windows for minute in minutes_of(window)} == free
    assert windows == sorted(windows)
    assert all(earlier.end < later.start for earlier, later in pairwise(windows))

    slots = find_slots(windows, question.rules, question.duration, question.step, question.busy)
    assert [slot.start for slot in slots] == oracle.slot_starts(free)
    assert all(slot.duration == question.duration for slot in slots)
