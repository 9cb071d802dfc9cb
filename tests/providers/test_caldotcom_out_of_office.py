"""Cal.com's out-of-office entries become all-day events on the days that were meant."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from calendar_manager.domain.busy import Busy, blocks, busy_of
from calendar_manager.domain.changes import GroupRead, Rejected
from calendar_manager.domain.events import Event, EventKind, EventType
from calendar_manager.domain.timespan import DateSpan
from calendar_manager.providers.caldotcom.out_of_office import normalize_out_of_office

pytestmark = pytest.mark.unit

WIRE = Path(__file__).parents[1] / "wire" / "caldotcom" / "out_of_office"
BERLIN = "Europe/Berlin"
MAY_1_TO_10 = DateSpan(date(2026, 5, 1), date(2026, 5, 11))
VACATION = "Out of office: vacation"


def wire(name: str) -> dict[str, Any]:
    return dict(json.loads((WIRE / f"{name}.json").read_text(encoding="utf-8")))


def read(*items: object, zone: str | None = BERLIN) -> tuple[list[Event], list[Rejected]]:
    *rejections, group = normalize_out_of_office(items, time_zone=zone)
    assert isinstance(group, GroupRead)
    assert group.prefix == "ooo:"
    return list(group.events), [one for one in rejections if isinstance(one, Rejected)]


def away(own_id: str, when: DateSpan = MAY_1_TO_10, **fields: Any) -> Event:
    values = {"title": VACATION, "description": "Hawaii", **fields}
    return Event(
        provider_event_id=f"ooo:{own_id}",
        kind=EventKind.SINGLE,
        when=when,
        event_type=EventType.OUT_OF_OFFICE,
        **values,
    )


EXPECTED = {
    "whole_days": away("days"),
    "one_day": away(
        "day",
        DateSpan(date(2026, 5, 1), date(2026, 5, 2)),
        title="Out of office: sick leave",
        description=None,
    ),
    "unspecified": away("unspecified", title="Out of office", description=None),
    "covered_by_a_colleague": away("covered", title="Out of office: public holiday"),
    "reason_unknown": away("sabbatical", title="Out of office"),
    "midnight_to_midnight": away("midnight"),
    "local_days_of_berlin": away("local"),
    "some_hours": away("hours", DateSpan(date(2026, 5, 1), date(2026, 5, 4))),
    "without_uuid": away("12"),
}
REJECTED = {
    "rejected_no_start": ("ooo:nostart", "no start"),
    "rejected_ends_before_it_starts": ("ooo:inverted", "before it starts"),
}


def test_every_payload_is_expected_to_become_something() -> None:
    assert {path.stem for path in WIRE.glob("*.json")} == EXPECTED.keys() | REJECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_entry_becomes_an_all_day_event(name: str) -> None:
    assert read(wire(name)) == ([EXPECTED[name]], [])


@pytest.mark.parametrize("name", REJECTED)
def test_unreadable_entry_is_named_so_that_it_does_not_go(name: str) -> None:
    events, (rejected,) = read(wire(name), wire("whole_days"))
    assert events == [EXPECTED["whole_days"]]
    own_id, words = REJECTED[name]
    assert rejected.provider_event_id == own_id
    assert words in rejected.reason


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati", "UTC", None])
def test_days_are_the_same_wherever_the_person_is(zone: str | None) -> None:
    (event,), _ = read(wire("whole_days"), zone=zone)
    assert event.when == MAY_1_TO_10


def test_hours_touch_the_days_of_the_persons_zone() -> None:
    # From 10:00 on 1 May to 23:30 on 2 May in UTC.
    (event,), _ = read(wire("some_hours"), zone="America/Los_Angeles")
    assert event.when == DateSpan(date(2026, 5, 1), date(2026, 5, 3))


def test_absence_blocks_although_it_is_all_day() -> None:
    (event,), _ = read(wire("whole_days"))
    assert busy_of(event) is Busy.BUSY
    assert blocks(
        Busy.BUSY,
        all_day=True,
        tentative_blocks=False,
        calendar_blocks=True,
        all_day_blocks=False,
        out_of_office=event.event_type is EventType.OUT_OF_OFFICE,
    )


def test_no_entries_are_an_empty_group() -> None:
    assert normalize_out_of_office([], time_zone=BERLIN) == (GroupRead("ooo:", ()),)


@pytest.mark.parametrize("item", [None, 5, "x", [], {}, {"uuid": ""}, {"id": True}])
def test_entry_without_an_id_costs_only_itself(item: object) -> None:
    events, (rejected,) = read(item, wire("whole_days"))
    assert events == [EXPECTED["whole_days"]]
    assert rejected.provider_event_id is None
