"""What an installation of the first release holds, and what became of it."""

from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import Engine, Select, Text, cast, column, func, inspect, select, table, text

from calendar_manager.store.migrations import make_alembic_config

FIRST_RELEASE = "e8b4c6d2f713"
"""The newest migration of release 0.1.0."""

ROWS = Path(__file__).parent / "release_0_1_0.sql"

Columns = dict[str, list[str]]
Contents = dict[str, list[tuple[Any, ...]]]


def move_to(engine: Engine, revision: str) -> None:
    """Bring the schema to a revision, upwards or downwards."""
    config = make_alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        present = connection.execute(
            text("SELECT to_regclass('alembic_version') IS NOT NULL")
        ).scalar_one()
        if present and revision == FIRST_RELEASE:
            command.downgrade(config, revision)
        else:
            command.upgrade(config, revision)


def install_first_release(engine: Engine) -> None:
    """Make its schema, with rows in every table."""
    move_to(engine, FIRST_RELEASE)
    with engine.begin() as connection:
        # Straight to the driver: the colons of times are no parameters.
        connection.connection.cursor().execute(ROWS.read_text())


def list_columns(engine: Engine) -> Columns:
    """Return the columns of every table, by table."""
    inspector = inspect(engine)
    return {
        name: sorted(one["name"] for one in inspector.get_columns(name))
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }


def read(engine: Engine, columns: Columns) -> Contents:
    """Return all rows of tables, as texts and in an order of their own."""
    with engine.connect() as connection:
        return {
            name: sorted(tuple(row) for row in connection.execute(_select(name, wanted)))
            for name, wanted in columns.items()
        }


def _select(name: str, columns: list[str]) -> Select[Any]:
    shown = (func.coalesce(cast(column(one), Text), "∅") for one in columns)
    return select(*shown).select_from(table(name))
