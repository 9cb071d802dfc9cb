"""Availability rules as a form."""

from typing import Any

import pytest
from starlette.datastructures import FormData

from calendar_manager.api.schemas.availability import RULES_EXAMPLE
from calendar_manager.domain.rules import AvailabilityRules
from calendar_manager.domain.rules_document import rules_from_document, rules_to_document
from calendar_manager.web.rules_form import (
    RulesRefusedError,
    parse_rules,
    read_form,
    show_rules,
)

pytestmark = pytest.mark.unit

Fields = list[tuple[str, str]]

PLAIN: Fields = [
    ("time_zone", "Europe/Berlin"),
    ("buffer_before_minutes", "0"),
    ("buffer_after_minutes", "0"),
    ("minimum_notice_minutes", "0"),
    ("notice_unit", "hours"),
    ("horizon_days", "60"),
    ("slot_step_minutes", "30"),
    ("slot_duration_minutes", "30"),
]


def parse(fields: Fields, **changes: str) -> AvailabilityRules:
    plain = [(name, changes.pop(name, value)) for name, value in PLAIN]
    return parse_rules(read_form(FormData([*plain, *changes.items(), *fields])))


def test_rules_that_are_shown_and_read_again_are_the_same() -> None:
    rules = rules_from_document(RULES_EXAMPLE)
    assert parse_rules(show_rules(rules)) == rules


def test_hours_that_days_share_become_one_entry() -> None:
    fields = [
        (f"{day}-{edge}", value)
        for day in ("mon", "tue", "fri")
        for edge, value in (("start", "9"), ("end", "12.30"))
    ]
    document = rules_to_document(parse([*fields, ("sat-start", "1000"), ("sat-end", "00:00")]))
    assert document["weekly"] == [
        {"days": ["mon", "tue", "fri"], "start": "09:00", "end": "12:30"},
        {"days": ["sat"], "start": "10:00", "end": "24:00"},
    ]


@pytest.mark.parametrize(
    ("text", "clock"),
    [("9", "09:00"), ("930", "09:30"), ("0930", "09:30"), ("9:30", "09:30"), (" 09.30 ", "09:30")],
)
def test_a_clock_may_be_typed_in_several_ways(text: str, clock: str) -> None:
    rules = parse([("mon-start", text), ("mon-end", "24:00")])
    weekly: Any = rules_to_document(rules)["weekly"]
    assert weekly[0]["start"] == clock


def test_dates_keep_their_own_hours_and_none_is_a_day_off() -> None:
    rules = parse(
        [
            ("override-7-date", "2026-12-24"),
            ("override-7-start", "09:00"),
            ("override-7-end", "12:00"),
            ("override-2-date", "2026-12-23"),
            ("off-first", "2026-12-25"),
            ("off-last", "2027-01-01"),
            ("off-first", "2027-02-01"),
            ("off-last", ""),
        ]
    )
    document = rules_to_document(rules)
    assert document["overrides"] == [
        {"date": "2026-12-24", "windows": [{"start": "09:00", "end": "12:00"}]},
        {"date": "2026-12-23", "windows": []},
    ]
    assert document["days_off"] == [
        {"first": "2026-12-25", "last": "2027-01-01"},
        {"first": "2027-02-01", "last": "2027-02-01"},
    ]


def test_rows_in_which_nothing_was_typed_mean_nothing() -> None:
    rules = parse(
        [
            ("mon-start", ""),
            ("mon-end", " "),
            ("override-0-date", ""),
            ("off-first", ""),
            ("off-last", ""),
        ]
    )
    assert (rules.weekly, rules.overrides, rules.days_off) == ((), (), ())


def test_a_notice_is_told_in_the_longest_unit_that_fits() -> None:
    assert parse([], minimum_notice_minutes="2", notice_unit="days").minimum_notice_minutes == 2880
    for minutes, shown in ((2880, ("2", "days")), (90, ("90", "minutes")), (120, ("2", "hours"))):
        typed = show_rules(AvailabilityRules(time_zone="UTC", minimum_notice_minutes=minutes))
        assert (typed.numbers["minimum_notice_minutes"], typed.notice_unit) == shown


@pytest.mark.parametrize(
    ("fields", "changes", "field", "message"),
    [
        ([("mon-start", "17"), ("mon-end", "9")], {}, "mon-end:0", "end after they start"),
        (
            [(n, v) for v in ("", "9", "10") for n in ("tue-start", "tue-end")],
            {},
            "tue-end:1",
            "end after they start",
        ),
        (
            [("wed-start", "9"), ("wed-end", "12"), ("wed-start", "11"), ("wed-end", "13")],
            {},
            "wed-start:1",
            "overlap on Wednesday",
        ),
        ([("thu-start", "soon"), ("thu-end", "9")], {}, "thu-start:0", "is not a time"),
        ([("fri-start", "9"), ("fri-end", "")], {}, "fri-end:0", "This is not a time"),
        (
            [("override-3-date", "2026-02-30")],
            {},
            "override-3-date:0",
            "is not a date",
        ),
        (
            [
                ("override-3-date", "2026-02-03"),
                ("override-3-start", ""),
                ("override-3-end", ""),
                ("override-3-start", "9"),
                ("override-3-end", "8"),
            ],
            {},
            "override-3-end:1",
            "end after they start",
        ),
        (
            [("override-3-date", "2026-02-03"), ("override-4-date", "2026-02-03")],
            {},
            "override-4-date:0",
            "has an override already",
        ),
        (
            [
                ("off-first", ""),
                ("off-last", ""),
                ("off-first", "2026-02-03"),
                ("off-last", "2026-02-01"),
            ],
            {},
            "off-last:1",
            "before they start",
        ),
        ([], {"time_zone": "Mars"}, "time_zone:0", "is not an IANA zone"),
        ([("country", "ZZ")], {}, "country:0", "are not known"),
        ([("country", "DE"), ("region", "<b>")], {}, "country:0", "is not a country code"),
        ([], {"horizon_days": "0"}, "horizon_days:0", "between 1 and 730"),
        ([], {"horizon_days": "-1"}, "horizon_days:0", "whole number"),
        ([], {"slot_step_minutes": ""}, "slot_step_minutes:0", "whole number"),
        ([("max_meetings_per_day", "many")], {}, "max_meetings_per_day:0", "whole number"),
    ],
)
def test_a_problem_names_its_field_by_name_and_position(
    fields: Fields, changes: dict[str, str], field: str, message: str
) -> None:
    with pytest.raises(RulesRefusedError) as refused:
        parse(fields, **changes)
    assert list(refused.value.problems) == [field]
    assert message in refused.value.problems[field]


def test_every_number_that_cannot_be_read_is_named() -> None:
    with pytest.raises(RulesRefusedError) as refused:
        parse([], horizon_days="x", slot_step_minutes="y")
    assert set(refused.value.problems) == {"horizon_days:0", "slot_step_minutes:0"}
