"""Kept connections: never a dead one to work on, and no round trip too many."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from calendar_manager.store import pool
from calendar_manager.store.pool import make_engine

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
