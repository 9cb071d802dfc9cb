"""Free time and slots around every change of the clocks, minute by minute, in 50 zones.

The oracle is the one of the random questions; here every zone and every change has its turn.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from calendar_manager.domain.availability import free_windows
from calendar_manager.domain.rules import (
    MINUTES_PER_DAY,
    WEEKDAYS,
    AvailabilityRules,
    DateOverride,
    WallWindow,
    WeeklyWindow,
)
from calendar_manager.domain.slots import find_slots
from calendar_manager.domain.timespan import Span
from tests.domain.test_availability_oracle import Oracle, Question, minutes_of
from tests.semantics.changed_clocks import ZONES, find_changes, list_changes
from tests.semantics.server_zones import SERVER_ZONES, server_in

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def daily(zone: str, *windows: WallWindow) -> AvailabilityRules:
    weekly = tuple(WeeklyWindow(WEEKDAYS, window) for window in windows)
    return AvailabilityRules(time_zone=zone, weekly=weekly)


def windows_around(wall: datetime) -> list[WallWindow]:
    """Hours with edges before, inside and after the change of the clocks at this wall clock."""
    middle = wall.hour * 60 + wall.minute
    edges = [
        min(max(middle + more, 0), MINUTES_PER_DAY)
        for more in (-130, -15, 10, 25, 25, 50, 55, 90, 125, 240)
    ]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [WallWindow(start, end) for start, end in pairs if start < end]


def questions(zone: str, change: datetime) -> Iterator[Question]:
    """Ask for whole days, for hours cut by the change, and for hours at midnight."""
    before = (change - MINUTE).astimezone(ZoneInfo(zone)).replace(tzinfo=None) + MINUTE
    asked = Span(change - 36 * HOUR, change + 36 * HOUR)
    meetings = [
        Span(change - 20 * MINUTE, change + 10 * MINUTE),
        Span(change + 65 * MINUTE, change + 80 * MINUTE),
        Span(change - 11 * HOUR, change - 10 * HOUR),
    ]
    night = (WallWindow(0, 120), WallWindow(22 * 60, MINUTES_PER_DAY))

    def ask(
        rules: AvailabilityRules, busy: list[Span], now: datetime, duration: int, step: int
    ) -> Question:
        return Question(
            rules=rules,
            busy=busy,
            asked=asked,
            now=now,
            holidays=frozenset(),
            duration=duration * MINUTE,
            step=step * MINUTE,
            day=change.date(),
        )

    whole_days = replace(daily(zone, WallWindow(0, MINUTES_PER_DAY)), horizon_days=2)
    # No clock is changed by a multiple of 50 minutes, so a grid that misses the change is seen.
    yield ask(whole_days, [], asked.start + 90 * MINUTE, 60, 50)
    cut = replace(
        daily(zone, *windows_around(before)), buffer_before_minutes=5, buffer_after_minutes=10
    )
    yield ask(cut, meetings, asked.start - HOUR, 20, 15)
    nights = replace(
        daily(zone, *night), minimum_notice_minutes=95, horizon_days=1, max_minutes_per_day=180
    )
    yield ask(nights, meetings, asked.start + HOUR, 45, 100)
    only_that_day = AvailabilityRules(
        time_zone=zone, overrides=(DateOverride(before.date(), tuple(windows_around(before))),)
    )
    yield ask(only_that_day, meetings[1:], asked.start, 95, 60)


@pytest.mark.parametrize("zone", ZONES)
def test_every_minute_around_every_change_agrees(zone: str) -> None:
    for change in find_changes(zone):
        for question in questions(zone, change):
            oracle = Oracle(question)
            free = oracle.free_minutes()
            starts = oracle.slot_starts(free)
            for server_zone in SERVER_ZONES:
                with server_in(server_zone):
                    windows, slots = answer(question)
                place = (zone, str(change), server_zone, question.rules)
                assert {one for span in windows for one in minutes_of(span)} == free, place
                assert [slot.start for slot in slots] == starts, place


def answer(question: Question) -> tuple[list[Span], list[Span]]:
    rules, busy = question.rules, question.busy
    windows = free_windows(rules, busy, question.asked, question.now, question.holidays)
    return windows, find_slots(windows, rules, question.duration, question.step, busy)


def test_the_changes_are_of_all_kinds() -> None:
    changes = list_changes()
    assert len({zone for zone, _ in changes}) == len(ZONES)
    assert len(changes) > 2 * len(ZONES)
    jumps = {
        abs(shift(zone, change + 2 * HOUR) - shift(zone, change - 2 * HOUR))
        for zone, change in changes
    }
    minutes = {jump / MINUTE for jump in jumps}
    assert {15, 30, 60, 120, 180, 24 * 60} <= minutes


def shift(zone: str, instant: datetime) -> timedelta:
    offset = instant.astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return offset
