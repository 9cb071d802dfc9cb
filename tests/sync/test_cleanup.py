from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, insert, text

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.store.repositories.oauth_states import OAuthState
from calendar_manager.store.tables import ChannelRow
from calendar_manager.store.unit_of_work import Store, UnitOfWork
from calendar_manager.sync.cleanup import Retention, clean_up
from calendar_manager.sync.detect import examine_conflicts
from tests.factories import (
    NOW,
    add_calendar,
    add_connection,
    add_sync_job,
    add_user,
    make_event,
    make_store,
    save_events,
)

pytestmark = pytest.mark.store

AGES = {
    "sync_jobs": timedelta(days=30),
    "conflicts": timedelta(days=90),
    "deleted": timedelta(days=20),
    "oauth_states": timedelta(hours=24),
    "channels": timedelta(days=7),
}
RETENTION = Retention(**AGES)
SECOND = timedelta(seconds=1)


@pytest.fixture
def store(clean_database: Engine) -> Store:
    return make_store(clean_database)


def execute(uow: UnitOfWork, statement: str, **parameters: Any) -> None:
    uow.session.execute(text(statement), parameters)


def add_finished_job(uow: UnitOfWork, ended_at: datetime) -> None:
    calendar = add_calendar(uow, add_connection(uow, add_user(uow).id))
    job = add_sync_job(uow, calendar)
    execute(
        uow,
        "UPDATE sync_jobs SET status = 'succeeded', finished_at = :at WHERE id = :id",
        at=ended_at,
        id=job.id,
    )


def add_closed_conflict(uow: UnitOfWork, ended_at: datetime) -> None:
    user = add_user(uow)
    calendar = add_calendar(uow, add_connection(uow, user.id))
    first = make_event("First", "03-02 09:00", "03-02 10:00")
    save_events(uow, calendar, first, make_event("Second", "03-02 09:30", "03-02 10:30"))
    uow.after_commit(lambda: _close_conflict(uow, user.id, ended_at))


def _close_conflict(uow: UnitOfWork, user_id: UUID, ended_at: datetime) -> None:
    engine = uow.session.get_bind()
    assert isinstance(engine, Engine)
    examine_conflicts(make_store(engine), user_id, lambda: NOW)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE conflicts SET status = 'resolved', closed_by = 'person', closed_at = :at,"
                " hull = tstzrange(cast(:at AS timestamptz) - interval '1 hour', :at)"
                " WHERE user_id = :user"
            ),
            {"at": ended_at, "user": user_id},
        )


def add_deleted_event(uow: UnitOfWork, ended_at: datetime) -> None:
    calendar = add_calendar(uow, add_connection(uow, add_user(uow).id))
    (event_id,) = save_events(uow, calendar, make_event("Gone", "03-02 09:00", "03-02 10:00"))
    execute(uow, "UPDATE events SET deleted_at = :at WHERE id = :id", at=ended_at, id=event_id)


def add_event_of_a_calendar_that_is_gone(uow: UnitOfWork, ended_at: datetime) -> None:
    calendar = add_calendar(uow, add_connection(uow, add_user(uow).id), gone_at=ended_at)
    save_events(uow, calendar, make_event("Left", "03-02 09:00", "03-02 10:00"))


def add_state(uow: UnitOfWork, ended_at: datetime) -> None:
    state = OAuthState(
        user_id=add_user(uow).id,
        provider=ProviderKind.GOOGLE,
        cookie_hash=b"",
        memory={},
        wants_json=False,
        expires_at=ended_at,
    )
    uow.oauth_states.add(state, state_hash=uuid4().bytes)


def add_channel(uow: UnitOfWork, **ended: datetime) -> None:
    calendar = add_calendar(uow, add_connection(uow, add_user(uow).id))
    uow.session.execute(
        insert(ChannelRow).values(
            user_id=calendar.user_id,
            calendar_id=calendar.id,
            provider="google",
            token="",
            opened_at=NOW - timedelta(days=900),
            **ended,
        )
    )


def add_stopped_channel(uow: UnitOfWork, ended_at: datetime) -> None:
    add_channel(uow, stopped_at=ended_at)


def add_expired_channel(uow: UnitOfWork, ended_at: datetime) -> None:
    add_channel(uow, expires_at=ended_at)


def add_login(uow: UnitOfWork, ended_at: datetime) -> None:
    execute(
        uow,
        "INSERT INTO login_sessions (id, user_id, refresh_token_hash, expires_at)"
        " VALUES (gen_random_uuid(), :user, '', :at)",
        user=add_user(uow).id,
        at=ended_at,
    )


Add = Callable[[UnitOfWork, datetime], None]


@pytest.mark.parametrize(
    ("add", "table", "age"),
    [
        (add_finished_job, "sync_jobs", AGES["sync_jobs"]),
        (add_closed_conflict, "conflicts", AGES["conflicts"]),
        (add_deleted_event, "events", AGES["deleted"]),
        (add_event_of_a_calendar_that_is_gone, "events", AGES["deleted"]),
        (add_state, "oauth_states", AGES["oauth_states"]),
        (add_stopped_channel, "channels", AGES["channels"]),
        (add_expired_channel, "channels", AGES["channels"]),
        (add_login, "login_sessions", timedelta(0)),
    ],
)
def test_what_is_just_younger_stays_and_what_is_just_older_goes(
    store: Store, add: Add, table: str, age: timedelta
) -> None:
    for ended_at in (NOW - age + SECOND, NOW - age - SECOND):
        with store.begin() as uow:
            add(uow, ended_at)
    assert count(store, table) == 2
    removed = clean_up(store, now=NOW, retention=RETENTION)
    assert removed[table] == 1
    assert count(store, table) == 1
    assert clean_up(store, now=NOW, retention=RETENTION)[table] == 0


def test_what_is_alive_is_let_alone(store: Store) -> None:
    with store.begin() as uow:
        calendar = add_calendar(uow, add_connection(uow, add_user(uow).id))
        save_events(uow, calendar, make_event("Call", "03-02 09:00", "03-02 10:00"))
        add_sync_job(uow, calendar)
        add_channel(uow, created_at=NOW - timedelta(days=900))
    removed = clean_up(store, now=NOW + timedelta(days=3650), retention=RETENTION)
    assert set(removed.values()) == {0}
    assert [count(store, table) for table in ("events", "sync_jobs", "channels")] == [1, 1, 1]


def test_a_closed_conflict_of_meetings_to_come_is_kept(store: Store) -> None:
    """It holds the person's answer; without it the conflict would open anew."""
    with store.begin() as uow:
        add_closed_conflict(uow, NOW - timedelta(days=365))
    with store.begin() as uow:
        execute(uow, "UPDATE conflicts SET hull = tstzrange(:a, :b)", a=NOW, b=NOW + SECOND)
    assert clean_up(store, now=NOW, retention=RETENTION)["conflicts"] == 0


def test_a_gone_calendar_is_emptied_and_remembered(store: Store) -> None:
    with store.begin() as uow:
        add_event_of_a_calendar_that_is_gone(uow, NOW - timedelta(days=365))
    removed = clean_up(store, now=NOW, retention=RETENTION)
    assert (removed["events"], removed["calendars"]) == (1, 1)
    assert (count(store, "occurrences"), count(store, "calendars")) == (0, 1)


def test_much_is_removed_in_small_transactions(store: Store) -> None:
    with store.begin() as uow:
        user = add_user(uow)
        execute(
            uow,
            "INSERT INTO login_sessions (id, user_id, refresh_token_hash, expires_at)"
            " SELECT gen_random_uuid(), :user, '', :at FROM generate_series(1, 25)",
            user=user.id,
            at=NOW - SECOND,
        )
    transactions = CountingStore(store)
    removed = clean_up(transactions, now=NOW, retention=RETENTION, batch=10)
    assert removed["login_sessions"] == 25
    # Three batches and the look that finds no more; one look at each of the four other kinds;
    # calendars and channels.
    assert transactions.begun == 4 + 4 + 2


class CountingStore(Store):
    """Counts the transactions of a store."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.engine, store._cipher)
        self.begun = 0

    def begin(self) -> Any:
        self.begun += 1
        return super().begin()


def count(store: Store, table: str) -> int:
    with store.engine.connect() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 - a test's own table name.
