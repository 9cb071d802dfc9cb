"""Two meetings on one line of time, as the parts of a small drawing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from calendar_manager.domain.times import wall_clock
from calendar_manager.domain.timespan import Span
from calendar_manager.store.conflict_rows import ConflictRecord

_ROWS: Final = (8, 34)
"""Where the bars begin, in pixels from the top."""

_CLOSE: Final = 16.0
"""Labels of clock times closer than so many hundredths of the width would run together."""

_CLOSE_UP: Final = 6
"""When everything is longer than what clashes by this factor, only what is around it is drawn."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A meeting, or what is wrong with two.

    Attributes:
        left: Hundredths of the width.
        width: The same.
        top: In pixels.
        color: ``#rrggbb``.
    """

    left: float
    width: float
    top: int
    color: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A clock time under the bars.

    Attributes:
        left: Hundredths of the width.
        label: Such as ``14:30``.
        anchor: On which side of it the label stands, as SVG calls it.
    """

    left: float
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The drawing.

    Attributes:
        bars: The two meetings, the earlier one first.
        clash: The overlap, or the time that should have stayed free.
        ticks: The times at which something begins or ends.
    """

    bars: tuple[Bar, Bar]
    clash: Bar
    ticks: Sequence[Tick]


def _find_window(record: ConflictRecord) -> Span:
    """Return what the line shows: everything, or what is around the shorter meeting.

    Beside one that takes days, a meeting of an hour would be too thin to be seen.
    """
    first, second = record.first.span, record.second.span
    whole = first.hull(second).hull(record.span)
    shorter = min(first, second, key=lambda span: span.duration)
    around = shorter.hull(record.span)
    if whole.duration <= _CLOSE_UP * around.duration:
        return whole
    return whole.intersection(around.widened(around.duration, around.duration)) or whole


def draw_timeline(record: ConflictRecord, colors: tuple[str, str], zone: ZoneInfo) -> Timeline:
    """Lay two meetings and what is wrong between them on one line.

    Args:
        record: The conflict.
        colors: Of the two meetings.
        zone: Whose clock the labels show.
    """
    whole = _find_window(record)

    def place(instant: datetime) -> float:
        return round((instant - whole.start) / whole.duration * 100, 3)

    def bar(span: Span, top: int, color: str) -> Bar:
        left = place(max(span.start, whole.start))
        span = span.intersection(whole) or span
        return Bar(left, max(round(place(span.end) - left, 3), 0.5), top, color)

    first, second = (
        bar(meeting.span, top, color)
        for meeting, top, color in zip((record.first, record.second), _ROWS, colors, strict=True)
    )
    instants = sorted({whole.start, record.span.start, record.span.end, whole.end})
    ticks: list[Tick] = []
    for instant in instants:
        left = place(instant)
        last = instant == whole.end
        if ticks and not last and left - ticks[-1].left < _CLOSE:
            continue
        while last and len(ticks) > 1 and left - ticks[-1].left < _CLOSE:
            ticks.pop()
        anchor = "end" if last else "middle" if ticks else "start"
        ticks.append(Tick(left, f"{wall_clock(instant, zone):%H:%M}", anchor))
    return Timeline((first, second), bar(record.span, 0, ""), ticks)
