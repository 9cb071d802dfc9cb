from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.meetings import BusyOccurrence, Meeting
from calendar_manager.domain.move_advice import MoveAdvice, MoveReason, cheaper_to_move
from calendar_manager.domain.timespan import Span

pytestmark = pytest.mark.unit

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def meeting(number: int, *, start: int = 0, minutes: int = 60, **fields: Any) -> Meeting:
    begin = NINE + timedelta(minutes=start)
    values: dict[str, Any] = {
        "occurrence_id": UUID(int=number),
        "event_id": UUID(int=number + 1000),
        "calendar_id": UUID(int=number + 2000),
        "span": Span(begin, begin + timedelta(minutes=minutes)),
        "busy": Busy.BUSY,
        "attendee_count": 3,
        "recurring": True,
    }
    return Meeting((BusyOccurrence(**(values | fields)),))


PLAIN = meeting(1)


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({"attendee_count": 2}, (MoveReason.FEWER_ATTENDEES,)),
        ({"busy": Busy.TENTATIVE}, (MoveReason.TENTATIVE,)),
        ({"organizer_is_me": True}, (MoveReason.OWN_ORGANIZER,)),
        ({"recurring": False}, (MoveReason.NOT_RECURRING,)),
        (
            {"attendee_count": 0, "recurring": False},
            (MoveReason.FEWER_ATTENDEES, MoveReason.NOT_RECURRING),
        ),
        ({"minutes": 30}, ()),
        ({"start": 15}, ()),
    ],
)
def test_what_speaks_for_moving_a_meeting(
    fields: dict[str, Any], reasons: tuple[MoveReason, ...]
) -> None:
    cheaper = meeting(2, **fields)
    assert cheaper_to_move(PLAIN, cheaper) == MoveAdvice(cheaper, reasons)
    assert cheaper_to_move(cheaper, PLAIN) == MoveAdvice(cheaper, reasons)


def test_more_reasons_outweigh_the_weightiest() -> None:
    small = meeting(1, attendee_count=1)
    own = meeting(2, organizer_is_me=True, recurring=False)
    assert cheaper_to_move(small, own) == MoveAdvice(
        own, (MoveReason.OWN_ORGANIZER, MoveReason.NOT_RECURRING)
    )


def test_between_equally_many_the_weightiest_decides() -> None:
    small = meeting(1, attendee_count=1)
    own = meeting(2, organizer_is_me=True)
    assert cheaper_to_move(own, small) == MoveAdvice(small, (MoveReason.FEWER_ATTENDEES,))


def test_twins_are_told_apart_the_same_way_every_time() -> None:
    twin = meeting(2)
    assert cheaper_to_move(PLAIN, twin) == cheaper_to_move(twin, PLAIN) == MoveAdvice(twin, ())
