"""Writing many rows with one statement, and all their values as one.

SQLAlchemy batches a plain INSERT of a list of rows, but an UPDATE by a list of rows, and an INSERT
that lets what is there stand, it sends row by row, and each would run the statement's triggers.
Where it batches, every value is a parameter of its own, which took a third of a first sync's
processor time. Here the rows travel as one JSON document that PostgreSQL reads as a table.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import JSON, Text, cast, column, func, literal, select, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import TableValuedAlias

from calendar_manager.store.tables import Base

Rows = Sequence[dict[str, Any]]

PORTION: Final = 2500
"""How many rows travel at once, so that a document stays small however many rows there are."""


def portions(rows: Rows) -> Iterator[Rows]:
    """Yield rows in portions of which a statement can take one at a time."""
    for begin in range(0, len(rows), PORTION):
        yield rows[begin : begin + PORTION]


def insertion(table: type[Base], rows: Rows) -> Insert:
    """Return the statement that inserts rows; the caller adds what it does about conflicts.

    Args:
        table: Into which table.
        rows: At least one, with values of the same columns in each. Columns that are left out
            get what the database gives them, so that the ``id`` must not be among them.
    """
    new = _spread(table, rows)
    source = select(*(new.c[name] for name in rows[0]))
    return insert(table).from_select([*rows[0]], source, include_defaults=False)


def insert_rows(session: Session, table: type[Base], rows: Rows) -> None:
    """Insert rows.

    Args:
        session: The transaction's session.
        table: Into which table.
        rows: As :func:`insertion` takes them, and as many as there are.
    """
    for portion in portions(rows):
        session.execute(insertion(table, portion))


def insert_missing(session: Session, table: type[Base], rows: Rows) -> None:
    """Insert rows, and leave out those whose place is taken.

    Args:
        session: The transaction's session.
        table: Into which table.
        rows: As :func:`insertion` takes them, and as many as there are.
    """
    for portion in portions(rows):
        session.execute(insertion(table, portion).on_conflict_do_nothing())


def update_rows(session: Session, table: type[Base], rows: Rows) -> None:
    """Change rows, each found by its ``id``.

    Args:
        session: The transaction's session; what it has loaded before does not change.
        table: Of which table.
        rows: The id and the new values, of the same columns in each.
    """
    for portion in portions(rows):
        new = _spread(table, portion)
        values = {name: new.c[name] for name in rows[0] if name != "id"}
        session.execute(
            update(table).where(table.__table__.c.id == new.c.id).values(values),
            execution_options={"synchronize_session": False},
        )


def _spread(table: type[Base], rows: Rows) -> TableValuedAlias:
    """Return rows as a table that a statement can read from."""
    # What JSON has no form for, such as instants and UUIDs, PostgreSQL reads from its text.
    document = json.dumps(rows, default=str, ensure_ascii=False)
    columns = [table.__table__.c[name] for name in rows[0]]
    spread = func.json_to_recordset(cast(literal(document, Text()), JSON)).table_valued(
        *(column(one.name, one.type) for one in columns)
    )
    return spread.render_derived("new_rows", with_types=True)
