"""Common free time against an oracle that counts the people of every minute."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_manager.domain.common_time import CommonSlot, find_common_free, find_common_slots
from calendar_manager.domain.rules import AvailabilityRules
from calendar_manager.domain.slots import find_slots
from calendar_manager.domain.timespan import Span

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)
LENGTH = 240


def minutes(first: int, last: int) -> Span:
    return Span(MIDNIGHT + MINUTE * first, MIDNIGHT + MINUTE * last)


spans = st.tuples(st.integers(0, LENGTH), st.integers(0, LENGTH)).map(
    lambda edges: minutes(min(edges), max(edges))
)
people = st.dictionaries(
    st.sampled_from(["ana", "ben", "cem", "dov"]), st.lists(spans, max_size=5), min_size=1
)


def is_free(windows: Sequence[Span], minute: int) -> bool:
    return any(span.contains(minutes(minute, minute + 1)) for span in windows)


@given(people, st.integers(1, 4))
@settings(max_examples=200)
def test_every_minute_has_enough_people_or_is_left_out(
    windows: Mapping[str, Sequence[Span]], number: int
) -> None:
    needed = min(number, len(windows))
    found = find_common_free(windows, at_least=needed)
    for minute in range(LENGTH):
        enough = sum(is_free(theirs, minute) for theirs in windows.values()) >= needed
        assert is_free(found, minute) == enough
    assert all(not span.is_empty for span in found)
    assert all(earlier.end < later.start for earlier, later in pairwise(found))
    everybody = find_common_free(windows)
    assert everybody == find_common_free(windows, at_least=len(windows))


@given(people, st.integers(1, 4), st.sampled_from([10, 25, 60]))
@settings(max_examples=100)
def test_a_common_slot_has_the_same_people_throughout(
    windows: Mapping[str, Sequence[Span]], number: int, length: int
) -> None:
    needed = min(number, len(windows))
    rules, step = AvailabilityRules(time_zone="UTC"), 15
    slots = {
        name: find_slots(theirs, rules, MINUTE * length, MINUTE * step)
        for name, theirs in windows.items()
    }
    expected = []
    for first in range(0, LENGTH, step):
        able = tuple(
            name
            for name, theirs in windows.items()
            if all(is_free(theirs, minute) for minute in range(first, first + length))
        )
        if len(able) >= needed:
            expected.append(CommonSlot(minutes(first, first + length), able))
    assert find_common_slots(slots, at_least=needed) == expected


def test_people_who_take_turns_have_common_time_but_no_common_slot() -> None:
    windows = {"ana": [minutes(0, 30)], "ben": [minutes(30, 60)], "cem": [minutes(0, 60)]}
    assert find_common_free(windows, at_least=2) == [minutes(0, 60)]
    assert find_common_free(windows) == []
    rules = AvailabilityRules(time_zone="UTC")
    slots = {
        name: find_slots(theirs, rules, 60 * MINUTE, 30 * MINUTE)
        for name, theirs in windows.items()
    }
    assert find_common_slots(slots, at_least=2) == []


@pytest.mark.parametrize("number", [0, 3, -1])
def test_a_number_of_people_that_cannot_be_is_refused(number: int) -> None:
    windows: dict[str, list[Span]] = {"ana": [], "ben": []}
    with pytest.raises(ValueError, match="people"):
        find_common_free(windows, at_least=number)
    with pytest.raises(ValueError, match="people"):
        find_common_slots(windows, at_least=number)


def test_nobody_is_never_free() -> None:
    with pytest.raises(ValueError, match="people"):
        find_common_free({})
