"""Seats: how often one account may be open at once, counted over all workers."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from redis.exceptions import LockError, RedisError

from calendar_manager.domain.accounts import Connection
from calendar_manager.providers.errors import RetryLaterError
from calendar_manager.sync.context import SyncContext

SEAT_SECONDS = 600
"""A seat that a killed worker left empty is free again after so long. A read that takes longer
risks a refusal by the provider, which is obeyed as any other."""

COME_BACK = timedelta(seconds=10)


@contextmanager
def seat(context: SyncContext, connection: Connection, seats: int | None) -> Iterator[None]:
    """Hold one of an account's seats.

    Args:
        context: The parts of the write path.
        connection: The account; everybody who connected the same one shares its seats.
        seats: How many there are; None for any number.

    Raises:
        RetryLaterError: All are taken, or Redis cannot tell.
    """
    if seats is None:
        yield
        return
    account = f"{connection.provider.value}:{connection.provider_account_id}"
    try:
        for number in range(seats):
            lock = context.redis.lock(
                f"calendar-manager:seat:{account}:{number}", timeout=SEAT_SECONDS
            )
            if lock.acquire(blocking=False):
                break
        else:
            raise RetryLaterError(
                f"{connection.account} is being read by others",
                reason="account_busy",
                retry_after=COME_BACK,
            )
    except RedisError as error:
        raise RetryLaterError("the seats cannot be counted", reason="redis") from error
    try:
        yield
    finally:
        # A seat that was held too long is somebody else's by now.
        with suppress(LockError, RedisError):
            lock.release()
