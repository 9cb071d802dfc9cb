"""What the availability page shows of a preview, an explanation, and how fresh both are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from calendar_manager.domain.accounts import CalendarStatus, UnreadablePolicy
from calendar_manager.domain.freshness import Freshness
from calendar_manager.domain.reasons import Reason, ReasonCode
from calendar_manager.domain.rules import MINUTES_PER_DAY
from calendar_manager.domain.times import find_zone, local_date, wall_clock
from calendar_manager.domain.timespan import Span, merge_spans, subtract_spans
from calendar_manager.scheduling.explanation import Explanation
from calendar_manager.scheduling.preview import Preview, PreviewDay

BAR_WIDTH: Final = 1000
"""The width of a day's bar in its own units, whatever it is on the screen."""

_MIDDAY_HOURS: Final = (8, 18)
"""What a bar shows at least, so that short hours do not look like long ones."""

_STATUS_WORDS: Final = {
    CalendarStatus.OK: "up to date",
    CalendarStatus.SYNCING: "being read",
    CalendarStatus.STALE: "too old",
    CalendarStatus.FAILING: "cannot be read",
    CalendarStatus.HELD: "waits for your decision",
}

_SETTING_WORDS: Final = {
    "tentative_blocks": ("let tentative meetings not block", "/settings"),
    "all_day_blocks": ("let all-day events of this calendar not block", "/connections"),
    "blocks_availability": ("let this calendar not block", "/connections"),
}
"""What each setting could change, and on which page it is."""

_FIELDS: Final = {
    ReasonCode.OUTSIDE_HOURS: ("weekly", "Working hours"),
    ReasonCode.DOES_NOT_FIT: ("weekly", "Working hours"),
    ReasonCode.OVERRIDE: ("overrides", "Dates with hours of their own"),
    ReasonCode.DAY_OFF: ("days-off", "Days off"),
    ReasonCode.HOLIDAY: ("holidays", "Public holidays"),
    ReasonCode.BEFORE_NOTICE: ("bookings", "Bookings"),
    ReasonCode.BEYOND_HORIZON: ("bookings", "Bookings"),
    ReasonCode.BUFFER_BEFORE: ("bookings", "Bookings"),
    ReasonCode.BUFFER_AFTER: ("bookings", "Bookings"),
    ReasonCode.OFF_GRID: ("bookings", "Bookings"),
    ReasonCode.MAX_MEETINGS: ("bookings", "Bookings"),
    ReasonCode.MAX_MINUTES: ("bookings", "Bookings"),
}
"""Which part of the form can change a reason, and what it is called."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of a day as a rectangle.

    Attributes:
        kind: ``working``, ``free`` or ``busy``.
        x: Where it begins, of :data:`BAR_WIDTH`.
        width: How wide it is.
    """

    kind: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Start:
    """A time to be asked about: its date and clock in the zone of the page, and its name."""

    day: str
    clock: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayView:
    """One day of the preview.

    Attributes:
        day: Its date.
        label: Its name, such as ``Tue 24 Nov``.
        summary: When it is free, or why it is not.
        is_free: Whether anything on it can be booked.
        note: What is special about it; may be empty.
        bars: Its hours as rectangles, the hindmost first.
        starts: The bookable starts.
        blocked: Where its working hours cannot be booked.
    """

    day: date
    label: str
    summary: str
    is_free: bool
    note: str
    bars: Sequence[Bar]
    starts: Sequence[Start]
    blocked: Sequence[Start]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewView:
    """The preview.

    Attributes:
        days: In order.
        marks: Hours that the bars name, each with its place in per mille.
        first_minute: The minute of the day at which the bars begin.
        last_minute: The one at which they end.
        zone: By whose clock.
        duration: How long a booking is, in minutes.
        total: How many starts there are.
    """

    days: Sequence[DayView]
    marks: Sequence[tuple[str, float]]
    first_minute: int
    last_minute: int
    zone: str
    duration: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessView:
    """How current the calendars behind an answer are.

    Attributes:
        oldest: When the oldest copy was complete; None when one of them never was, or there are
            none.
        calendars: Each with its state in words, and whether it can be trusted.
        warnings: What may be missing, in sentences.
    """

    oldest: datetime | None
    calendars: Sequence[tuple[Freshness, str]]
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonView:
    """Why a start cannot be booked, and what could be done about it.

    Attributes:
        detail: The reason.
        field: The part of the form that can change it; None when none can.
        field_name: What that is called.
        ways: What settings could let the meeting behind it not block, and where they are.
        copies: On which other calendars that meeting stands.
    """

    detail: str
    field: str | None
    field_name: str
    ways: Sequence[tuple[str, str]]
    copies: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplanationView:
    """Whether a start can be booked.

    Attributes:
        title: Which start, in words.
        zone: By whose clock.
        reasons: Why it cannot; none when it can.
        alternatives: The nearest starts that can.
        warnings: What else to know, in sentences.
    """

    title: str
    zone: str
    reasons: Sequence[ReasonView]
    alternatives: Sequence[Start]
    warnings: Sequence[str]


def show_preview(preview: Preview) -> PreviewView:
    """Return the preview as the page shows it."""
    zone = find_zone(preview.rules.time_zone)
    first, last = _find_scale(preview, zone)
    days = [_show_day(day, zone, first, last) for day in preview.days]
    every = 2 if last - first <= 14 * 60 else 4
    marks = [
        (f"{hour:02}", _place(hour * 60, first, last))
        for hour in range(first // 60, last // 60 + 1, every)
    ]
    return PreviewView(
        days=days,
        marks=marks,
        first_minute=first,
        last_minute=last,
        zone=preview.rules.time_zone,
        duration=preview.rules.slot_duration_minutes,
        total=sum(len(day.starts) for day in days),
    )


def show_freshness(freshness: Sequence[Freshness]) -> FreshnessView:
    """Return how current calendars are as the page shows it."""
    known = [one.complete_as_of for one in freshness if one.complete_as_of is not None]
    return FreshnessView(
        oldest=min(known) if known and len(known) == len(freshness) else None,
        calendars=[(one, _STATUS_WORDS[one.status]) for one in freshness],
        warnings=list(warn_of(freshness)),
    )


def warn_of(freshness: Iterable[Freshness]) -> Iterable[str]:
    """Yield what the person should know of calendars that cannot be read."""
    for one in freshness:
        if not one.is_unreadable or one.policy is UnreadablePolicy.IGNORE:
            continue
        effect = (
            "you chose that nothing is free while it cannot be."
            if one.policy is UnreadablePolicy.BLOCK
            else "something may be missing here."
        )
        yield f"“{one.name}” cannot be read at the moment: {effect}"


def show_explanation(answer: Explanation) -> ExplanationView:
    """Return why a start can be booked, or not, as the page shows it."""
    zone = find_zone(answer.time_zone)
    start, end = (wall_clock(edge, zone) for edge in (answer.slot.start, answer.slot.end))
    return ExplanationView(
        title=f"{_name_day(start.date(), full=True)}, {start:%H:%M}\N{EN DASH}{end:%H:%M}",
        zone=answer.time_zone,
        reasons=[_show_reason(reason) for reason in answer.reasons],
        alternatives=[_name_start(slot.start, zone, dated=True) for slot in answer.alternatives],
        warnings=[*(one.detail for one in answer.budgets), *warn_of(answer.freshness)],
    )


def _show_reason(reason: Reason) -> ReasonView:
    field, field_name = _FIELDS.get(reason.code, (None, ""))
    settings = reason.meeting.settings if reason.meeting else ()
    return ReasonView(
        detail=reason.detail,
        field=field,
        field_name=field_name,
        ways=[_SETTING_WORDS[name] for name in settings if name in _SETTING_WORDS],
        copies=[copy.calendar_name for copy in reason.copies],
    )


def _find_scale(preview: Preview, zone: ZoneInfo) -> tuple[int, int]:
    """Return the whole hours, in minutes, within which all working hours lie."""
    first, last = (hour * 60 for hour in _MIDDAY_HOURS)
    for day in preview.days:
        for span in day.working:
            first = min(first, _minute(span.start, day.day, zone) // 60 * 60)
            last = max(last, -(-_minute(span.end, day.day, zone) // 60) * 60)
    return first, last


def _show_day(day: PreviewDay, zone: ZoneInfo, first: int, last: int) -> DayView:
    # Free time that no booking fits into is of no use to anybody.
    usable = merge_spans(day.slots)
    blocked = subtract_spans(day.working, usable)
    parts = (("working", day.working), ("free", usable), ("busy", day.busy))
    bars = [
        bar
        for kind, spans in parts
        for span in spans
        if (bar := _draw(kind, span, day.day, zone, first, last)) is not None
    ]
    return DayView(
        day=day.day,
        label=_name_day(day.day),
        summary=_summarize(day, usable, zone),
        is_free=bool(day.slots),
        note="hours of its own" if day.is_override and day.working else "",
        bars=bars,
        starts=[_name_start(slot.start, zone) for slot in day.slots],
        blocked=[_name_span(span, day.day, zone) for span in blocked],
    )


def _summarize(day: PreviewDay, usable: Sequence[Span], zone: ZoneInfo) -> str:
    if usable:
        return ", ".join(_write(span, day.day, zone) for span in usable)
    if not day.working:
        return _explain_empty(day)
    return "Not long enough for a booking" if day.free else "Nothing left"


def _explain_empty(day: PreviewDay) -> str:
    if day.is_day_off:
        return "Day off"
    if day.holiday is not None:
        return f"Holiday: {day.holiday}"
    return "Day off by its own hours" if day.is_override else "No working hours"


def _draw(kind: str, span: Span, day: date, zone: ZoneInfo, first: int, last: int) -> Bar | None:
    start = max(_minute(span.start, day, zone), first)
    end = min(_minute(span.end, day, zone), last)
    if start >= end:
        return None
    x = _place(start, first, last)
    return Bar(kind, x, round(_place(end, first, last) - x, 1))


def _place(minute: int, first: int, last: int) -> float:
    return round((minute - first) * BAR_WIDTH / (last - first), 1)


def _minute(instant: datetime, day: date, zone: ZoneInfo) -> int:
    """Return the minute that the clock of a day shows at an instant; 1440 is its end."""
    shown = local_date(instant, zone)
    if shown != day:
        return MINUTES_PER_DAY if shown > day else 0
    wall = wall_clock(instant, zone)
    return wall.hour * 60 + wall.minute


def _write(span: Span, day: date, zone: ZoneInfo) -> str:
    start, end = (_minute(edge, day, zone) for edge in (span.start, span.end))
    return f"{start // 60:02}:{start % 60:02}\N{EN DASH}{end // 60:02}:{end % 60:02}"


def _name_span(span: Span, day: date, zone: ZoneInfo) -> Start:
    return Start(day.isoformat(), f"{wall_clock(span.start, zone):%H:%M}", _write(span, day, zone))


def _name_start(start: datetime, zone: ZoneInfo, *, dated: bool = False) -> Start:
    wall = wall_clock(start, zone)
    label = f"{_name_day(wall.date())}, {wall:%H:%M}" if dated else f"{wall:%H:%M}"
    return Start(wall.date().isoformat(), f"{wall:%H:%M}", label)


def _name_day(day: date, *, full: bool = False) -> str:
    return f"{day:%A} {day.day} {day:%B}" if full else f"{day:%a} {day.day} {day:%b}"
