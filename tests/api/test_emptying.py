"""Tests start with an empty database, whatever the one before them did."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, text

from calendar_manager.bootstrap import Services
from calendar_manager.sandbox.control_client import ControlClient
from tests.api.callers import Person
from tests.api.full_person import fill, list_tables, read_tables
from tests.emptying import empty_database

pytestmark = pytest.mark.store

NEW_USERS = """
    INSERT INTO users (id, email, password_hash, name, time_zone)
    SELECT gen_random_uuid(), 'u' || number || '@example.com', 'none', 'One of many', 'UTC'
    FROM generate_series(1, :many) AS number
"""
WAITERS = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE NOT granted AND datname = current_database()
"""


def add_users(connection: Connection, many: int) -> None:
    connection.execute(text(NEW_USERS), {"many": many})


def pages_of(engine: Engine) -> int:
    """Return what the users' table takes up, by which it is decided how to empty it."""
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT pg_relation_size('users')")) or 0) // 8192


@pytest.mark.parametrize("more_users", [0, 500])
@pytest.mark.parametrize("counted", [False, True])
def test_nothing_is_left_in_any_table(
    services: Services,
    mara: Person,
    google: ControlClient,
    work: Callable[[], None],
    clean_database: Engine,
    more_users: int,
    counted: bool,  # noqa: FBT001 - pytest names the arguments.
) -> None:
    fill(mara, services=services, google=google, work=work)
    with clean_database.begin() as connection:
        add_users(connection, more_users)
        if counted:
            connection.execute(text("ANALYZE"))
    assert (pages_of(clean_database) > 1) == bool(more_users)

    empty_database(clean_database)

    assert read_tables(clean_database) == {table: [] for table in list_tables()}


def test_who_still_writes_is_waited_for(clean_database: Engine) -> None:
    with ThreadPoolExecutor() as pool:
        with clean_database.begin() as connection:
            add_users(connection, 1)
            emptying = pool.submit(empty_database, clean_database)
            while not connection.scalar(text(WAITERS)):
                assert not emptying.done()
        emptying.result()
    assert not any(read_tables(clean_database).values())
