from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from calendar_manager.domain.errors import InvalidRulesError
from calendar_manager.domain.rules import (
    AvailabilityRules,
    DateOverride,
    DaysOff,
    WallWindow,
    Weekday,
    WeeklyWindow,
    default_rules,
    weekday_of,
)

pytestmark = pytest.mark.unit

MON, TUE = Weekday.MON, Weekday.TUE
CHRISTMAS_EVE = date(2026, 12, 24)


def hours(start: int, end: int) -> WallWindow:
    return WallWindow(start * 60, end * 60)


def test_who_says_nothing_works_office_hours_in_their_own_zone() -> None:
    rules = default_rules("Asia/Kolkata")
    assert rules.time_zone == "Asia/Kolkata"
    assert rules.weekly == (
        WeeklyWindow(
            (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI), hours(9, 17)
        ),
    )


def test_a_date_has_its_day_of_the_week() -> None:
    assert weekday_of(date(2026, 11, 21)) is Weekday.SAT


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"weekly": (WeeklyWindow((MON,), hours(22, 24)),)}, id="24:00 as end"),
        pytest.param(
            {"weekly": (WeeklyWindow((MON,), hours(9, 12)), WeeklyWindow((MON,), hours(12, 15)))},
            id="touching windows",
        ),
        pytest.param(
            {"weekly": (WeeklyWindow((MON,), hours(9, 12)), WeeklyWindow((TUE,), hours(9, 12)))},
            id="the same hours on two days",
        ),
        pytest.param({"weekly": ()}, id="no hours at all"),
        pytest.param({"overrides": (DateOverride(CHRISTMAS_EVE, ()),)}, id="override as day off"),
        pytest.param({"days_off": (DaysOff(CHRISTMAS_EVE, CHRISTMAS_EVE),)}, id="one day off"),
        pytest.param({"holidays": "DE"}, id="country"),
        pytest.param({"holidays": "DE-BE"}, id="part of a country"),
        pytest.param({"holidays": "AU-NSW Western"}, id="part with a long name"),
        pytest.param({"horizon_days": 1}, id="shortest horizon"),
        pytest.param({"horizon_days": 730}, id="longest horizon"),
        pytest.param({"max_meetings_per_day": 1, "max_minutes_per_day": 1}, id="limits"),
    ],
)
def test_sensible_rules_are_accepted(fields: dict[str, Any]) -> None:
    replace(default_rules("Europe/Berlin"), **fields)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        pytest.param({"time_zone": "Europe/Atlantis"}, ("time_zone",), id="unknown zone"),
        pytest.param({"time_zone": ""}, ("time_zone",), id="empty zone"),
        pytest.param(
            {"weekly": (WeeklyWindow((MON,), hours(17, 9)),)},
            ("weekly", 0, "end"),
            id="inverted window",
        ),
        pytest.param(
            {"weekly": (WeeklyWindow((MON,), hours(9, 9)),)},
            ("weekly", 0, "end"),
            id="empty window",
        ),
        pytest.param(
            {"weekly": (WeeklyWindow((MON,), WallWindow(-1, 60)),)},
            ("weekly", 0, "start"),
            id="before midnight",
        ),
        pytest.param(
            {"weekly": (WeeklyWindow((MON,), WallWindow(60, 1441)),)},
            ("weekly", 0, "end"),
            id="after midnight",
        ),
        pytest.param(
            {"weekly": (WeeklyWindow((), hours(9, 12)),)}, ("weekly", 0, "days"), id="no day"
        ),
        pytest.param(
            {"weekly": (WeeklyWindow((MON, MON), hours(9, 12)),)},
            ("weekly", 0, "days"),
            id="a day twice",
        ),
        pytest.param(
            {
                "weekly": (
                    WeeklyWindow((TUE,), hours(9, 12)),
                    WeeklyWindow((MON,), hours(11, 15)),
                    WeeklyWindow((MON, TUE), hours(10, 11)),
                )
            },
            ("weekly", 2),
            id="overlap on one of the days",
        ),
        pytest.param(
            {
                "weekly": (
                    WeeklyWindow((MON,), hours(13, 15)),
                    WeeklyWindow((MON,), hours(9, 14)),
                )
            },
            ("weekly", 1),
            id="overlap named at the later entry",
        ),
        pytest.param(
            {"overrides": (DateOverride(CHRISTMAS_EVE, (hours(9, 12), hours(11, 13))),)},
            ("overrides", 0, "windows", 1),
            id="overlap in an override",
        ),
        pytest.param(
            {"overrides": (DateOverride(CHRISTMAS_EVE, (hours(12, 9),)),)},
            ("overrides", 0, "windows", 0, "end"),
            id="inverted in an override",
        ),
        pytest.param(
            {"overrides": (DateOverride(CHRISTMAS_EVE, ()), DateOverride(CHRISTMAS_EVE, ()))},
            ("overrides", 1, "date"),
            id="a date twice",
        ),
        pytest.param(
            {"days_off": (DaysOff(CHRISTMAS_EVE, date(2026, 12, 23)),)},
            ("days_off", 0, "last"),
            id="inverted days off",
        ),
        pytest.param({"holidays": "Germany"}, ("holidays",), id="no country code"),
        pytest.param({"holidays": "de"}, ("holidays",), id="country code in small letters"),
        pytest.param({"holidays": "DE-"}, ("holidays",), id="country without its part"),
        pytest.param({"buffer_before_minutes": -1}, ("buffer_before_minutes",), id="before"),
        pytest.param({"buffer_after_minutes": -1}, ("buffer_after_minutes",), id="after"),
        pytest.param({"buffer_after_minutes": 1441}, ("buffer_after_minutes",), id="huge buffer"),
        pytest.param({"minimum_notice_minutes": -1}, ("minimum_notice_minutes",), id="notice"),
        pytest.param({"horizon_days": 0}, ("horizon_days",), id="no horizon"),
        pytest.param({"horizon_days": 731}, ("horizon_days",), id="far horizon"),
        pytest.param({"slot_step_minutes": 0}, ("slot_step_minutes",), id="no step"),
        pytest.param({"slot_duration_minutes": 0}, ("slot_duration_minutes",), id="no duration"),
        pytest.param({"max_meetings_per_day": 0}, ("max_meetings_per_day",), id="no meetings"),
        pytest.param({"max_minutes_per_day": 0}, ("max_minutes_per_day",), id="no minutes"),
    ],
)
def test_what_breaks_a_rule_is_named(fields: dict[str, Any], place: tuple[str | int, ...]) -> None:
    with pytest.raises(InvalidRulesError) as refusal:
        AvailabilityRules(**({"time_zone": "Europe/Berlin"} | fields))
    assert refusal.value.field == place
