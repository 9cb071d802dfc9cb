"""What PostgreSQL's catalog says of foreign keys.

PostgreSQL looks for the rows that refer to each row that is deleted. Without an index it reads all
of their table, again for every row.
"""

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, Engine, text

pytestmark = pytest.mark.store

# An index helps when it begins with the columns of the key, in whatever order, and has every row
# that can refer to another, which those without a value cannot.
UNINDEXED = """
SELECT format('%s.%s', conrelid::regclass, string_agg(attname, ', ' ORDER BY attnum))
FROM pg_constraint AS fk
JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)
WHERE contype = 'f' AND NOT EXISTS (
  SELECT FROM pg_index
  JOIN pg_class ON pg_class.oid = indexrelid
  JOIN pg_am ON pg_am.oid = relam
  WHERE indrelid = conrelid AND indisvalid AND amname IN ('btree', 'hash', 'gist')
    AND indnkeyatts >= cardinality(conkey)
    AND (string_to_array(indkey::text, ' ')::int2[])[1:cardinality(conkey)] @> conkey
    AND (indpred IS NULL OR pg_get_expr(indpred, indrelid) IN (
      SELECT format('(%I IS NOT NULL)', attname) FROM pg_attribute
      WHERE attrelid = conrelid AND attnum = ANY (conkey)
    ))
)
GROUP BY fk.oid, conrelid
ORDER BY 1
"""


def find_unindexed(connection: Connection) -> Sequence[str]:
    """Return the foreign keys that no index serves, as ``table.column``."""
    return connection.scalars(text(UNINDEXED)).all()


def test_every_foreign_key_has_an_index_that_finds_its_rows(engine: Engine) -> None:
    with engine.connect() as connection:
        assert find_unindexed(connection) == []
        assert connection.scalar(text("SELECT count(*) FROM pg_constraint WHERE contype = 'f'"))


@pytest.mark.parametrize(
    "index",
    [
        None,
        "(note, user_id)",
        "(note) INCLUDE (user_id)",
        "(user_id) WHERE note IS NOT NULL",
        "USING brin (user_id)",  # codespell:ignore brin - a kind of index.
    ],
)
def test_a_foreign_key_without_a_helpful_index_is_noticed(
    engine: Engine, index: str | None
) -> None:
    assert find_unindexed_note(engine, index) == ["notes.user_id"]


@pytest.mark.parametrize(
    "index", ["(user_id, note)", "(user_id) WHERE user_id IS NOT NULL", "USING hash (user_id)"]
)
def test_an_index_that_finds_every_row_that_refers_is_enough(engine: Engine, index: str) -> None:
    assert find_unindexed_note(engine, index) == []


def find_unindexed_note(engine: Engine, index: str | None) -> Sequence[str]:
    """Return what is found when there is one more table, with one index at most."""
    with engine.connect() as connection:
        connection.execute(
            text("CREATE TABLE notes (user_id uuid REFERENCES users (id), note text)")
        )
        if index is not None:
            connection.execute(text(f"CREATE INDEX ON notes {index}"))
        found = find_unindexed(connection)
        connection.rollback()
    return found
