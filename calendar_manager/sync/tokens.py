"""Keeping access tokens alive, one refresh per connection at a time.

Some providers take a refresh token once and answer with the next one, so two refreshes at a time,
or one whose outcome is not stored, can cost the account. Therefore a lock in Redis lets one caller
in and the others wait for what it gets; the rotated tokens are committed before anybody uses them;
and since a lock may be outlived by a slow refresh or lost with Redis, a refusal condemns the
account only when no other refresh is under way and the refused tokens are still the stored ones.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from threading import Event
from typing import Final, cast
from uuid import UUID, uuid4

import structlog
from redis import Redis
from redis.exceptions import LockError, RedisError

from calendar_manager.domain.accounts import ConnectionStatus, Tokens
from calendar_manager.domain.reauth import ReauthCode, advise, find_advice
from calendar_manager.providers.base import ProviderAuth
from calendar_manager.providers.errors import ConsentLostError, ProviderError, RetryLaterError
from calendar_manager.store.repositories.connections import RefreshState
from calendar_manager.store.unit_of_work import StoreUnavailableError
from calendar_manager.sync.context import SyncContext

log = structlog.get_logger(__name__)

ENDS_SOON: Final = timedelta(minutes=1)
LOCK_SECONDS: Final = 60
"""Longer than two tries at a token endpoint take, each of which gives up after 25 seconds."""

WAIT_SECONDS: Final = 45
ATTEMPT_SECONDS: Final = 600
"""So long a refresh that has not told its end counts as under way: no client waits longer."""

FIRST_WAIT: Final = timedelta(minutes=2)
LONGEST_WAIT: Final = timedelta(hours=1)
SAVING_PAUSES: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds between tries to store rotated tokens, which exist nowhere else."""

_LOST_ANSWERS: Final = frozenset({"connection", "invalidBody", "timeout"})


def fresh_tokens(
    context: SyncContext,
    connection_id: UUID,
    *,
    rejected: str | None = None,
    ahead: timedelta = ENDS_SOON,
) -> Tokens:
    """Return tokens that are good for a while, refreshing them if need be.

    Only one worker refreshes a connection; the others wait and share its outcome, be it tokens or
    trouble. Rotated tokens are committed before anybody uses them.

    Args:
        context: The parts of the write path.
        connection_id: Which connection.
        rejected: An access token that the provider refused although it had not ended.
        ahead: How long the access token has to live at least.

    Raises:
        ConsentLostError: The person has to connect again; the connection says so by now.
        RetryLaterError: The provider, or the lock, cannot be had now.
    """

    def is_good(tokens: Tokens) -> bool:
        return tokens.access_token != rejected and lives_on(context, tokens, ahead)

    before = _load(context, connection_id)
    if is_good(before.tokens):
        return before.tokens
    with _locked(context.redis, connection_id):
        state = _load(context, connection_id)
        if is_good(state.tokens):
            return state.tokens
        if state.failures > before.failures:
            raise RetryLaterError("The access could not be renewed just now.", reason="refresh")
        return _refresh(context, state, is_good)


def condemn(
    context: SyncContext,
    connection_id: UUID,
    error: ConsentLostError,
    *,
    refused: Tokens | None = None,
) -> bool:
    """Note that only the person can bring a connection back, why, and what they can do.

    Args:
        context: The parts of the write path.
        connection_id: Which connection.
        error: What the provider said.
        refused: The tokens that it said so about; when others are stored by now, because the
            person connected again meanwhile, say, nothing is noted.

    Returns:
        Whether it was noted.
    """
    with context.store.begin() as uow:
        consent = uow.connections.load_consent(connection_id)
        if consent is None:
            return False
        advice = advise(
            consent.provider,
            error.reason,
            said=str(error),
            consent_age=context.clock() - consent.given_at,
        )
        noted = uow.connections.mark_needs_reauth(
            connection_id, advice.reason, reason_code=advice.code, refused=refused
        )
    if noted:
        log.warning(
            "consent_lost",
            connection_id=str(connection_id),
            provider=consent.provider.value,
            code=advice.code.value,
            provider_reason=error.reason,
        )
    return noted


def lives_on(context: SyncContext, tokens: Tokens, ahead: timedelta = ENDS_SOON) -> bool:
    """Tell whether an access token lives at least so long."""
    return tokens.expires_at is None or tokens.expires_at > context.clock() + ahead


def refresh_backoff(
    failures: int, jitter: float, retry_after: timedelta | None = None
) -> timedelta:
    """Return how long beat waits before it tries a refresh again: 2 minutes, 4, 8 … an hour.

    Args:
        failures: How many refreshes in a row had failed before this one.
        jitter: A number in ``[0, 1)``, which adds up to a quarter.
        retry_after: What the provider asks for; never undercut.
    """
    wait = min(FIRST_WAIT * (1 << min(failures, 10)), LONGEST_WAIT) * (1 + jitter / 4)
    return wait if retry_after is None else max(wait, retry_after)


def _load(context: SyncContext, connection_id: UUID) -> RefreshState:
    with context.store.begin() as uow:
        state = uow.connections.load_refresh_state(connection_id)
    if state is None:
        raise ConsentLostError("The connection was removed.", reason="disconnected")
    connection = state.connection
    if connection.status is not ConnectionStatus.ACTIVE:
        advice = find_advice(connection.provider, connection.reason_code or ReauthCode.UNKNOWN)
        raise ConsentLostError(
            f"{connection.reason or 'The account can no longer be read.'} {advice}",
            reason="needs_reauth",
        )
    return state


def _refresh(
    context: SyncContext, state: RefreshState, is_good: Callable[[Tokens], bool]
) -> Tokens:
    """Ask the provider for the next tokens and store them, or note why there are none."""
    connection, tokens = state.connection, state.tokens
    auth = context.registry.get(connection.provider).auth
    with _attempt(context.redis, connection.id) as find_others:
        try:
            fresh = _ask(auth, tokens, context.clock())
        except ConsentLostError as error:
            if find_others():
                # The refused token may just have been used up by one whose lock ran out.
                raise RetryLaterError(
                    "the access is being renewed elsewhere", reason="refresh_lock"
                ) from error
            if condemn(context, connection.id, error, refused=tokens):
                raise
            return _adopt(context, connection.id, is_good)
        except ProviderError as error:
            _note_failure(context, state, error)
            raise
        if not _save(context, connection.id, tokens, fresh):
            return _adopt(context, connection.id, is_good)
    log.info("tokens_refreshed", connection_id=str(connection.id), provider=connection.provider)
    return fresh


def _ask(auth: ProviderAuth, tokens: Tokens, now: datetime) -> Tokens:
    """Refresh, and once more at once if the answer was lost on its way.

    Where the provider rotated the refresh token although we never saw the next one, the old one
    still works for a while at best (with Microsoft it does), so the second try must come soon.
    """
    try:
        return auth.refresh(tokens, now=now)
    except RetryLaterError as error:
        if error.reason not in _LOST_ANSWERS:
            raise
        log.info("refresh_answer_lost", reason=error.reason)
    return auth.refresh(tokens, now=now)


def _save(context: SyncContext, connection_id: UUID, old: Tokens, fresh: Tokens) -> bool:
    """Commit refreshed tokens, patiently; return whether those refreshed were still stored."""
    for pause in (*SAVING_PAUSES, None):
        try:
            with context.store.begin() as uow:
                return uow.connections.replace_tokens(connection_id, old=old, fresh=fresh)
        except StoreUnavailableError:
            if pause is None:
                raise
            # A restart of the database would otherwise cost an account whose tokens rotate.
            Event().wait(pause)
    return False


def _adopt(context: SyncContext, connection_id: UUID, is_good: Callable[[Tokens], bool]) -> Tokens:
    """Return the tokens that somebody else stored while ours were being refreshed."""
    current = _load(context, connection_id).tokens
    if not is_good(current):
        raise RetryLaterError("the access is being renewed elsewhere", reason="refresh_lock")
    return current


def _note_failure(context: SyncContext, state: RefreshState, error: ProviderError) -> None:
    asked = error.retry_after if isinstance(error, RetryLaterError) else None
    wait = refresh_backoff(state.failures, context.jitter(), asked)
    with context.store.begin() as uow:
        uow.connections.note_refresh_failure(
            state.connection.id, next_refresh_at=context.clock() + wait
        )
    log.warning(
        "refresh_failed",
        connection_id=str(state.connection.id),
        provider=state.connection.provider.value,
        reason=error.reason,
        failures=state.failures + 1,
        wait_seconds=wait.total_seconds(),
    )


@contextmanager
def _locked(redis: Redis, connection_id: UUID) -> Iterator[None]:
    """Hold the connection's lock.

    Raises:
        RetryLaterError: Somebody holds it for too long, or Redis cannot tell.
    """
    lock = redis.lock(
        f"calendar-manager:refresh:{connection_id}",
        timeout=LOCK_SECONDS,
        blocking_timeout=WAIT_SECONDS,
    )
    try:
        if not lock.acquire():
            raise RetryLaterError("the access is being renewed elsewhere", reason="refresh_lock")
    except RedisError as error:
        raise RetryLaterError("the access cannot be renewed now", reason="redis") from error
    try:
        yield
    finally:
        # A lock that was outlived is somebody else's by now; what was stored is stored all the
        # same.
        with suppress(LockError, RedisError):
            lock.release()


@contextmanager
def _attempt(redis: Redis, connection_id: UUID) -> Iterator[Callable[[], bool]]:
    """Leave a sign that a refresh is under way, which outlives the lock.

    Yields:
        Tells whether another one is; it stands for a while for one whose process was killed.

    Raises:
        RetryLaterError: Redis cannot be asked.
    """
    key, name = f"calendar-manager:refreshing:{connection_id}", uuid4().hex

    def find_others() -> bool:
        try:
            names = cast("Collection[bytes | str]", redis.zrange(key, 0, -1))
        except RedisError as error:
            raise RetryLaterError("the access cannot be renewed now", reason="redis") from error
        return any(other not in {name, name.encode()} for other in names)

    try:
        # Redis's own clock, which all workers share.
        now = cast("tuple[int, int]", redis.time())[0]
        pipeline = redis.pipeline()
        pipeline.zremrangebyscore(key, 0, now - ATTEMPT_SECONDS)
        pipeline.zadd(key, {name: now})
        pipeline.expire(key, ATTEMPT_SECONDS)
        pipeline.execute()
    except RedisError as error:
        raise RetryLaterError("the access cannot be renewed now", reason="redis") from error
    try:
        yield find_others
    finally:
        with suppress(RedisError):
            redis.zrem(key, name)
