"""A series read anew is exactly what Graph lists, inside the window."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_manager.domain.changes import Deleted, Rejected, SeriesRead
from calendar_manager.domain.events import EventKind, EventStatus
from calendar_manager.domain.occurrences import materialize
from calendar_manager.domain.times import find_zone, resolve_wall
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.providers.microsoft.series import (
    normalize_former_series,
    normalize_series,
)
from tests.providers.graph_items import (
    BERLIN,
    HOUR,
    bare,
    changed,
    master,
    occurrence,
    weekly,
    whole,
)
from tests.providers.graph_wall import days_on_the_wall, patterns

pytestmark = pytest.mark.unit

ME = "ada@contoso.test"
ZONE = ZoneInfo("Europe/Berlin")
VIEWER = find_zone("Europe/Berlin")
# The clocks change on 25 October 2026 and 28 March 2027.
WINDOW = Span(datetime(2026, 10, 1, tzinfo=UTC), datetime(2027, 5, 1, tzinfo=UTC))
MONDAY = datetime(2026, 10, 12, 9, tzinfo=ZONE)


def week(number: int) -> datetime:
    """Nine o'clock in Berlin on a Monday, in either half of the year."""
    return MONDAY + timedelta(weeks=number)


def read(
    item: dict[str, Any], instances: list[dict[str, Any]], window: Span = WINDOW
) -> SeriesRead:
    change = normalize_series(item, instances, series_id=item["id"], window=window, account=ME)
    assert isinstance(change, SeriesRead), change
    return change


def spans(series: SeriesRead, window: Span = WINDOW) -> list[Span]:
    """When the series takes place, as the store lays it out."""
    found = materialize(series.master, series.overrides, window, VIEWER)
    assert found.problem is None
    own = [one.span for one in found.occurrences]
    for override in series.overrides:
        own += [one.span for one in materialize(override, (), window, VIEWER).occurrences]
    return sorted(own)


WEEKS = [occurrence(f"w{number}", "s", week(number)) for number in range(29)]


def test_weekly_series_is_a_master_with_its_rule() -> None:
    series = read(weekly("s", MONDAY, "monday"), WEEKS)
    assert series.master.kind is EventKind.MASTER
    assert series.master.recurrence == ("RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO;WKST=MO",)
    assert series.master.time_zone == "Europe/Berlin"
    assert series.master.when == Span(MONDAY, MONDAY + HOUR)
    assert series.overrides == ()
    assert series.instance_ids == {"s", *(one["id"] for one in WEEKS)}


def test_deleted_occurrence_is_missing_though_nothing_says_so() -> None:
    series = read(weekly("s", MONDAY, "monday"), [*WEEKS[:2], *WEEKS[3:]])
    assert series.master.recurrence[1:] == ("EXDATE:20261026T080000Z",)
    assert len(spans(series)) == 28


def test_bare_occurrences_are_enough() -> None:
    instances = [bare(f"w{number}", "s", week(number)) for number in range(29)]
    assert read(weekly("s", MONDAY, "monday"), instances) == read(
        weekly("s", MONDAY, "monday"), WEEKS
    )


def test_moved_occurrence_is_an_override_named_by_its_rule() -> None:
    moved = changed(
        "w2", "s", week(2), week(2) + 3 * HOUR, subject="Later", iCalUId="uid of its own"
    )
    series = read(weekly("s", MONDAY, "monday"), [*WEEKS[:2], moved, *WEEKS[3:]])
    (override,) = series.overrides
    assert (override.provider_event_id, override.series_id) == ("w2", "s")
    assert override.original_start == week(2)
    assert override.title == "Later"
    # Other calendars' copies of an exception have the UID of the series.
    assert override.ical_uid == "uid-s"
    assert series.master.recurrence[1:] == ()
    assert Span(week(2) + 3 * HOUR, week(2) + 4 * HOUR) in spans(series)
    assert len(spans(series)) == 29


def test_cancelled_occurrence_is_a_cancelled_override() -> None:
    gone = changed("w2", "s", week(2), week(2), isCancelled=True)
    series = read(weekly("s", MONDAY, "monday"), [*WEEKS[:2], gone, *WEEKS[3:]])
    assert series.overrides[0].status is EventStatus.CANCELLED
    assert len(spans(series)) == 28


def test_occurrence_moved_out_of_the_window_is_gone_from_it() -> None:
    series = read(weekly("s", MONDAY, "monday"), WEEKS[1:])
    assert series.master.recurrence[1:] == ("EXDATE:20261012T070000Z",)


def test_occurrence_moved_into_the_window_leaves_the_rule_alone() -> None:
    early = week(-3)
    moved = changed("w-3", "s", early, week(0) + HOUR)
    start = week(-10)
    series = read(weekly("s", start, "monday"), [week_of(-1), *WEEKS, moved])
    assert series.overrides[0].original_start == early
    assert len(spans(series)) == 31


def week_of(number: int) -> dict[str, Any]:
    return occurrence(f"w{number}", "s", week(number))


def test_series_without_anything_in_the_window_is_gone() -> None:
    change = normalize_series(
        weekly("s", MONDAY, "monday"), [], series_id="s", window=WINDOW, account=ME
    )
    assert change == Deleted("s")


def test_pattern_without_a_rule_stands_in_its_dates() -> None:
    item = master("s", week(-300), {"type": "lunar"}, {"type": "noEnd"})
    moved = changed("w2", "s", week(2), week(2) + HOUR)
    series = read(item, [*WEEKS[:2], moved, *WEEKS[3:]])
    assert series.master.recurrence[0].startswith("RDATE:20261012T070000Z,20261019T070000Z,")
    # The first occurrence of the series, years ago, is not known to be still there.
    assert series.master.recurrence[1].startswith("EXDATE:2021")
    assert len(spans(series)) == 29
    everything = Span(datetime(2000, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))
    assert len(spans(series, everything)) == 29


def test_series_of_nothing_but_exceptions_without_a_rule() -> None:
    item = master("s", week(0), {"type": "lunar"}, {"type": "noEnd"})
    series = read(item, [changed("w0", "s", week(0), week(0) + HOUR)])
    assert spans(series) == [Span(week(0) + HOUR, week(0) + 2 * HOUR)]


@pytest.mark.parametrize("zone", ["tzone://Microsoft/Custom", "Customized Time Zone", None])
def test_series_in_an_unknown_zone_is_corrected(zone: str | None) -> None:
    item = weekly("s", MONDAY, "monday", originalStartTimeZone=zone)
    item["recurrence"]["range"]["recurrenceTimeZone"] = zone
    series = read(item, WEEKS)
    assert series.master.time_zone is None
    assert spans(series) == [Span(week(n), week(n) + HOUR) for n in range(29)]


def test_zone_that_fits_the_instances_better_wins() -> None:
    item = weekly("s", MONDAY, "monday", originalStartTimeZone="Tokyo Standard Time")
    series = read(item, WEEKS)
    assert series.master.time_zone == "Europe/Berlin"
    assert len(series.master.recurrence) == 1


def test_night_shift_ends_by_the_clock() -> None:
    """Outlook's occurrences end at a time of day, ours last as long as the first."""
    start = datetime(2026, 10, 20, 22, tzinfo=ZONE)
    nights = [start + timedelta(days=number) for number in range(8)]
    ends = [(night + timedelta(days=1)).replace(hour=6) for night in nights]
    pattern = {"type": "daily", "interval": 1}
    item = master("s", start, pattern, {"type": "numbered", "numberOfOccurrences": 8})
    item["end"] = whole("x", start, ends[0])["end"]
    instances = [
        bare(f"n{number}", "s", night, end)
        for number, (night, end) in enumerate(zip(nights, ends, strict=True))
    ]
    series = read(item, instances)
    assert spans(series) == [Span(*pair) for pair in zip(nights, ends, strict=True)]
    (long_night,) = series.overrides
    assert long_night.when == Span(nights[4], ends[4])
    assert long_night.when.duration == 9 * HOUR
    assert long_night.title == series.master.title


def test_all_day_series_keeps_its_dates_in_any_zone() -> None:
    first = date(2026, 10, 12)
    pattern = {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"]}
    days = [first + timedelta(weeks=number) for number in range(29)]
    for zone in (BERLIN, "Pacific Standard Time", "UTC", "tzone://Microsoft/Custom"):
        item = master("s", first, pattern, {"type": "noEnd"}, originalStartTimeZone=zone)
        moved = changed("d3", "s", days[3], days[3] + timedelta(days=1))
        instances = [occurrence(f"d{n}", "s", day) for n, day in enumerate(days)]
        series = read(item, [*instances[:3], moved, *instances[5:]])
        assert series.master.time_zone is None
        assert series.master.when == DateSpan(first, first + timedelta(days=1))
        assert series.overrides[0].original_start == days[3]
        assert series.master.recurrence[1:] == ("EXDATE;VALUE=DATE:20261109",)


@pytest.mark.parametrize(
    ("original", "zone"),
    [
        ("2026-10-11T22:00:00Z", BERLIN),
        ("2026-10-12T00:00:00Z", BERLIN),
        ("2026-10-12T00:00:00Z", "Pacific Standard Time"),
        ("2026-10-12T07:00:00Z", "Pacific Standard Time"),
        ("2026-10-11T15:00:00Z", "Tokyo Standard Time"),
        ("2026-10-11T22:00:00Z", "tzone://Microsoft/Custom"),
        ("2026-10-12T07:00:00Z", "tzone://Microsoft/Custom"),
    ],
)
def test_day_of_an_all_day_occurrence_is_found(original: str, zone: str) -> None:
    first = date(2026, 10, 12)
    pattern = {"type": "daily", "interval": 1}
    item = master("s", first, pattern, {"type": "noEnd"}, originalStartTimeZone=zone)
    moved = changed("d0", "s", first, first + timedelta(days=3), originalStart=original)
    assert read(item, [moved]).overrides[0].original_start == first


def test_unreadable_exception_costs_itself_and_keeps_its_place() -> None:
    broken = {**changed("w2", "s", week(2), week(2)), "start": None}
    series = read(weekly("s", MONDAY, "monday"), [*WEEKS[:2], broken, *WEEKS[3:]])
    assert series.rejections == (Rejected("w2", "it has no start"),)
    assert "w2" in series.instance_ids
    assert len(spans(series)) == 29


def test_exception_that_does_not_say_what_it_replaces_is_named_by_its_own_start() -> None:
    moved = changed("w2", "s", week(2), week(2) + HOUR, originalStart=None)
    series = read(weekly("s", MONDAY, "monday"), [*WEEKS[:2], moved, *WEEKS[3:]])
    assert series.overrides[0].original_start == week(2) + HOUR
    assert len(spans(series)) == 29


def test_instances_given_twice_count_once() -> None:
    moved = changed("w2", "s", week(2), week(2) + HOUR)
    once = [*WEEKS[:2], moved, *WEEKS[3:]]
    assert read(weekly("s", MONDAY, "monday"), [*once, *once]) == read(
        weekly("s", MONDAY, "monday"), once
    )


def test_unreadable_master_is_rejected() -> None:
    item = {**weekly("s", MONDAY, "monday"), "start": None}
    change = normalize_series(item, WEEKS, series_id="s", window=WINDOW, account=ME)
    assert change == Rejected("s", "it has no start")


def test_series_that_recurs_no_more_is_a_single_event_without_overrides() -> None:
    item = whole("s", MONDAY)
    change = normalize_former_series(item, series_id="s", window=WINDOW, account=ME)
    assert isinstance(change, SeriesRead)
    assert change.master.kind is EventKind.SINGLE
    assert (change.overrides, change.instance_ids) == ((), frozenset())
    far = whole("s", MONDAY + timedelta(days=900))
    gone = normalize_former_series(far, series_id="s", window=WINDOW, account=ME)
    assert gone == Deleted("s")
    far_day = whole("s", date(2029, 1, 1))
    gone = normalize_former_series(far_day, series_id="s", window=WINDOW, account=ME)
    assert gone == Deleted("s")


@dataclass
class Made:
    """A series as Graph would list it, and when it takes place."""

    item: dict[str, Any]
    instances: list[dict[str, Any]]
    spans: list[Span]


@st.composite
def timed_series(draw: st.DrawFn) -> Made:
    """Draw a series with deleted, moved and cancelled occurrences, in a known or unknown zone."""
    pattern = draw(patterns)
    first = draw(st.dates(date(2025, 6, 1), date(2027, 2, 1)))
    clock = draw(st.times(max_value=time(23, 59)))
    wall_length = timedelta(minutes=draw(st.integers(0, 2000)))
    zone = draw(st.sampled_from([BERLIN, BERLIN, "tzone://Microsoft/Custom"]))
    clock = clock.replace(second=0, microsecond=0)
    days = days_on_the_wall(pattern, first, date(2027, 6, 1))
    start = resolve_wall(datetime.combine(first, clock), VIEWER)
    item = master("s", start, pattern, {"type": "noEnd"}, originalStartTimeZone=zone)
    item["recurrence"]["range"]["recurrenceTimeZone"] = zone
    length = wall_end(datetime.combine(first, clock), wall_length) - start
    item["end"] = whole("x", start, start + length)["end"]
    made = Made(item, [], [])
    for number, day in enumerate(days):
        wall = datetime.combine(day, clock)
        span = Span(resolve_wall(wall, VIEWER), wall_end(wall, wall_length))
        fate = draw(st.sampled_from(["kept"] * 8 + ["deleted", "moved", "cancelled"]))
        add(made, fate, number, span, draw(st.integers(-3000, 3000)))
    return made


def wall_end(wall: datetime, length: timedelta) -> datetime:
    return max(resolve_wall(wall + length, VIEWER), resolve_wall(wall, VIEWER))


def add(made: Made, fate: str, number: int, span: Span, shift: int) -> None:
    by = timedelta(minutes=shift) if fate == "moved" else timedelta(0)
    now = Span(span.start + by, span.end + by)
    is_listed = now.overlaps(WINDOW) or (now.is_empty and WINDOW.start <= now.start < WINDOW.end)
    if fate == "deleted" or not is_listed:
        return
    event_id = f"i{number}"
    if fate == "kept":
        made.instances.append(bare(event_id, "s", now.start, now.end))
    else:
        fields = {"isCancelled": fate == "cancelled"}
        item = changed(event_id, "s", span.start, now.start, **fields)
        made.instances.append({**item, "end": whole("x", now.start, now.end)["end"]})
    if fate != "cancelled":
        made.spans.append(now)


@settings(max_examples=80, deadline=None)
@given(made=timed_series())
def test_any_series_takes_place_when_graph_says(made: Made) -> None:
    change = normalize_series(made.item, made.instances, series_id="s", window=WINDOW, account=ME)
    if not made.instances:
        assert change == Deleted("s")
        return
    assert isinstance(change, SeriesRead), change
    assert spans(change) == sorted(made.spans)
    assert change.instance_ids == {"s", *(one["id"] for one in made.instances)}
    assert change.master.recurrence
