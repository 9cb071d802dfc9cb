"""Seats: how often one account may be open at once, counted over all workers."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from redis.exceptions import LockError, LockNotOwnedError, RedisError

from calendar_manager.domain.accounts import Connection
from calendar_manager.providers.base import Gate, always_open
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.quota import HeldBackError, account_name

SEAT_SECONDS = 120
"""A seat that a killed worker left empty is free again after so long."""

RENEW_EVERY = timedelta(seconds=30)

COME_BACK = timedelta(seconds=10)


@contextmanager
def seat(context: SyncContext, connection: Connection, seats: int | None) -> Iterator[Gate]:
    """Hold one of an account's seats.

    Args:
        context: The parts of the write path.
        connection: The account; everybody who connected the same one shares its seats.
        seats: How many there are; None for any number.

    Yields:
        What has to be passed before each request, so that the seat is kept. It raises
        ``RetryLaterError`` when the seat was lost in a long silence and all are taken by now.

    Raises:
        RetryLaterError: All are taken, or Redis cannot tell.
    """
    if seats is None:
        yield always_open
        return
    held = _Seat(context, connection, seats)
    try:
        held.take()
    except RedisError as error:
        raise HeldBackError("the seats cannot be counted", reason="redis") from error
    try:
        yield held.keep
    finally:
        held.leave()


class _Seat:
    def __init__(self, context: SyncContext, connection: Connection, seats: int) -> None:
        self._context = context
        self._connection = connection
        self._locks = [
            context.redis.lock(
                f"calendar-manager:seat:{account_name(connection)}:{number}", timeout=SEAT_SECONDS
            )
            for number in range(seats)
        ]
        self._lock = self._locks[0]
        self._kept_at = context.clock()

    def take(self) -> None:
        """Take the first seat that is free.

        Raises:
            RetryLaterError: None is.
        """
        for lock in self._locks:
            if lock.acquire(blocking=False):
                self._lock = lock
                return
        raise HeldBackError(
            f"{self._connection.account} is being read by others",
            reason="account_busy",
            retry_after=COME_BACK,
        )

    def keep(self) -> None:
        """Renew the hold on the seat if that was not done lately; take another if it was lost.

        Raises:
            RetryLaterError: It was lost, and none is free.
        """
        now = self._context.clock()
        if abs(now - self._kept_at) < RENEW_EVERY:
            return
        self._kept_at = now
        try:
            self._lock.reacquire()
        except LockNotOwnedError:
            self.take()
        except RedisError:
            # What is under way is gone on with; the next turn finds out whose the seat is.
            return

    def leave(self) -> None:
        # A seat that was lost is somebody else's by now.
        with suppress(LockError, RedisError):
            self._lock.release()
