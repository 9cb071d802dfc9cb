"""A crowded database, for tests of how PostgreSQL finds its way in it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from benchmarks.people import make_person
from tests.factories import make_store
from tests.store.scene import FULLNESS, NOW, PEOPLE, STRANGERS, Scene


@pytest.fixture
def scene(clean_database: Engine) -> Iterator[Scene]:
    people = [
        make_person(clean_database, FULLNESS, now=NOW, email=f"{number}@example.test")
        for number in range(PEOPLE)
    ]
    with clean_database.begin() as connection:
        for statement in STRANGERS:
            connection.execute(text(statement), {"now": NOW})
        connection.execute(text("ANALYZE"))
    with make_store(clean_database).begin() as uow:
        user_id = people[PEOPLE // 2]
        found = uow.lookups.load_calendars(user_id)
        yield Scene(uow, user_id, {one.calendar.id: one.calendar for one in found})
        uow.session.rollback()
