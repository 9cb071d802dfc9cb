"""Recurrence rules in plain words, and colours that can be told apart."""

import pytest

from calendar_manager.domain.times import find_zone
from calendar_manager.web.palette import pick_colors
from calendar_manager.web.recurrence_words import REPEATS, describe_recurrence

pytestmark = pytest.mark.unit

CHICAGO = find_zone("America/Chicago")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=DAILY", "Every day"),
        ("FREQ=DAILY;INTERVAL=3;COUNT=5", "Every 3 days, 5 times"),
        ("FREQ=WEEKLY", "Every week"),
        ("FREQ=WEEKLY;BYDAY=WE,MO", "Every week on Monday and Wednesday"),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "Every working day"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=FR", "Every 2 weeks on Friday"),
        ("FREQ=MONTHLY;BYMONTHDAY=15,1", "Every month on day 1 and 15"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "Every month on the last Friday"),
        ("FREQ=MONTHLY;BYDAY=1MO;UNTIL=20261218", "Every month on the first Monday, until 18"),
        ("FREQ=YEARLY", "Every year"),
    ],
)
def test_common_rules_are_told_in_words(rule: str, words: str) -> None:
    told = describe_recurrence(
        [f"RRULE:{rule}", "EXDATE;VALUE=DATE:20260406"], CHICAGO, all_day=False
    )
    assert told == (f"{words} December 2026" if "UNTIL" in rule else words)


@pytest.mark.parametrize(
    "lines",
    [
        ["RRULE:FREQ=HOURLY"],
        ["RRULE:FREQ=MONTHLY;BYMONTHDAY=-1"],
        ["RRULE:FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13"],
        ["RRULE:FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1"],
        ["RRULE:FREQ=YEARLY;BYDAY=20MO"],
        ["RRULE:FREQ=DAILY;BYDAY=MO"],
        ["RRULE:FREQ=WEEKLY", "RRULE:FREQ=DAILY"],
        ["RRULE:FREQ=WEEKLY", "EXRULE:FREQ=MONTHLY"],
        ["RDATE:20260302T090000Z"],
        ["RRULE:nonsense"],
    ],
)
def test_what_takes_many_words_is_only_said_to_repeat(lines: list[str]) -> None:
    assert describe_recurrence(lines, CHICAGO, all_day=False) == REPEATS


@pytest.mark.parametrize(
    ("until", "all_day", "last"),
    [
        pytest.param("20261219T055959Z", False, 18, id="the end of the local day"),
        pytest.param("20261219T000000Z", False, 18, id="an instant that is midnight in UTC"),
        pytest.param("20261218T090000", False, 18, id="a time on the clock of the series"),
        pytest.param("20261218", False, 18, id="a date"),
        pytest.param("20261218T000000Z", True, 18, id="a date written as midnight in UTC"),
        pytest.param("20261219T055959Z", True, 18, id="the end of the last day of an all-day one"),
    ],
)
def test_the_last_day_is_that_of_the_zone_in_which_a_series_recurs(
    until: str, last: int, *, all_day: bool
) -> None:
    told = describe_recurrence([f"RRULE:FREQ=DAILY;UNTIL={until}"], CHICAGO, all_day=all_day)
    assert told == f"Every day, until {last} December 2026"


def test_a_colour_that_somebody_chose_stays() -> None:
    assert pick_colors(["#ABCDEF", "#000000"]) == ["#abcdef", "#000000"]


def test_things_of_one_colour_or_none_can_be_told_apart() -> None:
    picked = pick_colors(["#9fe1e7", "#9fe1e7", None, "red", "#2f9e6e"])
    assert picked[0] == "#9fe1e7"
    assert picked[4] == "#2f9e6e", "it was chosen, so no other one takes it"
    assert len(set(picked)) == len(picked)


def test_there_is_a_colour_for_each_of_very_many() -> None:
    assert len(pick_colors([None] * 50)) == 50
