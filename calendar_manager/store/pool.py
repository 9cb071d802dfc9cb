"""Connections to PostgreSQL that are kept, and found dead before anybody works on them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

from psycopg2 import extensions
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

CONNECTIONS: Final = 16
"""How many connections a process keeps, and how many requests it works on at a time, beside the few
quick ones.

Were there more requests, they would open connections above this number and close them again, and
each of these costs PostgreSQL a process. Nor would they be quicker: Python runs one at a time.
"""

UNCHECKED_SECONDS: Final = 2.0
"""A connection that was used a moment ago is taken to live. Asking each time, as the pool does by
itself, doubles the round trips of a short transaction."""

_USED_AT: Final = "used_at"


def make_engine(url: str, *, pool_size: int) -> Engine:
    """Open the database at ``url``.

    Every connection speaks UTC, so that no server setting shifts an instant on its way. One that
    lay idle is asked for a sign of life first and replaced when it gives none.

    Args:
        url: Where.
        pool_size: How many connections are kept; as many again may be open for a while.
    """
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        connect_args={"options": "-c timezone=UTC"},
    )

    def note_use(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info[_USED_AT] = time.monotonic()

    def check(connection: DBAPIConnection, entry: ConnectionPoolEntry, _: Any) -> None:  # noqa: ANN401 - SQLAlchemy's proxy.
        used_at = entry.info.get(_USED_AT)
        if used_at is None or time.monotonic() - used_at < UNCHECKED_SECONDS:
            return
        try:
            alive = engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error
        if not alive:
            raise DisconnectionError

    event.listen(engine, "checkin", note_use)
    event.listen(engine, "checkout", check)
    return engine


@contextmanager
def autocommitting(engine: Engine) -> Iterator[Connection]:
    """Lend a connection on which each statement is a transaction of its own.

    SQLAlchemy's isolation level ``AUTOCOMMIT`` says so to PostgreSQL at each change, which costs
    the round trip that is to be saved. psycopg2 by itself only leaves out its ``BEGIN``.
    """
    with engine.connect() as connection:
        driver = cast("extensions.connection", connection.connection.dbapi_connection)
        driver.autocommit = True
        try:
            yield connection
        finally:
            if not driver.closed:
                driver.autocommit = False
