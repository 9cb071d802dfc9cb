"""The rules of three other libraries' test suites, with the starts that they expect."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from calendar_manager.domain.recurrence import Recurrence, expand
from calendar_manager.domain.times import find_zone, wall_clock

pytestmark = pytest.mark.unit

FILE = Path(__file__).parents[1] / "recurrence" / "rules.jsonl"
RULES: list[dict[str, Any]] = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]
EVER = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))


def content_lines(rule: dict[str, Any]) -> tuple[str, ...]:
    """The rule's lines as a provider sends them."""
    dates = [
        f"{name.upper()}:{text.replace('-', '').replace(':', '')}"
        for name in ("rdate", "exdate")
        for text in rule[name]
    ]
    rules = [f"{name.upper()}:{text}" for name in ("rrule", "exrule") for text in rule[name]]
    return (*rules, *dates)


def test_all_rules_are_there() -> None:
    assert len({rule["id"] for rule in RULES}) == 142


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule["id"]) for rule in RULES])
def test_a_rule_gives_the_starts_that_others_expect(rule: dict[str, Any]) -> None:
    start = datetime.fromisoformat(rule["dtstart"])
    series = Recurrence(start, rule["tz"], content_lines(rule))
    expansion = expand(series, *EVER, limit=len(rule["expected"]))
    assert expansion.truncated is not rule["complete"]
    zone = find_zone(rule["tz"] or "UTC")
    instants = [moment for moment in expansion.starts if isinstance(moment, datetime)]
    assert [wall_clock(moment, zone).isoformat() for moment in instants] == rule["expected"]
    if "expected_utc" in rule:
        written = [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in instants]
        assert written == rule["expected_utc"]


TIME_PARTS = ("BYHOUR", "BYMINUTE", "BYSECOND", "UNTIL")
DAY_RULES = [rule for rule in RULES if not any(part in str(rule["rrule"]) for part in TIME_PARTS)]


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule["id"]) for rule in DAY_RULES])
def test_an_all_day_series_has_the_days_of_the_timed_one(rule: dict[str, Any]) -> None:
    start = datetime.fromisoformat(rule["dtstart"]).date()
    series = Recurrence(start, rule["tz"], content_lines(rule))
    found = expand(series, date(1, 1, 1), date(9999, 12, 31), limit=len(rule["expected"]))
    assert [day.isoformat() for day in found.starts] == [text[:10] for text in rule["expected"]]
