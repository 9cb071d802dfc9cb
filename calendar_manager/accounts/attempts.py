"""How often somebody may try: to sign in, to register, to refresh, to read a feed.

Attempts are counted in Redis, over moving windows, by account and by address. Neither Redis nor
anybody who copies it learns who that was: the keys are HMACs.

A limit by account alone would be a way to keep its owner out: whoever fails often enough in their
name uses it up. So an address from which somebody has signed in before has an allowance of its
own for this account, which strangers elsewhere cannot use up. Who comes from a new address while
the account is under attack waits at most for the window; sessions that are open go on.

A Redis that is away lets everybody try, and the log tells. The alternative would be that nobody
can sign in while Redis is down, although everything else that a person looks at comes from
PostgreSQL. A guess still costs an argon2 computation, of which few run at once.
"""

import hashlib
import hmac
import ipaddress
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar, cast
from uuid import UUID

import structlog
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import Redis
from redis.exceptions import RedisError

from calendar_manager.accounts.errors import TooManyAttemptsError

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

PREFIX: Final = "calendar-manager:attempts"

SIGN_IN_ACCOUNT: Final = RateLimitItemPerMinute(10, 15, "sign-in-account")
"""Failed sign-ins to one account, from wherever."""
SIGN_IN_KNOWN: Final = RateLimitItemPerMinute(10, 15, "sign-in-known")
"""The same from one address that has signed in to it before."""
SIGN_IN_ADDRESS: Final = RateLimitItemPerMinute(50, 15, "sign-in-address")
"""Failed sign-ins from one address, to whichever accounts."""
PASSWORD: Final = RateLimitItemPerMinute(10, 15, "password")
"""Wrong current passwords of one user who is signed in and wants another one."""
REGISTER_ADDRESS: Final = RateLimitItemPerHour(20, 1, "register-address")
"""Registrations from one address."""
REGISTER_ACCOUNT: Final = RateLimitItemPerHour(10, 1, "register-account")
"""Registrations under one e-mail address."""
REFRESH_ADDRESS: Final = RateLimitItemPerMinute(600, 15, "refresh-address")
"""Refreshes from one address; behind it may be an office."""
REFRESH_ACCOUNT: Final = RateLimitItemPerMinute(120, 15, "refresh-account")
"""Refreshes of one user, on all of their devices."""
FEED: Final = RateLimitItemPerMinute(60, 1, "feed")
"""Reads of one feed from one address."""
FEED_ADDRESS: Final = RateLimitItemPerMinute(60, 1, "feed-address")
"""Reads of feeds that do not exist, from one address."""

_KNOWN_FOR: Final = timedelta(days=60)
_KNOWN_AT_MOST: Final = 20
_REDIS_AWAY: Final = timedelta(seconds=30)
_IPV6_SITE_BITS: Final = 64


class Attempts:
    """Counts attempts and refuses those that are too many.

    Every method that counts takes the caller's network address, or None where it is not known;
    then only the limit by account holds.

    Args:
        redis: Where attempts are counted.
        secret: The installation's secret; the key of the names is derived from it.
        clock: Tells the time.
    """

    def __init__(self, *, redis: Redis, secret: str, clock: Callable[[], datetime]) -> None:
        self._redis = redis
        self._key = hmac.digest(secret.encode(), b"calendar-manager attempts", hashlib.sha256)
        self._clock = clock
        self._limiter = MovingWindowRateLimiter(
            RedisStorage("redis://", connection_pool=redis.connection_pool, key_prefix=PREFIX)
        )
        self._away_at: datetime | None = None

    def begin_sign_in(self, email: str, address: str | None) -> "SignInAttempt":
        """Count an attempt to sign in; its outcome is to be told to what is returned.

        It counts against the account before the password is looked at, so that many at once
        are no way around the limit, and against the address once it has failed.

        Raises:
            TooManyAttemptsError: There were too many, to this account or from this address.
        """
        account, place = self._name("account", email.lower()), self._place(address)
        if place is not None and not self._ask(
            lambda: self._limiter.test(SIGN_IN_ADDRESS, place), otherwise=True
        ):
            raise self._refuse(SIGN_IN_ADDRESS, place)
        limit: RateLimitItem = SIGN_IN_ACCOUNT
        names = [account]
        if place is not None and self._knows(account, place):
            limit, names = SIGN_IN_KNOWN, [account, place]
        self._take(limit, *names)
        return SignInAttempt(
            _succeeded=lambda: self._note_success(limit, names, account, place),
            _failed=lambda: self._note_failure(place),
        )

    def count_registration(self, email: str, address: str | None) -> None:
        """Count a registration.

        Raises:
            TooManyAttemptsError: There were too many from this address, or under this e-mail
                address.
        """
        self._take_place(REGISTER_ADDRESS, address)
        self._take(REGISTER_ACCOUNT, self._name("account", email.lower()))

    def count_refresh(self, address: str | None) -> None:
        """Count a refresh of whoever it is.

        Raises:
            TooManyAttemptsError: There were too many from this address.
        """
        self._take_place(REFRESH_ADDRESS, address)

    def count_refresh_of(self, user_id: UUID) -> None:
        """Count a refresh with a genuine token.

        Raises:
            TooManyAttemptsError: There were too many of this user.
        """
        self._take(REFRESH_ACCOUNT, self._user(user_id))

    def count_password(self, user_id: UUID) -> Callable[[], None]:
        """Count an attempt to give the current password; returns what to call if it was right.

        Raises:
            TooManyAttemptsError: There were too many of this user.
        """
        name = self._user(user_id)
        self._take(PASSWORD, name)
        return lambda: self._clear(PASSWORD, name)

    def count_feed(self, token: str, address: str | None) -> None:
        """Count a read of a feed.

        Raises:
            TooManyAttemptsError: There were too many of this feed from this address.
        """
        feed = self._name("feed", token)
        self._take(FEED, feed, self._place(address) or "")

    def count_missing_feed(self, address: str | None) -> None:
        """Count a read of a feed that does not exist.

        Raises:
            TooManyAttemptsError: There were too many from this address.
        """
        self._take_place(FEED_ADDRESS, address)

    def forget(self, user_id: UUID, email: str) -> None:
        """Let go of what was counted for somebody, and of where they signed in from."""
        account, user = self._name("account", email.lower()), self._user(user_id)
        nobody: list[bytes] = []
        known = self._ask(
            lambda: cast("list[bytes]", self._redis.zrange(_known(account), 0, -1)),
            otherwise=nobody,
        )
        for member in known:
            self._clear(SIGN_IN_KNOWN, account, _text(member))
        for limit in (SIGN_IN_ACCOUNT, REGISTER_ACCOUNT):
            self._clear(limit, account)
        for limit in (REFRESH_ACCOUNT, PASSWORD):
            self._clear(limit, user)
        self._ask(lambda: cast("int", self._redis.delete(_known(account))), otherwise=0)

    def _note_success(
        self, limit: RateLimitItem, names: Sequence[str], account: str, place: str | None
    ) -> None:
        self._clear(limit, *names)
        if place is None:
            return
        key, now = _known(account), self._clock().timestamp()

        def note() -> None:
            with self._redis.pipeline() as pipe:
                pipe.zadd(key, {place: now})
                pipe.zremrangebyrank(key, 0, -1 - _KNOWN_AT_MOST)
                pipe.expire(key, _KNOWN_FOR)
                pipe.execute()

        self._ask(note, otherwise=None)

    def _note_failure(self, place: str | None) -> None:
        if place is not None:
            self._ask(lambda: self._limiter.hit(SIGN_IN_ADDRESS, place), otherwise=True)

    def _knows(self, account: str, place: str) -> bool:
        since = (self._clock() - _KNOWN_FOR).timestamp()
        score = self._ask(lambda: self._redis.zscore(_known(account), place), otherwise=None)
        return isinstance(score, float) and score > since

    def _take_place(self, limit: RateLimitItem, address: str | None) -> None:
        place = self._place(address)
        if place is not None:
            self._take(limit, place)

    def _take(self, limit: RateLimitItem, *names: str) -> None:
        if not self._ask(lambda: self._limiter.hit(limit, *names), otherwise=True):
            raise self._refuse(limit, *names)

    def _refuse(self, limit: RateLimitItem, *names: str) -> TooManyAttemptsError:
        """Return the refusal that says when the oldest attempt leaves the window."""
        seconds = self._ask(
            lambda: self._limiter.get_window_stats(limit, *names).reset_time, otherwise=0.0
        )
        log.warning("attempt_refused", limit=limit.namespace)
        # The window is measured by the system's clock, which is what limits reads.
        wait = min(max(math.ceil(seconds - time.time()), 1), limit.get_expiry())
        return TooManyAttemptsError(timedelta(seconds=wait))

    def _clear(self, limit: RateLimitItem, *names: str) -> None:
        self._ask(lambda: self._limiter.clear(limit, *names), otherwise=None)

    def _ask(self, question: Callable[[], Answer], *, otherwise: Answer) -> Answer:
        now = self._clock()
        if self._away_at is not None and abs(now - self._away_at) < _REDIS_AWAY:
            return otherwise
        try:
            return question()
        except RedisError as error:
            # Asking again at once would let everybody wait for Redis each time.
            self._away_at = now
            log.warning("attempts_not_counted", error=str(error))
            return otherwise

    def _user(self, user_id: UUID) -> str:
        return self._name("user", str(user_id))

    def _place(self, address: str | None) -> str | None:
        network = None if address is None else find_network(address)
        return None if network is None else self._name("address", network)

    def _name(self, kind: str, value: str) -> str:
        text = f"{kind} {value}".encode(errors="replace")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """An attempt whose outcome is not known yet."""

    _succeeded: Callable[[], None]
    _failed: Callable[[], None]

    def succeeded(self) -> None:
        """Let the account begin anew, and remember the address as one of its owner's."""
        self._succeeded()

    def failed(self) -> None:
        """Count it against the address as well."""
        self._failed()


def find_network(address: str) -> str | None:
    """Return what counts as one address: an IPv4 address, or the /64 network of an IPv6 address.

    A single IPv6 customer has 2^64 addresses to come from (RFC 6177), so counting each of them
    would be counting nothing. What is no address at all is nobody's.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    site = int(found) >> _IPV6_SITE_BITS << _IPV6_SITE_BITS
    return f"{ipaddress.IPv6Address(site)}/{_IPV6_SITE_BITS}"


def _known(account: str) -> str:
    return f"{PREFIX}:known:{account}"


def _text(member: bytes | str) -> str:
    return member.decode() if isinstance(member, bytes) else member
