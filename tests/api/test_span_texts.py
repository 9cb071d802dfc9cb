"""The JSON of free time is the same whether it is written anew or taken from what is remembered."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.api.schemas.span_texts import show_span, write_free_time
from calendar_manager.domain.timespan import Span
from calendar_manager.scheduling.free_time import FreeTime, cut_free_time

pytestmark = pytest.mark.unit

BEGIN = datetime(2026, 10, 24, tzinfo=UTC)
"""The day before the clocks of Europe are changed."""

BERLIN, AUCKLAND = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Auckland")

minutes = st.integers(0, 3000).map(lambda number: BEGIN + timedelta(minutes=number))
windows = st.lists(minutes, max_size=12, unique=True).map(
    lambda edges: [Span(*pair) for pair in list(pairwise(sorted(edges)))[::2]]
)
slots = st.lists(minutes, max_size=12, unique=True).map(
    lambda starts: [Span(start, start + timedelta(minutes=45)) for start in sorted(starts)]
)


def read(free: FreeTime, zone: ZoneInfo) -> list[object]:
    return [orjson.loads(text) for text in write_free_time(free, zone)]


def expected(free: FreeTime, zone: ZoneInfo) -> list[object]:
    return [
        [
            {name: instant.isoformat() for name, instant in show_span(span, zone).items()}
            for span in spans
        ]
        for spans in (free.windows, free.slots)
    ]


@given(windows=windows, slots=slots, moments=st.lists(minutes, max_size=4))
def test_what_was_cut_reads_as_if_written_anew(
    windows: list[Span], slots: list[Span], moments: list[datetime]
) -> None:
    whole = FreeTime(windows, slots)
    for moment in moments:
        for zone in (BERLIN, AUCKLAND):
            cut = cut_free_time(whole, moment)
            assert read(cut, zone) == expected(cut, zone)
    assert read(whole, BERLIN) == expected(whole, BERLIN)


def test_the_text_is_written_once_for_each_zone_in_a_row() -> None:
    whole = FreeTime([Span(BEGIN, BEGIN + timedelta(hours=3))])
    write_free_time(cut_free_time(whole, BEGIN), BERLIN)
    (first,) = whole.derived.values()
    write_free_time(cut_free_time(whole, BEGIN + timedelta(hours=1)), BERLIN)
    assert list(whole.derived.values()) == [first]
    write_free_time(whole, AUCKLAND)
    assert len(whole.derived) == 1
    assert list(whole.derived.values()) != [first]
