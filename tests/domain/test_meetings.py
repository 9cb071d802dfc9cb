from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.meetings import BusyOccurrence, group_meetings
from calendar_manager.domain.timespan import Span

pytestmark = pytest.mark.unit

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = Span(NINE, NINE + timedelta(hours=1))
LATER = HOUR.widened(timedelta(hours=-1), timedelta(hours=1))


def occurrence(number: int, **fields: Any) -> BusyOccurrence:
    values: dict[str, Any] = {
        "occurrence_id": UUID(int=number),
        "event_id": UUID(int=number + 1000),
        "calendar_id": UUID(int=number + 2000),
        "span": HOUR,
        "busy": Busy.BUSY,
        "ical_uid": "standup@example.org",
    }
    return BusyOccurrence(**(values | fields))


def groups(*occurrences: BusyOccurrence) -> list[set[int]]:
    return [
        {copy.occurrence_id.int for copy in meeting.occurrences}
        for meeting in group_meetings(occurrences)
    ]


def test_the_same_meeting_on_two_calendars_counts_once() -> None:
    assert groups(occurrence(1), occurrence(2)) == [{1, 2}]


def test_the_same_meeting_twice_on_one_calendar_counts_once() -> None:
    calendar_id = UUID(int=7)
    assert groups(
        occurrence(1, calendar_id=calendar_id), occurrence(2, calendar_id=calendar_id)
    ) == [{1, 2}]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"ical_uid": "other@example.org"}, id="another UID"),
        pytest.param({"span": LATER}, id="another time, as of the same series"),
        pytest.param({"span": HOUR.widened(timedelta(), timedelta(minutes=1))}, id="another end"),
        pytest.param({"ical_uid": "STANDUP@example.org"}, id="UIDs know upper and lower case"),
    ],
)
def test_another_uid_or_time_is_another_meeting(other: dict[str, Any]) -> None:
    assert sorted(groups(occurrence(1), occurrence(2, **other)), key=min) == [{1}, {2}]


@pytest.mark.parametrize("uid", [None, ""])
def test_without_uid_every_occurrence_is_a_meeting_of_its_own(uid: str | None) -> None:
    assert groups(occurrence(1, ical_uid=uid), occurrence(2, ical_uid=uid)) == [{1}, {2}]


def test_the_same_time_in_another_zone_is_the_same_time() -> None:
    eastern = Span(
        datetime.fromisoformat("2026-03-02T04:00:00-05:00"),
        datetime.fromisoformat("2026-03-02T05:00:00-05:00"),
    )
    assert groups(occurrence(1), occurrence(2, span=eastern)) == [{1, 2}]


def test_a_meeting_is_as_firm_as_its_firmest_copy() -> None:
    declined = occurrence(1, busy=Busy.FREE)
    accepted = occurrence(2, busy=Busy.BUSY)
    unanswered = occurrence(3, busy=Busy.TENTATIVE)
    assert group_meetings([declined, unanswered, accepted])[0].busy is Busy.BUSY
    assert group_meetings([declined, unanswered])[0].busy is Busy.TENTATIVE
    assert group_meetings([declined])[0].busy is Busy.FREE


def test_a_meeting_knows_what_any_copy_knows() -> None:
    hidden = occurrence(1, all_day=True)
    full = occurrence(
        2,
        title="Standup",
        location="Room 1",
        meeting_url="https://meet.example.org/x",
        attendee_count=4,
        organizer_is_me=True,
        recurring=True,
    )
    (meeting,) = group_meetings([hidden, full])
    assert meeting.leading == hidden
    assert (meeting.title, meeting.location) == ("Standup", "Room 1")
    assert meeting.meeting_url == "https://meet.example.org/x"
    assert (meeting.attendee_count, meeting.organizer_is_me, meeting.recurring) == (4, True, True)
    assert meeting.all_day is False
    assert meeting.ical_uid == "standup@example.org"
    assert meeting.occurrence_ids == {UUID(int=1), UUID(int=2)}


def test_the_order_of_the_input_changes_nothing() -> None:
    occurrences = [
        occurrence(1, busy=Busy.TENTATIVE),
        occurrence(2),
        occurrence(3, ical_uid=None),
        occurrence(4, span=LATER),
    ]
    expected = group_meetings(occurrences)
    assert [meeting.span for meeting in expected] == [HOUR, HOUR, LATER]
    for shuffled in permutations(occurrences):
        assert group_meetings(shuffled) == expected
