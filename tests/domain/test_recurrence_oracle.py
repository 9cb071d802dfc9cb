"""Whole series against recurring-ical-events, a second opinion made for calendar files."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice

import icalendar
import pytest
import recurring_ical_events
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from calendar_manager.domain.recurrence import Recurrence, expand
from calendar_manager.domain.recurrence_rule import Budget, read_rule
from calendar_manager.domain.recurrence_walk import walk
from calendar_manager.domain.times import find_zone, resolve_wall, wall_clock
from tests.domain.recurrence_strategies import (
    CHANGES,
    DAY_FREQUENCIES,
    STARTS,
    ZONES,
    rules,
)

pytestmark = pytest.mark.unit

STRETCH = timedelta(days=800)


def ask(start: str, lines: list[str], first: datetime | date, last: datetime | date) -> list[str]:
    """The starts that recurring-ical-events finds, in UTC or as dates."""
    calendar = icalendar.Calendar.from_ical(
        "\r\n".join(
            (
                "BEGIN:VCALENDAR",
                "VERSION:2.0",
                "PRODID:-//example.com//oracle//EN",
                "BEGIN:VEVENT",
                "UID:one",
                start,
                *lines,
                "END:VEVENT",
                "END:VCALENDAR",
                "",
            )
        )
    )
    starts = [
        event["DTSTART"].dt for event in recurring_ical_events.of(calendar).between(first, last)
    ]
    return sorted(
        {
            (moment.astimezone(UTC) if isinstance(moment, datetime) else moment).isoformat()
            for moment in starts
        }
    )


def first_instance(text: str, start: datetime) -> datetime:
    """The rule's first instance, which stands for DTSTART: libraries differ about others."""
    rule = read_rule(text, text)
    found = list(islice(walk(rule, start, start, start + STRETCH, Budget(10**6)), 1))
    assume(found)
    return found[0]


@settings(max_examples=150)
@given(
    rules(frequencies=DAY_FREQUENCIES),
    STARTS,
    st.sampled_from(ZONES),
    st.lists(st.integers(0, 40), max_size=4),
    st.lists(st.integers(0, 600), max_size=3),
)
def test_a_timed_series_has_the_starts_of_the_other_library(
    text: str, start: datetime, name: str, excluded: list[int], added: list[int]
) -> None:
    # The other library also excludes the start whose UTC time reads like EXDATE's local one.
    assume("BYHOUR" not in text or not excluded)
    start = first_instance(text, start)
    zone = find_zone(name)
    rule = read_rule(text, text)
    walls = list(islice(walk(rule, start, start, start + STRETCH, Budget(10**6)), 41))
    lines = [f"RRULE:{text}"]
    lines += [f"EXDATE;TZID={name}:{walls[index % len(walls)]:%Y%m%dT%H%M%S}" for index in excluded]
    lines += [f"RDATE;TZID={name}:{start + timedelta(days=days):%Y%m%dT%H%M%S}" for days in added]
    first = resolve_wall(start, zone)
    last = first + STRETCH
    found = expand(Recurrence(start, name, tuple(lines)), first, last, limit=10_000)
    expected = ask(f"DTSTART;TZID={name}:{start:%Y%m%dT%H%M%S}", lines, first, last)
    assert [moment.isoformat() for moment in found.starts] == expected


@settings(max_examples=80)
@given(rules(frequencies=DAY_FREQUENCIES), STARTS, st.lists(st.integers(0, 40), max_size=4))
def test_an_all_day_series_has_the_days_of_the_other_library(
    text: str, start: datetime, excluded: list[int]
) -> None:
    assume(not any(part in text for part in ("BYHOUR", "BYMINUTE", "BYSECOND")))
    start = first_instance(text, start.replace(hour=0, minute=0, second=0))
    first, last = start.date(), (start + STRETCH).date()
    rule = f"RRULE:{text}"
    found = expand(Recurrence(first, None, (rule,)), first, last, limit=10_000)
    days = [day for day in found.starts if not isinstance(day, datetime)]
    lines = [rule]
    lines += [f"EXDATE;VALUE=DATE:{days[index % len(days)]:%Y%m%d}" for index in excluded]
    found = expand(Recurrence(first, None, tuple(lines)), first, last, limit=10_000)
    expected = ask(f"DTSTART;VALUE=DATE:{first:%Y%m%d}", lines, first, last)
    assert [day.isoformat() for day in found.starts] == expected


@settings(max_examples=60)
@given(rules(frequencies=DAY_FREQUENCIES, count=False), STARTS, st.sampled_from(ZONES), st.data())
def test_until_ends_a_series_where_the_other_library_ends_it(
    text: str, start: datetime, name: str, data: st.DataObject
) -> None:
    start = first_instance(text, start)
    zone = find_zone(name)
    first = resolve_wall(start, zone)
    last = first + STRETCH
    found = expand(Recurrence(start, name, (f"RRULE:{text}",)), first, last, limit=10_000)
    end = data.draw(st.sampled_from(found.starts[:50]))
    assert isinstance(end, datetime)
    until = end + timedelta(seconds=data.draw(st.sampled_from((-1, 0, 1, 86_400))))
    assume(until >= first)
    line = f"RRULE:{text};UNTIL={until:%Y%m%dT%H%M%SZ}"
    found = expand(Recurrence(start, name, (line,)), first, last, limit=10_000)
    expected = ask(f"DTSTART;TZID={name}:{start:%Y%m%dT%H%M%S}", [line], first, last)
    assert [moment.isoformat() for moment in found.starts] == expected


@settings(max_examples=80)
@given(
    st.sampled_from(CHANGES),
    st.sampled_from(
        ("DAILY", "WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU", "MONTHLY;BYMONTHDAY=1,7,14,30,31")
    ),
    st.integers(-150, 150),
)
def test_a_series_crosses_a_change_of_the_clocks_like_the_other_library(
    change: tuple[str, datetime], frequency: str, minutes: int
) -> None:
    name, at = change
    zone = find_zone(name)
    start = wall_clock(at, zone) - timedelta(days=3) + timedelta(minutes=minutes)
    text = f"FREQ={frequency}"
    start = first_instance(text, start)
    first = resolve_wall(start, zone)
    last = first + timedelta(days=40)
    found = expand(Recurrence(start, name, (f"RRULE:{text}",)), first, last, limit=100)
    expected = ask(f"DTSTART;TZID={name}:{start:%Y%m%dT%H%M%S}", [f"RRULE:{text}"], first, last)
    assert [moment.isoformat() for moment in found.starts] == expected
