"""Empties the database between tests: quickly, and so that the next test cannot notice."""

from sqlalchemy import Connection, Engine, text

from calendar_manager.store.tables import Base

PAGE_BYTES = 8192

CHILDREN_FIRST = [table.name for table in reversed(Base.metadata.sorted_tables)]

SIZES = """
    SELECT relname, pg_relation_size(oid), reltuples FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
"""


def empty_database(engine: Engine) -> None:
    """Delete the rows of all tables, after waiting for every transaction that goes on.

    ``TRUNCATE`` makes new files for a table, its indexes and all that refers to it, which takes
    longer than most tests. It is used for tables that grew beyond their first page or whose rows
    were counted by ``ANALYZE``. In one page rows stay in the order in which they were written,
    whatever was deleted before them, and PostgreSQL plans as it does for a new table.

    Args:
        engine: Connects to a database with the newest schema.
    """
    with engine.begin() as connection:
        # As TRUNCATE does: whoever still writes would leave rows behind.
        connection.execute(text(f"LOCK TABLE {', '.join(CHILDREN_FIRST)}"))
        used, grown = _look(connection)
        if grown:
            connection.execute(text(f"TRUNCATE {', '.join(sorted(grown))} CASCADE"))
        for name in CHILDREN_FIRST:
            if name in used - grown:
                connection.execute(text(f"DELETE FROM {name}"))  # noqa: S608 - the schema's own name.


def _look(connection: Connection) -> tuple[set[str], set[str]]:
    """Return the tables that have room for rows, and those to truncate."""
    used, grown = set[str](), set[str]()
    for name, size, counted in connection.execute(text(SIZES)):
        if name in CHILDREN_FIRST and size:
            used.add(name)
        if name in CHILDREN_FIRST and (size > PAGE_BYTES or counted >= 0):
            grown.add(name)
    return used, grown
