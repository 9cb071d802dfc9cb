"""What Redis remembers of people, and letting go of it when they leave."""

from collections.abc import Iterable

import structlog
from redis import Redis
from redis.exceptions import RedisError

from calendar_manager.accounts.attempts import Attempts
from calendar_manager.domain.accounts import Connection
from calendar_manager.domain.users import User
from calendar_manager.sync.quota import PAUSES_KEY, account_name

log = structlog.get_logger(__name__)


class Traces:
    """Removes what would otherwise end by itself, some of it only after weeks.

    Cached busy time stays for a day at most. It lies under hashes, and says when somebody was
    busy without saying who.

    Args:
        redis: Where it is.
        attempts: What was counted of them.
    """

    def __init__(self, *, redis: Redis, attempts: Attempts) -> None:
        self._redis = redis
        self._attempts = attempts

    def remove(self, user: User, connections: Iterable[Connection]) -> None:
        """Remove what is remembered of somebody who left.

        Args:
            user: Who they were.
            connections: Accounts that nobody on this installation reads any more.
        """
        self._attempts.forget(user.id, user.email)
        self.remove_pauses(connections)

    def remove_pauses(self, connections: Iterable[Connection]) -> None:
        """Remove when providers asked for a pause.

        Args:
            connections: Accounts that nobody on this installation reads any more.
        """
        names = [account_name(connection) for connection in connections]
        if not names:
            return
        try:
            self._redis.zrem(PAUSES_KEY, *names)
        except RedisError as error:
            log.warning("traces_not_removed", error=str(error))
