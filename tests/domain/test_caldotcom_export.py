"""Free time as Cal.com's schedule, read back by a small reader of what Cal.com says it means."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.domain.availability import free_windows
from calendar_manager.domain.caldotcom_export import (
    EXPORTED_DAYS,
    export_schedule,
    exported_span,
    find_long_absences,
    hash_document,
    schedule_to_document,
)
from calendar_manager.domain.rules import (
    AvailabilityRules,
    DateOverride,
    DaysOff,
    WallWindow,
    Weekday,
    WeeklyWindow,
    default_rules,
)
from calendar_manager.domain.timespan import DateSpan, Span, merge_spans, subtract_spans

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 2, 8, 17, 5, tzinfo=UTC)
"""A Monday morning in Berlin; clocks go forward on the 29th."""

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
NAMES = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "America/Santiago",
    "America/St_Johns",
    "America/Scoresbysund",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Antarctica/Troll",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
]


def write(rules: AvailabilityRules, *busy: Span, now: datetime = NOW) -> Mapping[str, Any]:
    return schedule_to_document(export_schedule(rules, busy, now, frozenset()), "Ours")


def read_day(document: Mapping[str, Any], day: date, *, early: bool) -> list[Span]:
    """Return what Cal.com offers on a date, by its own documentation of schedules.

    Overrides take the place of the weekday's hours, one of no length is a day off, and an end at
    23:59 is midnight. What it makes of an hour that comes twice nobody says, so that both
    readings are tried.
    """
    zone = ZoneInfo(document["timeZone"])
    rows = [row for row in document["overrides"] if row["date"] == day.isoformat()]
    if not rows:
        name = NAMES[day.weekday()]
        rows = [row for row in document["availability"] if name in row["days"]]

    def instant(on: date, clock: str, fold: int) -> datetime:
        wall = datetime.fromisoformat(f"{on}T{clock}").replace(tzinfo=zone, fold=fold)
        there = wall.astimezone(UTC)
        if there.astimezone(zone).replace(tzinfo=None) != wall.replace(tzinfo=None):
            # The clock never shows it.
            return wall.replace(fold=0).astimezone(UTC)
        return there

    found = []
    for row in rows:
        start = instant(day, row["startTime"], 0 if early else 1)
        on, clock = day, row["endTime"]
        if clock == "23:59":
            on, clock = day + DAY, "00:00"
        end = instant(on, clock, 1 if early else 0)
        if start < end:
            found.append(Span(start, end))
    return found


def read(document: Mapping[str, Any], within: Span, *, early: bool = True) -> list[Span]:
    zone = ZoneInfo(document["timeZone"])
    day, spans = within.start.astimezone(zone).date(), []
    while day <= within.end.astimezone(zone).date():
        spans += read_day(document, day, early=early)
        day += DAY
    cut = [span.intersection(within) for span in spans]
    return merge_spans(span for span in cut if span is not None and not span.is_empty)


def free(rules: AvailabilityRules, busy: list[Span], now: datetime) -> list[Span]:
    span = exported_span(rules, now)
    lasting = replace(rules, minimum_notice_minutes=0)
    return free_windows(lasting, busy, span, span.start, frozenset())


@st.composite
def windows(draw: st.DrawFn) -> tuple[WallWindow, ...]:
    edges = draw(
        st.lists(
            st.sampled_from([0, 30, 60, 90, 100, 150, 180, 540, 750, 1080, 1410, 1439, 1440]),
            unique=True,
            max_size=6,
        )
    )
    edges.sort()
    return tuple(WallWindow(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[AvailabilityRules, list[Span], datetime]:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(
        minutes=draw(st.integers(0, 365 * 24 * 60)), seconds=draw(st.integers(0, 59))
    )
    days = st.integers(-1, 20).map(lambda offset: (now + offset * DAY).date())
    rules = AvailabilityRules(
        time_zone=draw(st.sampled_from(ZONES)),
        weekly=tuple(
            WeeklyWindow((weekday,), window) for weekday in Weekday for window in draw(windows())
        ),
        overrides=tuple(
            DateOverride(day, draw(windows())) for day in sorted(draw(st.sets(days, max_size=3)))
        ),
        days_off=tuple(DaysOff(day, day + DAY) for day in draw(st.lists(days, max_size=2))),
        buffer_before_minutes=draw(st.sampled_from([0, 10])),
        buffer_after_minutes=draw(st.sampled_from([0, 15])),
        horizon_days=draw(st.integers(1, 20)),
    )
    minutes = st.integers(-24 * 60, 20 * 24 * 60)
    busy = []
    for start, length in draw(st.lists(st.tuples(minutes, st.integers(1, 600)), max_size=8)):
        at = now.replace(second=0) + start * MINUTE
        busy.append(Span(at, at + length * MINUTE))
    return rules, busy, now


@given(worlds())
def test_read_back_it_offers_what_is_free_and_nothing_else(
    world: tuple[AvailabilityRules, list[Span], datetime],
) -> None:
    rules, busy, now = world
    document = write(rules, *busy, now=now)
    span, ours = exported_span(rules, now), free(rules, busy, now)
    zone = ZoneInfo(rules.time_zone)
    for early in (True, False):
        theirs = read(document, span, early=early)
        assert not subtract_spans(theirs, ours)
        for lost in subtract_spans(ours, theirs):
            assert is_explained(lost, zone), lost


def is_explained(lost: Span, zone: ZoneInfo) -> bool:
    """Tell whether time is left out because Cal.com cannot be told of it.

    That is in an hour that comes twice, and in the last two minutes of a day.
    """

    def repeats(at: datetime) -> bool:
        local = at.astimezone(zone)
        return local.replace(fold=0).astimezone(UTC) != local.replace(fold=1).astimezone(UTC)

    minutes = int(lost.duration / MINUTE)
    if all(repeats(lost.start + number * MINUTE) for number in range(minutes)):
        return True
    end = (lost.end - MINUTE).astimezone(zone)
    return lost.duration <= 2 * MINUTE and (end.hour, end.minute) >= (23, 57)


def test_usual_week_without_meetings_has_no_overrides() -> None:
    weekdays = NAMES[:5]
    assert write(default_rules("Europe/Berlin")) == {
        "name": "Ours",
        "timeZone": "Europe/Berlin",
        "availability": [{"days": weekdays, "startTime": "09:00", "endTime": "17:00"}],
        "overrides": [],
    }


def test_meeting_splits_its_date_and_takes_its_buffers() -> None:
    rules = replace(
        default_rules("Europe/Berlin"), buffer_before_minutes=10, buffer_after_minutes=15
    )
    meeting = Span(datetime(2026, 3, 3, 10, tzinfo=UTC), datetime(2026, 3, 3, 11, tzinfo=UTC))
    assert write(rules, meeting)["overrides"] == [
        {"date": "2026-03-03", "startTime": "09:00", "endTime": "10:45"},
        {"date": "2026-03-03", "startTime": "12:10", "endTime": "17:00"},
    ]


def test_day_off_is_one_row_of_no_length() -> None:
    day = date(2026, 3, 4)
    rules = replace(default_rules("Europe/Berlin"), days_off=(DaysOff(day, day),))
    assert write(rules)["overrides"] == [
        {"date": "2026-03-04", "startTime": "00:00", "endTime": "00:00"}
    ]


def test_midnight_is_written_as_its_last_minute_and_stops_short_of_another_override() -> None:
    late = WeeklyWindow(tuple(Weekday), WallWindow(18 * 60, 1440))
    days = (date(2026, 3, 4), date(2026, 3, 5))
    rules = AvailabilityRules(
        time_zone="Europe/Berlin",
        weekly=(late,),
        overrides=tuple(DateOverride(day, (WallWindow(20 * 60, 1440),)) for day in days),
    )
    document = write(rules)
    assert [row["endTime"] for row in document["availability"]] == ["23:59"]
    assert [row["endTime"] for row in document["overrides"]] == ["23:58", "23:59"]


def test_hours_that_meet_are_one_and_the_order_of_the_rules_does_not_matter() -> None:
    mornings = WeeklyWindow((Weekday.TUE, Weekday.MON), WallWindow(540, 720))
    afternoons = WeeklyWindow((Weekday.MON,), WallWindow(720, 1020))
    rules = AvailabilityRules(time_zone="Europe/Berlin", weekly=(mornings, afternoons))
    document = write(rules)
    assert document["overrides"] == []
    assert document["availability"] == [
        {"days": ["Tuesday"], "startTime": "09:00", "endTime": "12:00"},
        {"days": ["Monday"], "startTime": "09:00", "endTime": "17:00"},
    ]
    assert document == write(replace(rules, weekly=(afternoons, mornings)))


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        # Clocks go from 03:00 back to 02:00 on the 25th, at 01:00 UTC.
        ("00:30", "06:00", [("01:00", "01:59")]),
        ("01:30", "06:00", [("01:00", "02:30")]),
        ("00:00", "01:30", [("01:00", "01:59"), ("03:00", "06:00")]),
        ("00:00", "00:30", [("01:00", "01:59"), ("02:30", "06:00")]),
    ],
)
def test_in_an_hour_that_comes_twice_only_what_is_free_by_either_reading_is_written(
    start: str, end: str, rows: list[tuple[str, str]]
) -> None:
    nights = WeeklyWindow(tuple(Weekday), WallWindow(60, 360))
    busy = Span(
        datetime.fromisoformat(f"2026-10-25T{start}Z"), datetime.fromisoformat(f"2026-10-25T{end}Z")
    )
    rules = AvailabilityRules(time_zone="Europe/Berlin", weekly=(nights,))
    written = write(rules, busy, now=datetime(2026, 10, 20, tzinfo=UTC))["overrides"]
    assert [(row["startTime"], row["endTime"]) for row in written] == rows


def test_seconds_are_never_given_away() -> None:
    busy = Span(
        datetime(2026, 3, 3, 10, 0, 30, tzinfo=UTC), datetime(2026, 3, 3, 11, 0, 1, tzinfo=UTC)
    )
    first, second = write(default_rules("Europe/Berlin"), busy)["overrides"]
    assert (first["endTime"], second["startTime"]) == ("11:00", "12:01")


def test_long_absences_are_days_off_in_a_row_that_are_not_over() -> None:
    def days(first: str, last: str) -> DaysOff:
        return DaysOff(date.fromisoformat(first), date.fromisoformat(last))

    rules = replace(
        default_rules("Europe/Berlin"),
        days_off=(
            days("2026-05-03", "2026-05-03"),
            days("2026-02-01", "2026-03-01"),
            days("2026-02-20", "2026-03-02"),
            days("2026-04-01", "2026-04-02"),
            days("2026-05-01", "2026-05-02"),
            days("2026-07-01", "9999-12-31"),
        ),
    )
    assert find_long_absences(rules, NOW) == [
        DateSpan(date(2026, 2, 1), date(2026, 3, 3)),
        DateSpan(date(2026, 5, 1), date(2026, 5, 4)),
        DateSpan(date(2026, 7, 1), date(2029, 1, 1)),
    ]


def test_an_end_at_the_last_minute_is_not_taken_for_midnight() -> None:
    late = WeeklyWindow((Weekday.MON,), WallWindow(18 * 60, 1439))
    document = write(AvailabilityRules(time_zone="Europe/Berlin", weekly=(late,)))
    assert [row["endTime"] for row in document["availability"]] == ["23:58"]


def test_it_stays_the_same_all_day_long_and_until_a_day_differs() -> None:
    rules = replace(default_rules("Europe/Berlin"), minimum_notice_minutes=45)
    meeting = Span(datetime(2026, 3, 9, 10, tzinfo=UTC), datetime(2026, 3, 9, 11, tzinfo=UTC))
    first = hash_document(write(rules, meeting))
    for hours in (1, 5, 13, 37):
        assert hash_document(write(rules, meeting, now=NOW + timedelta(hours=hours))) == first


def test_whole_days_of_notice_are_days_off() -> None:
    rules = replace(default_rules("Europe/Berlin"), minimum_notice_minutes=36 * 60)
    dates = [row["date"] for row in write(rules)["overrides"]]
    assert dates == ["2026-03-02"]


def test_eight_weeks_are_looked_at_and_no_more_than_can_be_booked() -> None:
    rules = default_rules("Europe/Berlin")
    for horizon, days in ((10, 10), (60, EXPORTED_DAYS)):
        span = exported_span(replace(rules, horizon_days=horizon), NOW)
        zone = ZoneInfo("Europe/Berlin")
        assert span.start.astimezone(zone) == datetime(2026, 3, 2, tzinfo=zone)
        last = (span.end - MINUTE).astimezone(zone).date()
        assert last == date(2026, 3, 2) + days * DAY
