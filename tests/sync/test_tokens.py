from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from calendar_manager.domain.accounts import ConnectionStatus, Tokens
from calendar_manager.providers.errors import ConsentLostError, RetryLaterError
from calendar_manager.sync.dispatch import claim_due_refreshes
from calendar_manager.sync.tokens import fresh_tokens
from tests.sync.desk import EMAIL, Desk

pytestmark = pytest.mark.store

TOKEN = r"/google/token$"


def stored_tokens(desk: Desk) -> Tokens:
    with desk.context.store.begin() as uow:
        loaded = uow.connections.load_tokens(desk.connection.id)
    assert loaded is not None
    return loaded[1]


def test_tokens_that_live_long_enough_are_left_alone(desk: Desk) -> None:
    desk.control.clear_requests()
    assert fresh_tokens(desk.context, desk.connection.id) == stored_tokens(desk)
    assert desk.control.count_requests() == 0


def test_tokens_are_stored_encrypted(desk: Desk) -> None:
    (row,) = desk.rows("SELECT access_token, refresh_token FROM connections")
    tokens = stored_tokens(desk)
    assert tokens.access_token not in row["access_token"]
    assert tokens.refresh_token
    assert tokens.refresh_token not in row["refresh_token"]


def test_an_ended_token_is_replaced_and_stored_before_its_use(desk: Desk) -> None:
    old = stored_tokens(desk)
    desk.clock.now += timedelta(hours=2)
    desk.control.set_clock(desk.clock.now)
    fresh = fresh_tokens(desk.context, desk.connection.id)
    assert fresh.access_token != old.access_token
    assert fresh == stored_tokens(desk)
    assert fresh.refresh_token


def test_of_many_who_need_a_token_one_refreshes_and_all_get_it(desk: Desk) -> None:
    desk.clock.now += timedelta(hours=2)
    desk.control.set_clock(desk.clock.now)
    desk.control.clear_requests()
    desk.control.add_fault("slow", path=TOKEN, seconds=0.3)
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: fresh_tokens(desk.context, desk.connection.id), range(8)))
    assert len({tokens.access_token for tokens in got}) == 1
    assert desk.control.count_requests(TOKEN) == 1


def test_lost_consent_is_written_down_with_a_reason(desk: Desk) -> None:
    desk.control.revoke_grants(EMAIL)
    desk.clock.now += timedelta(hours=2)
    with pytest.raises(ConsentLostError):
        fresh_tokens(desk.context, desk.connection.id)
    with desk.context.store.begin() as uow:
        connection = uow.connections.find(desk.user_id, desk.connection.id)
    assert connection is not None
    assert connection.status is ConnectionStatus.NEEDS_REAUTH
    assert connection.reason


def test_a_provider_that_is_down_condemns_nobody(desk: Desk) -> None:
    desk.clock.now += timedelta(hours=2)
    desk.control.add_fault("server_error", path=TOKEN)
    with pytest.raises(RetryLaterError):
        fresh_tokens(desk.context, desk.connection.id)
    with desk.context.store.begin() as uow:
        connection = uow.connections.find(desk.user_id, desk.connection.id)
    assert connection is not None
    assert connection.status is ConnectionStatus.ACTIVE


def test_a_loser_of_the_race_uses_the_winners_token_instead_of_condemning_the_account(
    desk: Desk,
) -> None:
    winner = Tokens(
        access_token="winner",
        refresh_token="rotated",
        expires_at=desk.clock() + timedelta(hours=3),
        scopes=frozenset(),
    )
    desk.control.revoke_grants(EMAIL)
    desk.clock.now += timedelta(hours=2)
    factory = desk.context.registry.get(desk.connection.provider)

    class Auth:
        def refresh(self, tokens: Tokens, *, now: object) -> Tokens:
            # Somebody outside the lock stores new tokens while ours are being refused.
            with desk.context.store.begin() as uow:
                uow.connections.save_tokens(desk.connection.id, winner)
            return factory.auth.refresh(tokens, now=desk.clock())

    class Factory:
        auth = Auth()

    class Registry:
        def get(self, _: object) -> Factory:
            return Factory()

    context = type(desk.context)(
        desk.context.store,
        Registry(),  # type: ignore[arg-type]  # Only what the refresh asks for.
        desk.context.redis,
        desk.context.clock,
        desk.context.jitter,
        desk.context.options,
    )
    assert fresh_tokens(context, desk.connection.id) == winner


def test_due_refreshes_are_taken_once(desk: Desk) -> None:
    assert claim_due_refreshes(desk.context) == []
    desk.clock.now += timedelta(minutes=51)
    assert claim_due_refreshes(desk.context) == [desk.connection.id]
    assert claim_due_refreshes(desk.context) == []
