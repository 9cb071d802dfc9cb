"""Kept connections: never a dead one to work on, and no round trip too many."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from calendar_manager.store import pool
from calendar_manager.store.pool import autocommitting, make_engine

pytestmark = pytest.mark.store


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url, pool_size=1)
    yield engine
    engine.dispose()


def own_pid(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)


def test_a_connection_that_died_while_it_lay_idle_is_replaced(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "UNCHECKED_SECONDS", 0.0)
    pid = own_pid(engine)
    assert own_pid(engine) == pid, "it is kept"
    other = make_engine(database_url, pool_size=1)
    with other.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    other.dispose()
    assert own_pid(engine) != pid


def test_a_connection_used_a_moment_ago_is_not_asked_for_a_sign_of_life(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def answer(connection: object) -> bool:
        asked.append(connection)
        return True

    monkeypatch.setattr(engine.dialect, "do_ping", answer)
    own_pid(engine)
    own_pid(engine)
    assert not asked
    monkeypatch.setattr(pool, "UNCHECKED_SECONDS", 0.0)
    own_pid(engine)
    assert len(asked) == 1


def test_every_connection_speaks_utc(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW timezone")) == "UTC"


def test_a_lent_connection_has_no_transaction_and_is_given_back_with_them(engine: Engine) -> None:
    began = text(
        "SELECT xact_start = query_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    )
    with autocommitting(engine) as connection:
        assert [connection.scalar(began) for _ in range(2)] == [True, True], "each began one"
    with engine.connect() as connection:
        assert [connection.scalar(began) for _ in range(2)] == [False, False]
        connection.execute(text("CREATE TABLE left_behind ()"))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT to_regclass('left_behind')")) is None


def test_a_lent_connection_that_breaks_is_replaced(engine: Engine) -> None:
    end = text("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(OperationalError), autocommitting(engine) as connection:
        connection.execute(end)
    with autocommitting(engine) as connection:
        assert connection.scalar(text("SELECT 1")) == 1
