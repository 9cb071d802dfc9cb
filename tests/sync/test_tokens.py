import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cryptography.fernet import Fernet
from redis import Redis
from sqlalchemy import Engine, text

from calendar_manager.domain.accounts import Connection, ConnectionStatus, ProviderKind, Tokens
from calendar_manager.providers.errors import ConsentLostError, RetryLaterError
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.store.crypto import TokenCipher
from calendar_manager.store.unit_of_work import Store, StoreUnavailableError
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.dispatch import claim_due_refreshes
from calendar_manager.sync.tokens import condemn, fresh_tokens, refresh_backoff
from tests.sync.desk import EMAIL, Clock, Desk, connect
from tests.sync.refreshing import Errand, Refresh, forget_attempts, forget_locks, wrap_refresh

pytestmark = pytest.mark.store

TOKEN = r"/google/token$"
ANY_TOKEN = r"/token$"
PROJECT = Path(__file__).parents[2]


def stored_tokens(desk: Desk) -> Tokens:
    with desk.context.store.begin() as uow:
        loaded = uow.connections.load_tokens(desk.connection.id)
    assert loaded is not None
    return loaded[1]


def connection_now(desk: Desk) -> Connection:
    with desk.context.store.begin() as uow:
        connection = uow.connections.find(desk.user_id, desk.connection.id)
    assert connection is not None
    return connection


def let_tokens_end(desk: Desk) -> None:
    desk.clock.now += timedelta(hours=2)
    desk.control.set_clock(desk.clock.now)
    desk.control.clear_requests()


@pytest.fixture
def connect_at(
    context: SyncContext, control: ControlClient, clock: Clock
) -> Callable[[ProviderKind], Desk]:
    """Connect an account at a provider whose refresh tokens rotate."""

    def connect_at(provider: ProviderKind) -> Desk:
        if provider is ProviderKind.MICROSOFT:
            control.graph.add_account(EMAIL)
        elif provider is ProviderKind.CALDOTCOM:
            control.caldotcom.add_account(EMAIL)
        else:
            control.add_account(EMAIL)
        return Desk(context, clock, control, connect(context, EMAIL, provider=provider))

    return connect_at


@pytest.fixture
def calcom(connect_at: Callable[[ProviderKind], Desk]) -> Desk:
    """An account whose refresh tokens are good for one use, without any grace."""
    return connect_at(ProviderKind.CALDOTCOM)


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


@pytest.mark.parametrize("provider", list(ProviderKind))
def test_an_ended_token_is_replaced_and_stored_before_its_use(
    connect_at: Callable[[ProviderKind], Desk], provider: ProviderKind
) -> None:
    desk = connect_at(provider)
    old = stored_tokens(desk)
    let_tokens_end(desk)
    fresh = fresh_tokens(desk.context, desk.connection.id)
    assert fresh.access_token != old.access_token
    assert fresh == stored_tokens(desk)
    assert fresh.refresh_token


# One at a time


def test_of_many_who_need_a_token_one_refreshes_and_all_get_it(calcom: Desk) -> None:
    let_tokens_end(calcom)
    calcom.control.add_fault("slow", path=ANY_TOKEN, seconds=0.3)
    with ThreadPoolExecutor(20) as pool:
        got = list(
            pool.map(lambda _: fresh_tokens(calcom.context, calcom.connection.id), range(20))
        )
    assert len({tokens.access_token for tokens in got}) == 1
    assert calcom.control.count_requests(ANY_TOKEN) == 1
    assert got[0] == stored_tokens(calcom)


def test_of_many_who_need_a_token_in_vain_one_asks_and_all_are_put_off(desk: Desk) -> None:
    let_tokens_end(desk)
    desk.control.add_fault("server_error", path=TOKEN)

    def dawdle(refresh: Refresh) -> Tokens:
        Event().wait(0.5)
        return refresh()

    slow = wrap_refresh(desk.context, dawdle)

    def ask(_: int) -> str:
        with pytest.raises(RetryLaterError) as caught:
            fresh_tokens(slow, desk.connection.id)
        return caught.value.reason

    with ThreadPoolExecutor(8) as pool:
        reasons = sorted(pool.map(ask, range(8)))
    assert reasons == ["500", *["refresh"] * 7]
    assert desk.control.count_requests(TOKEN) == 1
    assert connection_now(desk).status is ConnectionStatus.ACTIVE


class Neighbours:
    """Other processes that share our database, Redis and providers."""

    def __init__(self, desk: Desk, environment: dict[str, str]) -> None:
        self._desk = desk
        self._environment = environment

    def start(self, *, dies: bool = False) -> subprocess.Popen[str]:
        errand = Errand(
            self._environment, str(self._desk.connection.id), self._desk.clock().isoformat(), dies
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.sync.refreshing"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(errand.as_json())
        process.stdin.close()
        process.stdin = None
        return process


@pytest.fixture
def shared(
    context: SyncContext, clean_database: Engine, clean_redis: str, control: ControlClient
) -> tuple[SyncContext, dict[str, str]]:
    """A write path, and the environment in which another process has the same one."""
    key = Fernet.generate_key().decode()
    environment = {
        "DATABASE_URL": clean_database.url.render_as_string(hide_password=False),
        "REDIS_URL": clean_redis,
        "JWT_SECRET": "s" * 40,
        "TOKEN_ENCRYPTION_KEYS": key,
        **control.google_settings(),
        **control.microsoft_settings(),
        **control.caldotcom_settings(),
    }
    return replace(context, store=Store(clean_database, TokenCipher([key]))), environment


def test_of_two_processes_one_refreshes_and_both_get_it(
    shared: tuple[SyncContext, dict[str, str]], control: ControlClient, clock: Clock
) -> None:
    context, environment = shared
    control.caldotcom.add_account(EMAIL)
    desk = Desk(context, clock, control, connect(context, EMAIL, provider=ProviderKind.CALDOTCOM))
    neighbours = Neighbours(desk, environment)
    let_tokens_end(desk)
    desk.control.add_fault("slow", path=ANY_TOKEN, seconds=1)
    processes = [neighbours.start() for _ in range(2)]
    got = {process.communicate(timeout=60)[0].splitlines()[-1] for process in processes}
    assert got == {stored_tokens(desk).access_token}
    assert desk.control.count_requests(ANY_TOKEN) == 1


@pytest.mark.parametrize("provider", [ProviderKind.MICROSOFT, ProviderKind.CALDOTCOM])
def test_a_holder_killed_with_the_answer_in_its_hands_condemns_nobody_too_early(
    shared: tuple[SyncContext, dict[str, str]],
    control: ControlClient,
    clock: Clock,
    provider: ProviderKind,
) -> None:
    context, environment = shared
    control.graph.add_account(EMAIL)
    control.caldotcom.add_account(EMAIL)
    desk = Desk(context, clock, control, connect(context, EMAIL, provider=provider))
    let_tokens_end(desk)
    process = Neighbours(desk, environment).start(dies=True)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert desk.control.count_requests(ANY_TOKEN) == 1
    forget_locks(context.redis)
    if provider is ProviderKind.MICROSOFT:
        # A used refresh token goes on working, so nothing is lost.
        assert fresh_tokens(context, desk.connection.id) == stored_tokens(desk)
        return
    # Cal.com's is used up. As far as anybody knows, the holder may still store the next one.
    with pytest.raises(RetryLaterError):
        fresh_tokens(context, desk.connection.id)
    assert connection_now(desk).status is ConnectionStatus.ACTIVE
    forget_attempts(context.redis)
    with pytest.raises(ConsentLostError):
        fresh_tokens(context, desk.connection.id)
    assert connection_now(desk).status is ConnectionStatus.NEEDS_REAUTH


# Locks that fail


@contextmanager
def refresh_that_hangs(desk: Desk) -> Any:
    """Have somebody refresh, and stop them when the provider has rotated the tokens."""
    answered, go_on = Event(), Event()

    def hang(refresh: Refresh) -> Tokens:
        tokens = refresh()
        answered.set()
        assert go_on.wait(20)
        return tokens

    slow = wrap_refresh(desk.context, hang)
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(fresh_tokens, slow, desk.connection.id)
        assert answered.wait(20)

        def finish() -> Tokens:
            go_on.set()
            return outcome.result(20)

        try:
            yield finish
        finally:
            go_on.set()


def test_a_refresh_that_outlives_its_lock_is_not_condemned_by_the_next(calcom: Desk) -> None:
    let_tokens_end(calcom)
    with refresh_that_hangs(calcom) as finish:
        forget_locks(calcom.context.redis)
        with pytest.raises(RetryLaterError):
            fresh_tokens(calcom.context, calcom.connection.id)
        assert connection_now(calcom).status is ConnectionStatus.ACTIVE
        won = finish()
    assert won == stored_tokens(calcom)
    assert fresh_tokens(calcom.context, calcom.connection.id) == won


def test_a_redis_that_forgets_everything_costs_no_account(calcom: Desk) -> None:
    """The second one condemns in good faith; the first one's tokens prove it wrong."""
    let_tokens_end(calcom)
    with refresh_that_hangs(calcom) as finish:
        calcom.context.redis.flushdb()
        with pytest.raises(ConsentLostError):
            fresh_tokens(calcom.context, calcom.connection.id)
        won = finish()
    connection = connection_now(calcom)
    assert (connection.status, connection.reason) == (ConnectionStatus.ACTIVE, None)
    assert fresh_tokens(calcom.context, calcom.connection.id) == won


def test_without_redis_nobody_refreshes_and_nobody_is_condemned(desk: Desk) -> None:
    let_tokens_end(desk)
    desk.control.revoke_grants(EMAIL)
    desk.control.clear_requests()
    with Redis.from_url("redis://127.0.0.1:1/0") as away:
        context = replace(desk.context, redis=away)
        with pytest.raises(RetryLaterError):
            fresh_tokens(context, desk.connection.id)
    assert desk.control.count_requests() == 0
    assert connection_now(desk).status is ConnectionStatus.ACTIVE


def test_a_redis_that_goes_away_during_a_refresh_costs_nothing(desk: Desk) -> None:
    let_tokens_end(desk)
    with Redis.from_url("redis://127.0.0.1:1/0") as away:
        pool = desk.context.redis.connection_pool

        def lose_redis(refresh: Refresh) -> Tokens:
            desk.context.redis.connection_pool = away.connection_pool
            return refresh()

        try:
            got = fresh_tokens(wrap_refresh(desk.context, lose_redis), desk.connection.id)
        finally:
            desk.context.redis.connection_pool = pool
    assert got == stored_tokens(desk)


# Refusals


def test_lost_consent_is_written_down_with_a_reason(desk: Desk) -> None:
    desk.control.revoke_grants(EMAIL)
    desk.clock.now += timedelta(hours=2)
    with pytest.raises(ConsentLostError):
        fresh_tokens(desk.context, desk.connection.id)
    connection = connection_now(desk)
    assert connection.status is ConnectionStatus.NEEDS_REAUTH
    assert connection.reason_code == "revoked"
    assert connection.reason
    desk.control.clear_requests()
    with pytest.raises(ConsentLostError, match="Connect the account again"):
        fresh_tokens(desk.context, desk.connection.id)
    assert desk.control.count_requests() == 0


def test_an_end_after_seven_days_points_to_googles_testing_mode(desk: Desk) -> None:
    with desk.context.store.begin() as uow:
        uow.session.execute(
            text("UPDATE connections SET created_at = :long_ago"),
            {"long_ago": desk.clock() - timedelta(days=90)},
        )
        # The account was connected again since, and it is that consent that counts.
        uow.audit.record(
            "connection.connected", user_id=desk.user_id, subject=desk.connection.id, detail={}
        )
        uow.session.execute(
            text("UPDATE audit_log SET created_at = :last_time"),
            {"last_time": desk.clock() - timedelta(days=7)},
        )
    desk.control.revoke_grants(EMAIL)
    desk.clock.now += timedelta(hours=2)
    with pytest.raises(ConsentLostError):
        fresh_tokens(desk.context, desk.connection.id)
    assert connection_now(desk).reason_code == "test_mode_expired"


def test_a_loser_of_the_race_uses_the_winners_token_instead_of_condemning_the_account(
    desk: Desk,
) -> None:
    winner = Tokens(
        access_token="winner",
        refresh_token="rotated",
        expires_at=desk.clock() + timedelta(hours=3),
        scopes=frozenset(),
    )
    old = stored_tokens(desk)
    desk.control.revoke_grants(EMAIL)
    desk.clock.now += timedelta(hours=2)

    def lose(refresh: Refresh) -> Tokens:
        # Somebody outside the lock stores new tokens while ours are being refused.
        with desk.context.store.begin() as uow:
            assert uow.connections.replace_tokens(desk.connection.id, old=old, fresh=winner)
        return refresh()

    assert fresh_tokens(wrap_refresh(desk.context, lose), desk.connection.id) == winner
    assert connection_now(desk).status is ConnectionStatus.ACTIVE


def test_a_refresh_of_an_older_consent_does_not_overwrite_a_newer_one(desk: Desk) -> None:
    let_tokens_end(desk)
    newer = []

    def reconnect(refresh: Refresh) -> Tokens:
        tokens = refresh()
        connect(desk.context, EMAIL)
        newer.append(stored_tokens(desk))
        return tokens

    got = fresh_tokens(wrap_refresh(desk.context, reconnect), desk.connection.id)
    assert [got] == newer
    assert [stored_tokens(desk)] == newer
    assert desk.control.count_requests(TOKEN) == 2, "one refresh, one exchange of a code"


def test_a_refusal_of_older_tokens_does_not_condemn_a_newer_consent(desk: Desk) -> None:
    refused = stored_tokens(desk)
    desk.clock.now += timedelta(minutes=5)
    connect(desk.context, EMAIL)
    error = ConsentLostError("no", reason="invalid_grant")
    assert not condemn(desk.context, desk.connection.id, error, refused=refused)
    assert connection_now(desk).status is ConnectionStatus.ACTIVE
    assert condemn(desk.context, desk.connection.id, error, refused=stored_tokens(desk))
    assert connection_now(desk).status is ConnectionStatus.NEEDS_REAUTH


# Trouble that passes


@pytest.mark.parametrize("provider", [ProviderKind.GOOGLE, ProviderKind.MICROSOFT])
@pytest.mark.parametrize("times", [1, 2])
def test_an_answer_lost_in_transit_costs_no_account_whose_old_refresh_token_still_works(
    connect_at: Callable[[ProviderKind], Desk], provider: ProviderKind, times: int
) -> None:
    desk = connect_at(provider)
    let_tokens_end(desk)
    desk.control.add_fault("reset_mid_body", path=ANY_TOKEN, times=times)
    if times > 1:
        with pytest.raises(RetryLaterError):
            fresh_tokens(desk.context, desk.connection.id)
        assert connection_now(desk).status is ConnectionStatus.ACTIVE
    assert fresh_tokens(desk.context, desk.connection.id) == stored_tokens(desk)


def test_a_provider_that_is_down_condemns_nobody(desk: Desk) -> None:
    desk.clock.now += timedelta(hours=2)
    desk.control.add_fault("server_error", path=TOKEN)
    with pytest.raises(RetryLaterError):
        fresh_tokens(desk.context, desk.connection.id)
    assert connection_now(desk).status is ConnectionStatus.ACTIVE


class ForgetfulStore(Store):
    """A database that is restarted when something is to be stored for the ``nth`` time."""

    def __init__(self, store: Store, nth: int) -> None:
        super().__init__(store.engine, store._cipher)
        self._left = nth

    @contextmanager
    def begin(self) -> Any:
        self._left -= 1
        if self._left == 0:
            raise StoreUnavailableError("restarting")
        with super().begin() as uow:
            yield uow


def test_rotated_tokens_survive_a_restart_of_the_database(calcom: Desk) -> None:
    let_tokens_end(calcom)
    # Loaded before and under the lock, then stored.
    store = ForgetfulStore(calcom.context.store, 3)
    got = fresh_tokens(replace(calcom.context, store=store), calcom.connection.id)
    assert got == stored_tokens(calcom)


def test_due_refreshes_are_taken_once(desk: Desk) -> None:
    assert claim_due_refreshes(desk.context) == []
    desk.clock.now += timedelta(minutes=51)
    assert claim_due_refreshes(desk.context) == [desk.connection.id]
    assert claim_due_refreshes(desk.context) == []


def test_refreshes_that_fail_come_back_ever_later_until_one_works(desk: Desk) -> None:
    let_tokens_end(desk)
    desk.control.add_fault("server_error", path=TOKEN)
    waits = []
    for failures in range(1, 8):
        with pytest.raises(RetryLaterError):
            fresh_tokens(desk.context, desk.connection.id)
        (row,) = desk.rows("SELECT refresh_failures, next_refresh_at FROM connections")
        assert row["refresh_failures"] == failures
        waits.append((row["next_refresh_at"] - desk.clock()) / timedelta(minutes=1.125))
    assert waits == [2, 4, 8, 16, 32, 60, 60]
    desk.clock.now += timedelta(minutes=60)
    assert claim_due_refreshes(desk.context) == []
    desk.clock.now += timedelta(minutes=8)
    assert claim_due_refreshes(desk.context) == [desk.connection.id]
    desk.control.clear_faults()
    fresh_tokens(desk.context, desk.connection.id)
    (row,) = desk.rows("SELECT refresh_failures, next_refresh_at FROM connections")
    assert row["refresh_failures"] == 0
    assert row["next_refresh_at"] > desk.clock() + timedelta(minutes=45)


def test_what_the_provider_asks_for_is_waited_for() -> None:
    assert refresh_backoff(0, 0.0) == timedelta(minutes=2)
    assert refresh_backoff(0, 0.999, timedelta(minutes=30)) == timedelta(minutes=30)
    assert refresh_backoff(5000, 0.0, timedelta(seconds=1)) == timedelta(hours=1)
