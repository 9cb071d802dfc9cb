"""Pure computation: free time, several people, conflicts, recurrence; each beside its floor."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from uuid import UUID

import icalendar
import recurring_ical_events
from dateutil.rrule import rrulestr
from sqlalchemy import Engine, text

from benchmarks.results import Row
from benchmarks.timing import take_turns
from calendar_manager.domain.busy import Busy
from calendar_manager.domain.common_time import find_common_slots
from calendar_manager.domain.conflicts import ConflictSettings, find_conflicts
from calendar_manager.domain.events import Event, EventKind
from calendar_manager.domain.meetings import BusyOccurrence, Meeting, group_meetings
from calendar_manager.domain.occurrences import materialize
from calendar_manager.domain.rules import AvailabilityRules, WallWindow, Weekday, WeeklyWindow
from calendar_manager.domain.times import find_zone
from calendar_manager.domain.timespan import Span, merge_spans
from calendar_manager.scheduling.busy_time import BusyTime
from calendar_manager.scheduling.free_time import FreeTime, find_free_time

NOW = datetime(2026, 11, 23, 8, 7, tzinfo=UTC)
ZONE = "Europe/Berlin"
HALF_HOUR = timedelta(minutes=30)
WORKING_DAYS = (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI)

_RULES = AvailabilityRules(
    time_zone=ZONE,
    weekly=(
        WeeklyWindow(WORKING_DAYS, WallWindow(9 * 60, 12 * 60 + 30)),
        WeeklyWindow(WORKING_DAYS, WallWindow(13 * 60 + 30, 18 * 60)),
    ),
    buffer_before_minutes=10,
    buffer_after_minutes=5,
    minimum_notice_minutes=120,
    horizon_days=400,
)
# What is left of working hours once meetings with their buffers are taken out of them.
_FREE_IN_POSTGRESQL = """
WITH days AS (
  SELECT generate_series(:first ::date, :last ::date, interval '1 day')::date AS day
), hours AS (
  SELECT range_agg(tstzrange((day + since) AT TIME ZONE :zone, (day + until) AT TIME ZONE :zone))
    AS working
  FROM days CROSS JOIN (VALUES (time '09:00', time '12:30'), (time '13:30', time '18:00'))
    AS spans(since, until)
  WHERE extract(isodow FROM day) < 6
), taken AS (
  SELECT range_agg(tstzrange(start_at - interval '5 minutes', end_at + interval '10 minutes'))
    AS busy FROM busy_times
)
SELECT unnest(working * tstzmultirange(tstzrange(:begin, :end)) - busy) FROM hours, taken
"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is computed.

    Attributes:
        runs: How often each thing is timed.
        occurrences: How many recurring ones are expanded.
        meetings: Among how many conflicts are looked for.
    """

    runs: int
    occurrences: int
    meetings: int


FULL = Sizes(runs=31, occurrences=5_000, meetings=2_000)
QUICK = Sizes(runs=1, occurrences=500, meetings=200)


def measure(engine: Engine, sizes: Sizes) -> Iterator[Row]:
    """Yield the rows about pure computation.

    Args:
        engine: A PostgreSQL, whose own arithmetic is the floor of free time.
        sizes: How much.
    """
    yield measure_free_time(engine, sizes, days=60, count=500, most=0.002)
    yield measure_free_time(engine, sizes, days=365, count=5_000, most=0.010)
    yield measure_together(sizes)
    yield measure_conflicts(sizes)
    yield from measure_recurrence(sizes)


def make_busy(count: int, days: int, seed: int = 1) -> list[Span]:
    """Return that many meetings of a quarter to two hours, spread over some days."""
    chance = random.Random(seed)
    spans = []
    for _ in range(count):
        start = NOW + timedelta(minutes=15 * chance.randrange(days * 96))
        spans.append(Span(start, start + timedelta(minutes=15 * chance.randint(1, 8))))
    return spans


def ask(busy: Sequence[Span], days: int) -> FreeTime:
    """Ask for the free time of some days."""
    return find_free_time(
        _RULES,
        BusyTime(merge_spans(busy), busy),
        Span(NOW, NOW + timedelta(days=days)),
        now=NOW,
        duration=HALF_HOUR,
        step=HALF_HOUR,
    )


def measure_free_time(engine: Engine, sizes: Sizes, *, days: int, count: int, most: float) -> Row:
    """Compare free time with PostgreSQL's multiranges, which must find the same windows."""
    busy = make_busy(count, days)
    # Notice is over by then, so that both answer the same question.
    span = Span(NOW + timedelta(hours=2), NOW + timedelta(days=days))
    values = {
        "first": (NOW - timedelta(days=2)).date(),
        "last": (NOW + timedelta(days=days + 2)).date(),
        "zone": ZONE,
        "begin": span.start,
        "end": span.end,
    }
    with engine.connect() as connection:
        connection.execute(
            text("CREATE TEMPORARY TABLE busy_times (start_at timestamptz, end_at timestamptz)")
        )
        connection.execute(
            text("INSERT INTO busy_times VALUES (:start, :end)"),
            [{"start": one.start, "end": one.end} for one in busy],
        )

        def ask_postgresql() -> list[Span]:
            found = connection.scalars(text(_FREE_IN_POSTGRESQL), values)
            return [Span(one.lower, one.upper) for one in found]

        if ask_postgresql() != list(ask(busy, days).windows):
            raise AssertionError("PostgreSQL finds other windows")
        taken = take_turns(
            {"floor": ask_postgresql, "ours": lambda: ask(busy, days)}, runs=sizes.runs
        )
        connection.rollback()
    return Row(
        what=f"free windows and slots, pure, {days} days, {count:,} busy",
        floor_name="PostgreSQL multiranges, windows only",
        floor=taken["floor"],
        ours=taken["ours"],
        aim=f"≤ {most * 1000:.0f} ms",
        reached=taken["ours"].median <= most,
    )


def measure_together(sizes: Sizes) -> Row:
    """Time ten people together, beside one of them alone."""
    people = {number: make_busy(500, 60, seed=number) for number in range(10)}

    def ask_all() -> object:
        return find_common_slots({one: ask(busy, 60).slots for one, busy in people.items()})

    taken = take_turns({"floor": lambda: ask(people[0], 60), "ours": ask_all}, runs=sizes.runs)
    return Row(
        what="10 people together, pure, 60 days, 500 busy each",
        floor_name="one of them",
        floor=taken["floor"],
        ours=taken["ours"],
        aim="≤ 20 ms",
        reached=taken["ours"].median <= 0.020,  # noqa: PLR2004 - as the aim says.
    )


def make_meetings(count: int) -> list[Meeting]:
    """Return meetings at about the density of a full working life."""
    return group_meetings(
        BusyOccurrence(
            occurrence_id=UUID(int=number + 1),
            event_id=UUID(int=number + 1),
            calendar_id=UUID(int=number % 5 + 1),
            span=span,
            busy=Busy.BUSY,
        )
        for number, span in enumerate(make_busy(count, max(1, count // 8)))
    )


def measure_conflicts(sizes: Sizes) -> Row:
    """Compare the search for conflicts with looking at every pair, which must find the same."""
    meetings = make_meetings(sizes.meetings)
    settings = ConflictSettings()

    def look_at_every_pair() -> int:
        return sum(one.span.overlaps(other.span) for one, other in combinations(meetings, 2))

    def find_all() -> int:
        return len(find_conflicts(meetings, settings))

    if find_all() != look_at_every_pair():
        raise AssertionError("looking at every pair finds others")
    taken = take_turns(
        {"floor": look_at_every_pair, "ours": find_all}, runs=max(1, sizes.runs // 3)
    )
    return Row(
        what=f"conflicts among {sizes.meetings:,} meetings, pure",
        floor_name="every pair",
        floor=taken["floor"],
        ours=taken["ours"],
    )


def measure_recurrence(sizes: Sizes) -> Iterator[Row]:
    """Compare laying series out with two libraries; all three must find as many."""
    series = _make_series(sizes.occurrences)
    window = Span(NOW - timedelta(days=1), NOW + timedelta(days=366))
    zone = find_zone(ZONE)

    def lay_out() -> int:
        return sum(len(materialize(event, (), window, zone).occurrences) for event in series)

    calendars = [_as_calendar(event) for event in series]

    def ask_recurring_ical_events() -> int:
        return sum(
            len(recurring_ical_events.of(one).between(window.start, window.end))
            for one in calendars
        )

    def ask_dateutil() -> int:
        return sum(_ask_dateutil(event, window) for event in series)

    found = lay_out()
    if not found == ask_recurring_ical_events() == ask_dateutil():
        raise AssertionError("the libraries find another number of occurrences")
    subjects: dict[str, Callable[[], object]] = {
        "recurring-ical-events": ask_recurring_ical_events,
        "dateutil, starts only": ask_dateutil,
        "ours": lay_out,
    }
    taken = take_turns(subjects, runs=max(1, sizes.runs // 6))
    for name in ("recurring-ical-events", "dateutil, starts only"):
        first = name == "recurring-ical-events"
        yield Row(
            what=f"{found:,} occurrences of {len(series)} series laid out",
            floor_name=name,
            floor=taken[name],
            ours=taken["ours"],
            aim="≤ 0.33 ×" if first else "",
            reached=taken["ours"].median * 3 <= taken[name].median if first else None,
        )


def _make_series(occurrences: int) -> list[Event]:
    """Return daily and weekly series that have about so many occurrences in a year."""
    rules = ("FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY;BYDAY=2TU")
    in_a_year = (156, 365, 52, 12)
    series: list[Event] = []
    made = 0
    while made < occurrences:
        number = len(series)
        start = NOW.replace(hour=8 + number % 8, minute=0) + timedelta(days=number % 5)
        series.append(
            Event(
                provider_event_id=f"series-{number}",
                kind=EventKind.MASTER,
                when=Span(start, start + HALF_HOUR),
                time_zone=ZONE,
                recurrence=(f"RRULE:{rules[number % 4]}",),
            )
        )
        made += in_a_year[number % 4]
    return [event for event in series if _begins_on_its_rule(event)]


def _begins_on_its_rule(event: Event) -> bool:
    """Leave out series whose start the rule does not give, about which libraries differ."""
    assert isinstance(event.when, Span)  # noqa: S101 - they were made with spans.
    start = event.when.start.astimezone(find_zone(ZONE))
    first = rrulestr(event.recurrence[0], dtstart=start.replace(tzinfo=None))[0]
    return bool(first == start.replace(tzinfo=None))


def _as_calendar(event: Event) -> icalendar.Calendar:
    assert isinstance(event.when, Span)  # noqa: S101 - as above.
    zone = find_zone(ZONE)
    start, end = (one.astimezone(zone) for one in (event.when.start, event.when.end))
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//example.com//benchmark//EN",
        "BEGIN:VEVENT",
        f"UID:{event.provider_event_id}",
        f"DTSTART;TZID={ZONE}:{start:%Y%m%dT%H%M%S}",
        f"DTEND;TZID={ZONE}:{end:%Y%m%dT%H%M%S}",
        *event.recurrence,
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    )
    calendar = icalendar.Calendar.from_ical("\r\n".join(lines))
    assert isinstance(calendar, icalendar.Calendar)  # noqa: S101 - it is one.
    return calendar


def _ask_dateutil(event: Event, window: Span) -> int:
    assert isinstance(event.when, Span)  # noqa: S101 - as above.
    start = event.when.start.astimezone(find_zone(ZONE))
    return len(rrulestr(event.recurrence[0], dtstart=start).between(window.start, window.end))
