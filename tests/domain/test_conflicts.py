from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.conflicts import (
    ConflictSettings,
    ConflictSeverity,
    ConflictType,
    FoundConflict,
    find_conflicts,
    needs_travel,
)
from calendar_manager.domain.meetings import BusyOccurrence, Meeting, group_meetings
from calendar_manager.domain.timespan import Span

pytestmark = pytest.mark.unit

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
EVERYTHING = ConflictSettings(buffer_minutes=15, travel_minutes=45, all_day_conflicts=True)


def span(start: str, end: str) -> Span:
    return Span(*(datetime.fromisoformat(f"2026-03-02T{text}:00+00:00") for text in (start, end)))


def meeting(number: int, start: str, end: str, **fields: Any) -> Meeting:
    values: dict[str, Any] = {
        "occurrence_id": UUID(int=number),
        "event_id": UUID(int=number + 1000),
        "calendar_id": UUID(int=number + 2000),
        "span": span(start, end),
        "busy": Busy.BUSY,
    }
    return Meeting((BusyOccurrence(**(values | fields)),))


def find(*meetings: Meeting, **settings: Any) -> list[FoundConflict]:
    return find_conflicts(meetings, ConflictSettings(**settings))


class TestOverlap:
    def test_two_firm_meetings_conflict_highly_where_they_overlap(self) -> None:
        first, second = meeting(1, "09:00", "10:00"), meeting(2, "09:30", "11:00")
        assert find(second, first) == [
            FoundConflict(
                ConflictType.OVERLAP, ConflictSeverity.HIGH, first, second, span("09:30", "10:00")
            )
        ]

    @pytest.mark.parametrize("other", [Busy.BUSY, Busy.TENTATIVE])
    def test_a_tentative_side_makes_it_medium(self, other: Busy) -> None:
        (conflict,) = find(
            meeting(1, "09:00", "10:00", busy=Busy.TENTATIVE),
            meeting(2, "09:30", "11:00", busy=other),
        )
        assert conflict.severity is ConflictSeverity.MEDIUM

    def test_a_free_side_makes_it_none(self) -> None:
        assert (
            find(meeting(1, "09:00", "10:00", busy=Busy.FREE), meeting(2, "09:30", "11:00")) == []
        )

    def test_touching_is_not_overlapping(self) -> None:
        assert find(meeting(1, "09:00", "10:00"), meeting(2, "10:00", "11:00")) == []

    @pytest.mark.parametrize("at", ["09:00", "09:30", "10:00"])
    def test_zero_length_never_conflicts(self, at: str) -> None:
        meetings = meeting(1, "09:00", "10:00"), meeting(2, at, at)
        assert find(*meetings, buffer_minutes=15, travel_minutes=15) == []

    def test_two_meetings_at_the_same_time_conflict_once(self) -> None:
        assert len(find(meeting(1, "09:00", "10:00"), meeting(2, "09:00", "10:00"))) == 1

    def test_a_long_meeting_conflicts_with_each_inside_it(self) -> None:
        found = find(
            meeting(1, "08:00", "18:00"),
            meeting(2, "09:00", "10:00"),
            meeting(3, "12:00", "13:00"),
            meeting(4, "17:59", "19:00"),
        )
        assert [conflict.second.leading.occurrence_id.int for conflict in found] == [2, 3, 4]

    def test_the_same_meeting_on_two_calendars_is_no_conflict(self) -> None:
        copies = [
            meeting(number, "09:00", "10:00", ical_uid="one@example.org").leading
            for number in (1, 2)
        ]
        assert find(*group_meetings(copies)) == []

    def test_a_copy_that_moved_conflicts_with_the_one_that_did_not(self) -> None:
        copies = [
            meeting(1, "09:00", "10:00", ical_uid="one@example.org").leading,
            meeting(2, "09:30", "10:30", ical_uid="one@example.org").leading,
        ]
        assert len(find(*group_meetings(copies))) == 1

    def test_an_overlap_shorter_than_the_least_is_none(self) -> None:
        meetings = meeting(1, "09:00", "10:00"), meeting(2, "09:50", "11:00")
        assert find(*meetings, minimum_overlap_minutes=11) == []
        assert len(find(*meetings, minimum_overlap_minutes=10)) == 1

    def test_all_day_meetings_take_part_when_the_user_wants_it(self) -> None:
        meetings = meeting(1, "00:00", "23:59", all_day=True), meeting(2, "09:00", "10:00")
        assert find(*meetings) == []
        assert len(find(*meetings, all_day_conflicts=True)) == 1


class TestBackToBack:
    def test_a_gap_shorter_than_the_buffer_is_low(self) -> None:
        first, second = meeting(1, "09:00", "10:00"), meeting(2, "10:05", "11:00")
        assert find(first, second, buffer_minutes=15) == [
            FoundConflict(
                ConflictType.BACK_TO_BACK,
                ConflictSeverity.LOW,
                first,
                second,
                span("10:00", "10:15"),
            )
        ]

    def test_touching_meetings_are_back_to_back(self) -> None:
        (conflict,) = find(
            meeting(1, "09:00", "10:00"), meeting(2, "10:00", "11:00"), buffer_minutes=1
        )
        assert conflict.type is ConflictType.BACK_TO_BACK
        assert not conflict.span.is_empty

    def test_a_gap_as_long_as_the_buffer_is_none(self) -> None:
        meetings = meeting(1, "09:00", "10:00"), meeting(2, "10:15", "11:00")
        assert find(*meetings, buffer_minutes=15) == []

    def test_overlapping_meetings_are_never_back_to_back(self) -> None:
        meetings = meeting(1, "09:00", "10:00"), meeting(2, "09:55", "11:00")
        assert find(*meetings, buffer_minutes=15, minimum_overlap_minutes=10) == []

    def test_two_tentative_meetings_are_back_to_back_too(self) -> None:
        meetings = (
            meeting(1, "09:00", "10:00", busy=Busy.TENTATIVE),
            meeting(2, "10:00", "11:00", busy=Busy.TENTATIVE),
        )
        assert find(*meetings, buffer_minutes=15)[0].severity is ConflictSeverity.LOW


class TestTravel:
    HERE = meeting(1, "09:00", "10:00", location="Main Street 1")

    def there(self, start: str = "10:30", **fields: Any) -> Meeting:
        return meeting(2, start, "11:30", **({"location": "Harbour 7"} | fields))

    def test_too_little_time_between_two_places_is_low(self) -> None:
        assert find(self.HERE, self.there(), travel_minutes=45) == [
            FoundConflict(
                ConflictType.TRAVEL,
                ConflictSeverity.LOW,
                self.HERE,
                self.there(),
                span("10:00", "10:45"),
            )
        ]

    def test_just_enough_time_is_none(self) -> None:
        assert find(self.HERE, self.there("10:45"), travel_minutes=45) == []

    def test_the_worst_type_wins(self) -> None:
        close = find(self.HERE, self.there("10:05"), travel_minutes=45, buffer_minutes=15)
        assert [conflict.type for conflict in close] == [ConflictType.TRAVEL]
        over = find(self.HERE, self.there("09:30"), travel_minutes=45, buffer_minutes=15)
        assert [conflict.type for conflict in over] == [ConflictType.OVERLAP]

    def test_a_tolerated_overlap_leaves_no_time_to_travel(self) -> None:
        (conflict,) = find(
            self.HERE, self.there("09:55"), travel_minutes=45, minimum_overlap_minutes=10
        )
        assert (conflict.type, conflict.span) == (ConflictType.TRAVEL, span("09:55", "10:00"))

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"location": None}, id="nowhere"),
            pytest.param({"location": "  "}, id="blank"),
            pytest.param({"location": " main  street 1"}, id="the same place"),
            pytest.param({"location": "https://meet.example.org/abc"}, id="an address on the web"),
            pytest.param({"location": "Zoom: HTTPS://zoom.example/1"}, id="an address inside"),
            pytest.param({"location": "www.example.org/room"}, id="an address without scheme"),
            pytest.param({"meeting_url": "https://meet.example.org/abc"}, id="online"),
        ],
    )
    def test_nobody_travels(self, fields: dict[str, Any]) -> None:
        assert not needs_travel(self.HERE, self.there(**fields))
        assert find(self.HERE, self.there(**fields), travel_minutes=45) == []


def test_only_the_wanted_types_are_looked_for() -> None:
    meetings = (
        meeting(1, "09:00", "10:00", location="here"),
        meeting(2, "09:30", "10:30", location="there"),
        meeting(3, "10:40", "11:00", location="here"),
        meeting(4, "11:05", "12:00"),
    )
    every = {"travel_minutes": 30, "buffer_minutes": 15}
    for wanted, expected in (
        (ConflictType.OVERLAP, [(1, 2)]),
        (ConflictType.TRAVEL, [(1, 2), (2, 3)]),
        (ConflictType.BACK_TO_BACK, [(2, 3), (3, 4)]),
    ):
        found = find(*meetings, types=frozenset({wanted}), **every)
        assert {conflict.type for conflict in found} == {wanted}
        assert [ids(conflict) for conflict in found] == expected


def test_the_reach_is_that_of_the_wanted_types() -> None:
    assert EVERYTHING.reach == timedelta(minutes=45)
    assert ConflictSettings(buffer_minutes=15).reach == timedelta(minutes=15)
    overlaps = ConflictSettings(types=frozenset({ConflictType.OVERLAP}), travel_minutes=45)
    assert overlaps.reach == timedelta()


def ids(conflict: FoundConflict) -> tuple[int, int]:
    return conflict.first.leading.occurrence_id.int, conflict.second.leading.occurrence_id.int


@st.composite
def some_meetings(draw: st.DrawFn) -> list[Meeting]:
    occurrences = []
    for number in range(draw(st.integers(0, 9))):
        start = MIDNIGHT + timedelta(minutes=5 * draw(st.integers(0, 60)))
        occurrences.append(
            BusyOccurrence(
                occurrence_id=UUID(int=number),
                event_id=UUID(int=number),
                calendar_id=UUID(int=number),
                span=Span(start, start + timedelta(minutes=5 * draw(st.integers(0, 30)))),
                busy=draw(st.sampled_from(Busy)),
                all_day=draw(st.booleans()),
                ical_uid=draw(st.sampled_from([None, "a", "b"])),
                location=draw(st.sampled_from([None, "here", "there"])),
            )
        )
    return group_meetings(occurrences)


@settings(max_examples=200)
@given(
    some_meetings(),
    st.builds(
        ConflictSettings,
        types=st.frozensets(st.sampled_from(ConflictType)),
        minimum_overlap_minutes=st.sampled_from([0, 5, 20]),
        buffer_minutes=st.sampled_from([0, 5, 20]),
        travel_minutes=st.sampled_from([0, 5, 40]),
        all_day_conflicts=st.booleans(),
    ),
)
def test_the_sweep_finds_what_comparing_all_pairs_finds(
    meetings: list[Meeting], sensitivity: ConflictSettings
) -> None:
    found = find_conflicts(meetings, sensitivity)
    expected = {
        frozenset({first, second}): kind
        for first, second in combinations(meetings, 2)
        if (kind := worst_type(first, second, sensitivity)) is not None
    }
    assert {frozenset({found.first, found.second}): found.type for found in found} == expected
    assert len(found) == len(expected)
    assert all(conflict.first.span.start <= conflict.second.span.start for conflict in found)
    assert all(not conflict.span.is_empty for conflict in found)


def worst_type(one: Meeting, other: Meeting, settings: ConflictSettings) -> ConflictType | None:
    for meeting_ in (one, other):
        if meeting_.busy is Busy.FREE or meeting_.span.duration == timedelta():
            return None
        if meeting_.all_day and not settings.all_day_conflicts:
            return None
    shared = min(one.span.end, other.span.end) - max(one.span.start, other.span.start)
    overlap = shared / timedelta(minutes=1)
    places = {one.location, other.location}
    fitting = {
        ConflictType.OVERLAP: overlap > 0 and overlap >= settings.minimum_overlap_minutes,
        ConflictType.TRAVEL: places == {"here", "there"} and -overlap < settings.travel_minutes,
        ConflictType.BACK_TO_BACK: overlap <= 0 and -overlap < settings.buffer_minutes,
    }
    # With travel time 0 nobody asked for travel, however much two meetings overlap.
    fitting[ConflictType.TRAVEL] &= settings.travel_minutes > 0
    return next((kind for kind, fits in fitting.items() if fits and kind in settings.types), None)
