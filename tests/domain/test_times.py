"""Wall clocks and instants at every DST edge, with pytz as a second opinion."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import pytest
import pytz  # noqa: TID251 - The second opinion needs the library itself.
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.domain.errors import UnknownTimeZoneError
from calendar_manager.domain.times import (
    dates_within,
    day_span,
    find_zone,
    is_zone,
    local_date,
    resolve_wall,
    start_of_day,
    wall_clock,
)
from calendar_manager.domain.timespan import DateSpan, Span

pytestmark = pytest.mark.unit

ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "Africa/Windhoek",
    "America/Asuncion",
    "America/Bahia_Banderas",
    "America/Bogota",
    "America/Caracas",
    "America/Chicago",
    "America/Halifax",
    "America/Havana",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/Miquelon",
    "America/New_York",
    "America/Nuuk",
    "America/Phoenix",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Damascus",
    "Asia/Gaza",
    "Asia/Jerusalem",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Asia/Ulaanbaatar",
    "Atlantic/Azores",
    "Australia/Adelaide",
    "Australia/Eucla",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Istanbul",
    "Europe/Lisbon",
    "Europe/London",
    "Europe/Moscow",
    "Europe/Volgograd",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Easter",
    "Pacific/Fiji",
    "Pacific/Norfolk",
    "Pacific/Tongatapu",
    "UTC",
)
FIRST, LAST = datetime(2005, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
INSTANTS = st.datetimes(
    FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC)
)


def offset(name: str, instant: datetime) -> timedelta:
    """The offset as pytz has it."""
    found = instant.astimezone(pytz.timezone(name)).utcoffset()
    assert found is not None
    return found


@cache
def transitions(name: str) -> tuple[tuple[datetime, timedelta, timedelta], ...]:
    """The clock changes as pytz has them: when, and the offsets before and after."""
    zone = pytz.timezone(name)
    moments = (at.replace(tzinfo=UTC) for at in getattr(zone, "_utc_transition_times", ()))
    changes = (
        (at, offset(name, at - timedelta(seconds=1)), offset(name, at))
        for at in moments
        if FIRST < at < LAST
    )
    return tuple(change for change in changes if change[1] != change[2])


def second_opinion(wall: datetime, name: str) -> list[datetime]:
    """All instants at which the clock shows ``wall``, as pytz has it, in order."""
    zone = pytz.timezone(name)
    near = (wall.replace(tzinfo=UTC) - timedelta(hours=shift) for shift in range(-26, 27))
    guesses = {wall.replace(tzinfo=UTC) - offset(name, instant) for instant in near}
    return sorted(guess for guess in guesses if guess.astimezone(zone).replace(tzinfo=None) == wall)


def walls_around(name: str) -> list[datetime]:
    """Wall clocks at, before, inside and after each change of the clocks."""
    found: list[datetime] = []
    for at, before, after in transitions(name):
        edges = (at + before, at + after, at + (before + after) / 2)
        for edge in edges:
            wall = edge.replace(tzinfo=None)
            found += [wall + timedelta(seconds=shift) for shift in (-3601, -1, 0, 1, 900)]
    return found


@pytest.mark.parametrize("name", ZONES)
def test_a_wall_clock_is_what_pytz_says_at_every_edge(name: str) -> None:
    zone = find_zone(name)
    for wall in walls_around(name):
        readings = second_opinion(wall, name)
        if readings:
            assert resolve_wall(wall, zone) == readings[0]
            assert resolve_wall(wall, zone, late=True) == readings[-1]
            assert wall_clock(readings[-1], zone) == wall


@pytest.mark.parametrize("name", ZONES)
def test_a_wall_clock_inside_a_gap_moves_forward_by_the_gap(name: str) -> None:
    zone = find_zone(name)
    for at, before, after in transitions(name):
        gap = after - before
        if gap <= timedelta():
            continue
        for into in (timedelta(), gap / 3, gap - timedelta(seconds=1)):
            wall = (at + before + into).replace(tzinfo=None)
            assert not second_opinion(wall, name)
            for late in (False, True):
                instant = resolve_wall(wall, zone, late=late)
                assert instant == at + into
                assert wall_clock(instant, zone) == wall + gap


@pytest.mark.parametrize("name", ZONES)
def test_a_wall_clock_inside_a_fold_has_its_two_readings(name: str) -> None:
    zone = find_zone(name)
    for at, before, after in transitions(name):
        fold = before - after
        if fold <= timedelta():
            continue
        for into in (timedelta(), fold / 3, fold - timedelta(seconds=1)):
            wall = (at + after + into).replace(tzinfo=None)
            assert resolve_wall(wall, zone) == at - fold + into
            assert resolve_wall(wall, zone, late=True) == at + into


def test_the_zones_above_have_edges_to_test() -> None:
    changing = [name for name in ZONES if transitions(name)]
    assert len(changing) >= 40
    steps = {after - before for name in changing for _, before, after in transitions(name)}
    assert {timedelta(minutes=30), timedelta(hours=2), timedelta(hours=24)} <= steps


@given(INSTANTS, st.sampled_from(ZONES))
def test_an_instant_shows_the_clock_that_pytz_shows(instant: datetime, name: str) -> None:
    zone = find_zone(name)
    there = instant.astimezone(pytz.timezone(name))
    assert wall_clock(instant, zone) == there.replace(tzinfo=None)
    assert wall_clock(instant, zone).tzinfo is None
    assert local_date(instant, zone) == there.date()


@given(st.dates(date(2005, 1, 1), date(2024, 12, 30)), st.sampled_from(ZONES))
def test_days_follow_each_other_without_hole_or_overlap(day: date, name: str) -> None:
    zone = find_zone(name)
    following = day + timedelta(days=1)
    span = day_span(DateSpan(day, following), zone)
    assert span.end == start_of_day(following, zone)
    if span.is_empty:
        assert (name, day) == ("Pacific/Apia", date(2011, 12, 30))
        return
    assert local_date(span.start, zone) == day
    assert local_date(span.start - timedelta(microseconds=1), zone) < day
    assert local_date(span.end - timedelta(microseconds=1), zone) == day


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 3, 30), 24),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2024, 10, 6), 23.5),
        ("America/Sao_Paulo", date(2017, 10, 15), 23),
        ("Pacific/Apia", date(2011, 12, 30), 0),
    ],
)
def test_a_day_is_as_long_as_its_zone_has_it(name: str, day: date, hours: float) -> None:
    span = day_span(DateSpan(day, day + timedelta(days=1)), find_zone(name))
    assert span.duration == timedelta(hours=hours)


def test_a_day_whose_midnight_is_skipped_begins_behind_the_gap() -> None:
    zone = find_zone("America/Sao_Paulo")
    begin = start_of_day(date(2017, 10, 15), zone)
    assert wall_clock(begin, zone) == datetime.combine(date(2017, 10, 15), time(1))


def test_a_day_whose_midnight_comes_twice_begins_with_the_first() -> None:
    zone = find_zone("America/Havana")
    begin = start_of_day(date(2024, 11, 3), zone)
    assert begin == datetime(2024, 11, 3, 4, tzinfo=UTC)
    assert wall_clock(begin + timedelta(hours=1), zone) == wall_clock(begin, zone)


@given(INSTANTS, st.integers(0, 5 * 24 * 60), st.sampled_from(ZONES))
def test_the_dates_of_a_span_are_those_that_its_minutes_show(
    start: datetime, length: int, name: str
) -> None:
    zone = find_zone(name)
    start = start.replace(second=0, microsecond=0)
    span = Span(start, start + timedelta(minutes=length))
    shown = {
        local_date(start + timedelta(minutes=minute), zone) for minute in range(max(1, length))
    }
    assert shown <= set(dates_within(span, zone))
    # The one date that no minute shows is the one that Apia never had.
    assert set(dates_within(span, zone)) - shown <= {date(2011, 12, 30)}
    assert dates_within(span, zone) == sorted(dates_within(span, zone))


@pytest.mark.parametrize("name", ["Europe/Berlin", "Pacific/Apia", "America/New_York", "UTC"])
def test_the_ends_of_the_calendar_are_read_without_an_error(name: str) -> None:
    zone = find_zone(name)
    for wall in (datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59)):  # noqa: DTZ001 - Walls.
        instant = resolve_wall(wall, zone, late=True)
        assert abs(instant.replace(tzinfo=None) - wall) <= timedelta(days=1)
    assert start_of_day(date.max, zone) >= datetime(9999, 12, 30, tzinfo=UTC)
    for instant in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        assert abs(wall_clock(instant, zone) - instant.replace(tzinfo=None)) <= timedelta(days=1)
        assert local_date(instant, zone) == wall_clock(instant, zone).date()


def test_every_zone_name_of_the_tz_database_is_found() -> None:
    assert [find_zone(name).key for name in pytz.all_timezones] == list(pytz.all_timezones)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Europe/Atlantis",
        "W. Europe Standard Time",
        "europe/berlin",
        "../etc/passwd",
        "/etc/localtime",
        "Europe",
        "Europe/Berlin\0",
        "posixrules",
    ],
)
def test_other_names_are_no_zones(name: str) -> None:
    assert not is_zone(name)
    with pytest.raises(UnknownTimeZoneError) as caught:
        find_zone(name)
    assert caught.value.name == name
