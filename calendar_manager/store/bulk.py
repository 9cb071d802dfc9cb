"""Writing many rows with one statement, where SQLAlchemy by itself would send one for each.

It batches a plain INSERT of a list of rows. An UPDATE by a list of rows, and an INSERT that lets
what is there stand, it sends row by row, and each would run the statement's triggers. Here the rows
travel as one array for each column, so no column may be an array itself.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import cast, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import TableValuedAlias

from calendar_manager.store.tables import Base

Rows = Sequence[dict[str, Any]]


def update_rows(session: Session, table: type[Base], rows: Rows) -> None:
    """Change rows, each found by its ``id``.

    Args:
        session: The transaction's session; what it has loaded before does not change.
        table: Of which table.
        rows: The id and the new values, of the same columns in each.
    """
    if not rows:
        return
    new = _spread(table, rows)
    values = {name: new.c[name] for name in rows[0] if name != "id"}
    session.execute(
        update(table).where(table.__table__.c.id == new.c.id).values(values),
        execution_options={"synchronize_session": False},
    )


def insert_missing(session: Session, table: type[Base], rows: Rows) -> None:
    """Insert rows, and leave out those whose place is taken.

    Args:
        session: The transaction's session.
        table: Into which table.
        rows: Their values, of the same columns in each.
    """
    if not rows:
        return
    new = _spread(table, rows)
    source = select(*(new.c[name] for name in rows[0]))
    session.execute(insert(table).from_select([*rows[0]], source).on_conflict_do_nothing())


def _spread(table: type[Base], rows: Rows) -> TableValuedAlias:
    """Return rows as a table that a statement can read from."""
    columns = [table.__table__.c[name] for name in rows[0]]
    arrays = [cast([row[column.name] for row in rows], ARRAY(column.type)) for column in columns]
    spread = func.unnest(*arrays).table_valued(*(column.name for column in columns))
    return spread.render_derived("new_rows")
