"""Keeping access tokens alive, one refresh per connection at a time."""

from datetime import timedelta
from uuid import UUID

import structlog
from redis.exceptions import LockError, RedisError

from calendar_manager.domain.accounts import Connection, ConnectionStatus, Tokens
from calendar_manager.providers.errors import ConsentLostError, RetryLaterError
from calendar_manager.sync.context import SyncContext

log = structlog.get_logger(__name__)

ENDS_SOON = timedelta(minutes=1)
LOCK_SECONDS = 60
WAIT_SECONDS = 45


def fresh_tokens(
    context: SyncContext,
    connection_id: UUID,
    *,
    rejected: str | None = None,
    ahead: timedelta = ENDS_SOON,
) -> Tokens:
    """Return tokens that are good for a while, refreshing them if need be.

    Only one worker refreshes a connection; the others wait and use what it got. Rotated tokens
    are committed before anybody uses them. A refusal condemns the account only if nobody else
    has stored other tokens meanwhile.

    Args:
        context: The parts of the write path.
        connection_id: Which connection.
        rejected: An access token that the provider refused although it had not ended.
        ahead: How long the access token has to live at least.

    Raises:
        ConsentLostError: The person has to connect again; the connection says so by now.
        RetryLaterError: The provider, or the lock, cannot be had now.
    """
    connection, tokens = _load(context, connection_id)
    if _is_good(context, tokens, rejected, ahead):
        return tokens
    try:
        lock = context.redis.lock(
            f"calendar-manager:refresh:{connection_id}",
            timeout=LOCK_SECONDS,
            blocking_timeout=WAIT_SECONDS,
        )
        with lock:
            return _refresh(context, connection_id, rejected, ahead)
    except (LockError, RedisError) as error:
        raise RetryLaterError(
            f"the token of {connection.account} is being refreshed elsewhere",
            reason="refresh_lock",
        ) from error


def _refresh(
    context: SyncContext, connection_id: UUID, rejected: str | None, ahead: timedelta
) -> Tokens:
    connection, tokens = _load(context, connection_id)
    if _is_good(context, tokens, rejected, ahead):
        return tokens
    auth = context.registry.get(connection.provider).auth
    try:
        fresh = auth.refresh(tokens, now=context.clock())
    except ConsentLostError as error:
        _, current = _load(context, connection_id)
        if current.refresh_token != tokens.refresh_token:
            return current
        condemn(context, connection_id, error)
        raise
    with context.store.begin() as uow:
        uow.connections.save_tokens(connection_id, fresh)
    log.info("tokens_refreshed", connection_id=str(connection_id), provider=connection.provider)
    return fresh


def condemn(context: SyncContext, connection_id: UUID, error: ConsentLostError) -> None:
    """Note that only the person can bring a connection back."""
    with context.store.begin() as uow:
        uow.connections.mark_needs_reauth(connection_id, str(error))
    log.warning("consent_lost", connection_id=str(connection_id), reason=error.reason)


def _load(context: SyncContext, connection_id: UUID) -> tuple[Connection, Tokens]:
    with context.store.begin() as uow:
        loaded = uow.connections.load_tokens(connection_id)
    if loaded is None:
        raise ConsentLostError("The connection was removed.", reason="disconnected")
    connection, _ = loaded
    if connection.status is not ConnectionStatus.ACTIVE:
        raise ConsentLostError(
            connection.reason or "The account has to be connected again.", reason="needs_reauth"
        )
    return loaded


def lives_on(context: SyncContext, tokens: Tokens, ahead: timedelta = ENDS_SOON) -> bool:
    """Tell whether an access token lives at least so long."""
    return tokens.expires_at is None or tokens.expires_at > context.clock() + ahead


def _is_good(context: SyncContext, tokens: Tokens, rejected: str | None, ahead: timedelta) -> bool:
    return tokens.access_token != rejected and lives_on(context, tokens, ahead)
