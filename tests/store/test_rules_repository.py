"""Availability rules in the database."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Engine

from calendar_manager.domain.rules import (
    DateOverride,
    DaysOff,
    WallWindow,
    Weekday,
    WeeklyWindow,
    default_rules,
)
from tests.factories import add_user, make_store

pytestmark = pytest.mark.store


def test_who_said_none_has_office_hours_in_their_own_zone(clean_database: Engine) -> None:
    with make_store(clean_database).begin() as uow:
        user = add_user(uow, time_zone="America/New_York")
        rules = uow.lookups.load_rules(user.id, time_zone=user.time_zone)
    assert rules == default_rules("America/New_York")


def test_rules_come_back_as_they_were_saved_and_replace_each_other(
    clean_database: Engine,
) -> None:
    first = replace(default_rules("Europe/Berlin"), buffer_after_minutes=15, holidays="DE-BE")
    second = replace(
        first,
        weekly=(WeeklyWindow((Weekday.MON, Weekday.SUN), WallWindow(0, 24 * 60)),),
        overrides=(DateOverride(date(2026, 12, 24), ()),),
        days_off=(DaysOff(date(2026, 12, 25), date(2027, 1, 1)),),
        max_meetings_per_day=3,
    )
    store = make_store(clean_database)
    with store.begin() as uow:
        user, other = add_user(uow), add_user(uow)
        uow.rules.save(user.id, first)
        assert uow.lookups.load_rules(user.id, time_zone="UTC") == first
        uow.rules.save(user.id, second)
    with store.begin() as uow:
        assert uow.lookups.load_rules(user.id, time_zone="UTC") == second
        assert uow.lookups.load_rules(other.id, time_zone="UTC") == default_rules("UTC")
