from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from calendar_manager.domain.busy import Busy, blocks, busy_of
from calendar_manager.domain.events import (
    Event,
    EventKind,
    EventStatus,
    EventType,
    Response,
    Transparency,
)
from calendar_manager.domain.timespan import DateSpan, Span

pytestmark = pytest.mark.unit

PLAIN = Event(
    provider_event_id="e1",
    kind=EventKind.SINGLE,
    when=Span(datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 2, 10, tzinfo=UTC)),
)
ALL_DAY = DateSpan(date(2026, 3, 2), date(2026, 3, 3))
OUT = {"event_type": EventType.OUT_OF_OFFICE}
TENTATIVE = {"status": EventStatus.TENTATIVE}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, Busy.BUSY, id="plain"),
        pytest.param({"status": EventStatus.CANCELLED}, Busy.FREE, id="cancelled"),
        pytest.param({"my_response": Response.DECLINED}, Busy.FREE, id="declined"),
        pytest.param({"my_response": Response.ACCEPTED}, Busy.BUSY, id="accepted"),
        pytest.param({"my_response": Response.TENTATIVE}, Busy.TENTATIVE, id="maybe"),
        pytest.param({"my_response": Response.NEEDS_ACTION}, Busy.TENTATIVE, id="unanswered"),
        pytest.param(TENTATIVE, Busy.TENTATIVE, id="tentative"),
        pytest.param({"mirror": True}, Busy.FREE, id="mirror"),
        pytest.param({"transparency": Transparency.TRANSPARENT}, Busy.FREE, id="transparent"),
        pytest.param({"event_type": EventType.WORKING_LOCATION}, Busy.FREE, id="working place"),
        pytest.param({"event_type": EventType.BIRTHDAY}, Busy.FREE, id="birthday"),
        pytest.param({"event_type": EventType.FOCUS_TIME}, Busy.BUSY, id="focus time"),
        pytest.param(OUT, Busy.BUSY, id="out of office"),
        pytest.param(OUT | TENTATIVE, Busy.BUSY, id="out of office before tentative"),
        pytest.param(OUT | {"mirror": True}, Busy.FREE, id="mirror before out of office"),
        pytest.param(
            OUT | {"my_response": Response.DECLINED}, Busy.FREE, id="declined before out of office"
        ),
        pytest.param(
            OUT | {"transparency": Transparency.TRANSPARENT},
            Busy.FREE,
            id="transparent before out of office",
        ),
        pytest.param({"when": ALL_DAY}, Busy.BUSY, id="all-day marked busy"),
        pytest.param(
            {"when": ALL_DAY, "transparency": Transparency.TRANSPARENT},
            Busy.FREE,
            id="all-day marked free",
        ),
    ],
)
def test_the_first_rule_that_fits_decides(fields: dict[str, Any], expected: Busy) -> None:
    assert busy_of(replace(PLAIN, **fields)) is expected


BLOCKING = {
    "all_day": False,
    "tentative_blocks": True,
    "calendar_blocks": True,
    "all_day_blocks": True,
}


@pytest.mark.parametrize(
    ("busy", "settings", "expected"),
    [
        pytest.param(Busy.BUSY, {}, True, id="busy"),
        pytest.param(Busy.FREE, {}, False, id="free"),
        pytest.param(Busy.TENTATIVE, {}, True, id="tentative blocks by default"),
        pytest.param(Busy.TENTATIVE, {"tentative_blocks": False}, False, id="tentative off"),
        pytest.param(Busy.BUSY, {"tentative_blocks": False}, True, id="firm, tentative off"),
        pytest.param(Busy.BUSY, {"calendar_blocks": False}, False, id="calendar off"),
        pytest.param(Busy.BUSY, {"all_day": True}, True, id="all-day"),
        pytest.param(
            Busy.BUSY, {"all_day": True, "all_day_blocks": False}, False, id="all-day off"
        ),
        pytest.param(Busy.BUSY, {"all_day_blocks": False}, True, id="timed, all-day off"),
        pytest.param(
            Busy.BUSY,
            {"all_day": True, "all_day_blocks": False, "out_of_office": True},
            True,
            id="out of office for the day, all-day off",
        ),
        pytest.param(
            Busy.BUSY,
            {"calendar_blocks": False, "out_of_office": True},
            False,
            id="out of office, calendar off",
        ),
        pytest.param(
            Busy.FREE, {"out_of_office": True}, False, id="out of office that was declined"
        ),
    ],
)
def test_settings_decide_the_rest(busy: Busy, settings: dict[str, bool], expected: bool) -> None:  # noqa: FBT001 - a table's column.
    assert blocks(busy, **(BLOCKING | settings)) is expected
