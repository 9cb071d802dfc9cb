"""Google's calendar list becomes ours."""

from typing import Any

import pytest

from calendar_manager.domain.accounts import AccessRole, RemoteCalendar
from calendar_manager.providers.google.normalize import normalize_calendar

pytestmark = pytest.mark.unit

CALENDAR = {
    "id": "team@group.calendar.google.com",
    "summary": "Team",
    "summaryOverride": "Client A",
    "timeZone": "America/Chicago",
    "backgroundColor": "#9FE1E7",
    "accessRole": "reader",
    "selected": True,
}


def test_calendar_is_read() -> None:
    assert normalize_calendar(CALENDAR) == RemoteCalendar(
        provider_calendar_id="team@group.calendar.google.com",
        name="Client A",
        time_zone="America/Chicago",
        color="#9fe1e7",
        primary=False,
        access_role=AccessRole.READER,
        selected=True,
    )


@pytest.mark.parametrize(
    ("change", "attribute", "expected"),
    [
        ({"summaryOverride": ""}, "name", "Team"),
        ({"summaryOverride": None, "summary": None}, "name", "team@group.calendar.google.com"),
        ({"timeZone": "Mars/Olympus"}, "time_zone", None),
        ({"timeZone": None}, "time_zone", None),
        ({"backgroundColor": "red; }"}, "color", None),
        ({"primary": True}, "primary", True),
        ({"selected": None}, "selected", False),
        ({"accessRole": "owner"}, "access_role", AccessRole.OWNER),
        ({"accessRole": "writer"}, "access_role", AccessRole.WRITER),
        ({"accessRole": "writerWithoutPrivateAccess"}, "access_role", AccessRole.WRITER),
        ({"accessRole": "freeBusyReader"}, "access_role", AccessRole.FREE_BUSY_READER),
        ({"accessRole": "emperor"}, "access_role", AccessRole.READER),
    ],
)
def test_calendar_field_is_read(change: dict[str, Any], attribute: str, expected: object) -> None:
    calendar = normalize_calendar({**CALENDAR, **change})
    assert getattr(calendar, attribute) == expected


@pytest.mark.parametrize("change", [{"deleted": True}, {"accessRole": "none"}, {"id": None}])
def test_calendar_that_cannot_be_read_is_left_out(change: dict[str, Any]) -> None:
    assert normalize_calendar({**CALENDAR, **change}) is None
