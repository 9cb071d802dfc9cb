"""Replacing the key of stored secrets while everything runs."""

from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Engine, String, inspect, text

from calendar_manager.accounts.key_rotation import RotationProgress, rotate_keys
from calendar_manager.domain.accounts import ProviderKind, Tokens
from calendar_manager.store.crypto import TokenCipher, UndecipherableError
from calendar_manager.store.repositories.oauth_states import OAuthState
from calendar_manager.store.tables import ConnectionRow
from calendar_manager.store.unit_of_work import Store
from tests.factories import NOW, add_calendar, add_connection, add_user

pytestmark = pytest.mark.store

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
STATE_HASH = b"state"
SECRETS = 6
"""How many :func:`fill` stores: two tokens of two connections, a channel's, and a state."""


def open_store(engine: Engine, *keys: str) -> Store:
    return Store(engine, TokenCipher(keys))


def fill(store: Store) -> None:
    with store.begin() as uow:
        user = add_user(uow)
        connections = [add_connection(uow, user.id) for _ in range(2)]
        calendar = add_calendar(uow, connections[0])
        uow.channels.add(channel_id=uuid4(), calendar=calendar, token="channel secret", now=NOW)
        state = OAuthState(
            user_id=user.id,
            provider=ProviderKind.GOOGLE,
            cookie_hash=b"cookie",
            memory={"verifier": "pkce secret"},
            wants_json=False,
            expires_at=NOW + timedelta(minutes=10),
        )
        uow.oauth_states.add(state, state_hash=STATE_HASH)


def find_sealed(engine: Engine) -> list[str]:
    """Return every Fernet token of the database, in whatever table and column it is."""
    found: list[str] = []
    inspector = inspect(engine)
    with engine.connect() as connection:
        for table in inspector.get_table_names():
            for column in inspector.get_columns(table):
                if isinstance(column["type"], String):
                    name = column["name"]
                    query = f'SELECT "{name}" FROM "{table}" WHERE "{name}" LIKE \'gAAAAA%\''  # noqa: S608 - the database's own names.
                    found += connection.scalars(text(query)).all()
    return found


def opens(key: str, sealed: str) -> bool:
    try:
        Fernet(key).decrypt(sealed.encode())
    except InvalidToken:
        return False
    return True


def last(store: Store, *, batch: int = 200) -> RotationProgress:
    return list(rotate_keys(store, batch=batch))[-1]


def test_afterwards_the_new_key_alone_reads_everything(clean_database: Engine) -> None:
    fill(open_store(clean_database, OLD))
    assert len(find_sealed(clean_database)) == SECRETS
    progress = last(open_store(clean_database, NEW, OLD))
    assert progress == RotationProgress(total=4, rows=4, renewed=SECRETS)
    sealed = find_sealed(clean_database)
    assert len(sealed) == SECRETS
    assert all(opens(NEW, one) and not opens(OLD, one) for one in sealed)
    with open_store(clean_database, NEW).begin() as uow:
        row = uow.session.query(ConnectionRow).first()
        assert row is not None
        tokens = uow.connections.open_tokens(row)
        assert tokens is not None
        assert (tokens.access_token, tokens.refresh_token) == ("access", "refresh")
        state = uow.oauth_states.take(STATE_HASH)
        assert state is not None
        assert state.memory == {"verifier": "pkce secret"}


def test_a_repeated_rotation_changes_nothing(clean_database: Engine) -> None:
    store = open_store(clean_database, NEW, OLD)
    fill(open_store(clean_database, OLD))
    last(store)
    before = find_sealed(clean_database)
    assert last(store).renewed == 0
    assert find_sealed(clean_database) == before


def test_a_rotation_that_breaks_off_keeps_what_it_did(clean_database: Engine) -> None:
    store = open_store(clean_database, NEW, OLD)
    fill(open_store(clean_database, OLD))
    steps = rotate_keys(store, batch=1)
    assert [next(steps).rows for _ in range(2)] == [0, 1]
    del steps
    assert sum(opens(NEW, one) for one in find_sealed(clean_database)) == 2
    assert last(store).renewed == SECRETS - 2
    assert all(opens(NEW, one) for one in find_sealed(clean_database))


def test_every_process_reads_through_all_of_it(clean_database: Engine) -> None:
    """One that has both keys in the old order and one in the new order see the same secrets."""
    fill(open_store(clean_database, OLD))
    readers = [open_store(clean_database, *keys) for keys in ((OLD, NEW), (NEW, OLD))]
    for _ in rotate_keys(readers[1], batch=1):
        for reader in readers:
            with reader.begin() as uow:
                rows = uow.session.query(ConnectionRow).all()
                found = [uow.connections.open_tokens(row) for row in rows]
            assert [one.access_token for one in found if one] == ["access", "access"]


def test_what_no_key_opens_stays_and_is_counted(clean_database: Engine) -> None:
    fill(open_store(clean_database, Fernet.generate_key().decode()))
    with open_store(clean_database, OLD).begin() as uow:
        add_connection(uow, add_user(uow).id)
    progress = last(open_store(clean_database, NEW, OLD))
    assert (progress.renewed, progress.unreadable) == (2, SECRETS)
    assert len(find_sealed(clean_database)) == SECRETS + 2


def test_a_connection_made_meanwhile_is_left_alone(clean_database: Engine) -> None:
    store = open_store(clean_database, NEW, OLD)
    fill(open_store(clean_database, OLD))
    steps = rotate_keys(store, batch=1)
    next(steps)
    with store.begin() as uow:
        fresh = uow.connections.save(
            user_id=uow.session.query(ConnectionRow.user_id).limit(1).scalar(),
            provider=ProviderKind.GOOGLE,
            provider_account_id="fresh@example.test",
            account="fresh@example.test",
            tokens=Tokens(
                access_token="newer",
                refresh_token=None,
                expires_at=NOW + timedelta(hours=1),
                scopes=frozenset(),
            ),
        )
    list(steps)
    with open_store(clean_database, NEW).begin() as uow:
        row = uow.session.get_one(ConnectionRow, fresh.id)
        tokens = uow.connections.open_tokens(row)
    assert tokens is not None
    assert (tokens.access_token, tokens.refresh_token) == ("newer", None)


def test_the_audit_log_tells_of_it(clean_database: Engine) -> None:
    fill(open_store(clean_database, OLD))
    last(open_store(clean_database, NEW, OLD))
    with clean_database.connect() as connection:
        row = connection.execute(text("SELECT user_id, action, detail FROM audit_log")).one()
    assert tuple(row) == (None, "keys.rotated", {"renewed": SECRETS, "unreadable": 0})


def test_without_the_old_key_nothing_is_guessed(clean_database: Engine) -> None:
    fill(open_store(clean_database, OLD))
    with open_store(clean_database, NEW).begin() as uow:
        row = uow.session.query(ConnectionRow).first()
        assert row is not None
        with pytest.raises(UndecipherableError):
            uow.connections.open_tokens(row)
