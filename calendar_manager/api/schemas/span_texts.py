"""The JSON of free time, written once for as long as the free time is remembered."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Final, Self, cast
from zoneinfo import ZoneInfo

import orjson

from calendar_manager.domain.timespan import Span
from calendar_manager.scheduling.free_time import FreeTime

_KEY: Final = "texts"


@dataclass(frozen=True, slots=True)
class SpanTexts:
    """Spans as JSON, of which the last ones can be had without writing them again.

    Attributes:
        text: The objects of all spans, with commas between them.
        starts: Where in the text each object begins, and where one more would.
    """

    text: bytes
    starts: "array[int]"

    @classmethod
    def of(cls, spans: Iterable[Span], zone: ZoneInfo) -> Self:
        """Write spans by the clock of a zone."""
        texts = [orjson.dumps(show_span(span, zone)) for span in spans]
        starts = array("L", accumulate((len(text) + 1 for text in texts), initial=0))
        return cls(b",".join(texts), starts)

    def last(self, count: int) -> bytes:
        """Return the objects of the last spans."""
        return self.text[self.starts[-1 - count] :]


@dataclass(frozen=True, slots=True)
class FreeTimeTexts:
    """The windows and slots of some free time, as JSON.

    Attributes:
        windows: Those.
        slots: Those.
    """

    windows: SpanTexts
    slots: SpanTexts


def show_span(span: Span, zone: ZoneInfo) -> dict[str, datetime]:
    """Return a span by the clock of a zone, in the shape of ``SpanOut``."""
    return {"start": span.start.astimezone(zone), "end": span.end.astimezone(zone)}


def write_free_time(free: FreeTime, zone: ZoneInfo) -> tuple[bytes, bytes]:
    """Return the JSON arrays of windows and slots by the clock of a zone.

    What was cut from free time that is remembered finds most of its text there.
    """
    whole = free.whole or free
    texts = _texts_of(whole, zone)
    windows, slots = texts.windows.last(len(free.windows)), texts.slots.last(len(free.slots))
    if free.windows and free.windows[0] is not whole.windows[-len(free.windows)]:
        later = texts.windows.last(len(free.windows) - 1)
        windows = b",".join(filter(None, (orjson.dumps(show_span(free.windows[0], zone)), later)))
    return b"[%b]" % windows, b"[%b]" % slots


def _texts_of(free: FreeTime, zone: ZoneInfo) -> FreeTimeTexts:
    key = (_KEY, zone.key)
    texts = cast("FreeTimeTexts | None", free.derived.get(key))
    if texts is None:
        texts = FreeTimeTexts(SpanTexts.of(free.windows, zone), SpanTexts.of(free.slots, zone))
        # Only the zone that was asked for last is kept, so that its size stays known.
        free.derived.clear()
        free.derived[key] = texts
    return texts
