import json
from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.domain.errors import InvalidRulesError
from calendar_manager.domain.rules import (
    AvailabilityRules,
    DateOverride,
    DaysOff,
    WallWindow,
    Weekday,
    WeeklyWindow,
)
from calendar_manager.domain.rules_document import rules_from_document, rules_to_document

pytestmark = pytest.mark.unit

CONTRACT: dict[str, Any] = {
    "time_zone": "Europe/Berlin",
    "weekly": [{"days": ["mon", "tue"], "start": "09:00", "end": "12:30"}],
    "overrides": [{"date": "2026-12-24", "windows": [{"start": "09:00", "end": "24:00"}]}],
    "days_off": [{"first": "2026-12-25", "last": "2027-01-01"}],
    "holidays": "DE-BE",
    "buffer_before_minutes": 0,
    "buffer_after_minutes": 0,
    "minimum_notice_minutes": 0,
    "horizon_days": 60,
    "slot_step_minutes": 30,
    "slot_duration_minutes": 30,
    "max_meetings_per_day": None,
    "max_minutes_per_day": None,
}


def test_the_document_has_the_shape_of_the_contract() -> None:
    rules = AvailabilityRules(
        time_zone="Europe/Berlin",
        weekly=(WeeklyWindow((Weekday.MON, Weekday.TUE), WallWindow(540, 750)),),
        overrides=(DateOverride(date(2026, 12, 24), (WallWindow(540, 1440),)),),
        days_off=(DaysOff(date(2026, 12, 25), date(2027, 1, 1)),),
        holidays="DE-BE",
    )
    assert rules_to_document(rules) == CONTRACT
    assert rules_from_document(CONTRACT) == rules


def test_only_the_zone_must_be_said() -> None:
    assert rules_from_document({"time_zone": "Asia/Tokyo"}) == AvailabilityRules(
        time_zone="Asia/Tokyo"
    )


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("time_zone",), None, ("time_zone",)),
        (("time_zone",), 7, ("time_zone",)),
        (("weekly",), {}, ("weekly",)),
        (("weekly",), None, ("weekly",)),
        (("weekly", 0), "mon", ("weekly", 0)),
        (("weekly", 0, "days"), "mon", ("weekly", 0, "days")),
        (("weekly", 0, "days", 1), "Tuesday", ("weekly", 0, "days", 1)),
        (("weekly", 0, "days", 1), ["tue"], ("weekly", 0, "days", 1)),
        (("weekly", 0, "start"), "9:00", ("weekly", 0, "start")),
        (("weekly", 0, "start"), "24:00", ("weekly", 0, "start")),
        (("weekly", 0, "start"), None, ("weekly", 0, "start")),
        (("weekly", 0, "end"), "24:01", ("weekly", 0, "end")),
        (("weekly", 0, "end"), "12:60", ("weekly", 0, "end")),
        (("weekly", 0, "end"), "12:30\n", ("weekly", 0, "end")),
        (("weekly", 0, "end"), "१२:३०", ("weekly", 0, "end")),
        (("weekly", 0, "end"), "08:00", ("weekly", 0, "end")),
        (("weekly", 0, "colour"), "red", ("weekly", 0, "colour")),
        (("overrides", 0, "date"), "20261224", ("overrides", 0, "date")),
        (("overrides", 0, "date"), "2026-02-30", ("overrides", 0, "date")),
        (("overrides", 0, "windows"), None, ("overrides", 0, "windows")),
        (("overrides", 0), {"date": "2026-12-24"}, ("overrides", 0, "windows")),
        (("days_off", 0, "first"), 20261225, ("days_off", 0, "first")),
        (("days_off", 0, "last"), "2026-12-24", ("days_off", 0, "last")),
        (("holidays",), 49, ("holidays",)),
        (("horizon_days",), "60", ("horizon_days",)),
        (("horizon_days",), 60.5, ("horizon_days",)),
        (("horizon_days",), None, ("horizon_days",)),
        (("slot_step_minutes",), True, ("slot_step_minutes",)),
        (("max_meetings_per_day",), "3", ("max_meetings_per_day",)),
        (("buffers",), 5, ("buffers",)),
    ],
)
def test_what_cannot_be_read_is_named(
    path: tuple[str | int, ...], value: object, place: tuple[str | int, ...]
) -> None:
    document: Any = deepcopy(CONTRACT)
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    with pytest.raises(InvalidRulesError) as refusal:
        rules_from_document(document)
    assert refusal.value.field == place


@st.composite
def any_rules(draw: st.DrawFn) -> AvailabilityRules:
    def some_windows() -> tuple[WallWindow, ...]:
        edges = draw(st.lists(st.integers(0, 1440), unique=True, max_size=6))
        pairs = sorted(edges[: len(edges) // 2 * 2])
        return tuple(
            WallWindow(pairs[index], pairs[index + 1]) for index in range(0, len(pairs), 2)
        )

    first = draw(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
    numbers = st.integers(1, 700)
    return AvailabilityRules(
        time_zone=draw(st.sampled_from(["UTC", "Pacific/Apia", "America/New_York"])),
        weekly=tuple(WeeklyWindow((day,), window) for day in Weekday for window in some_windows()),
        overrides=(DateOverride(first, some_windows()),),
        days_off=(DaysOff(first, draw(st.dates(first, date(2100, 1, 1)))),),
        holidays=draw(st.sampled_from([None, "FR", "US-CA"])),
        buffer_before_minutes=draw(numbers),
        buffer_after_minutes=draw(numbers),
        minimum_notice_minutes=draw(numbers),
        horizon_days=draw(numbers),
        slot_step_minutes=draw(numbers),
        slot_duration_minutes=draw(numbers),
        max_meetings_per_day=draw(st.none() | numbers),
        max_minutes_per_day=draw(st.none() | numbers),
    )


@given(any_rules())
def test_rules_survive_the_way_through_json(rules: AvailabilityRules) -> None:
    assert rules_from_document(json.loads(json.dumps(rules_to_document(rules)))) == rules
