"""From the first release up to the newest schema and back, with rows in every table."""

from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine

from calendar_manager.store.migrations import make_alembic_config
from tests.deploy.release_data import (
    FIRST_RELEASE,
    install_first_release,
    list_columns,
    move_to,
    read,
)

pytestmark = pytest.mark.store


@pytest.fixture
def old(empty_database_url: str) -> Iterator[Engine]:
    """An installation of the first release."""
    engine = create_engine(empty_database_url)
    install_first_release(engine)
    yield engine
    engine.dispose()


def test_every_table_of_the_release_has_rows(old: Engine) -> None:
    contents = read(old, list_columns(old))

    assert len(contents) == 23
    assert [table for table, rows in contents.items() if not rows] == []


def test_rows_survive_the_way_up_down_and_up_again(old: Engine) -> None:
    columns = list_columns(old)
    before = read(old, columns)

    move_to(old, "head")
    assert read(old, columns) == before

    move_to(old, FIRST_RELEASE)
    assert list_columns(old) == columns
    assert read(old, columns) == before

    move_to(old, "head")
    assert read(old, columns) == before


def test_the_upgraded_schema_is_that_of_the_tables(old: Engine) -> None:
    move_to(old, "head")
    config = make_alembic_config()

    with old.begin() as connection:
        config.attributes["connection"] = connection
        # Raises when a migration and the tables differ.
        command.check(config)
